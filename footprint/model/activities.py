"""What happened: activities, and the journals and inventories that hold them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from footprint.errors import UsageError
from footprint.model.factors import STRICT, Finding, Resolution
from footprint.model.kinds import (
    Access,
    Architecture,
    Basis,
    IdlePolicy,
    LifeCycle,
    Phase,
    Role,
    Tier,
    View,
)


@dataclass(frozen=True, slots=True)
class Activity:
    """One thing that one actor did: the unit that everything becomes.

    Attributes
    ----------
    actor : str
        Name of the client or server.
    role : Role
    device : str or None
        Device class of the catalogue, for example ``"desktop"``.
    zone : str or None
        Grid zone, for example ``"FR"``; never guessed.
    phase : Phase
    round : int or None
        Federated round, counted from 1.
    start_s : float
        Unix time [s].
    duration_s : float
        Time for which the device was reserved [s]; 0 where another activity of
        the same actor counts that time already.
    energy_kwh, energy_low_kwh, energy_high_kwh : float or None
        Energy and its 95 % bounds [kWh]; None where there is none to know.
    data_gb : float
        Data moved over the actor's network link [GB].
    basis : Basis
    tier : Tier or None
        Quality of the energy figure.
    source : str
        What the energy figure comes from, for example ``"cpu-table/AMD EPYC x2"``.
        Figures of one source share their error.
    resource_share : float or None
        Share of the device that was reserved, SCI's RR/ToR [1]; None if nobody said.
    life_cycle : LifeCycle
        Stage in the life of the model.
    access : Access or None
        Kind of link that data moved over; None if nobody said.
    transfer_s : float
        Time for which the link carried the data [s].
    stored_gb_h : float
        Volume times the time for which it was kept, one copy [GB h].
    instance : str or None
        Instance of a cloud that is billed for `duration_s`.
    """

    actor: str
    role: Role
    device: str | None
    zone: str | None
    phase: Phase
    round: int | None
    start_s: float
    duration_s: float
    energy_kwh: float | None
    energy_low_kwh: float | None
    energy_high_kwh: float | None
    data_gb: float
    basis: Basis
    tier: Tier | None
    source: str
    resource_share: float | None = None
    life_cycle: LifeCycle = LifeCycle.TRAIN
    access: Access | None = None
    transfer_s: float = 0.0
    stored_gb_h: float = 0.0
    instance: str | None = None


ACTIVITY_COLUMNS = tuple(column.name for column in fields(Activity))
DEFAULTS = {
    column.name: column.default for column in fields(Activity) if column.default is not MISSING
}
"""Of the columns that a journal may leave out."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Class of the machine that a process ran on; nothing that identifies it.

    Attributes
    ----------
    processor : str
        Model name as the operating system gives it; empty if unknown.
    threads, sockets : int
        Logical processors, and packages that hold them.
    memory_gb : float or None
        Main memory [GB].
    virtual : bool or None
        Whether a hypervisor was seen; None if that cannot be told.
    system : str
        ``"Linux"``, ``"Darwin"``, ``"Windows"``.
    """

    processor: str
    threads: int
    sockets: int
    memory_gb: float | None
    virtual: bool | None
    system: str

    @property
    def label(self) -> str:
        """Short name of the class, for example ``"AMD EPYC x2"``."""
        return f"{self.processor or 'unknown processor'} x{self.threads}"


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file that a result was made from, pinned by its content."""

    name: str
    sha256: str

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Run:
    """What a journal says of the run as a whole.

    Attributes
    ----------
    name : str
    architecture : Architecture
    functional_unit : str
        What the emissions are counted per, for example ``"model with 92 % test
        accuracy"``; empty if nobody said.
    results : mapping
        Figures that the run itself reported, for example ``{"accuracy": 0.93}``.
    """

    name: str
    architecture: Architecture = Architecture.OTHER
    functional_unit: str = ""
    results: Mapping[str, float] = field(default_factory=dict)

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Journal:
    """The activities of one run, as columns.

    Attributes
    ----------
    run : Run
    columns : mapping of str to sequence
        One sequence per field of `Activity`, all of one length; those of fields with a
        default may be left out. Lists, numpy arrays and pandas categoricals serve alike.
    view : View
        Whose energy it is.
    idle_policy : IdlePolicy
        Who was charged idle power.
    factors : tuple of Resolution
        Factors that went into the energy figures.
    catalogue_digest : str
        Of the catalogue that they came from; empty if there are none.
    findings : tuple of Finding
    inputs : tuple of InputFile
    rounds, clients : int or None
        How many there are, if the activities are sums over them; None to count them.
    """

    run: Run
    columns: Mapping[str, Sequence[Any]]
    view: View = View.PROCESS
    idle_policy: IdlePolicy = IdlePolicy.BY_TIME
    factors: tuple[Resolution, ...] = ()
    catalogue_digest: str = ""
    findings: tuple[Finding, ...] = ()
    inputs: tuple[InputFile, ...] = ()
    rounds: int | None = None
    clients: int | None = None

    def __post_init__(self) -> None:
        missing = [n for n in ACTIVITY_COLUMNS if n not in self.columns and n not in DEFAULTS]
        if missing:
            raise UsageError(f"A journal lacks the columns {', '.join(missing)}.")
        lengths = {name: len(column) for name, column in self.columns.items()}
        if len(set(lengths.values())) > 1:
            raise UsageError(f"The columns of a journal differ in length: {lengths}.")

    @classmethod
    def of(cls, run: Run, activities: Sequence[Activity], **rest: Any) -> Journal:
        """Build a journal from single activities."""
        columns = {name: [getattr(a, name) for a in activities] for name in ACTIVITY_COLUMNS}
        return cls(run, columns, **rest)

    def __len__(self) -> int:
        return len(self.columns["actor"])

    def total(self, column: str) -> float | None:
        """Sum of a column of numbers; None if not one of them is known."""
        known = [value for value in self.columns[column] if value is not None]
        return math.fsum(known) if known else None

    def activities(self) -> Iterator[Activity]:
        """Iterate over the activities one by one."""
        present = [name for name in ACTIVITY_COLUMNS if name in self.columns]
        for row in zip(*(self.columns[name] for name in present), strict=True):
            yield Activity(**dict(zip(present, row, strict=True)))


