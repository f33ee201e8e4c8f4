"""Frequent values of a column: their hashes, with bounds of how many rows have each.

As in `sketches`, what travels is a form of our own that is checked number by number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from footprint.management.sketches import forged, library

LG_FREQUENT = 10
"""At most 768 frequent values of a silo; counts are at most 0.35 % of the rows off."""


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
        """Sketch hashes; of values with fewer rows than `least` nothing is kept.

        Nor of the least frequent of the others, if without it fewer rows than that were not
        named: the rows in all, less those named, would be theirs.
        """
        made = library().frequent_strings_sketch(LG_FREQUENT)
        rows = 0
        for value in hashes:
            made.update(f"{value:016x}")
            rows += 1
        every = library().frequent_items_error_type.NO_FALSE_NEGATIVES
        found = made.get_frequent_items(every, 0)
        offset = int(made.get_upper_bound("of a value that was never there"))
        named = sorted(
            ((low, high, int(name, 16)) for name, _, low, high in found if low >= least),
            reverse=True,
        )
        if named and 0 < rows - sum(low for low, *_ in named) < least:
            named.pop()
        rest = rows - sum(low for low, *_ in named)
        # The same bound whether one was left out or not, and no count of what is rare.
        absent = offset + least - 1
        if least > 1:
            absent = max(absent, min([rest, *(high for _, high, _ in named)]))
        return cls({name: (low, high) for low, high, name in named}, min(absent, rows))

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
