"""A statement as a product carbon footprint, after PACT's data model, version 3.0.

Source: PACT, "Technical Specifications for PCF Data Exchange", version 3.0.0, and its
OpenAPI schema, https://github.com/wbcsd/data-exchange-protocol. The record is per functional
unit, by location, with hardware amortised: the footprint that the Software Carbon Intensity
has too, with no contract in it.
"""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from footprint.audit.exports.amounts import decimal_text, kilograms
from footprint.audit.exports.remarks import remark_errors
from footprint.errors import DocumentError
from footprint.model import (
    FactorEntry,
    Product,
    Quality,
    Sci,
    Statement,
    StatementLine,
    split_inverse,
)

SPEC_VERSION = "3.0.0"
_PRIMARY = (Quality.MEASURED, Quality.METERED_ALLOCATED)
_VALID_YEARS = 3
_SECONDARY = ("grid_intensity", "network_energy", "power_per_gb", "embodied", "embodied_per_gb")
_PART = {
    "client": "electricity of the clients' computing",
    "server": "electricity of servers",
    "network": "electricity of networks that carry models",
    "storage": "electricity of storage",
    "hardware": "making of hardware, amortised over its life",
    "generator": "own generators",
}


@dataclass(frozen=True, slots=True)
class _Weighted:
    """Lines of the footprint with their weight, the emissions [gCO2e]."""

    parts: tuple[tuple[StatementLine, float], ...]

    def mean(self, of: Any) -> float:
        """Mean of a property of lines, weighted by their emissions."""
        whole = math.fsum(weight for _, weight in self.parts)
        return math.fsum(of(line) * weight for line, weight in self.parts) / whole


def record_product(statement: Statement) -> dict[str, Any]:
    """Make the record of one functional unit.

    Equal statements give equal records; the identifier is derived from the content, so that
    another content has another one, as PACT asks for.

    Raises
    ------
    DocumentError
        If the statement has no product, or no functional unit that was delivered.
    """
    product, sci = _require(statement)
    record = _header(statement, product)
    record["pcf"] = _footprint(statement, product, sci)
    text = json.dumps(record, ensure_ascii=False, sort_keys=True)
    return {"id": str(uuid.uuid5(uuid.NAMESPACE_URL, text)), **record}


def write_record(statement: Statement) -> str:
    """Write the record of one functional unit as JSON."""
    return json.dumps(record_product(statement), ensure_ascii=False, indent=1) + "\n"


def _require(statement: Statement) -> tuple[Product, Sci]:
    if statement.product is None:
        raise DocumentError(
            "The statement says nothing of a product: name, identifiers, company, declared unit.",
            "Add a [product] table to the manifest (docs/audit.md, Exports), and audit again.",
        )
    if statement.sci is None or not statement.sci.intensity_g.value:
        raise DocumentError(
            "The statement has no footprint per functional unit.",
            "Add a [functional_unit] table to the manifest, and audit again.",
        )
    return statement.product, statement.sci


def _header(statement: Statement, product: Product) -> dict[str, Any]:
    _require_validity(statement, product)
    record: dict[str, Any] = {"specVersion": SPEC_VERSION}
    if product.preceding:
        record["precedingPfIds"] = list(dict.fromkeys(product.preceding))
    record |= {"created": _moment(product.created), "status": "Active"}
    if product.valid_from:
        record["validityPeriodStart"] = _moment(product.valid_from)
    if product.valid_to:
        record["validityPeriodEnd"] = _moment(product.valid_to)
    record |= {
        "companyName": statement.organisation.name,
        "companyIds": list(dict.fromkeys(product.company_ids)),
        "productDescription": product.description,
        "productIds": list(dict.fromkeys(product.ids)),
    }
    if product.classifications:
        record["productClassifications"] = list(dict.fromkeys(product.classifications))
    record["productNameCompany"] = product.name
    record["comment"] = " ".join(_comments(statement, product))
    return record


def _require_validity(statement: Statement, product: Product) -> None:
    """Hold the rule of the specification: within three years from the end of the period."""
    first = _period_end(statement)
    last = _years_later(first, _VALID_YEARS)
    start = date.fromisoformat(product.valid_from) if product.valid_from else first
    end = date.fromisoformat(product.valid_to) if product.valid_to else last
    if not first <= start < end <= last:
        raise DocumentError(
            f"The product is said to be valid from {start} to {end}; PACT accepts days from "
            f"{first} to {last}.",
            "Correct product.valid_from and product.valid_to in the manifest.",
        )


def _years_later(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year + years)
    except ValueError:  # 29 February
        return day.replace(year=day.year + years, month=3, day=1)


def _period_end(statement: Statement) -> date:
    """First day after the period."""
    return date.fromisoformat(statement.end) + timedelta(days=1)


def _moment(day: str) -> str:
    return f"{day}T00:00:00Z"


