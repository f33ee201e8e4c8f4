"""Tables of numbers: emissions broken down, actor by actor, by data quality."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from footprint.model import Assessment, Basis, Contribution, Role, Tier
from footprint.reporting.numbers import NOT_KNOWN, Scale, clean, percent, plural, share_of
from footprint.reporting.shapes import Cell, Column, Scenario, Table
from footprint.reporting.wording import TIER_NAMES, capitalise

ACTORS_SHOWN = 50
NO_ZONE = "no zone"


@dataclass(frozen=True, slots=True)
class Breakdown:
    """Emissions [g] of each scenario by one key; `keys` give the order of the rows."""

    keys: tuple[str, ...]
    sums: tuple[dict[str, float], ...]
    totals: tuple[float, ...]
    scale: Scale

    def share(self, scenario: int, key: str) -> float:
        """Share of a scenario's total that arises under `key`."""
        return share_of(self.sums[scenario].get(key, 0.0), self.totals[scenario])

    def top(self, scenario: int) -> list[str]:
        """Keys of a scenario that hold emissions, largest first."""
        sums = self.sums[scenario]
        return sorted((k for k in self.keys if sums.get(k, 0.0) > 0), key=lambda k: -sums[k])


def relative_width(assessment: Assessment) -> float:
    """Width of the total's interval over the total.

    Parts of a total have no interval of their own in a result; they are written
    with as many digits as the total supports.
    """
    total = assessment.total_g
    return total.width / abs(total.value) if total.value else 0.0


def break_down(
    scenarios: Sequence[Scenario],
    key: Callable[[Contribution], str],
    order: Sequence[str] = (),
) -> Breakdown:
    """Sum emissions by a key.

    Parameters
    ----------
    scenarios : sequence of Scenario
    key : callable
        Name of the group that a contribution belongs to.
    order : sequence of str, optional
        Order of the groups; others follow, largest first.
    """
    sums = []
    for scenario in scenarios:
        groups: dict[str, float] = defaultdict(float)
        for contribution in scenario.assessment.contributions:
            groups[key(contribution)] += contribution.emissions_g.value
        sums.append(dict(groups))
    found = {name for groups in sums for name in groups}
    rest = sorted(found.difference(order), key=lambda k: (-max(g.get(k, 0.0) for g in sums), k))
    totals = tuple(scenario.assessment.total_g.value for scenario in scenarios)
    scale = Scale.of("emissions", [*totals, *(v for g in sums for v in g.values())])
    return Breakdown(
        (*(name for name in order if name in found), *rest), tuple(sums), totals, scale
    )


def scenario_columns(scenarios: Sequence[Scenario], unit: str) -> tuple[Column, ...]:
    """Head an emissions column and a share column for each scenario."""
    columns = []
    for scenario in scenarios:
        prefix = f"{capitalise(scenario.role)}: " if scenario.role else ""
        columns.append(Column(capitalise(f"{prefix}emissions"), unit, numeric=True))
        columns.append(Column("Share", numeric=True))
    return tuple(columns)


def breakdown_table(
    caption: str,
    heading: str,
    scenarios: Sequence[Scenario],
    parts: Breakdown,
    names: Callable[[str], tuple[str, ...]],
) -> Table:
    """Write a breakdown as a table with a total.

    Parameters
    ----------
    names : callable
        Text of a row's heading and of the smaller lines beneath it.
    """
    rows = []
    for key in parts.keys:
        title, *sub = names(key)
        rows.append((Cell(title, tuple(sub)), *_amounts(scenarios, parts, key)))
    foot = [Cell("Total")]
    for scenario in scenarios:
        total = scenario.assessment.total_g
        foot.append(
            Cell(parts.scale.text(total.value, scenario.width_g), _range(parts.scale, scenario))
        )
        foot.append(Cell(percent(share_of(total.value, total.value))))
    columns = (Column(heading), *scenario_columns(scenarios, parts.scale.unit))
    return Table(caption, columns, tuple(rows), tuple(foot))


def _range(scale: Scale, scenario: Scenario) -> tuple[str, ...]:
    ends = scale.range(scenario.assessment.total_g)
    return (ends,) if ends else ()


def _amounts(scenarios: Sequence[Scenario], parts: Breakdown, key: str) -> list[Cell]:
    cells = []
    for index, scenario in enumerate(scenarios):
        value = parts.sums[index].get(key, 0.0)
        width = value * relative_width(scenario.assessment)
        share = parts.share(index, key)
        cells.append(Cell(parts.scale.text(value, width)))
        cells.append(Cell(percent(share), share=_fraction(share)))
    return cells


