"""Distributions of uncertain quantities, and what follows from them for sums.

Every term of a result (a factor, the error of a meter) is one random variable.
It is drawn once per id and shared by every line and every scenario that uses it:
the same seed and id give the same draws, in whatever order and on whatever
machine. Two scenarios that use the same grid differ by nothing but their energy.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from statistics import NormalDist

import numpy as np

from footprint.model import Contribution, Interval, Term, split_inverse

DEFAULT_SEED = 20_260
DEFAULT_DRAWS = 10_000

Draws = np.ndarray[tuple[int], np.dtype[np.float64]]

_Z95 = NormalDist().inv_cdf(0.975)
_PERCENTILES = (5.0, 95.0)
_CERTAIN = Interval(1.0, 1.0, 1.0)


def draw_ratio(term: Term, *, seed: int, draws: int) -> Draws:
    r"""Draws of a term, relative to its central value.

    A log-normal with the central value as its median; `low` and `high` are its
    2.5th and 97.5th percentiles. Where they are not symmetric (in the logarithm)
    each side has its own spread:

    .. math:: x = m \exp(\sigma_\pm z), \quad
        \sigma_- = \ln(m / low) / z_{0.975}, \quad \sigma_+ = \ln(high / m) / z_{0.975}

    A bound equal to the value leaves no spread on that side.

    Parameters
    ----------
    term : Term
    seed, draws : int

    Returns
    -------
    ndarray of shape (draws,)
        Ratios [1]; all 1 for a term without spread.
    """
    if term.low == term.high or term.value <= 0:
        return np.ones(draws)
    z = _generator(term.id, seed).standard_normal(draws)
    # A value of 0 as the lower bound has no logarithm: take the upper spread.
    above = np.log(term.high / term.value) / _Z95
    below = np.log(term.value / term.low) / _Z95 if term.low > 0 else above
    ratio: Draws = np.exp(np.where(z < 0, below, above) * z)
    return ratio


def _generator(term_id: str, seed: int) -> np.random.Generator:
    digest = hashlib.blake2b(f"{seed}:{term_id}".encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "big")))


class Sampler:
    """Draws of terms, made once per id.

    Parameters
    ----------
    terms : iterable of Term
        Of one or more results. Where an id occurs twice the two must agree.
    seed, draws : int
    """

    def __init__(self, terms: Iterable[Term], *, seed: int, draws: int) -> None:
        self._terms: dict[str, Term] = {term.id: term for term in terms}
        self._seed = seed
        self._draws = draws
        self._products: dict[tuple[str, ...], Draws] = {}
        self._ratios: dict[str, Draws] = {}
        self._intervals: dict[tuple[str, ...], Interval] = {}

    def product(self, terms: Iterable[str]) -> Draws:
        """Ratio of a product of terms to its central value, one per draw.

        A name such as ``"1/lifespan/desktop"`` divides by the term.
        """
        key = tuple(sorted(terms))
        if key not in self._products:
            product: Draws = np.ones(self._draws)
            for name in key:
                term_id, inverse = split_inverse(name)
                ratio = self._ratio(term_id)
                product = product / ratio if inverse else product * ratio
            self._products[key] = product
        return self._products[key]

    def ratio_interval(self, terms: Iterable[str]) -> Interval:
        """Interval of a product of terms, relative to its central value."""
        if not self._draws:
            return _CERTAIN
        key = tuple(sorted(terms))
        if key not in self._intervals:
            self._intervals[key] = interval(1.0, self.product(key))
        return self._intervals[key]

    def total(self, contributions: Iterable[Contribution]) -> Draws:
        """Draws of the sum of contributions [gCO2e]."""
        return self.sum((part.terms, part.emissions_g.value) for part in contributions)

    def sum(self, parts: Iterable[tuple[tuple[str, ...], float]]) -> Draws:
        """Draws of a sum of central values, each with the terms that it is a product of."""
        if not self._draws:
            return np.empty(0)
        # Parts with the same terms move together: sum them first.
        central: dict[tuple[str, ...], float] = defaultdict(float)
        for terms, value in parts:
            central[tuple(sorted(terms))] += value
        total: Draws = np.zeros(self._draws)
        for terms, value in central.items():
            total = total + value * self.product(terms)
        return total

    def _ratio(self, term_id: str) -> Draws:
        if term_id not in self._ratios:
            self._ratios[term_id] = draw_ratio(
                self._terms[term_id], seed=self._seed, draws=self._draws
            )
        return self._ratios[term_id]


def interval(value: float, draws: Draws) -> Interval:
    """Central value with the 5th and 95th percentile of its draws."""
    if not len(draws):
        return Interval(value, value, value)
    low, high = np.percentile(draws, _PERCENTILES)
    # A result without spread must not differ from itself by rounding.
    return Interval(value, min(float(low), value), max(float(high), value))
