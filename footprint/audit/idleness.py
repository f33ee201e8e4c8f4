"""Checks of when and where devices stand idle."""

from __future__ import annotations

from collections.abc import Iterator

from footprint.audit.holdings import CloudTable, SiteTable
from footprint.audit.standby import spare_s, spare_shares, unheld_shares
from footprint.audit.statement import Audited
from footprint.errors import FactorNotFound
from footprint.factors import FactorCatalogue
from footprint.model import Category, Finding, Phase, Severity, SignalKind
from footprint.units import S_PER_H, watt_seconds_to_kwh

IDLE_SHARE = 0.5
"""Share of its time beyond which a device is called idle; our choice."""
CLEANER = 0.5
"""Intensity of another place, relative to this one, that is called cleaner; our choice."""
_ACCELERATORS = ("gpu", "board", "tpu")
_IDLE = (Phase.IDLE, Phase.WAIT)
_WORK = (Phase.TRAIN, Phase.EVALUATE)


def idle_shares(audited: Audited) -> dict[str, float]:
    """Share of their time in which registered devices did nothing, by hardware [1]."""
    return spare_shares(audited.deployment, audited.records, audited.books, _IDLE)


def check_gpu_idle(audited: Audited, _catalogue: FactorCatalogue) -> Iterator[Finding]:
    """Accelerators that are reserved work most of the time."""
    shares = idle_shares(audited)
    unheld = unheld_shares(audited.deployment, audited.records, audited.books)
    for hardware in audited.deployment.hardware:
        share = shares.get(hardware.name, 0.0)
        if hardware.device.partition(".")[0] not in _ACCELERATORS or share <= IDLE_SHARE:
            continue
        idle_s = spare_s(audited.books, hardware, share)
        cost = ""
        if hardware.idle_w is not None:
            energy_kwh = watt_seconds_to_kwh(hardware.idle_w, idle_s)
            cost = f"; at {hardware.idle_w:g} W that is {energy_kwh:.6g} kWh"
        yield Finding(
            "gpu-idle",
            f"{hardware.name!r} stood idle for {share:.0%} of its time in the period, "
            f"{idle_s / S_PER_H:.6g} device hours{cost}.",
            Severity.WARNING,
            "Share it, switch it off, or declare its idle energy as a run of its own."
            if hardware.name in unheld
            else "Share it, or switch it off: a run holds its idle energy already.",
            hardware.name,
        )


def check_dirty_zone(audited: Audited, catalogue: FactorCatalogue) -> Iterator[Finding]:
    """Nobody trains on a dirty grid while a much cleaner silo of the company idles."""
    intensities = _intensities(audited, catalogue)
    worked = {
        line.place
        for line in audited.statement.lines
        if line.phase in _WORK and line.energy_kwh and line.category is not Category.OTHERS
    }
    idle = _idle_places(audited)
    for place in sorted(worked & set(intensities)):
        here = intensities[place]
        cleaner = {p: i for p, i in intensities.items() if i <= CLEANER * here}
        free = sorted(idle.keys() & cleaner.keys(), key=lambda p: cleaner[p])
        if not free:
            continue
        yield Finding(
            "dirty-zone",
            f"{place!r} trains at {here:.4g} gCO2e/kWh while {free[0]!r}, at "
            f"{cleaner[free[0]]:.4g}, has registered hardware that did nothing for "
            f"{idle[free[0]]:.0%} of its time in the period.",
            Severity.WARNING,
            "Give more of the work to it, if its data and its hours allow (docs/scheduling.md).",
            place,
        )


def _intensities(audited: Audited, catalogue: FactorCatalogue) -> dict[str, float]:
    """Location-based intensity of each place [gCO2e/kWh]."""
    deployment = audited.deployment
    signal, year = SignalKind.parse(deployment.method.signal), deployment.period.start.year
    found = {}
    places: tuple[SiteTable | CloudTable, ...] = (*deployment.sites, *deployment.clouds)
    for place in places:
        own = deployment.intensity.get(place.zone)
        if own is not None:
            found[place.name] = own.intensity_g_per_kwh
        elif place.zone:
            try:
                answer = catalogue.resolve(
                    "grid_intensity", zone=place.zone, year=year, signal=signal
                )
            except FactorNotFound:
                continue  # nothing was used there, or the estimate would have said so
            found[place.name] = answer.factor.value
    return found


def _idle_places(audited: Audited) -> dict[str, float]:
    """Places all of whose registered hardware mostly idles: least share of its time [1]."""
    shares = idle_shares(audited)
    least: dict[str, float] = {}
    for one in audited.deployment.hardware:
        if one.name in shares:
            least[one.place] = min(shares[one.name], least.get(one.place, 1.0))
    return {place: share for place, share in least.items() if share > IDLE_SHARE}
