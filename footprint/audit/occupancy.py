"""When the devices of a silo were held, by the clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from footprint.model import Journal, Phase

AT_REST = (Phase.IDLE, Phase.WAIT, Phase.STORAGE)
"""Phases in which a device does no work."""

_Floats = npt.NDArray[np.float64]


def moment(day: date, days: int = 0) -> float:
    """Begin a day, or one some days later: seconds since 1970 UTC [s]."""
    there = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=days)
    return there.timestamp()


@dataclass(frozen=True, slots=True, eq=False)
class Occupancy:
    """Devices of one class that a silo held, with one value per activity.

    Attributes
    ----------
    silo, device : str
        Class of the devices; empty if nobody named it.
    works : bool
        Whether they worked; else they were at rest.
    start_s, end_s : array
        By the clock, since 1970 UTC [s].
    devices : array
        How many were held: those side by side, times the share reserved of each [1].
    """

    silo: str
    device: str
    works: bool
    start_s: _Floats
    end_s: _Floats
    devices: _Floats

    def share_before(self, moment_s: float) -> float:
        """Part of its device time that lies before a moment [1]."""
        whole = float(np.sum((self.end_s - self.start_s) * self.devices))
        early = np.clip(moment_s - self.start_s, 0.0, self.end_s - self.start_s)
        return float(np.sum(early * self.devices)) / whole if whole else 0.0


def occupancies(
    journal: Journal,
    silo_of: Callable[[str], str],
    classes: Mapping[str, str | None],
    side_by_side: Iterable[float] | None = None,
) -> Iterator[Occupancy]:
    """Give what a journal held of devices, by silo, class, and whether they worked.

    Parameters
    ----------
    journal : Journal
    silo_of : callable
        Silo of an actor.
    classes : mapping of str to str or None
        Class of the devices of each silo, for activities that say none.
    side_by_side : iterable of float, optional
        Devices behind the device time of each activity; default one.
    """
    columns = journal.columns
    took_s = np.asarray(columns["duration_s"], dtype=np.float64)
    count = np.ones(len(took_s)) if side_by_side is None else np.asarray([*side_by_side])
    shares = columns.get("resource_share")
    part = np.ones(len(took_s)) if shares is None else np.asarray(shares, dtype=np.float64)
    start_s = np.asarray(columns["start_s"], dtype=np.float64)
    table = pd.DataFrame(
        {
            "actor": np.asarray(columns["actor"], dtype=object),
            "device": np.asarray(columns["device"], dtype=object),
            "phase": np.asarray(columns["phase"], dtype=object),
            "start_s": start_s,
            "end_s": start_s + took_s / count,
            "devices": count * np.where(np.isnan(part), 1.0, part),
        }
    )
    table["silo"] = table["actor"].map({one: silo_of(one) for one in table["actor"].unique()})
    table["works"] = ~table["phase"].isin(AT_REST)
    silos = table["silo"].map(lambda name: classes.get(name) or "")
    is_named = table["device"].notna() & (table["device"] != "")
    table["class"] = table["device"].where(is_named, silos)
    found: Any = table[took_s > 0].groupby(["silo", "class", "works"], sort=False)
    for (silo, device, works), rows in found:
        values = (rows[name].to_numpy() for name in ("start_s", "end_s", "devices"))
        yield Occupancy(silo, device, bool(works), *values)


def overlap(
    held: Iterable[Occupancy], there: Iterable[tuple[float, float]]
) -> tuple[float, float, float]:
    """Compare devices that are held at once with those that there are.

    Parameters
    ----------
    held : iterable of Occupancy
    there : iterable of (float, float)
        From which moment on [s], and how many devices more there are. What was held before
        the first of them was of other devices, and is left out.

    Returns
    -------
    excess_s : float
        Device time beyond what there is [s].
    taken_s : float
        Device time in all [s].
    peak : float
        Most devices held at once [1].
    """
    held, there = list(held), list(there)
    if not held or not there:
        return 0.0, 0.0, 0.0
    start_s = np.concatenate([one.start_s for one in held])
    first_s = max(min(since for since, _ in there), start_s.min())
    start_s = np.maximum(start_s, first_s)
    end_s = np.maximum(np.concatenate([one.end_s for one in held]), first_s)
    devices = np.concatenate([one.devices for one in held])
    since_s, more = np.asarray(there, dtype=np.float64).T
    moments = np.concatenate([start_s, end_s, np.maximum(since_s, first_s)])
    order = np.argsort(moments, kind="stable")
    none = np.zeros(len(more))
    load = np.cumsum(np.concatenate([devices, -devices, none])[order])
    capacity = np.cumsum(np.concatenate([0 * devices, 0 * devices, more])[order])
    lasts_s = np.diff(moments[order], append=moments[order][-1])
    beyond = np.maximum(load - capacity, 0.0)
    peak = load[lasts_s > 0].max(initial=0.0)
    taken_s = np.sum((end_s - start_s) * devices)
    return float(np.sum(beyond * lasts_s)), float(taken_s), float(peak)
