"""Where two architectures of a study emit the same, and how they get there."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from footprint.factors import FactorCatalogue
from footprint.lifecycle.breakeven import Line, break_even, line_through
from footprint.model import (
    Architecture,
    Assessment,
    BreakEven,
    Contribution,
    Interval,
    LifeCycle,
    Phase,
    Stage,
    Study,
    Trajectory,
)
from footprint.scenarios import estimate_study, plan_study, study_actors
from footprint.simulation.course import course_times, share_by
from footprint.uncertainty import Draws, Sampler, interval
from footprint.units import H_PER_MONTH, S_PER_H

BOTH = (Architecture.CENTRALISED, Architecture.FEDERATED)
"""The baseline of a study, and its candidate."""

_POINTS = 11
_FARTHEST = 10.0
"""Times the present value: a break-even beyond it does not stretch a trajectory."""
_LINEAR = 1e-6
"""Relative distance from a line at which emissions no longer count as linear."""

Scaled = Callable[[Study, float], Study]


def _with_data(study: Study, scale: float) -> Study:
    groups = tuple(replace(g, data_gb=g.data_gb * scale) for g in study.clients)
    return replace(study, clients=groups)


def _with_retention(study: Study, scale: float) -> Study:
    kept = replace(study.storage, horizon_s=study.storage.horizon_s * scale)
    return replace(study, storage=kept)


def _with_rounds(study: Study, scale: float) -> Study:
    training = replace(study.training, rounds=round(study.training.rounds * scale))
    return replace(study, training=training)


_QUANTITIES: Mapping[str, tuple[str, Scaled, Callable[[Study], float]]] = {
    "data_volume": (
        "GB",
        _with_data,
        lambda study: sum(g.data_gb * g.count for g in study.clients) * study.storage.refreshes,
    ),
    "retention": (
        "month",
        _with_retention,
        lambda study: study.storage.horizon_s / S_PER_H / H_PER_MONTH,
    ),
    "rounds": ("round", _with_rounds, lambda study: float(study.training.rounds)),
}


def break_evens(
    study: Study, catalogue: FactorCatalogue
) -> Iterator[tuple[BreakEven, Trajectory | None]]:
    """Find where centralised and federated training emit the same.

    Emissions are linear in each quantity: two estimates, without it and with what the
    study has of it, give both lines, at the central values and in every draw. What is
    dedicated breaks that: it idles for what is left of its time, and nothing may be left.
    Where that shows before the farthest point, there is no answer.

    Parameters
    ----------
    study : Study
    catalogue : FactorCatalogue

    Yields
    ------
    BreakEven
    Trajectory or None
        Both lines; None where they cannot be drawn, or are no lines.
    """
    plain = replace(study, prices=None)
    now = [estimate_study(plain, architecture, catalogue=catalogue) for architecture in BOTH]
    for quantity, (unit, scaled, of) in _QUANTITIES.items():
        present = of(study)
        if present:
            none = scaled(plain, 0.0)
            without = [estimate_study(none, one, catalogue=catalogue) for one in BOTH]
            lines = [
                _Line.through(_whole(before), present, _whole(after))
                for before, after in zip(without, now, strict=True)
            ]
            found = _both(quantity, unit, present, lines)
            if _bends(plain, scaled, found, lines, catalogue):
                yield BreakEven(quantity, unit, present, None, None, None, 0.0), None
            else:
                yield found
    yield _intensity_gap(*now)


def _bends(
    study: Study,
    scaled: Scaled,
    found: tuple[BreakEven, Trajectory],
    lines: Sequence[_Line],
    catalogue: FactorCatalogue,
) -> bool:
    """Whether emissions leave their line up to what was found and drawn.

    What is dedicated adds ``max(0, reserved - worked)``, which is convex; so is the whole.
    If a third point beyond two lies on their line, all between them do.
    """
    if not any(site.dedicated for site in study_actors(study).values()):
        return False
    point, course = found
    # Of rounds there are whole numbers only.
    farthest = math.ceil(max(course.at[-1], point.value or 0.0) / point.present)
    far = scaled(study, float(farthest))
    for architecture, line in zip(BOTH, lines, strict=True):
        there_g = estimate_study(far, architecture, catalogue=catalogue).total_g.value
        expected_g = line.at(farthest * point.present).value
        if not math.isclose(there_g, expected_g, rel_tol=_LINEAR):
            return True
    return False


@dataclass(frozen=True, slots=True)
class _Drawn:
    """An amount at its central value, and in every draw."""

    value: float
    draws: Draws

    def __sub__(self, other: _Drawn) -> _Drawn:
        return _Drawn(self.value - other.value, self.draws - other.draws)


def _whole(assessment: Assessment) -> _Drawn:
    return _part(assessment, assessment.contributions)


def _part(assessment: Assessment, parts: Sequence[Contribution]) -> _Drawn:
    """Emissions of a part of an assessment [gCO2e]."""
    sampler = Sampler(assessment.terms, seed=assessment.seed, draws=assessment.draws)
    return _Drawn(sum(part.emissions_g.value for part in parts), sampler.total(parts))


@dataclass(frozen=True, slots=True)
class _Line:
    """Emissions that are linear in a quantity, in every draw [gCO2e]."""

    fixed: _Drawn
    slope: _Drawn

    @classmethod
    def through(cls, without: _Drawn, present: float, after: _Drawn) -> _Line:
        """Line through what is emitted at 0 and at the present value of a quantity."""
        line = line_through(0.0, without.value, present, after.value)
        slope = _Drawn(line.slope, (after.draws - without.draws) / present)
        return cls(_Drawn(line.fixed, without.draws), slope)

    @property
    def central(self) -> Line:
        return Line(self.fixed.value, self.slope.value)

    def at(self, quantity: float) -> Interval:
        value = self.fixed.value + self.slope.value * quantity
        return interval(value, self.fixed.draws + self.slope.draws * quantity)


def _both(
    quantity: str, unit: str, present: float, lines: Sequence[_Line]
) -> tuple[BreakEven, Trajectory]:
    """Say where two lines meet, and draw them so far that it can be seen."""
    one, other = lines
    with np.errstate(divide="ignore", invalid="ignore"):
        # Below 0 or not a number in the draws that have none.
        crossing: Draws = (other.fixed.draws - one.fixed.draws) / (
            one.slope.draws - other.slope.draws
        )
    value = break_even(one.central, other.central)
    last = 2 * present
    if value is not None and value < _FARTHEST * present:
        last = max(last, 1.25 * value)
    at = tuple(float(x) for x in np.linspace(0.0, last, _POINTS))
    drawn = [tuple(line.at(x) for x in at) for line in lines]
    return _summarise(quantity, unit, present, value, crossing), Trajectory(
        quantity, unit, at, *drawn
    )


def _summarise(
    quantity: str, unit: str, present: float, value: float | None, crossing: Draws
) -> BreakEven:
    there = crossing[np.isfinite(crossing) & (crossing >= 0)]
    low = high = None
    if len(there):
        low, high = map(float, np.percentile(there, (5, 95)))
        if value is not None:  # an interval holds its central value
            low, high = min(low, value), max(high, value)
    # Without draws the central values alone say whether there is one.
    exists = len(there) / len(crossing) if len(crossing) else float(value is not None)
    return BreakEven(quantity, unit, present, value, low, high, exists)


def _intensity_gap(
    central: Assessment, federated: Assessment
) -> tuple[BreakEven, Trajectory | None]:
    """Mean grid intensity of the federated training at which it emits as much."""
    unit = "gCO2e/kWh"
    grids = {t.id for t in federated.terms if t.quantity == "grid_intensity"}
    powered = [c for c in federated.contributions if grids & set(c.terms)]
    energy_kwh = sum(c.energy_kwh or 0.0 for c in powered)
    if not energy_kwh:
        return BreakEven("candidate_intensity", unit, 0.0, None, None, None, 0.0), None
    sampler = Sampler(federated.terms, seed=federated.seed, draws=federated.draws)
    energies = sampler.sum(
        (tuple(term for term in c.terms if term not in grids), c.energy_kwh or 0.0) for c in powered
    )
    powered_g = _part(federated, powered)
    whole_g = _whole(central)
    lines = [
        _Line(whole_g, _Drawn(0.0, np.zeros_like(whole_g.draws))),
        _Line(_whole(federated) - powered_g, _Drawn(energy_kwh, energies)),
    ]
    return _both("candidate_intensity", unit, powered_g.value / energy_kwh, lines)


def time_trajectory(study: Study, baseline: Assessment, candidate: Assessment) -> Trajectory | None:
    """Say what both architectures have emitted, month by month.

    Parameters
    ----------
    study : Study
    baseline, candidate : Assessment
        Centralised and federated.

    Returns
    -------
    Trajectory or None
        None where the study has no horizon. See `share_by` for what happens when.
    """
    if not study.storage.horizon_s:
        return None
    times = course_times(study)
    asked_s = [asked for _, asked in times]
    sides = [
        list(_emitted(study, one, assessment, asked_s))
        for one, assessment in zip(BOTH, (baseline, candidate), strict=True)
    ]
    points = [
        (at_s / S_PER_H / H_PER_MONTH, *pair)
        for (at_s, _), *pair in zip(times, *sides, strict=True)
    ]
    at, *drawn = zip(*_without_repetition(points), strict=True)
    return Trajectory("time", "month", at, *drawn)


def _without_repetition(
    points: Sequence[tuple[float, Interval, Interval]],
) -> Iterator[tuple[float, Interval, Interval]]:
    """Leave out the points before a step where there is none."""
    for one, following in itertools.pairwise(points):
        is_step = any(
            not math.isclose(a.value, b.value, rel_tol=1e-12)
            for a, b in zip(one[1:], following[1:], strict=True)
        )
        if one[0] != following[0] or is_step:
            yield one
    yield points[-1]


def _emitted(
    study: Study, architecture: Architecture, assessment: Assessment, times_s: Sequence[float]
) -> Iterator[Interval]:
    sampler = Sampler(assessment.terms, seed=assessment.seed, draws=assessment.draws)
    idle = _reserved_shares(study, architecture)
    # Draws of a stage once, instead of those of each part at each moment.
    groups: dict[tuple[LifeCycle, bool], list[tuple[tuple[str, ...], float]]] = defaultdict(list)
    for part in assessment.contributions:
        reserved = _reserved_share(part, idle)
        for key, share in ((True, reserved), (False, 1 - reserved)):
            if share:
                whole_g = part.emissions_g.value
                groups[part.life_cycle, key].append((part.terms, share * whole_g))
    drawn = {
        key: (math.fsum(part_g for _, part_g in parts), sampler.sum(parts))
        for key, parts in groups.items()
    }
    for at_s in times_s:
        value, draws = 0.0, np.zeros(assessment.draws)
        for (stage, reserved), (part_g, part_draws) in drawn.items():
            share = (
                min(1.0, at_s / study.storage.horizon_s)
                if reserved
                else share_by(study, architecture, stage, at_s)
            )
            value, draws = value + share * part_g, draws + share * part_draws
        yield interval(value, draws)


def _reserved_share(part: Contribution, idle: Mapping[str, float]) -> float:
    """Share of a part that comes from reserving something dedicated for the whole time [1].

    It is there from the first day to the last; storage, rounds and the rest have a course
    of their own.
    """
    if part.actor not in idle or (part.phase, part.life_cycle) != (Phase.IDLE, LifeCycle.TRAIN):
        return 0.0
    # The making of what is dedicated is charged to its reservation alone.
    return 1.0 if part.stage is Stage.EMBODIED else idle[part.actor]


def _reserved_shares(study: Study, architecture: Architecture) -> dict[str, float]:
    """Share of the idling in the training that is not that of its rounds, by actor [1].

    A server idles while clients train, and in what is left of its reservation.
    """
    dedicated = {name for name, site in study_actors(study).items() if site.dedicated}
    if not dedicated:
        return {}
    left_kwh: dict[str, float] = defaultdict(float)
    all_kwh: dict[str, float] = defaultdict(float)
    for one in plan_study(study, architecture).activities():
        if (one.phase, one.life_cycle) == (Phase.IDLE, LifeCycle.TRAIN):
            all_kwh[one.actor] += one.energy_kwh or 0.0
            # Of what is dedicated nothing but its reservation takes time.
            left_kwh[one.actor] += (one.energy_kwh or 0.0) if one.duration_s else 0.0
    return {name: left_kwh[name] / all_kwh[name] if all_kwh[name] else 1.0 for name in dedicated}
