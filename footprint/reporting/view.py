"""From a result to what a page shows: strings and chart-ready numbers.

Pure functions. Every digit that a page prints is decided here and in
`footprint.reporting.numbers`; templates and charts only place them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from footprint.documents import Estimate
from footprint.model import (
    Assessment,
    Basis,
    Comparison,
    Contribution,
    Finding,
    Interval,
    LifeCycle,
    Ranking,
    Severity,
    Stage,
)
from footprint.reporting.figures import (
    category_figure,
    ranking_figure,
    waterfall_figure,
    zone_figure,
)
from footprint.reporting.lifecycle import lifecycle_figures
from footprint.reporting.numbers import (
    NOT_KNOWN,
    Scale,
    bounds,
    clean,
    exact,
    number,
    percent,
    plural,
    share_of,
    signed,
)
from footprint.reporting.registers import (
    boundary_tables,
    factor_table,
    input_tables,
    version_table,
)
from footprint.reporting.rounds import round_figure
from footprint.reporting.shapes import Card, CardGroup, Notice, Page, Ratio, Scenario
from footprint.reporting.tables import actor_table, quality_tables
from footprint.reporting.trajectories import trajectory_figures
from footprint.reporting.wording import (
    assessment_verdict,
    capitalise,
    comparison_remarks,
    comparison_title,
    comparison_verdict,
    has_ratio,
    is_plan,
    life_remark,
    per_unit,
    ranking_remarks,
    ranking_title,
    ranking_verdict,
    run_name,
    scenarios_of,
    unit_remark,
)

_MESSAGES_SHOWN = 3
_PLACES_SHOWN = 12


def view(result: Estimate) -> Page:
    """Decide everything that the page of a result says.

    Parameters
    ----------
    result : Assessment, Comparison or Ranking

    Returns
    -------
    Page
        Strings, and numbers in the unit of their chart.
    """
    scenarios = scenarios_of(result)
    figures = [category_figure(scenarios), zone_figure(scenarios)]
    if not isinstance(result, Ranking):
        figures.append(round_figure(scenarios))
    figures += lifecycle_figures(result, scenarios)
    groups = [_card_group(scenario) for scenario in scenarios]
    if isinstance(result, Comparison):
        kind, title = "comparison", comparison_title(result)
        figures.insert(1, waterfall_figure(result, scenarios))
        figures += trajectory_figures(result, scenarios)
        groups.insert(0, _comparison_group(result))
        verdict, remarks = comparison_verdict(result), comparison_remarks(result)
    elif isinstance(result, Ranking):
        kind, title = "ranking", ranking_title(result)
        figures.insert(0, ranking_figure(result, scenarios))
        verdict, remarks = ranking_verdict(result), ranking_remarks(result)
    else:
        kind, title = "assessment", f"Carbon footprint of {run_name(result)}"
        verdict, remarks = assessment_verdict(result), (*life_remark(result), *unit_remark(result))
    return Page(
        kind=kind,
        title=title,
        verdict=verdict,
        remarks=remarks,
        ratio=_ratio(result) if isinstance(result, Comparison) and has_ratio(result) else None,
        groups=tuple(groups),
        warnings=group_findings(result, scenarios),
        figures=tuple(figure for figure in figures if figure),
        boundary=boundary_tables(scenarios),
        factors=factor_table(scenarios),
        quality=quality_tables(scenarios),
        actors=tuple(actor_table(scenario) for scenario in scenarios),
        versions=version_table(result, scenarios),
        inputs=input_tables(scenarios),
    )


# --- cards -----------------------------------------------------------------


def metered_share(assessment: Assessment) -> str:
    """Say which share of the emissions rests on energy that a meter saw.

    Bytes and times are measured too, but what multiplies them is a factor. Nothing is said
    of a plan, which no meter saw.
    """
    if is_plan(assessment):
        return ""
    metered_g = sum(c.emissions_g.value for c in assessment.contributions if _is_metered(c))
    return _share(metered_g, assessment.total_g.value, "from metered energy")


def _is_metered(contribution: Contribution) -> bool:
    return contribution.stage is Stage.OPERATION and contribution.basis is Basis.MEASURED


def _share(part: float, total: float, what: str) -> str:
    share = share_of(part, total)
    return "" if math.isnan(share) else f"{percent(share)} {what}"


def _card_group(scenario: Scenario) -> CardGroup:
    a = scenario.assessment
    measured = metered_share(a)
    unit = per_unit(a).removeprefix(" per ")
    cards = [_emission_card("Total", a.total_g, 1, "", measured, scenario.width_g)]
    # What is no training (storage, inference, ...) has no rounds.
    if {c.life_cycle for c in a.contributions} <= {LifeCycle.TRAIN}:
        cards += [
            _emission_card("Per round", a.total_g, a.rounds, _count(a.rounds, "round"), measured),
            _emission_card(
                "Per participating client",
                a.total_g,
                a.clients,
                _count(a.clients, "client"),
                measured,
            ),
        ]
    cards += [
        _emission_card(
            "Per functional unit",
            a.total_g,
            int(bool(unit)),
            unit or "none declared",
            measured,
            scenario.width_g,
        ),
        _energy_card(a),
        _data_card(a),
        *_cost_cards(a),
    ]
    facts = tuple(f"{clean(name)}: {exact(value)}" for name, value in a.run.results.items())
    return CardGroup(capitalise(scenario.label), scenario.role, facts, tuple(cards))


def _count(count: int, noun: str) -> str:
    return plural(count, noun) if count else f"no {noun}s recorded"


def _emission_card(
    label: str, total: Interval, count: int, note: str, measured: str, width_g: float | None = None
) -> Card:
    if count < 1:
        return Card(label, NOT_KNOWN, "", "", note, "")
    each = Interval(*(end / count for end in (total.value, total.low, total.high)))
    scale = Scale.of("emissions", [each.value])
    value = scale.text(each.value, each.width if width_g is None else width_g)
    return Card(label, value, scale.unit, scale.range(each), note, measured)


def _energy_card(assessment: Assessment) -> Card:
    energy_kwh = assessment.energy_kwh
    if energy_kwh is None:
        return Card("Energy", NOT_KNOWN, "", "", "not measured", "")
    scale = Scale.of("energy", [energy_kwh])
    metered_kwh = sum(c.energy_kwh or 0.0 for c in assessment.contributions if _is_metered(c))
    share = "" if is_plan(assessment) else _share(metered_kwh, energy_kwh, "metered")
    return Card("Energy", scale.text(energy_kwh), scale.unit, "", "devices and network", share)


def _data_card(assessment: Assessment) -> Card:
    scale = Scale.of("data", [assessment.data_gb])
    lines = [c for c in assessment.contributions if c.amount_unit == "GB"]
    measured = sum(c.amount for c in lines if c.basis is Basis.MEASURED)
    whole = sum(c.amount for c in lines)
    share = "" if is_plan(assessment) else _share(measured, whole, "counted")
    return Card("Data moved", scale.text(assessment.data_gb), scale.unit, "", "", share)


def _cost_cards(assessment: Assessment) -> list[Card]:
    """Costs, and apart from them the price of the emissions."""
    bill = assessment.bill
    if bill is None:
        return []
    total = bill.total
    cards = [
        Card(
            "Cost",
            number(total.value, total.width),
            bill.currency,
            _ratio_range(total) if total.width else "",
            "without a price of carbon",
            "",
        )
    ]
    if bill.carbon is not None:
        carbon = bill.carbon
        cards.append(
            Card(
                "Price of the emissions",
                number(carbon.value, carbon.width),
                bill.currency,
                _ratio_range(carbon),
                "not in the cost",
                "",
            )
        )
    return cards


def _comparison_group(result: Comparison) -> CardGroup:
    scale = Scale.of("emissions", [result.difference_g.value])
    difference = result.difference_g
    ratio = result.ratio
    known = has_ratio(result)
    cards = (
        Card(
            "Ratio",
            number(ratio.value, ratio.width) if known else NOT_KNOWN,
            "×" if known else "",
            _ratio_range(ratio) if known else "",
            "candidate over baseline",
            "",
        ),
        Card(
            "Difference",
            scale.text(difference.value, difference.width),
            scale.unit,
            scale.range(difference),
            "candidate minus baseline",
            "",
        ),
        Card(
            "Candidate emits less",
            percent(result.candidate_lower),
            "",
            "",
            f"of {result.draws:,} paired draws",
            "",
        ),
        *_cost_difference(result),
    )
    return CardGroup("The two compared", "comparison", (), cards)


def _cost_difference(result: Comparison) -> tuple[Card, ...]:
    difference, bill = result.cost_difference, result.baseline.bill
    if difference is None or bill is None:
        return ()
    value = signed(number(difference.value, difference.width))
    return (
        Card(
            "Difference of the cost",
            value,
            bill.currency,
            _ratio_range(difference) if difference.width else "",
            "candidate minus baseline",
            "",
        ),
    )


def _ratio_range(ratio: Interval) -> str:
    return bounds(number(ratio.low, ratio.width), number(ratio.high, ratio.width))


def _ratio(result: Comparison) -> Ratio | None:
    """Place the ratio on a logarithmic ruler that always holds 1."""
    ratio = result.ratio
    if not 0 < ratio.low <= ratio.value <= ratio.high < math.inf:
        return None
    # The ruler ends at round numbers just outside the interval, at least 2:1.
    steps = [m * 10.0**e for e in range(-9, 10) for m in (1, 2, 5)]
    first = max((s for s in steps if s <= min(ratio.low, 0.5)), default=ratio.low)
    last = min((s for s in steps if s >= max(ratio.high, 2)), default=ratio.high)

    def place(value: float) -> float:
        return round(100 * math.log(value / first) / math.log(last / first), 2)

    ticks = [s for s in steps if first <= s <= last]
    if len(ticks) > 8:
        ticks = [s for s in ticks if s in {first, last} or math.log10(s).is_integer()]
    marks = tuple((place(tick), f"{exact(tick)}×") for tick in ticks)
    return Ratio(place(ratio.low), place(ratio.value), place(ratio.high), place(1.0), marks)


# --- warnings --------------------------------------------------------------

_GRAVITY = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


def group_findings(result: Estimate, scenarios: Sequence[Scenario]) -> tuple[Notice, ...]:
    """Group findings by code, gravest first; one that both runs share counts once."""
    found: dict[Finding, list[str]] = {}
    for scenario in scenarios:
        for finding in scenario.assessment.findings:
            found.setdefault(finding, []).append(scenario.role)
    if not isinstance(result, Assessment):
        for finding in result.findings:
            found.setdefault(finding, [])
    return group_notices(found)


def group_notices(found: dict[Finding, list[str]]) -> tuple[Notice, ...]:
    """Group findings by code, gravest first.

    Parameters
    ----------
    found : dict of Finding to list of str
        Findings, each with the runs that have it; none if it is of all.
    """
    codes: dict[str, list[Finding]] = {}
    for finding in found:
        codes.setdefault(finding.code, []).append(finding)
    warnings = [_warning(code, group, found) for code, group in codes.items()]
    order = {severity.value: rank for severity, rank in _GRAVITY.items()}
    return tuple(sorted(warnings, key=lambda w: (order[w.severity], -w.count, w.code)))


def _warning(code: str, group: list[Finding], found: dict[Finding, list[str]]) -> Notice:
    gravest = min((finding.severity for finding in group), key=_GRAVITY.__getitem__)
    messages = list(dict.fromkeys(clean(finding.message) for finding in group))
    remedies = list(dict.fromkeys(clean(f.remedy) for f in group if f.remedy))
    places = list(dict.fromkeys(clean(f.place) for f in group if f.place))
    runs = dict.fromkeys(role for finding in group for role in found[finding] if role)
    return Notice(
        severity=gravest.value,
        code=clean(code),
        count=len(group),
        messages=tuple(messages[:_MESSAGES_SHOWN]),
        more_messages=max(0, len(messages) - _MESSAGES_SHOWN),
        remedies=tuple(remedies[:_MESSAGES_SHOWN]),
        places=tuple(places[:_PLACES_SHOWN]),
        more_places=max(0, len(places) - _PLACES_SHOWN),
        runs=" and ".join(runs),
    )
