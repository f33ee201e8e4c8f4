"""The register of an estimate: every factor used, and every meter's error, once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from footprint.factors import FactorCatalogue
from footprint.measurement.meter import TIER_BANDS
from footprint.model import (
    Basis,
    Finding,
    InventoryLine,
    Resolution,
    ResolvedBy,
    SignalKind,
    Source,
    Term,
)

_MEASURED = Source("this run's own journal", "", "own data")
_DECLARED = Source("declared for this estimate", "", "own data")


_WEAKNESS = {way: weakness for weakness, way in enumerate(ResolvedBy)}


@dataclass(slots=True)
class _Sums:
    """Energy of one source and its bounds: its error is shared, so they add up."""

    value_kwh: float = 0.0
    low_kwh: float = 0.0
    high_kwh: float = 0.0
    tiers: set[str] = field(default_factory=set)
    declared: bool = True
    unbounded: int = 0

    def add(self, line: InventoryLine, energy_kwh: float) -> None:
        low, high = line.energy_low_kwh, line.energy_high_kwh
        if low is None or high is None:
            band = TIER_BANDS[line.tier] if line.tier else (1.0, 1.0)
            self.unbounded += line.tier is None
            low, high = energy_kwh * band[0], energy_kwh * band[1]
        self.value_kwh += energy_kwh
        self.low_kwh += low
        self.high_kwh += high
        self.declared &= line.basis is Basis.DECLARED
        self.tiers |= {line.tier.value} if line.tier else set()

    def term(self, source: str) -> Term:
        exists = self.value_kwh > 0
        tiers = f"tier {' and '.join(sorted(self.tiers))}" if self.tiers else "as declared"
        return Term(
            id=f"energy/{source}",
            quantity="energy_error",
            value=1.0,
            unit="1",
            low=self.low_kwh / self.value_kwh if exists else 1.0,
            high=self.high_kwh / self.value_kwh if exists else 1.0,
            bounds="tier" if self.tiers else "source",
            resolved_by=ResolvedBy.DECLARED
            if self.declared or not self.tiers
            else ResolvedBy.MEASURED,
            requested="",
            zone=None,
            year=None,
            source=_DECLARED if self.declared else _MEASURED,
            note=f"error of the energy figures of this source, {tiers}",
        )


def _term(resolution: Resolution, low: float, high: float, bounds: str) -> Term:
    factor = resolution.factor
    return Term(
        id=factor.id,
        quantity=factor.quantity,
        value=factor.value,
        unit=factor.unit,
        low=low,
        high=high,
        bounds=bounds,
        resolved_by=resolution.resolved_by,
        requested="",
        zone=factor.zone,
        year=factor.year,
        source=factor.source,
        note="; ".join(part for part in (factor.method, factor.note) if part),
    )


class Register:
    """Terms of one estimate, each entered once under its id.

    Parameters
    ----------
    catalogue : FactorCatalogue
    signal : SignalKind
        The one kind of grid intensity that the estimate uses.

    Attributes
    ----------
    terms : dict of str to Term
    findings : list of Finding
        What was found while factors were looked up.
    """

    def __init__(self, catalogue: FactorCatalogue, signal: SignalKind) -> None:
        self.terms: dict[str, Term] = {}
        self.findings: list[Finding] = []
        self._catalogue = catalogue
        self._signal = signal
        self._known: dict[tuple[str, str | None, str, int | None], Term] = {}

    @property
    def catalogue_digest(self) -> str:
        """Digest of the catalogue that the factors come from."""
        return self._catalogue.digest

    def declared(
        self,
        term_id: str,
        quantity: str,
        value: float,
        unit: str = "1",
        *,
        like: Mapping[str, str] | None = None,
        within: tuple[float, float] | None = None,
    ) -> Term:
        """Enter a number that the caller of the estimate gave, `within` its own bounds if any.

        With `like` (a zone, a subject) it has the default bounds of such a factor: a grid
        intensity that somebody typed is no more certain than one of a table.
        """
        if term_id in self.terms:
            return self.terms[term_id]
        low, high, bounds = value, value, "none"
        if like is not None:
            low, high, bounds = self._catalogue.default_bounds(quantity, value, **like)
        if within is not None and within != (value, value):
            (low, high), bounds = within, "source"
        term = Term(
            id=term_id,
            quantity=quantity,
            value=value,
            unit=unit,
            low=low,
            high=high,
            bounds=bounds,
            resolved_by=ResolvedBy.DECLARED,
            requested="",
            zone=None,
            year=None,
            source=_DECLARED,
        )
        self.terms[term_id] = term
        return term

    def enter(self, resolution: Resolution, requested: str = "") -> Term:
        """Enter a factor under its id; where it was found twice, the weaker way shows."""
        self.findings.extend(resolution.findings)
        low, high, bounds = self._catalogue.bounds(resolution.factor)
        term = _term(resolution, low, high, bounds)
        if resolution.resolved_by is not ResolvedBy.EXACT:
            term = replace(term, requested=requested)
        known = self.terms.get(term.id)
        if known is None or _WEAKNESS[term.resolved_by] > _WEAKNESS[known.resolved_by]:
            self.terms[term.id] = term
        return self.terms[term.id]

    def enter_covered(self, resolution: Resolution) -> None:
        """Enter a factor whose error is part of the error of an energy source."""
        value = resolution.factor.value
        self.findings.extend(resolution.findings)
        self.terms.setdefault(
            resolution.factor.id, _term(resolution, value, value, "tier of the energy")
        )

    def knows_device(self, device: str) -> bool:
        """Whether any factor describes the device or its class."""
        kind = device.partition(".")[0]
        return any(f.subject.partition(".")[0] == kind for f in self._catalogue.factors.values())

    def report_gap(self, code: str, message: str, remedy: str) -> None:
        """Add a finding about something that the estimate could not hold."""
        self.findings.append(Finding(code, message, remedy=remedy))

    def energy_terms(self, lines: Iterable[InventoryLine]) -> None:
        """Enter one term per energy source: how far its figures may be off."""
        sources: dict[str, _Sums] = defaultdict(_Sums)
        for line in lines:
            if line.energy_kwh is not None:
                sources[line.source].add(line, line.energy_kwh)
        for source, sums in sources.items():
            if sums.unbounded:
                self.report_gap(
                    "energy-unbounded",
                    f"{sums.unbounded} energy figure(s) of {source!r} have no bounds; "
                    "they are taken as exact.",
                    "Declare bounds, or the tier of the source.",
                )
            self.terms[f"energy/{source}"] = sums.term(source)

    def look_up(
        self, quantity: str, *, zone: str | None = None, subject: str = "", year: int | None = None
    ) -> Term:
        """Resolve a factor and enter it.

        Raises
        ------
        FactorNotFound
            If the catalogue has no answer.
        """
        key = (quantity, zone, subject, year)
        if key not in self._known:
            signal = self._signal if quantity == "grid_intensity" else None
            resolution = self._catalogue.resolve(
                quantity, zone=zone, subject=subject, year=year, signal=signal
            )
            requested = " ".join(str(part) for part in (zone, subject, year) if part)
            self._known[key] = self.enter(resolution, requested)
        return self._known[key]
