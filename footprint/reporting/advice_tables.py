"""Tables of the decisions of a plan: options, turning points, and lines of the estimates."""

from __future__ import annotations

from collections.abc import Sequence

from footprint.model import Advice, AdvicePlan, Contribution, Option
from footprint.reporting.advice_words import (
    cost_cell,
    robustness,
    say_change,
    say_horizon,
    say_money,
    say_part,
    under,
    why_unknown,
)
from footprint.reporting.line_tables import line_cells, line_columns
from footprint.reporting.numbers import (
    NOT_KNOWN,
    Scale,
    clean,
    exact,
    percent,
    plural,
    pretty_unit,
)
from footprint.reporting.shapes import Cell, Column, Table
from footprint.reporting.wording import capitalise

_LINES_SHOWN = 12
"""Of one option."""


def decision_table(plan: AdvicePlan, ranked: Sequence[Advice]) -> Table:
    """List all decisions, the largest saving first."""
    emissions = Scale.of("emissions", [one.saving_g.value for one in ranked])
    energy = Scale.of("energy", [one.saving_kwh or 0.0 for one in ranked])
    currencies = sorted({one.currency for one in ranked if one.currency is not None})
    rows = tuple(
        _decision_row(plan, place, advice, emissions, energy, currencies)
        for place, advice in enumerate(ranked, start=1)
    )
    columns = (
        Column("Decision"),
        # Beside its name: of a narrow page that is all there is room for.
        Column("Saving", emissions.unit, numeric=True),
        Column("From, to"),
        Column("Kind"),
        Column("Energy", energy.unit, numeric=True),
        *(Column("Money", currency, numeric=True) for currency in currencies),
        Column("Robust to factors", numeric=True),
    )
    note = (
        f"Over {say_horizon(plan.horizon_s)}, each decision alone and against what is done today; "
        "below 0 if it emits more. Robust to the factors: the share of their draws in which no "
        "other possible option is better (our rule). It holds nothing of what is not drawn, such "
        "as a drift, a forecast, or rows outside of a sample."
    )
    if any(one.part_of for one in ranked):
        note += (
            " What is part of another decision stands below it: it is within what that one saves, "
            "or can only be had with it, and is not added."
        )
    return Table("Decisions, largest saving first", columns, rows, note=note)


def _decision_row(
    plan: AdvicePlan,
    place: int,
    advice: Advice,
    emissions: Scale,
    energy: Scale,
    currencies: Sequence[str],
) -> tuple[Cell, ...]:
    saving, kwh, cost = advice.saving_g, advice.saving_kwh, advice.saving_cost
    share = robustness(plan, advice)
    part = say_part(plan, advice)
    return (
        Cell(f"{place}. {clean(advice.subject)}", under(part), href=f"#decision-{place}"),
        Cell(emissions.text(saving.value, saving.width), under(emissions.range(saving))),
        Cell(say_change(advice), ("cannot be undone",) if advice.irreversible else ()),
        Cell(capitalise(advice.kind.value)),
        Cell(NOT_KNOWN if kwh is None else energy.text(kwh)),
        *(cost_cell(cost if advice.currency == one else None) for one in currencies),
        Cell(
            NOT_KNOWN if share is None else percent(share),
            under(why_unknown(plan, advice)),
            share=share,
        ),
    )


def decision_tables(advice: Advice) -> tuple[Table, ...]:
    """Options of a decision, and where the choice turns."""
    options = _option_table(advice)
    return (options, _turning_table(advice)) if advice.turning_points else (options,)


