"""From a plan of advice to what its page shows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from footprint.model import Advice, AdvicePlan, AssetKind, Boundary, DecisionKind, Finding, Term
from footprint.reporting.advice_figures import places_figure, savings_figure
from footprint.reporting.advice_tables import decision_lines, decision_table, decision_tables
from footprint.reporting.advice_words import (
    rank_advice,
    say_change,
    say_horizon,
    say_money,
    say_saving,
    say_time,
    write_money,
)
from footprint.reporting.numbers import NBSP, Scale, clean, exact, number, plural, pretty_unit
from footprint.reporting.registers import boundary_table, declared_table, file_table, term_table
from footprint.reporting.shapes import (
    AdvicePage,
    Card,
    CardGroup,
    Cell,
    Column,
    Decision,
    Notice,
    Table,
)
from footprint.reporting.state_tables import state_lines_table, state_table, sum_gb
from footprint.reporting.view import group_notices
from footprint.reporting.wording import capitalise


def view_plan(plan: AdvicePlan) -> AdvicePage:
    """Decide everything that the page of a plan of advice says."""
    ranked = rank_advice(plan)
    state = plan.state
    groups = (*_today(plan), _found(ranked)) if ranked else _today(plan)
    return AdvicePage(
        kind="advice",
        title=clean(f"{plan.company}: state and advice"),
        verdict=_verdict(plan, ranked),
        remarks=tuple(_remarks(plan)),
        groups=tuple(CardGroup("", "", (), cards) for cards in groups if cards),
        warnings=_notices(plan),
        savings=savings_figure(plan, ranked),
        summary=decision_table(plan, ranked),
        decisions=tuple(_decision(plan, *numbered) for numbered in enumerate(ranked, start=1)),
        places=None if state is None else places_figure(plan, state),
        state=(state_table(state, plan), state_lines_table(state)) if state and state.lines else (),
        boundary=tuple(_boundaries(plan)),
        factors=term_table(_terms(plan)),
        versions=_version_table(plan),
        inputs=(file_table(plan.inputs), declared_table(plan.declared)),
    )


@dataclass(frozen=True, slots=True)
class _Changes:
    """Changes that emit less, or as much; those that emit more; and parts of other decisions.

    What parts save is never added: it is within what the others save, or goes with it.
    """

    less: list[Advice]
    more: list[Advice]
    parts: list[Advice]

    def __len__(self) -> int:
        return len(self.less) + len(self.more) + len(self.parts)


def _changes(ranked: Sequence[Advice]) -> _Changes:
    changes = [one for one in ranked if one.changes]
    alone = [one for one in changes if one.part_of is None]
    return _Changes(
        [one for one in alone if one.saving_g.value >= 0],
        [one for one in alone if one.saving_g.value < 0],
        [one for one in changes if one.part_of is not None],
    )


def _verdict(plan: AdvicePlan, ranked: Sequence[Advice]) -> str:
    company, horizon = clean(plan.company), say_horizon(plan.horizon_s)
    found = _changes(ranked)
    if not ranked:
        return f"{company}: no decision could be advised on; the findings say what is missing."
    if not len(found):
        count = plural(len(ranked), "decision")
        return f"{company}: what is done today is best in {count} of {len(ranked):,}."
    saved, added = (
        abs(math.fsum(one.saving_g.value for one in part)) for part in (found.less, found.more)
    )
    clauses = []
    if found.less:
        clauses.append(f"{plural(len(found.less), 'change')} would save {_emissions(saved)}")
    if found.more:
        count, why = plural(len(found.more), "change"), _why_more(found.more)
        clauses.append(f"{count} would emit {_emissions(added)} more, {why}")
    said = [f"{', and '.join(clauses)}{',' * (len(clauses) > 1)} over {horizon}"] if clauses else []
    if found.parts:
        verb = "is part of another decision" if len(found.parts) == 1 else "are parts of others"
        said.append(f"{plural(len(found.parts), 'change')} {verb}, and not added")
    return f"{company}: {'; '.join(said)}."


def _why_more(more: Sequence[Advice]) -> str:
    barred = [bool(one.option(one.current).barrier) for one in more]
    brings = "it brings more" if len(more) == 1 else "they bring more"
    if all(barred):
        return "because what is done today is barred"
    return (
        f"because {brings}, or what is done today is barred"
        if any(barred)
        else (f"because {brings}")
    )


def _emissions(value: float) -> str:
    scale = Scale.of("emissions", [value])
    return f"{scale.text(value)}{NBSP}{scale.unit.replace(' ', NBSP)}"


def _remarks(plan: AdvicePlan) -> Iterator[str]:
    yield say_state(plan)
    yield (
        f"Made for {say_time(plan.made_s)}. Savings are added as if each decision were taken "
        "alone; what is part of another decision is not added. Nothing is done before a person "
        "approves it."
    )


def say_state(plan: AdvicePlan) -> str:
    """Say in a sentence what there is, and what it costs."""
    state = plan.state
    if state is None or not state.silos:
        return "Nothing is known of what lies where."
    datasets = [one for one in state.lines if one.kind is AssetKind.DATASET]
    size = Scale.of("data", [sum_gb(datasets)])
    volume = f"{size.text(sum_gb(datasets))}{NBSP}{size.unit}"
    scale = Scale.of("emissions", [state.emissions_g.value])
    costs = [scale.quantity(state.emissions_g)]
    if state.energy_kwh is not None:
        energy = Scale.of("energy", [state.energy_kwh])
        costs.append(f"{energy.text(state.energy_kwh)}{NBSP}{energy.unit}")
    if state.cost is not None and state.currency is not None:
        costs.append(say_money(state.cost, state.currency))
    *first, last = costs
    unknown = sum(one.emissions_g is None for one in state.lines)
    have = "has" if unknown == 1 else "have"
    hedge = f"; {unknown:,} of them {have} no estimate" if unknown else ""
    return (
        f"Today {plural(len(datasets), 'dataset')} ({volume}) and "
        f"{plural(len(state.lines) - len(datasets), 'application')} in "
        f"{plural(len(state.silos), 'silo')} cause {', '.join(first)}{' and ' * bool(first)}{last} "
        f"over {say_horizon(plan.horizon_s)}{hedge}. What is trained or planned is not in it, but "
        "in the options of the decisions."
    )


# --- cards -----------------------------------------------------------------------


def _today(plan: AdvicePlan) -> tuple[tuple[Card, ...], ...]:
    state = plan.state
    if state is None or not state.lines:
        return ()
    horizon = f"over {say_horizon(plan.horizon_s)}"
    scale = Scale.of("emissions", [state.emissions_g.value])
    text = scale.text(state.emissions_g.value, state.emissions_g.width)
    cards = [
        Card("Today: emissions", text, scale.unit, scale.range(state.emissions_g), horizon, "")
    ]
    if state.energy_kwh is not None:
        energy = Scale.of("energy", [state.energy_kwh])
        text = energy.text(state.energy_kwh)
        cards.append(Card("Today: electricity", text, energy.unit, "", "with buildings", ""))
    if state.cost is not None and state.currency is not None:
        text, ends = write_money(state.cost)
        cards.append(Card("Today: cost", text, state.currency, ends, horizon, ""))
    datasets = [one for one in state.lines if one.kind is AssetKind.DATASET]
    size = Scale.of("data", [sum_gb(datasets)])
    count = plural(len(datasets), "dataset")
    cards.append(Card("Data", size.text(sum_gb(datasets)), size.unit, "", count, ""))
    applications = len(state.lines) - len(datasets)
    cards.append(Card("Applications", f"{applications:,}", "", "", "", ""))
    cards.append(Card("Silos", f"{len(state.silos):,}", "", "", "with a catalogue", ""))
    return (tuple(cards),)


def _found(ranked: Sequence[Advice]) -> tuple[Card, ...]:
    found = _changes(ranked)
    less, more = found.less, found.more
    savings = [(one, one.saving_g.value) for one in less]
    saved_g = math.fsum(value for _, value in savings)
    scale = Scale.of("emissions", [saved_g])
    note = "; ".join(
        filter(None, (f"of {plural(len(less), 'change')}, each alone", _split(savings, scale.text)))
    )
    cards = [Card("Could be saved: emissions", scale.text(saved_g), scale.unit, "", note, "")]
    used = [(one, one.saving_kwh) for one in less if one.saving_kwh is not None]
    if used:
        energy = Scale.of("energy", [math.fsum(value for _, value in used)])
        text = energy.text(math.fsum(value for _, value in used))
        note = _of(used, less, _split(used, energy.text))
        cards.append(Card("Could be saved: electricity", text, energy.unit, "", note, ""))
    for currency in sorted({one.currency for one in less if one.currency is not None}):
        costs = [
            (one, one.saving_cost.value)
            for one in less
            if one.saving_cost and one.currency is currency
        ]
        text = number(math.fsum(value for _, value in costs))
        note = _of(costs, less, _split(costs, number))
        cards.append(Card("Could be saved: money", text, currency, "", note, ""))
    if more:
        added_g = -math.fsum(one.saving_g.value for one in more)
        scale = Scale.of("emissions", [added_g])
        note = f"of {plural(len(more), 'change')}, {_why_more(more)}"
        cards.append(Card("Would be added", scale.text(added_g), scale.unit, "", note, ""))
    of = f"of {plural(len(ranked), 'decision')}"
    if found.parts:
        of += f"; {len(found.parts):,} part of another"
    cards.append(Card("Changes advised", f"{len(found):,}", "", "", of, ""))
    final = sum(one.irreversible and one.changes for one in ranked)
    cards.append(Card("Cannot be undone", f"{final:,}", "", "", "of the changes", ""))
    return tuple(cards)


def _of(known: Sequence[object], changes: Sequence[Advice], note: str) -> str:
    """Say of how many changes a sum is, if it is not of all."""
    unknown = len(changes) - len(known)
    if not unknown:
        return note
    said = f"of {plural(len(known), 'change')}; of {unknown:,} it is not known"
    return f"{said}; {note}" if note else said


def _split(savings: Sequence[tuple[Advice, float]], write: Callable[[float], str]) -> str:
    """Say how much of a sum is of what the tiles of today count, and how much is not."""
    here = [value for one, value in savings if one.kind in _LYING]
    rest = [value for one, value in savings if one.kind not in _LYING]
    if not rest:
        return "of what lies here" if here else ""
    if not here:
        return "of what is trained or planned, which is not in today's sums"
    return (
        f"{write(math.fsum(here))} of what lies here, {write(math.fsum(rest))} of what is trained "
        "or planned"
    )


_LYING = frozenset({DecisionKind.DATASET, DecisionKind.APPLICATION})
"""Kinds of decisions about what the state of a company counts."""


# --- parts -------------------------------------------------------------------------


def _decision(plan: AdvicePlan, place: int, advice: Advice) -> Decision:
    final = advice.irreversible and advice.changes
    return Decision(
        id=f"decision-{place}",
        tone="warning" if final else "info",
        kind=capitalise(advice.kind.value),
        title=f"{place}. {clean(advice.subject)}: {say_change(advice)}",
        saving=say_saving(plan, advice),
        reason=pretty_unit(clean(advice.reason)),
        conditions=tuple(pretty_unit(clean(one)) for one in advice.conditions),
        irreversible=final,
        tables=decision_tables(advice),
        lines=decision_lines(advice),
    )


def _notices(plan: AdvicePlan) -> tuple[Notice, ...]:
    found: dict[Finding, list[str]] = {}
    for finding in (*plan.findings, *(() if plan.state is None else plan.state.findings)):
        found.setdefault(finding, [])
    for advice in plan.advice:
        for finding in advice.findings:
            found.setdefault(finding, []).append(clean(advice.id))
        for option in advice.options:
            for finding in option.assessment.findings:
                found.setdefault(finding, [])
    return group_notices(found)


def _terms(plan: AdvicePlan) -> list[Term]:
    terms = dict.fromkeys(() if plan.state is None else plan.state.terms)
    for advice in plan.advice:
        for option in advice.options:
            terms.update(dict.fromkeys(option.assessment.terms))
    return list(terms)


def _boundaries(plan: AdvicePlan) -> Iterator[Table]:
    """Boundaries of the options; what single ones lack is a gap of all."""
    found: dict[Boundary, set[str]] = {}
    for advice in plan.advice:
        for option in advice.options:
            whole = option.assessment.boundary
            found.setdefault(replace(whole, gaps=()), set()).update(whole.gaps)
    for place, (boundary, gaps) in enumerate(found.items(), start=1):
        caption = "Boundary of every estimate" if len(found) == 1 else f"Boundary {place}"
        yield boundary_table(caption, replace(boundary, gaps=tuple(sorted(gaps))), planned=True)


def _version_table(plan: AdvicePlan) -> Table:
    facts = (
        ("Company", plan.company),
        ("Made for", say_time(plan.made_s)),
        ("Horizon", f"{say_horizon(plan.horizon_s)} ({exact(plan.horizon_s)} s)"),
        ("footprint version", plan.tool_version),
        ("Factor catalogue", plan.catalogue_version),
        ("Catalogue digest", plan.catalogue_digest),
        ("Seed", str(plan.seed)),
        ("Draws", f"{plan.draws:,}"),
    )
    rows = tuple(
        (Cell(name), Cell(clean(value), code=name.endswith("digest"))) for name, value in facts
    )
    return Table("Versions", (Column("Item"), Column("Value")), rows)
