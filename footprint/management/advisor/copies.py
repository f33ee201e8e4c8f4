"""Which copies of a dataset can go, and which one stays."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from footprint.management.advisor.company import Company
from footprint.management.advisor.phrases import listed
from footprint.management.advisor.stored import Stored
from footprint.management.likeness import Likeness, Pair, Place
from footprint.model import Finding, Severity


@dataclass(frozen=True, slots=True)
class Spare:
    """A copy that can go.

    Attributes
    ----------
    kept : Stored
        What stays.
    jaccard : float
        Lower bound of the share of distinct rows in both, of those in either [1].
    sampled : bool
        Whether only samples were compared.
    """

    kept: Stored
    jaccard: float
    sampled: bool


def find_spares(
    company: Company, candidates: Sequence[Stored], costs: Mapping[Place, float]
) -> Iterator[tuple[Place, Spare] | Finding]:
    """Choose among copies: what applications beside it read stays, then what is wanted elsewhere.

    Of others stays what emits less.

    In this order each one stays, unless it is a duplicate of one that does. So of a chain of
    duplicates none goes for the sake of one that goes too.

    Parameters
    ----------
    company : Company
    candidates : sequence of Stored
        All that share rows with another, and are not to be deleted anyway.
    costs : mapping
        What keeping each emits at best [gCO2e].
    """

    def rank(one: Stored) -> tuple[bool, bool, float, Place]:
        return not one.readers, not one.wanted, costs[one.place], one.place

    pairs = list_pairs(company)
    yield from _on_others(pairs)
    alike: dict[Place, dict[Place, Pair]] = defaultdict(dict)
    for pair in pairs:
        if pair.likeness is Likeness.DUPLICATE:
            alike[pair.first][pair.second] = alike[pair.second][pair.first] = pair
    kept: dict[Place, Stored] = {}
    for one in sorted(candidates, key=rank):
        copies = [kept[place] for place in alike[one.place] if place in kept]
        copies.sort(key=rank)
        if copies and not one.readers:
            pair = alike[one.place][copies[0].place]
            yield one.place, Spare(copies[0], pair.jaccard.low or 0.0, pair.sampled)
            continue
        if copies:
            yield Finding(
                "copy-read",
                f"{one.name} is a copy of {copies[0].name}, and {listed(one.readers)} read it "
                "where it is; nobody said how much they read. Both are kept.",
                Severity.INFO,
                "Decide whether they can read the other copy.",
                one.name,
            )
        kept[one.place] = one


def list_pairs(company: Company) -> list[Pair]:
    """Give the pairs of datasets that share rows, in an order of their own."""
    if company.duplicates is None:
        return []
    return sorted(company.duplicates.pairs, key=lambda pair: sorted((pair.first, pair.second)))


def _on_others(pairs: Sequence[Pair]) -> Iterator[Finding]:
    """Say what shares rows, and is no duplicate."""
    contained = [
        f"{'/'.join(pair.first)} in {'/'.join(pair.second)}"
        for pair in pairs
        if pair.likeness is Likeness.CONTAINED
    ]
    if contained:
        yield Finding(
            "datasets-contained",
            f"Nearly all rows of one dataset are in another, which has more: {listed(contained)}.",
            Severity.INFO,
            "Decide whether the smaller one is still needed; it is no copy, so nothing is advised.",
        )
    possible = [
        " and ".join(sorted(("/".join(pair.first), "/".join(pair.second))))
        for pair in pairs
        if pair.likeness is Likeness.POSSIBLE
    ]
    if possible:
        yield Finding(
            "datasets-alike",
            f"The bounds of the sketches allow that these are copies: {listed(possible)}.",
            Severity.INFO,
            "Compare them row by row if they should be.",
        )
