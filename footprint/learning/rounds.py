r"""Learning in the loop: the clients of a simulation really train what they had the energy for.

Each client whose update counts does as many steps as it did whole units of work, and the global
model moves by

.. math:: w \leftarrow w + \sum_i a_i (w_i - w)

with :math:`a_i` its share of the samples of all who count, or the weight that a scheduler
gave; such weights are taken as they are and need not sum to 1 (U-FedAvg).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from footprint.errors import MissingExtra, UsageError
from footprint.learning.datasets import Dataset, load_digits
from footprint.learning.local_steps import Batches, LocalSteps, VectorModel
from footprint.learning.models import ModelKind, make_model
from footprint.learning.partitions import dirichlet_partition
from footprint.scheduling.gradients import GradientSource, project, update_gradients
from footprint.simulation.arrays import Floats, Integers
from footprint.simulation.learners import RoundWork

try:
    import torch
except ImportError as error:
    raise MissingExtra.of("torch", "Training") from error

# Gradients of larger models are shortened to so many dimensions.
_LONG, SHORT = 4096, 256
_CHUNK = 2048  # samples that are classified at a time
_TRAIN, _PROBE, _PROJECT = range(3)  # what random numbers are drawn for


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute on one thread meanwhile: more of them add sums up in another order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class TorchLearner:
    """Trains in the rounds of a simulation, on one thread of a processor.

    On one kind of machine the same comes of the same seed, whatever else runs there.

    Parameters
    ----------
    data : Dataset
    parts : sequence of ndarray of int
        Training samples of each client, in the order of the fleet; none is empty.
    module : torch.nn.Module
        The first global model.
    how : LocalSteps
    seed : int
        Of batches and projections.
    dimensions : int, optional
        To which gradients are shortened; 256 if left out, and not at all up to 4,096 parameters.

    Attributes
    ----------
    samples : ndarray of shape (clients,)
        For the fleet of the simulation.
    vector : Tensor of shape (parameters,)
        The global model.
    """

    def __init__(
        self,
        data: Dataset,
        parts: Sequence[Integers],
        module: torch.nn.Module,
        how: LocalSteps,
        *,
        seed: int,
        dimensions: int | None = None,
    ) -> None:
        if not parts or min(map(len, parts)) < 1:
            raise UsageError("A client has no data to train on.", "Give each client a sample.")
        self._data, self._parts, self._how, self._seed = data, parts, how, seed
        self._inputs, self._labels = _tensors(data.inputs, data.labels)
        self._test = _tensors(data.test_inputs, data.test_labels)
        self._model = VectorModel(module)
        self.vector = self._model.start
        self.samples = np.array([len(part) for part in parts], dtype=np.float64)
        size = len(self.vector)
        self.dimensions = min(dimensions or (size if size <= _LONG else SHORT), size)
        self._round = 0
        self._last: tuple[Floats, Floats, Floats] | None = None
        self._right: Floats | None = None

    @one_thread()
    def train(self, work: RoundWork) -> Mapping[str, Floats]:
        """Train the clients whose updates count, and move the global model.

        Returns
        -------
        mapping
            ``"loss"``, the mean loss of the samples before their steps, and ``"utility"``, Oort's
            |B| sqrt(mean loss^2) over the samples worked on; NaN for who did no whole unit.
        """
        self._check(work.clients)
        self._round = work.round
        # A sum of many steps may miss a whole number by rounding.
        steps = np.floor(work.units * (1 + 1e-9)).astype(np.int64)
        batches = self._batches(work.clients, steps)
        models, losses = self._model.train(
            self._inputs, self._labels, batches, self.vector, self._how
        )
        self._last = (_array(self.vector), _array(models), steps.astype(np.float64))
        if len(work.clients):
            weights = work.weights
            if weights is None:
                own = self.samples[work.clients]
                weights = own / own.sum()
            moved = torch.from_numpy(weights).to(models.dtype) @ (models - self.vector)
            self.vector = self.vector + moved
            self._right = None
        return _metrics(_array(losses), _array(batches.weights))

    def accuracy(self) -> float:
        """Share of the test data that the global model classifies rightly [1]."""
        return float(self._rightly().mean())

    def client_accuracies(self) -> Floats:
        """Accuracy of the global model on data with the mix of classes of each client [1].

        Returns
        -------
        ndarray of shape (clients,)
            Accuracies of the classes in the test data, weighted by the training data of the client.
            Where classes are mixed alike, all are about the same.
        """
        classes = self._data.classes
        right = self._rightly()
        count = np.bincount(self._data.test_labels, minlength=classes)
        hits = np.bincount(self._data.test_labels, weights=right, minlength=classes)
        by_class = np.divide(hits, count, out=np.full(classes, np.nan), where=count > 0)
        found = []
        for part in self._parts:
            mix = np.bincount(self._data.labels[part], minlength=classes) / len(part)
            found.append(float(np.where(mix > 0, mix * by_class, 0.0).sum()))
        return np.array(found)

    def probe_units(self, clients: Integers, source: GradientSource) -> Floats:
        """Work of a gradient: of all data of a client, or of one batch [units]."""
        self._check(clients)
        if source is GradientSource.PROBE_BATCH:
            return np.ones(len(clients))
        units: Floats = self.samples[clients] / self._how.batch_size
        return units

    @one_thread()
    def gradients(self, clients: Integers, source: GradientSource) -> Floats:
        """Gradients on the current model, shape (clients, dimensions)."""
        rows = []
        for client in clients.tolist():
            part = self._parts[client]
            if source is GradientSource.PROBE_BATCH:
                rng = np.random.default_rng([self._seed, _PROBE, self._round, client])
                part = rng.permutation(part)[: self._how.batch_size]
            own = torch.from_numpy(part)
            found = self._model.gradient(self.vector, self._inputs[own], self._labels[own])
            rows.append(_array(found))
        return self._short(np.array(rows).reshape(len(rows), len(self.vector)))

    def followed(self) -> Floats:
        """Mean gradients that the last trainings followed, shape (clients, dimensions).

        NaN for who did no whole unit. The proximal term of FedProx counts as a gradient.
        """
        if self._last is None:
            raise UsageError("Nobody has trained yet.")
        before, after, steps = self._last
        found = np.full((len(after), self.dimensions), np.nan)
        works = steps > 0
        if works.any():
            rate = self._how.learning_rate
            rows = update_gradients(before, after[works], rate, steps[works])
            found[works] = self._short(rows)
        return found

    def _check(self, clients: Integers) -> None:
        if len(clients) and int(clients.max()) >= len(self._parts):
            raise UsageError(
                f"Client {int(clients.max())} of the fleet has no data: there are "
                f"{len(self._parts)} parts, counted from 0.",
                "Split the data into as many parts as the fleet has clients.",
            )

    def _batches(self, clients: Integers, steps: Integers) -> Batches:
        """Draw batches: each client goes through its data in a new order, again and again."""
        size = self._how.batch_size
        most = int(steps.max(initial=0))
        indices = np.zeros((len(clients), most, size), dtype=np.int64)
        weights = np.zeros(indices.shape, dtype=np.float32)
        for row, (client, count) in enumerate(zip(clients.tolist(), steps.tolist(), strict=True)):
            rng = np.random.default_rng([self._seed, _TRAIN, self._round, client])
            part = self._parts[client]
            own = min(size, len(part))
            passes = -(-count * own // len(part))
            stream = [rng.permutation(part) for _ in range(passes)]
            if count:
                drawn = np.concatenate(stream)[: count * own].reshape(count, own)
                indices[row, :count, :own] = drawn
                weights[row, :count, :own] = 1.0
        return Batches(torch.from_numpy(indices), torch.from_numpy(weights))

    def _short(self, rows: Floats) -> Floats:
        if rows.shape[1] <= self.dimensions:
            return rows
        rng = np.random.default_rng([self._seed, _PROJECT])
        return project(rows, self.dimensions, rng)

    @one_thread()
    @torch.no_grad()
    def _rightly(self) -> Floats:
        if self._right is None:
            inputs, labels = self._test
            found = [
                self._model.logits(self.vector, some).argmax(dim=1)
                for some in torch.split(inputs, _CHUNK)
            ]
            self._right = _array(torch.cat(found) == labels)
        return self._right


def digits_learner(
    clients: int,
    *,
    seed: int,
    alpha: float = 0.1,
    model: ModelKind = ModelKind.SOFTMAX,
    how: LocalSteps | None = None,
) -> TorchLearner:
    """Make a learner of handwritten digits, spread unevenly over clients.

    Parameters
    ----------
    clients : int
        As many as the fleet has.
    seed : int
        Of the split, of the first model and of batches.
    alpha : float
        See `footprint.learning.partitions.dirichlet_partition`; everybody has 5 samples or more.
    model : ModelKind
    how : LocalSteps, optional
    """
    rng = np.random.default_rng(seed)
    data = load_digits(rng)
    parts = dirichlet_partition(data.labels, clients, alpha, rng, smallest=5)
    module = make_model(model, data.shape, data.classes, seed=seed)
    return TorchLearner(data, parts, module, how or LocalSteps(), seed=seed)


def _tensors(inputs: np.ndarray[Any, Any], labels: np.ndarray[Any, Any]) -> tuple[Any, Any]:
    levels = torch.from_numpy(np.ascontiguousarray(inputs, dtype=np.float32))
    return levels, torch.from_numpy(np.ascontiguousarray(labels, dtype=np.int64))


def _array(tensor: torch.Tensor) -> Floats:
    found: Floats = tensor.detach().numpy().astype(np.float64)
    return found


def _metrics(losses: Floats, weights: Floats) -> dict[str, Floats]:
    worked = weights.sum(axis=(1, 2))
    count = np.where(worked > 0, worked, np.nan)
    mean = (losses * weights).sum(axis=(1, 2)) / count
    square = (losses**2 * weights).sum(axis=(1, 2)) / count
    return {"loss": mean, "utility": count * np.sqrt(square)}
