"""What may be done with a dataset, by when it was read and until when it must be kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from footprint.management.advisor.company import Company
from footprint.management.advisor.copies import Spare
from footprint.management.advisor.phrases import date, days, listed
from footprint.management.advisor.stored import Stored
from footprint.units import S_PER_DAY

KEEP, TIER_DOWN, DELETE, DEDUPLICATE = "keep", "tier down", "delete", "deduplicate"
"""Options for a dataset."""


@dataclass(frozen=True, slots=True)
class Case:
    """A dataset, and what speaks against moving or deleting it.

    Attributes
    ----------
    stored : Stored
    now_s : float
        Of the advice (Unix time [s]).
    not_cold, claim : str
        Why it cannot be moved, or not be deleted whenever that be; empty where it can.
    until_s : float or None
        Until when it must be kept (Unix time [s]); None if nobody said.
    spare : Spare or None
        Set if it is a copy that can go.
    """

    stored: Stored
    now_s: float
    not_cold: str
    claim: str
    until_s: float | None
    spare: Spare | None = None

    @property
    def not_deletable(self) -> str:
        """Why it cannot be deleted now."""
        if self.claim or self.until_s is None or self.until_s < self.now_s:
            return self.claim
        return f"it must be kept until {date(self.until_s)}"

    @property
    def is_open(self) -> bool:
        """Whether anything but keeping is possible."""
        return not self.not_cold or not self.not_deletable or self.spare is not None


def open_case(company: Company, stored: Stored) -> Case:
    """Look at what is known of a dataset."""
    entry, until_s = stored.entry, None
    if entry.written_s is not None and entry.retention_days is not None:
        until_s = entry.written_s + entry.retention_days * S_PER_DAY
    return Case(stored, company.now_s, _warmth(company, stored), _claim(company, stored), until_s)


def _warmth(company: Company, stored: Stored) -> str:
    """Why a dataset cannot be moved to the cold medium."""
    needs, read_s = company.needs, stored.entry.read_s
    if needs.cold_medium is None:
        return "nobody said what cold data can be moved to"
    if stored.medium == needs.cold_medium:
        return f"it is on {stored.medium} already"
    if needs.cold_after_s is None:
        return "nobody said after which time data is cold"
    if read_s is None:
        return "nobody said when it was last read"
    if company.now_s - read_s <= needs.cold_after_s:
        return f"it was read {days(company.now_s - read_s)} ago"
    return ""


def _claim(company: Company, stored: Stored) -> str:
    """Why a dataset cannot be deleted, even if it need not be kept any longer."""
    entry, cold_s = stored.entry, company.needs.cold_after_s
    if readers := (*stored.readers, *stored.others, *stored.uses):
        return f"{reading(readers)} it"
    if not any(catalogue.applications for catalogue in company.catalogues.values()):
        return "no silo says which applications it has"
    if entry.retention_days is None:
        return "nobody said how long it must be kept"
    if entry.written_s is None:
        return "nobody said when it was written"
    if entry.read_s is None:
        return ""
    ago_s = company.now_s - entry.read_s
    if cold_s is None:
        return f"it was read {days(ago_s)} ago, and nobody said after which time data is cold"
    return f"it was read {days(ago_s)} ago" if ago_s <= cold_s else ""


def reading(readers: Sequence[str]) -> str:
    """Say who reads."""
    return f"{listed(readers)} {'reads' if len(readers) == 1 else 'read'}"
