r"""How much a set of clients can teach: the value of a coreset of gradients.

Every client is represented by the chosen client whose gradient is nearest to its own. A
phantom client, which is always there and costs nothing, gives the empty set a meaning:

.. math:: U(S) = \frac{1}{Z} \sum_k p_k \left[d_{k0} - \min\left(d_{k0},
    \min_{i \in S} \lVert g_k - g_i \rVert\right)\right], \quad Z = \sum_k p_k d_{k0}

It is 0 for nobody, and grows with diminishing returns (monotone and submodular). With the
default phantom, the zero update that an empty round applies, everybody has the value 1.

Written as :math:`U(S) = \sum_k \max_{i \in S} c_{ki}` with the cover :math:`c_{ki} = p_k \max(0,
d_{k0} - d_{ki}) / Z`, it is a facility location: all that solvers need to know is the cover.

Sources: B. Mirzasoleiman et al., "Coresets for data-efficient training of machine learning
models" (CRAIG), ICML 2020, for samples; R. Balakrishnan et al., "Diverse client selection for
federated learning via submodular maximization" (DivFL), ICLR 2022, for clients. Phantom,
weights and normalisation are our reading of CAFE (see `footprint.scheduling.cafe`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from footprint.errors import UsageError
from footprint.model.kinds import Vocabulary
from footprint.scheduling.arrays import Array, Indices, amounts, numbers

# 2^14 subsets of 14 clients are 2 MB.
MOST_CLIENTS_EXACT = 14


class Phantom(Vocabulary):
    """What stands for a client whom nobody represents."""

    ZERO = "zero"
    """The zero gradient: its distance is the norm of the client's own gradient."""
    MAX_DISTANCE = "max_distance"
    """A far point: the largest distance between two clients, for everybody."""


@dataclass(frozen=True, slots=True)
class Coreset:
    """Who represents whom how well, in one round.

    Attributes
    ----------
    cover : ndarray of shape (clients, candidates)
        What candidate i adds to the value if it alone represents client k [1].
    candidates : ndarray of shape (candidates,)
        Numbers of the clients that the columns belong to.
    """

    cover: Array
    candidates: Indices

    def value(self, clients: Sequence[int] | Indices) -> float:
        """Value U of a set of clients, given by their numbers [1]."""
        columns = np.flatnonzero(np.isin(self.candidates, np.asarray(clients, dtype=np.intp)))
        if len(columns) != len(set(map(int, clients))):
            raise UsageError(f"Not all of {[int(c) for c in clients]} are candidates.")
        return cover_value(self.cover, columns)

    def among(self, available: npt.ArrayLike) -> Coreset:
        """Leave only some candidates: those for whom a mask over all clients is true.

        The others cannot be chosen, and still want to be represented.
        """
        kept = np.asarray(available, dtype=np.bool_)[self.candidates]
        return Coreset(self.cover[:, kept], self.candidates[kept])


def cover_value(cover: Array, columns: npt.ArrayLike) -> float:
    """Value of a facility location: each row is served by its best chosen column."""
    chosen = np.asarray(columns, dtype=np.intp)
    return float(cover[:, chosen].max(axis=1, initial=0.0).sum())


def gradient_distances(gradients: npt.ArrayLike) -> Array:
    r"""Euclidean distances between gradients.

    .. math:: d_{ki} = \lVert g_k - g_i \rVert_2

    Parameters
    ----------
    gradients : array_like of shape (clients, parameters)
        Flattened gradients, or projections of them.

    Returns
    -------
    ndarray of shape (clients, clients)
        Symmetric, with zeros on the diagonal. Computed by scalar products, so a distance
        below about 1e-7 of the largest deviation from the mean gradient is rounding.
    """
    rows = numbers("gradients", gradients, dimensions=2)
    # Distances do not feel a common shift, and products are more exact without it.
    centred, exponent = _unit_scale(rows - rows.mean(axis=0))
    products = centred @ centred.T
    squares = np.diag(products)
    squared = squares[:, None] + squares[None, :] - 2 * products
    np.fill_diagonal(squared, 0.0)
    # BLAS need not give the same bits on both sides of the diagonal.
    distances: Array = np.ldexp(np.sqrt(np.maximum(0.0, (squared + squared.T) / 2)), exponent)
    return distances


def _unit_scale(rows: Array) -> tuple[Array, int]:
    """Divide by a power of two, so that squares of tiny numbers do not vanish; it is exact."""
    exponent = int(np.frexp(np.abs(rows).max(initial=0.0))[1])
    return np.ldexp(rows, -exponent), exponent


