"""The register of an estimate: every factor used, and every meter's error, once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from footprint.factors import FactorCatalogue
from footprint.model import (
    Finding,
    InventoryLine,
    Resolution,
    ResolvedBy,
    SignalKind,
    Source,
    Term,
    Tier,
)

_MEASURED = Source("this run's own journal", "", "own data")
_DECLARED = Source("declared for this estimate", "", "own data")


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

    def declared(self, term_id: str, quantity: str, value: float) -> Term:
        """Enter a pure number that the caller of the estimate gave."""
        term = Term(
            id=term_id,
            quantity=quantity,
            value=value,
            unit="1",
            low=value,
            high=value,
            bounds="none",
            resolved_by=ResolvedBy.DECLARED,
            requested="",
            zone=None,
            year=None,
            source=_DECLARED,
        )
        return self.terms.setdefault(term_id, term)

    def enter(self, resolution: Resolution, requested: str = "") -> Term:
        """Enter a factor under its id; the first entry stays."""
        self.findings.extend(resolution.findings)
        factor = resolution.factor
        low, high, bounds = self._catalogue.bounds(factor)
        term = Term(
            id=factor.id,
            quantity=factor.quantity,
            value=factor.value,
            unit=factor.unit,
            low=low,
            high=high,
            bounds=bounds,
            resolved_by=resolution.resolved_by,
            requested=requested,
            zone=factor.zone,
            year=factor.year,
            source=factor.source,
            note="; ".join(part for part in (factor.method, factor.note) if part),
        )
        return self.terms.setdefault(factor.id, term)

    def energy_terms(self, lines: Iterable[InventoryLine]) -> None:
        """Enter one term per energy source: how far its figures may be off."""
        sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
        tiers: dict[str, Tier] = {}
        for line in lines:
            if line.energy_kwh is None or line.tier is None:
                continue
            total = sums[line.source]
            total[0] += line.energy_kwh
            # Errors of one source are shared, so its bounds add up linearly.
            total[1] += line.energy_low_kwh or 0.0
            total[2] += line.energy_high_kwh or 0.0
            tiers[line.source] = max(tiers.get(line.source, line.tier), line.tier)
        for source, (value, low, high) in sums.items():
            self.terms[f"energy/{source}"] = Term(
                id=f"energy/{source}",
                quantity="energy_error",
                value=1.0,
                unit="1",
                low=low / value if value else 1.0,
                high=high / value if value else 1.0,
                bounds="tier",
                resolved_by=ResolvedBy.MEASURED,
                requested="",
                zone=None,
                year=None,
                source=_MEASURED,
                note=f"error of the energy figures of this source, tier {tiers[source]}",
            )

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
