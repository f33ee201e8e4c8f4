"""From contributions to the lines of a statement: category, share, quality."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from footprint.audit.books import UPSTREAM, Owner, Use
from footprint.audit.places import Standing
from footprint.model import (
    Basis,
    Category,
    Contribution,
    FactorEntry,
    Interval,
    LifeCycle,
    Pedigree,
    Quality,
    ResolvedBy,
    Role,
    Stage,
    StatementLine,
    Tier,
    split_inverse,
)

_METERED = (Tier.A, Tier.B, Tier.C)
_RELIABILITY = {
    Quality.MEASURED: 1,
    Quality.METERED_ALLOCATED: 2,
    Quality.MODELLED: 3,
    Quality.DEFAULT: 4,
}
_PLACED = {ResolvedBy.EXACT: 1, ResolvedBy.NEAREST_YEAR: 1, ResolvedBy.PARENT_ZONE: 2}
_AGES = ((3, 1), (6, 2), (10, 3), (15, 4))
"""Years between factor and period, and the score up to there; ecoinvent's matrix."""
_WORST = 5
_DEVICE_QUANTITIES = ("embodied", "network_energy", "embodied_per_gb", "power_per_gb")


def state_lines(
    location: Iterable[Contribution],
    market: Iterable[Contribution],
    owners: Mapping[str, Owner],
    standings: Mapping[str, Standing],
    register: Mapping[str, FactorEntry],
    year: int,
) -> Iterator[StatementLine]:
    """Make the lines of everything that was used and reserved.

    Parameters
    ----------
    location, market : iterable of Contribution
        Of the same inventory, in the same order.
    owners : mapping of str to Owner
        By the actor of a contribution.
    standings : mapping of str to Standing
        By place.
    register : mapping of str to FactorEntry
    year : int
        Of the period, for the age of factors.
    """
    names = _Names()
    for part, contract in zip(location, market, strict=True):
        owner = owners[part.actor]
        embodied = part.stage is Stage.EMBODIED
        if not _is_of_use(part, owner.use):
            continue
        line = _line(part, owner, register, year)
        standing = standings[owner.place]
        line = replace(line, category=_category(owner, standing, part))
        if embodied and _is_amortised(owner, standing):
            line = replace(line, amortised_g=part.emissions_g)
        else:
            line = replace(line, location_g=part.emissions_g)
        if line.category is Category.ELECTRICITY:
            line = replace(line, market_g=contract.emissions_g, market_factors=contract.terms)
        for shared in _shared(line, standing):
            yield replace(shared, id=names.give(shared, part))


def state_purchases(
    purchases: Iterable[Contribution],
    owners: Mapping[str, Owner],
    standings: Mapping[str, Standing],
    register: Mapping[str, FactorEntry],
    year: int,
) -> Iterator[StatementLine]:
    """Make the lines of hardware that was bought in the period."""
    for part in purchases:
        owner = owners[part.actor]
        if standings[owner.place].others:
            continue  # they buy it, and report it
        line = replace(
            _line(part, owner, register, year),
            purchase_g=part.emissions_g,
            category=Category.CAPITAL_GOODS,
            in_sci=False,
        )
        standing = standings[owner.place]
        for shared in _shared(line, standing):
            suffix = " (others)" if shared.category is Category.OTHERS else ""
            yield replace(shared, id=f"{part.actor} / purchase{suffix}")


def _is_of_use(part: Contribution, use: Use) -> bool:
    """Whether a contribution is what its line is there for.

    Supplies divide the electricity of a store, and losses and fuel follow it: the making of
    the medium is in a line of its own.
    """
    if part.stage is Stage.EMBODIED:
        return use is not Use.STORAGE and use not in UPSTREAM
    return use is not Use.MEDIUM


