"""Records of a use case that several silos have, as the analysis of duplicates found them.

Our rule: a share that was found on all rows counts as it is; one that is only possible, or was
found on samples, by its lower bound, and a finding says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from footprint.management.advisor.phrases import at_least
from footprint.management.advisor.use_cases import UseCase
from footprint.management.likeness import Likeness, Pair
from footprint.model import Finding

Overlaps = Mapping[tuple[str, str], float]
"""Share of the records of the first silo that the second one has too [1]."""


def find_overlaps(use: UseCase, *, sure_only: bool = False) -> dict[tuple[str, str], float]:
    """Find which share of the records of one silo another one has too [1].

    Parameters
    ----------
    use : UseCase
    sure_only : bool, optional
        Leave out what was found on samples, and what is only possible.
    """
    found = {}
    for pair in _list_pairs(use):
        if sure_only and not _is_sure(pair):
            continue
        first, second = pair.first[0], pair.second[0]
        share = pair.containment.value if _is_sure(pair) else pair.containment.low
        shared = (share or 0.0) * use.holders[first].rows
        for silo, with_silo in ((first, second), (second, first)):
            rows = use.holders[silo].rows
            found[silo, with_silo] = min(1.0, shared / rows) if rows else 0.0
    return found


def new_share(silo: str, before: Iterable[str], overlaps: Overlaps) -> float:
    """Share of the records of a silo that none of those before has [1].

    Of several that share some with it the largest share counts: pairs do not say whether
    they are the same records.
    """
    return 1 - max((overlaps.get((silo, one), 0.0) for one in before), default=0.0)


def doubt_overlaps(use: UseCase) -> Iterator[Finding]:
    """Say which records count as shared without that all rows were compared."""
    for pair in _list_unsure(use):
        first, second = pair.first[0], pair.second[0]
        rows = f"rows of a sample of {first}" if pair.sampled else f"rows of {first}"
        told = at_least(pair.containment.low or 0.0, rows)
        yield Finding(
            "overlap-unsure",
            f"{use.table.name!r}: {told} are in {second} too; that share of its "
            f"records counts as the same{_SAMPLED * pair.sampled}.",
            remedy="Compare all rows before this is relied on.",
            place=use.key,
        )


_SAMPLED = ", although of the rows outside of the samples nothing is known"


def silos_by_samples(use: UseCase) -> set[str]:
    """Silos whose records count as the same as others' because those of samples are."""
    pairs = [pair for pair in _list_unsure(use) if pair.sampled]
    return {silo for pair in pairs for silo, _ in (pair.first, pair.second)}


def condition_overlaps(use: UseCase) -> Iterator[str]:
    """Say what must be checked where samples decide which records are the same."""
    for pair in _list_unsure(use):
        if pair.sampled:
            yield (
                f"What {pair.first[0]} and {pair.second[0]} both have of {use.table.dataset} is "
                "the same: compare all rows; only samples of them were."
            )


def _list_unsure(use: UseCase) -> list[Pair]:
    return [pair for pair in _list_pairs(use) if not _is_sure(pair) and pair.containment.low]


def _is_sure(pair: Pair) -> bool:
    return not pair.sampled and pair.likeness is not Likeness.POSSIBLE


def _list_pairs(use: UseCase) -> list[Pair]:
    """List the pairs of silos that share records of the dataset."""
    pairs = () if use.company.duplicates is None else use.company.duplicates.pairs
    return [
        pair
        for pair in pairs
        if pair.first[1] == pair.second[1] == use.table.dataset
        and {pair.first[0], pair.second[0]} <= set(use.holders)
    ]
