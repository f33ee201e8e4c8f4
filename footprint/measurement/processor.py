"""Processor time, and the power that a table gives for it.

`ProcessorMeter` counts the CPU seconds of this process and of the whole host;
both are measured. What a busy thread draws is then read from a table, with wide
bounds: `thread_power`.
"""

from __future__ import annotations

import functools
import os
import platform
import re
import time
from pathlib import Path

from footprint.errors import MeterError
from footprint.measurement.meter import Reading
from footprint.model import Machine
from footprint.units import bytes_to_gb

CPUINFO = Path("/proc/cpuinfo")


class ProcessorMeter:
    """CPU time of this process with its waited children, and of the host.

    Counters: ``process_s``, ``host_busy_s`` (the latter over all threads of the
    machine). A child counts from the moment it has been waited for.
    """

    name = "cpu"

    def __init__(self) -> None:
        import psutil

        self._cpu_times = psutil.cpu_times
        self._unreadable = psutil.Error

    def read(self) -> Reading:
        """Read both counters [s].

        Raises
        ------
        MeterError
            If the operating system does not say how busy the host was.
        """
        children = os.times()
        try:
            host = self._cpu_times()
        except (self._unreadable, OSError) as error:
            raise MeterError(f"Processor time cannot be read: {error}.") from error
        return Reading(
            {
                "process_s": time.process_time()
                + children.children_user
                + children.children_system,
                "host_busy_s": sum(host)
                - host.idle
                - getattr(host, "iowait", 0.0)
                # Linux counts guest time inside user time already.
                - getattr(host, "guest", 0.0)
                - getattr(host, "guest_nice", 0.0),
            }
        )


def describe_machine(cpuinfo: Path = CPUINFO) -> Machine:
    """Describe the class of this machine, without anything that names it."""
    import psutil

    model, sockets, virtual = "", 1, None
    if cpuinfo.is_file():
        pairs = [line.split(":", 1) for line in cpuinfo.read_text().splitlines() if ":" in line]
        fields = [(key.strip(), value.strip()) for key, value in pairs]
        model = next((value for key, value in fields if key == "model name"), "")
        sockets = len({value for key, value in fields if key == "physical id"}) or 1
        virtual = any(key == "flags" and "hypervisor" in value.split() for key, value in fields)
    return Machine(
        processor=model or platform.processor(),
        threads=os.cpu_count() or 1,
        sockets=sockets,
        memory_gb=round(bytes_to_gb(psutil.virtual_memory().total), 1),
        virtual=virtual,
        system=platform.system(),
    )


@functools.lru_cache(maxsize=32)
def rated_power_w(model: str) -> float | None:
    """Rated power of a processor in codecarbon's table [W], or None.

    Only a full match of the name counts: a match of parts would charge an
    unknown server chip with whatever part number it happens to contain.

    Source: table ``hardware/cpu_power.csv`` of codecarbon (MIT).
    """
    from codecarbon.input import DataSource

    if not model:
        return None
    table = DataSource().get_cpu_power_data()  # type: ignore[no-untyped-call]
    rows = table[table["Name"].str.strip().str.casefold() == _plain_name(model).casefold()]
    return float(rows["TDP"].iloc[0]) if len(rows) else None


def _plain_name(model: str) -> str:
    """Name without the marks that operating systems add to it."""
    name = re.sub(r"\((R|TM)\)|\b(CPU|\d+-Core|Processor)\b|@.*", " ", model, flags=re.IGNORECASE)
    return " ".join(name.split())
