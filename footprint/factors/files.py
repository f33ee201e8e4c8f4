"""Read a folder of factor files; every fault is kept, with file, line and reason."""

from __future__ import annotations

import csv
import hashlib
import io
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from footprint.errors import FactorError
from footprint.factors.bands import Band, BandKey, parse_bands
from footprint.factors.schema import COLUMNS, FactorRow, parse_row
from footprint.factors.zones import ZONE_COLUMNS, Zone, Zones, zone_faults
from footprint.model import Finding, Severity

VERSION_FILE = "VERSION"
ZONES_FILE = "zones.csv"
BANDS_FILE = "uncertainty.toml"
EXCLUDED_FILE = "EXCLUDED.csv"
_SIDECAR_KEYS = {"title", "description", "compiled", "attribution", "licences", "columns"}
_LARGEST_FILE = 64_000_000  # bytes; the files of a catalogue are a thousandth of this


@dataclass(frozen=True, slots=True)
class FactorFolder:
    """What one folder holds.

    Attributes
    ----------
    version : str
        Text of ``VERSION``; empty for a folder that only adds to a catalogue.
    digest : str
        SHA-256 over the names and bytes of its data files.
    zones : dict
        The zones that the folder defines itself.
    rows : dict of str to FactorRow
        By id.
    bands : dict
    faults : list of Finding
    """

    path: Path
    version: str
    digest: str
    zones: dict[str, Zone] = field(default_factory=dict)
    rows: dict[str, FactorRow] = field(default_factory=dict)
    bands: dict[BandKey, Band] = field(default_factory=dict)
    faults: list[Finding] = field(default_factory=list)


def fault(place: str, reason: str) -> Finding:
    """Make one broken thing in a factor folder a finding."""
    return Finding(
        code="factor-file",
        message=f"{place}: {reason}",
        severity=Severity.ERROR,
        remedy="Correct the file, then run: footprint factors check FOLDER",
        place=place,
    )


def read_zones(path: Path) -> Zones:
    """Read the zones of a factor folder alone, which takes a hundredth of reading it all."""
    folder = FactorFolder(path, "", "")
    for file in sorted(path.rglob(ZONES_FILE)):
        _read_zones(folder, file.name, file.read_bytes())
    return Zones(folder.zones)


def read_subjects(path: Path) -> list[str]:
    """Read what the rows of one factor file are about, and nothing else of it."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(dict.fromkeys(row["subject"] for row in csv.DictReader(file)))


def read_folder(path: Path, known_zones: Mapping[str, Zone] | None = None) -> FactorFolder:
    """Read every factor file below `path`.

    Parameters
    ----------
    path : Path
        Folder with ``*.csv`` files in any sub-folder, and optionally ``VERSION``,
        ``grid/zones.csv`` and ``uncertainty.toml``.
    known_zones : mapping, optional
        Zones that the rows may name besides the folder's own.

    Raises
    ------
    FactorError
        If `path` is not a folder. Faults inside are returned, not raised.
    """
    if not path.is_dir():
        raise FactorError(
            f"{path} is not a folder of factor files.",
            "Give a folder that holds CSV files with the columns that docs/factors.md lists.",
        )
    contents = _read_bytes(path)
    version = contents.get(VERSION_FILE, b"").decode("utf-8", "replace").strip()
    folder = FactorFolder(path, version, _digest(contents))
    tables = {name: data for name, data in contents.items() if name.endswith(".csv")}
    for name, data in tables.items():
        if Path(name).name == ZONES_FILE:
            _read_zones(folder, name, data)
    all_zones = {**(known_zones or {}), **folder.zones}
    for zone in folder.zones.values():
        for reason in zone_faults(zone, all_zones):
            folder.faults.append(fault(f"{ZONES_FILE}, {zone.id}", reason))
    zones = Zones(all_zones)
    names = [name for name in tables if Path(name).name not in (ZONES_FILE, EXCLUDED_FILE)]
    for name in names:
        _read_factors(folder, name, tables[name], zones)
        _check_sidecar(folder, name, contents)
    if not names:
        folder.faults.append(fault(path.name, "holds no factor file (*.csv)"))
    if BANDS_FILE in contents:
        text = _decode(folder, BANDS_FILE, contents[BANDS_FILE])
        bands, reasons = parse_bands(text or "")
        folder.bands.update(bands)
        folder.faults.extend(fault(BANDS_FILE, reason) for reason in reasons)
    elif version:
        folder.faults.append(fault(BANDS_FILE, "is missing"))
    return folder


def _read_bytes(path: Path) -> dict[str, bytes]:
    files = sorted(
        file for file in path.rglob("*") if file.suffix in (".csv", ".toml") and file.is_file()
    )
    if (path / VERSION_FILE).is_file():
        files.append(path / VERSION_FILE)
    for file in files:
        if file.stat().st_size > _LARGEST_FILE:
            raise FactorError(f"{file} is larger than {_LARGEST_FILE // 1_000_000} MB.")
    return {file.relative_to(path).as_posix(): file.read_bytes() for file in files}


def _digest(contents: Mapping[str, bytes]) -> str:
    total = hashlib.sha256()
    for name in sorted(contents):
        # Lengths keep a byte from moving between a name and its content unseen.
        total.update(f"{len(name.encode())} {len(contents[name])} {name}\n".encode())
        total.update(contents[name])
    return total.hexdigest()


def _decode(folder: FactorFolder, name: str, data: bytes) -> str | None:
    try:
        return data.decode("utf-8-sig")  # spreadsheets write the mark at the start
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        folder.faults.append(fault(f"{name}, line {line}", "not UTF-8; save the file as UTF-8"))
        return None


def _read_cells(
    folder: FactorFolder, name: str, data: bytes, columns: tuple[str, ...]
) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield place and cells of each row; broken tables become faults."""
    text = _decode(folder, name, data)
    if text is None:
        return
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [cell.strip() for cell in next(reader, [])]
        if sorted(header) != sorted(columns):
            folder.faults.append(fault(f"{name}, line 1", _header_reason(header, columns)))
            return
        for row in reader:
            place = f"{name}, line {reader.line_num}"
            if len(row) != len(header):
                if row:
                    reason = f"{len(row)} cells, expected {len(header)}"
                    folder.faults.append(fault(f"{place}, {row[0]}", reason))
                continue
            yield place, {key: cell.strip() for key, cell in zip(header, row, strict=True)}
    except csv.Error as error:
        folder.faults.append(fault(f"{name}, line {reader.line_num}", f"not CSV: {error}"))


