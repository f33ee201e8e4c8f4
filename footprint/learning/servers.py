r"""What a server does with the average of a round, and how learning rates fall.

.. math::
    \Delta_t = \bar{w}_{t+1} - w_t, \quad
    m_t = \beta_1 m_{t-1} + (1 - \beta_1) \Delta_t, \quad
    v_t = \beta_2 v_{t-1} + (1 - \beta_2) \Delta_t^2, \quad
    w_{t+1} = w_t + \eta \frac{m_t}{\sqrt{v_t} + \tau}

with :math:`m_{-1} = 0` and :math:`v_{-1} = \tau^2` is FedAdam: what clients changed is taken for a
gradient. Other implementations correct the bias of the first rounds; the paper does not.

References
----------
S. J. Reddi et al., "Adaptive federated optimization", ICLR 2021, arXiv 2003.00295, algorithm 2.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from math import exp, isfinite, log
from typing import Any

import numpy as np

from footprint.errors import UsageError
from footprint.learning.codecs import Array, Arrays, shapes_of

# For FedAdam in the experiments of the paper.
BETA_1, BETA_2, TAU = 0.9, 0.99, 1e-3


class ServerKind(StrEnum):
    """What becomes of an average. ``mean``: the next model. ``adam``: a gradient of FedAdam."""

    MEAN = "mean"
    ADAM = "adam"


@dataclass(slots=True)
class ServerOptimiser:
    """Steps of a server.

    Attributes
    ----------
    kind : ServerKind
    rate : float
        eta of FedAdam; the mean has none.
    beta_1, beta_2, tau : float
        Of FedAdam.
    averaged : frozenset of str
        Tensors that no gradient moves, such as running statistics: their mean is taken.
    """

    kind: ServerKind = ServerKind.MEAN
    rate: float = 0.1
    beta_1: float = BETA_1
    beta_2: float = BETA_2
    tau: float = TAU
    averaged: frozenset[str] = frozenset()
    _first: dict[str, Array] = field(default_factory=dict, init=False)
    _second: dict[str, Array] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        try:
            self.kind = ServerKind(self.kind)
        except ValueError as error:
            raise UsageError(f"{error}.", f"Choose of {', '.join(ServerKind)}.") from error
        betas = 0 <= self.beta_1 < 1 and 0 <= self.beta_2 < 1
        if not betas or not self.tau > 0 or not 0 < self.rate < float("inf"):
            raise UsageError(f"No server can step by {self!r}.")

    def step(self, before: Arrays, average: Arrays) -> dict[str, Array]:
        """Make the next model.

        Parameters
        ----------
        before, average : mapping of str to ndarray of float32
            Model that was sent, and what `clients.merge` made of the answers.

        Raises
        ------
        UsageError
            If they have other tensors.
        """
        if shapes_of(before) != shapes_of(average):
            raise UsageError("The average has other tensors than the model.")
        if self.kind is ServerKind.MEAN:
            return {name: np.asarray(array) for name, array in average.items()}
        return {
            name: average[name]
            if name in self.averaged
            else self._adam(name, before[name], average[name])
            for name in before
        }

    def _adam(self, name: str, before: Array, average: Array) -> Array:
        old: np.ndarray[Any, np.dtype[np.float64]] = before.astype(np.float64)
        delta = average - old
        first = self.beta_1 * self._first.get(name, 0.0) + (1 - self.beta_1) * delta
        last = self._second.get(name, self.tau**2)
        second = self.beta_2 * last + (1 - self.beta_2) * delta**2
        self._first[name], self._second[name] = first, second
        moved = old + self.rate * first / (np.sqrt(second) + self.tau)
        return np.asarray(moved, dtype=np.float32)


def decay_rate(start: float, end: float, number: int, rounds: int) -> float:
    r"""Learning rate of a round, :math:`start \cdot e^{(t/T) \ln(end / start)}` [1].

    The ratio is printed the other way round in the publication of ZeroFL, where rates would rise.

    Parameters
    ----------
    start, end : float
        Above 0.
    number : int
        t, from 0 on.
    rounds : int
        T.
    """
    usable = start > 0 and end > 0 and isfinite(start) and isfinite(end)
    if not usable or rounds < 1 or not 0 <= number <= rounds:
        raise UsageError(f"There is no rate from {start} to {end} in round {number} of {rounds}.")
    return start * exp(number / rounds * log(end / start))
