"""Sketches against exact answers, and against who forges them."""

import itertools
import random

import datasketches
import numpy as np
import pytest

from footprint.errors import DataError, UsageError
from footprint.management.frequent import FrequentSketch
from footprint.management.hashing import (
    analysis_key,
    hash_rows,
    hash_values,
    key_id,
)
from footprint.management.sketches import DistinctSketch, RowSketch
from footprint.management.summaries import Grid, Histogram, QuantileSketch

KEY = analysis_key("a secret of all the silos", "analysis-1")
GRID = Grid(-10.0, 10.0, 4096)


def hashes(values):
    return list(hash_values(KEY, values))


def table(start, stop):
    return {"n": range(start, stop), "t": [f"row {i}" for i in range(start, stop)]}


def test_distinct_counts_of_many_silos_are_within_two_percent():
    # 120,000 values, of which each silo has some that others have too.
    parts = [range(60_000), range(30_000, 90_000), range(80_000, 120_000)]
    sketches = [DistinctSketch.of(hashes(part)) for part in parts]
    found = DistinctSketch.merge(sketches).estimate()
    assert found.value == pytest.approx(120_000, rel=0.02)
    assert found.low < 120_000 < found.high
    assert found.high - found.low < 0.04 * 120_000


@pytest.mark.parametrize("count", [0, 1, 2, 100, 1000])
def test_estimates_of_our_form_are_those_of_the_library(count):
    values = hashes(range(count))
    union = datasketches.hll_union(15)
    theirs = datasketches.hll_sketch(15, datasketches.tgt_hll_type.HLL_8, True)
    for value in values:
        theirs.update(value)
    union.update(theirs)
    union.update(theirs)
    assert DistinctSketch.of(values).estimate().value == pytest.approx(
        union.get_estimate(), rel=0.01
    )
    rows = datasketches.update_theta_sketch(12)
    for value in values:
        rows.update(value)
    if count:
        image = RowSketch.of(values).image()
        assert list(datasketches.compact_theta_sketch.deserialize(image)) == sorted(rows)


def test_quantiles_of_many_silos_are_within_one_percent_of_rank():
    rng = np.random.default_rng(1)
    parts = [rng.normal(0, 1, 40_000), rng.normal(2, 0.5, 10_000), rng.exponential(1, 30)]
    merged = QuantileSketch.merge([QuantileSketch.of(part, GRID) for part in parts])
    exact = np.sort(np.concatenate(parts))
    for rank in (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99):
        found = merged.quantile(rank)
        reached = np.searchsorted(exact, found.value) / len(exact)
        assert abs(reached - rank) < 0.01, rank
        assert found.low <= np.quantile(exact, rank) <= found.high


def test_quantiles_of_few_values_are_exact_to_a_cell():
    found = QuantileSketch.of(np.arange(-9.5, 10.0), Grid(-10.0, 10.0, 20)).quantile(0.5)
    assert (found.low, found.high) == (-1.0, 1.0)  # both cells at the median
    assert QuantileSketch.of(np.array([99.0]), GRID).quantile(0.5).value is None


@pytest.mark.parametrize(
    ("make", "answer"),
    [
        (lambda v: DistinctSketch.of(hashes(v.tolist())), lambda s: s.pack()),
        (lambda v: QuantileSketch.of(v, GRID), lambda s: (s.pack(), s.rank_error)),
        (lambda v: Histogram.of(v, GRID), lambda s: s.pack()),
        (lambda v: FrequentSketch.of(hashes(np.round(v).tolist()), 2), lambda s: s.pack()),
    ],
)
def test_the_order_of_merging_does_not_matter(make, answer):
    rng = np.random.default_rng(2)
    sketches = [make(rng.normal(0, 2, size)) for size in (5000, 300, 2000)]
    merge = type(sketches[0]).merge
    results = [answer(merge(list(order))) for order in itertools.permutations(sketches)]
    pairwise = answer(merge([merge(sketches[:2]), sketches[2]]))
    assert all(result == results[0] for result in [*results, pairwise])


def test_frequent_values_are_bounded_and_rare_ones_are_not_named():
    rng = np.random.default_rng(3)
    parts = [rng.zipf(1.3, 20_000), rng.zipf(1.5, 5_000)]
    exact = {h: 0 for part in parts for h in hashes(part.tolist())}
    for part in parts:
        for h in hashes(part.tolist()):
            exact[h] += 1
    made = [FrequentSketch.of(hashes(part.tolist()), 25) for part in parts]
    assert all(low >= 25 for one in made for low, _ in one.bounds.values())
    merged = FrequentSketch.merge(made)
    assert all(low <= exact[h] <= high for h, (low, high) in merged.bounds.items())
    assert all(count <= merged.absent for h, count in exact.items() if h not in merged.bounds)
    assert {h for h, count in exact.items() if count > 500} <= set(merged.bounds)


def test_values_that_all_are_rare_leave_a_true_bound():
    merged = FrequentSketch.of(hashes(range(5000)), 1)
    assert merged.absent >= 1


