"""Values with their birth certificates, and what a reader must know of them."""

from __future__ import annotations

from dataclasses import dataclass

from footprint.model.kinds import ResolvedBy, Severity, SignalKind

# Result files are read with pydantic, which looks for `__pydantic_config__` on
# dataclasses: an unknown key or a number without end in a file is an error.
STRICT = {"extra": "forbid", "allow_inf_nan": False}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a reader of a result must know.

    Attributes
    ----------
    code : str
        Stable short name, for example ``"zone-parent"``.
    message : str
        What was found.
    severity : Severity
    remedy : str
        What to do about it.
    place : str
        Where: file and line, actor, or factor id.
    """

    code: str
    message: str
    severity: Severity = Severity.WARNING
    remedy: str = ""
    place: str = ""

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Source:
    """Where a number comes from and on which terms it may be used."""

    title: str
    url: str
    licence: str

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class EmissionFactor:
    """One value with its birth certificate.

    Attributes
    ----------
    id : str
        Unique in a catalogue, for example ``"grid/FR/2024/ember"``.
    quantity : str
        One of `footprint.factors.schema.QUANTITIES`.
    subject : str
        What it describes: a device, a network path; empty for a place.
    zone : str or None
        Place, for example ``"FR"``, ``"US-CA"``, ``"aws:eu-west-3"``.
    value, low, high : float
        In the canonical unit of the quantity; `low` and `high` are the 95 %
        bounds that the source gives, or None.
    unit : str
        That canonical unit.
    year : int or None
        Year that the value describes; None if the source states none.
    signal : SignalKind or None
        For grid intensities only.
    preferred : bool
        Whether to take it where several answer the same query.
    method, note : str
    source : Source
    """

    id: str
    quantity: str
    subject: str
    zone: str | None
    value: float
    unit: str
    low: float | None
    high: float | None
    year: int | None
    signal: SignalKind | None
    preferred: bool
    method: str
    source: Source
    note: str = ""

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Resolution:
    """A factor, the query that it answers, and how it was found."""

    factor: EmissionFactor
    resolved_by: ResolvedBy
    findings: tuple[Finding, ...] = ()
