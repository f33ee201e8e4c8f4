"""Main memory that this process holds, integrated over time."""

from __future__ import annotations

import os
import time

from footprint.errors import MeterError
from footprint.measurement.meter import Reading
from footprint.model import Tier
from footprint.units import bytes_to_gb


class MemoryMeter:
    """Resident memory of this process times time.

    Counter: ``gb_s``, gigabyte-seconds, by the trapezoidal rule: reading more often
    adds detail and loses nothing.

    Parameters
    ----------
    children : bool
        Also count the processes that this one started. Walks the process table,
        which takes milliseconds: not for use at every phase edge.
    own : bool
        Count this process itself; not where it only waits for a command.
    """

    name = "memory"
    tier: Tier | None = None

    def __init__(self, *, children: bool = False, own: bool = True) -> None:
        import psutil

        self._psutil = psutil
        self._children, self._own = children, own
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._process = self._psutil.Process()
        self._last_s = time.perf_counter()
        self._last_gb = self._resident_gb()
        self._total_gb_s = 0.0

    def read(self) -> Reading:
        """Read the counter [GB s].

        Raises
        ------
        MeterError
            If the operating system does not say how much memory is held.
        """
        if self._pid != os.getpid():
            self._begin()  # we were forked: what counts here is the child's
        now_s, now_gb = time.perf_counter(), self._resident_gb()
        self._total_gb_s += (now_gb + self._last_gb) / 2 * (now_s - self._last_s)
        self._last_s, self._last_gb = now_s, now_gb
        return Reading({"gb_s": self._total_gb_s})

    def _resident_gb(self) -> float:
        try:
            total = int(self._process.memory_info().rss) if self._own else 0
            children = self._process.children(recursive=True) if self._children else []
        except (self._psutil.Error, OSError) as error:
            raise MeterError(f"Resident memory cannot be read: {error}.") from error
        for child in children:
            try:
                total += int(child.memory_info().rss)
            except self._psutil.Error:
                continue  # it ended while we walked
        return bytes_to_gb(total)
