"""Sketches of sets: how many distinct values there are, and how alike two sets of rows are.

Made by the `datasketches` library and estimated by it; what travels is a form of our own. The
library's own images are never read from another machine: its version 5.2 ends the process on
some damaged ones (docs/decisions/0021-sketches.md). What arrives here is checked number by
number first, and only then becomes an image.

Merging is exact: the merged sketch is the same in whatever order silos are merged.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from footprint.errors import DataError, MissingExtra

STRICT_JSON = {"extra": "forbid", "allow_inf_nan": False, "strict": True}
"""How results are read from files: nothing unknown, and no text for a number."""
LG_REGISTERS = 15
"""2^15 registers of one byte: 0.57 % relative standard error, 1.04 / sqrt(2^15)."""
LG_ROWS = 12
"""At most 2^12 hashes of rows: about 1.6 % standard error of a Jaccard index, 1 / sqrt(2^12)."""
DEVIATIONS = 2
"""Standard deviations of all bounds of this module: about 95 %."""
_HIGHEST_REGISTER = 63
_FULL_THETA = (1 << 63) - 1
_DEFAULT_SEED_HASH = 0x93CC  # of the library's default seed, 9001


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its bounds.

    Attributes
    ----------
    name : str
        What was estimated.
    value : float or None
        None if only the bounds are known.
    low, high : float or None
        None for a side without a bound.
    """

    name: str
    value: float | None
    low: float | None
    high: float | None

    __pydantic_config__ = STRICT_JSON


def library() -> Any:
    """Import datasketches.

    Raises
    ------
    MissingExtra
        If it is not installed.
    """
    try:
        import datasketches
    except ImportError as error:
        raise MissingExtra.of("management", "Analysing data in silos") from error
    return datasketches


def forged(why: str) -> DataError:
    """Say that a sketch cannot be what a silo made."""
    return DataError(f"The sketch is damaged or forged: {why}.", "Nothing of it was taken over.")


@dataclass(frozen=True, slots=True, eq=False)
class DistinctSketch:
    """HyperLogLog: registers of the longest runs of zero bits in hashes.

    References
    ----------
    P. Flajolet et al., "HyperLogLog: the analysis of a near-optimal cardinality estimation
    algorithm", AofA 2007; as Apache DataSketches implements it.
    """

    registers: np.ndarray

    @classmethod
    def of(cls, hashes: Iterable[int]) -> Self:
        """Sketch the set of some hashes."""
        made = library().hll_sketch(LG_REGISTERS, library().tgt_hll_type.HLL_8, True)
        for value in hashes:
            made.update(value)
        image = made.serialize_updatable()
        return cls(np.frombuffer(image[_HLL_HEAD.size :], dtype=np.uint8))

    @classmethod
    def merge(cls, sketches: Sequence[Self]) -> Self:
        """Sketch the union of the sets."""
        return cls(np.maximum.reduce([sketch.registers for sketch in sketches]))

    @classmethod
    def unpack(cls, data: bytes, rows: int) -> Self:
        """Read what a silo sent of so many rows.

        Raises
        ------
        DataError
            If no silo can have made it.
        """
        if len(data) != 1 << LG_REGISTERS:
            raise forged(f"it has {len(data):,} bytes, not {1 << LG_REGISTERS:,}")
        registers = np.frombuffer(data, dtype=np.uint8)
        if registers.max() > _HIGHEST_REGISTER:
            raise forged(f"a register holds {registers.max()}, which no hash gives")
        sketch = cls(registers)
        low = sketch.estimate(deviations=3).low
        if np.count_nonzero(registers) > rows or (low is not None and low > rows):
            raise forged(f"it has more distinct values than its {rows:,} rows")
        return sketch

    def pack(self) -> bytes:
        """Write the registers."""
        return self.registers.tobytes()

    def estimate(self, deviations: int = DEVIATIONS) -> Estimate:
        """Estimate the number of distinct values."""
        if not self.registers.any():
            return Estimate("distinct", 0.0, 0.0, 0.0)
        sketch = library().hll_sketch.deserialize(self._image())
        return Estimate(
            "distinct",
            sketch.get_estimate(),
            sketch.get_lower_bound(deviations),
            sketch.get_upper_bound(deviations),
        )

    def _image(self) -> bytes:
        """Image of HLL_8 in its full size; each number follows from the registers."""
        powers = np.ldexp(1.0, -self.registers.astype(np.int32))
        short = self.registers < 32
        head = _HLL_HEAD.pack(
            10,  # integers of the head
            1,  # version
            7,  # family HLL
            LG_REGISTERS,
            0,
            0x30,  # full size; merged, so that no history of updates is believed
            0,
            0x0A,  # mode HLL, type HLL_8
            0.0,
            float(powers[short].sum()),
            float(powers[~short].sum()),
            int(np.count_nonzero(self.registers == 0)),
            0,
        )
        return head + self.registers.tobytes()


