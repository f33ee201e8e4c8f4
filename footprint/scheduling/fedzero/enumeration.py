r"""All sets of clients of one small domain at once, exactly and without a solver.

Work is counted in energy here: a client of a domain uses :math:`e_{i,t} \le k_{i,t}` in a
step, the domain has :math:`r_t`, and the client's total :math:`x_i` lies between
:math:`l_i` and :math:`h_i` and is worth :math:`p_i x_i`. The totals that a domain can
serve are a polymatroid, :math:`x(X) \le f(X) = \sum_t \min(r_t, k_t(X))` for every set X
(max-flow min-cut), and it stays one above the lower limits l. So

- a set S is feasible if and only if :math:`l(X) \le f(X)` for all :math:`X \subseteq S`;
- the best totals are greedy: clients in falling order of p, each as high as it goes;
- with A_j the first j clients in that order, the greedy reaches for all j at once

.. math:: x(S \cap A_j) = h(S \cap A_j) + \min_{X \subseteq S} c_j(X), \quad
    c_j(X) = f(X) - h(X \cap A_j) - l(X \setminus A_j)

(each X is a cut). c_j does not depend on S, so one running minimum over subsets gives the
answer for every S together: :math:`m^2 2^m` operations for all sets of m clients, for
many domains in one array operation.

References
----------
Polymatroids and the greedy: J. Edmonds, "Submodular functions, matroids, and certain
polyhedra", 1970. The use for this problem is ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from footprint.scheduling.fedzero.problem import TOLERANCE, Flags, Floats, Indices

# Sets times domains that are worked on together: what a cache of a processor holds.
_TOGETHER = 1 << 16


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Domains with equally many clients; the domain is the last axis.

    Attributes
    ----------
    rate_ws : ndarray of shape (clients, steps, domains)
        Most energy of a client in a step, k [Ws].
    energy_ws : ndarray of shape (steps, domains)
        Energy of a domain in a step, r [Ws].
    low_ws, high_ws : ndarray of shape (clients, domains)
        Limits of the total of a client, l and h [Ws].
    gain : ndarray of shape (clients, domains)
        Worth of energy, p, falling along the first axis [1/Ws].
    """

    rate_ws: Floats
    energy_ws: Floats
    low_ws: Floats
    high_ws: Floats
    gain: Floats

    @property
    def shape(self) -> tuple[int, int]:
        """Clients per domain, and domains."""
        return self.low_ws.shape[0], self.low_ws.shape[1]

    def part(self, domains: slice) -> Batch:
        """Take some domains."""
        return Batch(
            self.rate_ws[..., domains],
            self.energy_ws[..., domains],
            self.low_ws[..., domains],
            self.high_ws[..., domains],
            self.gain[..., domains],
        )

    def parts(self) -> list[Batch]:
        """Split into pieces that fit into a cache."""
        clients, domains = self.shape
        width = max(1, _TOGETHER >> clients)
        return [self.part(slice(at, at + width)) for at in range(0, domains, width)]


def largest_counts(batch: Batch) -> Indices:
    """Find the most clients that reach their lower limit together, of shape (domains,)."""
    return np.concatenate([_largest_counts(part) for part in batch.parts()])


def best_sets(batch: Batch) -> tuple[Floats, Indices]:
    """Find the best set of each size.

    Returns
    -------
    values : ndarray of shape (clients + 1, domains)
        Its worth; minus infinity if no set of that size is feasible.
    sets : ndarray of shape (clients + 1, domains)
        Its members, as bits.
    """
    found = [_best_sets(part) for part in batch.parts()]
    return np.hstack([one[0] for one in found]), np.hstack([one[1] for one in found])


def _largest_counts(batch: Batch) -> Indices:
    feasible = _feasible(_slack(batch), batch)
    sizes = _sizes(batch.shape[0])[:, None]
    counts: Indices = np.where(feasible, sizes, 0).max(axis=0)
    return counts


def _best_sets(batch: Batch) -> tuple[Floats, Indices]:
    clients, domains = batch.shape
    slack = _slack(batch)
    feasible = _feasible(slack, batch)
    worth, high = np.zeros_like(slack), np.zeros_like(slack)
    steps = batch.gain - np.vstack([batch.gain[1:], np.zeros((1, domains))])
    for client in range(clients):
        # From c_{j-1} to c_j: the client counts with its upper limit now.
        _with(slack, client)[...] -= batch.high_ws[client] - batch.low_ws[client]
        _with(high, client)[...] += batch.high_ws[client]
        if np.any(steps[client]):
            worth += steps[client] * (high + _least_over_subsets(slack.copy()))
    worth[~feasible] = -np.inf
    values = np.empty((clients + 1, domains))
    sets = np.empty((clients + 1, domains), dtype=np.int64)
    for size, masks in enumerate(_masks_by_size(clients)):
        best = worth[masks].argmax(axis=0)
        sets[size] = masks[best]
        values[size] = worth[sets[size], np.arange(domains)]
    return values, sets


def _slack(batch: Batch) -> Floats:
    """f(X) - l(X) of every set, of shape (2^clients, domains)."""
    served = -_sum_over_sets(batch.low_ws)
    for step, energy_ws in enumerate(batch.energy_ws):
        served += np.minimum(_sum_over_sets(batch.rate_ws[:, step]), energy_ws)
    return served


def _feasible(slack: Floats, batch: Batch) -> Flags:
    least = _least_over_subsets(slack.copy())
    return np.asarray(least >= -TOLERANCE * batch.low_ws.sum(axis=0))


def _sum_over_sets(values: Floats) -> Floats:
    """Sum over the members of every set; set number X holds client i if bit i of X is one."""
    clients, domains = values.shape
    sums = np.zeros((1 << clients, domains))
    for client in range(clients):
        half = 1 << client
        np.add(sums[:half], values[client], out=sums[half : 2 * half])
    return sums


def _with(values: Floats, client: int) -> Floats:
    """View of the sets that hold a client."""
    return values.reshape(-1, 2, 1 << client, values.shape[1])[:, 1]


def _least_over_subsets(values: Floats) -> Floats:
    """Replace the value of every set by the least of its subsets, in place."""
    for client in range(values.shape[0].bit_length() - 1):
        halves = values.reshape(-1, 2, 1 << client, values.shape[1])
        np.minimum(halves[:, 1], halves[:, 0], out=halves[:, 1])
    return values


@cache
def _sizes(clients: int) -> Indices:
    sizes = np.zeros(1, dtype=np.int64)
    for _ in range(clients):
        sizes = np.concatenate([sizes, sizes + 1])
    return sizes


@cache
def _masks_by_size(clients: int) -> tuple[Indices, ...]:
    sizes = _sizes(clients)
    return tuple(np.flatnonzero(sizes == size) for size in range(clients + 1))
