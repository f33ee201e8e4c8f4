"""When a planned training emits: the share of each stage that lies behind a moment."""

from __future__ import annotations

import math

from footprint.model import Architecture, LifeCycle, Study
from footprint.simulation.rounds import round_duration

MOST_POINTS = 120
"""Points of a course: enough for what happens weekly in a year."""

_EVEN_PARTS = 24
_BOTH = (Architecture.CENTRALISED, Architecture.FEDERATED)


def course_times(study: Study) -> list[tuple[float, float]]:
    """Find the moments at which a study is to be looked at, to see all that happens.

    Parameters
    ----------
    study : Study
        With a horizon.

    Returns
    -------
    list of (float, float)
        Moments [s], never falling, and the times for which to ask `share_by` [s]. The two
        differ where something happens at once: just before, and then. At most `MOST_POINTS`.

    Notes
    -----
    Between two events every share grows evenly, so nothing is missed. Of more refreshes
    and retrainings than there is room for, every second, third ... is taken.
    """
    horizon_s = study.storage.horizon_s
    ends = {end_s for one in _BOTH for end_s in training_times(study, one)} | {horizon_s}
    ends.discard(0.0)
    parts = (study.storage.refreshes, study.training.retrainings + 1)
    repeated = {moment(horizon_s, k, n) for n in parts for k in range(1, n)} - ends
    events = ends | set(_thin(sorted(repeated), (MOST_POINTS - 1) // 2 - len(ends)))
    room = MOST_POINTS - 1 - 2 * len(events)
    last_s = max(events)
    even = {moment(last_s, k, _EVEN_PARTS) for k in range(_EVEN_PARTS)} - events - {0.0}
    points = [(0.0, 0.0), *((at_s, at_s) for at_s in _thin(sorted(even), room))]
    for at_s in events:
        points += [(at_s, math.nextafter(at_s, 0.0)), (at_s, at_s)]
    return sorted(points)


def _thin(times_s: list[float], most: int) -> list[float]:
    """Take every second, third ... of too many."""
    step = math.ceil(len(times_s) / most) if most > 0 else len(times_s) + 1
    return times_s[step - 1 :: step] if step else []


def moment(horizon_s: float, number: int, parts: int) -> float:
    """Beginning of one of equal parts of a time; equal fractions give equal floats [s]."""
    common = math.gcd(number, parts)
    return horizon_s * (number // common) / (parts // common)


def _begun(at_s: float, horizon_s: float, parts: int) -> int:
    """Count the parts of a time that have begun; exact at their beginnings."""
    nearest = round(at_s / horizon_s * parts)
    return min(parts, nearest + (at_s >= moment(horizon_s, nearest, parts)))


def share_by(study: Study, architecture: Architecture, stage: LifeCycle, at_s: float) -> float:
    """Find the share of a stage of the life cycle that is done by a moment [1].

    Parameters
    ----------
    study : Study
        With a horizon.
    architecture : Architecture
    stage : LifeCycle
    at_s : float
        Time since the project began [s].

    Notes
    -----
    Data is collected, prepared and copied at the first moment and at every refresh, which
    are evenly spaced over the horizon, and is kept from then on. Experiments and the
    training follow each other from the beginning on, also beyond the horizon if they take
    that long; the model is deployed after them and used evenly until the horizon ends.
    Retrainings are evenly spaced over the horizon, and their work is even if nobody said
    how many; retirement is its end. All but the training is done then. This is our reading:
    a manifest says how often, not when.
    """
    horizon_s, retrainings = study.storage.horizon_s, study.training.retrainings
    tuned_s, trained_s = training_times(study, architecture)
    if at_s >= horizon_s and stage not in (LifeCycle.EXPERIMENT, LifeCycle.TRAIN):
        return 1.0
    refreshes = study.storage.refreshes
    begun = _begun(at_s, horizon_s, refreshes)
    match stage:
        case LifeCycle.STORE:
            # Each refresh is kept from its own moment on.
            kept_s = begun * at_s - horizon_s / refreshes * begun * (begun - 1) / 2
            return kept_s / (horizon_s * (refreshes + 1) / 2)
        case LifeCycle.EXPERIMENT:
            return _ramp(at_s, 0.0, tuned_s)
        case LifeCycle.TRAIN:
            return _ramp(at_s, tuned_s, trained_s)
        case LifeCycle.DEPLOY:
            return float(at_s >= trained_s)
        case LifeCycle.INFER:
            return _ramp(at_s, min(trained_s, horizon_s), horizon_s)
        case LifeCycle.RETRAIN:
            if not retrainings:  # declared work alone
                return _ramp(at_s, 0.0, horizon_s)
            return (_begun(at_s, horizon_s, retrainings + 1) - 1) / retrainings
        case LifeCycle.RETIRE:
            return 0.0
    return begun / refreshes  # collected, prepared, copied


def training_times(study: Study, architecture: Architecture) -> tuple[float, float]:
    """Moments at which the experiments and the training end [s]."""
    once_s = training_duration(study, architecture)
    tuned_s = (study.training.runs - 1) * once_s
    return tuned_s, tuned_s + once_s


def training_duration(study: Study, architecture: Architecture) -> float:
    """Wall-clock of one training [s]."""
    if architecture is Architecture.CENTRALISED and study.centralised is not None:
        return study.centralised.training_s
    return study.training.rounds * round_duration(study)


def _ramp(at_s: float, start_s: float, stop_s: float) -> float:
    """Share of an even activity that is done [1]."""
    if at_s >= stop_s:
        return 1.0
    if start_s >= stop_s:
        return 0.0  # of no length, and still to come
    return max(0.0, (at_s - start_s) / (stop_s - start_s))
