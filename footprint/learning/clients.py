"""One client under any method of training, and what the server makes of the answers.

.. code-block:: python

    trainer = MethodTrainer(SmallConvolutional, method, LocalPlan(batch_size=20))
    answer = train_client(trainer, received, (inputs, labels), rate=0.1, rng=rng)
    new = merge(received, [answer, ...])

`MethodTrainer` serves client after client. Its steps can be called one by one, so that each can be
measured: `receive`, `train`, `answer`. Every answer says what it is, so that clients of
one round may follow different methods.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np

from footprint.errors import DataError, MissingExtra, UsageError
from footprint.learning.codecs import Array, Arrays, Encoded, decode, encode, shapes_of
from footprint.learning.compression import Uplink, aggregate, pack
from footprint.learning.encodings import Encoding
from footprint.learning.frozen import LEAST_WEIGHTS, FrozenSupport
from footprint.learning.layers import find_dense, find_layers
from footprint.learning.masks import Share, kept_density
from footprint.learning.sparse import SparseTraining
from footprint.learning.states import arrays_of, load_arrays
from footprint.learning.structured import FilterTraining
from footprint.learning.widths import average_overlaps, narrow
from footprint.model.methods import Positions, Scheme, TrainingMethod, TrainingPath

try:
    import torch
    from torch import Tensor, nn
except ImportError as error:
    raise MissingExtra.of("torch", "Training clients") from error


@dataclass(frozen=True, slots=True)
class LocalPlan:
    """What all clients have in common, whatever their method: plain gradient descent.

    Attributes
    ----------
    batch_size : int
    momentum, weight_decay : float
    dense : tuple of str
        Layers that are neither sparse nor masked; see `sparse.SparseTraining`.
    period : int
        Steps that a threshold of the emulated path serves.
    least_weights : int
        Smaller linear layers are not frozen.
    """

    batch_size: int = 32
    momentum: float = 0.0
    weight_decay: float = 0.0
    dense: tuple[str, ...] = ("first", "last")
    period: int = 10
    least_weights: int = LEAST_WEIGHTS

    def __post_init__(self) -> None:
        usable = self.batch_size >= 1 and self.momentum >= 0 and self.weight_decay >= 0
        if not usable or self.period < 1 or self.least_weights < 1:
            raise UsageError(f"Nobody can train by {self!r}.")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client sends, and what it keeps.

    Attributes
    ----------
    encoded : Encoded
        ``encoded.data`` travels.
    shapes : dict of str to tuple of int
        Tensors of the model that was trained, maybe a narrow one.
    scheme : Scheme
    samples : int
        The client's weight in the average.
    loss : float
        Mean of the steps' losses, each before its step.
    residual : dict of str to ndarray or None
        Of a client with feedback; for its next `MethodTrainer.answer`.
    """

    encoded: Encoded
    shapes: dict[str, tuple[int, ...]]
    scheme: Scheme
    samples: int
    loss: float
    residual: dict[str, Array] | None = None


def plan_uplink(method: TrainingMethod, masked: frozenset[str]) -> Uplink:
    """Tell how a client of a method answers.

    Parameters
    ----------
    method : TrainingMethod
    masked : frozenset of str
        Weights of the layers that may be sparse.

    Raises
    ------
    UsageError
        If there is nothing to mask.
    """
    if method.mask_ratio is None:
        # Positions are those of masked tensors; the others are dense.
        encoding = Encoding(Positions.DENSE, method.values)
        return Uplink(method.scheme, encoding=encoding, feedback=method.feedback)
    if not masked:
        raise UsageError(
            f"The method {method.name!r} masks sparse layers, of which the network has none.",
            "Use a network with more layers than a first and a last one.",
        )
    density: Share = kept_density(method.sparsity, method.mask_ratio)
    encoding = Encoding(method.positions, method.values)
    return Uplink(method.scheme, density, masked, encoding, feedback=method.feedback)