def _footprint(statement: Statement, product: Product, sci: Sci) -> dict[str, Any]:
    whole = kilograms(sci.intensity_g.value)
    fossil = whole if product.fossil_share == 1 else whole * Decimal(repr(product.fossil_share))
    weighted = _Weighted(
        tuple((line, figure.value) for line in statement.lines for _, figure in line.figures("sci"))
    )
    footprint: dict[str, Any] = {
        "declaredUnitOfMeasurement": product.unit.value,
        "declaredUnitAmount": decimal_text(product.amount),
        # Of services PACT wants 0 here: there is no mass, and so no carbon in it.
        "productMassPerDeclaredUnit": "0",
        "referencePeriodStart": _moment(statement.start),
        "referencePeriodEnd": _moment(_period_end(statement).isoformat()),
    }
    country = _country(weighted)
    if country is not None:
        footprint["geographyCountry"] = country
    return footprint | {
        "boundaryProcessesDescription": _boundary(weighted),
        "pcfExcludingBiogenicUptake": decimal_text(whole),
        "pcfIncludingBiogenicUptake": decimal_text(whole),
        "fossilCarbonContent": "0",
        "fossilGhgEmissions": decimal_text(fossil),
        "packagingEmissionsIncluded": False,
        "ccsTechnologicalCO2CaptureIncluded": False,
        "ipccCharacterizationFactors": list(dict.fromkeys(product.characterisation)),
        "crossSectoralStandards": list(dict.fromkeys(one.value for one in product.standards)),
        **_exempted(statement, sci),
        "allocationRulesDescription": _allocation(statement, sci),
        **_sources(statement, weighted),
        "primaryDataShare": decimal_text(
            100 * weighted.mean(lambda line: line.quality in _PRIMARY)
        ),
        "dqi": {
            f"{name}DQR": decimal_text(
                weighted.mean(lambda line, name=name: getattr(line.pedigree, name))
            )
            for name in ("technological", "geographical", "temporal")
        },
    }


def _country(weighted: _Weighted) -> str | None:
    """Country of all the work, if it is one that the zones say; None is PACT's "global"."""
    zones = {line.zone for line, _ in weighted.parts}
    found = {zone.partition("-")[0] if zone and ":" not in zone else "" for zone in zones}
    only = found.pop() if len(found) == 1 else ""
    return only if len(only) == 2 and only.isalpha() and only.isupper() else None


def _boundary(weighted: _Weighted) -> str:
    known = dict.fromkeys(line.component for line, _ in weighted.parts)
    parts = "; ".join(_PART.get(name, name) for name in known)
    return f"Making, running and use of the product: {parts}. Neither its end of life nor its user."


def _exempted(statement: Statement, sci: Sci) -> dict[str, str]:
    """Share of the whole that is left out, as far as it was sized."""
    sized_g = math.fsum(one.estimate_g or 0.0 for one in statement.exclusions)
    whole_g = sci.intensity_g.value * sci.units
    percent = 100 * sized_g / (whole_g + sized_g)
    return {
        "exemptedEmissionsPercent": decimal_text(percent),
        "exemptedEmissionsDescription": " ".join(_excluded(statement)),
    }


def _excluded(statement: Statement) -> Iterator[str]:
    unknown = sum(one.estimate_g is None for one in statement.exclusions)
    if unknown:
        yield f"Nobody sized {unknown} of the exclusions; they are not in the percentage."
    for one in statement.exclusions:
        size = "not sized"
        if one.estimate_g is not None:
            size = f"{decimal_text(kilograms(one.estimate_g))} kgCO2e in the period"
        yield f"{one.what}: {one.reason} ({size})."


def _allocation(statement: Statement, sci: Sci) -> str:
    return (
        f"All runs of the period, whoever pays for them, over {decimal_text(sci.units)} x "
        f"{sci.functional_unit!r}. Hardware by the share of its life that it was reserved. "
        f"The work of partners is divided by: {statement.allocation.value}, with one share for the "
        "whole period."
    )


def _sources(statement: Statement, weighted: _Weighted) -> dict[str, Any]:
    used = {
        split_inverse(name)[0]
        for line, _ in weighted.parts
        for factors, _ in line.figures("sci")
        for name in factors
    }
    found = dict.fromkeys(
        (one.source.title, _version(one))
        for one in statement.register
        if one.id in used and one.quantity in _SECONDARY
    )
    if not found:
        return {}
    listed = [{"name": name, "version": version} for name, version in sorted(found)]
    return {"secondaryEmissionFactorSources": listed}


def _version(entry: FactorEntry) -> str:
    """Year of the data, and who carried it here."""
    carried = (
        "declared in the manifest"
        if entry.version == "manifest"
        else f"emission factors of footprint {entry.version}"
    )
    return carried if entry.year is None else f"{entry.year} ({carried})"


def _comments(statement: Statement, product: Product) -> Iterator[str]:
    sci, errors = statement.sci, remark_errors(statement)
    if errors:
        yield f"{errors}."
    if sci is not None:
        low, high = kilograms(sci.intensity_g.low), kilograms(sci.intensity_g.high)
        yield (
            f"The declared unit is one {sci.functional_unit!r}. 90 % interval: "
            f"{decimal_text(low)} to {decimal_text(high)} kgCO2e."
        )
    yield f"Electricity by location ({statement.signal}); contracts and offsets are in no figure."
    yield (
        "primaryDataShare is the part of the emissions whose activity was measured or metered. "
        "Data quality ratings are scores of the pedigree matrix, 1 the best and 5 the worst, "
        "weighted by emissions."
    )
    if product.fossil_share != 1:
        yield "What is not fossil is not split further: the factors do not say of what kind it is."
    zones = sorted({line.zone for line in statement.lines if line.in_sci and line.zone})
    yield f"Grid zones: {', '.join(zones)}."
    for one in statement.restatements:
        yield f"Restated for {one.year}: {one.what}, {one.cause.value}: {one.reason}."
    yield f"Assurance: {statement.assurance or 'none'}."
    made = statement.reproduce
    yield (
        f"Made by footprint {made.tool_version} from {made.manifest!r} (SHA-256 "
        f"{made.manifest_sha256})."
    )
