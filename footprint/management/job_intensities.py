"""Grid intensity of the hours in which a job ran: what its schedule was chosen by."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from footprint.errors import DataError, FootprintError
from footprint.factors.intensity import IntensitySeries
from footprint.intensity_means import weigh_intensities
from footprint.management.advisor.company import Company
from footprint.management.advisor.schedules import mean_supply
from footprint.management.advisor.windows import list_intensity_files, read_intensities
from footprint.management.comparability import missing
from footprint.model import AdvicePlan, Finding, Journal, Phase
from footprint.settings import Settings, Supply


def weigh_hours(
    company: Company, journal: Journal, settings: Settings, findings: list[Finding]
) -> Settings:
    """Let each kWh of a journal have the intensity of its hour.

    Data that a silo sent which used no energy has the mean of the year, as in the plan, also
    where the job ran on the same grid.
    """
    means: dict[str, float] = {}
    columns = journal.columns
    names = ("actor", "zone", "energy_kwh", "data_gb")
    rows = list(zip(*(columns[name] for name in names), strict=True))
    used = {zone for _, zone, kwh, _ in rows if kwh and zone}
    for zone in sorted(used):
        try:
            series = _read_zone(company, zone)
            found, notes = weigh_intensities(journal, [series], settings.signal)
        except DataError as error:
            findings.append(
                missing(
                    "intensity-missing",
                    f"What the hours of the run emitted in {zone!r} is not known: {error.message}",
                    f"Fetch the series, and name it in {company.needs.origin}, intensity-files.",
                )
            )
            continue
        means |= found
        findings += notes
    at_work = {silo for silo, _, kwh, _ in rows if kwh}
    senders = {
        silo: zone for silo, zone, _, gb in rows if gb and zone in means and silo not in at_work
    }
    supplies = {silo: _mean_of(company, silo, zone) for silo, zone in senders.items()}
    return replace(
        settings,
        intensities={**settings.intensities, **means},
        supplies={**settings.supplies, **supplies},
    )


def _mean_of(company: Company, silo: str, zone: str) -> Supply:
    sent = company.activity(silo, Phase.DATA_TRANSFER, key=f"silos.{silo}", data_gb=1.0)
    return mean_supply(company, zone, [sent])


def compare_series(company: Company, plan: AdvicePlan, zones: Iterable[str]) -> list[Finding]:
    """Say if the hours of a plan were reckoned with other series than those of today."""
    then = {one.name: one.sha256 for one in plan.inputs}
    named = {zone: company.needs.intensity_files.get(zone) for zone in zones}
    files = {zone: name for zone, name in named.items() if name is not None}
    needs = replace(company.needs, intensity_files=files)
    try:
        now = list(list_intensity_files(replace(company, needs=needs)))
    except FootprintError:  # that it cannot be read is said where its hours are weighed
        return []
    other = sorted({one.name for one in now if then.get(one.name, one.sha256) != one.sha256})
    if not other:
        return []
    return [
        Finding(
            "intensity-changed",
            f"{', '.join(other)} holds other intensities than when the plan was made, such as what "
            "happened where a forecast was. What was planned was not reckoned again; part of the "
            "difference may be theirs.",
            remedy="Hold a run against it that was made as before: --before RUN.",
        )
    ]


def _read_zone(company: Company, zone: str) -> IntensitySeries:
    """Read one series, whatever is wrong with those of other zones."""
    name = company.needs.intensity_files.get(zone)
    if name is None:
        raise DataError("no file of its intensity is named.")
    needs = replace(company.needs, intensity_files={zone: name})
    return read_intensities(replace(company, needs=needs))[zone]
