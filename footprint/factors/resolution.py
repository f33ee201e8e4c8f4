"""The fallback chain from a query to a factor. Every step off the query is visible."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from footprint.errors import FactorError, FactorNotFound, UsageError
from footprint.factors.schema import QUANTITIES, WITH_SIGNAL, FactorRow
from footprint.factors.zones import Zones
from footprint.model import EmissionFactor, Finding, Resolution, ResolvedBy, SignalKind

# Grids change by several per cent a year; within three years that stays inside
# the default band of a grid intensity.
TOLERATED_YEARS = 3


class GroupKey(NamedTuple):
    """Rows that differ only in year or source answer the same query."""

    quantity: str
    subject: str
    zone: str | None
    signal: SignalKind | None

    @classmethod
    def of(cls, factor: EmissionFactor) -> GroupKey:
        """Key of the group that a factor belongs to."""
        return cls(factor.quantity, factor.subject, factor.zone, factor.signal)


Groups = Mapping[GroupKey, Sequence[FactorRow]]


@dataclass(frozen=True, slots=True)
class Query:
    """What was asked for, with the zone id and the signal made definite."""

    quantity: str
    zone: str | None
    subject: str
    year: int | None
    signal: SignalKind | None

    @classmethod
    def of(
        cls,
        quantity: str,
        zone: str | None,
        subject: str,
        year: int | None,
        signal: SignalKind | None,
        zones: Zones,
    ) -> Query:
        """Check a query.

        Raises
        ------
        FactorNotFound
            If the quantity or the zone is unknown.
        UsageError
            If `signal` is given for a quantity that has none.
        """
        if quantity not in QUANTITIES:
            raise not_found(f"There is no quantity {quantity!r}", quantity, QUANTITIES)
        if quantity in WITH_SIGNAL:
            signal = signal or SignalKind()
        elif signal is not None:
            kinds = " and ".join(WITH_SIGNAL)
            raise UsageError(f"A signal kind was given for {quantity}; only {kinds} have one.")
        return cls(quantity, zones.find(zone).id if zone else None, subject, year, signal)

    def __str__(self) -> str:
        parts = [self.quantity]
        if self.signal:
            parts.append(f"({self.signal})")
        if self.subject:
            parts.append(f"of {self.subject!r}")
        if self.zone:
            parts.append(f"in {self.zone}")
        if self.year is not None:
            parts.append(f"for {self.year}")
        return " ".join(parts)


def subject_lineage(subject: str) -> list[str]:
    """Return the subject and its classes: ``gpu.rtx4090``, then ``gpu``."""
    chain = [subject] if subject else []
    while "." in (chain[-1] if chain else ""):
        chain.append(chain[-1].rsplit(".", 1)[0])
    return chain


def not_found(
    what: str, asked: str, known: Iterable[str], filters: str = "--all"
) -> FactorNotFound:
    """Error that names close matches among `known` and says how to list them."""
    close = difflib.get_close_matches(asked, list(known), n=3, cutoff=0.5)
    hint = f"Did you mean {', '.join(close)}? " if close else ""
    return FactorNotFound(
        f"{what} in the factor catalogue.",
        f"{hint}List what exists with: footprint factors list {filters}",
    )


def class_not_found(
    what: str, asked: str, subjects: Iterable[str], quantity: str
) -> FactorNotFound:
    """Error as `not_found` makes it, with the classes that there are factors of."""
    known = sorted({*subjects} - {""})
    error = not_found(what, asked, known, f"--quantity {quantity}")
    classes = [subject for subject in known if "." not in subject]
    if classes:
        error.remedy = f"Known classes: {', '.join(classes[:16])}. {error.remedy}"
    return error


def resolve_query(query: Query, groups: Groups, zones: Zones, own_year: int) -> Resolution:
    """Walk the chain: years, then containing zones, then device classes.

    Raises
    ------
    FactorNotFound
        If the chain ends without an answer.
    FactorError
        If several rows answer equally well.
    """
    places: list[str | None] = [query.zone]
    if query.zone:
        places = [*zones.lineage(query.zone)]
    for subject in subject_lineage(query.subject) or [""]:
        for place in places:
            rows = groups.get(GroupKey(query.quantity, subject, place, query.signal))
            if rows:
                return _answer(query, _choose(rows, query, own_year), groups)
    raise _no_answer(query, groups, places)


def _choose(rows: Sequence[FactorRow], query: Query, own_year: int) -> FactorRow:
    """Take the nearest year, and of its rows the preferred one."""
    wanted = own_year if query.year is None else query.year
    dated = [row for row in rows if row.years]
    # Of two years equally near the later one describes the present better.
    ranks = [(_gap(row, wanted), -row.years[1]) for row in dated if row.years]
    best = min(ranks, default=None)
    nearest = [row for row, rank in zip(dated, ranks, strict=True) if rank == best] or list(rows)
    if len(nearest) > 1:
        nearest = [row for row in nearest if row.factor.preferred] or nearest
    if len(nearest) > 1:
        ids = ", ".join(row.factor.id for row in nearest)
        raise FactorError(
            f"{query} is ambiguous: {ids} answer alike.", "Set preferred = yes on one of them."
        )
    return nearest[0]


def _gap(row: FactorRow, year: int) -> int:
    """Years between `year` and what the row covers [year]."""
    first, last = row.years or (year, year)
    return max(first - year, year - last, 0)


def _answer(query: Query, row: FactorRow, groups: Groups) -> Resolution:
    factor = row.factor
    resolved_by = ResolvedBy.EXACT
    findings = []
    gap = 0 if query.year is None else _gap(row, query.year)
    if gap:
        resolved_by = ResolvedBy.NEAREST_YEAR
    if gap > TOLERATED_YEARS:
        message = f"{query} is answered with {factor.year}, {gap} years away."
        remedy = f"Give a factor of {query.year} if you know one (docs/factors.md, own factors)."
        findings.append(_finding("factor-year", message, factor, remedy))
    if factor.zone != query.zone:
        resolved_by = ResolvedBy.PARENT_ZONE
        message = f"{query} is answered with {factor.zone}, which contains {query.zone}."
        others = _signals(groups, query.quantity, [query.zone]) if query.signal else []
        if others:
            message += f" {query.zone} has only another signal kind: {', '.join(others)}."
        remedy = (
            f"Give a factor for {query.zone} (docs/factors.md, own factors), or accept the one of "
            f"{factor.zone}."
        )
        findings.append(_finding("zone-parent", message, factor, remedy))
    if factor.subject != query.subject:
        resolved_by = ResolvedBy.CLASS_DEFAULT
        message = f"{query} is answered with the class default of {factor.subject!r}."
        remedy = (
            f"Give a factor for {query.subject!r} if you know one (docs/factors.md, own factors)."
        )
        findings.append(_finding("device-class", message, factor, remedy))
    return Resolution(factor, resolved_by, tuple(findings))


def _finding(code: str, message: str, factor: EmissionFactor, remedy: str) -> Finding:
    return Finding(code=code, message=message, remedy=remedy, place=factor.id)


def _signals(groups: Groups, quantity: str, places: Sequence[str | None]) -> list[str]:
    return sorted(
        {str(key.signal) for key in groups if key.quantity == quantity and key.zone in places}
    )


def _no_answer(query: Query, groups: Groups, places: Sequence[str | None]) -> FactorNotFound:
    if query.signal:
        others = _signals(groups, query.quantity, places)
        why = f"; {query.zone or 'it'} has only {', '.join(others)}" if others else ""
        remedy = "Ask for that signal kind, or add" if others else "Add"
        return FactorNotFound(
            f"No factor for {query}{why}. Another signal kind or place is never put in its stead.",
            f"{remedy} a factor file of your own (docs/factors.md). "
            f"List what exists with: footprint factors list --quantity {query.quantity}",
        )
    keys = [key for key in groups if key.quantity == query.quantity]
    subjects = {key.subject for key in keys if key.zone in places} or {key.subject for key in keys}
    return class_not_found(f"No factor for {query}", query.subject, subjects, query.quantity)
