"""The boundary of a statement: who reports, with which places and contracts, without what."""

from __future__ import annotations

from dataclasses import dataclass

from footprint.model.factors import STRICT
from footprint.model.kinds import Vocabulary
from footprint.model.statement_lines import Category


class Approach(Vocabulary):
    """Organisational boundary (GHG Protocol Corporate Standard, chapter 3)."""

    OPERATIONAL = "operational control"
    FINANCIAL = "financial control"
    EQUITY = "equity share"


class AllocationRule(Vocabulary):
    """By what the work of partners is divided between them and the coordinator."""

    EQUAL = "equal"
    DATA = "data share"
    COMPUTE = "compute share"
    DECLARED = "declared"


class InstrumentKind(Vocabulary):
    """Contractual instruments of the market-based method."""

    PPA = "ppa"
    CERTIFICATE = "certificate"
    """Guarantee of origin, REC, REGO and their like, without the energy."""
    TARIFF = "tariff"
    """Product of a supplier, with its certificates."""


@dataclass(frozen=True, slots=True)
class Organisation:
    """Who reports, for whom, within which boundary.

    `net_revenue_eur` is that of the period, for intensities; None if nobody said it.
    """

    name: str
    approach: Approach
    goal: str
    audience: str
    about: str = ""
    net_revenue_eur: float | None = None

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Place:
    """One site, cloud or group of participants within the boundary.

    `kind` is ``"site"``, ``"cloud"`` or ``"participants"``; `holding` is ``"own"``,
    ``"rented"``, ``"partner"`` or, for the others, empty. `reported_share` is the part of its
    emissions that the company reports [1].
    """

    name: str
    kind: str
    holding: str
    zone: str
    category: Category
    pue: float | None
    reported_share: float
    reason: str
    """How the category and the share were chosen."""

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Instrument:
    """A contract or certificate, and how much of it was used.

    `claimed_kwh` is what the manifest claims of it, `used_kwh` what met electricity of the
    right market and year. `refused` says why nothing of it counts; empty if it does.
    """

    name: str
    kind: InstrumentKind
    market: str
    vintage: int
    energy_kwh: float
    claimed_kwh: float
    used_kwh: float
    g_per_kwh: float
    certificate: str
    source: str
    refused: str = ""

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Exclusion:
    """What is left out, why, and how large it may be.

    `estimate_g` is None if nobody estimated it; `share` is its part of the location-based
    total with all exclusions, None likewise.
    """

    what: str
    reason: str
    category: Category | None
    estimate_g: float | None
    share: float | None

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class CutOff:
    """The rule for leaving out, and how near the exclusions come to it [1]."""

    each: float
    together: float
    largest: float
    sum: float
    unknown: int
    """Exclusions that nobody sized."""

    __pydantic_config__ = STRICT
