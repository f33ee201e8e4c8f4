"""Whether the last catalogues show what was advised: what went, what stayed, on which medium."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from footprint.errors import FootprintError
from footprint.management.advisor.company import Company
from footprint.management.catalogue import DatasetEntry
from footprint.management.comparability import missing
from footprint.management.namesakes import CLOSE
from footprint.management.scan_windows import Entry, ScanWindow, entries_of
from footprint.model import Advice, Assessment, DecisionKind, Finding, Severity, Stage
from footprint.units import bytes_to_gb, format_quantity


def check_done(
    company: Company,
    advice: Advice,
    windows: Sequence[ScanWindow],
    chosen: Collection[tuple[str, str]],
    *,
    is_said: bool,
) -> Iterator[Finding]:
    """Say if the last catalogues show something else than what was advised.

    Parameters
    ----------
    company : Company
        For the media of its storage classes.
    advice : Advice
    windows : sequence of ScanWindow
        Each with a later scan.
    chosen : collection of (str, str)
        Silos and names of what it is about.
    is_said : bool
        Whether a person named `chosen`: then it is only a doubt.
    """
    if not advice.changes:
        return
    named = " ".join(f"--entry {silo}/{name}" for silo, name in sorted(chosen))
    for window in windows:
        was, now = ({e.id: e for e in entries_of(advice, one)} for one in window.scans)
        for name in sorted(name for silo, name in chosen if silo == window.silo and name in was):
            place, entry = f"{window.silo}/{name}", now.get(name)
            if why := _differs(company, advice, window.silo, name, entry):
                error = missing(
                    "not-as-advised",
                    f"Advised was {advice.recommended!r}, and {place} {why} in the last catalogue: "
                    "what that saves was not promised.",
                    "Carry it out and catalogue the silo again; or, if this is what became of it, "
                    f"say so: {named}",
                )
                yield replace(error, severity=Severity.WARNING, remedy="") if is_said else error
            elif entry is not None:
                yield from _on_size(place, was[name], entry)


def _differs(
    company: Company, advice: Advice, silo: str, name: str, entry: Entry | None
) -> str | None:
    """Say in what an entry is not as advised; None if it is."""
    then = advice.option(advice.recommended).assessment
    if advice.kind is DecisionKind.APPLICATION:
        # Of two that were merged one stays, and the name of the option says which.
        stays = bool(then.contributions) and advice.recommended.endswith(f" {silo}/{name}")
        if stays != (entry is not None):
            return "is no longer declared" if stays else "is still declared"
        return None
    media = _media(then, silo)
    if entry is None:
        return "is no longer declared" if media else None
    if not media:
        return "is still declared"
    if isinstance(entry, DatasetEntry) and entry.storage_class is not None:
        medium = company.medium(entry.storage_class)
        if _term(company, medium) not in media:
            return f"lies on {medium}"
    return None


def _media(then: Assessment, silo: str) -> set[str]:
    """Terms of the media on which an option keeps data of a silo."""
    media = {one.id for one in then.terms if one.quantity == "power_per_gb"}
    kept = [one for one in then.contributions if one.actor == silo and one.stage is Stage.STORAGE]
    return {term for one in kept for term in one.terms if term in media}


def _term(company: Company, medium: str) -> str | None:
    try:
        return company.factors.resolve("power_per_gb", subject=medium).factor.id
    except FootprintError:  # said where it is estimated
        return None


def _on_size(place: str, was: Entry, now: Entry) -> Iterator[Finding]:
    """Say if a part of what was saved is not of the deed, but of the amount of data."""
    if not isinstance(was, DatasetEntry) or not isinstance(now, DatasetEntry):
        return
    sizes = was.size_bytes, now.size_bytes
    if max(sizes) - min(sizes) > CLOSE * max(sizes):
        then, since = (format_quantity("data", bytes_to_gb(size)) for size in sizes)
        yield Finding(
            "size-changed",
            f"{place} had {then} and has {since}: part of the difference is of that.",
        )
