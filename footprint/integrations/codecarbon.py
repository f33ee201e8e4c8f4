"""Import the `emissions.csv` of codecarbon, and compare its energy with ours.

What is taken from a row: time, duration, energy, and the models of processor and
GPU. What is not: its emissions (they rest on a place that codecarbon guesses
without saying so), and its latitude and longitude (they would place a client).
Its country is not taken for the grid zone either: no column says whether a
person gave it or an address lookup found it. So the zone must be passed, here or
when estimating.

The tier is always E. No column says whether the processor was measured (RAPL)
or looked up, and the memory, which is a part of each figure, never is measured.

Columns as in codecarbon 3.3, which older versions wrote a part of. codecarbon
itself is not needed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from footprint.errors import DataError
from footprint.integrations.codecarbon_rows import (
    EmissionsRow,
    overlap,
    read_rows,
    without_running_totals,
)
from footprint.measurement.meter import TIER_BANDS
from footprint.model import (
    Activity,
    Basis,
    Finding,
    Journal,
    Phase,
    Role,
    Run,
    Severity,
    Tier,
)

# Share of a figure from which on its table value for memory explains a difference.
_LARGE_SHARE = 0.3


def read_emissions_csv(
    path: Path | str,
    *,
    zone: str | None = None,
    device: str | None = None,
    role: Role | str = Role.OTHER,
) -> Journal:
    """Import codecarbon's `emissions.csv`.

    Parameters
    ----------
    path : path
    zone : str, optional
        Grid zone of all rows, such as ``"FR"``; the file does not tell.
    device : str, optional
        Device class of the catalogue.
    role : Role or str
        Which side of a training the rows are on.

    Returns
    -------
    Journal
        One activity of phase ``train`` per row. The actor is the project's name,
        or the run id where it has none. Of several rows with one run id that
        only grow, the last is taken: codecarbon's `flush` writes running totals.
        The overhead of a data centre (column ``pue``) is divided out of the
        energy [kWh], since an estimate adds it again. Times without a zone are
        read as UTC.

    Raises
    ------
    DataError
        If a column is missing or unknown, or a value cannot be read.
    """
    path, role = Path(path), Role.parse(role)
    rows, source = read_rows(path)
    last, superseded = without_running_totals(rows)
    activities = [_activity(row, zone, device, role) for row in last]
    names = {row.actor for row in last}
    return Journal.of(
        Run(names.pop() if len(names) == 1 else path.stem),
        activities,
        findings=tuple(_findings(path.name, last, superseded)),
        inputs=(source,),
    )


def cross_check(energy_kwh_ours: float, csv_path: Path | str) -> Finding:
    """Compare our energy of a whole run with codecarbon's.

    Parameters
    ----------
    energy_kwh_ours : float
        Energy of the devices without the overhead of a data centre [kWh].
    csv_path : path
        codecarbon's `emissions.csv` of the same run.

    Returns
    -------
    Finding
        A warning if the two differ by more than the bounds of tier E.

    Raises
    ------
    DataError
        As `read_emissions_csv`, and if either energy is not above 0.
    """
    path = Path(csv_path)
    rows, _ = without_running_totals(read_rows(path)[0])
    theirs_kwh = math.fsum(row.energy_kwh for row in rows)
    if not (energy_kwh_ours > 0 and theirs_kwh > 0):
        raise DataError(
            f"{path}: {energy_kwh_ours:.3g} kWh (ours) and {theirs_kwh:.3g} kWh (codecarbon) "
            "cannot be compared; both must be above 0.",
            "Compare runs that both tools saw.",
        )
    ratio = theirs_kwh / energy_kwh_ours
    low, high = TIER_BANDS[Tier.E]
    return Finding(
        "codecarbon-cross-check",
        f"codecarbon found {theirs_kwh:.3g} kWh where we found {energy_kwh_ours:.3g} kWh: "
        f"{100 * (ratio - 1):+.0f} %.",
        Severity.INFO if low <= ratio <= high else Severity.WARNING,
        " ".join(_reasons(rows, theirs_kwh, ratio)),
        path.name,
    )


def _reasons(rows: Sequence[EmissionsRow], theirs_kwh: float, ratio: float) -> Iterator[str]:
    memory_kwh = math.fsum(row.memory_kwh or 0.0 for row in rows)
    if memory_kwh > _LARGE_SHARE * theirs_kwh:
        yield (
            f"{100 * memory_kwh / theirs_kwh:.0f} % of its figure is memory, which it takes "
            "from a table by the number of modules and does not measure."
        )
    modes = {row.machine for row in rows}
    if True in modes and ratio > 1:
        yield "It counted the whole machine; we count our processes and their share of idle power."
    if True in modes and overlap(rows):
        yield "Several of its trackers ran at once, and each counted the machine."
    if ratio < 1:
        yield (
            "It loses the time between tasks when start() and start_task() are mixed, and "
            "takes 4 W per thread for a processor that it does not know."
        )
    if None in modes:
        yield "Its file does not say whether it counted a process or the machine."


def _activity(row: EmissionsRow, zone: str | None, device: str | None, role: Role) -> Activity:
    # 0 kWh over a time is a tracker that read nothing: missing is not 0.
    energy_kwh = None if row.energy_kwh == 0 and row.duration_s > 0 else row.energy_kwh
    low, high = TIER_BANDS[Tier.E]
    return Activity(
        actor=row.actor,
        role=role,
        device=device,
        zone=zone,
        phase=Phase.TRAIN,
        round=None,
        start_s=row.start_s,
        duration_s=row.duration_s,
        energy_kwh=energy_kwh,
        energy_low_kwh=None if energy_kwh is None else energy_kwh * low,
        energy_high_kwh=None if energy_kwh is None else energy_kwh * high,
        data_gb=0.0,
        basis=Basis.MODELLED,
        tier=None if energy_kwh is None else Tier.E,
        source=row.hardware,
    )


def _findings(file: str, rows: Sequence[EmissionsRow], superseded: int) -> Iterator[Finding]:
    for row in rows:
        if row.energy_kwh == 0 and row.duration_s > 0:
            yield Finding(
                "codecarbon-zero",
                f"The row says 0 kWh over {row.duration_s:.3g} s; its energy is unknown.",
                Severity.ERROR,
                "Measure the run again, or leave the row out.",
                f"{file}:{row.line}",
            )
    if superseded:
        yield Finding(
            "codecarbon-running-total",
            f"{superseded} row(s) are included in a later one of the same run; they were left out.",
            Severity.INFO,
            place=file,
        )
    if any(row.pue > 1 for row in rows):
        yield Finding(
            "codecarbon-overhead",
            "codecarbon had multiplied its energy by the overhead of a data centre (pue); "
            "that was divided out.",
            Severity.INFO,
            "Give the overhead when estimating.",
            file,
        )
    if overlap(rows):
        yield Finding(
            "codecarbon-machine-twice",
            "Rows overlap in time, and each counts its whole machine.",
            remedy="If they ran on one machine, keep one of them: its energy was counted "
            "several times.",
            place=file,
        )
