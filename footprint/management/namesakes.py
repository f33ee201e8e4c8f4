"""What went from a catalogue and came back under another name: nothing is saved by that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from footprint.management.catalogue import ApplicationEntry, DatasetEntry, SiloCatalogue
from footprint.management.comparability import missing
from footprint.management.scan_windows import (
    CatalogueChoice,
    Entry,
    ScanWindow,
    Series,
    entries_of,
    split_scans,
)
from footprint.model import Advice, AdvicePlan, Finding, Severity

CLOSE = 0.1
"""By how much sizes of one dataset may differ at most: our choice."""
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class _Come:
    """Something that came since, or grew: what it is, and what it was; None if it was not there.

    `is_first` if nobody had looked at its silo before.
    """

    silo: str
    entry: Entry
    old: Entry | None
    is_first: bool

    @property
    def key(self) -> tuple[str, str]:
        return self.silo, self.entry.id


def find_namesakes(
    plan: AdvicePlan,
    advice: Advice,
    windows: Sequence[ScanWindow],
    series: Series,
    choice: CatalogueChoice,
    chosen: set[tuple[str, str]],
) -> list[Finding]:
    """Say what is no longer declared, and what came since that may be the same."""
    gone = [
        (window.silo, entry)
        for window in windows
        for entry in entries_of(advice, window.before)
        if (window.silo, entry.id) in chosen
        and any(entry.id not in _names(advice, one) for one in window.later)
    ]
    if not gone:
        return []
    come = [one for one in _come(plan, advice, series, choice) if one.key not in chosen]
    said = sorted({one.key for one in come if "/".join(one.key) in choice.others})
    findings = [
        Finding(
            "no-longer-declared",
            f"{', '.join(f'{silo}/{entry.id}' for silo, entry in gone)}: no longer declared, which "
            "is all that a catalogue shows; whether it is gone it does not.",
        )
    ]
    if said:
        findings.append(
            Finding(
                "stated",
                "Somebody said, and nothing checked, that these are something else than what "
                f"went: {_listed(said)}.",
            )
        )
    rest = [one for one in come if one.key not in said]
    for silo, entry in gone:
        if same := _find_same(entry, rest):
            findings.append(_renamed(silo, entry, same))
        elif isinstance(entry, DatasetEntry) and (grown := _find_room(entry, rest)):
            findings.append(_swallowed(silo, entry, grown))
    return findings


def _come(
    plan: AdvicePlan, advice: Advice, series: Series, choice: CatalogueChoice
) -> Iterator[_Come]:
    """Give what a silo has since, at each scan, beside what it had before.

    Of a silo that nobody looked at before, all may have come.
    """
    for silo, catalogues in series.items():
        before, later = split_scans(plan, catalogues, choice)
        known = {} if before is None else {one.id: one for one in entries_of(advice, before)}
        for one in later:
            for entry in entries_of(advice, one):
                yield _Come(silo, entry, known.get(entry.id), before is None)


def _names(advice: Advice, catalogue: SiloCatalogue) -> set[str]:
    return {entry.id for entry in entries_of(advice, catalogue)}


def _find_same(gone: Entry, come: Sequence[_Come]) -> list[tuple[str, str]]:
    """Find what may be what went: what is new and has room for it, or what grew by as much."""
    if isinstance(gone, ApplicationEntry):
        return sorted({one.key for one in come if one.old is None and _does_same(gone, one.entry)})
    new = _growths(gone, [one for one in come if one.old is None and not one.is_first])
    if _have_room(gone, new):
        return sorted(new)
    return sorted(key for key, more in _growths(gone, come).items() if _is_close(gone, more))


def _find_room(gone: DatasetEntry, come: Sequence[_Come]) -> list[tuple[str, str]]:
    """Find what has room for what went, as logs that go on and silos that join have, too."""
    grown = _growths(gone, come)
    return sorted(grown) if _have_room(gone, grown) else []


Growths = dict[tuple[str, str], tuple[int, int]]


def _growths(gone: DatasetEntry, come: Sequence[_Come]) -> Growths:
    """Rows and bytes by which each dataset of the same columns grew at most."""
    grown: Growths = {}
    for one in come:
        if isinstance(one.entry, DatasetEntry) and one.entry.schema_hash == gone.schema_hash:
            most = grown.get(one.key, (0, 0))
            rows, size_bytes = _growth(one.entry, one.old)
            grown[one.key] = max(most[0], rows), max(most[1], size_bytes)
    return {key: more for key, more in grown.items() if any(more)}


def _have_room(gone: DatasetEntry, grown: Growths) -> bool:
    sums = [sum(column) for column in zip(*grown.values(), strict=True)]
    amounts = (gone.rows, gone.size_bytes)
    return any(
        amount and found >= (1 - CLOSE) * amount
        for amount, found in zip(amounts, sums or (0, 0), strict=True)
    )


def _is_close(gone: DatasetEntry, more: tuple[int, int]) -> bool:
    amounts = (gone.rows, gone.size_bytes)
    return any(
        amount and abs(found - amount) <= CLOSE * amount
        for amount, found in zip(amounts, more, strict=True)
    )


def _growth(new: DatasetEntry, old: Entry | None) -> tuple[int, int]:
    """By how many rows and bytes a dataset grew."""
    if not isinstance(old, DatasetEntry):
        return new.rows, new.size_bytes
    return max(0, new.rows - old.rows), max(0, new.size_bytes - old.size_bytes)


def _does_same(old: ApplicationEntry, new: Entry) -> bool:
    """Whether nothing but the name tells two applications apart."""
    if not isinstance(new, ApplicationEntry) or not (old.models or old.datasets):
        return False
    return (old.models, old.datasets) == (new.models, new.datasets)


def _renamed(silo: str, entry: Entry, same: Sequence[tuple[str, str]]) -> Finding:
    others = " ".join(f"--other {'/'.join(key)}" for key in same)
    what = "does the same" if isinstance(entry, ApplicationEntry) else "has its columns"
    return missing(
        "renamed",
        f"{silo}/{entry.id} is no longer declared, and what {what} came since, or grew by as much: "
        f"{_listed(same)}.",
        f"If it is in there, name all of them with --entry; if not, say so: {others}",
    )


def _swallowed(silo: str, entry: Entry, grown: Sequence[tuple[str, str]]) -> Finding:
    return Finding(
        "grown-since",
        f"{silo}/{entry.id} is no longer declared. What has its columns grew since, or was first "
        f"looked at, by enough to hold it: {_listed(grown)}. It counts as gone.",
        Severity.WARNING,
        "If it is in there, name all of them with --entry.",
    )


def _listed(keys: Sequence[tuple[str, str]]) -> str:
    shown = ", ".join("/".join(key) for key in sorted(keys)[:_SHOWN])
    return f"{shown} and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else shown
