"""The contract of an energy source, and the bounds of each tier."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from footprint.model import Tier
from footprint.units import MJ_PER_J, UJ_PER_J, joules_to_kwh

TIER_BANDS: Mapping[Tier, tuple[float, float]] = {
    # Multiplicative 95 % bounds per tier. Proposals of this project, after the
    # accuracy of meters in published comparisons; see docs/methodology.md.
    Tier.A: (0.97, 1.03),
    Tier.B: (0.95, 1.05),
    Tier.C: (0.90, 1.10),
    Tier.D: (0.83, 1.17),
    Tier.E: (0.5, 2.0),
    Tier.F: (0.3, 3.0),
}


@dataclass(frozen=True, slots=True)
class Reading:
    """Cumulative counters of one source at one moment.

    Attributes
    ----------
    counters : mapping of str to float
        Each name ends in its unit: ``"package-0_uj"``, ``"gpu-1_mj"``,
        ``"process_s"``. Names of energy begin with the part that they cover:
        ``package``, ``dram``, ``gpu``, ``board`` (a whole device: the rails of a
        board, a battery). Values never fall; only differences of two readings mean
        anything.
    """

    counters: Mapping[str, float]


_J_PER_UNIT = {"uj": 1 / UJ_PER_J, "mj": 1 / MJ_PER_J, "j": 1.0}


def part_of(counter: str) -> str:
    """Part that an energy counter of a journal covers: ``"rapl.dram-0_uj"`` is ``"dram"``.

    Empty for a counter of something else than energy.
    """
    name, _, unit = counter.partition(".")[2].rpartition("_")
    return name.partition("-")[0] if unit in _J_PER_UNIT else ""


def gpu_of(counter: str) -> str:
    """Find the GPU that a counter is about: ``"1"`` for ``"nvml.gpu-1_mj"``."""
    return counter.partition(".")[2].rpartition("_")[0].partition("-")[2]


def counter_kwh(counter: str, value: float) -> float:
    """Energy of a counter of a journal, whose name says its unit [kWh]."""
    return joules_to_kwh(value * _J_PER_UNIT[counter.rpartition("_")[2]])


class Meter(Protocol):
    """An energy source, or a counter that energy can be estimated from.

    One method. A source that cannot be read raises `MeterError`, which the
    tracker writes to the journal; it never returns a 0 that it did not see.
    """

    @property
    def name(self) -> str:
        """Short name that prefixes the counters in a journal."""

    @property
    def tier(self) -> Tier | None:
        """Quality of its energy; None if it counts something else than energy."""

    def read(self) -> Reading:
        """Read the counters now.

        Raises
        ------
        MeterError
            If the source cannot be read.
        """
