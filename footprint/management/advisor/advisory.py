"""All advice to a company at one time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping

from footprint._version import __version__
from footprint.management.advisor.applications import advise_applications
from footprint.management.advisor.architectures import advise_architectures
from footprint.management.advisor.cohorts import advise_cohorts
from footprint.management.advisor.company import Company
from footprint.management.advisor.datasets import advise_datasets
from footprint.management.advisor.retrainings import advise_retrainings
from footprint.management.advisor.schedules import advise_schedules
from footprint.management.advisor.servings import advise_servings
from footprint.management.advisor.state import state_of
from footprint.management.advisor.windows import list_intensity_files
from footprint.model import Advice, AdvicePlan, DecisionKind, Finding

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
        The largest saving first, then the surest one.

    Raises
    ------
    ManifestError
        If the needs name what does not exist.
    """
    advice: list[Advice] = []
    findings = dict.fromkeys(company.findings)
    for kind, advisor in ADVISORS.items():
        if kinds and kind not in kinds:
            continue
        for found in advisor(company):
            if isinstance(found, Advice):
                advice.append(found)
            else:
                findings[found] = None
    inputs = list_intensity_files(company) if company.needs.jobs else ()
    return AdvicePlan(
        company=company.deployment.name,
        made_s=company.now_s,
        horizon_s=company.needs.horizon_s,
        advice=tuple(sorted(advice, key=_rank)),
        state=state_of(company),
        findings=tuple(findings),
        inputs=tuple(dict.fromkeys((*company.inputs, *inputs))),
        catalogue_version=company.factors.version,
        catalogue_digest=company.factors.digest,
        seed=company.seed,
        draws=company.draws,
        tool_version=__version__,
        declared=company.needs.declared,
    )


def _rank(advice: Advice) -> tuple[float, float, str]:
    return -advice.saving_g.value, -(advice.certainty or 0.0), advice.id
