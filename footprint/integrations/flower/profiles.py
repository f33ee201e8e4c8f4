"""What virtual clients are: how fast, how hungry, where, and when they answer.

Every figure is declared by whoever describes the clients; nothing here has a default
that stands for a device. Nothing here imports Flower.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from footprint.errors import UsageError
from footprint.lifecycle.network import transfer_time
from footprint.units import bytes_to_gb, watt_seconds_to_kwh

QUERY = "query"
"""Kind of message that asks for facts; takes no time unless a profile says so."""

SIMULATED = "footprint-simulated"
"""Key of ``node_config`` that tells a client that its figures are simulated: what it
measures would be the machine of the simulation."""


@dataclass(frozen=True, slots=True)
class Task:
    """Time that one kind of message takes on a device, its transfer aside.

    Attributes
    ----------
    fixed_s : float
        Whatever the work is [s].
    unit_s : float
        For each unit of work, such as an example that is trained on [s].
    """

    fixed_s: float = 0.0
    unit_s: float = 0.0

    def __post_init__(self) -> None:
        _check_not_negative(fixed_s=self.fixed_s, unit_s=self.unit_s)

    def duration_s(self, units: float | None) -> float | None:
        """Time for some units of work [s]; None if the work matters and is not known."""
        if self.unit_s == 0:
            return self.fixed_s
        return None if units is None else self.fixed_s + self.unit_s * units


@dataclass(frozen=True, slots=True)
class DeviceProfile:
    """A class of devices.

    Attributes
    ----------
    device : str
        Device class of the catalogue, for example ``"phone"``.
    active_w : float
        Power while it works on a message [W].
    idle_w : float
        Power while it only receives or sends one [W].
    error : float
        95 % bound of the relative error of both powers, below 1 [1]; 0 says that they
        are exact.
    tasks : mapping of str to Task
        Time of each kind of message: ``"train"``, ``"evaluate"``, or a full message
        type such as ``"train.personalise"``.
    down_mbps, up_mbps : float
        Rate of the link to the device, and from it [Mbit/s].
    spread : float
        Standard deviation of the logarithm of the working time [1]; 0 if each message
        takes what `tasks` says, which else is the median.

    Raises
    ------
    UsageError
        If a figure cannot be.
    """

    device: str
    active_w: float
    idle_w: float
    error: float
    tasks: Mapping[str, Task]
    down_mbps: float
    up_mbps: float
    spread: float = 0.0

    def __post_init__(self) -> None:
        _check_not_negative(
            active_w=self.active_w, idle_w=self.idle_w, error=self.error, spread=self.spread
        )
        if self.error >= 1:
            raise UsageError(f"The error of {self.device} is {self.error}.", "Give one below 1.")
        if not (self.down_mbps > 0 and self.up_mbps > 0):
            raise UsageError(
                f"The link of {self.device} has {self.down_mbps} and {self.up_mbps} Mbit/s.",
                "Both rates must be positive.",
            )

    def task(self, kind: str) -> Task:
        """Look up a kind of message; its category serves if it is not there itself.

        Raises
        ------
        UsageError
            If nothing is said. Only a query is taken to need no time.
        """
        category = kind.partition(".")[0]
        for name in (kind, category):
            if name in self.tasks:
                return self.tasks[name]
        if category == QUERY:
            return Task()
        raise UsageError(
            f"The profile of {self.device} does not say how long {kind!r} takes.",
            f"Give a Task for {category!r}.",
        )

    def duration_s(self, kind: str, units: float | None = None) -> float | None:
        """Median working time of a message [s]; None if its work is not known."""
        return self.task(kind).duration_s(units)

    def download_s(self, size_bytes: int) -> float:
        """Time to receive some bytes [s]."""
        return float(transfer_time(bytes_to_gb(size_bytes), self.down_mbps))

    def upload_s(self, size_bytes: int) -> float:
        """Time to send some bytes [s]."""
        return float(transfer_time(bytes_to_gb(size_bytes), self.up_mbps))

    def energy_kwh(self, active_s: float, idle_s: float = 0.0) -> tuple[float, float, float]:
        """Energy of some time at work and some on the link [kWh].

        Returns
        -------
        tuple of float
            Value, lower and upper bound.
        """
        energy = watt_seconds_to_kwh(self.active_w, active_s)
        energy += watt_seconds_to_kwh(self.idle_w, idle_s)
        return energy, energy * (1 - self.error), energy * (1 + self.error)


@dataclass(frozen=True, slots=True)
class NodeProfile:
    """One virtual client.

    Attributes
    ----------
    device : DeviceProfile
    zone : str or None
        Grid zone; None if nobody said.
    windows : tuple of (float, float) or None
        Times from and up to which it answers (Unix time [s]), in order and apart from
        each other; None for always. What it does when a window closes is lost.
    drop_probability : float
        Probability that it dies over a message, at a time drawn evenly from that which
        the message takes [1].

    Raises
    ------
    UsageError
        If a figure cannot be, or windows overlap.
    """

    device: DeviceProfile
    zone: str | None = None
    windows: tuple[tuple[float, float], ...] | None = None
    drop_probability: float = 0.0
    _starts: tuple[float, ...] = field(init=False, repr=False, compare=False, default=())

    def __post_init__(self) -> None:
        if not 0 <= self.drop_probability <= 1:
            raise UsageError(f"{self.drop_probability} is no probability.", "Give one in 0 to 1.")
        edges = [edge for window in self.windows or () for edge in window]
        if any(late <= early for early, late in pairwise(edges)):
            raise UsageError(
                "The windows of a client overlap, or end before they begin.",
                "Give (from, to) pairs in order.",
            )
        object.__setattr__(self, "_starts", tuple(edges[::2]))

    def available_until(self, time_s: float) -> float | None:
        """End of the window that `time_s` lies in [s]; None if it lies in none."""
        if self.windows is None:
            return math.inf
        number = bisect_right(self._starts, time_s) - 1
        if number < 0 or time_s >= self.windows[number][1]:
            return None
        return self.windows[number][1]

    def available_s(self, since_s: float, until_s: float) -> float:
        """For how long it answers between two times [s]."""
        if self.windows is None:
            return max(0.0, until_s - since_s)
        there_s = 0.0
        for begin_s, end_s in self.windows[max(0, bisect_right(self._starts, since_s) - 1) :]:
            if begin_s >= until_s:
                break
            there_s += max(0.0, min(end_s, until_s) - max(begin_s, since_s))
        return there_s


def windows_of_trace(
    start_s: float, step_s: float, available: Sequence[bool]
) -> tuple[tuple[float, float], ...]:
    """Windows of an availability trace, which ends where it ends.

    Parameters
    ----------
    start_s : float
        Unix time of the first value [s].
    step_s : float
        Time for which each value holds, above 0 [s].
    available : sequence of bool
        Whether the client answers.

    Returns
    -------
    tuple of (float, float)
        For `NodeProfile.windows`; steps that follow each other are one window.

    Raises
    ------
    UsageError
        If `step_s` is not positive.
    """
    if not step_s > 0:
        raise UsageError(f"A trace cannot have steps of {step_s} s.", "Give a positive step.")
    windows: list[tuple[float, float]] = []
    opened: int | None = None
    for step, answers in enumerate([*available, False]):
        if answers and opened is None:
            opened = step
        elif not answers and opened is not None:
            windows.append((start_s + opened * step_s, start_s + step * step_s))
            opened = None
    return tuple(windows)


def _check_not_negative(**figures: float) -> None:
    for name, value in figures.items():
        if not (math.isfinite(value) and value >= 0):
            raise UsageError(f"{name} is {value}.", "Give a finite number that is not negative.")
