"""A policy around another one: it says when or how many, the other one says who."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from footprint.model import Finding
from footprint.model.method_costs import MethodCost
from footprint.scheduling.base import (
    Need,
    Outcome,
    Scheduler,
    SelectionState,
    findings_of,
    horizon_of,
    needs_of,
)

Methods: TypeAlias = Callable[[Sequence[str], SelectionState], Sequence[MethodCost]]
"""Says how each client of a round trains."""


@dataclass
class Around:
    """Passes on to another policy what is its business.

    Parameters
    ----------
    inner : Scheduler
        Says who.
    """

    inner: Scheduler
    own_needs: ClassVar[frozenset[Need]] = frozenset()

    @property
    def needs(self) -> frozenset[Need]:
        """What it reads, and what the other policy does."""
        return self.own_needs | needs_of(self.inner)

    @property
    def own_horizon_s(self) -> float:
        """How far it looks itself [s]."""
        return 0.0

    @property
    def horizon_s(self) -> float:
        """How far the two look [s]."""
        return max(self.own_horizon_s, horizon_of(self.inner))

    @property
    def weights(self) -> Callable[[Sequence[str]], Sequence[float]] | None:
        """Weights of the other policy, if it gives any."""
        found: Callable[[Sequence[str]], Sequence[float]] | None
        found = getattr(self.inner, "weights", None)
        return found

    @property
    def methods(self) -> Methods | None:
        """Methods of the other policy, if it names any."""
        found: Methods | None = getattr(self.inner, "methods", None)
        return found

    def findings(self) -> tuple[Finding, ...]:
        """Pass on what the other policy has to say."""
        return findings_of(self.inner)

    def observe(self, outcome: Outcome) -> None:
        """Pass on what came of the round."""
        self.inner.observe(outcome)
