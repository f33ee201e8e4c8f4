"""Emissions of a production run, predicted from a few short ones.

Synchronous training emits in proportion to rounds times concurrency, asynchronous
training in proportion to hours times concurrency. Ordinary least squares over short
runs gives the slope; the paper prints its own slopes in figures only.

Source: A. Yousefpour et al., "Green Federated Learning", arXiv 2303.14604.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from footprint.errors import MissingExtra, UsageError

FEWEST_RUNS = 3


@dataclass(frozen=True, slots=True)
class Prediction:
    """A predicted figure with its prediction interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Predictor:
    """A line over the work of a run.

    Attributes
    ----------
    slope, intercept : float
        Emissions per unit of work, and those of no work [gCO2e].
    r_squared : float
        Share of the variance that the line explains [1].
    runs : int
    residual : float
        Standard deviation of the residuals [gCO2e].
    mean_work, spread_work : float
        Mean of the work of the runs, and the sum of its squared deviations.
    level : float
        Of the prediction interval [1].
    quantile : float
        Of Student's t, for that level [1].
    """

    slope: float
    intercept: float
    r_squared: float
    runs: int
    residual: float
    mean_work: float
    spread_work: float
    level: float
    quantile: float

    def predict(self, work: float) -> Prediction:
        """Predict the emissions of one more run [gCO2e]."""
        value = self.intercept + self.slope * work
        apart = (work - self.mean_work) ** 2 / self.spread_work
        half = self.quantile * self.residual * float(np.sqrt(1 + 1 / self.runs + apart))
        return Prediction(value, value - half, value + half)


def fit_predictor(
    work: Sequence[float], emissions_g: Sequence[float], *, level: float = 0.9
) -> Predictor:
    """Fit emissions over the work of short runs.

    Parameters
    ----------
    work : sequence of float
        Rounds times concurrency, or hours times concurrency, of each run.
    emissions_g : sequence of float
        What each emitted [gCO2e]; in all, or of one component.
    level : float
        Of the prediction interval, between 0 and 1.

    Returns
    -------
    Predictor

    Raises
    ------
    UsageError
        If there are fewer than three runs, or all did the same work.
    MissingExtra
        Without scipy.
    """
    try:
        from scipy import stats
    except ImportError as error:
        raise MissingExtra.of("analysis", "Predicting from short runs") from error

    x, y = np.asarray(work, dtype=float), np.asarray(emissions_g, dtype=float)
    if len(x) != len(y) or len(x) < FEWEST_RUNS:
        raise UsageError(
            f"{len(x)} run(s) and {len(y)} figure(s); a prediction needs at least {FEWEST_RUNS}.",
            "Add short runs of different size.",
        )
    spread = float(np.sum((x - x.mean()) ** 2))
    if spread == 0:
        raise UsageError("All runs did the same work.", "Add short runs of another size.")
    line = stats.linregress(x, y)
    residuals = y - (line.intercept + line.slope * x)
    freedom = len(x) - 2
    return Predictor(
        slope=float(line.slope),
        intercept=float(line.intercept),
        r_squared=float(line.rvalue) ** 2,
        runs=len(x),
        residual=float(np.sqrt(np.sum(residuals**2) / freedom)),
        mean_work=float(x.mean()),
        spread_work=spread,
        level=level,
        quantile=float(stats.t.ppf((1 + level) / 2, freedom)),
    )