_HLL_HEAD = struct.Struct("<8B3d2I")


@dataclass(frozen=True, slots=True, eq=False)
class RowSketch:
    """Theta sketch: those hashes of the rows of a dataset that are smallest.

    Attributes
    ----------
    theta : int
        All hashes below it are kept, of 2^63 - 1.
    hashes : ndarray of uint64
        Ascending.

    References
    ----------
    A. Dasgupta et al., "A framework for estimating stream expression cardinalities",
    ICDT 2016; as Apache DataSketches implements it.
    """

    theta: int
    hashes: np.ndarray

    @classmethod
    def of(cls, hashes: Iterable[int]) -> Self:
        """Sketch the set of some hashes."""
        made = library().update_theta_sketch(LG_ROWS)
        for value in hashes:
            made.update(value)
        made.trim()
        kept = made.compact(True)
        return cls(int(kept.theta64), np.array(list(kept), dtype=np.uint64))

    @classmethod
    def unpack(cls, data: bytes, rows: int) -> Self:
        """Read what a silo sent of so many rows.

        Raises
        ------
        DataError
            If no silo can have made it.
        """
        if len(data) % 8 or not 8 <= len(data) <= 8 + 8 * (1 << LG_ROWS):
            raise forged(f"it has {len(data):,} bytes")
        numbers = np.frombuffer(data, dtype="<u8")
        theta, hashes = int(numbers[0]), numbers[1:]
        if not 0 < theta <= _FULL_THETA:
            raise forged("its threshold is out of range")
        if len(hashes) and (hashes[0] == 0 or hashes[-1] >= theta):
            raise forged("a hash is out of range")
        if np.any(hashes[1:] <= hashes[:-1]):
            raise forged("its hashes are not in order")
        if theta < _FULL_THETA and len(hashes) != 1 << LG_ROWS:
            raise forged("it is cut")
        if len(hashes) > rows or (len(hashes) == 0) != (rows == 0):
            raise forged(f"it does not fit its {rows:,} rows")
        sketch = cls(theta, hashes)
        if (
            len(hashes)
            and library().compact_theta_sketch.deserialize(sketch.image()).get_lower_bound(3) > rows
        ):
            raise forged(f"it has more distinct rows than its {rows:,} rows")
        return sketch

    def pack(self) -> bytes:
        """Write the threshold and the hashes."""
        return struct.pack("<Q", self.theta) + self.hashes.astype("<u8").tobytes()

    def shared(self, other: Self) -> float:
        """Estimate how many distinct rows are in both."""
        theta = min(self.theta, other.theta)
        both = np.intersect1d(self.hashes, other.hashes, assume_unique=True)
        return float(np.count_nonzero(both < theta) * (_FULL_THETA / theta))

    def jaccard(self, other: Self) -> Estimate:
        """Share of distinct rows in both, of those in either [1]."""
        if not len(self.hashes) or not len(other.hashes):
            return Estimate("jaccard", 0.0, 0.0, 0.0)
        low, value, high = library().theta_jaccard_similarity.jaccard(self._read(), other._read())
        return Estimate("jaccard", value, low, high)

    def containment(self, other: Self) -> Estimate:
        """Share of our distinct rows that the other has too [1].

        The Jaccard index of a set and its cut with another is just that.
        """
        if not len(self.hashes) or not len(other.hashes):
            return Estimate("containment", 0.0, 0.0, 0.0)
        cut = library().theta_intersection()
        cut.update(self._read())
        cut.update(other._read())
        low, value, high = library().theta_jaccard_similarity.jaccard(
            self._read(), cut.get_result()
        )
        return Estimate("containment", value, low, high)

    def _read(self) -> Any:
        return library().compact_theta_sketch.deserialize(self.image())

    def image(self) -> bytes:
        """Image of the library; for hashes that were checked."""
        head = struct.pack(
            "<6BHIIQ",
            3,  # longs of the head
            3,  # version
            3,  # family: compact theta
            0,
            0,
            0x1A,  # read-only, compact, ordered
            _DEFAULT_SEED_HASH,
            len(self.hashes),
            0,
            self.theta,
        )
        return head + self.hashes.astype("<u8").tobytes()
