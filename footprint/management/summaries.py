"""Summaries of the values of a column: quantiles, histograms, frequent values.

Quantile sketches hold values, and values must not travel. So a question names a public grid,
the silo puts each value into its cell, and the sketch is one of cells. As in `sketches`, what
travels is a form of our own that is checked number by number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from footprint.errors import UsageError
from footprint.management.sketches import Estimate, forged, library

KLL_K = 512
"""Size of quantile sketches: rank error 0.53 % with 99 % confidence, as the library gives it."""
LG_FREQUENT = 10
"""At most 768 frequent values of a silo; counts are at most 0.35 % of the rows off."""
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
    """KLL sketch of the cells of a grid: some of them, with the ranks that each stands for.

    Attributes
    ----------
    grid : Grid
    rows : int
        Values that it was made of.
    unsure_rows : int
        Of these values not all cells are kept.
    cells, weights : ndarray of int
        Ascending by cell.

    References
    ----------
    Z. Karnin, K. Lang, E. Liberty, "Optimal quantile approximation in streams", FOCS 2016; as
    Apache DataSketches implements it.
    """

    grid: Grid
    rows: int
    unsure_rows: int
    cells: np.ndarray
    weights: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, grid: Grid) -> Self:
        """Sketch finite values."""
        made = library().kll_ints_sketch(KLL_K)
        made.update(grid.place(values))
        kept = sorted(made)  # pairs of cell and weight
        cells, weights = np.array(kept, dtype=np.int64).reshape(-1, 2).T
        rows = len(values)
        return cls(grid, rows, rows if len(kept) < rows else 0, cells, weights)

    @classmethod
    def merge(cls, sketches: Sequence[Self]) -> Self:
        """Sketch the values of all."""
        cells = np.concatenate([sketch.cells for sketch in sketches])
        weights = np.concatenate([sketch.weights for sketch in sketches])
        order = np.lexsort((weights, cells))
        rows = sum(sketch.rows for sketch in sketches)
        unsure = sum(sketch.unsure_rows for sketch in sketches)
        return cls(sketches[0].grid, rows, unsure, cells[order], weights[order])

    @classmethod
    def unpack(cls, data: bytes, rows: int, grid: Grid) -> Self:
        """Read what a silo sent of so many rows.

        Raises
        ------
        DataError
            If no silo can have made it.
        """
        if len(data) % 16 or len(data) > 16 * _MOST_KEPT:
            raise forged(f"it has {len(data):,} bytes")
        numbers = np.frombuffer(data, dtype="<i8").reshape(2, -1)
        cells, weights = numbers
        if len(cells) and not 0 <= cells.min() <= cells.max() <= grid.cells + 1:
            raise forged("a cell is outside of the grid")
        if np.any(cells[1:] < cells[:-1]):
            raise forged("its cells are not in order")
        # Weights are powers of 2; each is checked before they are added, so nothing overflows.
        if np.any(weights < 1) or np.any(weights > rows) or np.any(weights & (weights - 1)):
            raise forged("a weight is none that a sketch gives")
        if sum(weights.tolist()) != rows:
            raise forged(f"its weights are not its {rows:,} rows")
        # The library keeps all of k values, half of k just behind that, and 3 k of long streams.
        if len(cells) < min(rows, KLL_K // 4):
            raise forged("it is cut")
        return cls(grid, rows, rows if len(cells) < rows else 0, cells, weights)

    def pack(self) -> bytes:
        """Write the cells and the weights."""
        return np.stack([self.cells, self.weights]).astype("<i8").tobytes()

    @property
    def rank_error(self) -> float:
        """How far a rank may be off, as if all silos erred alike; 99 % for each silo [1]."""
        error: float = library().kll_ints_sketch.get_normalized_rank_error(KLL_K, False)
        return error * self.unsure_rows / max(self.rows, 1)

    def cdf(self) -> np.ndarray:
        """Share of values in each cell and all below it, cell 0 to `cells` + 1 [1]."""
        counts = np.bincount(self.cells, self.weights, minlength=self.grid.cells + 2)
        return np.cumsum(counts) / max(self.rows, 1)

    def quantile(self, rank: float) -> Estimate:
        """Estimate the value below which a share of all values is [unit of the column].

        Between the edges of a cell it is interpolated; the bounds are edges of cells.
        """
        cdf = self.cdf()
        cell = min(int(np.searchsorted(cdf, rank)), len(cdf) - 1)
        low = int(np.searchsorted(cdf, rank - self.rank_error, side="left"))
        high = int(np.searchsorted(cdf, rank + self.rank_error, side="right"))
        left, right = self.grid.edge(cell), self.grid.edge(cell + 1)
        value = None
        if left is not None and right is not None:
            before = cdf[cell - 1]
            value = left + (right - left) * float((rank - before) / (cdf[cell] - before))
        return Estimate(f"quantile {rank:g}", value, self.grid.edge(low), self.grid.edge(high + 1))


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """Rows in each cell of a grid, the cells below and above it included.

    Attributes
    ----------
    grid : Grid
    counts : ndarray of int64
        With noise they may be negative.
    unseen : ndarray of int64
        How many more there may be in each cell: of cells with few rows a silo says 0.
    """

    grid: Grid
    counts: np.ndarray
    unseen: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, grid: Grid) -> Self:
        """Count finite values."""
        counts = np.bincount(grid.place(values), minlength=grid.cells + 2).astype(np.int64)
        return cls(grid, counts, np.zeros_like(counts))

    @classmethod
    def merge(cls, histograms: Sequence[Self]) -> Self:
        """Count the values of all."""
        counts = sum((one.counts for one in histograms), np.int64(0))
        unseen = sum((one.unseen for one in histograms), np.int64(0))
        return cls(histograms[0].grid, np.asarray(counts), np.asarray(unseen))

    def suppress(self, least: int) -> Self:
        """Say 0 of cells with fewer rows than `least`."""
        kept = np.where(self.counts < least, 0, self.counts)
        return type(self)(self.grid, kept, np.where(kept == 0, least - 1, 0))

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
            return cls(grid, counts, np.zeros_like(counts))
        total = int(counts.sum())
        if counts.min() < 0 or np.any((counts > 0) & (counts < least)) or total > rows:
            raise forged(f"its counts do not fit its {rows:,} rows")
        if rows - total > (least - 1) * np.count_nonzero(counts == 0):
            raise forged(f"its counts are too few for its {rows:,} rows")
        unseen = np.where(counts == 0, min(least - 1, rows - total), 0)
        return cls(grid, counts, unseen)

    def pack(self) -> bytes:
        """Write the counts."""
        return self.counts.astype("<i8").tobytes()

    def estimates(self, margin: float = 0.0) -> list[Estimate]:
        """Give each cell with its bounds; `margin` is what noise may add or take."""
        found = []
        for cell, (count, unseen) in enumerate(zip(self.counts, self.unseen, strict=True)):
            left, right = self.grid.edge(cell), self.grid.edge(cell + 1)
            name = f"[{'-inf' if left is None else f'{left:g}'}, "
            name += f"{'inf' if right is None else f'{right:g}'})"
            low, high = max(0.0, count - margin), max(0.0, count + unseen + margin)
            found.append(Estimate(name, float(count), float(low), float(high)))
        return found


_MOST_ROWS = 10**13


@dataclass(frozen=True, slots=True, eq=False)
class FrequentSketch:
    """Hashes of values that are frequent, each with bounds of its count.

    Attributes
    ----------
    bounds : mapping of int to (int, int)
        Least and most rows with the value, by its hash.
    absent : int
        Most rows with any value that is not there.

    References
    ----------
    D. Anderson et al., "A high-performance algorithm for identifying frequent items in data
    streams", IMC 2017; as Apache DataSketches implements it.
    """

    bounds: Mapping[int, tuple[int, int]]
    absent: int

    @classmethod
    def of(cls, hashes: Iterable[int], least: int) -> Self:
        """Sketch hashes; of values with fewer rows than `least` nothing is kept."""
        made = library().frequent_strings_sketch(LG_FREQUENT)
        for value in hashes:
            made.update(f"{value:016x}")
        every = library().frequent_items_error_type.NO_FALSE_NEGATIVES
        found = made.get_frequent_items(every, 0)
        offset = made.get_upper_bound("of a value that was never there")
        kept = {int(name, 16): (low, high) for name, _, low, high in found if low >= least}
        dropped = (high for _, _, low, high in found if low < least)
        return cls(kept, max([int(offset), *dropped]))

    @classmethod
    def merge(cls, sketches: Sequence[Self]) -> Self:
        """Sketch the values of all: what one silo does not name it may still have."""
        names = sorted({name for sketch in sketches for name in sketch.bounds})
        merged = {}
        for name in names:
            pairs = [sketch.bounds.get(name, (0, sketch.absent)) for sketch in sketches]
            merged[name] = (sum(low for low, _ in pairs), sum(high for _, high in pairs))
        return cls(merged, sum(sketch.absent for sketch in sketches))

    @classmethod
    def unpack(cls, data: bytes, rows: int) -> Self:
        """Read what a silo sent of so many rows.

        Raises
        ------
        DataError
            If no silo can have made it.
        """
        if len(data) % 24 != 8 or len(data) > 8 + 24 * (1 << LG_FREQUENT):
            raise forged(f"it has {len(data):,} bytes")
        numbers = np.frombuffer(data, dtype="<u8").tolist()
        absent, names = numbers[0], numbers[1::3]
        pairs = zip(numbers[2::3], numbers[3::3], strict=True)
        bounds = dict(zip(names, pairs, strict=True))
        if len(bounds) < len(names) or max(names, default=0) >= 1 << 63:
            raise forged("a hash is out of range, or there twice")
        if absent > rows or any(not 0 < low <= high <= rows for low, high in bounds.values()):
            raise forged(f"its counts do not fit its {rows:,} rows")
        if sum(low for low, _ in bounds.values()) > rows:
            raise forged(f"its counts are more than its {rows:,} rows")
        return cls(bounds, absent)

    def pack(self) -> bytes:
        """Write what it holds."""
        numbers = [self.absent]
        for name, (low, high) in sorted(self.bounds.items()):
            numbers += [name, low, high]
        return np.array(numbers, dtype="<u8").tobytes()
