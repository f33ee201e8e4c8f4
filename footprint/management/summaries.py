"""Summaries of the values of a column on a grid: quantiles and histograms.

Quantile sketches hold values, and values must not travel. So a question names a public grid,
the silo puts each value into its cell, tells cells with few rows only together with others
(`grouping`), and the sketch is one of these groups. As in `sketches`, what
travels is a form of our own that is checked number by number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from footprint.errors import UsageError
from footprint.management.grouping import group_cells, spread_groups
from footprint.management.sketches import Estimate, forged, library

KLL_K = 512
"""Size of quantile sketches: rank error 0.53 % with 99 % confidence, as the library gives it."""
MOST_CELLS = 4_096
"""Of a grid: a cell tells at most 12 bits of a value."""
_MOST_KEPT = 16 * KLL_K


@dataclass(frozen=True, slots=True)
class Grid:
    """A public grid of equal cells; one more below and one above it.

    Attributes
    ----------
    lower, upper : float
        In the unit of the column.
    cells : int
    """

    lower: float
    upper: float
    cells: int

    def __post_init__(self) -> None:
        finite = np.isfinite([self.lower, self.upper, self.upper - self.lower]).all()
        if not finite or not self.lower < self.upper or not 1 <= self.cells <= MOST_CELLS:
            raise UsageError(
                f"A grid of {self.cells} cells from {self.lower} to {self.upper} is none.",
                f"Give lower < upper, and 1 to {MOST_CELLS:,} cells.",
            )

    def place(self, values: np.ndarray) -> np.ndarray:
        """Cell of each value: 0 is below the grid, `cells` + 1 above it."""
        steps = np.floor((values - self.lower) / (self.upper - self.lower) * self.cells)
        return (np.clip(steps, -1, self.cells) + 1).astype(np.int32)

    def edge(self, cell: int) -> float | None:
        """Lower edge of a cell; None below the grid, and behind its end."""
        if not 1 <= cell <= self.cells + 1:
            return None
        return self.lower + (self.upper - self.lower) * (cell - 1) / self.cells


@dataclass(frozen=True, slots=True, eq=False)
class QuantileSketch:
    """KLL sketch of groups of cells of a grid: some of them, with the ranks each stands for.

    Attributes
    ----------
    grid : Grid
    rows : int
        Values that it was made of.
    unsure_rows : int
        Of these values not all groups are kept.
    cells, lasts, weights : ndarray of int
        First and last cell of each group that is kept. Ascending.

    References
    ----------
    Z. Karnin, K. Lang, E. Liberty, "Optimal quantile approximation in streams", FOCS 2016; as
    Apache DataSketches implements it.
    """

    grid: Grid
    rows: int
    unsure_rows: int
    cells: np.ndarray
    lasts: np.ndarray
    weights: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, grid: Grid, least: int = 1) -> Self:
        """Sketch finite values, each as its group of cells with at least so many of them."""
        placed = grid.place(values)
        starts = group_cells(np.bincount(placed, minlength=grid.cells + 2), least)
        made = library().kll_ints_sketch(KLL_K)
        # Only the groups are sketched: what the sketch keeps can tell no more than they do.
        made.update(starts[np.searchsorted(starts, placed, side="right") - 1].astype(np.int32))
        kept = sorted(made)  # pairs of cell and weight
        cells, weights = np.array(kept, dtype=np.int64).reshape(-1, 2).T
        ends = np.append(starts[1:], grid.cells + 2)
        lasts = ends[np.searchsorted(starts, cells)] - 1
        rows = len(values)
        return cls(grid, rows, rows if len(kept) < rows else 0, cells, lasts, weights)

    @classmethod
    def merge(cls, sketches: Sequence[Self]) -> Self:
        """Sketch the values of all."""
        cells, lasts, weights = (
            np.concatenate([getattr(sketch, name) for sketch in sketches])
            for name in ("cells", "lasts", "weights")
        )
        order = np.lexsort((weights, lasts, cells))
        rows = sum(sketch.rows for sketch in sketches)
        unsure = sum(sketch.unsure_rows for sketch in sketches)
        return cls(sketches[0].grid, rows, unsure, cells[order], lasts[order], weights[order])

    @classmethod
    def unpack(cls, data: bytes, rows: int, grid: Grid) -> Self:
        """Read what a silo sent of so many rows.

        Raises
        ------
        DataError
            If no silo can have made it.
        """
        if len(data) % 24 or len(data) > 24 * _MOST_KEPT:
            raise forged(f"it has {len(data):,} bytes")
        cells, lasts, weights = np.frombuffer(data, dtype="<i8").reshape(3, -1)
        if len(cells) and not 0 <= cells.min() <= lasts.max() <= grid.cells + 1:
            raise forged("a cell is outside of the grid")
        if np.any(lasts < cells) or np.any(cells[1:] < cells[:-1]):
            raise forged("its cells are not in order")
        same = cells[1:] == cells[:-1]
        if np.any(np.where(same, lasts[1:] != lasts[:-1], cells[1:] <= lasts[:-1])):
            raise forged("a cell is in two groups")
        # Weights are powers of 2; each is checked before they are added, so nothing overflows.
        if np.any(weights < 1) or np.any(weights > rows) or np.any(weights & (weights - 1)):
            raise forged("a weight is none that a sketch gives")
        if sum(weights.tolist()) != rows:
            raise forged(f"its weights are not its {rows:,} rows")
        # The library keeps all of k values, half of k just behind that, and 3 k of long streams.
        if len(cells) < min(rows, KLL_K // 4):
            raise forged("it is cut")
        return cls(grid, rows, rows if len(cells) < rows else 0, cells, lasts, weights)

    def pack(self) -> bytes:
        """Write the groups and the weights."""
        return np.stack([self.cells, self.lasts, self.weights]).astype("<i8").tobytes()

    @property
    def rank_error(self) -> float:
        """How far a rank may be off, as if all silos erred alike; 99 % for each silo [1]."""
        error: float = library().kll_ints_sketch.get_normalized_rank_error(KLL_K, False)
        return error * self.unsure_rows / max(self.rows, 1)

    @property
    def cdf_error(self) -> float:
        """How far `cdf` may be off: by the rank error, and by how values lie in a group [1]."""
        low, high = self._cdf_bounds()
        cdf = self.cdf()
        return self.rank_error + float(np.maximum(high - cdf, cdf - low).max(initial=0.0))

    def cdf(self) -> np.ndarray:
        """Share of values in each cell and all below it, cell 0 to `cells` + 1 [1].

        In a group of cells values are taken to lie evenly.
        """
        size = self.grid.cells + 2
        each = self.weights / (self.lasts - self.cells + 1)
        steps = np.bincount(self.cells, each, size + 1) - np.bincount(
            self.lasts + 1, each, size + 1
        )
        return np.cumsum(np.cumsum(steps[:size])) / max(self.rows, 1)

    def _cdf_bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Bounds of `cdf`: all values of a group in its last cell, or in its first one."""
        size = self.grid.cells + 2
        low, high = (np.bincount(ends, self.weights, size) for ends in (self.lasts, self.cells))
        return np.cumsum(low) / max(self.rows, 1), np.cumsum(high) / max(self.rows, 1)

    def quantile(self, rank: float) -> Estimate:
        """Estimate the value below which a share of all values is [unit of the column].

        Between the edges of a group it is interpolated; the bounds are edges of groups. Of a
        group that reaches beyond the grid there is no value.
        """
        error = self.rank_error
        low, high = self._edges(rank, error)
        value = None
        if None not in self._edges(rank, 0.0):
            cdf = self.cdf()
            # Sums of shares are rounded: no rank may fall behind the last cell of the grid.
            cell = min(max(int(np.searchsorted(cdf, rank)), 1), self.grid.cells)
            left, right = self.grid.edge(cell), self.grid.edge(cell + 1)
            assert left is not None
            assert right is not None
            part = (rank - cdf[cell - 1]) / (cdf[cell] - cdf[cell - 1])
            value = left + (right - left) * float(np.clip(part, 0.0, 1.0))
        return Estimate(f"quantile {rank:g}", value, low, high)

    def _edges(self, rank: float, error: float) -> tuple[float | None, float | None]:
        """Between which edges of groups a rank can lie."""
        below, above = self._cdf_bounds()
        low = int(np.searchsorted(above, rank - error, side="left"))
        high = int(np.searchsorted(below, rank + error, side="right"))
        return self.grid.edge(low), self.grid.edge(high + 1)


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """Rows in each cell of a grid, the cells below and above it included.

    Attributes
    ----------
    grid : Grid
    counts : ndarray of int64
        With noise they may be negative. The rows of a group of cells are spread evenly.
    low, high : ndarray of int64
        Bounds of each count: a cell may hold none of the rows of its group, or all of them.
    starts : ndarray of int
        First cell of each group whose sum is known; each cell is one if none was hidden.
    """

    grid: Grid
    counts: np.ndarray
    low: np.ndarray
    high: np.ndarray
    starts: np.ndarray

    @classmethod
    def exact(cls, counts: np.ndarray, grid: Grid) -> Self:
        """Take counts of which each is known."""
        return cls(grid, counts, counts, counts, np.arange(len(counts)))

    @classmethod
    def of(cls, values: np.ndarray, grid: Grid) -> Self:
        """Count finite values."""
        counts = np.bincount(grid.place(values), minlength=grid.cells + 2).astype(np.int64)
        return cls.exact(counts, grid)

    @classmethod
    def merge(cls, histograms: Sequence[Self]) -> Self:
        """Count the values of all."""
        counts, low, high = (
            np.asarray(sum((getattr(one, name) for one in histograms), np.int64(0)))
            for name in ("counts", "low", "high")
        )
        starts = histograms[0].starts
        for one in histograms[1:]:
            starts = np.intersect1d(starts, one.starts)
        return cls(histograms[0].grid, counts, low, high, starts)

    def suppress(self, least: int) -> Self:
        """Tell cells with fewer rows than `least` only together with others; see `group_cells`."""
        starts = group_cells(self.counts, least)
        return self._grouped(self.grid, np.add.reduceat(self.counts, starts), starts)

    @classmethod
    def _grouped(cls, grid: Grid, totals: np.ndarray, starts: np.ndarray) -> Self:
        size = grid.cells + 2
        sizes = np.diff(np.append(starts, size))
        counts = spread_groups(totals, starts, size)
        high = np.repeat(totals, sizes)
        low = np.where(np.repeat(sizes, sizes) == 1, high, 0)
        return cls(grid, counts, low, high, starts)

    @classmethod
    def unpack(cls, data: bytes, rows: int, grid: Grid, least: int = 0) -> Self:
        """Read what a silo sent; `least` is 0 if it added noise.

        Raises
        ------
        DataError
            If no silo can have made it.
        """
        if len(data) != 8 * (grid.cells + 2):
            raise forged(f"it has {len(data):,} bytes, not {8 * (grid.cells + 2):,}")
        counts = np.frombuffer(data, dtype="<i8")
        if np.any(np.abs(counts.astype(float)) > _MOST_ROWS):
            raise forged("a count is out of range")
        if not least:
            if sum(counts.tolist()) != rows:
                raise forged(f"its counts are not its {rows:,} rows")
            return cls.exact(counts, grid)
        starts = np.flatnonzero(counts != _WITH_THE_ONE_BEFORE)
        totals = counts[starts]
        if not len(starts) or starts[0] != 0 or totals.min() < (least if least > 1 else 0):
            raise forged("a group of its cells has too few rows")
        if int(totals.sum()) != rows:
            raise forged(f"its counts are not its {rows:,} rows")
        return cls._grouped(grid, totals, starts)

    def pack(self) -> bytes:
        """Write the sum of each group in its first cell."""
        told = np.full(len(self.counts), _WITH_THE_ONE_BEFORE)
        told[self.starts] = np.add.reduceat(self.counts, self.starts)
        return told.astype("<i8").tobytes()

    def estimates(self, margin: float = 0.0) -> list[Estimate]:
        """Give each cell with its bounds; `margin` is what noise may add or take."""
        found = []
        for cell, (low, high) in enumerate(zip(self.low, self.high, strict=True)):
            name = self._name(cell, cell + 1)
            ends = float(max(0.0, low - margin)), float(max(0.0, high + margin))
            found.append(Estimate(name, float(low) if low == high else None, *ends))
        return found

    def sums(self) -> list[Estimate]:
        """Give the rows of each group of several cells, which are known exactly."""
        totals = np.add.reduceat(self.counts, self.starts)
        ends = np.append(self.starts[1:], len(self.counts))
        return [
            Estimate(f"{self._name(start, stop)} in all", *[float(total)] * 3)
            for start, stop, total in zip(self.starts, ends, totals, strict=True)
            if stop - start > 1
        ]

    def _name(self, start: int, stop: int) -> str:
        """Name the cells from one to before another by their edges."""
        left, right = self.grid.edge(start), self.grid.edge(stop)
        lower, upper = (
            "-inf" if left is None else f"{left:g}",
            "inf" if right is None else f"{right:g}",
        )
        return f"[{lower}, {upper})"


_WITH_THE_ONE_BEFORE = -1
"""On the wire: this cell belongs to the group of the cell before it."""
_MOST_ROWS = 10**13
