"""How much a client's work is worth for the model."""

from __future__ import annotations

import numpy as np

from footprint.errors import UsageError
from footprint.scheduling.fedzero.problem import Floats


def statistical_utility(losses: Floats) -> float:
    r"""Worth of a client's samples, by their losses.

    .. math:: U = |B| \sqrt{\frac{1}{|B|} \sum_{k \in B} loss(k)^2}

    Parameters
    ----------
    losses : ndarray of shape (samples,)
        Loss of each sample that was processed in the round, without a proximal term [1].

    Raises
    ------
    UsageError
        If no sample was processed, or a loss is no number: neither says what a client is worth.

    References
    ----------
    F. Lai et al., "Oort: Efficient Federated Learning via Guided Participant Selection",
    OSDI 2021. FedZero's public code counts a sample as often as it was processed, so the
    utility grows with the work that was done.
    """
    given = np.asarray(losses, dtype=np.float64)
    if not given.size or not np.all(np.isfinite(given)):
        raise UsageError(
            f"{given.size} losses, of which {np.sum(np.isfinite(given))} are numbers, "
            "say nothing of a client's utility.",
            "Keep its last utility, or its number of samples if it has none.",
        )
    return float(given.size * np.sqrt(np.mean(given**2)))


def normalised(utilities: Floats) -> Floats:
    r"""Scale utilities to weights from 0 to 1.

    .. math:: \sigma_c = \frac{U_c - \min U}{\max U - \min U}

    Parameters
    ----------
    utilities : ndarray of shape (clients,)
        Of all clients, those that cannot be chosen now included.

    Returns
    -------
    ndarray of shape (clients,)
        All 1 if all utilities are equal. The public code of FedZero then divides 0 by 0.

    Raises
    ------
    UsageError
        If a utility is negative or no number.
    """
    given = np.asarray(utilities, dtype=np.float64)
    if not np.all(np.isfinite(given) & (given >= 0)):
        raise UsageError(
            "A utility is negative, infinite or none.", "Give every client a finite one."
        )
    if not given.size:
        return given
    lowest, highest = given.min(), given.max()
    if lowest == highest:
        return np.ones_like(given)
    scaled: Floats = (given - lowest) / (highest - lowest)
    return scaled
