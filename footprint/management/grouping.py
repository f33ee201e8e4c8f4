"""Cells of a grid that a silo tells only together, so that no number is about few rows.

Leaving out a small cell is not enough: the total, less all other cells, is that cell. So small
cells are told in one sum with those beside them, and there is no other number to take off.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterator
from itertools import pairwise

import numpy as np


def group_cells(counts: np.ndarray, least: int) -> np.ndarray:
    """Divide the cells of a grid into runs with enough rows each.

    Our rule: the cuts between cells are tried in a public order, halves of the grid first, and
    one is made if enough rows lie on both of its sides, up to the next cut. An empty run counts
    as one with few rows, so nobody can look for the last row by moving the grid.

    What follows for whoever knows the rule, all groups and their sums (`tests/property`):

    - A count of a run of cells is known exactly only if it is made of whole groups, and at
      least `least` different counts are possible of any other.
    - Nothing depends on where the fewer than `least` lowest, or highest, rows lie beyond the
      next one.

    Parameters
    ----------
    counts : ndarray of int
        Rows in each cell.
    least : int
        Rows of a group; 1 tells every cell.

    Returns
    -------
    ndarray of int
        First cell of each group, ascending; one group if there are fewer rows in all.
    """
    if least <= 1:
        return np.arange(len(counts))
    below = np.concatenate(([0], np.cumsum(counts)))
    cuts = [0, len(counts)]
    for cut in _cuts(len(counts)):
        place = bisect_left(cuts, cut)
        left, right = cuts[place - 1], cuts[place]
        if below[cut] - below[left] >= least and below[right] - below[cut] >= least:
            insort(cuts, cut)
    return np.array(cuts[:-1])


def _cuts(cells: int) -> Iterator[int]:
    """Give the middle of all cells, then those of the halves, and so on."""
    runs = deque([(0, cells)])
    while runs:
        start, stop = runs.popleft()
        if stop - start > 1:
            middle = (start + stop) // 2
            yield middle
            runs += [(start, middle), (middle, stop)]


def spread_groups(totals: np.ndarray, starts: np.ndarray, cells: int) -> np.ndarray:
    """Spread the sum of each group over its cells as evenly as whole rows can be."""
    spread = np.zeros(cells, dtype=np.int64)
    for total, (start, stop) in zip(totals, pairwise([*starts, cells]), strict=True):
        each, more = divmod(int(total), int(stop - start))
        spread[start:stop] = each
        spread[start : start + more] += 1
    return spread
