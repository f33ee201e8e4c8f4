"""The learners that can be chosen by name: what stands for training in a simulation."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from footprint.errors import UsageError
from footprint.model import Finding
from footprint.scheduling.policies import WITH_GRADIENTS
from footprint.simulation.fleet import Fleet
from footprint.simulation.learners import FallingLoss, Learner
from footprint.trials.plan import LearnerTable, PolicyTable


@dataclass(frozen=True, slots=True)
class LearnerKind:
    """A kind of learner.

    Attributes
    ----------
    make : callable
        Takes a fleet, a seed, and options by name.
    needed, options : tuple of str
        Options that it cannot do without, and the others.
    finding : Finding or None
        What everybody must know who sees its results.
    by_method : bool
        Whether each client trains by the method that a policy chooses for it.
    gradients : bool
        Whether it can say where its clients pull the model.
    """

    make: Callable[..., Learner]
    needed: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    finding: Finding | None = None
    by_method: bool = False
    gradients: bool = False


@dataclass(slots=True)
class _FallingLoss(FallingLoss):
    """The invented loss, with an accuracy that is as invented: e^-loss.

    It is that of a client whose data is neither easy nor hard, h = 1.
    """

    def accuracy(self) -> float:
        left = math.exp(-self.done_units / self.horizon_units)
        return math.exp(-self.last - (self.first - self.last) * left)


def _falling_loss(fleet: Fleet, seed: int, **options: Any) -> Learner:  # noqa: ARG001
    return _FallingLoss(seed, **options)


def _digits(fleet: Fleet, seed: int, **options: Any) -> Learner:
    # Torch is loaded only where something trains.
    from footprint.learning.local_steps import LocalSteps
    from footprint.learning.models import ModelKind
    from footprint.learning.rounds import digits_learner

    alpha = float(options.pop("alpha", 0.1))
    model = ModelKind.parse(str(options.pop("model", ModelKind.SOFTMAX)))
    steps = LocalSteps(**options)
    return digits_learner(len(fleet), seed=seed, alpha=alpha, model=model, how=steps)


def _digits_by_method(fleet: Fleet, seed: int, **options: Any) -> Learner:
    from footprint.learning.local_steps import LocalSteps
    from footprint.learning.method_rounds import method_digits_learner

    alpha = float(options.pop("alpha", 0.1))
    return method_digits_learner(len(fleet), seed=seed, alpha=alpha, how=LocalSteps(**options))


LEARNERS: dict[str, LearnerKind] = {
    "falling-loss": LearnerKind(
        _falling_loss,
        ("samples_per_unit", "horizon_units"),
        ("first", "last"),
        Finding(
            "learning-invented",
            "Nothing was trained: losses and accuracies follow an invented formula of the work "
            "done, whoever did it. Who leaves clients out loses nothing by it here, so this does "
            "not rank policies.",
            remedy="Take a learner that trains before you believe an accuracy, or rank policies by "
            "one.",
        ),
    ),
    "digits": LearnerKind(
        _digits,
        options=("alpha", "model", "batch_size", "learning_rate", "proximal"),
        gradients=True,
    ),
    "digits-by-method": LearnerKind(
        _digits_by_method,
        options=("alpha", "batch_size", "learning_rate"),
        by_method=True,
        gradients=True,
    ),
}
"""Kind of each learner by its name in a manifest."""


def check_learner(table: LearnerTable | None) -> None:
    """Check the kind and the options of a learner.

    Raises
    ------
    UsageError
        If there is no such kind, or it has no such option or lacks one.
    """
    if table is None:
        return
    if table.kind not in LEARNERS:
        raise UsageError(
            f"There is no learner {table.kind!r}.", f"Use one of: {', '.join(LEARNERS)}."
        )
    kind = LEARNERS[table.kind]
    known = (*kind.needed, *kind.options)
    for option in table.options:
        if option not in known:
            raise UsageError(
                f"The learner {table.kind!r} has no option {option!r}.",
                f"Its options are: {', '.join(known)}.",
            )
    for option in kind.needed:
        if option not in table.options:
            raise UsageError(
                f"The learner {table.kind!r} lacks the option {option!r}.",
                f"Its options are: {', '.join(known)}.",
            )


def gradients_fault(policy: PolicyTable, learner: LearnerTable | None) -> tuple[str, str] | None:
    """Say what a policy lacks that values clients by their gradients.

    Returns
    -------
    tuple of (str, str), or None
        What is wrong, and what to do.
    """
    if (policy.rule or policy.name) not in WITH_GRADIENTS:
        return None
    able = [name for name, kind in LEARNERS.items() if kind.gradients]
    if learner is None:
        lacks = "nothing learns"
    elif learner.kind in LEARNERS and learner.kind not in able:
        lacks = f"the learner {learner.kind!r} has none"
    else:
        return None
    return (
        f"{policy.name!r} values clients by their gradients, and {lacks}.",
        f"Take a learner that gives them ({', '.join(able)}), or leave the policy out.",
    )


def make_learner(table: LearnerTable, fleet: Fleet, seed: int) -> Learner:
    """Make a fresh learner; it remembers its run.

    Raises
    ------
    UsageError
        As `check_learner`.
    """
    check_learner(table)
    return LEARNERS[table.kind].make(fleet, seed, **table.options)
