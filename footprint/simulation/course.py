"""When a planned training emits: the share of each stage that lies behind a moment."""

from __future__ import annotations

import math

from footprint.model import Architecture, LifeCycle, Study
from footprint.simulation.rounds import round_duration


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
    training follow each other from the beginning on; the model is deployed after them and
    used evenly until the horizon ends. Retrainings are evenly spaced over the horizon;
    retirement is its end. This is our reading: a manifest says how often, not when.
    """
    horizon_s, training = study.storage.horizon_s, study.training
    if at_s >= horizon_s:
        return 1.0
    tuned_s = (training.runs - 1) * training_duration(study, architecture)
    trained_s = tuned_s + training_duration(study, architecture)
    refreshes = study.storage.refreshes
    begun = min(refreshes, math.floor(at_s / horizon_s * refreshes) + 1)
    match stage:
        case LifeCycle.STORE:
            # Each refresh is kept from its own moment on.
            return sum(at_s - number * horizon_s / refreshes for number in range(begun)) / (
                horizon_s * (refreshes + 1) / 2
            )
        case LifeCycle.EXPERIMENT:
            return _ramp(at_s, 0.0, tuned_s)
        case LifeCycle.TRAIN:
            return _ramp(at_s, tuned_s, trained_s)
        case LifeCycle.DEPLOY:
            return float(at_s >= trained_s)
        case LifeCycle.INFER:
            return _ramp(at_s, min(trained_s, horizon_s), horizon_s)
        case LifeCycle.RETRAIN:
            count = training.retrainings
            done = math.floor(at_s / horizon_s * (count + 1))
            return min(done, count) / count if count else 1.0
        case LifeCycle.RETIRE:
            return 0.0
    return begun / refreshes  # collected, prepared, copied


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
