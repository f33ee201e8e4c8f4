"""The rounds of a training, kept apart: what each of them emitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from footprint.model import Contribution
from footprint.reporting.numbers import NBSP, Scale, percent, plural
from footprint.reporting.shapes import Figure, LegendItem, Line, LineChart, Scenario
from footprint.reporting.tables import Breakdown, break_down, breakdown_table, relative_width
from footprint.reporting.wording import capitalise

ROUNDS_SHOWN = 100
NO_ROUND = "none"

_LINES = {"": "line-2", "baseline": "line-7", "candidate": "line-2"}
"""Keys of the lines of each role: a colour and a dash that read on white and on black."""


def round_figure(scenarios: Sequence[Scenario]) -> Figure | None:
    """Show the emissions of each round; None if rounds were not kept apart, or there is one.

    What belongs to no round, such as start-up, is in the table only.
    """
    parts = break_down(scenarios, _round_of)
    numbers = sorted(int(key) for key in parts.keys if key != NO_ROUND)
    apart = [parts.sums[place][str(n)] for place, n in _found(parts, numbers)]
    if len(numbers) < 2 or not any(apart):
        return None
    # A round is small beside the total: it has a unit of its own.
    parts = replace(parts, scale=Scale.of("emissions", apart))
    lines = tuple(
        _line(scenario, place, numbers, parts) for place, scenario in enumerate(scenarios)
    )
    chart = LineChart(
        "round",
        f"emitted in it, {parts.scale.unit}",
        tuple(line for line in lines if line.xs),
        counted=True,
    )
    shown = numbers[:ROUNDS_SHOWN]
    keys = [*map(str, shown), *(key for key in parts.keys if key == NO_ROUND)]
    table = breakdown_table(
        "Emissions by round",
        "Round",
        scenarios,
        replace(parts, keys=tuple(keys)),
        lambda key: ("Outside of rounds" if key == NO_ROUND else key,),
    )
    hidden = len(numbers) - len(shown)
    if hidden:
        more = plural(hidden, "more round")
        table = replace(table, note=f"{more} stand in the total, and one by one in the JSON.")
    caption = " ".join(
        capitalise(_sentence(scenario, place, numbers, parts))
        for place, scenario in enumerate(scenarios)
    )
    legend = tuple(
        LegendItem(_LINES[s.role], f"{capitalise(s.role)}: {s.label}") for s in scenarios if s.role
    )
    return Figure("rounds", "By round", caption, chart, legend, table)


def _round_of(contribution: Contribution) -> str:
    return NO_ROUND if contribution.round is None else str(contribution.round)


def _found(parts: Breakdown, numbers: Sequence[int]) -> list[tuple[int, int]]:
    """List the rounds of each scenario, with the number of the scenario."""
    return [
        (place, number)
        for place, sums in enumerate(parts.sums)
        for number in numbers
        if str(number) in sums
    ]


def _line(scenario: Scenario, place: int, numbers: Sequence[int], parts: Breakdown) -> Line:
    own = [number for number in numbers if str(number) in parts.sums[place]]
    values = [parts.sums[place][str(number)] for number in own]
    return Line(
        _LINES[scenario.role],
        capitalise(scenario.role) or "Emissions",
        tuple(map(float, own)),
        tuple(map(parts.scale.scaled, values)),
        tuple(
            f"Round {number}: {_amount(value, scenario, parts.scale)}"
            for number, value in zip(own, values, strict=True)
        ),
    )


def _amount(value: float, scenario: Scenario, scale: Scale) -> str:
    text = scale.text(value, value * relative_width(scenario.assessment))
    return f"{text}{NBSP}{scale.unit.replace(' ', NBSP)}"


def _sentence(scenario: Scenario, place: int, numbers: Sequence[int], parts: Breakdown) -> str:
    """Name the rounds that emit most and least, and what belongs to none."""
    sums = parts.sums[place]
    own = [number for number in numbers if str(number) in sums]
    whose = f"the {scenario.short} run has" if scenario.short else "the run has"
    if not own:
        return f"{whose} no rounds that were kept apart."
    most = max(own, key=lambda number: sums[str(number)])
    least = min(own, key=lambda number: sums[str(number)])
    said = f"{whose} {plural(len(own), 'round')}, "
    if sums[str(most)] == sums[str(least)]:
        said += "which emit the same."
    else:
        said += (
            f"from {_amount(sums[str(least)], scenario, parts.scale)} in round {least} to "
            f"{_amount(sums[str(most)], scenario, parts.scale)} in round {most}."
        )
    if sums.get(NO_ROUND, 0.0) > 0:
        said += f" {percent(parts.share(place, NO_ROUND))} of its emissions belong to no round."
    return said
