"""Clients that could take part, by domain and in energy: the form that a round is solved in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from footprint.scheduling.fedzero.enumeration import Batch
from footprint.scheduling.fedzero.milp import able, usable
from footprint.scheduling.fedzero.problem import Floats, Indices, RoundProblem


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """The candidates of one domain, by falling worth of energy.

    Attributes
    ----------
    clients : ndarray of shape (clients,)
        Their places in the problem.
    rate_ws : ndarray of shape (clients, steps)
        Most energy of a client in a step [Ws].
    energy_ws : ndarray of shape (steps,)
        Energy of the domain in a step [Ws].
    low_ws, high_ws : ndarray of shape (clients,)
        Limits of the total of a client [Ws].
    gain : ndarray of shape (clients,)
        Worth of energy [1/Ws].
    """

    clients: Indices
    rate_ws: Floats
    energy_ws: Floats
    low_ws: Floats
    high_ws: Floats
    gain: Floats

    def of(self, members: Indices) -> Block:
        """Keep some clients."""
        return Block(
            self.clients[members],
            self.rate_ws[members],
            self.energy_ws,
            self.low_ws[members],
            self.high_ws[members],
            self.gain[members],
        )

    def merged(self) -> Block:
        """Add up steps that differ by nothing but their length.

        Steps in which all numbers have the same proportions, and steps in which the energy
        suffices for everybody, serve together exactly what they serve one by one.
        """
        together = self.rate_ws.sum(axis=0)
        energy_ws = np.minimum(self.energy_ws, together)
        used = energy_ws > 0
        enough = energy_ws[used] >= together[used]
        shares = self.rate_ws[:, used] / np.where(enough, 1.0, energy_ws[used])
        shares[:, enough] = -1.0  # one kind, whatever its proportions
        _, kind = np.unique(shares.round(12), axis=1, return_inverse=True)
        count = int(kind.max(initial=-1)) + 1
        merge = np.zeros((len(kind), count))
        merge[np.arange(len(kind)), kind.ravel()] = 1.0
        return Block(
            self.clients,
            self.rate_ws[:, used] @ merge,
            energy_ws[used] @ merge,
            self.low_ws,
            self.high_ws,
            self.gain,
        )

    def round(self, count: int) -> RoundProblem:
        """State the choice of some of these clients as a round of its own, with energy as work."""
        return RoundProblem(
            spare=self.rate_ws,
            energy_ws=self.energy_ws[None],
            domain=np.zeros(len(self.clients), dtype=np.int64),
            energy_per_batch_ws=np.ones(len(self.clients)),
            least=np.minimum(self.low_ws, self.high_ws),
            most=self.high_ws,
            weight=self.gain,
            count=count,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """The candidates of all domains, sorted by domain and by falling worth of energy.

    Attributes
    ----------
    clients : ndarray of shape (candidates,)
        Their places in the problem.
    rate_ws : ndarray of shape (candidates, steps)
    low_ws, high_ws, gain : ndarray of shape (candidates,)
        As in `Block`.
    energy_ws : ndarray of shape (domains, steps)
        Of the domains that have candidates [Ws].
    starts : ndarray of shape (domains + 1,)
        Where the candidates of each such domain begin, and the end.
    """

    clients: Indices
    rate_ws: Floats
    low_ws: Floats
    high_ws: Floats
    gain: Floats
    energy_ws: Floats
    starts: Indices

    @property
    def sizes(self) -> Indices:
        """Candidates of each domain."""
        return np.diff(self.starts)

    def block(self, domain: int) -> Block:
        """One domain."""
        of = slice(self.starts[domain], self.starts[domain + 1])
        return Block(
            self.clients[of],
            self.rate_ws[of],
            self.energy_ws[domain],
            self.low_ws[of],
            self.high_ws[of],
            self.gain[of],
        )

    def batch(self, domains: Indices, size: int) -> Batch:
        """Domains that have `size` candidates each."""
        places = self.starts[domains] + np.arange(size)[:, None]
        return Batch(
            rate_ws=np.ascontiguousarray(self.rate_ws[places].transpose(0, 2, 1)),
            energy_ws=np.ascontiguousarray(self.energy_ws[domains].T),
            low_ws=self.low_ws[places],
            high_ws=self.high_ws[places],
            gain=self.gain[places],
        )


def candidates_of(problem: RoundProblem) -> Candidates:
    """Find the clients that reach their least work alone, and count their work in energy."""
    capacity = usable(problem)
    clients = able(problem, capacity)
    per_batch_ws = problem.energy_per_batch_ws[clients]
    gain = problem.weight[clients] / per_batch_ws
    order = np.lexsort((-gain, problem.domain[clients]))
    clients, per_batch_ws, gain = clients[order], per_batch_ws[order], gain[order]
    most = problem.most[clients]
    rate = capacity[clients]
    # A client that reaches its least work but for rounding has that as its most.
    high = np.maximum(np.minimum(most, rate.sum(axis=1)), problem.least[clients])
    domains, starts = np.unique(problem.domain[clients], return_index=True)
    rate_ws = rate * per_batch_ws[:, None]
    return Candidates(
        clients=clients,
        rate_ws=rate_ws,
        low_ws=problem.least[clients] * per_batch_ws,
        high_ws=high * per_batch_ws,
        gain=gain,
        # Twice what all can use together is as good as no limit, and keeps numbers small.
        energy_ws=np.minimum(problem.energy_ws[domains], 2 * np.add.reduceat(rate_ws, starts)),
        starts=np.append(starts, len(clients)),
    )
