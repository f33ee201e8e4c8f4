"""What devices do beside the training: the share of their capacity that is not free.

"Used" is the actual load; "reserved" is what was set aside for it, and serves as its
forecast, as Wiesner et al. do. A load has no time of issue: it is one more series, by
the time that it is about.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from footprint.errors import DataError, UsageError
from footprint.model.kinds import Vocabulary
from footprint.simulation.arrays import Flags, Floats, Integers
from footprint.simulation.traces import Trace


class LoadForecast(Vocabulary):
    """What policies are told of coming load."""

    RESERVED = "reserved"
    PERFECT = "perfect"
    """What will really be used: an upper bound, no forecast."""
    NONE = "none"
    """Nothing: they take all capacity to be free."""


class Load(Protocol):
    """Shares of the capacity of clients that are taken, from 0 to 1."""

    def used(self, clients: Integers, start_s: int, step_s: int, steps: int) -> Floats:
        """Give the actual load of some clients.

        Parameters
        ----------
        clients : ndarray of int
            Their numbers in the fleet.
        start_s, step_s, steps : int
            First moment, length and number of the steps.

        Returns
        -------
        ndarray of shape (steps, clients)
        """

    def reserved(self, clients: Integers, start_s: int, step_s: int, steps: int) -> Floats:
        """Give what was set aside for it, in the same way."""


@dataclass(frozen=True, slots=True, eq=False)
class TraceLoad:
    """Load from files, one column per client, in the order of the fleet.

    Attributes
    ----------
    actual : Trace
        Shares from 0 to 1.
    booked : Trace or None
        What was reserved; None if the file has no such series: then nobody can ask.
    """

    actual: Trace
    booked: Trace | None = None

    def __post_init__(self) -> None:
        for trace in (self.actual, self.booked):
            if trace is not None and (trace.values.min() < 0 or trace.values.max() > 1):
                raise DataError(
                    f"Load is a share from 0 to 1; {trace.source or 'a trace'} reaches from "
                    f"{trace.values.min():g} to {trace.values.max():g}.",
                    "Percent are read with .scaled(0.01, '1').",
                )

    def used(self, clients: Integers, start_s: int, step_s: int, steps: int) -> Floats:
        """Give the actual load of some clients."""
        return _of(self.actual, clients, start_s, step_s, steps)

    def reserved(self, clients: Integers, start_s: int, step_s: int, steps: int) -> Floats:
        """Give what was set aside for it.

        Raises
        ------
        UsageError
            If there is no such series.
        """
        if self.booked is None:
            raise UsageError(
                "The load has no series of what is reserved.",
                "Forecast load with 'none' or 'perfect', or give the series.",
            )
        return _of(self.booked, clients, start_s, step_s, steps)


@dataclass(frozen=True, slots=True)
class OnOffLoad:
    """Load that comes and goes, made up: for tests, and where there is no trace.

    Time is cut into slots of a length that each client has of its own. In a slot the client is
    busy with probability `busy`; then a level is reserved, drawn evenly from `levels`, and
    between `1 - margin` and all of it is used, drawn anew every five minutes.

    Everything is a hash of seed, client and time, so any moment can be asked for without those
    before it, and nothing is kept per client and time. The numbers are invented; they have no
    source.

    Attributes
    ----------
    seed : int
    busy : float
        Share of slots with load [1].
    slot_s : int
        Mean length of a slot [s].
    levels : tuple of float
        Least and most that is reserved [1].
    margin : float
        Part of it that may stay unused [1].
    """

    seed: int
    busy: float = 0.5
    slot_s: int = 3600
    levels: tuple[float, float] = (0.3, 1.0)
    margin: float = 0.4

    def __post_init__(self) -> None:
        low, high = self.levels
        shares = (self.busy, low, high, self.margin)
        if not all(0 <= share <= 1 for share in shares) or low > high or self.slot_s < 120:
            raise UsageError(f"A load cannot be made like this: {self!r}.")

    def used(self, clients: Integers, start_s: int, step_s: int, steps: int) -> Floats:
        """Give the actual load of some clients."""
        who, ends = _grid(clients, start_s, step_s, steps)
        part = 1 - self.margin * _even(_mixed(self.seed, 3, who, (ends - 1) // _WOBBLE_S))
        return self._level(who, ends) * part

    def reserved(self, clients: Integers, start_s: int, step_s: int, steps: int) -> Floats:
        """Give what was set aside for it."""
        return self._level(*_grid(clients, start_s, step_s, steps))

    def _level(self, who: Integers, ends: Integers) -> Floats:
        own = _mixed(self.seed, 0, who, np.zeros(1, dtype=np.int64))
        length = (self.slot_s // 2 + own.astype(np.int64) % self.slot_s) | 1
        slot = (ends - 1) // length
        low, high = self.levels
        busy = _even(_mixed(self.seed, 1, who, slot)) < self.busy
        return busy * (low + (high - low) * _even(_mixed(self.seed, 2, who, slot)))


@dataclass(frozen=True, slots=True, eq=False)
class Unloaded:
    """A load from which some clients are free.

    Attributes
    ----------
    load : Load
    free : ndarray of bool, shape (clients,)
    """

    load: Load
    free: Flags

    def used(self, clients: Integers, start_s: int, step_s: int, steps: int) -> Floats:
        """Give the actual load of some clients."""
        return np.where(self.free[clients], 0.0, self.load.used(clients, start_s, step_s, steps))

    def reserved(self, clients: Integers, start_s: int, step_s: int, steps: int) -> Floats:
        """Give what was set aside for it."""
        shares = self.load.reserved(clients, start_s, step_s, steps)
        return np.where(self.free[clients], 0.0, shares)


def deal_days(
    used: Trace, reserved: Trace | None, *, clients: int, days: int, seed: int
) -> TraceLoad:
    """Make the load of several days out of one day of other devices.

    Each client is dealt a device for each day, drawn at random. Hours of the day stay what they
    are; from one day to the next a client may become another.

    Parameters
    ----------
    used, reserved : Trace
        A column per device; what goes beyond a day is left out.
    clients, days, seed : int

    Raises
    ------
    DataError
        If the trace is shorter than a day, or the two are of different devices.
    """
    rows = _DAY_S // used.step_s
    for trace in (used, reserved):
        if trace is not None and (len(trace.values) < rows or trace.columns != used.columns):
            raise DataError(f"{trace.source or 'A trace'} holds no whole day of these devices.")
    drawn = np.random.default_rng(seed).integers(0, len(used.columns), (days, clients))
    names = tuple(f"client-{n}" for n in range(clients))

    def dealt(trace: Trace) -> Trace:
        values = np.concatenate([trace.values[:rows, columns] for columns in drawn])
        return replace(trace, columns=names, values=values)

    return TraceLoad(dealt(used), None if reserved is None else dealt(reserved))


_DAY_S = 86_400
_WOBBLE_S = 300  # as the solar files: neither faster nor slower than energy changes


def _of(trace: Trace, clients: Integers, start_s: int, step_s: int, steps: int) -> Floats:
    if len(clients) and int(clients.max()) >= len(trace.columns):
        raise DataError(
            f"The load has {len(trace.columns)} columns; client {int(clients.max())} has none."
        )
    return np.asarray(trace.window(start_s, step_s, steps)[:, clients], dtype=np.float64)


def _grid(clients: Integers, start_s: int, step_s: int, steps: int) -> tuple[Integers, Integers]:
    """Clients along, and ends of steps down."""
    ends = start_s + step_s * np.arange(1, steps + 1, dtype=np.int64)
    return np.asarray(clients, dtype=np.int64)[None, :], ends[:, None]


def _mixed(seed: int, purpose: int, who: Integers, when: Integers) -> npt.NDArray[np.uint64]:
    """Hash of a client and a time: the finaliser of SplitMix64 (Steele et al., OOPSLA 2014)."""
    start = np.uint64((seed * 4 + purpose) * 0x9E3779B97F4A7C15 % 2**64)
    client = _finalised(who.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + start)
    return _finalised(client + when.astype(np.uint64) * np.uint64(0xD1B54A32D192ED03))


def _finalised(bits: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: npt.NDArray[np.uint64] = bits ^ (bits >> np.uint64(31))
    return mixed


def _even(bits: npt.NDArray[np.uint64]) -> npt.NDArray[Any]:
    """Evenly distributed numbers from 0 to below 1."""
    even: npt.NDArray[Any] = (bits >> np.uint64(11)) * 2.0**-53
    return even
