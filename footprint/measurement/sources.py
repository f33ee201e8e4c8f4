"""The energy sources that a tracker looks for, and which of them answer here."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from footprint.errors import DataError, MeterAbsent, MeterError
from footprint.measurement.amd import AmdMeter
from footprint.measurement.apple import AppleMeter
from footprint.measurement.battery import BatteryMeter
from footprint.measurement.calibration import calibration_for, journal_lines, machine_token
from footprint.measurement.cgroup import CgroupMeter
from footprint.measurement.jetson import JetsonMeter
from footprint.measurement.memory import MemoryMeter
from footprint.measurement.meter import TIER_BANDS, Meter
from footprint.measurement.nvml import NvmlMeter
from footprint.measurement.processor import ProcessorMeter, describe_machine
from footprint.measurement.rapl import RaplMeter
from footprint.model import Tier

if TYPE_CHECKING:
    from footprint.factors import FactorCatalogue

log = logging.getLogger("footprint")

METERS: dict[str, Callable[[], Meter]] = {
    "rapl": RaplMeter,
    "nvml": NvmlMeter,
    "amd": AmdMeter,
    "apple": AppleMeter,
    "jetson": JetsonMeter,
    "battery": BatteryMeter,
    "cpu": ProcessorMeter,
    "memory": MemoryMeter,
}
"""The energy sources that a tracker looks for, best first."""


_ON_REQUEST: dict[str, Callable[[], Meter]] = {"cgroup": CgroupMeter}
"""Too slow for every phase edge: only where somebody gives it to a tracker."""

_OF_CHILDREN: dict[str, Callable[[], Meter]] = {
    "cpu": functools.partial(ProcessorMeter, children=True, own=False),
    "memory": functools.partial(MemoryMeter, children=True, own=False),
}
"""What sees the processes that one starts while they run, and not the one that waits for
them; slower to read."""


def available_meters(*, children: bool = False) -> tuple[list[Meter], dict[str, MeterError]]:
    """Find the energy sources of this machine.

    Parameters
    ----------
    children : bool
        Count the processes that this one starts, while they run, instead of itself.

    Returns
    -------
    meters : list of Meter
        Those that can be read, best first.
    failed : dict of str to MeterError
        Those that are there and cannot be read, with the reason.
    """
    meters: list[Meter] = []
    failed: dict[str, MeterError] = {}
    for name, make in (METERS | _OF_CHILDREN if children else METERS).items():
        try:
            meters.append(make())
        except MeterAbsent as error:
            log.debug("%s: %s", name, error)
        except MeterError as error:
            failed[name] = error
    return meters, failed


@dataclass(frozen=True, slots=True)
class MeterState:
    """One energy source, and whether it can be read here.

    Attributes
    ----------
    name : str
    state : str
        ``"readable"``, ``"absent"`` (this machine has none), ``"failed"`` or ``"fallback"`` (a
        model, for what no energy source sees).
    tier : Tier or None
    band : str
        95 % band of the tier.
    counters : tuple of str
        What it reads.
    message, remedy : str
        Why it cannot be read, or what it rests on, and what to do.
    """

    name: str
    state: str
    tier: Tier | None = None
    band: str = ""
    counters: tuple[str, ...] = ()
    message: str = ""
    remedy: str = ""


def describe_meters() -> list[MeterState]:
    """Try every energy source once, and say what came of it."""
    states = []
    for name, make in (METERS | _ON_REQUEST).items():
        try:
            meter = make()
            counters = tuple(sorted(meter.read().counters))
        except MeterError as error:
            state = "absent" if isinstance(error, MeterAbsent) else "failed"
            states.append(MeterState(name, state, message=error.message, remedy=error.remedy))
            continue
        band = "x {:g} to {:g}".format(*TIER_BANDS[meter.tier]) if meter.tier else ""
        states.append(MeterState(name, "readable", meter.tier, band, counters))
    return states


def describe_model(catalogue: FactorCatalogue) -> MeterState:
    """Say how the processor is modelled where no energy source sees it, and what is better."""
    # A tracker, which imports this module, starts without factors.
    from footprint.measurement.power import energy_model

    machine = describe_machine()
    try:
        calibration = calibration_for(machine, machine_token())
    except DataError as error:
        return MeterState("model", "failed", message=error.message, remedy=error.remedy)
    lines = None if calibration is None else journal_lines(calibration)
    model = energy_model(machine, catalogue, lines)
    (finding,) = model.findings
    advice = "Calibrate again when the machine changes: footprint calibrate"
    if calibration is None:
        advice = "With a wall meter, fit this machine's own line: footprint calibrate."
        advice = f"{advice} {finding.remedy}".strip()
    band = "x {:g} to {:g}".format(*model.band)
    message = f"CPU time and memory, where no energy source above is readable. {finding.message}"
    return MeterState("model", "fallback", model.tier, band, (), message, advice)
