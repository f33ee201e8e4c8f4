r"""When to start a job whose length is not known, and what waiting costs, after GAIA.

A queue knows how long its jobs may wait, and how long they take on average; a policy is given
nothing else. Jobs start on whole slots and are not interrupted.

Shifting has a price where capacity is reserved: reserved machines stand idle while a job waits
for a better hour, and what then does not fit is rented on demand. `rented_hours` counts both.

Source: W. A. Hanafy et al., "Going green for less green: Optimizing the cost of reducing cloud
carbon emissions" (GAIA), ASPLOS 2024; written from a description of its
policies.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from footprint.errors import UsageError
from footprint.model.kinds import Currency
from footprint.scheduling.arrays import Array, amounts, numbers
from footprint.scheduling.temporal import window_sums
from footprint.units import S_PER_H


def lowest_slot(forecast: npt.ArrayLike, now: int, wait: int) -> int:
    """Start in the cheapest slot, however long the job is.

    Parameters
    ----------
    forecast : array_like of shape (slots,)
        Grid intensity [gCO2e/kWh].
    now : int
    wait : int
        Slots that the job may wait at most.

    Returns
    -------
    int
        Slot of the start; of equal ones the first.

    Raises
    ------
    UsageError
        If the forecast does not reach that far: it is not extrapolated.
    """
    return now + int(_ahead(forecast, now, wait, 1).argmin())


def lowest_window(forecast: npt.ArrayLike, now: int, wait: int, mean_length: int) -> int:
    """Start where a job of mean length emits least; parameters as `lowest_carbon_time`."""
    ahead = _ahead(forecast, now, wait, mean_length)
    return now + int(window_sums(ahead, mean_length).argmin())


def lowest_carbon_time(forecast: npt.ArrayLike, now: int, wait: int, mean_length: int) -> int:
    r"""Start where most carbon is saved per time until the job is done.

    .. math:: \arg\max_s \frac{C(now) - C(s)}{(s - now) + J}

    Parameters
    ----------
    forecast : array_like of shape (slots,)
        Grid intensity [gCO2e/kWh].
    now : int
    wait : int
        Slots that the job may wait at most.
    mean_length : int
        Slots that jobs of this queue take on average, J; never the length of this one.
    """
    ahead = _ahead(forecast, now, wait, mean_length)
    sums = window_sums(ahead, mean_length)
    rate = (sums[0] - sums) / (np.arange(len(sums)) + mean_length)
    return now + int(rate.argmax())


def runs_below_percentile(
    forecast: npt.ArrayLike,
    now: int,
    *,
    horizon: int,
    waited: int,
    wait: int,
    percentile: float = 30.0,
) -> bool:
    """Whether an interruptible job runs now: in cheap hours, and once its patience is used up.

    GAIA's reading of Ecovisor.

    Parameters
    ----------
    forecast : array_like of shape (slots,)
        Grid intensity [gCO2e/kWh].
    now : int
    horizon : int
        Slots ahead among which "cheap" is judged; GAIA looks 24 h ahead.
    waited, wait : int
        Slots that the job has waited, and may wait at most.
    percentile : float
        Of the intensities ahead, below which it runs.
    """
    ahead = _ahead(forecast, now, horizon - 1, 1)
    return waited >= wait or bool(ahead[0] < np.percentile(ahead, percentile))


@dataclass(frozen=True, slots=True)
class RentedHours:
    """Machine-hours of a plan.

    Attributes
    ----------
    reserved_used, reserved_idle, on_demand : float
        [h]
    """

    reserved_used: float
    reserved_idle: float
    on_demand: float

    def cost(self, prices: MachinePrices) -> float:
        """Cost in the currency of the prices; reserved machines are paid for idle or not."""
        reserved = self.reserved_used + self.reserved_idle
        return reserved * prices.reserved_per_h + self.on_demand * prices.on_demand_per_h


@dataclass(frozen=True, slots=True)
class MachinePrices:
    """What a machine costs per hour, in one currency."""

    currency: Currency
    reserved_per_h: float
    on_demand_per_h: float

    def __post_init__(self) -> None:
        amounts("prices", [self.reserved_per_h, self.on_demand_per_h])


def rented_hours(busy: npt.ArrayLike, reserved: int, *, step_s: float) -> RentedHours:
    """Machine-hours that a plan rents.

    Parameters
    ----------
    busy : array_like of shape (slots,)
        Machines that work in each slot.
    reserved : int
        Machines that are reserved throughout.
    step_s : float
        Length of a slot [s].
    """
    machines = amounts("busy machines", busy)
    if not (reserved >= 0 and step_s > 0):
        raise UsageError(f"Found {reserved} reserved machines and slots of {step_s} s.")
    hours = step_s / S_PER_H
    used = np.minimum(machines, reserved)
    return RentedHours(
        reserved_used=float(used.sum()) * hours,
        reserved_idle=float((reserved - used).sum()) * hours,
        on_demand=float((machines - used).sum()) * hours,
    )


def _ahead(forecast: npt.ArrayLike, now: int, wait: int, length: int) -> Array:
    """Slots that a job of some length may touch."""
    intensity = numbers("forecast", forecast)
    end = now + wait + length
    if not (now >= 0 and wait >= 0 and length >= 1):
        raise UsageError(f"Found now = {now}, wait = {wait}, length = {length}.")
    if end > len(intensity):
        raise UsageError(
            f"The forecast has {len(intensity)} slots, and slot {end - 1} is asked for.",
            "Use a longer forecast or a shorter wait; it is not extrapolated.",
        )
    return intensity[now:end]
