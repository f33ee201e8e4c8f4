"""Bounds from scores of data quality: the pedigree matrix.

Source: ecoinvent's pedigree matrix, original (v1) and revised (v2) factors, as the
package pedigree_matrix 0.2.2 carries them (BSD-3-Clause,
https://github.com/brightway-lca/pedigree_matrix).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from footprint.errors import UsageError

INDICATORS = ("reliability", "completeness", "temporal", "geographical", "technological")
"""In the order in which scores are given; a sixth one may follow: sample size (v1)."""

_FACTORS: Mapping[int, Mapping[str, tuple[float, ...]]] = {
    1: {
        "reliability": (1.0, 1.05, 1.1, 1.2, 1.5),
        "completeness": (1.0, 1.02, 1.05, 1.1, 1.2),
        "temporal": (1.0, 1.03, 1.1, 1.2, 1.5),
        "geographical": (1.0, 1.01, 1.02, 1.02, 1.1),
        "technological": (1.0, 1.0, 1.2, 1.5, 2.0),
        "sample_size": (1.0, 1.02, 1.05, 1.1, 1.2),
    },
    2: {
        "reliability": (1.0, 1.54, 1.61, 1.69, 1.69),
        "completeness": (1.0, 1.03, 1.04, 1.08, 1.08),
        "temporal": (1.0, 1.03, 1.1, 1.19, 1.29),
        "geographical": (1.0, 1.04, 1.08, 1.11, 1.11),
        "technological": (1.0, 1.18, 1.65, 2.08, 2.8),
        "sample_size": (1.0, 1.0, 1.0, 1.0, 1.0),
    },
}


def pedigree_band(scores: Sequence[int], basic: float, *, version: int = 2) -> float:
    r"""95 % factor of a value, from scores of its quality.

    .. math:: GSD^2 = \exp\sqrt{\sum_i \ln^2 U_i + \ln^2 U_b}

    Parameters
    ----------
    scores : sequence of int
        From 1 (best) to 5: reliability, completeness, temporal, geographical and further
        technological correlation; as a sixth, sample size.
    basic : float
        Basic uncertainty factor of the kind of value, at least 1: 1.05 for energy.
    version : {1, 2}
        Original or revised factors.

    Returns
    -------
    float
        GSD2: the value lies within value / GSD2 and value x GSD2 at 95 % [1].

    Raises
    ------
    UsageError
        If there are not five or six scores from 1 to 5, or `basic` is below 1.

    Examples
    --------
    >>> round(pedigree_band((3, 2, 3, 3, 3), 1.05), 2)
    2.02
    """
    if version not in _FACTORS:
        raise UsageError(f"There is no pedigree matrix {version!r}.", "Use 1 or 2.")
    names = (*INDICATORS, "sample_size")[: len(scores)]
    right = all(isinstance(s, int) and not isinstance(s, bool) and 1 <= s <= 5 for s in scores)
    if len(scores) not in (len(INDICATORS), len(INDICATORS) + 1) or not right:
        raise UsageError(f"{list(scores)} are no pedigree scores.", "Give five or six, 1 to 5.")
    if not (math.isfinite(basic) and basic >= 1):
        raise UsageError(f"A basic uncertainty is at least 1, not {basic}.")
    factors = [
        _FACTORS[version][name][score - 1] for name, score in zip(names, scores, strict=True)
    ]
    return math.exp(math.sqrt(sum(math.log(factor) ** 2 for factor in (*factors, basic))))