def _header_reason(header: list[str], columns: tuple[str, ...]) -> str:
    if not header:
        return f"empty file, expected the columns {','.join(columns)}"
    missing = [column for column in columns if column not in header]
    unknown = [column for column in header if column not in columns]
    parts = []
    if missing:
        parts.append(f"missing column {', '.join(missing)}")
    if unknown:
        parts.append(f"unknown column {', '.join(unknown)}")
    return "; ".join(parts) or "a column stands there twice"


def _read_zones(folder: FactorFolder, name: str, data: bytes) -> None:
    for place, cells in _read_cells(folder, name, data, ZONE_COLUMNS):
        key = cells["zone"]
        if not key or key in folder.zones:
            reason = "the zone stands there twice" if key else "zone is missing"
            folder.faults.append(fault(f"{place}, {key}", reason))
            continue
        folder.zones[key] = Zone(key, cells["iso3"], cells["name"], cells["parent"])


def _read_factors(folder: FactorFolder, name: str, data: bytes, zones: Zones) -> None:
    for place, cells in _read_cells(folder, name, data, COLUMNS):
        row, reasons = parse_row(cells, zones, place)
        key = cells["id"]
        if key in folder.rows:
            reasons.append(f"the id stands already in {folder.rows[key].place}")
        elif row is not None:
            folder.rows[key] = row
        folder.faults.extend(fault(f"{place}, {key or '(no id)'}", why) for why in reasons)


def _check_sidecar(folder: FactorFolder, name: str, contents: Mapping[str, bytes]) -> None:
    """Check the TOML file beside a table; only a full catalogue must have one."""
    sidecar = name.removesuffix(".csv") + ".toml"
    if sidecar not in contents:
        if folder.version:
            folder.faults.append(fault(sidecar, "is missing"))
        return
    text = _decode(folder, sidecar, contents[sidecar])
    try:
        document = tomllib.loads(text or "")
    except tomllib.TOMLDecodeError as error:
        folder.faults.append(fault(sidecar, f"not TOML: {error}"))
        return
    for key in sorted(_SIDECAR_KEYS - set(document)):
        folder.faults.append(fault(sidecar, f"{key} is missing"))
    for key in sorted(set(document) - _SIDECAR_KEYS):
        folder.faults.append(fault(sidecar, f"unknown key {key!r}"))
    stated = document.get("licences", [])
    used = {r.factor.source.licence for r in folder.rows.values() if r.place.startswith(f"{name},")}
    for licence in sorted(used - set(stated if isinstance(stated, list) else [])):
        folder.faults.append(fault(sidecar, f"licences does not list {licence!r}"))