def zone_of(contribution: Contribution) -> str:
    """Name the grid zone of a contribution."""
    return clean(contribution.zone) if contribution.zone else NO_ZONE


def quality_tables(scenarios: Sequence[Scenario]) -> tuple[Table, ...]:
    """Say how good the numbers are: emissions by basis and by tier."""
    bases = break_down(scenarios, lambda c: c.basis.value, [basis.value for basis in Basis])
    tiers = break_down(
        scenarios, lambda c: c.tier.value if c.tier else "none", [tier.value for tier in Tier]
    )
    return (
        breakdown_table(
            "Emissions by how their activity (energy, data, time) is known",
            "Basis",
            scenarios,
            bases,
            _basis_name,
        ),
        breakdown_table(
            "Emissions by tier of the energy figure", "Tier", scenarios, tiers, _tier_name
        ),
    )


def _basis_name(key: str) -> tuple[str, ...]:
    # Else it contradicts the tiles, which say how much comes from metered energy.
    if key == Basis.MEASURED:
        return (key, "energy, bytes, or time (as of devices that were reserved)")
    return (key,)


def _tier_name(key: str) -> tuple[str, ...]:
    if key == "none":
        return "none", "not from an energy figure"
    return key, TIER_NAMES[Tier(key)]


@dataclass(slots=True)
class _Actor:
    role: Role
    emissions_g: float = 0.0
    energy_kwh: float | None = None
    # Dictionaries as sets that keep the order of arrival.
    zones: dict[str, None] = field(default_factory=dict)
    devices: dict[str, None] = field(default_factory=dict)


def actor_table(scenario: Scenario) -> Table:
    """List who emits how much; the largest first, the rest as one line."""
    assessment = scenario.assessment
    actors = _collect_actors(assessment)
    ranked = sorted(actors.items(), key=lambda item: (-item[1].emissions_g, item[0]))
    scale = Scale.of("emissions", [actor.emissions_g for _, actor in ranked])
    energy = Scale.of("energy", [actor.energy_kwh or 0.0 for _, actor in ranked])
    total, relative = assessment.total_g.value, relative_width(assessment)
    rows = [
        (
            Cell(clean(name)),
            Cell(actor.role.value, tuple(actor.devices)),
            Cell(", ".join(actor.zones) or NO_ZONE),
            Cell(scale.text(actor.emissions_g, actor.emissions_g * relative)),
            Cell(
                percent(share_of(actor.emissions_g, total)),
                share=_fraction(share_of(actor.emissions_g, total)),
            ),
            Cell(NOT_KNOWN if actor.energy_kwh is None else energy.text(actor.energy_kwh)),
        )
        for name, actor in ranked[:ACTORS_SHOWN]
    ]
    columns = (
        Column("Actor"),
        Column("Role"),
        Column("Zone"),
        Column("Emissions", scale.unit, numeric=True),
        Column("Share", numeric=True),
        Column("Energy", energy.unit, numeric=True),
    )
    whose = f" of the {scenario.role}" if scenario.role else ""
    caption = f"{plural(len(ranked), 'actor')}{whose}, largest emissions first"
    return Table(caption, columns, tuple(rows), note=_rest(ranked, scale, total, relative))


def _fraction(share: float) -> float | None:
    """Length of the bar behind a share; none where there is nothing to draw."""
    return min(share, 1.0) if share > 0 else None


def _collect_actors(assessment: Assessment) -> dict[str, _Actor]:
    actors: dict[str, _Actor] = {}
    for contribution in assessment.contributions:
        actor = actors.setdefault(contribution.actor, _Actor(contribution.role))
        actor.emissions_g += contribution.emissions_g.value
        if contribution.energy_kwh is not None:
            actor.energy_kwh = (actor.energy_kwh or 0.0) + contribution.energy_kwh
        if contribution.zone:
            actor.zones[clean(contribution.zone)] = None
        if contribution.device:
            actor.devices[clean(contribution.device)] = None
    return actors


def _rest(ranked: list[tuple[str, _Actor]], scale: Scale, total: float, relative: float) -> str:
    hidden = ranked[ACTORS_SHOWN:]
    if not hidden:
        return ""
    value = sum(actor.emissions_g for _, actor in hidden)
    amount = f"{scale.text(value, value * relative)} {scale.unit}"
    share = percent(share_of(value, total))
    return f"{plural(len(hidden), 'more actor')}, together {amount} ({share} of the total)."
