"""Means over seeds with their intervals, and differences of pairs with one seed.

A value that is missing is never left out of a mean: there is no mean then, and it is said how many
seeds have one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from footprint.errors import UsageError
from footprint.model import Contrast, Metric, Spread
from footprint.scheduling.oracle import oracle_gap

# 97.5 % point of Student's t by degrees of freedom, as in NIST/SEMATECH, "e-Handbook of Statistical
# Methods", section 1.3.6.7.2, to three digits.
_STUDENT_T = {
    1: 12.706,
    2: 4.303,
    3: 3.182,
    4: 2.776,
    5: 2.571,
    6: 2.447,
    7: 2.365,
    8: 2.306,
    9: 2.262,
    10: 2.228,
    11: 2.201,
    12: 2.179,
    13: 2.160,
    14: 2.145,
    15: 2.131,
    16: 2.120,
    17: 2.110,
    18: 2.101,
    19: 2.093,
    20: 2.086,
    25: 2.060,
    30: 2.042,
    40: 2.021,
    60: 2.000,
    100: 1.984,
}

# Where policy / baseline - 1 makes no sense: shares and indices, which are differences as they are.
_PLAIN = frozenset(
    {
        Metric.ACCURACY,
        Metric.BEST_ACCURACY,
        Metric.LAST_ACCURACY,
        Metric.WHOLE_ACCURACY,
        Metric.ACCURACY_AT_SHARED,
        Metric.ACCURACY_UP_TO_SHARED,
        Metric.BUDGET_VIOLATION,
        Metric.BUDGET_UNUSED,
        Metric.OVERSPENT_IN_ROUND,
        Metric.JAIN_ROUNDS,
        Metric.JAIN_KWH,
        Metric.LEAST_SHARE,
        Metric.RHO_H,
        Metric.WORST_DECILE_SHARE,
        Metric.WORST_DECILE_ACCURACY,
        Metric.GAP,
    }
)


def student_t(degrees: int) -> float:
    """97.5 % point of Student's t [1]; between the lines of the table the wider one.

    Parameters
    ----------
    degrees : int
        Of freedom, 1 or more.
    """
    if degrees < 1:
        raise UsageError(f"An interval of {degrees} degrees of freedom is none.")
    return _STUDENT_T[max(known for known in _STUDENT_T if known <= degrees)]


def mean_interval(values: Sequence[float]) -> tuple[float, float | None, float | None]:
    r"""Mean, and its 95 % confidence interval.

    .. math:: \bar x \pm t_{0.975, n-1} \, s / \sqrt{n}

    Parameters
    ----------
    values : sequence of float
        One or more, taken to be independent and about normal.

    Returns
    -------
    mean : float
    low, high : float or None
        None for one value, which says nothing of the others.
    """
    count = len(values)
    if not count:
        raise UsageError("There is no mean of nothing.")
    mean = math.fsum(values) / count
    if count == 1:
        return mean, None, None
    variance = math.fsum((value - mean) ** 2 for value in values) / (count - 1)
    deviation = math.sqrt(variance)
    # Sums of the same numbers in another order are no spread.
    half = student_t(count - 1) * deviation / math.sqrt(count) * (deviation > 1e-12 * abs(mean))
    return mean, mean - half, mean + half


def spread_of(
    metric: Metric, values: Sequence[float | None], *, reached_last: bool = False
) -> Spread:
    """Sum a metric up over the seeds of a policy.

    Parameters
    ----------
    metric : Metric
    values : sequence of (float or None)
        One per seed.
    reached_last : bool
        Whether None ranks behind every value, as with a target that was not reached: then there is
        a median.
    """
    known = [value for value in values if value is not None]
    mean = low = high = None
    if known and len(known) == len(values):
        mean, low, high = mean_interval(known)
    median = _median(values) if reached_last else None
    return Spread(metric, mean, low, high, median, len(known), len(values))


def _median(values: Sequence[float | None]) -> float | None:
    ranked = sorted(math.inf if value is None else value for value in values)
    if not ranked:
        return None
    middle = len(ranked) // 2
    found = ranked[middle] if len(ranked) % 2 else (ranked[middle - 1] + ranked[middle]) / 2
    return None if math.isinf(found) else found


def contrast_of(
    metric: Metric,
    policy: Mapping[int, float | None],
    baseline: Mapping[int, float | None],
) -> Contrast | None:
    r"""Pair a policy with the baseline, seed by seed.

    .. math:: \frac{\bar d \pm t_{0.975, n-1} \, s_d / \sqrt{n}}{\bar b}, \quad d_i = a_i - b_i

    The baseline's mean divides as if it were known for sure, so the interval leaves 0 out just
    where a paired t-test does. A mean of ratios of each seed would not do: with chance in the
    baseline it is above 1 for a policy that is as good (Jensen).

    Parameters
    ----------
    metric : Metric
    policy, baseline : mapping of int to (float or None)
        Values by seed.

    Returns
    -------
    Contrast or None
        Policy minus baseline; in parts of the baseline unless the metric is a share itself. None
        if a seed that both ran lacks a value, since those that have one are no fair sample, or
        of a baseline that is below 0 with a seed, or 0 with all: it has no parts.
    """
    pairs = [
        (value, against)
        for seed, value in policy.items()
        if seed in baseline and value is not None and (against := baseline[seed]) is not None
    ]
    relative = metric not in _PLAIN
    missing = len(pairs) < len(set(policy) & set(baseline))
    if not pairs or missing:
        return None
    whole = 1.0
    if relative:
        whole = math.fsum(against for _, against in pairs) / len(pairs)
        if whole == 0 or min(against for _, against in pairs) < 0:
            return None
    found = mean_interval([(value - against) / whole for value, against in pairs])
    return Contrast(metric, relative, *found, len(pairs))


def gaps_of(
    policy: Mapping[int, float | None],
    oracle: Mapping[int, float | None],
    baseline: Mapping[int, float | None],
) -> dict[int, float | None]:
    """Say, seed by seed, which part of what could be gained a policy leaves.

    None where one of the three has no value, or there is nothing to gain.
    """
    gaps: dict[int, float | None] = {}
    for seed, value in policy.items():
        best, plain = oracle.get(seed), baseline.get(seed)
        gaps[seed] = None
        if value is not None and best is not None and plain is not None and best != plain:
            gaps[seed] = oracle_gap(best, value, plain)
    return gaps
