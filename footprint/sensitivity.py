"""What a result hangs on: its terms one by one, its network model, its quantities."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from footprint.comparison import compare
from footprint.errors import FactorNotFound, UsageError
from footprint.factors import FactorCatalogue
from footprint.lifecycle.breakeven import break_even, line_through
from footprint.model import (
    Alternative,
    Architecture,
    Assessment,
    BreakEven,
    Comparison,
    Contribution,
    Study,
    Term,
    split_inverse,
)
from footprint.networks import MODELS
from footprint.scenarios import estimate_study, study_catalogue
from footprint.uncertainty import Draws, Sampler, draw_ratio
from footprint.units import H_PER_MONTH, S_PER_H

NETWORKS = (
    "datacenter_to_datacenter",
    "fixed_core_access",
    "internet_end_to_end",
    "mobile",
    *MODELS,
)
"""Network models that `network_alternatives` tries, from 0.001 to 0.1 kWh/GB and by power."""


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


def compare_study(study: Study, *, catalogue: FactorCatalogue | None = None) -> Comparison:
    """Compare the two architectures of a study, with what their difference hangs on.

    Parameters
    ----------
    study : Study
    catalogue : FactorCatalogue, optional
        Default: `study_catalogue`.

    Returns
    -------
    Comparison
        Federated against centralised, with break-evens and other network models.

    Raises
    ------
    UsageError
        If the study has no centralised training.
    """
    catalogue = catalogue or study_catalogue(study)
    baseline, candidate = (estimate_study(study, a, catalogue=catalogue) for a in _BOTH)
    return replace(
        compare(baseline, candidate),
        break_evens=tuple(break_evens(study, catalogue)),
        alternatives=network_alternatives(study, catalogue),
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
    found = []
    few = replace(study, draws=100, prices=None)
    for network in dict.fromkeys((study.network, *NETWORKS)):
        try:
            baseline, candidate = (
                estimate_study(replace(few, network=network), architecture, catalogue=catalogue)
                for architecture in _BOTH
            )
        except (UsageError, FactorNotFound):
            continue  # it has no figures for these links
        if any(f.code == "network-uncharged" for a in (baseline, candidate) for f in a.findings):
            continue  # it charges nothing for some of the data
        found.append(
            Alternative(
                baseline.boundary.network_model, baseline.total_g.value, candidate.total_g.value
            )
        )
    return tuple(found)


Scaled = Callable[[Study, float], Study]


def _with_data(study: Study, scale: float) -> Study:
    groups = tuple(replace(g, data_gb=g.data_gb * scale) for g in study.clients)
    return replace(study, clients=groups)


def _with_retention(study: Study, scale: float) -> Study:
    kept = replace(study.storage, horizon_s=study.storage.horizon_s * scale)
    return replace(study, storage=kept)


def _with_rounds(study: Study, scale: float) -> Study:
    training = replace(study.training, rounds=round(study.training.rounds * scale))
    return replace(study, training=training)


_QUANTITIES: Mapping[str, tuple[str, Scaled, Callable[[Study], float]]] = {
    "data_volume": (
        "GB",
        _with_data,
        lambda study: sum(g.data_gb * g.count for g in study.clients) * study.storage.refreshes,
    ),
    "retention": (
        "month",
        _with_retention,
        lambda study: study.storage.horizon_s / S_PER_H / H_PER_MONTH,
    ),
    "rounds": ("round", _with_rounds, lambda study: float(study.training.rounds)),
}


def break_evens(study: Study, catalogue: FactorCatalogue) -> Iterator[BreakEven]:
    """Find where centralised and federated training emit the same.

    Emissions are linear in each quantity: two estimates, without it and with what the
    study has of it, give both lines, at the central values and in every draw.

    Parameters
    ----------
    study : Study
    catalogue : FactorCatalogue
    """
    plain = replace(study, prices=None)
    now = [_totals(plain, a, catalogue) for a in _BOTH]
    for quantity, (unit, scaled, of) in _QUANTITIES.items():
        present = of(study)
        if not present:
            continue
        without = [_totals(scaled(plain, 0.0), a, catalogue) for a in _BOTH]
        lines = [
            line_through(0.0, before.total_g.value, present, after.total_g.value)
            for (before, _), (after, _) in zip(without, now, strict=True)
        ]
        yield _summarise(quantity, unit, present, break_even(*lines), _drawn(without, now, present))
    yield _intensity_gap(now)


_BOTH = (Architecture.CENTRALISED, Architecture.FEDERATED)


def _totals(
    study: Study, architecture: Architecture, catalogue: FactorCatalogue
) -> tuple[Assessment, Draws]:
    assessment = estimate_study(study, architecture, catalogue=catalogue)
    return assessment, _draws(assessment, assessment.contributions)


def _draws(assessment: Assessment, parts: Iterable[Contribution]) -> Draws:
    sampler = Sampler(assessment.terms, seed=assessment.seed, draws=assessment.draws)
    return sampler.total(parts)


def _drawn(
    without: list[tuple[Assessment, Draws]], now: list[tuple[Assessment, Draws]], present: float
) -> Draws:
    """Break-even of each draw; below 0 or not a number where there is none."""
    (base_0, other_0), (base_1, other_1) = ([d for _, d in pair] for pair in (without, now))
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing: Draws = present * (other_0 - base_0) / ((base_1 - base_0) - (other_1 - other_0))
    return crossing


def _intensity_gap(now: list[tuple[Assessment, Draws]]) -> BreakEven:
    """Mean grid intensity of the federated training at which it emits as much."""
    (central, central_draws), (federated, federated_draws) = now
    grids = {t.id for t in federated.terms if t.quantity == "grid_intensity"}
    powered = [c for c in federated.contributions if grids & set(c.terms)]
    energy_kwh = sum(c.energy_kwh or 0.0 for c in powered)
    sampler = Sampler(federated.terms, seed=federated.seed, draws=federated.draws)
    energies = sampler.sum(
        (tuple(term for term in c.terms if term not in grids), c.energy_kwh or 0.0) for c in powered
    )
    powered_g = sum(c.emissions_g.value for c in powered)
    rest_g = federated.total_g.value - powered_g
    if not energy_kwh:
        return BreakEven("candidate_intensity", "gCO2e/kWh", 0.0, None, None, None, 0.0)
    present = powered_g / energy_kwh
    drawn = _draws(federated, powered)
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing: Draws = (central_draws - (federated_draws - drawn)) / energies
    value = (central.total_g.value - rest_g) / energy_kwh
    return _summarise(
        "candidate_intensity", "gCO2e/kWh", present, value if value >= 0 else None, crossing
    )


def _summarise(
    quantity: str, unit: str, present: float, value: float | None, crossing: Draws
) -> BreakEven:
    there = crossing[np.isfinite(crossing) & (crossing >= 0)]
    low = high = None
    if len(there):
        low, high = map(float, np.percentile(there, (5, 95)))
        if value is not None:  # an interval holds its central value
            low, high = min(low, value), max(high, value)
    # Without draws the central values alone say whether there is one.
    exists = len(there) / len(crossing) if len(crossing) else float(value is not None)
    return BreakEven(quantity, unit, present, value, low, high, exists)