def test_a_histogram_tells_cells_with_few_rows_only_together_with_others():
    grid = Grid(0.0, 4.0, 4)
    exact = Histogram.of(np.repeat([-1.0, 0.5, 1.5, 3.5, 4.0], [30, 5, 100, 19, 20]), grid)
    assert exact.counts.tolist() == [30, 5, 100, 0, 19, 20]
    read = Histogram.unpack(exact.suppress(20).pack(), 174, grid, 20)
    assert read.starts.tolist() == [0, 1, 3]
    assert [one.value for one in read.estimates()] == [30.0, *[None] * 5]
    assert read.high.tolist() == [30, 105, 105, 39, 39, 39]
    sums = [(one.name, one.value) for one in read.sums()]
    assert sums == [("[0, 2) in all", 105.0), ("[2, inf) in all", 39.0)]
    for estimate, count in zip(read.estimates(), exact.counts, strict=True):
        assert estimate.low <= count <= estimate.high
    for damage in ({0: 19}, {0: -1}, {3: 40}, {2: 0}):
        told = np.frombuffer(exact.suppress(20).pack(), dtype="<i8").copy()
        told[list(damage)] = list(damage.values())
        with pytest.raises(DataError, match="forged"):
            Histogram.unpack(told.tobytes(), 174, grid, 20)


@pytest.mark.parametrize(
    ("cells", "lasts"), [([3, 2], [3, 2]), ([2, 3], [3, 3]), ([2, 2], [2, 3]), ([2, 4], [1, 4])]
)
def test_groups_of_quantiles_that_cannot_be_are_forged(cells, lasts):
    sent = np.array([cells, lasts, [1, 1]], dtype="<i8").tobytes()
    with pytest.raises(DataError, match="forged"):
        QuantileSketch.unpack(sent, 2, GRID)


def test_bounds_of_grouped_quantiles_and_of_their_drift_hold():
    rng = np.random.default_rng(6)
    parts = [rng.normal(0, 2, 400), rng.normal(1, 1, 90)]
    grouped = [QuantileSketch.of(part, GRID, 20) for part in parts]
    exact = [QuantileSketch.of(part, GRID) for part in parts]
    merged, whole = QuantileSketch.merge(grouped), np.concatenate(parts)
    for rank in np.linspace(0.01, 0.99, 33):
        found = merged.quantile(rank)
        true = np.quantile(whole, rank, method="inverted_cdf")
        assert found.low is None or found.low <= true
        assert found.high is None or true < found.high
    for one, other in zip(grouped, exact, strict=True):
        assert np.abs(one.cdf() - other.cdf()).max() <= one.cdf_error


def test_frequent_values_leave_no_rest_of_few_rows():
    for counts, named in (
        ([50, 40], [50, 40]),
        ([50, 40, 1], [50]),
        ([50, 40, 19], [50]),
        ([50, 40, 19, 1], [50, 40]),
        ([50, 19], []),
        ([19, 19], []),
    ):
        values = np.repeat(np.arange(len(counts)), counts)
        sketch = FrequentSketch.of(hashes(values.tolist()), 20)
        found = sorted((low for low, _ in sketch.bounds.values()), reverse=True)
        assert found == named
        assert sketch.absent >= max([0, *counts[len(named) :]])
        assert FrequentSketch.unpack(sketch.pack(), sum(counts)).bounds == sketch.bounds
        # Of what is rare the bound tells nothing.
        assert sketch.absent >= 19


def test_planted_duplicates_are_found_and_none_is_invented():
    clean = [RowSketch.of(hash_rows(KEY, table(i * 9000, i * 9000 + 9000))) for i in range(6)]
    for one, other in itertools.combinations(clean, 2):
        assert one.jaccard(other).value == 0
    copy = RowSketch.of(hash_rows(KEY, table(0, 9000)))
    near = RowSketch.of(hash_rows(KEY, table(90, 9090)))  # 98 % of either
    part = RowSketch.of(hash_rows(KEY, table(0, 900)))
    assert clean[0].jaccard(copy).low == 1
    found = clean[0].jaccard(near)
    assert found.low <= 8910 / 9090 <= found.high
    assert found.low > 0.9
    assert part.containment(clean[0]).low > 0.95
    assert clean[0].jaccard(part).low < 0.2
    shuffled = {"t": table(0, 9000)["t"], "n": [float(n) for n in range(9000)]}
    assert list(hash_rows(KEY, shuffled)) == list(hash_rows(KEY, table(0, 9000)))


@pytest.mark.parametrize("rows", [{"a": ["1"]}, {"a": [True]}, {"b": [1]}, {"a": [None]}])
def test_rows_that_differ_have_different_hashes(rows):
    assert list(hash_rows(KEY, rows)) != list(hash_rows(KEY, {"a": [1]}))


def test_cells_cannot_be_moved_between_columns():
    one = {"a": ["x1:by"], "b": ["z"]}
    other = {"a": ["x"], "b": ["y1:bz"]}
    assert list(hash_rows(KEY, one)) != list(hash_rows(KEY, other))


