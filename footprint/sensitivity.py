"""What a result hangs on: its terms one by one, and its network model."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from footprint.breakevens import BOTH, break_evens, time_trajectory
from footprint.comparison import compare
from footprint.errors import FactorNotFound, UsageError
from footprint.factors import FactorCatalogue
from footprint.model import (
    Access,
    Alternative,
    Assessment,
    Comparison,
    InputFile,
    LearningCurve,
    Study,
    Term,
    split_inverse,
)
from footprint.networks import MODELS
from footprint.scenarios import estimate_study, study_catalogue
from footprint.uncertainty import Draws, draw_ratio

NETWORKS = (
    "datacenter_to_datacenter",
    "fixed_core_access",
    "internet_end_to_end",
    "mobile",
    *MODELS,
)
"""Network models that `network_alternatives` tries, from 0.001 to 0.1 kWh/GB and by power."""


_WIRED = (Access.FIXED, Access.DATACENTRE)


@dataclass(frozen=True, slots=True)
class TermEffect:
    """How far one term moves a result, all others at their central values.

    Attributes
    ----------
    term : Term
    at_low_g, at_high_g : float
        The result with the term at its 2.5th and 97.5th percentile [gCO2e].
    variance_share : float
        Its variance over the sum of those of all terms, each drawn alone [1].
    """

    term: Term
    at_low_g: float
    at_high_g: float
    variance_share: float

    @property
    def width_g(self) -> float:
        """Distance between the two [gCO2e]."""
        return abs(self.at_high_g - self.at_low_g)


def term_effects(result: Assessment | Comparison) -> list[TermEffect]:
    """Find what a total, or a difference, hangs on most.

    Parameters
    ----------
    result : Assessment or Comparison

    Returns
    -------
    list of TermEffect
        Widest first; terms that move nothing are left out.
    """
    if isinstance(result, Comparison):
        signed = [(-1.0, result.baseline), (1.0, result.candidate)]
    else:
        signed = [(1.0, result)]
    total_g = math.fsum(sign * assessment.total_g.value for sign, assessment in signed)
    sides = [_weights(sign, assessment) for sign, assessment in signed]
    effects, variances = [], []
    for term_id in dict.fromkeys(term_id for side in sides for term_id in side):
        # Two manifests may give one term different bounds: each side moves by its own.
        parts = [side[term_id] for side in sides if term_id in side]
        at_low, at_high = (
            total_g + math.fsum(part.shift(end) for part in parts) for end in ("low", "high")
        )
        if at_low == at_high:
            continue
        drawn = sum(part.drawn(result.seed, result.draws) for part in parts)
        variances.append(float(np.var(drawn)) if result.draws else 0.0)
        effects.append(TermEffect(parts[0].term, at_low, at_high, 0.0))
    whole = sum(variances)
    found = [
        replace(effect, variance_share=variance / whole if whole else 0.0)
        for effect, variance in zip(effects, variances, strict=True)
        if effect.width_g
    ]
    return sorted(found, key=lambda effect: -effect.width_g)


@dataclass(slots=True)
class _Weight:
    """What of one side of a result is multiplied, and divided, by a term [gCO2e]."""

    term: Term
    times_g: float = 0.0
    over_g: float = 0.0

    def shift(self, end: str) -> float:
        """How far the side moves with the term at one of its bounds [gCO2e]."""
        bound = self.term.low if end == "low" else self.term.high
        ratio = bound / self.term.value
        over_g = self.over_g * (1 / ratio - 1) if self.over_g else 0.0
        return self.times_g * (ratio - 1) + over_g

    def drawn(self, seed: int, draws: int) -> Draws:
        ratio = draw_ratio(self.term, seed=seed, draws=draws)
        moved: Draws = self.times_g * ratio + self.over_g / ratio
        return moved


def _weights(sign: float, assessment: Assessment) -> dict[str, _Weight]:
    terms = {term.id: term for term in assessment.terms}
    found: dict[str, _Weight] = {}
    for part in assessment.contributions:
        for term_id, inverse in map(split_inverse, part.terms):
            term = terms.get(term_id)
            # A bound of 0 below a divided term would move the result without end.
            if term is None or term.value <= 0 or (inverse and term.low <= 0):
                continue
            weight = found.setdefault(term_id, _Weight(term))
            if inverse:
                weight.over_g += sign * part.emissions_g.value
            else:
                weight.times_g += sign * part.emissions_g.value
    return found


def compare_study(
    study: Study,
    *,
    catalogue: FactorCatalogue | None = None,
    curves: Iterable[LearningCurve] = (),
    inputs: Iterable[InputFile] = (),
) -> Comparison:
    """Compare the two architectures of a study, with what their difference hangs on.

    Parameters
    ----------
    study : Study
    catalogue : FactorCatalogue, optional
        Default: `study_catalogue`.
    curves : iterable of LearningCurve
        Of the federated training, from `footprint.pareto.plan_curves`.
    inputs : iterable of InputFile
        Further files that it is made from, such as that of the curves.

    Returns
    -------
    Comparison
        Federated against centralised, with break-evens, other network models and
        trajectories.

    Raises
    ------
    UsageError
        If the study has no centralised training.
    """
    catalogue = catalogue or study_catalogue(study)
    baseline, candidate = (estimate_study(study, a, catalogue=catalogue) for a in BOTH)
    candidate = replace(candidate, inputs=(*candidate.inputs, *inputs))
    found = list(break_evens(study, catalogue))
    courses = [course for _, course in found]
    courses.append(time_trajectory(study, baseline, candidate))
    return replace(
        compare(baseline, candidate),
        break_evens=tuple(one for one, _ in found),
        alternatives=network_alternatives(study, catalogue),
        trajectories=tuple(course for course in courses if course is not None),
        curves=tuple(curves),
    )


def network_alternatives(study: Study, catalogue: FactorCatalogue) -> tuple[Alternative, ...]:
    """Estimate both architectures of a study under every network model that fits it.

    Parameters
    ----------
    study : Study
    catalogue : FactorCatalogue

    Returns
    -------
    tuple of Alternative
        Without the models that ask for more than the study says.
    """
    found: list[Alternative] = []
    mobile = any(group.access not in _WIRED for group in study.clients)
    few = replace(study, draws=100, prices=None)
    for network in dict.fromkeys((study.network, *NETWORKS)):
        if network == "mobile" and not mobile and network != study.network:
            continue  # there is no such link
        try:
            baseline, candidate = (
                estimate_study(replace(few, network=network), architecture, catalogue=catalogue)
                for architecture in BOTH
            )
        except (UsageError, FactorNotFound):
            continue  # it has no figures for these links
        if any(f.code == "network-uncharged" for a in (baseline, candidate) for f in a.findings):
            continue  # it charges nothing for some of the data
        pair = baseline.total_g.value, candidate.total_g.value
        if pair not in [(one.baseline_g, one.candidate_g) for one in found]:
            # By access, links that are all of one kind repeat its average.
            found.append(Alternative(baseline.boundary.network_model, *pair))
    return tuple(found)
