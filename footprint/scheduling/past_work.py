"""What clients will take by some methods, told by what each took in its last round by another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from footprint.scheduling.arrays import Array
from footprint.scheduling.candidates import Candidates
from footprint.units import joules_to_kwh

# A client that did so much of its most work did all of it; sums are rounded.
_ALL = 1 - 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class PastWork:
    """What clients did in the last round in which each answered; arrays have one value per client.

    Attributes
    ----------
    last_kwh : ndarray
        Energy of that round; NaN where nobody knows [kWh].
    least_kwh, most_kwh : ndarray
        Of the work below which an update does not count, and of all that there may be, by the
        reference; NaN where nobody knows [kWh].
    ready_s : ndarray
        Time to the least work then; NaN where nobody knows [s].
    length_s : ndarray
        Time that the round gave to work; NaN where nobody knows [s].
    time, energy : ndarray
        Ratios of the method by which each trained then [1].
    """

    last_kwh: Array
    least_kwh: Array
    most_kwh: Array
    ready_s: Array
    length_s: Array
    time: Array
    energy: Array

    @classmethod
    def of(cls, candidates: Candidates, time: Array, energy: Array, length_s: Array) -> PastWork:
        """Take what is known of candidates; the rest is as in the attributes."""
        unit_kwh = joules_to_kwh(candidates.energy_per_unit_ws)
        return cls(
            candidates.energy_kwh,
            candidates.least * unit_kwh,
            candidates.most * unit_kwh,
            candidates.duration_s,
            length_s,
            time,
            energy,
        )

    def split(self) -> tuple[Array, Array]:
        """Split what clients took into what a method changes, and the rest.

        Returns
        -------
        work_kwh : ndarray
            Of work, by the reference: of the last round, or else of all that each may do [kWh].
        other_kwh : ndarray
            What the last round took beyond all the work that there may be, such as for waiting
            [kWh].
        """
        unknown = np.isnan(self.last_kwh)
        most_then = np.where(np.isnan(self.most_kwh), np.inf, self.most_kwh * self.energy)
        worked = np.minimum(self.last_kwh, most_then)
        work_kwh: Array = np.where(unknown, self.most_kwh, worked / self.energy)
        other_kwh: Array = np.where(unknown, 0.0, self.last_kwh - worked)
        return work_kwh, other_kwh

    def lasts_s(self, time: Array, enough: int | None = None) -> float:
        """Say how long a round gives to work: until enough of them have done their least.

        Parameters
        ----------
        time : ndarray
            Ratios of the methods of that round [1].
        enough : int, optional
            Updates after which it ends; those of all if left out.

        Returns
        -------
        float
            By those whose time is known; NaN if nobody's is [s].
        """
        ready_s = np.sort(self.ready_s * time / self.time)
        known = int(np.count_nonzero(~np.isnan(ready_s)))
        if not known:
            return float("nan")
        return float(ready_s[min(known, enough or known) - 1])

    def work_kwh(self, time: Array, lasts_s: float) -> Array:
        """Work of a round that lasts so long, as energy by the reference.

        Who may do more than the least works until the round ends, so a faster method does more.
        Who never answered, or did all that it may, is taken to do all. Where nobody knows the least
        and the most, work is what it was.

        Parameters
        ----------
        time : ndarray of shape (clients,) or (clients, methods)
            Ratios of the methods [1].
        lasts_s : float
            As of `lasts_s`; NaN if it is as long as each one's last [s].

        Returns
        -------
        ndarray
            Of the shape of `time`; NaN where nobody knows [kWh].
        """
        one = (slice(None), *(None,) * (time.ndim - 1))
        work_kwh = self.split()[0]
        stretch = np.where(np.isnan(self.length_s), 1.0, lasts_s / self.length_s)
        stretch = np.where(np.isnan(stretch), 1.0, stretch)
        likely = (work_kwh * stretch * self.time)[one] / time
        likely = np.clip(likely, self.least_kwh[one], self.most_kwh[one])
        fixed = np.isnan(self.least_kwh) | np.isnan(self.most_kwh) | np.isnan(self.last_kwh)
        fixed |= work_kwh >= _ALL * self.most_kwh
        found: Array = np.where(fixed[one], work_kwh[one], likely)
        return found

    def energy_kwh(self, time: Array, energy: Array, lasts_s: float) -> Array:
        """Energy of each in a round by other methods; parameters as of `work_kwh` [kWh]."""
        found: Array = self.work_kwh(time, lasts_s) * energy + self.split()[1]
        return found
