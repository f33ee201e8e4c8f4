"""Where each place stands in the inventory of the company, and with which share."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from footprint.audit.deployments import Deployment
from footprint.audit.holdings import CloudTable, Holding, ParticipantsTable, Service, SiteTable
from footprint.audit.runs import RunRecord
from footprint.model import AllocationRule, Approach, Category, Place


@dataclass(frozen=True, slots=True)
class Standing:
    """Category of what a place uses, and the part of it that the company reports.

    `capital` says that its hardware is the company's own, `others` that it is neither that
    nor part of a service that the company pays for.
    """

    category: Category
    share: float
    capital: bool
    reason: str
    others: bool = False


def stand_places(deployment: Deployment, records: Iterable[RunRecord]) -> dict[str, Standing]:
    """Decide the category and share of every place.

    References
    ----------
    GHG Protocol Corporate Standard, chapters 3 and 4, and Scope 3 Standard, as docs/audit.md
    reads them; where they leave a choice, the reason names it.
    """
    partners = _partner_share(deployment, tuple(records))
    found: dict[str, Standing] = {}
    for place in deployment.places:
        match place:
            case SiteTable():
                found[place.name] = _stand_site(place, deployment, partners)
            case CloudTable(service=Service.DEDICATED):
                found[place.name] = Standing(
                    Category.UPSTREAM_LEASED, 1.0, False, "dedicated hosts: leased assets"
                )
            case CloudTable():
                found[place.name] = Standing(
                    Category.SERVICES, 1.0, False, "virtual machines: a purchased service"
                )
            case ParticipantsTable():
                found[place.name] = Standing(
                    place.category,
                    1.0,
                    False,
                    "devices of participants; their making is not ours",
                    others=True,
                )
    return found


def _stand_site(site: SiteTable, deployment: Deployment, partners: float) -> Standing:
    approach = deployment.organisation.approach
    if site.holding is Holding.PARTNER:
        share = partners if site.reported_share is None else site.reported_share
        rule = deployment.method.allocation.value
        return Standing(
            Category.SERVICES,
            share,
            False,
            f"a partner's own scopes; the coordinator's share by allocation: {rule}, one for the "
            "whole period",
            others=True,
        )
    if site.holding is Holding.RENTED:
        return Standing(Category.UPSTREAM_LEASED, 1.0, False, "rented rooms: leased assets")
    if approach is Approach.EQUITY:
        return Standing(Category.ELECTRICITY, site.equity_share, True, "share of the capital")
    if site.controlled:
        return Standing(Category.ELECTRICITY, 1.0, True, f"{approach.value}")
    return Standing(Category.ELECTRICITY, 0.0, True, f"no {approach.value}: of others")


def _partner_share(deployment: Deployment, records: tuple[RunRecord, ...]) -> float:
    """Part of the partners' work that the coordinator reports [1]."""
    partners = {site.name for site in deployment.sites if site.holding is Holding.PARTNER}
    if not partners:
        return 0.0
    participants = {one.name for one in deployment.participants}
    members = [silo for silo in deployment.silos if silo.place not in participants]
    weights: Mapping[str, float]
    match deployment.method.allocation:
        case AllocationRule.EQUAL:
            return 1.0 / (1 + len(partners))
        case AllocationRule.DATA:
            weights = {silo.name: silo.records or 0.0 for silo in members}
        case AllocationRule.COMPUTE:
            weights = compute_weights(records)
        case AllocationRule.DECLARED:
            return 0.0
    of = {silo.name: silo.place for silo in members}
    whole = math.fsum(weights.get(name, 0.0) for name in of)
    own = math.fsum(weights.get(name, 0.0) for name, place in of.items() if place not in partners)
    return own / whole if whole else 0.0


def compute_weights(records: Iterable[RunRecord]) -> dict[str, float]:
    """Energy of the devices of each silo [kWh]."""
    found: dict[str, float] = {}
    for record in records:
        for line in record.inventory.lines:
            found[line.actor] = found.get(line.actor, 0.0) + (line.energy_kwh or 0.0)
    return found


def list_places(deployment: Deployment, standings: Mapping[str, Standing]) -> tuple[Place, ...]:
    """Give the places as a statement lists them."""
    kinds = {SiteTable: "site", CloudTable: "cloud", ParticipantsTable: "participants"}
    return tuple(
        Place(
            name=place.name,
            kind=kinds[type(place)],
            holding=place.holding.value if isinstance(place, SiteTable) else "",
            zone=place.zone,
            category=standings[place.name].category,
            pue=None if isinstance(place, ParticipantsTable) else place.pue,
            reported_share=standings[place.name].share,
            reason=standings[place.name].reason,
        )
        for place in deployment.places
    )
