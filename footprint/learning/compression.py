r"""What a client sends after its training, and what the server makes of it.

Four schemes, with w_t the model that was received, w_E the trained one, and M a mask
of the share d of each masked tensor:

.. code-block:: text

    full               u = w_E
    top-weights        u = w_E * M             M: largest |w_E|
    diff-on-weights    u = (w_E - w_t) * M     M: largest |w_E|
    top-diff           u = (w_E - w_t) * M     M: largest |w_E - w_t|

    full, top-weights  w_{t+1} = sum_k (n_k / n) u_k
    the other two      w_{t+1} = w_t + sum_k (n_k / n) u_k

Zeros count in the average: a weight that one client of ten sent is scaled by its
share. Tensors without a mask are sent whole. Which bytes it takes is the matter of
`codecs`; both are independent of how the model was trained.

References
----------
X. Qiu et al., "ZeroFL: Efficient On-Device Training for Federated Learning with
Local Sparsity", ICLR 2022, arXiv 2208.02507, algorithm and section on uplinks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isfinite

import numpy as np

from footprint.errors import DataError, UsageError
from footprint.learning.codecs import Array, Arrays, Encoded, decode, encode, shapes_of
from footprint.learning.encodings import Encoding
from footprint.learning.masks import Share, exact, kept_count, largest
from footprint.model.methods import Scheme as Scheme


@dataclass(frozen=True, slots=True)
class Uplink:
    """How clients answer.

    Attributes
    ----------
    scheme : Scheme
    density : float or Fraction
        Share of each masked tensor that is sent, d; see `masks.kept_density`. With 1
        the scheme ``top-diff`` sends whole differences, as 8-bit updates do.
    masked : frozenset of str
        Tensors that are masked: those that are trained sparsely, or any others.
    encoding : Encoding
        Its positions hold for masked tensors, its values for all.
    feedback : bool
        Each client keeps what was not sent, by mask or by rounding, and adds it to
        its next difference. Needs a client that comes back.
    """

    scheme: Scheme = Scheme.FULL
    density: Share = 1
    masked: frozenset[str] = frozenset()
    encoding: Encoding = field(default_factory=Encoding)
    feedback: bool = False

    def __post_init__(self) -> None:
        exact(self.density)
        try:
            object.__setattr__(self, "scheme", Scheme(self.scheme))
        except ValueError as error:
            raise UsageError(f"{error}.", f"Schemes are {', '.join(Scheme)}.") from error
        if self.feedback and not self.scheme.sends_differences:
            raise UsageError(
                f"The scheme {self.scheme} sends weights, which leave no error to feed back.",
                "Use diff-on-weights or top-diff.",
            )


@dataclass(frozen=True, slots=True)
class Packet:
    """What a client sends, and what it keeps.

    Attributes
    ----------
    encoded : Encoded
        ``encoded.data`` travels.
    residual : dict of str to ndarray or None
        Of a client with feedback; to be given to its next `pack`.
    """

    encoded: Encoded
    residual: dict[str, Array] | None = None


def pack(
    uplink: Uplink,
    before: Arrays,
    after: Arrays,
    *,
    residual: Arrays | None = None,
    rng: np.random.Generator | None = None,
) -> Packet:
    """Make a client's answer.

    Parameters
    ----------
    uplink : Uplink
    before, after : mapping of str to ndarray of float32
        Model as received, w_t, and as trained, w_E.
    residual : mapping of str to ndarray, optional
        What was left of the last answer; None for the first.
    rng : numpy.random.Generator, optional
        Rounds 8-bit values without bias.

    Raises
    ------
    UsageError
        If tensors do not fit, or cannot be encoded.
    """
    _check_same("The trained model", after, before)
    unknown = uplink.masked - set(after)
    if unknown:
        raise UsageError(f"There are no tensors {sorted(unknown)} to mask.")
    wanted = dict(after)
    if uplink.scheme.sends_differences:
        wanted = {name: after[name] - before[name] for name in after}
        if uplink.feedback and residual is not None:
            _check_same("The residual", residual, before)
            wanted = {name: wanted[name] + residual[name] for name in wanted}
    sent = dict(wanted)
    if uplink.scheme is not Scheme.FULL:
        for name in uplink.masked:
            sent[name] = _mask(uplink, wanted[name], after[name])
    encoded = encode(sent, uplink.encoding, sparse=uplink.masked, rng=rng)
    if not uplink.feedback:
        return Packet(encoded)
    received = decode(encoded.data, shapes_of(before))
    return Packet(encoded, {name: wanted[name] - received[name] for name in wanted})


def _mask(uplink: Uplink, wanted: Array, weights: Array) -> Array:
    compared = wanted if uplink.scheme is Scheme.TOP_DIFF else weights
    count = kept_count(compared.size, uplink.density)
    return np.where(largest(compared, count), wanted, np.float32(0))


def aggregate(
    scheme: Scheme, before: Arrays, updates: Sequence[Arrays], weights: Sequence[float]
) -> dict[str, Array]:
    """Make the next model from the answers of a round.

    Parameters
    ----------
    scheme : Scheme
    before : mapping of str to ndarray of float32
        Model that was sent, w_t.
    updates : sequence of mapping
        Decoded answers, u_k.
    weights : sequence of float
        Samples of each client, n_k; not all 0.

    Raises
    ------
    UsageError
        If there is no answer, or the weights do not fit.
    DataError
        If an answer has other tensors, or is not finite.
    """
    total = float(sum(weights))
    fits = len(updates) == len(weights) and all(weight >= 0 for weight in weights)
    if not updates or not fits or not total > 0 or not isfinite(total):
        raise UsageError(f"{len(updates)} answers cannot be averaged with the weights {weights}.")
    for number, update in enumerate(updates):
        check_update(update, before, f"Answer {number}")
    start = 1.0 if Scheme(scheme).sends_differences else 0.0
    result = {}
    for name, old in before.items():
        # In double precision, so that the order of the clients hardly matters.
        mean = start * old.astype(np.float64)
        for update, weight in zip(updates, weights, strict=True):
            mean += update[name] * (weight / total)
        result[name] = mean.astype(np.float32)
    return result


def check_update(update: Arrays, before: Arrays, what: str) -> None:
    """Refuse an answer that would harm the model.

    Raises
    ------
    DataError
        If it has other tensors than the model, or is not finite.
    """
    if shapes_of(update) != shapes_of(before):
        raise DataError(f"{what} has other tensors than the model.", "Leave this client out.")
    for name, array in update.items():
        if not np.isfinite(array).all():
            raise DataError(f"{what} is not finite in {name!r}.", "Leave this client out.")


def union_density(masks: Sequence[Array]) -> float:
    """Share of positions that at least one of several masks keeps.

    Raises
    ------
    UsageError
        If there is no mask.
    """
    if not masks:
        raise UsageError("There is no mask.")
    return float(np.logical_or.reduce(masks).mean())


def _check_same(what: str, arrays: Arrays, before: Arrays) -> None:
    if shapes_of(arrays) != shapes_of(before):
        raise UsageError(f"{what} has other tensors than the model that was received.")
