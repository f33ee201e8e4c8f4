"""What a company needs and plans, as the file ``management.toml`` beside its deployment says.

.. code-block:: toml

    horizon = "12 month"
    cold-after = "180 d"

    [[silos]]
    name = "lyon"                 # a silo of deployment.toml
    folder = "silos/lyon"         # of its silo.toml

    [[use-cases]]
    name = "defects"
    need = "model"
    dataset = "wheel-scans"
    # ...

Where the silos stand, and on what, is in ``deployment.toml`` and not said again. What the
advisor cannot know, such as what a better model is worth, is said here or left out; it is
never guessed.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import pydantic

from footprint.addresses import hide_secrets, publish_address, publish_path
from footprint.errors import ManifestError
from footprint.manifest import read_prices
from footprint.model import Prices
from footprint.model.kinds import Vocabulary
from footprint.model.scenario import (
    STRICT,
    Amount,
    Count,
    Gigabytes,
    PositiveShare,
    Seconds,
    Unit,
    Watts,
    manifest_key,
)
from footprint.tables import explain, flatten, read_toml, written_keys

NEEDS_NAME = "management.toml"
_UNWRITTEN = {"origin", "digest", "declared"}

Emissions = Annotated[float, Unit("gCO2e")]
Energy = Annotated[float, Unit("kWh")]
Span = Annotated[float, Unit("s", positive=True)]


def _with_offset(moment: datetime) -> datetime:
    """Refuse a moment that is another on every machine."""
    if moment.tzinfo is None:
        raise ValueError("it has no offset from UTC: write it like 2026-11-20T08:00:00Z")
    return moment


Instant = Annotated[datetime, pydantic.AfterValidator(_with_offset)]


def _key(name: str) -> str:
    return manifest_key(name).replace("_", "-")


_CONFIG: dict[str, Any] = {**STRICT, "alias_generator": _key}


class Need(Vocabulary):
    """What a use case needs: whether counts and sketches are enough."""

    STATISTICS = "statistics"
    MODEL = "model"


@dataclass(frozen=True, slots=True, kw_only=True)
class SiloFolder:
    """Where the declaration of a silo is; None if its catalogue comes from the ledger."""

    name: str
    folder: str | None = None

    __pydantic_config__ = _CONFIG


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningCurve:
    """Quality by the records that it was trained on: ``limit - scale * records ** -exponent``.

    In points, such as per cent of accuracy. The power law is the usual form (Hestness et al.
    2017, arXiv 1712.00409); its numbers are the company's own, and `source` says from where.
    """

    limit: Amount
    scale: Amount
    exponent: Annotated[float, Unit("1", positive=True, maximum=2.0)]
    source: str

    __pydantic_config__ = _CONFIG


@dataclass(frozen=True, slots=True, kw_only=True)
class UseCaseTable:
    """Something that the company wants to know or predict from data of several silos.

    Attributes
    ----------
    need : Need
    dataset : str
        Id of the dataset in the catalogues; the silos that have it can take part.
    current : str
        What is done today: ``"do not train"``, ``"analytics only"``, ``"centralise"`` or
        ``"federate"``.
    movable : bool
        Whether the raw data may be copied to the centre; `barrier` says why not.
    centre : str or None
        Silo that would train centrally, and that coordinates.
    centre_training_s, centre_power_w : float or None
        Time of one central training [s], and power meanwhile [W].
    copies : int
        How often in the horizon as much new data as lies at the silos today is copied; all of
        it is kept.
    rounds, local_epochs : int
    model_gb : float
    epoch_s : mapping of str to float
        Time of one local epoch by silo [s]; the key ``"*"`` for all others.
    power_w : mapping of str to float
        Power meanwhile by silo [W]; likewise.
    idle_w : mapping of str to float
        Power while waiting for the slowest silo [W]; likewise.
    scan_s : mapping of str to float
        Time of looking through the data for one question by silo [s]; likewise.
    questions : int
        Statistics that are asked for in the horizon, if counts and sketches are enough.
    trainings : int
        In the horizon.
    points : float or None
        What the model is expected to bring, in points of its quality.
    worth_g : float or None
        Emissions that one point may cost over the horizon [gCO2e].
    curve : LearningCurve or None
        To say which silos are worth taking part.
    """

    name: str
    need: Need
    dataset: str
    current: str = "do not train"
    movable: bool = True
    barrier: str = ""
    centre: str | None = None
    centre_training_s: Seconds | None = None
    centre_power_w: Watts | None = None
    copies: Count = 1
    rounds: Count = 1
    local_epochs: Count = 1
    model_gb: Gigabytes = 0.0
    epoch_s: Mapping[str, Seconds] = field(default_factory=dict)
    power_w: Mapping[str, Watts] = field(default_factory=dict)
    idle_w: Mapping[str, Watts] = field(default_factory=dict)
    scan_s: Mapping[str, Seconds] = field(default_factory=dict)
    questions: Count = 1
    trainings: Count = 1
    points: Amount | None = None
    worth_g: Emissions | None = None
    curve: LearningCurve | None = None

    __pydantic_config__ = _CONFIG


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainingTable:
    """A model that may have aged.

    Attributes
    ----------
    model : str
    run : str
        Run of the deployment that a new training would be like; its estimate is the price.
    before, now : str
        Ids of two datasets in the catalogues: what it was trained on, and what came since.
    column : str
        Whose drift is looked at.
    lower, upper, cells : float, float, int
        Grid on which both are compared, in the unit of the column.
    points_per_drift : float
        Points of quality that a new training is expected to win back per unit of the
        population stability index; `source` says from where.
    worth_g : float
        Emissions that one point may cost [gCO2e].
    """

    model: str
    run: str
    before: str
    now: str
    column: str
    lower: float
    upper: float
    cells: Count = 20
    points_per_drift: Amount
    worth_g: Emissions
    source: str

    __pydantic_config__ = _CONFIG


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTable:
    """A run that is planned, and can be moved in space and time.

    Attributes
    ----------
    silos : tuple of str
        Where it can run; the first is where it runs today.
    duration_s : float
    power_w : float
        Without the overhead of the building [W].
    after, before : datetime with an offset
        When it may begin, and when it must have ended.
    start : datetime or None
        When it begins today; None for `after`.
    moved_gb : float
        Data that it needs elsewhere than in the first silo [GB].
    interruptible : bool
    """

    name: str
    silos: tuple[str, ...]
    duration_s: Span
    power_w: Watts
    after: Instant
    before: Instant
    start: Instant | None = None
    moved_gb: Gigabytes = 0.0
    interruptible: bool = False

    __pydantic_config__ = _CONFIG


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingTable:
    """A model that answers.

    Attributes
    ----------
    silos : tuple of str
        Where it can run centrally; the first is where it runs today, unless `current` says
        ``"at the clients"``.
    clients : tuple of str
        Silos that ask, and could answer themselves.
    calls : float
        In the horizon [1].
    energy_kwh : float
        Of one answer at a central place [kWh].
    client_energy_kwh : float or None
        The same on a client's device; None if it cannot.
    query_gb : float
        Moved for one central answer [GB].
    model_gb : float
        Moved to each client for one release [GB].
    releases : int
        In the horizon.
    """

    name: str
    silos: tuple[str, ...]
    clients: tuple[str, ...] = ()
    current: str | None = None
    calls: Amount
    energy_kwh: Energy
    client_energy_kwh: Energy | None = None
    query_gb: Gigabytes = 0.0
    model_gb: Gigabytes = 0.0
    releases: Count = 1

    __pydantic_config__ = _CONFIG


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a company needs and plans; see the tables.

    Attributes
    ----------
    horizon_s : float
        Time over which options are compared [s].
    today : datetime or None
        Of the advice; None for now. A fixed day makes it reproducible.
    ledger : str or None
        URL of the database with catalogues of silos, and with what was approved.
    cold_after_s : float
        Without a read for so long, a dataset is cold [s].
    cold_medium : str
        Subject of a ``power_per_gb`` factor: what cold data can be moved to.
    media : mapping of str to str
        Such a subject for each storage class that silos name.
    replication : mapping of str to float
        Copies that are kept, by storage class; those of the deployment for others.
    similarity : float
        Jaccard index from which on two datasets are duplicates [1].
    unused_calls : float
        Calls a month at or below which an application counts as unused.
    intensity_files : mapping of str to str
        CSV file of hourly grid intensity by zone, for jobs that can be moved.
    """

    horizon_s: Span
    today: Instant | None = None
    ledger: str | None = None
    cold_after_s: Span | None = None
    cold_medium: str | None = None
    media: Mapping[str, str] = field(default_factory=dict)
    replication: Mapping[str, Annotated[float, Unit("1", minimum=1.0)]] = field(
        default_factory=dict
    )
    similarity: PositiveShare = 0.9
    unused_calls: Amount = 0.0
    intensity_files: Mapping[str, str] = field(default_factory=dict)
    prices: Prices | None = None
    silos: tuple[SiloFolder, ...] = ()
    use_cases: tuple[UseCaseTable, ...] = ()
    retrainings: tuple[RetrainingTable, ...] = ()
    jobs: tuple[JobTable, ...] = ()
    servings: tuple[ServingTable, ...] = ()
    origin: str = ""
    """File that it was read from."""
    digest: str = ""
    """SHA-256 of that file."""
    declared: tuple[tuple[str, str], ...] = ()
    """Its keys and values as they were written."""

    __pydantic_config__ = _CONFIG

    @property
    def folder(self) -> Path:
        """Folder that the names of files are relative to."""
        return Path(self.origin).parent


