"""What a product carbon footprint says of its product beyond figures (PACT, version 3)."""

from __future__ import annotations

from dataclasses import dataclass

from footprint.model.factors import STRICT
from footprint.model.kinds import Vocabulary


class DeclaredUnit(Vocabulary):
    """Units of measurement of PACT's data model, version 3.0, of what has no mass.

    PACT knows four more, of goods, that need a mass and the carbon in it.
    """

    KILOWATT_HOUR = "kilowatt hour"
    MEGAJOULE = "megajoule"
    TON_KILOMETER = "ton kilometer"
    PIECE = "piece"
    HOUR = "hour"
    MEGABIT_SECOND = "megabit second"


class Standard(Vocabulary):
    """Cross-sectoral standards of PACT's data model, version 3.0."""

    ISO_14067 = "ISO14067"
    ISO_14083 = "ISO14083"
    ISO_14040 = "ISO14040-44"
    GHG_PROTOCOL = "GHGP-Product"
    PEF = "PEF"
    PACT_1 = "PACT-1.0"
    PACT_2 = "PACT-2.0"
    PACT_3 = "PACT-3.0"


@dataclass(frozen=True, slots=True)
class Product:
    """What is delivered to others, as the manifest declares it: no figure tells this.

    Attributes
    ----------
    name, description : str
    ids, company_ids, classifications : tuple of str
        URNs of the product, of the company, and of what kind of product it is.
    created : str
        Day on which the record is published, as ``"2026-03-01"``.
    unit : DeclaredUnit
    amount : float
        How many of that unit one functional unit is.
    characterisation : tuple of str
        IPCC reports whose warming potentials are in the factors, such as ``"AR6"``.
    standards : tuple of Standard
        By which the footprint was calculated.
    fossil_share : float
        Part of the emissions that is fossil [1]; factors in CO2e do not say it.
    preceding : tuple of str
        UUIDs of the records that this one replaces.
    valid_from, valid_to : str
        Days; empty where PACT's own rule counts, three years from the end of the period.
    """

    name: str
    description: str
    ids: tuple[str, ...]
    company_ids: tuple[str, ...]
    created: str
    unit: DeclaredUnit
    characterisation: tuple[str, ...]
    standards: tuple[Standard, ...]
    fossil_share: float
    amount: float = 1.0
    classifications: tuple[str, ...] = ()
    preceding: tuple[str, ...] = ()
    valid_from: str = ""
    valid_to: str = ""

    __pydantic_config__ = STRICT
