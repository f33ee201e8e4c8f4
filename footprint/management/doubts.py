"""What a reader must know of catalogues and analyses before trusting advice on them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from footprint.errors import ManifestError
from footprint.management.advisor.company import Company
from footprint.management.advisor.stored import copies_of
from footprint.management.analytics import Analysis, Came
from footprint.management.catalogue import ApplicationEntry, DatasetEntry, SiloCatalogue
from footprint.management.questions import Statistic
from footprint.model import Finding, Severity
from footprint.units import format_number

MOST_POWER_KW = 1e5
"""Mean power of the applications of a silo, one or all, beyond which nobody believes it [kW]: all
of a large data centre (our choice)."""
LEAST_PERIOD_DAYS = 1 / 24
"""Shortest time from which a year is told [d]: an hour (our choice)."""
MOST_ROWS_PER_BYTE = 1_000
"""However well a column is compressed (our choice)."""


def leave_out(catalogue: SiloCatalogue) -> tuple[SiloCatalogue, list[Finding]]:
    """Leave out of a catalogue what cannot be: one such entry would be most of every total.

    Of an application its numbers are left out, and it stays a reader of its data.
    """
    entries: list[DatasetEntry | ApplicationEntry] = [*catalogue.datasets, *catalogue.applications]
    whys = [(f"{catalogue.silo}/{one.id}", why) for one in entries if (why := _unbelievable(one))]
    findings = [
        Finding(
            "entry-unbelievable",
            f"{name} is left out: its silo says {why}.",
            Severity.ERROR,
            _REMEDY,
            name,
        )
        for name, why in sorted(whys)
    ]
    believed = [one for one in catalogue.applications if not _unbelievable(one)]
    # Each may be possible, and all of them not.
    power_kw = math.fsum(map(_power_kw, believed))
    if power_kw > MOST_POWER_KW:
        findings.append(_too_much(catalogue.silo, power_kw))
        believed = [one for one in believed if not _power_kw(one)]
    if not findings:
        return catalogue, []
    kept = {one.id for one in believed}
    datasets = tuple(one for one in catalogue.datasets if not _unbelievable(one))
    applications = tuple(
        # It may still read what should be deleted.
        one if one.id in kept else replace(one, calls=None, energy_kwh=None, period_days=None)
        for one in catalogue.applications
    )
    gone = [one.id for one in catalogue.datasets if one not in datasets]
    gone += [one.id for one in catalogue.applications if one.id not in kept]
    left_out = (*catalogue.left_out, *gone)
    return (
        replace(catalogue, datasets=datasets, applications=applications, left_out=left_out),
        findings,
    )


_REMEDY = "Correct its silo.toml, or look at the agent of that silo."


def _too_much(silo: str, power_kw: float) -> Finding:
    return Finding(
        "silo-unbelievable",
        f"What the applications of {silo} use is left out: it says {format_number(power_kw)} kW "
        f"on average for all of them; at most {MOST_POWER_KW:,.0f} are believed.",
        Severity.ERROR,
        _REMEDY,
        silo,
    )


def _power_kw(entry: ApplicationEntry) -> float:
    """Mean power that is declared [kW]; 0 of one that says none, which adds nothing here."""
    if entry.period_days is None or entry.energy_kwh is None:
        return 0.0
    return entry.energy_kwh / (entry.period_days * 24)


def _unbelievable(entry: DatasetEntry | ApplicationEntry) -> str:
    """Say what cannot be; empty if it can."""
    if isinstance(entry, DatasetEntry):
        if entry.rows > entry.size_bytes * MOST_ROWS_PER_BYTE:
            return f"that {entry.size_bytes:,} bytes hold {entry.rows:,} rows"
        return ""
    if entry.period_days is None:
        return ""
    if entry.period_days < LEAST_PERIOD_DAYS:
        hours = format_number(entry.period_days * 24)
        return f"what it does in a period of {hours} hours; at least 1 is needed"
    if (power_kw := _power_kw(entry)) > MOST_POWER_KW:
        power = format_number(power_kw)
        return f"that it uses {power} kW on average; at most {MOST_POWER_KW:,.0f} are believed"
    return ""


def doubt_catalogue(company: Company, catalogue: SiloCatalogue) -> Iterator[Finding]:
    """Hold the catalogue of a silo against what the company says of it.

    Parameters
    ----------
    company : Company
    catalogue : SiloCatalogue
        Of one of its silos.
    """
    silo = catalogue.silo
    zone = company.zone(silo, "silos")
    if catalogue.zone not in (None, zone):
        yield Finding(
            "silo-zone",
            f"Silo {silo!r} says that it stands in {catalogue.zone}, and "
            f"{company.deployment.origin} that it stands in {zone}; {zone} is counted.",
            remedy="Correct one of them.",
            place=silo,
        )
    unsaid = [entry.id for entry in catalogue.datasets if entry.storage_class is None]
    if unsaid:
        yield Finding(
            "medium-missing",
            f"Silo {silo!r} does not say on what it keeps {', '.join(unsaid)}.",
            remedy="Add storage-class to its silo.toml.",
            place=silo,
        )
    for entry in catalogue.datasets:
        if entry.sample_rows == 0 and entry.rows:
            yield Finding(
                "sample-empty",
                f"The sample of {silo}/{entry.id} has no rows: of its {entry.rows:,} only what is "
                "declared is known, and no copy of it can be found.",
                remedy="Put a sample of its rows into its file.",
                place=f"{silo}/{entry.id}",
            )
    classes = {one.storage_class for one in catalogue.datasets if one.storage_class}
    for name in sorted(classes):
        yield from _doubt_class(company, name, silo)


def _doubt_class(company: Company, storage_class: str, silo: str) -> Iterator[Finding]:
    """Say if a storage class is unknown, or counted in another way than the same medium is."""
    try:
        medium = company.medium(storage_class)
    except ManifestError as error:
        yield Finding("medium-unknown", error.message, remedy=error.remedy, place=silo)
        return
    method, copies = company.deployment.method, copies_of(company, storage_class)
    if medium == method.medium and copies != method.replication:
        yield Finding(
            "copies-differ",
            f"Of what lies on {medium} {copies:g} copies are counted in the storage class "
            f"{storage_class!r}, and {method.replication:g} of what is moved there.",
            remedy=f"Say the same in {company.needs.origin}, replication, and in "
            f"{company.deployment.origin}, method.",
        )


def doubt_analysis(analysis: Analysis) -> Iterator[Finding]:
    """Say what is not in an analysis, and what it knows from samples alone."""
    question = analysis.question
    what = question.statistic.value
    if question.column is not None:
        what += f" of {question.column}"
    if question.dataset is not None:
        what += f" in {question.dataset}"
    if analysis.refused:
        reasons = sorted({one.reason for one in analysis.coverage if one.reason})
        why = " ".join([analysis.refused, *reasons])
        yield Finding("analysis-refused", f"No result for {what}: {why}")
        return
    for one in analysis.coverage:
        wrong = one.came is Came.FORGED
        if wrong or (one.came is Came.REFUSED and question.statistic is Statistic.DUPLICATES):
            yield Finding(
                f"answer-{one.came.value}",
                f"Silo {one.silo!r} is not in the {what}: {one.reason}",
                place=one.silo,
            )
    of_samples = sum(pair.sampled for pair in analysis.pairs)
    if of_samples:
        yield Finding(
            "pairs-of-samples",
            f"{of_samples} of {len(analysis.pairs)} pairs of datasets that share rows were found "
            "on samples; the rows that are in no sample may differ.",
            Severity.WARNING,
            "Compare all of their rows before one of them is given up.",
        )