class MethodTrainer:
    """Trains clients by one method, one after the other.

    Parameters
    ----------
    make : callable
        Makes the network for a width within 0 and 1, such as `networks.FourConvolutions`.
    method : TrainingMethod
    plan : LocalPlan

    Attributes
    ----------
    module : torch.nn.Module
        As wide as the method trains it.
    masked : frozenset of str
        Weights of the layers that may be sparse.
    shapes : dict of str to tuple of int
        Of the tensors that travel.
    sparse : SparseTraining or None
        Of the emulated path: its `work` tells densities that were reached.

    Raises
    ------
    UsageError
        If the network cannot be trained by this method.
    """

    def __init__(
        self, make: Callable[[float], nn.Module], method: TrainingMethod, plan: LocalPlan
    ) -> None:
        self.method, self.plan = method, plan
        self.module = make(method.width)
        layers = find_layers(self.module)
        excluded = find_dense(layers, plan.dense)
        self.layers = tuple(name for name in layers if name not in excluded)
        self.masked = frozenset(f"{name}.weight".lstrip(".") for name in self.layers)
        self.shapes = shapes_of(arrays_of(self.module))
        self.uplink = plan_uplink(method, self.masked)
        self.steps = self.images = 0
        self.sparse: SparseTraining | None = None
        self._filters: FilterTraining | None = None
        self._loss = 0.0
        self._samples = 0
        self._received: dict[str, Array] | None = None
        if method.path is TrainingPath.EMULATED:
            of_inputs = method.activation_sparsity
            self.sparse = SparseTraining(
                self.module,
                method.sparsity,
                method.sparsity if of_inputs is None else of_inputs,
                period=plan.period,
                dense=plan.dense,
            )
        elif method.path is TrainingPath.FILTERS:
            self._filters = FilterTraining(self.module, method.sparsity, self.layers)
        elif method.path is TrainingPath.FROZEN:
            with self._frozen():
                pass  # says at once if there is no layer to freeze

    def encode_model(self, model: Arrays) -> Encoded:
        """Give what the server sends: the part that is trained, lossless, in the fewest bytes."""
        return encode(narrow(model, self.shapes), Encoding(Positions.SMALLEST), sparse=self.masked)

    def receive(self, model: Arrays) -> None:
        """Take a model; of a wider one its leading slices."""
        self._received = narrow(model, self.shapes)
        self._load(self._received)

    def _load(self, arrays: Arrays) -> None:
        load_arrays(self.module, arrays)
        if self.sparse is not None:
            self.sparse.forget_thresholds()
        if self._filters is not None:
            self._filters.choose()

    def train(
        self,
        inputs: Tensor,
        labels: Tensor,
        *,
        rate: float,
        rng: np.random.Generator,
        steps: int | None = None,
    ) -> float:
        """Train on what was received.

        Parameters
        ----------
        inputs : Tensor of shape (samples, ...)
        labels : Tensor of shape (samples,)
        rate : float
            Learning rate.
        rng : numpy.random.Generator
            Orders the samples of each pass.
        steps : int, optional
            Batches, instead of the method's passes over all samples.

        Returns
        -------
        float
            Mean loss of the steps, not a number if there is none.
        """
        self._require_model()
        losses: list[Tensor] = []
        with self._frozen():
            # The parameters of frozen layers are others.
            optimiser = torch.optim.SGD(
                self.module.parameters(),
                lr=rate,
                momentum=self.plan.momentum,
                weight_decay=self.plan.weight_decay,
            )
            self.module.train()
            for batch in self._batches(len(labels), rng, steps):
                optimiser.zero_grad()
                loss = nn.functional.cross_entropy(self.module(inputs[batch]), labels[batch])
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                losses.append(loss.detach())
                self.images += len(batch)
        self.steps += len(losses)
        self._samples = len(labels)
        self._loss = float(torch.stack(losses).mean()) if losses else float("nan")
        return self._loss

    def answer(self, rng: np.random.Generator, *, residual: Arrays | None = None) -> Answer:
        """Give what is sent.

        Parameters
        ----------
        rng : numpy.random.Generator
            Rounds 8-bit values without bias.
        residual : mapping of str to ndarray, optional
            Of this client's last answer.

        Raises
        ------
        DataError
            If the training has diverged.
        """
        before = self._require_model()
        after = arrays_of(self.module)
        for name, array in after.items():
            if not np.isfinite(array).all():
                raise DataError(
                    f"The training has diverged: {name!r} is not finite.",
                    "Leave this client out, and use a smaller learning rate.",
                )
        own = np.random.default_rng(int(rng.integers(2**32)))
        packet = pack(self.uplink, before, after, residual=residual, rng=own)
        return Answer(
            packet.encoded,
            self.shapes,
            self.uplink.scheme,
            self._samples,
            self._loss,
            packet.residual,
        )

    @contextmanager
    def as_trained(self, model: Arrays, *, whole: bool = False) -> Iterator[nn.Module]:
        """Give the network for an evaluation, with the largest weights or filters as in training.

        Parameters
        ----------
        model : mapping of str to ndarray
        whole : bool
            With all of its weights instead; still as wide as it was trained.
        """
        self._load(narrow(model, self.shapes))
        self._received = None
        was_training = self.module.training
        self.module.eval()
        try:
            if self.sparse is not None and whole:
                with self.sparse.made_dense():
                    yield self.module
            elif self._filters is not None and whole:
                self._filters.detach()
                try:
                    yield self.module
                finally:
                    self._filters = FilterTraining(self.module, self.method.sparsity, self.layers)
            elif whole:
                yield self.module
            else:
                with self._frozen():
                    yield self.module
        finally:
            self.module.train(was_training)

    @contextmanager
    def _frozen(self) -> Iterator[None]:
        """Freeze the supports of large layers inside of this block, if the method does so."""
        if self.method.path is not TrainingPath.FROZEN:
            yield
            return
        frozen = FrozenSupport(
            self.module,
            self.method.sparsity,
            least_weights=self.plan.least_weights,
            layers=self.layers,
        )
        try:
            yield
        finally:
            frozen.thaw()

    def _batches(self, samples: int, rng: np.random.Generator, steps: int | None) -> Iterator[Any]:
        size = min(self.plan.batch_size, samples)
        if not samples:
            raise UsageError("A client without samples cannot train.", "Leave it out.")
        a_pass = -(-samples // size)
        count = a_pass * self.method.local_epochs if steps is None else steps
        for number in range(-(-count // a_pass)):
            order = torch.from_numpy(rng.permutation(samples))
            yield from torch.split(order, size)[: count - number * a_pass]

    def _require_model(self) -> dict[str, Array]:
        if self._received is None:
            raise UsageError("This client has no model yet.", "Call receive first.")
        return self._received


def train_client(
    trainer: MethodTrainer,
    model: Arrays,
    data: tuple[Tensor, Tensor],
    *,
    rate: float,
    rng: np.random.Generator,
    residual: Arrays | None = None,
    steps: int | None = None,
) -> Answer:
    """Train a client and give its answer: `receive`, `train` and `answer` in one.

    Parameters
    ----------
    trainer : MethodTrainer
    model : mapping of str to ndarray of float32
        The server's, as wide as it is.
    data : tuple of Tensor
        Inputs and labels of this client.
    rate, rng, residual, steps
        As of the methods of `MethodTrainer`.
    """
    trainer.receive(model)
    trainer.train(*data, rate=rate, rng=rng, steps=steps)
    return trainer.answer(rng, residual=residual)


def merge(
    before: Arrays, answers: Sequence[Answer], weights: Sequence[float] | None = None
) -> dict[str, Array]:
    r"""Make the next model from the answers of a round, which may be of several methods.

    Each group of one scheme and width is aggregated as `compression.aggregate` does; the
    groups are averaged where they overlap, each with the weights of its clients, which is

    .. math:: w_{t+1} = \sum_k \frac{n_k}{\sum_j n_j} v_k

    over the clients that have a weight, with :math:`v_k = u_k` or, of differences,
    :math:`w_t + u_k`. What nobody has stays.

    Parameters
    ----------
    before : mapping of str to ndarray of float32
        Model of the server.
    answers : sequence of Answer
    weights : sequence of float, optional
        One for each answer; its samples, if left out.

    Raises
    ------
    UsageError
        If there is no answer, or the weights do not fit.
    DataError
        If an answer cannot be read, has other tensors, or is not finite.
    """
    chosen = [float(answer.samples) for answer in answers] if weights is None else list(weights)
    usable = all(isfinite(weight) and weight >= 0 for weight in chosen)
    if len(chosen) != len(answers) or not usable or not sum(chosen) > 0:
        raise UsageError(f"{len(answers)} answers cannot be averaged with the weights {chosen}.")
    groups: dict[Any, list[tuple[Answer, float]]] = {}
    for answer, weight in zip(answers, chosen, strict=True):
        groups.setdefault((answer.scheme, *sorted(answer.shapes.items())), []).append(
            (answer, weight)
        )
    models, totals = [], []
    for members in groups.values():
        total = sum(weight for _, weight in members)
        if total > 0:
            first = members[0][0]
            updates = [decode(answer.encoded.data, answer.shapes) for answer, _ in members]
            own = narrow(before, first.shapes)
            models.append(aggregate(first.scheme, own, updates, [weight for _, weight in members]))
            totals.append(total)
    return average_overlaps(before, models, totals)
