"""The closed vocabularies: every word that a field may hold."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from footprint.errors import UsageError


class Vocabulary(StrEnum):
    """A closed list of words, each of which reads and prints as itself."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a word that a person wrote.

        Raises
        ------
        UsageError
            If `text` is not one of the words.
        """
        try:
            return cls(text)
        except ValueError:
            kind = re.sub("(?<=[a-z])(?=[A-Z])", " ", cls.__name__).lower()
            raise UsageError(
                f"Unknown {kind} {text!r}.", f"Use one of: {', '.join(cls)}."
            ) from None


class Phase(Vocabulary):
    """What an actor was doing. The only names; importers map theirs to these."""

    SETUP = "setup"
    LOAD = "load"
    TRAIN = "train"
    EVALUATE = "evaluate"
    SERIALISE = "serialise"
    UPLOAD = "upload"
    DOWNLOAD = "download"
    AGGREGATE = "aggregate"
    WAIT = "wait"
    IDLE = "idle"
    DATA_TRANSFER = "data_transfer"
    STORAGE = "storage"
    INFERENCE = "inference"
    OTHER = "other"


class Role(Vocabulary):
    """Which side of a training an actor is on; `other` is on neither."""

    CLIENT = "client"
    SERVER = "server"
    OTHER = "other"


class ReplyStatus(Vocabulary):
    """What came of a request to a client."""

    OK = "ok"
    ERROR = "error"
    """The client answered that it failed."""
    NO_REPLY = "no-reply"
    """Nothing came while the server waited."""
    LATE = "late"
    """What a request used to which no reply came in time, learnt afterwards."""
    REFUSED = "refused"
    """A reply came, and its figures cannot be believed."""
    IDLE = "idle"
    """The client was connected and not asked."""


class IdlePolicy(Vocabulary):
    """Who is charged the idle power of a host that tracked processes share."""

    BY_TIME = "by-time"
    """Every open phase, in equal parts."""
    BY_RESERVATION = "by-reservation"
    """Every actor that reserves a device, in equal parts, however many phases it has."""
    NONE = "none"
    """Nobody; it belongs to the machine."""


class View(Vocabulary):
    """Whose energy a result holds. Results of different views are never compared."""

    PROCESS = "process"
    """The tracked processes, with the idle power of the time in which they ran."""
    MACHINE = "machine"
    """Everything that the machine used meanwhile, other processes included."""
    MACHINE_LESS_IDLE = "machine-less-idle"
    """The same without its idle power."""


class Basis(Vocabulary):
    """How a number came about; every report shows it."""

    MEASURED = "measured"
    SIMULATED = "simulated"
    MODELLED = "modelled"
    DECLARED = "declared"
    DEFAULT = "default"


class Tier(Vocabulary):
    """Quality of an energy figure, best first."""

    A = "A"  # wall meter
    B = "B"  # energy counter of the part itself (RAPL, NVML)
    C = "C"  # integrated power sensor
    D = "D"  # line calibrated on A or B
    E = "E"  # table of rated power, scaled to our share
    F = "F"  # default of a device class


class Architecture(Vocabulary):
    """How the training of a run was organised."""

    FEDERATED = "federated"
    CENTRALISED = "centralised"
    OTHER = "other"


class Stage(Vocabulary):
    """Where in the life cycle a contribution arises."""

    OPERATION = "operation"
    NETWORK = "network"
    STORAGE = "storage"
    EMBODIED = "embodied"


class LifeCycle(Vocabulary):
    """Stage in the life of a model, from the first record to the last deletion."""

    COLLECT = "collect"
    TRANSFER = "transfer"
    STORE = "store"
    PREPARE = "prepare"
    EXPERIMENT = "experiment"
    TRAIN = "train"
    DEPLOY = "deploy"
    INFER = "infer"
    RETRAIN = "retrain"
    RETIRE = "retire"


class Access(Vocabulary):
    """Kind of link between an actor and the network."""

    FIXED = "fixed"
    MOBILE_4G = "mobile_4g"
    MOBILE_5G = "mobile_5g"
    DATACENTRE = "datacentre"


class BoundaryRule(Vocabulary):
    """What an estimate charges at all."""

    LIFE_CYCLE = "life-cycle"
    """Everything that it can."""
    TRAINING = "training"
    """Experiments and training, with their network and hardware."""
    QIU = "qiu"
    """What the model after Qiu et al. charges: training, and the clients' last hop."""


class EmbodiedRule(Vocabulary):
    """Which share of the making of a device is charged."""

    WALL_CLOCK = "sci_wall_clock"
    """Time reserved over its life (ISO/IEC 21031)."""
    ACTIVE_HOURS = "active_hours"
    """Time reserved over the time for which it works in its life."""
    MARGINAL = "marginal"
    """Nothing for devices of end users, which exist anyway."""


class Currency(Vocabulary):
    """Currency of prices; two are never mixed."""

    EUR = "EUR"
    USD = "USD"


class CostKind(Vocabulary):
    """What is paid for."""

    ELECTRICITY = "electricity"
    INSTANCE = "instance"
    EGRESS = "egress"
    STORAGE = "storage"
    STAFF = "staff"


class Severity(Vocabulary):
    """How much a finding matters."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class ResolvedBy(Vocabulary):
    """How a factor was found, from the best answer to the weakest."""

    EXACT = "exact"
    NEAREST_YEAR = "nearest year"
    PARENT_ZONE = "parent zone"
    CLASS_DEFAULT = "class default"
    DECLARED = "declared"
    MEASURED = "measured"


class SignalBasis(Vocabulary):
    """Average or marginal intensity."""

    AVERAGE = "average"
    MARGINAL = "marginal"


class SignalMethod(Vocabulary):
    """Location-based, market-based or residual-mix intensity."""

    LOCATION = "location"
    MARKET = "market"
    RESIDUAL = "residual"


class SignalScope(Vocabulary):
    """Emissions of the power plant only, or of its whole life cycle."""

    DIRECT = "direct"
    LIFE_CYCLE = "life-cycle"


@dataclass(frozen=True, slots=True)
class SignalKind:
    """What kind of grid intensity a number is. Different kinds are never added."""

    basis: SignalBasis = SignalBasis.AVERAGE
    method: SignalMethod = SignalMethod.LOCATION
    scope: SignalScope = SignalScope.LIFE_CYCLE

    @classmethod
    def parse(cls, text: str) -> SignalKind:
        """Read ``"average/location/life-cycle"``.

        Raises
        ------
        UsageError
            If a part is missing or unknown.
        """
        try:
            basis, method, scope = text.split("/")
            return cls(SignalBasis(basis), SignalMethod(method), SignalScope(scope))
        except ValueError:
            raise UsageError(
                f"{text!r} is not a kind of grid intensity.",
                "Write basis/method/scope, for example 'average/location/life-cycle'.",
            ) from None

    def __str__(self) -> str:
        return f"{self.basis}/{self.method}/{self.scope}"
