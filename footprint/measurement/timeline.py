"""What the counters of a host advanced, and when somebody read them.

Every process reads counters of the whole host, each from a start of its own. The
samples of the host cut its time finely. Where nobody sampled (a sampler died, the
file system knows no locks), what the edges of any other process saw fills in. Time
that is left then was seen by nobody.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from footprint.journal import ProcessRecords
from footprint.measurement.meter import counter_kwh, part_of

HOST_BUSY = "cpu.host_busy_s"
ROUNDING = 1e-6
"""Counters are sums of ticks: so much may fall without anything falling."""

_CLOCK_S = 1e-3
"""Clocks of two processes of one host agree to this [s]."""


_STILL_S = 0.5
"""Counters of processors move every millisecond: one that stands still for longer [s], as
some virtual machines have it, counts nothing."""

_ONE_CLOCK_S = 86400.0
"""Processes whose clocks lie further apart than this [s] do not share a monotonic clock."""


def align_clocks(processes: Sequence[ProcessRecords]) -> list[ProcessRecords]:
    """Put the processes of one host that ran at the same time on one clock.

    Each takes the wall clock once, when it begins, and counts on from there. A clock
    that was set in between would shift one process against another; the clock that
    they share says by how much. The wall clock that was read last is taken for right.
    """
    aligned: list[ProcessRecords] = []
    together: list[ProcessRecords] = []
    until_s = -math.inf
    for process in sorted(processes, key=_begin_s):
        if process.process.clock_s is None or not process.spans:
            aligned.append(process)
            continue
        if _begin_s(process) > until_s:
            aligned += _shift(together)
            together = []
        together.append(process)
        until_s = max(until_s, _end_s(process))
    aligned += _shift(together)
    order = {process.process.token: number for number, process in enumerate(processes)}
    return sorted(aligned, key=lambda process: order[process.process.token])


def _begin_s(process: ProcessRecords) -> float:
    """Begin of a process on the clock that all of its host share [s]."""
    begin_s = min((span.start_s for span in process.spans), default=0.0)
    return begin_s - (process.process.clock_s or 0.0)


def _end_s(process: ProcessRecords) -> float:
    end_s = max((span.start_s + span.duration_s for span in process.spans), default=0.0)
    return end_s - (process.process.clock_s or 0.0)


def _shift(together: Sequence[ProcessRecords]) -> Iterator[ProcessRecords]:
    for process in together:
        by_s = (together[-1].process.clock_s or 0.0) - (process.process.clock_s or 0.0)
        if by_s == 0 or abs(by_s) > _ONE_CLOCK_S:
            yield process
            continue
        yield replace(
            process,
            spans=tuple(replace(span, start_s=span.start_s + by_s) for span in process.spans),
            samples=tuple(replace(s, time_s=s.time_s + by_s) for s in process.samples),
        )


@dataclass(frozen=True, slots=True)
class Window:
    """What a host did between two moments [s] [kWh]; `sampled` if samples cut it out.

    `busy_s` is None where nobody read the processor time.
    """

    start_s: float
    stop_s: float
    energy_kwh: float
    busy_s: float | None
    sampled: bool

    @property
    def elapsed_s(self) -> float:
        """Length [s]."""
        return self.stop_s - self.start_s


@dataclass(frozen=True, slots=True)
class Timeline:
    """Windows of one host in order, none of which overlap.

    Parameters
    ----------
    windows : tuple of Window
    """

    windows: tuple[Window, ...] = ()
    _starts: list[float] = field(init=False, default_factory=list)
    _stops: list[float] = field(init=False, default_factory=list)
    _before_s: list[float] = field(init=False, default_factory=list)
    _begins: list[float] = field(init=False, default_factory=list)
    _before_kwh: list[float] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        energy_kwh = 0.0
        for window in self.windows:
            self._begins.append(window.start_s)
            self._before_kwh.append(energy_kwh)
            energy_kwh += window.energy_kwh
            # Neighbours become one stretch. Its ends stay as they were written, so
            # that the time covered of a phase inside it is exactly its duration.
            if self._stops and window.start_s <= self._stops[-1]:
                self._stops[-1] = window.stop_s
                continue
            covered_s = self.covered_until(math.inf)
            self._starts.append(window.start_s)
            self._stops.append(window.stop_s)
            self._before_s.append(covered_s)

    @property
    def energy_kwh(self) -> float:
        """Energy of all windows [kWh]."""
        return math.fsum(window.energy_kwh for window in self.windows)

    @property
    def busy_s(self) -> float:
        """CPU time of all processes of the host [s].

        Where nobody read it, the load of the rest of the time is taken.
        """
        known = [w for w in self.windows if w.busy_s is not None]
        known_s = math.fsum(window.elapsed_s for window in known)
        busy_s = math.fsum(window.busy_s or 0.0 for window in known)
        return busy_s * self.elapsed_s / known_s if known_s else 0.0

    @property
    def elapsed_s(self) -> float:
        """Length of all windows [s]."""
        return math.fsum(window.elapsed_s for window in self.windows)

    def energy_until(self, time_s: float) -> float:
        """Energy that was seen up to a moment; windows are cut in proportion to time [kWh]."""
        number = bisect_right(self._begins, time_s) - 1
        if number < 0:
            return 0.0
        window = self.windows[number]
        part = min(1.0, (time_s - window.start_s) / window.elapsed_s)
        return self._before_kwh[number] + part * window.energy_kwh

    def covered_until(self, time_s: float) -> float:
        """Length of what was seen up to a moment [s]."""
        number = bisect_right(self._starts, time_s) - 1
        if number < 0:
            return 0.0
        inside_s = min(time_s, self._stops[number]) - self._starts[number]
        return self._before_s[number] + inside_s

    def covered_share(self, start_s: float, stop_s: float) -> float:
        """Share of a stretch of time that was seen [1]."""
        if stop_s <= start_s:
            number = bisect_right(self._starts, stop_s) - 1
            return float(number >= 0 and stop_s <= self._stops[number])
        return (self.covered_until(stop_s) - self.covered_until(start_s)) / (stop_s - start_s)


Point = tuple[float, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Curves:
    """Readings of each process of a host in order: its samples, and those with its edges."""

    samples: Sequence[Sequence[Point]]
    all: Sequence[Sequence[Point]]

    @classmethod
    def of(cls, processes: Iterable[ProcessRecords]) -> Curves:
        """Collect what processes read."""
        samples: list[list[Point]] = []
        everything: list[list[Point]] = []
        for process in processes:
            own: list[Point] = [(sample.time_s, sample.readings) for sample in process.samples]
            edges = [
                edge
                for span in process.spans
                for edge in (
                    (span.start_s, span.begin),
                    (span.start_s + span.duration_s, span.end),
                )
            ]
            samples.append(sorted(own, key=_moment))
            everything.append(sorted([*own, *edges], key=_moment))
        return cls(samples, everything)


def _moment(point: Point) -> float:
    return point[0]


def host_timeline(curves: Curves, names: Sequence[str]) -> Timeline:
    """Put together what the processes of one host read of its counters.

    Parameters
    ----------
    curves : Curves
        Of all processes of the host.
    names : sequence of str
        Energy counters that are added up; without one, the host's CPU time alone.

    Returns
    -------
    Timeline
        Where two processes saw the same moment it counts once. A window that only
        part of a reading falls into is cut in proportion to time.
    """
    needed = tuple(names) or (HOST_BUSY,)
    windows = list(_sampled(_runs(curves.samples, needed, names)))
    windows += _fill(windows, list(_runs(curves.all, needed, names)))
    moves = any(part_of(name) == "package" for name in names)
    seen = [w for w in windows if not (moves and w.energy_kwh <= 0 and w.elapsed_s > _STILL_S)]
    return Timeline(tuple(sorted(seen, key=lambda window: window.start_s)))


@dataclass(frozen=True, slots=True)
class _Run:
    """Readings of one process that follow each other without a break."""

    times_s: list[float]
    energy_kwh: list[float]
    busy_s: list[float]
    tells_busy: bool

    def finished(self) -> Iterator[_Run]:
        """Give the run itself, if there is a step in it."""
        if len(self.times_s) > 1:
            yield self

    def add(
        self,
        time_s: float,
        reading: Mapping[str, float],
        last: Mapping[str, float],
        names: Sequence[str],
    ) -> None:
        """Go on to a later reading; of two of one moment the first one counts."""
        if time_s <= self.times_s[-1]:
            return
        step_kwh = sum(counter_kwh(n, max(0.0, reading[n] - last[n])) for n in names)
        busy_s = reading.get(HOST_BUSY, 0.0) - last.get(HOST_BUSY, 0.0)
        self.times_s.append(time_s)
        self.energy_kwh.append(self.energy_kwh[-1] + step_kwh)
        self.busy_s.append(self.busy_s[-1] + max(0.0, busy_s))

    def window(self, start_s: float, stop_s: float) -> Window:
        return Window(
            start_s,
            stop_s,
            self._at(self.energy_kwh, stop_s) - self._at(self.energy_kwh, start_s),
            self._at(self.busy_s, stop_s) - self._at(self.busy_s, start_s)
            if self.tells_busy
            else None,
            sampled=False,
        )

    def _at(self, values: Sequence[float], time_s: float) -> float:
        number = min(bisect_right(self.times_s, time_s), len(values) - 1)
        low_s, high_s = self.times_s[number - 1], self.times_s[number]
        part = (time_s - low_s) / (high_s - low_s)
        return values[number - 1] + part * (values[number] - values[number - 1])


def _runs(
    curves: Iterable[Sequence[Point]], needed: Sequence[str], names: Sequence[str]
) -> Iterator[_Run]:
    for curve in curves:
        run = _Run([], [], [], tells_busy=False)
        last: Mapping[str, float] = {}
        for time_s, reading in curve:
            if not all(name in reading for name in needed):
                continue
            tells_busy = HOST_BUSY in reading
            if not run.times_s or any(reading[n] < last[n] - ROUNDING for n in names):
                # A counter that fell tells nothing of the time in which it did.
                yield from run.finished()
                run = _Run([time_s], [0.0], [0.0], tells_busy=tells_busy)
            elif tells_busy == run.tells_busy:
                run.add(time_s, reading, last, names)
            elif tells_busy:
                run.add(time_s, reading, last, names)
                yield from run.finished()
                run = _Run([time_s], [0.0], [0.0], tells_busy=True)
            else:
                # The step in which the processor time was lost is one without it.
                yield from run.finished()
                run = _Run([run.times_s[-1]], [0.0], [0.0], tells_busy=False)
                run.add(time_s, reading, last, names)
            if time_s == run.times_s[-1]:
                last = reading
        yield from run.finished()


def _sampled(runs: Iterable[_Run]) -> Iterator[Window]:
    """Windows between neighbouring samples, each stretch of time once."""
    found = [
        Window(
            start_s,
            stop_s,
            stop_kwh - start_kwh,
            stop_busy_s - start_busy_s if run.tells_busy else None,
            sampled=True,
        )
        for run in runs
        for (start_s, start_kwh, start_busy_s), (stop_s, stop_kwh, stop_busy_s) in pairwise(
            zip(run.times_s, run.energy_kwh, run.busy_s, strict=True)
        )
    ]
    covered_s = -math.inf
    for window in sorted(found, key=lambda window: window.start_s):
        # Clients with folders of their own each have a sampler; one of them counts.
        if window.stop_s <= covered_s:
            continue
        if window.start_s >= covered_s:
            yield window
            covered_s = window.stop_s
        elif window.start_s >= covered_s - _CLOCK_S:
            yield Window(covered_s, window.stop_s, window.energy_kwh, window.busy_s, sampled=True)
            covered_s = window.stop_s


def _fill(windows: Sequence[Window], runs: Sequence[_Run]) -> Iterator[Window]:
    """Windows for what `windows` leave open, from the process that reads on longest."""
    if not runs:
        return
    first_s = min(run.times_s[0] for run in runs)
    last_s = max(run.times_s[-1] for run in runs)
    edges = sorted((window.start_s, window.stop_s) for window in windows)
    for (_, start_s), (stop_s, _) in pairwise([(first_s, first_s), *edges, (last_s, last_s)]):
        position_s = start_s
        while position_s < stop_s:
            seeing = [run for run in runs if run.times_s[0] <= position_s < run.times_s[-1]]
            if seeing:
                run = max(seeing, key=lambda run: run.times_s[-1])
                end_s = min(run.times_s[-1], stop_s)
                yield run.window(position_s, end_s)
                position_s = end_s
            else:
                later = (run.times_s[0] for run in runs if run.times_s[0] > position_s)
                position_s = min(later, default=stop_s)