def read_needs(path: Path | str) -> Needs:
    """Read what a company needs and plans.

    Parameters
    ----------
    path : path
        A TOML file, or the folder of one that is called ``management.toml``.

    Raises
    ------
    ManifestError
        If it cannot be read or means nothing: says the file and the key, what was found and
        what is accepted.
    """
    path = Path(path)
    if path.is_dir():
        path = path / NEEDS_NAME
    tables = read_toml(path, ManifestError)
    for key in sorted(_UNWRITTEN & set(tables)):
        raise ManifestError(f"{path}, {key}: this key is unknown.", "Leave it out.")
    declared = tuple((key, _published(key, value)) for key, value in flatten(tables, ("name",)))
    prices = tables.pop("prices", None)
    try:
        found: Needs = _adapter().validate_python(tables)
    except pydantic.ValidationError as error:
        known = {_key(name) for name in written_keys(Needs)} - _UNWRITTEN
        message, remedy = explain(path, error, Needs, known)
        raise ManifestError(message, remedy) from error
    return replace(
        found,
        prices=None if prices is None else read_prices(path, prices),
        origin=str(path),
        digest=hashlib.sha256(path.read_bytes()).hexdigest(),
        declared=declared,
    )


def _published(key: str, value: str) -> str:
    """Write a value as everybody may read it."""
    last = key.rpartition(".")[2]
    if last == "ledger":
        return publish_address(value)
    if last == "folder" or key.startswith("intensity-files."):
        return publish_path(value)
    return hide_secrets(value)


@functools.cache
def _adapter() -> pydantic.TypeAdapter[Needs]:
    return pydantic.TypeAdapter(Needs)
