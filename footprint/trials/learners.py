"""The learners that can be chosen by name: what stands for training in a simulation."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from footprint.errors import UsageError
from footprint.model import Finding
from footprint.simulation.fleet import Fleet
from footprint.simulation.learners import FallingLoss, Learner
from footprint.trials.plan import LearnerTable


@dataclass(frozen=True, slots=True)
class LearnerKind:
    """A kind of learner.

    Attributes
    ----------
    make : callable
        Takes a fleet, a seed, and options by name.
    options : tuple of str
    finding : Finding or None
        What everybody must know who sees its results.
    """

    make: Callable[..., Learner]
    options: tuple[str, ...]
    finding: Finding | None = None


def _falling_loss(fleet: Fleet, seed: int, **options: Any) -> Learner:  # noqa: ARG001
    return FallingLoss(seed, **options)


LEARNERS: dict[str, LearnerKind] = {
    "falling-loss": LearnerKind(
        _falling_loss,
        tuple(name for name in inspect.signature(FallingLoss).parameters if name != "seed"),
        Finding(
            "learning-invented",
            "Nothing was trained: losses fall by an invented formula.",
            remedy="Take a learner that trains before you believe an accuracy.",
        ),
    ),
}
"""Kind of each learner by its name in a manifest."""


def check_learner(table: LearnerTable | None) -> None:
    """Check the kind and the options of a learner.

    Raises
    ------
    UsageError
        If there is no such kind, or it has no such option.
    """
    if table is None:
        return
    if table.kind not in LEARNERS:
        raise UsageError(
            f"There is no learner {table.kind!r}.", f"Use one of: {', '.join(LEARNERS)}."
        )
    known = LEARNERS[table.kind].options
    for option in table.options:
        if option not in known:
            raise UsageError(
                f"The learner {table.kind!r} has no option {option!r}.",
                f"Its options are: {', '.join(known)}.",
            )


def make_learner(table: LearnerTable, fleet: Fleet, seed: int) -> Learner:
    """Make a fresh learner; it remembers its run.

    Raises
    ------
    UsageError
        As `check_learner`, or if an option is missing.
    """
    check_learner(table)
    options: Mapping[str, Any] = table.options
    try:
        return LEARNERS[table.kind].make(fleet, seed, **options)
    except TypeError as error:
        raise UsageError(f"The learner {table.kind!r} cannot be made: {error}.") from error