class _Names:
    """Names of lines: telling, unique, and the same for the same manifest."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def give(self, line: StatementLine, part: Contribution) -> str:
        words = [part.actor, part.phase.value, line.stage.value, part.device or ""]
        name = " / ".join(word for word in words if word)
        if line.category is Category.OTHERS:
            name += " (others)"
        unique, number = name, 2
        while unique in self._given:
            unique, number = f"{name} #{number}", number + 1
        self._given.add(unique)
        return unique


def _is_amortised(owner: Owner, standing: Standing) -> bool:
    """Whether the making of hardware is no part of what the company pays for by use."""
    if owner.use is Use.HARDWARE:
        return not owner.rented
    return standing.capital or standing.others


def _category(owner: Owner, standing: Standing, part: Contribution) -> Category:
    if owner.use in UPSTREAM:
        return Category.ENERGY_RELATED
    if owner.use is Use.NETWORK:
        return Category.SERVICES
    if part.stage is Stage.EMBODIED and standing.others:
        return standing.category
    if part.stage is Stage.EMBODIED and (standing.capital or owner.use is Use.HARDWARE):
        return Category.UPSTREAM_LEASED if owner.rented else Category.CAPITAL_GOODS
    if owner.piece is not None and owner.piece.own is not None:
        return Category.COMBUSTION
    return standing.category


def _component(owner: Owner, part: Contribution) -> str:
    if owner.use is Use.FUEL_LOST:
        return Use.FUEL.value
    if owner.use in (Use.LOSSES, Use.FUEL, Use.NETWORK):
        return owner.use.value
    if part.stage is Stage.EMBODIED:
        return "hardware"
    if owner.piece is not None and owner.piece.own is not None:
        return "generator"
    if owner.use is Use.STORAGE:
        return "storage"
    return "server" if part.role is Role.SERVER else "client"


def _line(
    part: Contribution, owner: Owner, register: Mapping[str, FactorEntry], year: int
) -> StatementLine:
    quality = _quality(part)
    return StatementLine(
        id="",
        component=_component(owner, part),
        stage=part.stage,
        life_cycle=LifeCycle.TRAIN if owner.use is Use.HARDWARE else part.life_cycle,
        phase=part.phase,
        category=Category.OTHERS,
        run=owner.run,
        silo=owner.silo,
        place=owner.place,
        device=part.device,
        zone=part.zone,
        supply=owner.piece.name if owner.piece else "",
        reported_share=1.0,
        activity=part.amount,
        activity_unit=part.amount_unit,
        factors=part.terms,
        market_factors=(),
        energy_kwh=part.energy_kwh,
        location_g=None,
        market_g=None,
        purchase_g=None,
        amortised_g=None,
        in_sci=owner.use not in UPSTREAM,
        basis=part.basis,
        tier=part.tier,
        quality=quality,
        pedigree=_pedigree(part, owner, quality, register, year),
    )


def _shared(line: StatementLine, standing: Standing) -> Iterator[StatementLine]:
    """Divide a line between the company and others, who report the rest themselves."""
    share = standing.share
    if share > 0:
        yield _part(line, share)
    if share < 1:
        rest = replace(line, market_g=None, market_factors=(), category=Category.OTHERS)
        yield _part(rest, 1 - share)


def _part(line: StatementLine, share: float) -> StatementLine:
    if share == 1:
        return line
    return replace(
        line,
        reported_share=share,
        energy_kwh=None if line.energy_kwh is None else line.energy_kwh * share,
        location_g=_times(line.location_g, share),
        market_g=_times(line.market_g, share),
        purchase_g=_times(line.purchase_g, share),
        amortised_g=_times(line.amortised_g, share),
    )


def _times(found: Interval | None, share: float) -> Interval | None:
    if found is None:
        return None
    return Interval(found.value * share, found.low * share, found.high * share)


def _quality(part: Contribution) -> Quality:
    """Say how the activity is known: not how its factors are."""
    if part.stage is Stage.NETWORK:
        # The volume may be measured; the energy behind it never is.
        return Quality.MODELLED
    if part.stage is Stage.STORAGE:
        return Quality.MODELLED
    if part.stage is Stage.EMBODIED:
        # The time may be measured; what the making took never is.
        return Quality.MODELLED
    if part.basis in (Basis.SIMULATED, Basis.MODELLED):
        return Quality.MODELLED
    if part.tier in _METERED:
        # A tracker divides what a counter saw among those who ran; a bill is for its silo.
        declared = part.basis is Basis.DECLARED
        return Quality.MEASURED if declared else Quality.METERED_ALLOCATED
    return Quality.MODELLED if part.tier in (Tier.D, Tier.E) else Quality.DEFAULT


def _pedigree(
    part: Contribution,
    owner: Owner,
    quality: Quality,
    register: Mapping[str, FactorEntry],
    year: int,
) -> Pedigree:
    used = [register[name] for name, _ in map(split_inverse, part.terms) if name in register]
    grids = [one for one in used if one.quantity == "grid_intensity"]
    things = [one for one in used if one.quantity in _DEVICE_QUANTITIES]
    ages = [_age(one, year) for one in (*grids, *things)]
    return Pedigree(
        reliability=_RELIABILITY[quality],
        completeness=3 if owner.unmetered else 1,
        temporal=max(ages, default=1),
        geographical=max((_PLACED.get(one.resolved_by, 1) for one in grids), default=3),
        technological=max((3 if _is_of_class(one) else 1 for one in things), default=1),
    )


def _age(entry: FactorEntry, year: int) -> int:
    if entry.resolved_by is ResolvedBy.DECLARED and entry.year is None:
        return 1  # declared for this period
    if entry.year is None:
        return _WORST
    gap = abs(year - (entry.valid_to or entry.year))
    return next((score for years, score in _AGES if gap <= years), _WORST)


def _is_of_class(entry: FactorEntry) -> bool:
    """Whether a factor is of a class: of servers, of hard disks, of a kind of link."""
    if entry.resolved_by in (ResolvedBy.DECLARED, ResolvedBy.MEASURED):
        return False
    subject = entry.id.split("/")[1]
    is_model = entry.quantity == "embodied" and "." in subject
    return entry.resolved_by is ResolvedBy.CLASS_DEFAULT or not is_model
