"""Three kinds of saving, kept apart: measured, theoretical and projected.

A training that multiplies nine zeros in ten may count a tenth of the work and still
take longer. So a saving that was counted is no saving of energy, and what ideal
hardware would save pays into no budget. `Amount` refuses sums across kinds.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from footprint.errors import UsageError
from footprint.model.method_costs import Kind as Kind


@dataclass(frozen=True, slots=True)
class Amount:
    """A cost of a training, of one kind.

    Attributes
    ----------
    value : float
    unit : str
        ``kwh``, ``cpu_s`` or ``macs``, say; the same for both sides of a sum or a ratio.
    kind : Kind
    assumption : str
        What a projection rests on; empty for the other kinds.
    """

    value: float
    unit: str
    kind: Kind
    assumption: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", Kind(self.kind))
        if not isfinite(self.value) or self.value < 0:
            raise UsageError(f"{self.value} {self.unit} is no cost of a training.")
        if (self.kind is Kind.PROJECTED) != bool(self.assumption):
            raise UsageError(
                "A projection, and nothing else, names the assumption that it rests on.",
                "Say which hardware would save what.",
            )

    def __add__(self, other: Amount) -> Amount:
        """Sum of two amounts of one kind.

        Raises
        ------
        UsageError
            If kinds, units or assumptions differ.
        """
        _check_alike(self, other)
        return Amount(self.value + other.value, self.unit, self.kind, self.assumption)


def save(sparse: Amount, dense: Amount) -> float:
    """Share that a sparse training saves of a dense one; below 0 if it costs more.

    Raises
    ------
    UsageError
        If the two are not of one kind, or the dense one cost nothing.
    """
    _check_alike(sparse, dense)
    if dense.value == 0:
        raise UsageError("A dense training that costs nothing leaves nothing to save.")
    return 1 - sparse.value / dense.value


def _check_alike(one: Amount, other: Amount) -> None:
    if (one.kind, one.unit, one.assumption) != (other.kind, other.unit, other.assumption):
        raise UsageError(
            f"Costs that are {one.kind} [{one.unit}] and {other.kind} [{other.unit}] "
            "are not of one kind.",
            "Report them side by side.",
        )


@dataclass(frozen=True, slots=True)
class Savings:
    """What a sparse training saves, in columns that are never added.

    Attributes
    ----------
    measured : float or None
        Share of measured cost; None if nothing was measured.
    theoretical_flops : float or None
        Share of counted work.
    projected : float or None
        Share that the named hardware would save.
    measured_as : Kind
        ``measured``, or ``modelled_from_time`` where no meter could be read.
    assumption : str
        Of the projection.
    """

    measured: float | None
    theoretical_flops: float | None
    projected: float | None = None
    measured_as: Kind = Kind.MEASURED
    assumption: str = ""

    def __post_init__(self) -> None:
        if self.measured_as not in (Kind.MEASURED, Kind.MODELLED_FROM_TIME):
            raise UsageError(f"A saving that is {self.measured_as} was not measured.")
        if (self.projected is not None) != bool(self.assumption):
            raise UsageError("A projection names its assumption.")

    @property
    def realisation(self) -> float | None:
        """Measured over theoretical saving; negative if the run cost more than a dense one.

        None if one of them is not known, or nothing could be saved in theory.
        """
        if self.measured is None or not self.theoretical_flops:
            return None
        return self.measured / self.theoretical_flops