def _option_table(advice: Advice) -> Table:
    options = sorted(advice.options, key=lambda one: (bool(one.barrier), one.net_g))
    totals = [one.assessment.total_g.value for one in options]
    emissions = Scale.of("emissions", [*totals, *(one.worth_g or 0.0 for one in options)])
    energy = Scale.of("energy", [one.assessment.energy_kwh or 0.0 for one in options])
    worthy = any(one.gain is not None or one.worth_g is not None for one in options)
    billed = any(one.assessment.bill is not None for one in options)
    rows = tuple(
        (
            Cell(clean(one.name), _marks(advice, one)),
            *_cost_cells(one, emissions, energy, billed=billed),
            *(_worth_cells(one, emissions) if worthy else ()),
        )
        for one in options
    )
    columns = (
        Column("Option"),
        Column("Emissions", emissions.unit, numeric=True),
        Column("Energy", energy.unit, numeric=True),
        *([Column("Cost", numeric=True)] if billed else []),
        *([Column("Brings", "points", numeric=True)] if worthy else []),
        *([Column("May cost", emissions.unit, numeric=True)] if worthy else []),
        *([Column("Net", emissions.unit, numeric=True)] if worthy else []),
    )
    note = "Chosen is the least of the possible ones"
    note += ", net of what its gain may cost (our rule)." if worthy else " (our rule)."
    return Table("Options, the least first", columns, rows, note=note)


def _cost_cells(
    option: Option, emissions: Scale, energy: Scale, *, billed: bool
) -> tuple[Cell, ...]:
    found = option.assessment
    total, bill, kwh = found.total_g, found.bill, found.energy_kwh
    if not found.contributions:
        kwh = 0.0  # doing nothing uses none
    cells = (
        Cell(emissions.text(total.value, total.width), under(emissions.range(total))),
        Cell(NOT_KNOWN if kwh is None else energy.text(kwh)),
    )
    if not billed:
        return cells
    return (*cells, Cell(NOT_KNOWN if bill is None else say_money(bill.total, bill.currency)))


def _worth_cells(option: Option, emissions: Scale) -> tuple[Cell, ...]:
    gain, worth_g = option.gain, option.worth_g
    return (
        Cell(NOT_KNOWN if gain is None else exact(gain)),
        Cell(NOT_KNOWN if worth_g is None else emissions.text(worth_g)),
        Cell(emissions.text(option.net_g)),
    )


def _marks(advice: Advice, option: Option) -> tuple[str, ...]:
    marks = []
    if option.name == advice.recommended:
        marks.append("recommended")
    if option.name == advice.current:
        marks.append("as today")
    if option.barrier:
        marks.append(f"not possible: {clean(option.barrier)}")
    return tuple(marks)


def _turning_table(advice: Advice) -> Table:
    rows = tuple(
        (
            Cell(clean(one.quantity), _unit(one.unit)),
            Cell(NOT_KNOWN if one.present is None else exact(one.present)),
            Cell(exact(one.value)),
            Cell(clean(one.option)),
        )
        for one in advice.turning_points
    )
    columns = (
        Column("Quantity"),
        Column("Today", numeric=True),
        Column("Turns at", numeric=True),
        Column("Better beyond it"),
    )
    return Table("Where the choice turns, all else as it is", columns, rows)


def _unit(unit: str) -> tuple[str, ...]:
    return () if unit == "1" else (pretty_unit(clean(unit)),)


def decision_lines(advice: Advice) -> Table:
    """Lines of the estimates of all options of a decision."""
    found = [(option, part) for option in advice.options for part in _largest(option)]
    scale = Scale.of("emissions", [part.emissions_g.value for _, part in found])
    terms = [{term.id: term for term in one.assessment.terms} for one, _ in found]
    rows = [
        (Cell(clean(one.name)), *line_cells(part, known, scale))
        for (one, part), known in zip(found, terms, strict=True)
    ]
    idle = [clean(one.name) for one in advice.options if not one.assessment.contributions]
    hidden = sum(max(0, len(o.assessment.contributions) - _LINES_SHOWN) for o in advice.options)
    notes = []
    if idle:
        notes.append(f"Without a line, as nothing is done: {', '.join(idle)}.")
    if hidden:
        notes.append(f"{plural(hidden, 'smaller line')} in the JSON below.")
    columns = (Column("Option"), *line_columns(scale))
    return Table("Lines of the estimates", columns, tuple(rows), note=" ".join(notes))


def _largest(option: Option) -> list[Contribution]:
    parts = option.assessment.contributions
    return sorted(parts, key=lambda part: -part.emissions_g.value)[:_LINES_SHOWN]
