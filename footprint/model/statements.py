"""What an audit of a company says: its lines, its totals, and all that is needed to check them."""

from __future__ import annotations

from dataclasses import dataclass

from footprint.model.activities import InputFile
from footprint.model.boundaries import (
    AllocationRule,
    CutOff,
    Exclusion,
    Instrument,
    Organisation,
    Place,
)
from footprint.model.corrections import BaseYear, Restatement
from footprint.model.factors import STRICT, Finding, Source
from footprint.model.kinds import ResolvedBy
from footprint.model.products import Product
from footprint.model.results import Interval
from footprint.model.statement_lines import StatementLine


@dataclass(frozen=True, slots=True)
class Total:
    """One sum of a statement, by the one rule that its name says.

    Attributes
    ----------
    name : str
        One of `TOTALS`: ``"location"`` and ``"market"`` hold scopes 1 to 3 with hardware in
        the year of purchase, ``"sci"`` holds it amortised.
    emissions_g : Interval
    energy_kwh : float or None
        Electricity [kWh]; None where the sum holds none.
    """

    name: str
    emissions_g: Interval
    energy_kwh: float | None

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Sci:
    """Software Carbon Intensity (ISO/IEC 21031): no market instrument is in it.

    `intensity_g` is (`operation_g` + `embodied_g`) over `units`.
    """

    functional_unit: str
    units: float
    operation_g: Interval
    embodied_g: Interval
    intensity_g: Interval

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class FactorEntry:
    """A factor that a line used.

    `sha256` is over value, bounds, unit and source: it changes if the factor does.
    `version` is that of the catalogue; ``"manifest"`` or ``"journal"`` for what came with
    the data. `valid_to` is the last year that the factor describes, if its source says so.
    """

    id: str
    quantity: str
    value: float
    unit: str
    low: float
    high: float
    bounds: str
    zone: str | None
    year: int | None
    valid_to: int | None
    resolved_by: ResolvedBy
    requested: str
    signal: str
    """Kind of grid intensity; empty for other quantities."""
    source: Source
    version: str
    sha256: str
    note: str = ""

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Driver:
    """What the location-based total hangs on.

    Attributes
    ----------
    factor : str
    variance_share : float
        Its variance over the sum of those of all factors, each drawn alone [1].
    at_low_g, at_high_g : float
        The total with the factor at its 95 % bounds, all else central [gCO2e].
    """

    factor: str
    variance_share: float
    at_low_g: float
    at_high_g: float

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Reproduce:
    """What it takes to make a statement again; it names no machine and no path of one.

    `environment` holds names and versions, of the interpreter and of the libraries that
    compute.
    """

    tool_version: str
    manifest: str
    manifest_sha256: str
    inputs: tuple[InputFile, ...]
    catalogue_version: str
    catalogue_digest: str
    seed: int
    draws: int
    environment: tuple[tuple[str, str], ...]

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Statement:
    """The greenhouse-gas statement of a company for one period.

    Attributes
    ----------
    name : str
    organisation : Organisation
    start, end : str
        First and last day, as ``"2025-01-01"``.
    places : tuple of Place
    lines : tuple of StatementLine
    totals : tuple of Total
    sci : Sci or None
        None without a functional unit, or with none delivered.
    primary_share : float
        Part of the location-based total whose activity is measured or metered [1].
    drivers : tuple of Driver
    instruments, exclusions, register, restatements
    cut_off : CutOff
    base_year : BaseYear or None
    allocation : AllocationRule
    signal : str
        Kind of grid intensity of the location-based figures: basis/method/scope.
    network_model : str
    choices : tuple of (str, str)
        What the standards leave open, and how it was chosen.
    not_claimed : tuple of str
        What this statement is not.
    assurance : str
        Level of assurance, and by whom; empty if nobody checked it.
    declared : tuple of (str, str)
        Keys and values of the manifest, as they were written.
    product : Product or None
        What is delivered, for a product carbon footprint.
    """

    name: str
    organisation: Organisation
    start: str
    end: str
    places: tuple[Place, ...]
    lines: tuple[StatementLine, ...]
    totals: tuple[Total, ...]
    sci: Sci | None
    primary_share: float
    drivers: tuple[Driver, ...]
    instruments: tuple[Instrument, ...]
    exclusions: tuple[Exclusion, ...]
    cut_off: CutOff
    register: tuple[FactorEntry, ...]
    restatements: tuple[Restatement, ...]
    base_year: BaseYear | None
    allocation: AllocationRule
    signal: str
    network_model: str
    choices: tuple[tuple[str, str], ...]
    not_claimed: tuple[str, ...]
    assurance: str
    findings: tuple[Finding, ...]
    reproduce: Reproduce
    declared: tuple[tuple[str, str], ...] = ()
    product: Product | None = None

    __pydantic_config__ = STRICT

    def total(self, name: str) -> Total | None:
        """Give the sum of a name, if there is one."""
        return next((total for total in self.totals if total.name == name), None)
