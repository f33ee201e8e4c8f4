"""What training methods cost beside plain training of the same network, as measured."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from math import isfinite

from footprint.errors import UsageError
from footprint.model.methods import TrainingMethod


class Kind(StrEnum):
    """How a number came about.

    ``measured``: by a meter, on the run as it was executed.
    ``modelled_from_time``: measured processor time times a declared power, where no
    meter can be read.
    ``theoretical_flops``: counted from the densities that were reached.
    ``projected``: theoretical, times an assumption on hardware that must be named.
    """

    MEASURED = "measured"
    MODELLED_FROM_TIME = "modelled_from_time"
    THEORETICAL_FLOPS = "theoretical_flops"
    PROJECTED = "projected"

    @property
    def counts(self) -> bool:
        """Whether it may enter a total, or pay into a budget."""
        return self in (Kind.MEASURED, Kind.MODELLED_FROM_TIME)


@dataclass(frozen=True, slots=True)
class CostFigure:
    """A figure with bounds, and how it came about.

    Attributes
    ----------
    value, low, high : float
        low <= value <= high.
    kind : Kind
        ``measured`` or ``modelled_from_time``: what was counted or projected saves no energy.

    Raises
    ------
    UsageError
        If it is no such figure.
    """

    value: float
    low: float
    high: float
    kind: Kind = Kind.MEASURED

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "kind", Kind(self.kind))
        except ValueError as error:
            raise UsageError(f"{error}.", f"Choose of {Kind.MEASURED}, {_MODELLED}.") from error
        if not self.kind.counts:
            raise UsageError(
                f"A figure that is {self.kind} cannot pay into a budget.",
                f"Measure it: a table of costs holds {Kind.MEASURED} and {_MODELLED} figures.",
            )
        if not all(map(isfinite, (self.low, self.value, self.high))):
            raise UsageError(f"Found {self.value} ({self.low} to {self.high}), no finite numbers.")
        if not self.low <= self.value <= self.high:
            raise UsageError(f"{self.value} is not between its bounds {self.low} and {self.high}.")


_MODELLED = Kind.MODELLED_FROM_TIME
_UNIT = CostFigure(1.0, 1.0, 1.0)
_NOTHING = CostFigure(0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class MethodCost:
    """What a method costs, as parts of what the reference of its table does.

    Attributes
    ----------
    method : TrainingMethod
    time, energy : CostFigure
        Of all that a client computes in a round, over its work: reading the model, training, making
        the answer [1]. Energy may be modelled from time; all else was measured.
    up, down : CostFigure
        Bytes of an update and of the model that is received, from the output of the encoder [1].
    loss : CostFigure
        Accuracy that is lost at equal rounds if every client trains so, or what is lost if a share
        of the clients does, over that share; below 0 for a gain [percentage points].

    Raises
    ------
    UsageError
        If a ratio is not above 0, or a figure is not of its kind.
    """

    method: TrainingMethod
    time: CostFigure = _UNIT
    energy: CostFigure = _UNIT
    up: CostFigure = _UNIT
    down: CostFigure = _UNIT
    loss: CostFigure = _NOTHING

    def __post_init__(self) -> None:
        for name in _RATIOS:
            if getattr(self, name).low <= 0:
                raise UsageError(
                    f"The method {self.method.name!r} has a ratio of {name} from "
                    f"{getattr(self, name).low}.",
                    "Ratios to the reference are above 0.",
                )
        for name in (*_RATIOS, "loss"):
            if name != "energy" and getattr(self, name).kind is not Kind.MEASURED:
                raise UsageError(
                    f"The {name} of the method {self.method.name!r} is {getattr(self, name).kind}.",
                    "Only energy may be modelled from time; measure the others.",
                )

    @property
    def name(self) -> str:
        """Name of the method."""
        return self.method.name


_RATIOS = ("time", "energy", "up", "down")


@dataclass(frozen=True, slots=True)
class CostTable:
    """Methods of one network on one class of devices, and what each costs.

    Attributes
    ----------
    network, device : str
        What was trained, and on what.
    conditions : str
        Threads, batch, load of the machine, rounds, seeds: what one must know to repeat it.
    source : str
        Who or what measured it.
    costs : tuple of MethodCost
        The first is the reference: dense, whole, everything sent in 32 bits.

    Raises
    ------
    UsageError
        If nobody says of what or how it was measured, a name is there twice, or the first method
        is no reference.
    """

    network: str
    device: str
    conditions: str
    source: str
    costs: tuple[MethodCost, ...]

    def __post_init__(self) -> None:
        for name in ("network", "device", "conditions", "source"):
            if not getattr(self, name).strip():
                raise UsageError(f"A table of costs does not say its {name}.", "Name it.")
        if not self.costs:
            raise UsageError("A table of costs has no method.", "Begin with the reference.")
        names = [cost.name for cost in self.costs]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise UsageError(f"The method {twice!r} is there twice.", "Name each once.")
        self._check_reference()
        for cost in self.costs:
            if cost.method.local_epochs != self.reference.method.local_epochs:
                raise UsageError(
                    f"The method {cost.name!r} makes {cost.method.local_epochs} local epochs.",
                    "Costs are of a unit of work, so all methods of a table make as many.",
                )

    def _check_reference(self) -> None:
        first = self.costs[0]
        plain = TrainingMethod(first.name, local_epochs=first.method.local_epochs)
        differs = [
            one.name
            for one in fields(TrainingMethod)
            if getattr(first.method, one.name) != getattr(plain, one.name)
        ]
        if differs:
            raise UsageError(
                f"The first method, {first.name!r}, is no reference: its {differs[0]} is "
                f"{getattr(first.method, differs[0])}.",
                "Begin with dense training of the whole network that sends everything in 32 bits.",
            )
        for name, right in (*((name, 1.0) for name in _RATIOS), ("loss", 0.0)):
            found = getattr(first, name)
            if (found.low, found.value, found.high) != (right, right, right):
                raise UsageError(
                    f"The reference {first.name!r} has the {name} {found.value}, from {found.low} "
                    f"to {found.high}, beside itself.",
                    f"It is {right:g} by definition.",
                )

    @property
    def reference(self) -> MethodCost:
        """The method that all ratios are to."""
        return self.costs[0]

    def __getitem__(self, name: str) -> MethodCost:
        """Find a method.

        Raises
        ------
        UsageError
            If there is no such method.
        """
        for cost in self.costs:
            if cost.name == name:
                return cost
        there = ", ".join(cost.name for cost in self.costs)
        raise UsageError(f"There is no method {name!r} in the table.", f"There are: {there}.")
