"""Cohorts of a federated training: silos in the order in which they bring most for a gram."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from footprint.management.advisor.needs import LearningCurve
from footprint.management.advisor.overlaps import Overlaps, find_overlaps
from footprint.management.advisor.trainings import train_alone
from footprint.management.advisor.use_cases import UseCase

_ROUNDING = 1e-12
"""Share by which points differ that were added up in another order."""


_MOST_STEPS = 4_000_000
"""So many times at most a silo is looked at for the next place: seconds, for hundreds of silos."""


@dataclass(frozen=True, slots=True)
class Member:
    """A silo as it came in.

    Attributes
    ----------
    records : float
        That no silo before it has.
    points : float
        Of the cohort that ends with it.
    emissions_g : float
        Of its own epochs and transfers [gCO2e].
    """

    silo: str
    records: float
    points: float
    emissions_g: float


@dataclass(frozen=True, slots=True)
class Cohort:
    """Silos that take part, and in which order all come in.

    Attributes
    ----------
    chain : tuple of Member
        All silos.
    taken : int
        How many of them take part.
    points, emissions_g : float
        Of those that do, the latter without waiting and coordinator [gCO2e].
    """

    chain: tuple[Member, ...]
    taken: int
    points: float
    emissions_g: float

    @property
    def inside(self) -> list[str]:
        """Names of those that take part."""
        return [one.silo for one in self.chain[: self.taken]]

    @property
    def outside(self) -> list[str]:
        """Names of the others."""
        return [one.silo for one in self.chain[self.taken :]]


def choose_cohorts(found: Sequence[Cohort], worth_g: float) -> list[Cohort]:
    """Give the best cohort, those that are best at a lower and at a higher worth, and all silos."""
    best = min(found, key=lambda one: one.emissions_g - worth_g * one.points)

    def worth_of_change(one: Cohort) -> float:
        """Worth at which another cohort is as good as the best."""
        return (one.emissions_g - best.emissions_g) / (one.points - best.points)

    fewer = [one for one in found if one.points < best.points]
    more = [one for one in found if one.points > best.points]
    chosen = [
        best,
        *([max(fewer, key=worth_of_change)] if fewer else []),
        *([min(more, key=worth_of_change)] if more else []),
        next(one for one in found if not one.outside),
    ]
    return list({frozenset(one.inside): one for one in chosen}.values())


def find_cohorts(use: UseCase, curve: LearningCurve) -> list[Cohort]:
    """List the beginnings of all rows, each set of silos once: with the fewest records.

    Which silo has new records depends on who was there before; counting a record twice would be
    worse than missing one. Each silo is tried as the first; of more than 150, those that bring
    most for a gram.
    """
    overlaps = find_overlaps(use)
    own_g = {silo: _own(use, silo) for silo in use.silos}
    rows = {silo: use.holders[silo].rows for silo in use.silos}
    bit = {silo: 1 << number for number, silo in enumerate(use.silos)}
    found: dict[int, Cohort] = {}
    # Without records the curve has no value: a silo without any is never the first.
    firsts = sorted(filter(rows.get, rows), key=lambda one: -_ratio(rows[one], own_g[one]))
    for first in firsts[: max(1, _MOST_STEPS // len(rows) ** 2)]:
        chain = tuple(_line_up(first, rows, own_g, overlaps, curve))
        emitted_g, inside = 0.0, 0
        for taken, member in enumerate(chain, start=1):
            emitted_g += member.emissions_g
            inside |= bit[member.silo]
            cohort = Cohort(chain, taken, member.points, emitted_g)
            known = found.setdefault(inside, cohort)
            if cohort.points < known.points - _ROUNDING * abs(known.points):
                found[inside] = cohort
    return list(found.values())


def _line_up(
    first: str,
    rows: Mapping[str, int],
    own_g: Mapping[str, float],
    overlaps: Overlaps,
    curve: LearningCurve,
) -> Iterator[Member]:
    """Let all silos come in behind the first, the one that adds most per gram before others."""
    known = dict.fromkeys(rows, 0.0)
    silo, records = first, 0.0
    while True:
        new = rows[silo] * (1 - known.pop(silo))
        records += new
        points = _points(curve, records)
        yield Member(silo, new, points, own_g[silo])
        if not known:
            return
        known = {one: max(share, overlaps.get((one, silo), 0.0)) for one, share in known.items()}
        ratios = {
            one: _ratio(_points(curve, records + rows[one] * (1 - share)) - points, own_g[one])
            for one, share in known.items()
        }
        silo = max(ratios, key=lambda one: ratios[one])


def _ratio(added: float, emissions_g: float) -> float:
    """Order of what adds at a price of emissions; what adds nothing is last, free or not."""
    if not added:
        return 0.0
    return added / emissions_g if emissions_g else float("inf")


def _points(curve: LearningCurve, records: float) -> float:
    return float(curve.limit - curve.scale * records**-curve.exponent)


def _own(use: UseCase, silo: str) -> float:
    alone = replace(use, holders={silo: use.holders[silo]})
    return use.company.assess(silo, train_alone(alone), draws=0).total_g.value
