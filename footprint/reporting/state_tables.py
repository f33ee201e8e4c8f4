"""Tables of the state of a company: silos, datasets and applications."""

from __future__ import annotations

import math
from collections.abc import Sequence

from footprint.model import AdvicePlan, AssetKind, CompanyState, StateLine
from footprint.reporting.advice_words import cost_cell, say_day, say_horizon, under
from footprint.reporting.line_tables import line_cells, line_columns
from footprint.reporting.numbers import NOT_KNOWN, Scale, clean, exact, number, plural
from footprint.reporting.shapes import Cell, Column, Table
from footprint.units import S_PER_DAY

_STATE_SHOWN = 100


def state_table(state: CompanyState, plan: AdvicePlan) -> Table:
    """List datasets and applications, those that emit most first."""
    ranked = sorted(state.lines, key=lambda one: (-_known_g(one), one.silo, one.kind, one.name))
    shown = ranked[:_STATE_SHOWN]
    emissions = Scale.of("emissions", [_known_g(one) for one in shown])
    energy = Scale.of("energy", [one.energy_kwh or 0.0 for one in shown])
    size = Scale.of("data", [one.size_gb or 0.0 for one in shown])
    rows = tuple(
        (
            Cell(clean(one.name), _about(one)),
            Cell(clean(one.silo), (clean(one.zone),)),
            Cell(clean(one.medium) if one.medium else NOT_KNOWN, _kept(one)),
            Cell(NOT_KNOWN if one.size_gb is None else size.text(one.size_gb), _counted(one)),
            Cell(*_last(one, plan.made_s)),
            *_costs(one, state, emissions, energy),
        )
        for one in shown
    )
    columns = (
        Column("Dataset or application"),
        Column("Silo"),
        Column("Lies on"),
        Column("Size", size.unit, numeric=True),
        Column("Last use", numeric=True),
        Column("Emissions", emissions.unit, numeric=True),
        Column("Energy", energy.unit, numeric=True),
        *([] if state.currency is None else [Column("Cost", state.currency, numeric=True)]),
    )
    hidden = len(ranked) - len(shown)
    note = f"Of {say_horizon(plan.horizon_s)}; days by UTC; {NOT_KNOWN} is what nobody said."
    if hidden:
        note += f" {plural(hidden, 'more line')} in the JSON below."
    return Table("What lies where, largest emissions first", columns, rows, note=note)


def state_lines_table(state: CompanyState) -> Table:
    """List the lines of the estimates of what lies where, the largest first."""
    found = [(line, part) for line in state.lines for part in line.contributions]
    found.sort(key=lambda pair: -pair[1].emissions_g.value)
    shown = found[:_STATE_SHOWN]
    terms = {term.id: term for term in state.terms}
    scale = Scale.of("emissions", [part.emissions_g.value for _, part in shown])
    rows = tuple((Cell(clean(line.name)), *line_cells(part, terms, scale)) for line, part in shown)
    columns = (Column("Dataset or application"), *line_columns(scale))
    hidden = len(found) - len(shown)
    note = f"{plural(hidden, 'smaller line')} in the JSON below." if hidden else ""
    return Table("Lines of the estimates", columns, rows, note=note)


def _known_g(line: StateLine) -> float:
    return -1.0 if line.emissions_g is None else line.emissions_g.value


def _about(line: StateLine) -> tuple[str, ...]:
    about = [line.kind.value]
    if line.owner:
        about.append(f"owner: {clean(line.owner)}")
    if line.legal:
        about.append(clean(line.legal))
    return tuple(about)


def _kept(line: StateLine) -> tuple[str, ...]:
    if line.retention_days is None:
        return ()
    if line.written_s is None:
        return (f"kept for {exact(line.retention_days)} d",)
    return (f"kept until {say_day(line.written_s + line.retention_days * S_PER_DAY)}",)


def _counted(line: StateLine) -> tuple[str, ...]:
    if line.rows is not None:
        return (plural(line.rows, "row"),)
    return () if line.calls is None else (plural(round(line.calls), "call"),)


