"""What a manifest of a study says.

The fields are what people write (`footprint.studies.manifest`), as quantities with units there and
as floats in canonical units here. ``None`` means that nobody said.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from footprint.learning.networks import NetworkKind
from footprint.learning.servers import ServerKind
from footprint.model import Access, Projection
from footprint.model.methods import TrainingMethod
from footprint.model.scenario import STRICT, Count, PositiveShare, Share, Unit

Positive = Annotated[float, Unit("1", positive=True)]
NotNegative = Annotated[float, Unit("1")]
Grams = Annotated[float, Unit("gCO2e", positive=True)]
DIGITS = "digits"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataTable:
    """Data, and how clients hold it.

    Attributes
    ----------
    source : str
        ``"digits"``, or ``"folder"`` for `folder`.
    folder : str or None
        With ``train*.npz`` and ``test.npz``; relative to the manifest.
    alpha : float
        Concentration of classes: small for few classes at each client.
    samples : int
        Of each client.
    """

    source: str = DIGITS
    folder: str | None = None
    alpha: Positive = 1.0
    samples: Count

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkTable:
    """The network.

    Attributes
    ----------
    kind : NetworkKind
    dense : tuple of str
        Layers that are neither sparse nor masked.
    period : int
        Steps that a threshold of the emulated path serves.
    frozen_from : int or None
        Weights that a linear layer must have to be frozen; None for the usual million.
    """

    kind: NetworkKind
    dense: tuple[str, ...] = ("first", "last")
    period: Count = 10
    frozen_from: Count | None = None

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingTable:
    """How clients train, whatever their method.

    Attributes
    ----------
    batch : int
    rate, last_rate : float
        Learning rate of the first round, and what it falls to.
    momentum, weight_decay : float
    """

    batch: Count
    rate: Positive
    last_rate: Positive
    momentum: Share = 0.0
    weight_decay: NotNegative = 0.0

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerTable:
    """The server: where it stands, and what it does with an average."""

    zone: str
    device: str | None = None
    optimiser: ServerKind = ServerKind.MEAN
    rate: Positive = 0.1

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceTable:
    """Where clients are.

    Attributes
    ----------
    zones : tuple of str
        Grid zones, which the clients take in turn.
    device : str or None
        Class of the catalogue; None leaves its making out, which is a gap.
    network : str or None
        Network model; None for the usual one.
    access : Access or None
        Kind of link, for the network models that ask for it.
    """

    zones: tuple[str, ...]
    device: str | None = None
    network: str | None = None
    access: Access | None = None

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class StopTable:
    """When more accuracy costs too much carbon; see `footprint.learning.stopping.RateStop`.

    Attributes
    ----------
    least_points_per_gram : float
        Percentage points of accuracy per gCO2e.
    """

    least_points_per_gram: NotNegative
    window: Count = 5
    patience: Count = 3
    budget_g: Grams | None = None

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyPlan:
    """A whole manifest.

    Attributes
    ----------
    clients, clients_per_round, rounds : int
    evaluate_every : int
        Rounds; the last one is always evaluated.
    seeds : int
        How many; they are 0, 1, 2, ...
    method : tuple of TrainingMethod
        The first one is the reference.
    target : float or None
        Accuracy to reach [1].
    projection : Projection or None
    stop : StopTable or None
    origin : str
        File that it was read from.
    declared : tuple of (str, str)
        Each key as it was written.
    """

    name: str
    clients: Count
    clients_per_round: Count
    rounds: Count
    data: DataTable
    network: NetworkTable
    training: TrainingTable
    place: PlaceTable
    server: ServerTable
    method: tuple[TrainingMethod, ...]
    evaluate_every: Count = 1
    seeds: Count = 3
    target: PositiveShare | None = None
    projection: Projection | None = None
    stop: StopTable | None = None
    origin: str = ""
    declared: tuple[tuple[str, str], ...] = field(default=())

    __pydantic_config__ = STRICT

    @property
    def evaluations(self) -> int:
        """How often a run is evaluated; the last round always is."""
        return -(-self.rounds // self.evaluate_every)
