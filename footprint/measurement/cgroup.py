"""Processor time of a control group (cgroup v2) that is this process's alone.

The kernel counts what every process of the group has used, also of children that
ended without being waited for. Source: ``cpu.stat`` in the kernel's
``Documentation/admin-guide/cgroup-v2.rst``.
"""

from __future__ import annotations

import os
from pathlib import Path

from footprint.errors import MeterAbsent, MeterError
from footprint.measurement.meter import Reading
from footprint.model import Tier
from footprint.units import US_PER_S

CGROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")


class CgroupMeter:
    """CPU time of this process and all its children, as their cgroup counts it.

    Counter: ``usage_s`` [s]. Only where the group and the groups inside it hold
    nothing but this process and its descendants: a service, a container whose first
    process we are, ``systemd-run --user --scope``.

    Parameters
    ----------
    root : Path
        Where cgroup v2 is mounted; another one serves for tests.
    membership : Path
        File that names the group of this process.

    Raises
    ------
    MeterAbsent
        Without cgroup v2, or if the group is shared with others.
    MeterError
        If it cannot be read.
    """

    name = "cgroup"
    tier: Tier | None = None

    def __init__(self, root: Path = CGROUPS, membership: Path = MEMBERSHIP) -> None:
        self._group = _own_group(root, membership)
        if not (self._group / "cpu.stat").is_file():
            raise MeterAbsent(f"{self._group} does not count processor time (no cgroup v2).")
        self._pid = os.getpid()
        self._ours: set[int] = {self._pid}
        strangers = self._strangers()
        if strangers:
            raise MeterAbsent(
                f"{self._group} is shared with {len(strangers)} process(es) that this one "
                "did not start.",
                "Give it one of its own: systemd-run --user --scope <command>",
            )
        self._start_s = self._usage_s()

    def read(self) -> Reading:
        """Read the counter [s].

        Raises
        ------
        MeterError
            If the group cannot be read, or others have joined it.
        """
        strangers = self._strangers()
        if strangers:
            raise MeterError(
                f"{self._group} is not this process's alone any more: {len(strangers)} "
                "other process(es) joined it."
            )
        return Reading({"usage_s": self._usage_s() - self._start_s})

    def _usage_s(self) -> float:
        try:
            lines = (self._group / "cpu.stat").read_text().splitlines()
            return float(dict(line.split() for line in lines)["usage_usec"]) / US_PER_S
        except (OSError, ValueError, KeyError) as error:
            raise MeterError(f"{self._group}/cpu.stat cannot be read: {error}.") from error

    def _strangers(self) -> set[int]:
        """Members of the group, and of those inside it, that this process did not start.

        One that was ours stays ours when its parent ends and the system adopts it.
        """
        try:
            texts = [path.read_text() for path in self._group.rglob("cgroup.procs")]
            members = {int(pid) for text in texts for pid in text.split()}
        except (OSError, ValueError) as error:
            raise MeterError(f"The members of {self._group} cannot be read: {error}.") from error
        self._ours = (self._ours & members) | {self._pid}
        new = members - self._ours
        if new:  # the walk up the process table is for newcomers only
            self._ours |= {pid for pid in new if _descends(pid, self._ours)}
        return members - self._ours


def _own_group(root: Path, membership: Path) -> Path:
    try:
        lines = membership.read_text().splitlines()
    except OSError as error:
        raise MeterAbsent(f"{membership} cannot be read: no control groups here.") from error
    path = next((line.removeprefix("0::") for line in lines if line.startswith("0::")), None)
    if path is None:
        raise MeterAbsent(f"{membership} names no group of cgroup v2.")
    return root / path.lstrip("/")


def _descends(pid: int, ours: set[int]) -> bool:
    """Whether a process, or the one that started it and so on, is one of ours."""
    import psutil

    if pid == 0:
        return False  # of outside this container
    try:
        while pid not in ours and pid > 1:
            pid = psutil.Process(pid).ppid()
    except psutil.NoSuchProcess:
        return True  # it has ended, and its time was counted all the same
    except psutil.Error:
        return False
    return pid in ours
