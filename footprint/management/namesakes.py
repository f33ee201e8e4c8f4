"""What went from a catalogue and came back under another name: nothing is saved by that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

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
from footprint.model import Advice, AdvicePlan, Finding

_CLOSE = 0.1
"""By how much sizes of one dataset may differ at most: our choice."""
_SHOWN = 5


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
    come = {key: entry for key, entry in _come(plan, advice, series, choice) if key not in chosen}
    said = sorted(key for key in come if "/".join(key) in choice.others)
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
    rest = {key: entry for key, entry in come.items() if key not in said}
    for silo, entry in gone:
        findings += _doubt(silo, entry, rest)
    return findings


def _doubt(silo: str, gone: Entry, come: Mapping[tuple[str, str], Entry]) -> Iterator[Finding]:
    """Say what came since and may be what went."""
    same = [key for key, new in come.items() if _is_same(gone, new)]
    alike = [key for key, new in come.items() if key not in same and _is_alike(gone, new)]
    if same:
        yield _renamed(silo, gone, same)
    if alike:
        yield Finding(
            "similar-since",
            f"{_listed(alike)} came since, with the columns and about the size of "
            f"{silo}/{gone.id}, and is not counted: is it another dataset?",
            remedy="If it is the same one, name both with --entry.",
        )


def _come(
    plan: AdvicePlan, advice: Advice, series: Series, choice: CatalogueChoice
) -> Iterator[tuple[tuple[str, str], Entry]]:
    """Give what a silo has since that it had not before."""
    for silo, catalogues in series.items():
        before, later = split_scans(plan, catalogues, choice)
        # Of a silo that nobody looked at before, nothing is known to be new, and nothing is later.
        known = set() if before is None else _names(advice, before)
        for one in later:
            for entry in entries_of(advice, one):
                if entry.id not in known:
                    yield (silo, entry.id), entry


def _names(advice: Advice, catalogue: SiloCatalogue) -> set[str]:
    return {entry.id for entry in entries_of(advice, catalogue)}


def _is_same(old: Entry, new: Entry) -> bool:
    """Whether nothing but the name tells them apart."""
    if isinstance(old, DatasetEntry) and isinstance(new, DatasetEntry):
        counted = (old.rows, new.rows), (old.size_bytes, new.size_bytes)
        return _is_alike(old, new) and any(then == now for then, now in counted)
    if isinstance(old, ApplicationEntry) and isinstance(new, ApplicationEntry):
        said = bool(old.models or old.datasets)
        return said and (old.models, old.datasets) == (new.models, new.datasets)
    return False


def _is_alike(old: Entry, new: Entry) -> bool:
    """Whether they are datasets of the same columns, and of about the same size."""
    if not isinstance(old, DatasetEntry) or not isinstance(new, DatasetEntry):
        return False
    sizes = old.size_bytes, new.size_bytes
    return old.schema_hash == new.schema_hash and max(sizes) - min(sizes) <= _CLOSE * max(sizes)


def _renamed(silo: str, entry: Entry, same: Sequence[tuple[str, str]]) -> Finding:
    return missing(
        "renamed",
        f"{silo}/{entry.id} is no longer declared, and {_listed(same)} came since, which nothing "
        "but its name tells apart from it.",
        "If it is the same, name both with --entry; if it is something else, say so: --other "
        f"{'/'.join(same[0])}",
    )


def _listed(keys: Sequence[tuple[str, str]]) -> str:
    shown = ", ".join("/".join(key) for key in sorted(keys)[:_SHOWN])
    return f"{shown} and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else shown
