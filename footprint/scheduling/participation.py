"""How often clients work: weights that make up for it, and how uneven it is.

Source of the weights and of the heterogeneity: Arputharaj, Rodriguez, Rodio, Neglia, arXiv
2509.08980 (2025).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from footprint.errors import UsageError
from footprint.scheduling.arrays import Array, amounts


def unbiased_weights(participation: npt.ArrayLike, chosen: npt.ArrayLike) -> Array:
    r"""Weights under which the updates of a round are those of everybody, on average.

    .. math:: \frac{1}{K \pi_c}

    Parameters
    ----------
    participation : array_like of shape (clients,)
        Share of rounds in which each client works, pi [1]; see `AlphaFairPlan.participation`.
    chosen : array_like of bool, shape (clients,)
        Who works in this round.

    Returns
    -------
    ndarray of shape (clients,)
        0 for those who do not work; they do not sum to 1. During fine-tuning use a plain mean.

    Raises
    ------
    UsageError
        If a chosen client has a participation of 0.
    """
    shares = amounts("participation", participation)
    members = np.asarray(chosen, dtype=np.bool_)
    if np.any(members & (shares == 0)):
        raise UsageError("A client works in a round although its participation is 0.")
    weights = np.zeros(len(shares))
    np.divide(1.0 / max(len(shares), 1), shares, out=weights, where=members)
    return weights


def selection_heterogeneity(participation: npt.ArrayLike) -> float:
    r"""How far a plan is from everybody in every round, :math:`\rho_H` [1].

    .. math:: \rho_H = \frac{1}{K} \sum_c \frac{1 - \pi_c}{\pi_c}

    Infinite if a client never works: no weights make up for it.
    """
    shares = amounts("participation", participation)
    if np.any(shares == 0):
        return float("inf")
    return float(np.mean((1 - shares) / shares))


def selection_distance(participation: npt.ArrayLike) -> float:
    """Total-variation distance of the shares of work from even ones [1]; 0 is even."""
    shares = amounts("participation", participation)
    if not shares.sum() > 0:
        raise UsageError("Nobody ever works.")
    return float(np.abs(shares / shares.sum() - 1 / len(shares)).sum() / 2)


def jain_index(amount: npt.ArrayLike) -> float:
    r"""Evenness of what clients did: 1 if all did the same, 1 / N if one did all [1].

    .. math:: J = \frac{(\sum_c x_c)^2}{N \sum_c x_c^2}

    Parameters
    ----------
    amount : array_like of shape (clients,)
        Rounds, or energy; the two may tell different stories.

    References
    ----------
    R. Jain, D. Chiu, W. Hawe, "A quantitative measure of fairness and discrimination for
    resource allocation in shared computer systems", DEC-TR-301, 1984.
    """
    done = amounts("amounts", amount)
    if not done.sum() > 0:
        raise UsageError("Nobody ever works.")
    return float(done.sum() ** 2 / (len(done) * (done**2).sum()))
