"""Where the gradients of a coreset come from, and how they are made short.

Clients that were not chosen have not trained, so a fresh gradient of theirs costs energy of
its own (see `footprint.scheduling.cafe`). DivFL's public code asks everybody once and later
refreshes only those who trained; `GradientMemory` does the same.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from footprint.errors import UsageError
from footprint.model.kinds import Vocabulary
from footprint.scheduling.arrays import Array, Indices, Mask, numbers

# Parameters per block of the projection: part of its definition, since it orders the draws.
_BLOCK = 4096


class GradientSource(Vocabulary):
    """Who computes a gradient for the choice of a round."""

    FRESH = "fresh"
    """Every client, in every round, on the current model."""
    STALE = "stale"
    """Every client once; then only those who train, at no cost beyond their training."""
    PROBE_BATCH = "probe_batch"
    """Every client, in every round, on one mini-batch."""

    def asked(self, known: Mask) -> Mask:
        """Clients that compute a gradient just for the choice.

        Parameters
        ----------
        known : ndarray of bool, shape (clients,)
            Of whom some gradient is known, see `GradientMemory.known`.
        """
        return ~known if self is GradientSource.STALE else np.ones_like(known)


def update_gradients(
    before: npt.ArrayLike, after: npt.ArrayLike, learning_rate: float, steps: npt.ArrayLike
) -> Array:
    r"""Mean gradients that local trainings followed.

    .. math:: g_i = -\frac{w_i - w}{\eta \tau_i}

    Parameters
    ----------
    before : array_like of shape (parameters,)
        Global model, w.
    after : array_like of shape (clients, parameters)
        Models after local training by plain gradient descent, w_i.
    learning_rate : float
        eta [1].
    steps : array_like of shape (clients,) or int
        Local steps of each client, tau.

    Raises
    ------
    UsageError
        If the learning rate or a number of steps is not above 0.
    """
    count = np.asarray(steps, dtype=np.float64)
    if not (learning_rate > 0 and np.all(count > 0)):
        raise UsageError(f"Learning rate {learning_rate} and steps {count} must be above 0.")
    start = numbers("model before", before)
    moved = numbers("models after", after, dimensions=2) - start
    gradients: Array = -moved / (learning_rate * np.broadcast_to(count, len(moved))[:, None])
    return gradients


def project(gradients: npt.ArrayLike, dimensions: int, rng: np.random.Generator) -> Array:
    r"""Shorten gradients so that their distances stay about the same.

    .. math:: \tilde g = \frac{1}{\sqrt{m}} R g, \quad R_{jl} \in \{-1, 1\}

    The squared distance is right on average; its relative standard deviation is at most
    :math:`\sqrt{2 / m}`. The signs are drawn block by block, so ten million parameters need
    no more memory than some thousand.

    Parameters
    ----------
    gradients : array_like of shape (clients, parameters)
    dimensions : int
        m; 256 is a good start.
    rng : numpy.random.Generator
        Clients that project at home must use the same seed: another one is another projection.

    Returns
    -------
    ndarray of shape (clients, dimensions)

    References
    ----------
    D. Achlioptas, "Database-friendly random projections: Johnson-Lindenstrauss with binary
    coins", Journal of Computer and System Sciences 66 (2003).
    """
    if dimensions < 1:
        raise UsageError(f"A projection has at least one dimension, not {dimensions}.")
    rows = numbers("gradients", gradients, dimensions=2)
    short = np.zeros((len(rows), dimensions))
    for start in range(0, rows.shape[1], _BLOCK):
        block = rows[:, start : start + _BLOCK]
        bits = np.frombuffer(rng.bytes(-(-_BLOCK * dimensions // 8)), dtype=np.uint8)
        signs = np.unpackbits(bits)[: _BLOCK * dimensions].reshape(_BLOCK, dimensions)
        short += block @ (2.0 * signs[: block.shape[1]] - 1.0)
    short /= np.sqrt(dimensions)
    return short


class GradientMemory:
    """The last gradient that was seen of each client.

    Parameters
    ----------
    clients, dimensions : int
    """

    def __init__(self, clients: int, dimensions: int) -> None:
        self._gradients = np.zeros((clients, dimensions))
        self._seen = np.full(clients, -1)

    @property
    def known(self) -> Mask:
        """Clients of whom a gradient was seen."""
        return self._seen >= 0

    def grow(self, clients: int) -> None:
        """Make room for more clients; those that are there keep their numbers."""
        more = clients - len(self._seen)
        if more > 0:
            self._gradients = np.pad(self._gradients, ((0, more), (0, 0)))
            self._seen = np.pad(self._seen, (0, more), constant_values=-1)

    def of(self, clients: Sequence[int] | Indices) -> Array:
        """Gradients of some clients, shape (len(clients), dimensions), a copy.

        Raises
        ------
        UsageError
            If one was never seen: a missing gradient is not a zero gradient.
        """
        places = np.asarray(clients, dtype=np.intp)
        self._check(places)
        rows: Array = self._gradients[places]
        return rows

    def ages(self, round_number: int) -> Indices:
        """Count rounds since each gradient was computed; refuses while one is unknown."""
        self._check()
        ages: Indices = round_number - self._seen
        return ages

    def remember(
        self, clients: Sequence[int] | Indices, gradients: npt.ArrayLike, round_number: int
    ) -> None:
        """Replace the gradients of some clients.

        Parameters
        ----------
        clients : sequence of int
        gradients : array_like of shape (len(clients), dimensions)
        round_number : int
            From 0 on.
        """
        places = np.asarray(clients, dtype=np.intp)
        rows = numbers("gradients", gradients, dimensions=2)
        if rows.shape != (len(places), self._gradients.shape[1]):
            raise UsageError(
                f"Found gradients of shape {rows.shape}, "
                f"expected ({len(places)}, {self._gradients.shape[1]})."
            )
        self._gradients[places] = rows
        self._seen[places] = round_number

    def gradients(self) -> Array:
        """All gradients, shape (clients, dimensions), a copy.

        Raises
        ------
        UsageError
            If one was never seen: a missing gradient is not a zero gradient.
        """
        self._check()
        return self._gradients.copy()

    def _check(self, places: Indices | None = None) -> None:
        among = np.arange(len(self._seen)) if places is None else places
        unknown = among[~self.known[among]]
        if len(unknown):
            raise UsageError(
                f"No gradient of client {int(unknown[0])} was ever seen.",
                "Ask every client once before the first choice.",
            )
