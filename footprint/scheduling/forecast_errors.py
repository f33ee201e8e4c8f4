"""What a forecast of grid intensity may be wrong by.

Either from the past, where a source remembers what it had forecast, or as somebody states it. A
model of errors gives ratios of what came to what was forecast; none is ever made up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from footprint.errors import DataError, UsageError
from footprint.factors.intensity import ForecastProvider, IntensityProvider, IntensitySeries
from footprint.model import Finding
from footprint.scheduling.arrays import Array
from footprint.uncertainty import DEFAULT_DRAWS, DEFAULT_SEED
from footprint.units import S_PER_H

DAY_S = 86_400

LEAST_DAYS = 20
"""Days of the past below which there is no interval: a 5th percentile of fewer is no percentile."""


@dataclass(frozen=True, slots=True, eq=False)
class Ratios:
    """Draws of what comes, over what is forecast.

    Attributes
    ----------
    values : ndarray of shape (draws, steps)
        1 for steps that have happened.
    basis : str
        Where they come from, in a few words.
    findings : tuple of Finding
    """

    values: Array
    basis: str
    findings: tuple[Finding, ...] = ()


class ErrorModel(Protocol):
    """Knows how wrong forecasts are."""

    def draw(self, part: IntensitySeries) -> Ratios:
        """Draw ratios for the steps of a forecast.

        Raises
        ------
        DataError
            If too little is known.
        """


@dataclass(frozen=True, slots=True, eq=False)
class PastErrors:
    """Errors that forecasts had: each day of the past is one draw, at the same time of day.

    Whole stretches are taken as they were, so hours that were wrong together stay together.

    Parameters
    ----------
    actual, forecast : IntensitySeries
        What happened and what had been forecast, in equal steps.

    Raises
    ------
    DataError
        If the two are of different kinds or steps.
    """

    actual: IntensitySeries
    forecast: IntensitySeries

    def __post_init__(self) -> None:
        kinds = {(one.signal, one.step_s, one.zone) for one in (self.actual, self.forecast)}
        if len(kinds) > 1:
            raise DataError("Forecasts and what happened differ in signal, steps or zone.")

    def draw(self, part: IntensitySeries) -> Ratios:
        """Take the ratios of each day of the past.

        Raises
        ------
        DataError
            If there are too few days.
        """
        step_s = self.actual.step_s
        start_s = max(self.actual.start_s, self.forecast.start_s)
        stop_s = min(self.actual.stop_s, self.forecast.stop_s)
        if (part.step_s, part.signal) != (step_s, self.actual.signal):
            raise DataError("The past is in other steps, or of another signal, than the forecast.")
        happened = self.actual.between(start_s, stop_s).values
        told = self.forecast.between(start_s, stop_s).values
        with np.errstate(invalid="ignore", divide="ignore"):
            ratios = np.where(told > 0, happened / told, np.nan)
        first_s = start_s + (part.start_s - start_s) % DAY_S
        places = range((first_s - start_s) // step_s, len(ratios) - len(part.values) + 1,
                       DAY_S // step_s)  # fmt: skip
        stretches = [ratios[place : place + len(part.values)] for place in places]
        whole = [one for one in stretches if not np.isnan(one).any()]
        if len(whole) < LEAST_DAYS:
            raise DataError(
                f"The past has {len(whole)} days with forecasts and values for all these hours; "
                f"an interval takes {LEAST_DAYS}.",
                "Ask for a longer past, or state an error.",
            )
        basis = f"90 % interval from the errors of past forecasts on {len(whole)} days"
        return Ratios(np.where(part.forecast, np.array(whole), 1.0), basis, (_LEAD,))


def past_errors(provider: IntensityProvider, zone: str, now_s: int, days: int) -> PastErrors | None:
    """Ask a provider how wrong it was; None where it does not remember its forecasts."""
    if not isinstance(provider, ForecastProvider) or days < 1:
        return None
    span = (now_s - days * DAY_S, now_s)
    return PastErrors(provider.series(zone, *span), provider.past_forecasts(zone, *span))


_LEAD = Finding(
    "forecast-lead-unknown",
    "The source does not say how long before the fact its past forecasts were made; if shortly "
    "before, the interval is too narrow.",
    remedy="Ask again closer to the start.",
)


@dataclass(frozen=True, slots=True)
class StatedErrors:
    r"""Errors as somebody states them.

    .. math::
        r_j = \exp(s z_j - s^2 / 2), \quad z_j = \phi z_{j-1} + \sqrt{1 - \phi^2}\, \epsilon_j

    in the form of `footprint.simulation.forecasts.Noisy`, with one spread at all distances.

    Parameters
    ----------
    spread : float
        Standard deviation of the logarithm of the ratio [1].
    correlation : float
        Of z over an hour [1].
    seed, draws : int
    """

    spread: float
    correlation: float
    seed: int = DEFAULT_SEED
    draws: int = DEFAULT_DRAWS

    def __post_init__(self) -> None:
        if not (0 < self.spread < 2 and 0 <= self.correlation < 1):
            raise UsageError(
                f"An error of {self.spread:g} with a correlation of {self.correlation:g} cannot "
                "be.",
                "Give an error such as 0.1, and a correlation from 0 to below 1.",
            )

    def draw(self, part: IntensitySeries) -> Ratios:
        """Draw ratios for the steps of a forecast; for all, where a series does not mark them."""
        rng = np.random.default_rng(self.seed)
        phi = self.correlation ** (part.step_s / S_PER_H)
        z = rng.standard_normal((self.draws, len(part.values)))
        z[:, 1:] *= np.sqrt(1 - phi * phi)
        for step in range(1, z.shape[1]):
            z[:, step] += phi * z[:, step - 1]
        ratios: Array = np.exp(self.spread * z - self.spread**2 / 2)
        ahead = part.forecast | ~part.forecast.any()
        basis = (
            f"90 % interval from a stated forecast error of {self.spread:.1%}, correlated by "
            f"{self.correlation:g} from hour to hour"
        )
        return Ratios(np.where(ahead, ratios, 1.0), basis)
