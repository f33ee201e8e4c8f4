"""What every method of a study meets: data, clients, chosen clients and a first model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from footprint.errors import FootprintError, ManifestError, MissingExtra
from footprint.learning.clients import LocalPlan, MethodTrainer
from footprint.learning.codecs import Array
from footprint.learning.datasets import Dataset, load_digits, read_images, standardise
from footprint.learning.frozen import LEAST_WEIGHTS
from footprint.learning.networks import make_network
from footprint.learning.partitions import Indices, even_partition
from footprint.learning.states import arrays_of
from footprint.model.methods import TrainingMethod
from footprint.studies.plan import DIGITS, StudyPlan

try:
    import torch
except ImportError as error:
    raise MissingExtra.of("torch", "A study of methods") from error

_PART, _CHOOSE, _TRAIN = range(3)  # what random numbers are drawn for
_DIGITS_SPLIT = 0  # the same test data for every seed


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """Data of a study with one seed.

    Attributes
    ----------
    plan : StudyPlan
    seed : int
    shape : tuple of int
        Of an image.
    classes : int
    train, test : tuple of Tensor
        Inputs and labels.
    parts : list of ndarray of int
        Samples of each client.
    first : dict of str to ndarray
        The first model, as wide as can be.
    """

    plan: StudyPlan
    seed: int
    shape: tuple[int, int, int]
    classes: int
    train: tuple[torch.Tensor, torch.Tensor]
    test: tuple[torch.Tensor, torch.Tensor]
    parts: list[Indices]
    first: dict[str, Array]

    def trainer(self, method: TrainingMethod) -> MethodTrainer:
        """Make what trains clients by a method."""
        network, training = self.plan.network, self.plan.training
        local = LocalPlan(
            batch_size=training.batch,
            momentum=training.momentum,
            weight_decay=training.weight_decay,
            dense=network.dense,
            period=network.period,
            least_weights=network.frozen_from or LEAST_WEIGHTS,
        )

        def make(width: float) -> torch.nn.Module:
            return make_network(network.kind, self.shape, self.classes, width=width, seed=self.seed)

        return MethodTrainer(make, method, local)

    def chosen(self, number: int) -> list[int]:
        """List the clients of a round, the same for every method."""
        rng = np.random.default_rng([self.seed, _CHOOSE, number])
        drawn = rng.choice(self.plan.clients, self.plan.clients_per_round, replace=False)
        return [int(client) for client in drawn]

    def rng(self, number: int, client: int) -> np.random.Generator:
        """Give the random numbers of a client in a round, the same for every method."""
        return np.random.default_rng([self.seed, _TRAIN, number, client])

    def data(self, client: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Give inputs and labels of a client."""
        part = torch.from_numpy(self.parts[client])
        return self.train[0][part], self.train[1][part]

    def zone(self, client: int) -> str:
        """Grid zone of a client."""
        return self.plan.place.zones[client % len(self.plan.place.zones)]


def load_data(plan: StudyPlan) -> Dataset:
    """Read the data of a study, with mean 0 and deviation 1.

    Raises
    ------
    DataError
        If a folder does not hold it.
    MissingExtra
        Without scikit-learn, for its digits.
    """
    if plan.data.source == DIGITS:
        data = load_digits(np.random.default_rng(_DIGITS_SPLIT))
    else:
        data = read_images(Path(plan.origin).parent / (plan.data.folder or ""))
    return standardise(data)


def build_world(plan: StudyPlan, data: Dataset, seed: int) -> World:
    """Split data between clients and make the first model.

    Raises
    ------
    ManifestError
        If there is not enough data, or the network cannot take it.
    """
    rng = np.random.default_rng([seed, _PART])
    try:
        parts = even_partition(data.labels, plan.clients, plan.data.samples, plan.data.alpha, rng)
        model = make_network(plan.network.kind, data.shape, data.classes, seed=seed)
    except FootprintError as error:
        raise ManifestError(f"{plan.origin}: {error.message}", error.remedy) from error
    return World(
        plan,
        seed,
        data.shape,
        data.classes,
        (torch.from_numpy(data.inputs), torch.from_numpy(data.labels)),
        (torch.from_numpy(data.test_inputs), torch.from_numpy(data.test_labels)),
        parts,
        arrays_of(model),
    )