@dataclass(frozen=True, slots=True)
class InventoryLine:
    """Activities of one kind, summed. Fields as in `Activity`."""

    actor: str
    role: Role
    device: str | None
    zone: str | None
    phase: Phase
    year: int
    basis: Basis
    tier: Tier | None
    source: str
    duration_s: float
    energy_kwh: float | None
    energy_low_kwh: float | None
    energy_high_kwh: float | None
    data_gb: float
    activities: int
    unmetered: int = 0
    """How many of the activities took time but have no energy figure."""
    round: int | None = None
    """Set only if the inventory was split by round."""
    resource_share: float | None = None
    life_cycle: LifeCycle = LifeCycle.TRAIN
    access: Access | None = None
    transfer_s: float = 0.0
    stored_gb_h: float = 0.0
    instance: str | None = None


@dataclass(frozen=True, slots=True)
class Inventory:
    """The activities of one run, aggregated.

    Attributes
    ----------
    run : Run
    lines : tuple of InventoryLine
    rounds, clients : int
        Distinct rounds and distinct actors in the client role.
    """

    run: Run
    lines: tuple[InventoryLine, ...]
    rounds: int
    clients: int
    view: View = View.PROCESS
    idle_policy: IdlePolicy = IdlePolicy.BY_TIME
    factors: tuple[Resolution, ...] = ()
    catalogue_digest: str = ""
    findings: tuple[Finding, ...] = ()
    inputs: tuple[InputFile, ...] = ()
