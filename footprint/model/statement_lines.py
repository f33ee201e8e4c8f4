"""Lines of a statement: where each stands in an inventory, and in which totals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from footprint.model.factors import STRICT
from footprint.model.kinds import Basis, LifeCycle, Phase, Stage, Tier, Vocabulary
from footprint.model.results import Interval


class Category(Vocabulary):
    """Where a line stands in a corporate inventory (GHG Protocol)."""

    COMBUSTION = "1"
    """Fuel burnt at own sites."""
    ELECTRICITY = "2"
    """Purchased electricity of own sites."""
    SERVICES = "3.1"
    """Purchased services: clouds, networks, the share of partners."""
    CAPITAL_GOODS = "3.2"
    """Making of hardware that was bought."""
    ENERGY_RELATED = "3.3"
    """Upstream fuel, and losses of transmission and distribution."""
    UPSTREAM_LEASED = "3.8"
    """Dedicated hosts and colocation."""
    USE_OF_SOLD = "3.11"
    """Devices of participants that run the company's product."""
    DOWNSTREAM_LEASED = "3.13"
    """Devices that were leased out to participants."""
    OTHERS = "outside"
    """Of others, who report it: in no total of the company."""

    @property
    def scope(self) -> str:
        """``"1"``, ``"2"``, ``"3"`` or ``"outside"``."""
        return self.value.partition(".")[0]


class Quality(Vocabulary):
    """How the activity of a line is known, best first."""

    MEASURED = "measured"
    METERED_ALLOCATED = "metered-allocated"
    """A meter's figure, divided among those who shared it."""
    MODELLED = "modelled"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Pedigree:
    """Scores of the quality of a line, from 1 (best) to 5; docs/audit.md has the rules."""

    reliability: int
    completeness: int
    temporal: int
    geographical: int
    technological: int

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One kind of activity in one stage and one category, with what it emits.

    One of `location_g`, `purchase_g` and `amortised_g` is known: it is `activity` times
    `reported_share` times `factors`, of which those named ``"1/..."`` divide. `market_g` is
    the same with `market_factors`. Hardware that was bought has two lines, one for each of
    the last two.

    Attributes
    ----------
    id : str
        Unique in a statement and stable from one to the next.
    component : str
        ``"client"``, ``"server"``, ``"network"``, ``"storage"``, ``"hardware"``,
        ``"generator"``, ``"losses"``, ``"upstream fuel"``.
    run, silo, place : str
        Names of the manifest; empty where a line belongs to none.
    supply : str
        Instrument or generator that the energy comes from; empty for the grid.
    activity : float
        In `activity_unit`.
    energy_kwh : float or None
        Electricity with the overhead of its data centre [kWh].
    location_g : Interval or None
        Emissions, electricity by the grid of its place [gCO2e]. None for the making of
        hardware that was bought.
    market_g : Interval or None
        The same by contracts; None outside of scope 2, where there is but one value.
    purchase_g : Interval or None
        Making of hardware that was bought in the period, all of it [gCO2e].
    amortised_g : Interval or None
        Making of hardware, spread over its life [gCO2e]. Never added to `purchase_g`.
    in_sci : bool
        Whether the functional unit is charged with `location_g` and `amortised_g`.
    """

    id: str
    component: str
    stage: Stage
    life_cycle: LifeCycle
    phase: Phase
    category: Category
    run: str
    silo: str
    place: str
    device: str | None
    zone: str | None
    supply: str
    reported_share: float
    activity: float
    activity_unit: str
    factors: tuple[str, ...]
    market_factors: tuple[str, ...]
    energy_kwh: float | None
    location_g: Interval | None
    market_g: Interval | None
    purchase_g: Interval | None
    amortised_g: Interval | None
    in_sci: bool
    basis: Basis
    tier: Tier | None
    quality: Quality
    pedigree: Pedigree

    __pydantic_config__ = STRICT

    def figures(self, total: str) -> Iterator[tuple[tuple[str, ...], Interval]]:
        """Give what the line adds to a total of a name, with the factors behind each figure."""
        own = self.category is not Category.OTHERS
        wanted = {
            "location": own and (self.location_g, self.purchase_g),
            "market": own and (self.market_g or self.location_g, self.purchase_g),
            "scope 1": self.category is Category.COMBUSTION and (self.location_g,),
            "scope 2 location": self.category is Category.ELECTRICITY and (self.location_g,),
            "scope 2 market": self.category is Category.ELECTRICITY and (self.market_g,),
            "scope 3": self.category.scope == "3" and (self.location_g, self.purchase_g),
            "purchase": own and (self.purchase_g,),
            "amortised": own and (self.amortised_g,),
            "outside": not own and (self.location_g,),
            "sci": self.in_sci and (self.location_g, self.amortised_g),
            "sci operation": self.in_sci
            and self.stage is not Stage.EMBODIED
            and (self.location_g,),
            "sci embodied": self.in_sci
            and self.stage is Stage.EMBODIED
            and (self.location_g, self.amortised_g),
        }.get(total)
        if wanted is None and total in _SCOPE_3:
            wanted = self.category.value == total and (self.location_g, self.purchase_g)
        for figure in wanted or ():
            if figure is not None:
                by_contract = figure is self.market_g
                yield self.market_factors if by_contract else self.factors, figure


_SCOPE_3 = frozenset(one.value for one in Category if one.scope == "3")
TOTALS = (
    "location",
    "market",
    "scope 1",
    "scope 2 location",
    "scope 2 market",
    "scope 3",
    *sorted(_SCOPE_3, key=lambda category: int(category.partition(".")[2])),
    "purchase",
    "amortised",
    "outside",
    "sci operation",
    "sci embodied",
    "sci",
)
"""Names of the sums of a statement; a category that has no line has none."""
