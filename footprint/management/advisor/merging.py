"""Merge applications that do the same work into the one that emits least for a call.

What an application uses is taken to be proportional to its calls.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from footprint.management.advisor.company import Company
from footprint.management.advisor.lines import line_of
from footprint.management.advisor.phrases import days, grams, listed, missing
from footprint.management.advisor.running import Running, run, same_work
from footprint.management.advisor.turning import find_turns
from footprint.management.advisor.weighing import weigh
from footprint.model import (
    Advice,
    Contribution,
    DecisionKind,
    Finding,
    Option,
    TurningPoint,
)
from footprint.units import format_quantity

KEEP_BOTH = "keep both"


class _Works:
    """Applications by their models: those that share none are not alike."""

    def __init__(self, similarity: float) -> None:
        self._similarity = similarity
        self._of_model: dict[str, list[Running]] = defaultdict(list)
        self._added: dict[str, int] = {}

    def add(self, one: Running) -> None:
        self._added[one.name] = len(self._added)
        for model in dict.fromkeys(one.entry.models):
            self._of_model[model].append(one)

    def like(self, one: Running) -> list[Running]:
        """Give those that do the same work, in the order in which they were added."""
        near = {other.name: other for model in one.entry.models for other in self._of_model[model]}
        found = [other for other in near.values() if same_work(one, other, self._similarity)]
        return sorted(found, key=lambda other: self._added[other.name])


def advise_merging(company: Company, used: Sequence[Running]) -> Iterator[Advice | Finding]:
    """Advise on applications with the same models and datasets.

    In the order of what a call emits, each one stays, unless one that stays does its work; so
    none is merged into one that goes.

    Parameters
    ----------
    company : Company
    used : sequence of Running
        All that are not to be retired.
    """
    yield from _on_unsaid(company, used)
    per_call_g = {
        one.name: run(company, one.name, [(one, 1.0)], draws=0).total_g.value / one.entry.calls
        for one in used
        if one.kwh_per_call is not None and one.entry.calls
    }
    kept = _Works(company.needs.similarity)
    comparable = [one for one in used if one.name in per_call_g]
    for one in sorted(comparable, key=lambda one: (per_call_g[one.name], one.name)):
        into = next(iter(kept.like(one)), None)
        if into is None:
            kept.add(one)
        elif (advice := _weigh_pair(company, into, one, per_call_g)).changes:
            yield advice


def _on_unsaid(company: Company, used: Sequence[Running]) -> Iterator[Finding]:
    """Say what does the work of another, and cannot be compared with it."""
    works = _Works(company.needs.similarity)
    for one in used:
        works.add(one)
    for one in used:
        if one.kwh_per_call is None:
            alike = [other.name for other in works.like(one) if other.name != one.name]
            if alike:
                yield missing(
                    "application-energy-unknown",
                    f"One application has the models and datasets of {listed(alike)}, and nobody "
                    "said how often it is called and what that uses:",
                    [one.name],
                    "Write calls, period and energy into the declaration of the silo.",
                )


def _weigh_pair(
    company: Company, into: Running, other: Running, per_call_g: dict[str, float]
) -> Advice:
    pair = sorted((into, other), key=lambda one: one.name)
    subject = " + ".join(one.name for one in pair)
    shares = {KEEP_BOTH: [(one, 1.0) for one in pair]}
    calls = {one.name: one.calls_a_month or 0.0 for one in pair}
    for one in pair:
        shares[_merge(one)] = [(one, sum(calls.values()) / calls[one.name])]
    options = [
        Option(name=name, assessment=run(company, f"{subject}: {name}", parts))
        for name, parts in shares.items()
    ]
    advice = weigh(DecisionKind.APPLICATION, subject, options, KEEP_BOTH, reason="")
    return replace(
        advice,
        reason=f"Both have the same models and read the same data. A call emits "
        f"{grams(per_call_g[into.name])} in {into.name} "
        f"({format_quantity('energy', into.kwh_per_call or 0.0)}) and "
        f"{grams(per_call_g[other.name])} in {other.name} "
        f"({format_quantity('energy', other.kwh_per_call or 0.0)}). Today's calls go on for "
        f"{days(company.needs.horizon_s)}.",
        turning_points=tuple(_find_turns(advice, pair)),
        conditions=tuple(_list_conditions(into, other)),
    )


def _merge(into: Running) -> str:
    return f"merge into {into.name}"


def _find_turns(advice: Advice, pair: Sequence[Running]) -> Iterator[TurningPoint]:
    """Say from which energy of a call on the other one would be the better."""
    # Keeping both is as good at the same point, and beyond it merging the other way is better.
    for one in pair:
        energy = f"energy/{one.source}"

        def scales(part: Contribution, energy: str = energy) -> bool:
            return energy in part.terms

        present = one.kwh_per_call
        if not present:
            continue
        lines = {
            _merge(into): line_of(advice.option(_merge(into)).assessment, present, scales)
            for into in pair
        }
        what = f"energy of a call of {one.name}"
        yield from find_turns(what, "kWh", present, lines, advice.recommended)


def _list_conditions(into: Running, other: Running) -> Iterator[str]:
    owners = [one.entry.owner for one in (into, other) if one.entry.owner]
    yield (
        f"{into.name} does all that {other.name} does: ask "
        f"{listed(sorted(set(owners))) if owners else 'whoever answers for them'}."
    )
    yield f"{into.name} can answer the calls of both."
    if into.silo != other.silo:
        yield f"Those who call {other.name} in {other.silo} may call {into.silo}."