def test_hashes_of_two_analyses_or_two_secrets_cannot_be_joined():
    keys = [
        KEY,
        analysis_key("a secret of all the silos", "analysis-2"),
        analysis_key("another secret of silos", "analysis-1"),
    ]
    assert len({key_id(key) for key in keys}) == 3
    assert len({next(hash_values(key, ["x"])) for key in keys}) == 3
    with pytest.raises(UsageError, match="secret"):
        analysis_key("short", "analysis-1")


@pytest.mark.parametrize("rows", [1, 2, 20, 511, 512, 513, 600, 768, 1025, 4095, 4097, 100_000])
def test_what_a_silo_makes_is_read_back(rows):
    values = np.random.default_rng(rows).normal(0, 3, rows)
    for shape in (values, np.sort(values), np.zeros(rows)):
        made = QuantileSketch.of(shape, GRID)
        read = QuantileSketch.unpack(made.pack(), rows, GRID)
        assert (read.pack(), read.rank_error) == (made.pack(), made.rank_error)
    whole = hashes(range(rows))
    distinct = DistinctSketch.of(whole)
    assert DistinctSketch.unpack(distinct.pack(), rows).estimate() == distinct.estimate()
    kept = RowSketch.of(whole)
    assert RowSketch.unpack(kept.pack(), rows).jaccard(kept).low == 1
    for values in (range(rows), [k % 7 for k in range(rows)]):
        frequent = FrequentSketch.of(hashes(values), 1)
        assert FrequentSketch.unpack(frequent.pack(), rows).bounds == frequent.bounds


VALUES = np.random.default_rng(4).normal(0, 3, 6000)
FORMS = {
    "distinct": (
        DistinctSketch.of(hashes(range(6000))).pack(),
        lambda data: DistinctSketch.unpack(data, 6000).estimate(),
    ),
    "rows": (
        RowSketch.of(hashes(range(6000))).pack(),
        lambda data: RowSketch.unpack(data, 6000).jaccard(RowSketch.of(hashes(range(3000)))),
    ),
    "quantiles": (
        QuantileSketch.of(VALUES, GRID).pack(),
        lambda data: QuantileSketch.unpack(data, 6000, GRID).quantile(0.5),
    ),
    "histogram": (
        Histogram.of(VALUES, Grid(-9.0, 9.0, 9)).suppress(20).pack(),
        lambda data: Histogram.unpack(data, 6000, Grid(-9.0, 9.0, 9), 20).estimates(),
    ),
    "frequent": (
        FrequentSketch.of(hashes(np.round(VALUES).tolist()), 20).pack(),
        lambda data: FrequentSketch.merge([FrequentSketch.unpack(data, 6000)]),
    ),
}


@pytest.mark.parametrize("name", FORMS)
def test_damaged_sketches_are_refused_or_harmless(name):
    data, use = FORMS[name]
    use(data)
    rng = random.Random(5)
    refused = 0
    for _ in range(200):
        damaged = bytearray(data)
        for _ in range(rng.randint(1, 9)):
            place = rng.randrange(min(len(data), rng.choice([24, len(data)])))
            damaged[place] = rng.choice([0, 1, 127, 255, rng.randrange(256)])
        for forged in (bytes(damaged), bytes(damaged[: rng.randrange(len(data))])):
            try:
                use(forged)
            except DataError:
                refused += 1
    assert refused >= 200  # every one that was cut


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("byte", [b"", b"\xff", b"\0"])
def test_garbage_is_no_sketch(name, byte):
    with pytest.raises(DataError, match="forged"):
        FORMS[name][1](byte * 4096)


def test_absurd_counts_are_refused():
    with pytest.raises(DataError, match="more distinct"):
        DistinctSketch.unpack(DistinctSketch.of(hashes(range(6000))).pack(), 3000)
    with pytest.raises(DataError, match="more distinct"):
        DistinctSketch.unpack(b"\x3f" * (1 << 15), 10**12)
    with pytest.raises(DataError, match="rows"):
        RowSketch.unpack(RowSketch.of(hashes(range(60_000))).pack(), 30_000)
    with pytest.raises(DataError, match="weights"):
        QuantileSketch.unpack(FORMS["quantiles"][0], 6001, GRID)
    with pytest.raises(DataError, match="grid"):
        QuantileSketch.unpack(FORMS["quantiles"][0], 6000, Grid(-10.0, 10.0, 100))
    one = np.array([[2000], [2000], [1 << 40]], dtype="<i8").tobytes()
    with pytest.raises(DataError, match="cut"):
        QuantileSketch.unpack(one, 1 << 40, GRID)


@pytest.mark.parametrize(
    "grid",
    [
        (1.0, 1.0, 9),
        (2.0, 1.0, 9),
        (0.0, 1.0, 0),
        (0.0, 1.0, 10**9),
        (0.0, np.inf, 9),
        (np.nan, 1.0, 9),
        (-1e308, 1e308, 9),
    ],
)
def test_a_grid_that_is_none_is_refused(grid):
    with pytest.raises(UsageError):
        Grid(*grid)
