"""When to run a job that can wait, after Wiesner et al.

A job takes some slots between its release and a deadline. One that cannot be interrupted takes
the cheapest run of neighbouring slots; one that can takes the cheapest slots. Decide on the
forecast that was known, and bill with what came.

All places are numbers of slots; a window holds its start and not its end. Times are UTC.

Source: P. Wiesner et al., "Let's wait awhile: How temporal workload shifting can reduce carbon
emissions in the cloud", Middleware 2021. Written from its description; its public code has no
licence.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from footprint.errors import UsageError
from footprint.scheduling.arrays import Array, Indices, numbers

WORK_BEGINS, WORK_ENDS = 9, 17
_FRIDAY = 4
# Monday and Thursday.
_DELIVERY_DAYS = (0, 3)


def periodic_slot(forecast: npt.ArrayLike, due: int, shift: int) -> int:
    """Cheapest slot for a periodic job that may run some slots earlier or later.

    Parameters
    ----------
    forecast : array_like of shape (slots,)
        Grid intensity [gCO2e/kWh].
    due : int
        Slot in which it would run.
    shift : int
        Slots by which it may be moved either way; the series cuts them short at its ends.
    """
    intensity = numbers("forecast", forecast)
    if not (0 <= due < len(intensity) and shift >= 0):
        raise UsageError(f"Slot {due} +- {shift} is not within {len(intensity)} slots.")
    start = max(0, due - shift)
    return start + int(intensity[start : due + shift + 1].argmin())


def cheapest_window(
    forecast: npt.ArrayLike, length: int, *, release: int = 0, deadline: int | None = None
) -> Indices:
    """Cheapest run of neighbouring slots.

    Parameters
    ----------
    forecast : array_like of shape (slots,)
        Grid intensity [gCO2e/kWh].
    length : int
        Slots that the job takes.
    release : int
        First slot in which it may run.
    deadline : int, optional
        First slot in which it must not run any more. Default: the end of the series.

    Returns
    -------
    ndarray of int, shape (length,)
        Slots in order; of equal windows the first.

    Raises
    ------
    UsageError
        If the job does not fit between release and deadline, or the series is too short.
    """
    sums = window_sums(_window(forecast, length, release, deadline), length)
    return release + int(sums.argmin()) + np.arange(length)


def cheapest_slots(
    forecast: npt.ArrayLike, length: int, *, release: int = 0, deadline: int | None = None
) -> Indices:
    """Cheapest slots for a job that can be interrupted; parameters as `cheapest_window`.

    Stopping and starting is free here; where it is not, book it with the job.
    """
    window = _window(forecast, length, release, deadline)
    chosen: Indices = np.sort(np.argsort(window, kind="stable")[:length]) + release
    return chosen


def window_sums(intensity: Array, length: int) -> Array:
    """Sum of each run of `length` neighbouring slots, shape (slots - length + 1,)."""
    sums = np.concatenate([[0.0], np.cumsum(intensity)])
    windows: Array = sums[length:] - sums[:-length]
    return windows


def saving(intensity: npt.ArrayLike, planned: Indices, baseline: Indices) -> float:
    """Share of the emissions of a baseline that a plan of the same power avoids [1].

    Parameters
    ----------
    intensity : array_like of shape (slots,)
        What came, not what was forecast [gCO2e/kWh].
    planned, baseline : ndarray of int
        Slots in which the job runs.

    Raises
    ------
    UsageError
        If the two take different times, or the baseline emits nothing.
    """
    actual = numbers("intensity", intensity)
    if len(planned) != len(baseline):
        raise UsageError(f"A plan of {len(planned)} slots for a job of {len(baseline)}.")
    before = float(actual[baseline].sum())
    if not before > 0:
        raise UsageError("The baseline emits nothing, so nothing can be saved.")
    return 1 - float(actual[planned].sum()) / before


def next_workday(finish: datetime, *, friday_quirk: bool = False) -> datetime:
    """Deadline of a job whose result is looked at in working hours.

    A job that ends in working hours (Monday to Friday, from 9:00 to 17:00 sharp) is not moved; any
    other may take until the next working day begins.

    Parameters
    ----------
    finish : datetime
        End of the job if it ran at once.
    friday_quirk : bool
        After 17 on a Friday, until *Saturday* at 9, as the authors' public code has it. Only
        to compare with their figures; `benchmarks/wait_awhile.py` lists what else that takes.
    """
    day = finish.weekday()
    morning = finish.replace(hour=WORK_BEGINS, minute=0, second=0, microsecond=0)
    evening = morning.replace(hour=WORK_ENDS)
    if day <= _FRIDAY and morning <= finish <= evening:
        return finish
    if finish > morning:
        morning += timedelta(days=1)
    if friday_quirk and day == _FRIDAY and finish > evening:
        return morning
    while morning.weekday() > _FRIDAY:
        morning += timedelta(days=1)
    return morning


def semi_weekly(finish: datetime) -> datetime:
    """Deadline of a job whose result is looked at on Monday and Thursday at 9."""
    morning = finish.replace(hour=WORK_BEGINS, minute=0, second=0, microsecond=0)
    if finish > morning:
        morning += timedelta(days=1)
    while morning.weekday() not in _DELIVERY_DAYS:
        morning += timedelta(days=1)
    return morning


def _window(forecast: npt.ArrayLike, length: int, release: int, deadline: int | None) -> Array:
    intensity = numbers("forecast", forecast)
    end = len(intensity) if deadline is None else deadline
    if not (length >= 1 and release >= 0 and release + length <= end):
        raise UsageError(
            f"A job of {length} slots does not fit from slot {release} to slot {end}.",
            "Give it a later deadline.",
        )
    if end > len(intensity):
        raise UsageError(
            f"The forecast has {len(intensity)} slots, and slot {end - 1} is asked for.",
            "Use a longer forecast; it is not extrapolated.",
        )
    return intensity[release:end]
