"""What a round asks of the fleet, and the plan that answers it."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from footprint.errors import UsageError

Floats = np.ndarray[Any, np.dtype[np.float64]]
Indices = np.ndarray[Any, np.dtype[np.int64]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]

# How far a client may miss its least work because numbers are rounded, as a share.
TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class RoundProblem:
    """Energy, capacity and demands of a round that has not begun.

    Attributes
    ----------
    spare : ndarray of shape (clients, steps)
        What each client can compute beside its own load [batches per step].
    energy_ws : ndarray of shape (domains, steps)
        Excess energy of each power domain; infinite where it has no limit [Ws per step].
    domain : ndarray of shape (clients,)
        The one domain of each client, counted from 0.
    energy_per_batch_ws : ndarray of shape (clients,)
        Above 0 [Ws].
    least, most : ndarray of shape (clients,)
        Work below which an update does not count, and work that is enough [batches].
    weight : ndarray of shape (clients,)
        Worth of a batch, 0 or more [1]; see `utility.normalised`.
    count : int
        Clients that take part, n.

    Raises
    ------
    UsageError
        If shapes do not fit, or a number is negative or none.
    """

    spare: Floats
    energy_ws: Floats
    domain: Indices
    energy_per_batch_ws: Floats
    least: Floats
    most: Floats
    weight: Floats
    count: int

    def __post_init__(self) -> None:
        for name in ("spare", "energy_ws"):
            _check_numbers(name, self._read(name), dimensions=2)
        clients = len(self.spare)
        for name in ("energy_per_batch_ws", "least", "most", "weight"):
            _check_numbers(name, self._read(name), dimensions=1)
            _check_length(name, len(getattr(self, name)), clients, "clients")
        _check_length("energy_ws", self.energy_ws.shape[1], self.spare.shape[1], "steps")
        self._check_domains()
        if np.any(self.energy_per_batch_ws <= 0):
            raise UsageError("Every batch costs energy: energy_per_batch_ws must be above 0.")
        if np.any(self.least > self.most):
            worst = int(np.argmax(self.least - self.most))
            raise UsageError(
                f"Client {worst} must do at least {self.least[worst]:g} batches "
                f"and at most {self.most[worst]:g}."
            )
        if self.count < 1:
            raise UsageError(f"A round has at least one client, not {self.count}.")

    def _read(self, name: str) -> Floats:
        """Make an array of what was given, once."""
        values: Floats = np.asarray(getattr(self, name), dtype=np.float64)
        object.__setattr__(self, name, values)
        return values

    def _check_domains(self) -> None:
        given = np.asarray(self.domain)
        if given.dtype.kind not in "iu":
            raise UsageError(f"domain holds whole numbers, not {given.dtype}.")
        _check_length("domain", given.size, len(self.spare), "clients")
        object.__setattr__(self, "domain", given.astype(np.int64))
        if given.size and not (given.min() >= 0 and given.max() < len(self.energy_ws)):
            raise UsageError(
                f"Clients are in the domains {given.min()} to {given.max()}, "
                f"and energy_ws has {len(self.energy_ws)}.",
                "Count domains from 0, one row of energy_ws each.",
            )

    @property
    def clients(self) -> int:
        """Number of clients."""
        return len(self.spare)

    @property
    def steps(self) -> int:
        """Number of steps that are known."""
        return int(self.spare.shape[1])

    def first(self, steps: int) -> RoundProblem:
        """Shorten to some steps from the beginning."""
        return self._with(spare=self.spare[:, :steps], energy_ws=self.energy_ws[:, :steps])

    def for_count(self, count: int) -> RoundProblem:
        """Ask for another number of clients."""
        return self._with(count=count)

    def of_clients(self, clients: Indices) -> RoundProblem:
        """Keep some clients, in the order given; a plan then counts from 0 among them."""
        names = ("spare", "domain", "energy_per_batch_ws", "least", "most", "weight")
        return self._with(**{name: getattr(self, name)[clients] for name in names})

    def _with(self, **changes: Any) -> RoundProblem:
        """Change what needs no other check: a part of what was checked."""
        part = object.__new__(RoundProblem)
        for one in fields(self):
            object.__setattr__(part, one.name, changes.get(one.name, getattr(self, one.name)))
        return part


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard to try.

    Attributes
    ----------
    gap : float
        Share of the value at which a plan is good enough.
    time_limit_s : float
        For the best plan, once the shortest duration is known [s].
    feasibility_limit_s : float
        For each question whether a duration is long enough; beyond it, the answer is no [s].
    """

    gap: float = 1e-4
    time_limit_s: float = math.inf
    feasibility_limit_s: float = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Clients of a round, and what each would do when.

    Attributes
    ----------
    chosen : ndarray of shape (n,)
        Clients, ascending.
    allocation : ndarray of shape (n, duration_steps)
        Work of each [batches per step].
    value : float
        Weighted batches.
    bound : float
        No plan of this duration is worth more.
    duration_steps : int
    solver : str
        What found it.
    elapsed_s : float
        [s]
    shortest : bool
        Whether every shorter round is known to be impossible: not so if that question ran
        into its time limit.
    """

    chosen: Indices
    allocation: Floats
    value: float
    bound: float
    duration_steps: int
    solver: str
    elapsed_s: float
    shortest: bool = True

    @property
    def gap(self) -> float:
        """How much more could be possible, as a share of the value."""
        return relative_gap(self.value, self.bound)


def relative_gap(value: float, bound: float) -> float:
    """Distance of a bound from a value, as a share of the value."""
    if bound <= value:
        return 0.0
    return (bound - value) / abs(value) if value and math.isfinite(value) else math.inf


def _check_numbers(name: str, values: Floats, *, dimensions: int) -> None:
    if values.ndim != dimensions:
        raise UsageError(f"{name} has {values.ndim} dimension(s), expected {dimensions}.")
    if not np.all(values >= 0) or (name != "energy_ws" and not np.all(np.isfinite(values))):
        raise UsageError(
            f"{name} holds a number that is negative, infinite or none.",
            "Only energy_ws may be infinite, for a supply without limit.",
        )


def _check_length(name: str, found: int, expected: int, what: str) -> None:
    if found != expected:
        raise UsageError(f"{name} is for {found} {what}, and spare for {expected}.")
