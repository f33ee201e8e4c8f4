"""What a reader must know of catalogues and analyses before trusting advice on them."""

from __future__ import annotations

from collections.abc import Iterator

from footprint.errors import ManifestError
from footprint.management.advisor.company import Company
from footprint.management.analytics import Analysis, Came
from footprint.management.catalogue import SiloCatalogue
from footprint.management.questions import Statistic
from footprint.model import Finding, Severity


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
    for name in sorted({one.storage_class for one in catalogue.datasets if one.storage_class}):
        try:
            company.medium(name)
        except ManifestError as error:
            yield Finding("medium-unknown", error.message, remedy=error.remedy, place=silo)


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