def measure_coreset(
    gradients: npt.ArrayLike,
    weights: npt.ArrayLike | None = None,
    *,
    phantom: Phantom = Phantom.ZERO,
    normalise: bool = True,
) -> Coreset:
    """Prepare the value of every set of clients from their gradients.

    Parameters
    ----------
    gradients : array_like of shape (clients, parameters)
    weights : array_like of shape (clients,), optional
        Shares of the data, p; they are divided by their sum. Default: equal shares.
    phantom : Phantom
    normalise : bool
        Divide by the value that a perfect cover has. Gradients shrink while a model
        learns; without this, so does the weight of learning beside that of carbon.

    Raises
    ------
    UsageError
        If the shapes do not fit, or a number is not finite.
    """
    rows = numbers("gradients", gradients, dimensions=2)
    distances = gradient_distances(rows)
    unit, exponent = _unit_scale(rows)
    far = (
        np.ldexp(np.linalg.norm(unit, axis=1), exponent)
        if phantom is Phantom.ZERO
        else np.full(len(rows), distances.max(initial=0.0))
    )
    return coreset_of(distances, far, weights, normalise=normalise)


def coreset_of(
    distances: npt.ArrayLike,
    phantom_distances: npt.ArrayLike,
    weights: npt.ArrayLike | None = None,
    *,
    normalise: bool = True,
) -> Coreset:
    """Prepare the value of every set of clients from distances that are known.

    Parameters
    ----------
    distances : array_like of shape (clients, clients)
        From the represented (rows) to the representing (columns).
    phantom_distances : array_like of shape (clients,)
    weights : array_like of shape (clients,), optional
        See `measure_coreset`.
    normalise : bool
        See `measure_coreset`. If all gradients are zero there is nothing to divide by,
        and nothing to learn: every value is 0.
    """
    apart = amounts("distances", distances, dimensions=2)
    count = len(apart)
    if apart.shape != (count, count):
        raise UsageError(f"Found distances of shape {apart.shape}, expected ({count}, {count}).")
    far = amounts("phantom distances", phantom_distances, count=count)
    shares = data_shares(weights, count)
    cover = shares[:, None] * np.maximum(0.0, far[:, None] - apart)
    scale = float(shares @ far)
    if normalise and scale > 0:
        cover /= scale
    return Coreset(cover, np.arange(count))


def data_shares(weights: npt.ArrayLike | None, count: int) -> Array:
    """Shares of the data that sum to 1; equal ones if none are given."""
    if weights is None:
        return np.full(count, 1.0 / max(count, 1))
    shares = amounts("weights", weights, count=count)
    if not shares.sum() > 0:
        raise UsageError("All weights are 0.", "Give at least one client data.")
    parts: Array = shares / shares.sum()
    return parts


def subset_values(cover: Array) -> Array:
    """Value of every subset of the columns of a cover.

    Parameters
    ----------
    cover : ndarray of shape (clients, candidates)

    Returns
    -------
    ndarray of shape (2 ** candidates,)
        Bit i of a place says whether candidate i belongs to its subset.

    Raises
    ------
    UsageError
        If there are more than 14 candidates.
    """
    count = cover.shape[1]
    if count > MOST_CLIENTS_EXACT:
        raise UsageError(
            f"{count} candidates have too many subsets; at most {MOST_CLIENTS_EXACT} are listed.",
            "Use the solver greedy_local.",
        )
    served = np.zeros((1, len(cover)))
    for column in cover.T:
        served = np.concatenate([served, np.maximum(served, column)])
    values: Array = served.sum(axis=1)
    return values


def represented_shares(
    distances: npt.ArrayLike, chosen: Sequence[int] | Indices, weights: npt.ArrayLike | None = None
) -> Array:
    """Shares of the data for which each chosen client stands.

    A weighted average of the chosen with these weights stands for the average of all. The
    phantom represents nobody here, so the shares sum to 1. DivFL's public code has such an
    average, switched off.

    Parameters
    ----------
    distances : array_like of shape (clients, clients)
    chosen : sequence of int
    weights : array_like of shape (clients,), optional
        See `measure_coreset`.

    Returns
    -------
    ndarray of shape (len(chosen),)

    Raises
    ------
    UsageError
        If nobody is chosen.
    """
    apart = amounts("distances", distances, dimensions=2)
    if not len(chosen):
        raise UsageError("Nobody is chosen, so nobody is represented.")
    nearest = apart[:, np.asarray(chosen, dtype=np.intp)].argmin(axis=1)
    shares = np.zeros(len(chosen))
    np.add.at(shares, nearest, data_shares(weights, len(apart)))
    return shares
