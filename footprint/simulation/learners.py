"""What training does to a model, as far as schedulers look at it.

Without a learner nobody's utility is known, and policies fall back on the number of samples.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from footprint.errors import UsageError
from footprint.model.methods import TrainingMethod
from footprint.scheduling.gradients import GradientSource
from footprint.simulation.arrays import Floats, Integers


@dataclass(frozen=True, slots=True, eq=False)
class RoundWork:
    """The work of a round that counts.

    Attributes
    ----------
    round : int
        From 1 on.
    clients : ndarray of int
        Numbers in the fleet of those whose updates count; may be empty.
    units : ndarray of float
        Work that each did [units]; whole units are its floor.
    weights : ndarray of float or None
        Of the updates in the average; None for by their samples.
    methods : tuple of TrainingMethod, or None
        How each trains; None if nobody chose. Comes only to a learner whose `by_method` is true.
    """

    round: int
    clients: Integers
    units: Floats
    weights: Floats | None = None
    methods: tuple[TrainingMethod, ...] | None = None


class Learner(Protocol):
    """Trains in the rounds of a simulation: really, or as a formula.

    One with a true attribute `by_method` trains each client by the method that it is told. A method
    `findings()` says what a reader of the results must know of its model.
    """

    def train(self, work: RoundWork) -> Mapping[str, Floats]:
        """Train the clients whose updates count, and aggregate them.

        Returns
        -------
        mapping of str to ndarray
            One value per client each, such as ``"loss"``; ``"utility"`` is their statistical
            utility.
        """


@runtime_checkable
class Testable(Protocol):
    """A learner that can say how good its model is."""

    def accuracy(self) -> float:
        """Accuracy of the global model on data that nobody trains on [1]."""


@runtime_checkable
class Differentiable(Protocol):
    """A learner that can say where its clients pull the model."""

    def probe_units(self, clients: Integers, source: GradientSource) -> Floats:
        """Work of a gradient for each client [units]."""

    def gradients(self, clients: Integers, source: GradientSource) -> Floats:
        """Gradients on the current model, shape (clients, dimensions)."""

    def followed(self) -> Floats:
        """Mean gradients that the last trainings followed.

        Returns
        -------
        ndarray of shape (clients, dimensions)
            Of the clients of the last round whose updates counted, in their order.
        """


@dataclass(slots=True)
class FallingLoss:
    r"""A loss that falls with the work that went into the model: invented, for trials.

    .. math:: l_c = l_1 + (l_0 - l_1) e^{-w / (\tau h_c)}

    w is the accepted work of all so far; h_c, how hard a client's data is, is drawn evenly between
    0.5 and 1.5. The utility is Oort's, U = |B| sqrt(mean loss^2), with |B| the samples worked on.

    Attributes
    ----------
    seed : int
    samples_per_unit : float
        Samples in a unit of work [1].
    horizon_units : float
        tau, work after which the distance to the last loss has fallen to 37 % [units].
    first, last : float
        Loss of the untrained model, and of the trained one [1].
    done_units : float
        w [units].
    """

    seed: int
    samples_per_unit: float
    horizon_units: float
    first: float = 2.3
    last: float = 0.3
    done_units: float = 0.0

    def train(self, work: RoundWork) -> Mapping[str, Floats]:
        """Let the loss fall, and say what it was where each trained."""
        hard = [np.random.default_rng([self.seed, c]).uniform(0.5, 1.5) for c in work.clients]
        left = np.exp(-self.done_units / (self.horizon_units * np.array(hard)))
        loss = self.last + (self.first - self.last) * left
        self.done_units += float(work.units.sum())
        return {"loss": loss, "utility": np.floor(work.units) * self.samples_per_unit * loss}


def accuracy_of(learner: object) -> float:
    """Ask a learner how good its model is; NaN if it cannot say [1]."""
    return learner.accuracy() if isinstance(learner, Testable) else np.nan


def require_methods(learner: object, scheduler: object) -> None:
    """Refuse a learner that would train everybody alike if a scheduler says how each one trains.

    Raises
    ------
    UsageError
        If it is one: its accuracy would be that of another training.
    """
    names = getattr(scheduler, "methods", None) is not None
    if names and learner is not None and not getattr(learner, "by_method", False):
        raise UsageError(
            f"{type(scheduler).__name__} chooses how clients train, and the learner "
            f"{type(learner).__name__} trains all alike.",
            "Take a learner that trains by methods, or none: then work is what counts.",
        )


def differentiable(learner: object) -> Differentiable | None:
    """Give the learner if it can say where its clients pull the model."""
    return learner if isinstance(learner, Differentiable) else None
