"""Who represents whom while a set of clients is being built: nearest and second nearest.

With both kept, what any addition gains, any removal loses and any swap changes takes one pass
over the cover, instead of a value of the whole set for each.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from footprint.scheduling.arrays import Array, Mask


class Representatives:
    """A set of columns of a cover that grows and shrinks.

    Parameters
    ----------
    cover : ndarray of shape (clients, candidates)
        As `Coreset.cover`; not negative.
    chosen : array_like of shape (candidates,), optional
        Mask of the columns to begin with. Default: none.
    """

    def __init__(self, cover: Array, chosen: npt.ArrayLike | None = None) -> None:
        rows, self._count = cover.shape
        # Two phantoms, which are always there, are the nearest two where nobody else is.
        self._cover = np.concatenate([cover, np.zeros((rows, 2))], axis=1)
        self._columns = self._cover[:, : self._count]
        self._in = np.zeros(self._count + 2, dtype=np.bool_)
        self._in[-2:] = True
        if chosen is not None:
            self._in[:-2] = chosen
        self._rows = np.arange(rows)
        self._buffer = np.empty_like(cover)
        self._near = np.empty(rows, dtype=np.intp)
        self._next = np.empty(rows, dtype=np.intp)
        self._rank(self._rows)

    @property
    def chosen(self) -> Mask:
        """Mask of the columns in the set, a copy."""
        return self._in[:-2].copy()

    @property
    def count(self) -> int:
        """Number of columns in the set."""
        return int(self._in.sum()) - 2

    @property
    def best(self) -> Array:
        """What the nearest gives each row, shape (clients,)."""
        best: Array = self._cover[self._rows, self._near]
        return best

    @property
    def second(self) -> Array:
        """What the second nearest gives each row, shape (clients,)."""
        second: Array = self._cover[self._rows, self._next]
        return second

    def value(self) -> float:
        """Value of the set."""
        return float(self.best.sum())

    def gains(self) -> Array:
        """Find what adding each column gains, shape (candidates,); 0 for those in the set."""
        np.subtract(self._columns, self.best[:, None], out=self._buffer)
        np.maximum(self._buffer, 0.0, out=self._buffer)
        gains: Array = self._buffer.sum(axis=0)
        return gains

    def gain(self, column: int) -> float:
        """Find what adding one column gains."""
        return float(np.maximum(self._cover[:, column] - self.best, 0.0).sum())

    def losses(self) -> Array:
        """Find what dropping each column loses, shape (candidates,); 0 for those outside."""
        losses = np.zeros(self._count + 2)
        np.add.at(losses, self._near, self.best - self.second)
        return losses[:-2]

    def loss(self, column: int) -> float:
        """Find what dropping one column loses."""
        served = self._near == column
        return float((self.best - self.second)[served].sum())

    def swaps(self) -> Array:
        """Change of the value when a column of the set (row) gives way to any (column).

        Returns
        -------
        ndarray of shape (candidates, candidates)
            Only rows of columns in the set have a meaning.
        """
        # Rows that another serves gain as by an addition. A row that the leaving column serves
        # falls back to the better of the newcomer and its second nearest.
        fallen = np.maximum(self._columns, self.second[:, None])
        fallen -= np.maximum(self._columns, self.best[:, None])
        by_column = np.zeros((self._count + 2, self._count))
        np.add.at(by_column, self._near, fallen)
        changes: Array = by_column[:-2] + self.gains()[None, :]
        return changes

    def add(self, column: int) -> None:
        """Take a column into the set."""
        if self._in[column]:
            return
        self._in[column] = True
        offered = self._cover[:, column]
        first = offered > self.best
        second = ~first & (offered > self.second)
        self._next[first] = self._near[first]
        self._near[first] = column
        self._next[second] = column

    def drop(self, column: int) -> None:
        """Leave a column out of the set."""
        if not self._in[column]:
            return
        self._in[column] = False
        self._rank(np.flatnonzero((self._near == column) | (self._next == column)))

    def _rank(self, rows: npt.NDArray[np.intp]) -> None:
        """Find the nearest two of some rows anew."""
        offered = np.where(self._in, self._cover[rows], -1.0)
        place = np.arange(len(rows))
        self._near[rows] = offered.argmax(axis=1)
        offered[place, self._near[rows]] = -1.0
        self._next[rows] = offered.argmax(axis=1)
