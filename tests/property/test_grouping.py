"""Nobody can calculate the few rows of a cell from one answer, whatever the data are."""

import itertools
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint.management.answers import leave_rare
from footprint.management.frequent import FrequentSketch
from footprint.management.grouping import group_cells, spread_groups

CELLS = st.lists(st.integers(0, 60), min_size=1, max_size=40).map(np.array)


def told(counts, least):
    """All that leaves a silo: where groups start, and their sums."""
    starts = group_cells(counts, least)
    return tuple(starts.tolist()), tuple(np.add.reduceat(counts, starts).tolist())


def tables(cells, rows):
    """Every way to lay rows into cells."""
    for bars in itertools.combinations(range(rows + cells - 1), cells - 1):
        edges = [-1, *bars, rows + cells - 1]
        yield np.diff(edges) - 1


@pytest.mark.parametrize(
    ("cells", "rows", "least"),
    [(2, 9, 3), (3, 9, 3), (4, 9, 2), (4, 11, 3), (5, 10, 3), (6, 8, 2), (5, 8, 4)],
)
def test_every_count_that_is_no_sum_of_groups_has_many_possible_values(cells, rows, least):
    worlds = defaultdict(list)
    for counts in tables(cells, rows):
        worlds[told(counts, least)].append(np.concatenate(([0], np.cumsum(counts))))
    for (starts, totals), possible in worlds.items():
        assert min(totals) >= least
        below = np.array(possible)
        edges = {*starts, cells}
        for start, stop in itertools.combinations(range(cells + 1), 2):
            values = np.unique(below[:, stop] - below[:, start])
            if start in edges and stop in edges:
                assert len(values) == 1
            else:
                assert len(values) >= least, (starts, totals, start, stop)


@given(CELLS, st.integers(2, 30))
def test_it_does_not_matter_how_far_out_the_few_outermost_rows_lie(counts, least):
    values = np.repeat(np.arange(len(counts)), counts)
    if len(values) < least:
        return
    drawn_in = np.clip(values, values[least - 1], values[-least])
    # Where the grid ends beyond them does not matter either.
    moved = np.bincount(drawn_in, minlength=len(counts))
    assert told(moved, least) == told(counts, least)


@given(CELLS, st.integers(1, 30))
def test_groups_hold_all_rows_and_are_as_fine_as_they_can_be(counts, least):
    starts, totals = told(counts, least)
    assert sum(totals) == counts.sum()
    edges = [*starts, len(counts)]
    if least > 1:
        for start, stop in itertools.pairwise(edges):
            for cut in range(start + 1, stop):
                assert min(counts[start:cut].sum(), counts[cut:stop].sum()) < least
    spread = spread_groups(np.array(totals), np.array(starts), len(counts))
    assert np.add.reduceat(spread, starts).tolist() == list(totals)
    for start, stop in itertools.pairwise(edges):
        assert np.ptp(spread[start:stop]) <= 1


def parts(rows, largest=None):
    """Every way to have so many rows of several values, the most frequent first."""
    if not rows:
        yield ()
    for first in range(min(rows, largest or rows), 0, -1):
        yield from ((first, *rest) for rest in parts(rows - first, first))


def rare(often, least):
    return sum(times for times in often if times < least)


@pytest.mark.parametrize(("rows", "least"), [(6, 3), (9, 3), (11, 4), (12, 2)])
def test_named_values_never_say_that_a_few_rows_have_others(rows, least):
    worlds = defaultdict(set)
    for often in parts(rows):
        hashes = itertools.chain.from_iterable([k + 1] * times for k, times in enumerate(often))
        sketch = FrequentSketch.of(hashes, least)
        named = tuple(sorted(low for low, _ in sketch.bounds.values()))
        assert all(times >= least for times in named)
        hidden = sorted(often)[: len(often) - len(named)]
        assert max(hidden, default=0) <= sketch.absent
        worlds[named, sketch.absent].add(rare(often, least))
    assert len(worlds) > 2
    assert all(possible == {0} or max(possible) >= least for possible in worlds.values())


@pytest.mark.parametrize(("rows", "least"), [(6, 3), (9, 3), (11, 4), (12, 2)])
def test_a_number_of_values_never_says_that_a_few_rows_have_others(rows, least):
    worlds = defaultdict(set)
    for often in parts(rows):
        hashes = [k for k, times in enumerate(often) for _ in range(times)]
        counted, whole = leave_rare(hashes, least)
        found = len(set(counted))
        assert found <= len(often) <= found + (0 if whole else least - 1)
        worlds[found, whole].add(rare(often, least))
    for (_, whole), possible in worlds.items():
        assert min(possible) >= least if whole else 0 in possible
