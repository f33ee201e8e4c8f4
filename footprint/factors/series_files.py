"""Series of grid intensity in files: a table, and beside it where it comes from.

The table (CSV or Parquet) has the start of each step in UTC and a column per zone [gCO2e/kWh], as
simulations read it; an empty cell is a gap. Its certificate, ``<table>.json``, says signal, source,
when it was fetched and what was forecast.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from footprint.errors import DataError, MissingExtra, UsageError
from footprint.factors.intensity import IntensitySeries, Provenance, iso, stretches
from footprint.factors.series_rows import read_moment
from footprint.model import Finding, Severity, SignalKind, Source
from footprint.simulation.trace_files import load_table, read_stamps

FORMAT = "footprint-intensity-series/1"
TIME = "start_utc"
UNIT = "gCO2e/kWh"


def certificate_path(table: Path) -> Path:
    """File beside a table that says where it comes from."""
    return table.with_name(f"{table.name}.json")


def write_series(series: Sequence[IntensitySeries], path: Path) -> Path:
    """Write series of one signal and the same steps, and their certificate.

    Raises
    ------
    UsageError
        If they do not fit into one table, or the name ends neither in .csv nor in .parquet.
    MissingExtra
        For Parquet without pyarrow.
    DataError
        If the files cannot be written.
    """
    import pandas as pd

    first = series[0]
    for other in series[1:]:
        if (other.signal, other.start_s, other.step_s, len(other.values)) != (
            first.signal, first.start_s, first.step_s, len(first.values),
        ):  # fmt: skip
            raise UsageError(
                f"The series of {first.zone!r} and {other.zone!r} differ in signal or steps.",
                "Write each into a file of its own.",
            )
    if path.suffix not in (".csv", ".parquet"):
        raise UsageError(f"{path} ends neither in .csv nor in .parquet.", "Name it so.")
    columns = {one.zone: one.values for one in series}
    if len(columns) < len(series):
        raise UsageError("Two series are of one zone.", "Give one per zone.")
    table = pd.DataFrame({TIME: [iso(one) for one in first.starts_s], **columns})
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".parquet":
            table.to_parquet(part, index=False)
        else:
            table.to_csv(part, index=False, lineterminator="\n")
        text = json.dumps(_certificate(series, _digest(part)), indent=1, ensure_ascii=False)
        certificate_path(path).write_text(f"{text}\n", "utf-8")
        os.replace(part, path)  # noqa: PTH105 - both names are ours
    except ImportError as error:
        raise MissingExtra.of("parquet", "Writing Parquet files") from error
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror or error}.") from error
    finally:
        part.unlink(missing_ok=True)
    return path


def describe(one: IntensitySeries) -> dict[str, Any]:
    """Say of a series where it comes from, for certificates and programs."""
    of = one.provenance
    return {
        "zone": one.zone,
        "provider": of.provider,
        "source": asdict(of.source),
        "boundary": of.boundary,
        "fetched": None if of.fetched_s is None else iso(of.fetched_s),
        "estimated": _spans(one, one.estimated),
        "forecast": _spans(one, one.forecast),
        "gaps": _spans(one, np.isnan(one.values)),
        "findings": [asdict(finding) for finding in of.findings],
    }


def _spans(one: IntensitySeries, flags: Any) -> list[list[str]]:
    return [[iso(a), iso(b)] for a, b in stretches(flags, one.start_s, one.step_s)]


def _certificate(series: Sequence[IntensitySeries], digest: str) -> dict[str, Any]:
    first = series[0]
    return {
        "format": FORMAT,
        "unit": UNIT,
        "signal": str(first.signal),
        "stamp": "start",
        "start": iso(first.start_s),
        "step_s": first.step_s,
        "steps": len(first.values),
        "table_sha256": digest,
        "series": [describe(one) for one in series],
    }


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_certificate(path: Path) -> dict[str, Any] | None:
    """Read what stands beside a table; None if nothing does.

    Raises
    ------
    DataError
        If it is no certificate of this version.
    """
    beside = certificate_path(path)
    if not beside.is_file():
        return None
    try:
        found = json.loads(beside.read_text("utf-8"))
        if found["format"] != FORMAT or found["unit"] != UNIT:
            raise ValueError(found["format"])  # noqa: TRY301 - one message for all of it
        SignalKind.parse(found["signal"])
        int(found["step_s"])
        list(found["series"])
    except (OSError, ValueError, KeyError, TypeError, UsageError) as error:
        raise DataError(
            f"{beside} is no certificate of a series of this version ({error}).",
            "Fetch the series again, or remove that file and say the signal yourself.",
        ) from None
    return dict(found)


def read_series(path: Path, signal: SignalKind | None = None) -> list[IntensitySeries]:
    """Read a table, one series per zone.

    Parameters
    ----------
    path : Path
    signal : SignalKind, optional
        Kind of a table without a certificate. With one, the two must agree.

    Raises
    ------
    UsageError
        If nobody says what kind of signal it is.
    DataError
        If the table is not as it should be, or of another kind than asked for.
    """
    certificate = read_certificate(path)
    if certificate is None and signal is None:
        raise UsageError(
            f"Nothing beside {path} says what kind of intensity it holds.",
            "Say it: --signal average/location/life-cycle.",
        )
    kind = SignalKind.parse(certificate["signal"]) if certificate else signal
    assert kind is not None
    if signal is not None and signal != kind:
        raise DataError(
            f"{path} holds {kind} intensity, and {signal} is asked for.",
            "Kinds of intensity are never mixed: fetch the other one.",
        )
    table = load_table(path)
    name = str(table.columns[0])
    starts = read_stamps(table[name], "UTC", str(path))
    steps = np.diff(starts)
    if not len(steps) or (steps <= 0).any():
        raise DataError(f"{path}: stamps must rise from row to row, and be two or more.")
    step_s = int(certificate["step_s"]) if certificate else int(steps.min())
    places, off = np.divmod(starts - starts[0], step_s)
    if off.any():
        raise DataError(f"{path}: a stamp is off the grid of {step_s} s from the first one.")
    changed = certificate is not None and certificate["table_sha256"] != _digest(path)
    found = []
    for zone in table.columns[1:]:
        values = np.full(int(places[-1]) + 1, np.nan)
        values[places] = _numbers(table[zone], f"{path}, column {zone!r}")
        known = _known(certificate, str(zone), changed=changed, path=path)
        one = IntensitySeries(str(zone), int(starts[0]), step_s, values, kind, known)
        found.append(_marked(one, certificate))
    if not found:
        raise DataError(f"{path}: there is no column beside the stamps.")
    return found


def _numbers(column: Any, where: str) -> Any:
    import pandas as pd

    numbers = pd.to_numeric(column, errors="coerce")
    if (numbers.isna() & column.notna()).any():
        raise DataError(f"{where}: a cell is no number.")
    return numbers.to_numpy(dtype=np.float64)


def _entry(certificate: dict[str, Any] | None, zone: str) -> dict[str, Any]:
    entries = certificate["series"] if certificate else ()
    return next((one for one in entries if one["zone"] == zone), {})


def _known(
    certificate: dict[str, Any] | None, zone: str, *, changed: bool, path: Path
) -> Provenance:
    entry = _entry(certificate, zone)
    if not entry:
        return Provenance("file", Source(path.name, "", "not stated"), "not stated")
    findings = [
        Finding(**{**one, "severity": Severity(one["severity"])}) for one in entry["findings"]
    ]
    if changed:
        findings.append(
            Finding(
                "series-changed",
                f"{path.name} is not the table that its certificate was written for.",
                remedy="Fetch it again, or say what was changed.",
            )
        )
    fetched = entry["fetched"]
    return Provenance(
        entry["provider"],
        Source(**entry["source"]),
        entry["boundary"],
        None if fetched is None else read_moment(fetched),
        tuple(findings),
    )


def _marked(one: IntensitySeries, certificate: dict[str, Any] | None) -> IntensitySeries:
    """Mark what was estimated or forecast."""
    entry = _entry(certificate, one.zone)
    estimated, forecast = (
        np.zeros(len(one.values), dtype=np.bool_) for _ in ("estimated", "forecast")
    )
    for name, marks in (("estimated", estimated), ("forecast", forecast)):
        for begin, end in entry.get(name, ()):
            marks |= (one.starts_s >= read_moment(begin)) & (one.starts_s < read_moment(end))
    return replace(one, estimated=estimated, forecast=forecast)
