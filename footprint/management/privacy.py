"""Differential privacy of counts: exact noise, and a ledger of what was spent.

The unit of privacy is one row: two datasets that differ in one row give answers whose
probabilities differ by at most a factor of exp(epsilon). If a person has several rows, the
person's epsilon is that many times larger.
"""

from __future__ import annotations

import json
import math
import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from footprint.errors import DataError, UsageError

try:
    import fcntl
except ImportError:  # not a POSIX system
    fcntl = None  # type: ignore[assignment]

LEAST_EPSILON, MOST_EPSILON = 0.01, 10.0
"""Beyond them noise drowns every count, or hides nobody."""


def add_noise(counts: np.ndarray, epsilon: float, rng: random.Random | None = None) -> np.ndarray:
    r"""Add noise to counts of rows, each row in one of them: epsilon-differentially private.

    .. math:: P(X = x) \propto e^{-\epsilon |x|}

    Drawn in whole numbers and fractions, so that no rounding of floats gives rows away
    (Mironov, CCS 2012, shows how it does).

    Parameters
    ----------
    counts : ndarray of int
        Disjoint: one more row changes one of them by 1.
    epsilon : float
        [1].
    rng : Random, optional
        For tests. Default: that of the system.

    References
    ----------
    C. Canonne, G. Kamath, T. Steinke, "The discrete Gaussian for differential privacy",
    NeurIPS 2020, algorithm 2.
    """
    check_epsilon(epsilon)
    scale = 1 / Fraction(epsilon)
    draw = rng or random.SystemRandom()
    noise = [_discrete_laplace(scale, draw.randrange) for _ in range(counts.size)]
    return counts + np.array(noise, dtype=np.int64).reshape(counts.shape)


def check_epsilon(epsilon: float) -> None:
    """Refuse an epsilon that means nothing.

    Raises
    ------
    UsageError
        If it is out of range.
    """
    if not LEAST_EPSILON <= epsilon <= MOST_EPSILON:
        raise UsageError(
            f"An epsilon of {epsilon} means nothing.",
            f"Use {LEAST_EPSILON:g} to {MOST_EPSILON:g}; 1 is common.",
        )


def noise_margin(epsilon: float, parts: int, confidence: float = 0.95) -> int:
    """How far the noise of a sum of independent parts is from 0, with some confidence.

    Parameters
    ----------
    epsilon : float
        Of each part [1].
    parts : int
        Silos whose noisy counts were added.
    """
    check_epsilon(epsilon)
    # Far enough that what is cut off is nothing: 40 standard deviations of the sum, or more.
    reach = math.ceil(40 * math.sqrt(2 * parts) / epsilon + 40 / epsilon)
    size = 1 << (2 * reach + 1).bit_length()
    steps = np.minimum(np.arange(size), size - np.arange(size))
    single = np.exp(-epsilon * steps)
    spectrum = np.fft.rfft(single / single.sum()) ** parts
    chances = np.fft.irfft(spectrum, size)
    inside = chances[0] + 2 * np.cumsum(chances[1 : reach + 1])
    return int(np.searchsorted(inside, confidence)) + 1


def _discrete_laplace(scale: Fraction, draw: Callable[[int], int]) -> int:
    top, bottom = scale.numerator, scale.denominator
    while True:
        low = draw(top)
        if not _exp_chance(low, top, draw):
            continue
        high = 0
        while _exp_chance(1, 1, draw):
            high += 1
        size = (low + top * high) // bottom
        negative = draw(2)
        if not (negative and size == 0):
            return -size if negative else size


def _exp_chance(top: int, bottom: int, draw: Callable[[int], int]) -> bool:
    """Be true with probability exp(-top/bottom), which is at most 1 (their algorithm 1)."""
    step = 1
    while draw(bottom * step) < top:
        step += 1
    return step % 2 == 1


@dataclass(frozen=True, slots=True)
class EpsilonLedger:
    """What noisy answers of a silo have spent, in a file that only grows.

    Epsilons about one dataset add up (basic composition), whatever columns were asked for.

    Parameters
    ----------
    path : Path
    limit : float
        Of each dataset [1].
    """

    path: Path
    limit: float

    def spent(self, dataset: str) -> float:
        """Epsilon that was spent on a dataset [1].

        Raises
        ------
        DataError
            If the file is damaged.
        """
        if not self.path.exists():
            return 0.0
        with self.path.open("rb") as file:
            return self._sum(file.read(), dataset)

    def spend(self, dataset: str, epsilon: float, analysis: str, now_s: float) -> bool:
        """Spend on a dataset before anything of it is told; False if that passes the limit.

        Raises
        ------
        DataError
            If the file is damaged, or cannot be written.
        """
        check_epsilon(epsilon)
        try:
            return self._pay(dataset, epsilon, analysis, now_s)
        except OSError as error:
            raise DataError(
                f"{self.path.name} cannot be written: {error.strerror}.",
                "Let the agent write into the folder of its silo.",
            ) from error

    def _pay(self, dataset: str, epsilon: float, analysis: str, now_s: float) -> bool:
        if fcntl is None:
            raise DataError(
                "Two processes could spend the same epsilon: this system has no locks of files.",
                "Run the agent on a POSIX system, or ask without epsilon.",
            )
        with self.path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            if self._sum(file.read(), dataset) + epsilon > self.limit * (1 + 1e-9):
                return False
            row = {"dataset": dataset, "epsilon": epsilon, "analysis": analysis, "time_s": now_s}
            file.write(json.dumps(row).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        return True

    def _sum(self, data: bytes, dataset: str) -> float:
        total = 0.0
        for number, line in enumerate(data.splitlines(), start=1):
            try:
                row = json.loads(line)
                found, epsilon = row["dataset"], float(row["epsilon"])
            except (ValueError, KeyError, TypeError) as error:
                raise self._damaged(number) from error
            if not LEAST_EPSILON <= epsilon <= MOST_EPSILON:
                raise self._damaged(number)
            total += epsilon * (found == dataset)
        return total

    def _damaged(self, number: int) -> DataError:
        return DataError(
            f"{self.path.name}, line {number} is damaged: what was spent is not known.",
            "Repair the line; until then no noisy answer is given.",
        )
