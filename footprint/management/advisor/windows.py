"""Series of grid intensity that the needs name, and the times at which a job can run on them.

The best time is that of `footprint.scheduling.best_window`: a job of a known length on a series
of grid intensity needs no more than that.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from footprint.addresses import publish_path
from footprint.audit.manifest import locate
from footprint.documents import input_file
from footprint.errors import DataError, ManifestError, UsageError
from footprint.factors.intensity import IntensitySeries, moment
from footprint.factors.series_files import read_series
from footprint.management.advisor.company import Company
from footprint.management.advisor.needs import JobTable
from footprint.model import Finding, InputFile, Severity
from footprint.scheduling.best_window import Job, Plan, find_best_window


def read_intensities(company: Company) -> dict[str, IntensitySeries]:
    """Read the series of grid intensity, by zone.

    Raises
    ------
    ManifestError
        If a file is missing, lies outside of the folder without leave, cannot be read, has no
        such zone, or holds another kind of intensity than the deployment asks for.
    """
    signal = company.settings().signal
    files: dict[Path, list[IntensitySeries]] = {}
    found = {}
    for zone, name in sorted(company.needs.intensity_files.items()):
        key = f"intensity-files.{zone}"
        path = _locate(company, zone)
        try:
            if path not in files:
                files[path] = read_series(path, signal)
        except (DataError, UsageError) as error:
            raise ManifestError(
                f"{company.needs.origin}, {key}: {error.message}", error.remedy
            ) from error
        zones = {one.zone: one for one in files[path]}
        if zone not in zones:
            raise ManifestError(
                f"{company.needs.origin}, {key}: {name!r} has no zone {zone!r}.",
                f"Its zones are: {', '.join(sorted(zones))}.",
            )
        found[zone] = zones[zone]
    return found


def list_intensity_files(company: Company) -> Iterator[InputFile]:
    """Give the files of these series, as inputs of a plan."""
    for zone in sorted(company.needs.intensity_files):
        name = publish_path(company.needs.intensity_files[zone])
        yield replace(input_file(_locate(company, zone)), name=name)


def _locate(company: Company, zone: str) -> Path:
    name = company.needs.intensity_files[zone]
    # By the rules of deployments, relative to the file that says it.
    here = replace(company.deployment, origin=company.needs.origin)
    return locate(here, name, f"intensity-files.{zone}")


@dataclass(frozen=True, slots=True)
class Slot:
    """A place and a time for a job.

    Attributes
    ----------
    silo : str
    plan : Plan or None
        None where no time can be found; `barrier` says why.
    findings : tuple of Finding
        About the series.
    """

    silo: str
    plan: Plan | None
    barrier: str = ""
    findings: tuple[Finding, ...] = ()

    @property
    def name(self) -> str:
        """Name of the option."""
        if self.plan is None:
            return self.silo
        parts = len(self.plan.runs)
        stop = f" to {moment(self.plan.runs[-1][1])} in {parts} parts" if parts > 1 else ""
        return f"{self.silo} from {moment(self.plan.runs[0][0])}{stop}"


def find_misfit(company: Company, job: JobTable) -> str:
    """Say why there is nothing to choose about a job; empty if there is."""
    release_s, length_s, deadline_s = _whole_seconds(company, job)
    if job.start is not None:
        start_s = job.start.timestamp()
        if start_s < company.now_s:
            return f"it began at {moment(start_s)}"
        if not release_s <= math.ceil(start_s) <= deadline_s - length_s:
            return f"it begins at {moment(start_s)}, and does not lie between after and before"
    if release_s + length_s > deadline_s:
        return f"it does not fit between {moment(release_s)} and {moment(deadline_s)}"
    return ""


def _whole_seconds(company: Company, job: JobTable) -> tuple[int, int, int]:
    """When a job may begin, how long it takes, and when it must have ended."""
    release_s = max(job.after.timestamp(), company.now_s)
    return math.ceil(release_s), math.ceil(job.duration_s), math.floor(job.before.timestamp())


def planned_slot(company: Company, job: JobTable, series: IntensitySeries) -> Slot:
    """Give the place and time of a job as it is planned today: at once, if nobody said.

    Raises
    ------
    DataError
        If the series does not reach so far, or has a gap there.
    """
    release_s, length_s, _ = _whole_seconds(company, job)
    start_s = release_s if job.start is None else math.ceil(job.start.timestamp())
    stop_s = start_s + length_s
    plan = Plan(((start_s, stop_s),), series.mean(start_s, stop_s))
    return Slot(job.silos[0], plan, "", series.provenance.findings)


def best_slot(
    company: Company, job: JobTable, silo: str, series: Mapping[str, IntensitySeries]
) -> Slot:
    """Find the best time for a job at a silo."""
    zone = company.zone(silo, f"jobs.{job.name}.silos")
    if zone not in series:
        return Slot(silo, None, f"no hourly intensity of {zone} is known: see intensity-files")
    release_s, length_s, deadline_s = _whole_seconds(company, job)
    work = Job(length_s, release_s, deadline_s, job.interruptible)
    try:
        found = find_best_window(series[zone], work)
    except DataError as error:
        return Slot(silo, None, error.message)
    known = Finding(
        "forecast-error-unknown",
        "The bounds of the saving are those of the factors alone: "
        f"{found.error.removeprefix('no interval: ')}.",
        Severity.INFO,
    )
    # Several zones are weighed: which one has gaps?
    said = [
        replace(one, message=f"{zone}: {one.message}") if one.code == "window-gap" else one
        for one in found.findings
    ]
    return Slot(silo, found.best, "", (*said, known))
