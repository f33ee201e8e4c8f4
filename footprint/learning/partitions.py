"""Split a data set between clients."""

from __future__ import annotations

from typing import Any

import numpy as np

from footprint.errors import UsageError

Indices = np.ndarray[Any, np.dtype[np.int64]]

_DRAWS = 1000


def dirichlet_partition(
    labels: np.ndarray[Any, Any],
    clients: int,
    alpha: float,
    rng: np.random.Generator,
    *,
    smallest: int = 1,
) -> list[Indices]:
    r"""Split samples so that each class is spread unevenly over the clients.

    For every class the shares of the clients are drawn from
    :math:`\mathrm{Dirichlet}(\alpha, ..., \alpha)`: a small `alpha` gives each
    client few classes, a large one gives all the same mix.

    Parameters
    ----------
    labels : ndarray of shape (samples,)
    clients : int
    alpha : float
        Concentration, above 0 [1].
    rng : numpy.random.Generator
    smallest : int
        Draw again until every client has this many samples.

    Returns
    -------
    list of ndarray
        Indices per client; together they are every sample exactly once.

    Raises
    ------
    UsageError
        If the numbers cannot work, or 1,000 draws gave some client too few.

    References
    ----------
    T.-M. H. Hsu, H. Qi, M. Brown, "Measuring the effects of non-identical data
    distribution for federated visual classification", arXiv 1909.06335.
    """
    _require_possible(len(labels), clients, alpha, smallest)
    for _ in range(_DRAWS):
        parts: list[list[Indices]] = [[] for _ in range(clients)]
        for label in np.unique(labels):
            members = rng.permutation(np.flatnonzero(labels == label))
            shares = rng.dirichlet(np.full(clients, alpha))
            cuts = np.round(np.cumsum(shares)[:-1] * len(members)).astype(np.int64)
            for part, piece in zip(parts, np.split(members, cuts), strict=True):
                part.append(piece)
        split = [np.sort(np.concatenate(part)) for part in parts]
        if min(map(len, split)) >= smallest:
            return split
    raise _no_split(clients, alpha, smallest)


def quantity_partition(
    samples: int, clients: int, alpha: float, rng: np.random.Generator, *, smallest: int = 1
) -> list[Indices]:
    r"""Split samples at random into parts of uneven size; classes are mixed alike.

    The shares of the clients are drawn from :math:`\mathrm{Dirichlet}(\alpha, ..., \alpha)`.

    Parameters
    ----------
    samples, clients : int
    alpha : float
        Concentration, above 0: a small one gives few clients most of the data [1].
    rng : numpy.random.Generator
    smallest : int
        Draw again until every client has this many samples.

    Returns
    -------
    list of ndarray
        Indices per client; together they are every sample exactly once.

    Raises
    ------
    UsageError
        If the numbers cannot work, or 1,000 draws gave some client too few.
    """
    _require_possible(samples, clients, alpha, smallest)
    order = rng.permutation(samples)
    for _ in range(_DRAWS):
        shares = rng.dirichlet(np.full(clients, alpha))
        cuts = np.round(np.cumsum(shares)[:-1] * samples).astype(np.int64)
        split = [np.sort(part) for part in np.split(order, cuts)]
        if min(map(len, split)) >= smallest:
            return split
    raise _no_split(clients, alpha, smallest)


def even_partition(
    labels: np.ndarray[Any, Any], clients: int, size: int, alpha: float, rng: np.random.Generator
) -> list[Indices]:
    r"""Draw clients of one size, each with its own mix of classes.

    The mix of a client is drawn from :math:`\mathrm{Dirichlet}(\alpha, ..., \alpha)`, and its
    samples one after the other from what is left of each class.

    Parameters
    ----------
    labels : ndarray of shape (samples,)
    clients, size : int
        Samples that are left over belong to nobody.
    alpha : float
        Concentration, above 0: 1 is the uneven and 1,000 the even setting of ZeroFL [1].
    rng : numpy.random.Generator

    Returns
    -------
    list of ndarray
        Indices per client, in the order in which they were drawn.

    Raises
    ------
    UsageError
        If the numbers cannot work.

    References
    ----------
    X. Qiu et al., "ZeroFL", ICLR 2022, arXiv 2208.02507: equal sizes and alpha.
    """
    _require_possible(len(labels), clients, alpha, size)
    classes = np.unique(labels)
    pools = [list(rng.permutation(np.flatnonzero(labels == label))) for label in classes]
    parts = []
    for _ in range(clients):
        shares, part = rng.dirichlet([alpha] * len(classes)), []
        for _ in range(size):
            left = shares * [bool(pool) for pool in pools]
            if left.sum() == 0:  # the classes of this client are used up
                left = np.array([float(bool(pool)) for pool in pools])
            part.append(pools[rng.choice(len(classes), p=left / left.sum())].pop())
        parts.append(np.array(part, dtype=np.int64))
    return parts


def _require_possible(samples: int, clients: int, alpha: float, smallest: int) -> None:
    if clients < 1 or alpha <= 0 or smallest * clients > samples:
        raise UsageError(
            f"{samples} samples cannot be split between {clients} clients "
            f"of at least {smallest} with alpha = {alpha}."
        )


def _no_split(clients: int, alpha: float, smallest: int) -> UsageError:
    return UsageError(
        f"No split gave each of {clients} clients {smallest} samples with alpha = {alpha}.",
        "Use a larger alpha, fewer clients or a smaller minimum.",
    )
