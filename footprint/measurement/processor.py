"""Processor time, and the power that a table gives for it.

`ProcessorMeter` counts the CPU seconds of this process and of the whole host;
both are measured. What a busy thread draws is then read from a table, with wide
bounds: `rated_power_w`.
"""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import re
import time
from pathlib import Path

from footprint.errors import MeterError
from footprint.measurement.meter import Reading
from footprint.model import EmissionFactor, Machine, Source, Tier
from footprint.units import bytes_to_gb

CPUINFO = Path("/proc/cpuinfo")
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
DEVICES = Path("/dev")
PID_NAMESPACE = Path("/proc/self/ns/pid")

_BUSY = ("user", "nice", "system", "irq", "softirq", "interrupt", "dpc")


class ProcessorMeter:
    """CPU time of this process, of its children, and of the host.

    Counters: ``process_s``, ``children_s`` (a child counts from the moment it has
    been waited for), ``host_busy_s`` (over all threads of the machine).

    Parameters
    ----------
    children : bool
        Count children while they run, too. Walks the process table, which takes
        milliseconds: not for use at every phase edge.
    own : bool
        Count this process itself; not where it only waits for a command.
    """

    name = "cpu"
    tier: Tier | None = None

    def __init__(self, *, children: bool = False, own: bool = True) -> None:
        import psutil

        self._cpu_times = psutil.cpu_times
        self._unreadable = psutil.Error
        self._new_process = psutil.Process
        self._children, self._own = children, own
        self._begin()

    def _begin(self) -> None:
        self._process = self._new_process() if self._children else None
        self._pid = os.getpid()
        self._children_s = 0.0

    def read(self) -> Reading:
        """Read the counters [s].

        Raises
        ------
        MeterError
            If the operating system does not say how busy the host was.
        """
        if self._pid != os.getpid():
            self._begin()  # we were forked: what counts here is the child's
        children = os.times()
        try:
            host = self._cpu_times()
        except (self._unreadable, OSError) as error:
            raise MeterError(f"Processor time cannot be read: {error}.") from error
        return Reading(
            {
                "process_s": time.process_time() if self._own else 0.0,
                "children_s": self._with_running(children.children_user + children.children_system),
                # Guest time is inside user time already; what is not of this
                # system (idle, waiting for disks) is not busy.
                "host_busy_s": sum(getattr(host, name, 0.0) for name in _BUSY),
            }
        )

    def _with_running(self, waited_s: float) -> float:
        """CPU time of children that have been waited for, and of those that run."""
        if self._process is None:
            return waited_s
        running_s = 0.0
        for child in self._process.children(recursive=True):
            try:
                running_s += sum(child.cpu_times()[:4])  # its own, and what it waited for
            except self._unreadable:
                continue  # it ended while we walked; its parent will count it
        # Between a child's end and its being waited for it is nowhere: never fall.
        self._children_s = max(self._children_s, waited_s + running_s)
        return self._children_s


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
    try:
        memory_gb = round(bytes_to_gb(psutil.virtual_memory().total), 1)
    except (psutil.Error, OSError):
        memory_gb = None
    return Machine(
        processor=model or platform.processor(),
        threads=os.cpu_count() or 1,
        sockets=sockets,
        memory_gb=memory_gb,
        virtual=virtual,
        system=platform.system(),
    )


def process_start_s() -> float | None:
    """When this process was started (Unix time [s]); None if the system does not tell."""
    import psutil

    try:
        return float(psutil.Process().create_time())
    except (psutil.Error, OSError):
        return None


def is_ours(pid: int) -> bool:
    """Whether a process is this one, or descends from it."""
    import psutil

    own = os.getpid()
    while pid > 1 and pid != own:
        try:
            pid = psutil.Process(pid).ppid()
        except psutil.Error:
            return False  # it ended; whose it was cannot be told
    return pid == own


def process_namespace(namespace: Path = PID_NAMESPACE) -> str | None:
    """Token that processes share whose numbers can be compared: those of one container."""
    try:
        return hashlib.sha256(str(namespace.readlink()).encode()).hexdigest()[:16]
    except OSError:
        return None


def host_token(boot_id: Path = BOOT_ID) -> str | None:
    """Token that the processes of one host share until it is started again.

    A digest of the kernel's random boot id: it tells processes of one host from
    those of others, and nothing about which host that is.
    """
    try:
        return hashlib.sha256(boot_id.read_bytes()).hexdigest()[:16]
    except OSError:
        return None


def visible_accelerators(devices: Path = DEVICES) -> tuple[str, ...]:
    """Kinds of accelerators whose device files stand here; none is opened."""
    kinds = {"nvidia": "nvidia[0-9]*", "amd": "kfd", "tpu": "accel[0-9]*"}
    return tuple(kind for kind, pattern in kinds.items() if any(devices.glob(pattern)))


@functools.lru_cache(maxsize=32)
def rated_power(model: str) -> EmissionFactor | None:
    """Rated power of a processor [W], as codecarbon's table gives it, or None.

    Only a full match of the name counts: a match of parts would charge an
    unknown server chip with whatever part number it happens to contain.

    Source: table ``hardware/cpu_power.csv`` of codecarbon (MIT).
    """
    from importlib.metadata import version

    from codecarbon.input import DataSource

    name = _plain_name(model)
    if not name:
        return None
    table = DataSource().get_cpu_power_data()  # type: ignore[no-untyped-call]
    rows = table[table["Name"].str.strip().str.casefold() == name.casefold()]
    if rows.empty:
        return None
    return EmissionFactor(
        id=f"power/cpu.{name.casefold().replace(' ', '_')}/tdp/codecarbon",
        quantity="power_tdp",
        subject=name,
        zone=None,
        value=float(rows["TDP"].iloc[0]),
        unit="W",
        low=None,
        high=None,
        year=None,
        signal=None,
        preferred=True,
        method="rated thermal design power",
        source=Source(
            f"codecarbon {version('codecarbon')}, hardware/cpu_power.csv",
            "https://github.com/mlco2/codecarbon",
            "MIT",
        ),
    )


_NOISE = re.compile(
    r"\((R|TM)\)|^\d+th Gen\b|\b(CPU|\d+-Core|Processor)\b|\b(with|w/) Radeon.*|@.*",
    flags=re.IGNORECASE,
)


def _plain_name(model: str) -> str:
    """Name without what operating systems add to it."""
    return " ".join(_NOISE.sub(" ", model).split())
