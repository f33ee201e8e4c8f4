"""Datasets that share rows or columns, and columns whose values have moved."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from footprint.errors import UsageError
from footprint.management.catalogue import SiloCatalogue, schema_similarity
from footprint.management.sketches import STRICT_JSON, Estimate, RowSketch
from footprint.management.summaries import Histogram, QuantileSketch
from footprint.model.kinds import Vocabulary

Place = tuple[str, str]
"""Silo and dataset."""
_SMOOTHING = 0.5
"""Rows added to every cell before shares are compared: half a row, as Jeffreys' prior has it."""


class Likeness(Vocabulary):
    """How two datasets share rows; by the lower bound, or only perhaps."""

    DUPLICATE = "duplicate"
    CONTAINED = "contained"
    """Nearly all rows of the first are in the second too, which has more."""
    POSSIBLE = "possible"
    """The bounds allow either."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two datasets that share rows.

    Attributes
    ----------
    first, second : tuple of (str, str)
        Silo and dataset.
    jaccard : Estimate
        Share of distinct rows in both, of those in either; 95 % [1].
    containment : Estimate
        Share of the distinct rows of the first that the second has; 95 % [1].
    sampled : bool
        Whether one of them is a sample: of rows that are in no sample nothing is known.
    """

    first: Place
    second: Place
    likeness: Likeness
    jaccard: Estimate
    containment: Estimate
    sampled: bool = False

    __pydantic_config__ = STRICT_JSON


@dataclass(frozen=True, slots=True)
class Drift:
    """How far the values of a column have moved.

    Attributes
    ----------
    ks : Estimate or None
        Kolmogorov-Smirnov distance of the cells of a grid [1]: of the values it is at least
        that, less what one cell hides.
    psi : float or None
        Population stability index over the cells of a histogram [1].
    """

    ks: Estimate | None
    psi: float | None


def find_pairs(
    datasets: Mapping[Place, RowSketch],
    similarity: float,
    samples: Collection[Place] = (),
    least: Mapping[Place, int] | None = None,
) -> tuple[Pair, ...]:
    """Find the datasets that share at least a share of their rows.

    Parameters
    ----------
    datasets : mapping
        Sketches made with one key.
    similarity : float
        Jaccard index, or share of the smaller one, from which on they count [1].
    samples : collection of (str, str)
        Of which of them the sketch is of a sample.
    least : mapping, optional
        Rows that a dataset must share with another before that is told. Default: 1.

    Notes
    -----
    About a pair exactly at the threshold the bounds of 95 % err in 1 of 40 cases. Datasets
    with other columns, or rounded numbers, share no rows. Samples that were drawn apart share
    few rows even if all rows are the same: of them a pair that is not found says nothing.
    """
    places = sorted(datasets)
    found = []
    for one, other in sorted(_sharing([datasets[place] for place in places])):
        first, second = places[one], places[other]
        few = max((least or {}).get(place, 1) for place in (first, second))
        if datasets[first].shared(datasets[second]) < few:
            continue
        pair = _compare(first, second, datasets, similarity)
        if pair is not None:
            of_sample = pair.first in samples or pair.second in samples
            found.append(replace(pair, sampled=of_sample))
    return tuple(found)


def _sharing(sketches: Sequence[RowSketch]) -> set[tuple[int, int]]:
    """Find the pairs with a hash in common; most of many datasets have none."""
    if not sketches:
        return set()
    hashes = np.concatenate([sketch.hashes for sketch in sketches])
    owners = np.repeat(np.arange(len(sketches)), [len(sketch.hashes) for sketch in sketches])
    order = np.lexsort((owners, hashes))
    hashes, owners = hashes[order], owners[order]
    starts = np.flatnonzero(np.concatenate(([True], hashes[1:] != hashes[:-1])))
    ends = np.append(starts[1:], len(hashes))
    shared = np.flatnonzero(ends - starts > 1)
    groups = {tuple(owners[starts[k] : ends[k]].tolist()) for k in shared}
    return {pair for group in groups for pair in itertools.combinations(group, 2)}


def _compare(
    one: Place, other: Place, datasets: Mapping[Place, RowSketch], similarity: float
) -> Pair | None:
    jaccard = datasets[one].jaccard(datasets[other])
    inside = datasets[one].containment(datasets[other])
    around = datasets[other].containment(datasets[one])
    if (around.value or 0.0) > (inside.value or 0.0):
        one, other, inside = other, one, around
    likeness = None
    if (jaccard.low or 0.0) >= similarity:
        likeness = Likeness.DUPLICATE
    elif (inside.low or 0.0) >= similarity:
        likeness = Likeness.CONTAINED
    elif (inside.high or 0.0) >= similarity:
        likeness = Likeness.POSSIBLE
    return None if likeness is None else Pair(one, other, likeness, jaccard, inside)


def compare_schemas(
    catalogues: Sequence[SiloCatalogue], similarity: float
) -> list[tuple[Place, Place, float]]:
    """Find datasets with columns in common, the most alike first; exact.

    Parameters
    ----------
    similarity : float
        Share of columns from which on they count [1].

    Returns
    -------
    list of (place, place, share)
        Each place is silo and dataset; the share is of columns in both, of those in either.
    """
    entries = [
        ((catalogue.silo, entry.id), entry.columns)
        for catalogue in catalogues
        for entry in catalogue.datasets
    ]
    pairs = [
        (one, other, schema_similarity(columns, others))
        for (one, columns), (other, others) in itertools.combinations(entries, 2)
    ]
    found = [pair for pair in pairs if pair[2] >= similarity]
    return sorted(found, key=lambda pair: (-pair[2], pair[:2]))


def measure_drift(
    reference: QuantileSketch | Histogram, current: QuantileSketch | Histogram
) -> Drift:
    r"""Compare the values of a column with those of another time, or of other silos.

    .. math:: KS = \max_x |F(x) - G(x)|, \quad PSI = \sum_i (p_i - q_i) \ln(p_i / q_i)

    Parameters
    ----------
    reference, current : QuantileSketch or Histogram
        Both of one kind and on one grid: quantile sketches give KS, histograms give PSI, to
        each cell of which half a row is added. Cells that a silo tells only together are one.

    Raises
    ------
    UsageError
        If they are not of one kind and grid.
    """
    alike = type(reference) is type(current) and isinstance(reference, QuantileSketch | Histogram)
    if not alike or reference.grid != current.grid:
        raise UsageError(
            "Drift compares two quantile sketches, or two histograms, of one grid.",
            "Ask both questions alike, and see that none was refused.",
        )
    if isinstance(reference, QuantileSketch) and isinstance(current, QuantileSketch):
        value = float(np.abs(reference.cdf() - current.cdf()).max())
        error = reference.cdf_error + current.cdf_error
        return Drift(Estimate("ks", value, max(0.0, value - error), min(1.0, value + error)), None)
    assert isinstance(reference, Histogram)
    assert isinstance(current, Histogram)
    starts = np.intersect1d(reference.starts, current.starts)
    first, second = _shares(reference, starts), _shares(current, starts)
    return Drift(None, float(((first - second) * np.log(first / second)).sum()))


def _shares(histogram: Histogram, starts: np.ndarray) -> np.ndarray:
    counts = np.maximum(np.add.reduceat(histogram.counts, starts), 0) + _SMOOTHING
    return np.asarray(counts / counts.sum())
