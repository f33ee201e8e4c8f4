"""Runs of a company, as its manifest declares them: journals, ledgers, bills."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from footprint.audit.holdings import (
    Energy,
)
from footprint.model import (
    LifeCycle,
    Phase,
    Tier,
)
from footprint.model.scenario import (
    STRICT,
    Count,
    Gigabytes,
    PositiveShare,
    Seconds,
    Watts,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityTable:
    """Something that a silo did, as its bill or its meter says.

    Attributes
    ----------
    duration_s : float
        By the clock [s].
    devices : float
        How many worked side by side, each for all of `duration_s`.
    energy_kwh : float or None
        Of the devices together, without the overhead of the building [kWh].
    rated_w : float or None
        Rated power of one, if nothing better is known: energy is that for the whole time [W].
    meter : str
        What the energy comes from; figures of one name share their error.
    tier : Tier or None
        Quality of the energy.
    data_gb : float
        Moved over its link [GB].
    stored_gb, kept_s : float
        Volume that was kept, and for how long.
    share : float or None
        Part of its device that was reserved [1].
    """

    silo: str
    phase: Phase = Phase.TRAIN
    duration_s: Seconds = 0.0
    devices: Count = 1
    energy_kwh: Energy | None = None
    rated_w: Watts | None = None
    meter: str = ""
    tier: Tier | None = None
    data_gb: Gigabytes = 0.0
    stored_gb: Gigabytes = 0.0
    kept_s: Seconds = 0.0
    share: PositiveShare | None = None
    device: str | None = None

    __pydantic_config__ = STRICT

    @property
    def device_time_s(self) -> float:
        """Time that all its devices were taken together [s]."""
        return self.duration_s * self.devices


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTable:
    """One run: its journals, its name in a ledger, or what is declared of it.

    Attributes
    ----------
    journal : str or None
        File or folder, relative to the manifest.
    ledger : str or None
        URL of a database that holds it.
    recorded : str or None
        Its name in the ledger; None for `name`.
    recorded_silo : str or None
        Its silo in the ledger; None for the runs of that name in every silo.
    as_of : int or None
        Number of a change of the ledger: the run as it was after it, whatever is corrected
        later. None for the run as it is.
    silo : str or None
        Whose all its activities are, but for `actors`.
    actors : mapping of str to str
        Silo of each actor of the journal; by default the silo of the same name.
    start : date or None
        Of declared activities; None for the first day of the period.
    life_cycle : LifeCycle
    kept : str
        What of its data and models is kept, and for how long.
    """

    name: str
    journal: str | None = None
    ledger: str | None = None
    recorded: str | None = None
    recorded_silo: str | None = None
    as_of: Count | None = None
    silo: str | None = None
    actors: Mapping[str, str] = field(default_factory=dict)
    start: date | None = None
    life_cycle: LifeCycle | None = None
    kept: str = ""
    activities: tuple[ActivityTable, ...] = ()

    __pydantic_config__ = STRICT
