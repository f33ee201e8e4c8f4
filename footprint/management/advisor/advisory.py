"""All advice to a company at one time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from footprint._version import __version__
from footprint.management.advisor.applications import advise_applications
from footprint.management.advisor.architectures import advise_architectures
from footprint.management.advisor.cohorts import advise_cohorts
from footprint.management.advisor.company import Company
from footprint.management.advisor.datasets import advise_datasets
from footprint.management.advisor.devices import doubt_devices
from footprint.management.advisor.retrainings import advise_retrainings
from footprint.management.advisor.schedules import advise_schedules
from footprint.management.advisor.servings import advise_servings
from footprint.management.advisor.state import state_of
from footprint.management.advisor.windows import list_intensity_files
from footprint.management.doubts import leave_out
from footprint.management.folders import publish_findings
from footprint.model import Advice, AdvicePlan, DecisionKind, Finding, InputFile

Advisor = Callable[[Company], Iterator[Advice | Finding]]
"""Advises on all decisions of one kind; what it cannot decide is a finding."""

ADVISORS: Mapping[DecisionKind, Advisor] = {
    DecisionKind.ARCHITECTURE: advise_architectures,
    DecisionKind.COHORT: advise_cohorts,
    DecisionKind.RETRAINING: advise_retrainings,
    DecisionKind.SERVING: advise_servings,
    DecisionKind.DATASET: advise_datasets,
    DecisionKind.APPLICATION: advise_applications,
    DecisionKind.SCHEDULE: advise_schedules,
}


def advise(company: Company, kinds: Collection[DecisionKind] = ()) -> AdvicePlan:
    """Advise a company.

    Parameters
    ----------
    company : Company
    kinds : collection of DecisionKind, optional
        Of decisions; default: all.

    Returns
    -------
    AdvicePlan
        The largest saving first, then the surest one; what depends on another behind that.

    Raises
    ------
    ManifestError
        If the needs name what does not exist.
    """
    company = _believe(company)
    advice: list[Advice] = []
    findings = dict.fromkeys(company.findings)
    for kind, advisor in ADVISORS.items():
        if kinds and kind not in kinds:
            continue
        for found in advisor(company):
            if isinstance(found, Advice):
                published = publish_findings(company.needs, found.findings)
                advice.append(replace(found, findings=published))
            else:
                findings[found] = None
    state = state_of(company)
    estimates = [option.assessment for one in advice for option in one.options]
    stored = [part for line in state.lines for part in line.contributions]
    findings.update(dict.fromkeys(doubt_devices(company, estimates, stored)))
    return AdvicePlan(
        company=company.deployment.name,
        made_s=company.now_s,
        horizon_s=company.needs.horizon_s,
        advice=tuple(_follow_parents(sorted(advice, key=_rank))),
        state=replace(state, findings=publish_findings(company.needs, state.findings)),
        findings=publish_findings(company.needs, findings),
        inputs=tuple(dict.fromkeys(_list_inputs(company))),
        catalogue_version=company.factors.version,
        catalogue_digest=company.factors.digest,
        seed=company.seed,
        draws=company.draws,
        tool_version=__version__,
        declared=company.needs.declared,
    )


def _believe(company: Company) -> Company:
    """Leave out what cannot be, of whoever gathered it."""
    catalogues, findings = {}, list(company.findings)
    for name, catalogue in sorted(company.catalogues.items()):
        catalogues[name], unbelieved = leave_out(catalogue)
        findings += unbelieved
    return replace(company, catalogues=catalogues, findings=tuple(findings))


def _list_inputs(company: Company) -> Iterator[InputFile]:
    """Give the manifests, and all that they name: an outcome asks whether they are the same."""
    for manifest in (company.deployment, company.needs):
        if manifest.digest:
            yield InputFile(Path(manifest.origin).name, manifest.digest)
    yield from company.inputs
    if company.needs.jobs:
        yield from list_intensity_files(company)


def _follow_parents(ranked: Sequence[Advice]) -> Iterator[Advice]:
    """Put advice that depends on another behind it."""
    ids = {one.id for one in ranked}
    parts: dict[str, list[Advice]] = {}
    for one in ranked:
        if one.part_of in ids:
            parts.setdefault(str(one.part_of), []).append(one)
    for one in ranked:
        if one.part_of not in ids:
            yield one
            yield from parts.get(one.id, ())


def _rank(advice: Advice) -> tuple[float, float, str]:
    return -advice.saving_g.value, -(advice.certainty or 0.0), advice.id