def _last(line: StateLine, now_s: float) -> tuple[str, tuple[str, ...]]:
    written = () if line.written_s is None else (f"written {say_day(line.written_s)}",)
    if line.used_s is None:
        return NOT_KNOWN, written
    days = (now_s - line.used_s) / S_PER_DAY
    ago = (f"{plural(int(days), 'day')} ago",) if days >= 1 else ()
    word = "read" if line.kind is AssetKind.DATASET else "used"
    return f"{word} {say_day(line.used_s)}", (*ago, *written)


def _costs(
    line: StateLine, state: CompanyState, emissions: Scale, energy: Scale
) -> tuple[Cell, ...]:
    found = line.emissions_g
    cells = (
        Cell(NOT_KNOWN)
        if found is None
        else Cell(emissions.text(found.value, found.width), under(emissions.range(found))),
        Cell(NOT_KNOWN if line.energy_kwh is None else energy.text(line.energy_kwh)),
    )
    if state.currency is None:
        return cells
    return (*cells, cost_cell(line.cost))


def silo_table(state: CompanyState, silos: Sequence[tuple[str, Sequence[StateLine]]]) -> Table:
    """Add up what each silo holds, and what that costs."""
    emissions = Scale.of("emissions", [sum_g(lines) for _, lines in silos])
    energies = [math.fsum(one.energy_kwh or 0.0 for one in lines) for _, lines in silos]
    costs = [math.fsum(one.cost.value for one in lines if one.cost) for _, lines in silos]
    energy = Scale.of("energy", energies)
    size = Scale.of("data", [sum_gb(lines) for _, lines in silos])
    billed = state.currency is not None
    rows = tuple(
        (
            Cell(clean(name)),
            Cell(str(sum(one.kind is AssetKind.DATASET for one in lines))),
            Cell(size.text(sum_gb(lines))),
            Cell(str(sum(one.kind is AssetKind.APPLICATION for one in lines))),
            *(
                Cell(text if is_known(lines) else NOT_KNOWN)
                for text in (
                    emissions.text(sum_g(lines)),
                    energy.text(kwh),
                    *([number(cost)] if billed else []),
                )
            ),
        )
        for (name, lines), kwh, cost in zip(silos, energies, costs, strict=True)
    )
    whole = [one for _, lines in silos for one in lines]
    total = state.emissions_g
    foot = (
        Cell("All"),
        Cell(str(sum(one.kind is AssetKind.DATASET for one in whole))),
        Cell(size.text(sum_gb(whole))),
        Cell(str(sum(one.kind is AssetKind.APPLICATION for one in whole))),
        Cell(
            emissions.text(total.value, total.width),
            (emissions.range(total),) if total.width else (),
        ),
        Cell(energy.text(math.fsum(energies))),
        *([Cell(number(math.fsum(costs)))] if billed else []),
    )
    columns = (
        Column("Silo"),
        Column("Datasets", numeric=True),
        Column("Size", size.unit, numeric=True),
        Column("Applications", numeric=True),
        Column("Emissions", emissions.unit, numeric=True),
        Column("Energy", energy.unit, numeric=True),
        *([Column("Cost", state.currency or "", numeric=True)] if billed else []),
    )
    note = "What has no estimate is not in the sums; the findings name it."
    return Table("Silos, largest emissions first", columns, rows, foot, note)


def sum_g(lines: Sequence[StateLine], key: str = "") -> float:
    """Emissions of lines, or of one category of them [gCO2e]."""
    return math.fsum(
        part.emissions_g.value
        for line in lines
        for part in line.contributions
        if not key or part.category == key
    )


def sum_gb(lines: Sequence[StateLine]) -> float:
    """Size of datasets [GB]."""
    return math.fsum(line.size_gb or 0.0 for line in lines)


def is_known(lines: Sequence[StateLine]) -> bool:
    """Whether any of these lines has an estimate, or there is nothing to estimate."""
    return not lines or any(line.emissions_g is not None for line in lines)
