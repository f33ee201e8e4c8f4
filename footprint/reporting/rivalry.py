"""The sentences of an evaluation: who does best, against whom, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence

from footprint.model import Contrast, Evaluation, Metric, PolicyResult, SignalKind, Spread
from footprint.model.evaluations import MORE_IS_BETTER, TO_TARGET
from footprint.reporting.metrics import (
    contrast_text,
    is_clear,
    means_of,
    metric_scale,
    spread_text,
)
from footprint.reporting.numbers import (
    NBSP,
    bounds,
    clean,
    exact,
    number,
    percent,
    plural,
    pretty_unit,
)
from footprint.reporting.wording import capitalise
from footprint.scheduling.spreads import contrast_of
from footprint.units import display_unit

_VERBS = {
    Metric.EMISSIONS_TO_TARGET_G: "emits",
    Metric.ENERGY_TO_TARGET_KWH: "takes",
    Metric.TIME_TO_TARGET_S: "takes",
    Metric.ACCURACY_AT_SHARED: "is at an accuracy of",
    Metric.ACCURACY: "is at an accuracy of",
    Metric.G_PER_UNIT: "emits",
    Metric.KWH_PER_UNIT: "takes",
    Metric.ACCEPTED_UNITS: "gets accepted work done of",
}


def evaluation_title(result: Evaluation) -> str:
    """Name an evaluation."""
    return f"Policies compared: {clean(result.name)}"


def ranked(result: Evaluation) -> list[PolicyResult]:
    """List the policies that have a mean of what decides, the best first; oracles are no rivals."""
    sign = -1 if result.deciding in MORE_IS_BETTER else 1
    known = [
        (policy, spread.mean)
        for policy in result.policies
        if policy.name != result.oracle
        and (spread := policy.spread(result.deciding)) is not None
        and spread.mean is not None
    ]
    return [policy for policy, _ in sorted(known, key=lambda one: sign * one[1])]


def evaluation_verdict(result: Evaluation) -> str:
    """Say which policy does best, at which budget, to what accuracy, and how sure that is."""
    order = ranked(result)
    if not order:
        return capitalise(f"{'; '.join(filter(None, (_cut_short(result), _no_winner(result))))}.")
    best = order[0]
    spread = best.spread(result.deciding)
    assert spread is not None
    scale = metric_scale(result.deciding, means_of(result, result.deciding), result.world.currency)
    lead = "; ".join(filter(None, (_cut_short(result), _missed(result), _condition(result))))
    base = ", the baseline," if best.name == result.baseline else ""
    did = f"{clean(best.name)}{base} {_VERBS[result.deciding]} {spread_text(spread, scale)}"
    return capitalise(
        f"{lead}, {did}{_against(result, best, order)}, {_certainty(result, spread)}."
    )


def _cut_short(result: Evaluation) -> str:
    """Say that somebody stopped the evaluation."""
    if all(finding.code != "interrupted" for finding in result.findings):
        return ""
    ended = sum(len(policy.seeds) for policy in result.policies)
    return f"interrupted after {ended} of {len(result.policies) * len(result.seeds)} runs"


def _missed(result: Evaluation) -> str:
    """Say that nobody reached the target, if something else decides therefore."""
    if result.target is None or result.deciding in TO_TARGET:
        return ""
    return f"no policy reaches an accuracy of {percent(result.target)}"


def _no_winner(result: Evaluation) -> str:
    if not result.common_seeds:
        return "no seed ran with every policy, so nothing is compared"
    if result.deciding not in TO_TARGET:
        return "none of the policies has a result"
    reached = []
    for policy in result.policies:
        spread = policy.spread(result.deciding)
        if spread is not None and spread.known:
            reached.append(f"{clean(policy.name)} does in {spread.known} of {spread.seeds}")
    target = percent(result.target or 0.0)
    return f"no policy reaches an accuracy of {target} with every seed: {', '.join(reached)}"


def _condition(result: Evaluation) -> str:
    """Say under which condition policies are compared: the target, and the budget."""
    budget = budget_text(result)
    within = f" within a budget of {budget}" if budget else ""
    if result.deciding in TO_TARGET:
        return f"to an accuracy of {percent(result.target or 0.0)}{within}"
    if result.deciding is Metric.ACCURACY_AT_SHARED and result.shared_g is not None:
        divisor, unit = display_unit("emissions", result.shared_g[1])
        spent = f"{number(result.shared_g[1] / divisor)}{NBSP}{pretty_unit(unit)}"
        return f"after the same {spent}{within}"
    if result.deciding is Metric.ACCURACY:
        return f"in the end{within}"
    if result.deciding is Metric.ACCEPTED_UNITS:
        return f"in {_length(result)}{within}"
    return f"per unit of accepted work{within}"


def _length(result: Evaluation) -> str:
    divisor, unit = display_unit("time", result.world.length_s)
    return f"{exact(result.world.length_s / divisor)}{NBSP}{unit}"


def budget_text(result: Evaluation) -> str:
    """Write the first budget with its unit; empty without one."""
    if not result.world.budgets:
        return ""
    budget = result.world.budgets[0]
    kind = {"carbon_g": "emissions", "energy_kwh": "energy", "time_s": "time"}.get(budget.resource)
    if kind is None:
        code = budget.resource.removeprefix("money_").upper()
        return f"{exact(budget.total)}{NBSP}{code}"
    divisor, unit = display_unit(kind, budget.total)
    return f"{exact(budget.total / divisor)}{NBSP}{pretty_unit(unit).replace(' ', NBSP)}"


def _against(result: Evaluation, best: PolicyResult, order: Sequence[PolicyResult]) -> str:
    """Hold the best policy against the baseline; if it is the baseline, against the next."""
    baseline = clean(result.baseline)
    if best.name != result.baseline:
        contrast = best.contrast(result.deciding)
        if contrast is None:
            if result.deciding in TO_TARGET:
                return f"; {baseline} did not reach it with every seed"
            return f"; nothing pairs it with {baseline}"
        if contrast.low is None:
            return ""
        if not is_clear(contrast):
            return f", not clearly apart from {baseline}: {contrast_text(contrast)}"
        return f", {difference_text(contrast)} than {baseline}"
    if len(order) == 1:
        return ", the only one with a result"
    contrast, second = order[1].contrast(result.deciding), clean(order[1].name)
    if contrast is None or contrast.low is None:
        return f"; {second} comes next"
    if not is_clear(contrast):
        return f"; {second}, the next, is not clearly apart from it: {contrast_text(contrast)}"
    return f"; {second}, the next, has {difference_text(contrast)}"


def difference_text(contrast: Contrast) -> str:
    """Write a difference in words: ``'23 % less (95 %: 10–35 %)'``."""
    factor = 100.0
    unit = "%" if contrast.relative else "points"
    if not contrast.relative and contrast.metric not in MORE_IS_BETTER:
        factor, unit = 1.0, ""
    less = contrast.mean < 0
    ends = [abs(factor * end) for end in (contrast.low, contrast.high) if end is not None]
    width = max(ends) - min(ends) if ends else None
    text = f"{number(abs(factor * contrast.mean), width)}{NBSP}{unit}".strip()
    word = "less" if less else "more"
    if not ends:
        return f"{text} {word} (one seed, which says nothing of chance)"
    if not width:
        return f"{text} {word}"
    if not is_clear(contrast):
        interval = contrast_text(contrast).partition(" (")[2].rstrip(")")
        return f"{text} {word} ({interval}, not clear)"
    interval = bounds(number(min(ends), width), number(max(ends), width))
    return f"{text} {word} (95{NBSP}%: {interval})"


def _certainty(result: Evaluation, spread: Spread) -> str:
    less = spread.seeds < len(result.seeds)
    if spread.seeds < 2:
        only = ", the only one that every policy ran" if less else ""
        return f"with one seed{only}, which says nothing of chance"
    if less:
        return f"over the {spread.seeds} of {len(result.seeds)} seeds that every policy ran"
    return f"over {plural(spread.seeds, 'seed')}"


def evaluation_remarks(result: Evaluation) -> tuple[str, ...]:
    """Say what the second signal makes of it, what was foreseen, and what was spent unequally."""
    remarks = [
        _common_remark(result),
        _tie_remark(result),
        _invention_remark(result),
        signal_remark(result),
        _forecast_remark(result),
        _unequal_remark(result),
    ]
    return tuple(filter(None, remarks))


def _common_remark(result: Evaluation) -> str:
    """Say which seeds are compared, if a policy lacks one, and who that is."""
    common = result.common_seeds
    if len(common) == len(result.seeds):
        return ""
    short = [
        f"{clean(policy.name)} {len(policy.seeds)} of {len(result.seeds)}"
        for policy in result.policies
        if len(policy.seeds) < len(result.seeds)
    ]
    seeds = "seed " if len(common) == 1 else "seeds "
    kept = seeds + ", ".join(map(str, common)) if common else "no seed, so nothing is compared"
    return (
        f"Not every policy ran every seed ({', '.join(short)}). Means, differences and curves are "
        f"of those that all policies ran, as far as they ran at all: {kept}."
    )


def signal_remark(result: Evaluation) -> str:
    """Write the difference of the best policy to the baseline under both signals."""
    second = result.world.second_signal
    rivals = [policy for policy in ranked(result) if policy.name != result.baseline]
    if second is None or not rivals:
        return ""
    pair = signal_metrics(result)
    contrasts = [rivals[0].contrast(metric) for metric in pair]
    if contrasts[0] is None or contrasts[1] is None:
        return ""
    kinds = signal_names(result.world.signal, second)
    said = [
        f"{difference_text(contrast)} by {kind} intensity"
        for kind, contrast in zip(kinds, contrasts, strict=True)
        if contrast is not None
    ]
    of = "to the target" if pair[0] in TO_TARGET else "per unit of accepted work"
    return (
        f"Emissions of {clean(rivals[0].name)} {of}, against those of {clean(result.baseline)}: "
        f"{said[0]}, {said[1]}. The policies saw the first signal alone."
    )


def signal_metrics(result: Evaluation) -> tuple[Metric, Metric]:
    """Emissions under the first and the second signal: to the target, or per unit of work."""
    if result.deciding in TO_TARGET:
        return Metric.EMISSIONS_TO_TARGET_G, Metric.SECOND_TO_TARGET_G
    return Metric.G_PER_UNIT, Metric.SECOND_G_PER_UNIT


def signal_names(first: SignalKind, second: SignalKind) -> tuple[str, str]:
    """Name two kinds of intensity by what they differ in."""
    parts = [
        [str(kind.basis), str(kind.method) + "-based", str(kind.scope)] for kind in (first, second)
    ]
    differ = [number_ for number_ in range(3) if parts[0][number_] != parts[1][number_]]
    names = [" ".join(side[number_] for number_ in differ) for side in parts]
    return names[0], names[1]


def _tie_remark(result: Evaluation) -> str:
    """Name the policies that are as good as the best, as far as pairs of seeds tell.

    Their own intervals would not: what a seed does to all policies alike is in each of them.
    """
    order = ranked(result)
    if not order:
        return ""
    best = _by_seed(order[0], result)
    alike = [
        policy.name
        for policy in order[1:]
        if (contrast := contrast_of(result.deciding, _by_seed(policy, result), best)) is not None
        and contrast.low is not None
        and not is_clear(contrast)
    ]
    # The verdict holds the best against one other already.
    other = (
        order[1].name if len(order) > 1 and order[0].name == result.baseline else result.baseline
    )
    if not alike or alike == [other]:
        return ""
    return f"Not clearly apart from the best, seed by seed: {', '.join(map(clean, alike))}."


def _by_seed(policy: PolicyResult, result: Evaluation) -> dict[int, float | None]:
    """Give what decides for each seed that all policies ran."""
    return {
        one.seed: one.figures.get(result.deciding)
        for one in policy.seeds
        if one.seed in result.common_seeds
    }


def _invention_remark(result: Evaluation) -> str:
    """Say that a part of the world is no measurement."""
    parts = {
        "series-made-up": "series are made up",
        "excess-modelled": "excess power is modelled",
        "load-made-up": "load is made up",
        "learning-invented": "learning is a formula",
    }
    codes = {finding.code for finding in result.findings}
    found = [what for code, what in parts.items() if code in codes]
    return f"{capitalise(' and '.join(found))}: see the warnings." if found else ""


def _forecast_remark(result: Evaluation) -> str:
    told = [f"{what}: {kind}" for what, kind in result.world.forecasts]
    return f"Forecasts that policies were told: {', '.join(told)}." if told else ""


def _unequal_remark(result: Evaluation) -> str:
    """Warn of comparing what is left of a budget with what was reached."""
    left = [
        f"{clean(policy.name)} {percent(spread.mean)}"
        for policy in result.policies
        if (spread := policy.spread(Metric.BUDGET_UNUSED)) is not None
        and spread.mean is not None
        and spread.mean > 0.05
    ]
    if not left:
        return ""
    return (
        f"Budgets were not used alike (left over: {', '.join(left)}): what policies reached in the "
        "end is no comparison; what they reached after equal emissions, or per unit of work, is."
    )
