"""What a run costs: an amount times a price, and what else makes it uncertain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from footprint.contributions import is_inside, look_up_pue
from footprint.errors import FactorNotFound
from footprint.model import (
    Bill,
    Cost,
    CostKind,
    Interval,
    InventoryLine,
    LifeCycle,
    Phase,
    Prices,
    Term,
)
from footprint.register import Register
from footprint.settings import Settings
from footprint.uncertainty import Draws, Sampler, interval
from footprint.units import H_PER_MONTH, S_PER_H

# The side that sends pays: a server's downlink, and a silo's raw data. What clients
# upload is ingress, which clouds do not charge.
_PAID_PHASES = (Phase.DOWNLOAD, Phase.DATA_TRANSFER)


@dataclass(frozen=True, slots=True)
class DraftCost:
    """A cost before its interval is known."""

    kind: CostKind
    life_cycle: LifeCycle
    actor: str
    amount: float
    amount_unit: str
    terms: tuple[str, ...]
    value: float


def draft_costs(
    lines: Iterable[InventoryLine],
    prices: Prices,
    staff: float,
    settings: Settings,
    register: Register,
) -> Iterator[DraftCost]:
    """Draft what lines cost; enters the prices that they need.

    Parameters
    ----------
    lines : iterable of InventoryLine
    prices : Prices
    staff : float
        People and compliance, in the currency of `prices`.
    settings : Settings
    register : Register
    """
    for line in lines:
        if is_inside(line, settings.boundary):
            yield from _of_line(line, prices, settings, register)
    if staff:
        yield DraftCost(CostKind.STAFF, LifeCycle.TRAIN, "staff", staff, prices.currency, (), staff)


def _of_line(
    line: InventoryLine, prices: Prices, settings: Settings, register: Register
) -> Iterator[DraftCost]:
    code = prices.currency
    if line.instance is not None and line.instance in prices.instances_per_h and line.duration_s:
        # The electricity of an instance is in its price.
        name = line.instance
        price = register.declared(
            f"price/instance/{name}", "price", prices.instances_per_h[name], unit=f"{code}/h"
        )
        yield _draft(line, CostKind.INSTANCE, line.duration_s / S_PER_H, "h", price)
    elif line.energy_kwh:
        yield from _electricity(line, line.energy_kwh, prices, settings, register)
    sent = line.data_gb and line.phase in _PAID_PHASES
    for needed, price_per, what in (
        (sent, prices.egress_per_gb, "egress"),
        (line.stored_gb_h, prices.storage_per_gb_month, "storage"),
    ):
        if needed and price_per is None:
            register.report_gap(
                "price-missing",
                f"No price of {what} was given; it is not in the cost.",
                f"Give prices.{what}, as '0.02 {code}/GB{'/month' * (what == 'storage')}'.",
            )
    if sent and prices.egress_per_gb is not None:
        price = register.declared("price/egress", "price", prices.egress_per_gb, unit=f"{code}/GB")
        yield _draft(line, CostKind.EGRESS, line.data_gb, "GB", price)
    if line.stored_gb_h and prices.storage_per_gb_month is not None:
        price = register.declared(
            "price/storage", "price", prices.storage_per_gb_month, unit=f"{code}/GB/month"
        )
        months = line.stored_gb_h / H_PER_MONTH * settings.billed_copies
        yield _draft(line, CostKind.STORAGE, months, "GB month", price)


def _electricity(
    line: InventoryLine, energy_kwh: float, prices: Prices, settings: Settings, register: Register
) -> Iterator[DraftCost]:
    code = prices.currency
    if prices.electricity_per_kwh is not None:
        price = register.declared(
            "price/electricity", "price", prices.electricity_per_kwh, unit=f"{code}/kWh"
        )
    else:
        try:
            price = register.look_up(
                f"electricity_price_{code.lower()}",
                zone=line.zone,
                subject=prices.consumer,
                year=line.year,
            )
        except FactorNotFound:
            register.report_gap(
                "price-missing",
                f"No price of electricity in {code} is known for {line.zone}; what is used "
                "there is not in the cost.",
                f'Give prices.electricity = "... {code}/kWh".',
            )
            return
    pue = look_up_pue(line, settings, register)
    terms = (f"energy/{line.source}", pue.id)
    yield _draft(line, CostKind.ELECTRICITY, energy_kwh, "kWh", price, terms, pue.value)


def _draft(
    line: InventoryLine,
    kind: CostKind,
    amount: float,
    unit: str,
    price: Term,
    others: tuple[str, ...] = (),
    product: float = 1.0,
) -> DraftCost:
    value = amount * product * price.value
    return DraftCost(kind, line.life_cycle, line.actor, amount, unit, (*others, price.id), value)


def finish_bill(
    drafts: Iterable[DraftCost],
    prices: Prices,
    emissions_g: Interval,
    total: Draws,
    sampler: Sampler,
) -> Bill:
    """Add costs up, with intervals.

    Parameters
    ----------
    drafts : iterable of DraftCost
    prices : Prices
    emissions_g : Interval
        Of the run.
    total : ndarray
        Its draws.
    sampler : Sampler
    """
    drafts = list(drafts)
    value = sum(draft.value for draft in drafts)
    carbon = None
    if prices.carbon_per_g is not None:
        carbon = interval(emissions_g.value * prices.carbon_per_g, total * prices.carbon_per_g)
    return Bill(
        prices.currency,
        interval(value, sampler.sum((draft.terms, draft.value) for draft in drafts)),
        tuple(_finish(draft, sampler) for draft in drafts),
        carbon,
    )


def _finish(draft: DraftCost, sampler: Sampler) -> Cost:
    ratio = sampler.ratio_interval(draft.terms)
    cost = Interval(draft.value, draft.value * ratio.low, draft.value * ratio.high)
    return Cost(
        draft.kind,
        draft.life_cycle,
        draft.actor,
        draft.amount,
        draft.amount_unit,
        draft.terms,
        cost,
    )
