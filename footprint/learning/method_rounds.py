"""Learning in the loop where each client trains by a method of its own.

Beside what `rounds.TorchLearner` does it keeps one `clients.MethodTrainer` per method that was
used. What comes back is what went through the encoder: masked, rounded or narrow. Where nobody
chose methods, everybody trains plainly.

As long as all clients train the same part of the model, the global model is evaluated as they train
it: narrow, or sparse. Once methods are mixed it is evaluated with all of its weights, and a finding
says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from footprint.errors import MissingExtra, UsageError
from footprint.learning.clients import Answer, LocalPlan, MethodTrainer, merge, train_client
from footprint.learning.codecs import Array
from footprint.learning.datasets import Dataset, load_digits
from footprint.learning.local_steps import LocalSteps
from footprint.learning.networks import FourConvolutions
from footprint.learning.partitions import dirichlet_partition
from footprint.learning.rounds import TorchLearner, one_thread
from footprint.learning.states import arrays_of
from footprint.model import Finding, Severity
from footprint.model.methods import TrainingMethod, TrainingPath
from footprint.simulation.arrays import Floats, Integers
from footprint.simulation.learners import RoundWork

try:
    import torch
except ImportError as error:
    raise MissingExtra.of("torch", "Training") from error

_CHUNK = 512  # samples that are classified at a time
_METHOD = 3  # what random numbers are drawn for, beside those of `rounds`
_PLAIN = TrainingMethod()
_Part = tuple[TrainingPath, float, float | None, float]


class MethodLearner(TorchLearner):
    """Trains in the rounds of a simulation, each client by its method, on one thread.

    Parameters
    ----------
    data : Dataset
    parts : sequence of ndarray of int
        Training samples of each client, in the order of the fleet; none is empty.
    make : callable
        Makes the network for a width within 0 and 1: the same one each time.
    how : LocalSteps
        Without a proximal term.
    seed : int
        Of batches, of rounding by chance and of projections.

    Attributes
    ----------
    by_method : bool
        True, for `footprint.simulation.learners.RoundWork`.
    """

    by_method = True

    def __init__(
        self,
        data: Dataset,
        parts: Sequence[Integers],
        make: Callable[[float], torch.nn.Module],
        how: LocalSteps,
        *,
        seed: int,
    ) -> None:
        if how.proximal:
            raise UsageError("Training by methods has no proximal term.", "Set it to 0.")
        module = make(1.0)
        super().__init__(data, parts, module, how, seed=seed)
        self._make, self._plan = make, LocalPlan(how.batch_size)
        self._arrays: dict[str, Array] = arrays_of(module)
        self._order = [name for name, _ in module.named_parameters()]
        self._parts_trained: dict[_Part, TrainingMethod] = {}
        self._trainers: dict[TrainingMethod, MethodTrainer] = {}
        # What was sent in the last round, until somebody asks what it followed.
        self._sent: tuple[dict[str, Array], dict[int, Answer], Floats] | None = None
        self._residuals: dict[int, tuple[TrainingMethod, Mapping[str, Array] | None]] = {}

    @one_thread()
    def train(self, work: RoundWork) -> Mapping[str, Floats]:
        """Train the clients whose updates count, and move the global model.

        Returns
        -------
        mapping
            ``"loss"``, the mean loss of the steps, each before its step, and ``"utility"``, samples
            worked on times that loss; NaN for who did no whole unit.

        Raises
        ------
        UsageError
            If a method cannot train this network.
        DataError
            If a training diverged.
        """
        self._check(work.clients)
        self._round = work.round
        steps = np.floor(work.units * (1 + 1e-9)).astype(np.int64)
        methods = work.methods or (_PLAIN,) * len(work.clients)
        answers = {
            place: self._train_one(client, method, count)
            for place, (client, method, count) in enumerate(
                zip(work.clients.tolist(), methods, steps.tolist(), strict=True)
            )
            if count
        }
        self._right = None
        for place in answers:
            self._parts_trained.setdefault(_part(methods[place]), methods[place])
        self._sent = (self._arrays, answers, steps.astype(np.float64))
        self._move(work, answers)
        loss = np.full(len(work.clients), np.nan)
        for place, answer in answers.items():
            loss[place] = answer.loss
        own = np.minimum(self.samples[work.clients], self._how.batch_size)
        return {"loss": loss, "utility": own * steps * loss}

    def followed(self) -> Floats:
        """As of `TorchLearner`, by the answers as the server reads them."""
        if self._sent is not None:
            before, answers, steps = self._sent
            rows = [
                self._flat(merge(before, [answers[place]], [1.0]) if place in answers else before)
                for place in range(len(steps))
            ]
            models = np.array(rows, dtype=np.float64).reshape(len(rows), len(self.vector))
            self._last = (self._flat(before).astype(np.float64), models, steps)
            self._sent = None
        return super().followed()

    def accuracy_as(self, method: TrainingMethod) -> float:
        """Accuracy of the global model as a method evaluates it: narrow, or sparse [1]."""
        return float(self._rightly_as(method).mean())

    def whole_accuracy(self) -> float:
        """Accuracy of the global model with all of its weights [1]."""
        return float(self._rightly_as(_PLAIN).mean())

    def findings(self) -> tuple[Finding, ...]:
        """Say if the accuracy is that of a model which nobody trained in one piece."""
        if len(self._parts_trained) < 2:
            return ()
        names = ", ".join(method.name for method in self._parts_trained.values())
        return (
            Finding(
                "mixed-accuracy",
                f"Clients trained different parts of the model ({names}), so its accuracy is that "
                "of all of its weights.",
                Severity.INFO,
                remedy="A model that few train whole may be better as one method trains it: "
                "MethodLearner.accuracy_as.",
            ),
        )

    def _rightly(self) -> Floats:
        """Say which test data the model classifies rightly, as all have trained it so far."""
        if self._right is None:
            one = len(self._parts_trained) == 1
            method = next(iter(self._parts_trained.values())) if one else _PLAIN
            self._right = self._rightly_as(method)
        return self._right

    @one_thread()
    @torch.no_grad()
    def _rightly_as(self, method: TrainingMethod) -> Floats:
        inputs, labels = self._test
        with self._trainer(method).as_trained(self._arrays) as module:
            found = [module(some).argmax(dim=1) for some in torch.split(inputs, _CHUNK)]
        right: Floats = (torch.cat(found) == labels).numpy().astype(np.float64)
        return right

    def _trainer(self, method: TrainingMethod) -> MethodTrainer:
        if method not in self._trainers:
            self._trainers[method] = MethodTrainer(self._make, method, self._plan)
        return self._trainers[method]

    def _train_one(self, client: int, method: TrainingMethod, steps: int) -> Answer:
        kept = self._residuals.get(client)
        # What another method left out is none of this one's.
        residual = kept[1] if kept is not None and kept[0] == method else None
        own = torch.from_numpy(self._parts[client])
        answer = train_client(
            self._trainer(method),
            self._arrays,
            (self._inputs[own], self._labels[own]),
            rate=self._how.learning_rate,
            rng=np.random.default_rng([self._seed, _METHOD, self._round, client]),
            residual=residual,
            steps=steps,
        )
        self._residuals[client] = (method, answer.residual)
        return answer

    def _move(self, work: RoundWork, answers: Mapping[int, Answer]) -> None:
        """Average; who did no whole unit has the model that there was."""
        weights = self.samples[work.clients] if work.weights is None else work.weights
        total = float(weights.sum()) if work.weights is None else 1.0
        own = [float(weights[place]) for place in answers]
        if not sum(own) > 0:
            return
        merged = merge(self._arrays, list(answers.values()), own)
        share = sum(own) / total
        if share != 1.0:
            merged = {
                name: (old + share * (merged[name] - old)).astype(np.float32)
                for name, old in self._arrays.items()
            }
        self._arrays = merged
        self.vector = torch.from_numpy(self._flat(merged))

    def _flat(self, arrays: Mapping[str, Array]) -> Array:
        flat: Array = np.concatenate([arrays[name].ravel() for name in self._order])
        return flat


def _part(method: TrainingMethod) -> _Part:
    """Say what of a model a method trains."""
    return method.path, method.sparsity, method.activation_sparsity, method.width


def seeded_network(seed: int, width: float = 1.0) -> torch.nn.Module:
    """Make `networks.FourConvolutions` of a seed; that of torch is left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return FourConvolutions(width)


def method_digits_learner(
    clients: int, *, seed: int, alpha: float = 0.1, how: LocalSteps | None = None
) -> MethodLearner:
    """Make a learner of handwritten digits by methods, with `networks.FourConvolutions`.

    Parameters as of `rounds.digits_learner`: the same split comes of the same seed.
    """
    rng = np.random.default_rng(seed)
    data = load_digits(rng)
    parts = dirichlet_partition(data.labels, clients, alpha, rng, smallest=5)
    make = partial(seeded_network, seed)
    return MethodLearner(data, parts, make, how or LocalSteps(), seed=seed)
