"""The factor catalogue: look a factor up, and say how it was found."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from footprint import _resources
from footprint.errors import FactorError
from footprint.factors.bands import Band, BandKey, find_band
from footprint.factors.files import (
    VERSION_FILE,
    FactorFolder,
    fault,
    read_folder,
    read_subjects,
    read_zones,
)
from footprint.factors.resolution import (
    GroupKey,
    Query,
    class_not_found,
    not_found,
    resolve_query,
    subject_lineage,
)
from footprint.factors.schema import FactorRow
from footprint.factors.zones import Zone, Zones
from footprint.model import EmissionFactor, Finding, Resolution, Severity, SignalKind

_CALVER = re.compile(r"\d{4}\.\d{1,2}\.\d+")


@dataclass(frozen=True, slots=True, repr=False)
class FactorCatalogue:
    """All factors that a calculation may use. Made by `load_catalogue`.

    Attributes
    ----------
    version : str
        CalVer of the built-in data, with ``+local`` if folders were added.
    digest : str
        SHA-256 over names and bytes of all data files: what a result pins.
    factors : mapping of str to EmissionFactor
        By id; values in canonical units.
    zones : Zones
    findings : tuple of Finding
        What a reader must know, such as overridden rows.
    """

    version: str
    digest: str
    factors: Mapping[str, EmissionFactor]
    zones: Zones
    findings: tuple[Finding, ...]
    _groups: Mapping[GroupKey, tuple[FactorRow, ...]]
    _bands: Mapping[BandKey, Band]

    def __repr__(self) -> str:
        return f"<FactorCatalogue {self.version}, {len(self.factors)} factors>"

    def get(self, factor_id: str) -> EmissionFactor:
        """Look a factor up by its id.

        Raises
        ------
        FactorNotFound
            If there is none; close ids are named.
        """
        factor = self.factors.get(factor_id)
        if factor is None:
            raise not_found(f"There is no factor {factor_id!r}", factor_id, self.factors)
        return factor

    def resolve(
        self,
        quantity: str,
        *,
        zone: str | None = None,
        subject: str = "",
        year: int | None = None,
        signal: SignalKind | None = None,
    ) -> Resolution:
        """Find the factor for a query, and say by which steps.

        The chain: zone and year as asked; the nearest year; the zone that contains
        it; the class of the device (``gpu`` for ``gpu.rtx4090``). Never a world
        average for an unknown place, never another kind of signal.

        Parameters
        ----------
        quantity : str
            A key of `QUANTITIES`.
        zone : str, optional
            Zone id or alpha-3 code, in any case.
        subject : str
            Device, network segment, price; empty for a place as such.
        year : int, optional
            Without it, the year nearest to the catalogue's own is taken.
        signal : SignalKind, optional
            For ``grid_intensity`` only; default average/location/life-cycle.

        Raises
        ------
        FactorNotFound
            If nothing answers; close matches are named.
        UsageError
            If `signal` is given for another quantity.
        FactorError
            If several factors answer and none is preferred.
        """
        query = Query.of(quantity, zone, subject, year, signal, self.zones)
        return resolve_query(query, self._groups, self.zones, int(self.version.split(".")[0]))

    def find_device(self, device: str) -> None:
        """Look up a class of device, of which the power alone may be known.

        Raises
        ------
        FactorNotFound
            If no factor describes it.
        """
        kind = device.partition(".")[0]
        if not any(one.subject.partition(".")[0] == kind for one in self.factors.values()):
            self.resolve("embodied", subject=device)

    def years(self, factor_id: str) -> tuple[int, int] | None:
        """First and last year that a factor describes; None if it holds until it is replaced.

        Raises
        ------
        FactorNotFound
            If there is no such factor.
        """
        days = self.days(factor_id)
        return None if days is None else (days[0].year, days[1].year)

    def days(self, factor_id: str) -> tuple[date, date] | None:
        """First and last day that a factor describes; None if it holds until it is replaced.

        Raises
        ------
        FactorNotFound
            If there is no such factor.
        """
        rows = self._groups[GroupKey.of(self.get(factor_id))]
        return next(row.days for row in rows if row.factor.id == factor_id)

    def bounds(self, factor: EmissionFactor) -> tuple[float, float, str]:
        """95 % bounds of a factor, in its unit.

        Returns
        -------
        low, high : float
            Both equal to the value if no bounds are known.
        kind : {'source', 'default band', 'none'}
        """
        if factor.low is not None and factor.high is not None:
            return factor.low, factor.high, "source"
        band = self._band(factor)
        bounds = band.around(factor.quantity, factor.value) if band else None
        if bounds is None:
            return factor.value, factor.value, "none"
        return *bounds, "default band"

    def default_bounds(
        self, quantity: str, value: float, *, zone: str = "", subject: str = ""
    ) -> tuple[float, float, str]:
        """95 % bounds of a value that has no source of its own; as `bounds` gives them."""
        zones = self.zones.lineage(zone) if zone else []
        band = find_band(self._bands, quantity, zones, subject_lineage(subject))
        found = band.around(quantity, value) if band else None
        return (value, value, "none") if found is None else (*found, "default band")

    def bounds_basis(self, factor: EmissionFactor) -> str:
        """Say in words where the bounds of a factor come from."""
        if factor.low is not None and factor.high is not None:
            return "bounds as the source gives them, or as the note says"
        band = self._band(factor)
        return band.basis if band else "no band is defined for this quantity"

    def _band(self, factor: EmissionFactor) -> Band | None:
        zones = self.zones.lineage(factor.zone) if factor.zone else []
        return find_band(self._bands, factor.quantity, zones, subject_lineage(factor.subject))


def load_catalogue(folders: Sequence[Path] = ()) -> FactorCatalogue:
    """Load the built-in factors, then folders that add or override rows by id.

    A preferred row of a later folder also takes precedence over earlier rows that
    answer the same query. Both show up in `FactorCatalogue.findings`.

    Raises
    ------
    FactorError
        If any file is broken; the message names file, line, id and reason.
    """
    return _load(tuple(Path(folder) for folder in folders)) if folders else _built_in()


def find_zone(text: str) -> Zone:
    """Look up a zone of the built-in catalogue, without loading its factors.

    Raises
    ------
    FactorNotFound
        If there is no such zone; close matches are named.
    """
    return read_zones(_resources.emission_factors()).find(text)


def find_device(text: str) -> str:
    """Look up the class of a device in the built-in catalogue, without loading its factors.

    Raises
    ------
    FactorNotFound
        If there is no such class; those that there are are named.
    """
    known = read_subjects(_resources.emission_factors() / "hardware" / "lifespans.csv")
    for name in subject_lineage(text):
        if name in known:
            return name
    raise class_not_found(f"There is no device class {text!r}", text, known, "lifespan")


def check_catalogue(folder: Path) -> list[Finding]:
    """Find all faults of a factor folder.

    A folder with a ``VERSION`` file is checked on its own, any other on top of the
    built-in catalogue.

    Returns
    -------
    list of Finding
        Empty if all is well; one finding per fault.

    Raises
    ------
    FactorError
        If `folder` is not a folder.
    """
    own = read_folder(folder)
    if own.version:
        return _assemble([own])[1]
    base = read_folder(_resources.emission_factors())
    return _assemble([base, read_folder(folder, base.zones)])[1]


@lru_cache(maxsize=1)
def _built_in() -> FactorCatalogue:
    return _load(())


def _load(folders: tuple[Path, ...]) -> FactorCatalogue:
    read = [read_folder(_resources.emission_factors())]
    known: dict[str, Zone] = dict(read[0].zones)
    for folder in folders:
        read.append(read_folder(folder, known))
        known |= read[-1].zones
    catalogue, faults = _assemble(read)
    if faults:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise FactorError(faults[0].message + more, faults[0].remedy)
    return catalogue


def _assemble(folders: list[FactorFolder]) -> tuple[FactorCatalogue, list[Finding]]:
    """Merge folders, later ones on top, and collect every fault."""
    rows: dict[str, FactorRow] = {}
    zones: dict[str, Zone] = {}
    bands: dict[BandKey, Band] = {}
    findings: list[Finding] = []
    faults: list[Finding] = []
    for folder in folders:
        faults += folder.faults
        zones |= folder.zones
        bands |= folder.bands
        if rows:
            findings += _override(rows, folder)
        rows |= folder.rows
    groups: dict[GroupKey, list[FactorRow]] = {}
    for row in rows.values():
        groups.setdefault(GroupKey.of(row.factor), []).append(row)
    faults += _preference_faults(groups)
    if not _CALVER.fullmatch(folders[0].version):
        reason = f"{folders[0].version!r} is not a version such as 2026.11.0"
        faults.append(fault(VERSION_FILE, reason))
    digests = [folder.digest for folder in folders]
    digest = digests[0]
    if len(digests) > 1:
        digest = hashlib.sha256("\n".join(digests).encode()).hexdigest()
    catalogue = FactorCatalogue(
        version=folders[0].version + ("+local" if len(folders) > 1 else ""),
        digest=digest,
        factors=MappingProxyType({key: row.factor for key, row in rows.items()}),
        zones=Zones(zones),
        findings=tuple(findings),
        _groups={key: tuple(group) for key, group in groups.items()},
        _bands=bands,
    )
    return catalogue, faults


def _override(rows: dict[str, FactorRow], folder: FactorFolder) -> list[Finding]:
    """Let the rows of `folder` win over `rows`, and report each time they do."""
    findings = []
    taken = {
        (GroupKey.of(row.factor), row.years): key
        for key, row in folder.rows.items()
        if row.factor.preferred
    }
    for key, row in rows.items():
        new = folder.rows.get(key)
        winner = taken.get((GroupKey.of(row.factor), row.years))
        if new is not None:
            change = f"{key} is overridden: {row.factor.value:g} becomes {new.factor.value:g}"
            findings.append(_override_finding(f"{change} {new.factor.unit}", folder, new))
        elif winner is not None and row.factor.preferred:
            rows[key] = replace(row, factor=replace(row.factor, preferred=False))
            by = folder.rows[winner]
            findings.append(_override_finding(f"{winner} is used instead of {key}", folder, by))
    return findings


def _override_finding(message: str, folder: FactorFolder, row: FactorRow) -> Finding:
    return Finding(
        code="factor-override",
        message=f"{message} ({row.place} of {folder.path.name}).",
        severity=Severity.WARNING,
        remedy="Results differ from those with the built-in factors.",
        place=row.factor.id,
    )


def _preference_faults(groups: Mapping[GroupKey, Sequence[FactorRow]]) -> list[Finding]:
    """Check that of the rows that answer one query exactly one is preferred."""
    faults = []
    for group in groups.values():
        by_years: dict[tuple[int, int] | None, list[FactorRow]] = {}
        for row in group:
            by_years.setdefault(row.years, []).append(row)
        for rows in by_years.values():
            preferred = [row for row in rows if row.factor.preferred]
            if len(preferred) != 1:
                ids = ", ".join(row.factor.id for row in rows)
                reason = f"{len(preferred)} of {ids} are preferred, expected exactly 1"
                place = f"{rows[-1].place}, {rows[-1].factor.id}"
                faults.append(fault(place, reason))
    return faults
