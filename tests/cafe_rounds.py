"""Random rounds of clients whose gradients form clusters, as skewed data makes them."""

import numpy as np

from footprint.scheduling.coreset import measure_coreset
from footprint.scheduling.priced_cover import PricedCover


def clustered_gradients(rng, clients, *, dimensions=8, spread=0.4):
    """Two to four random centres; each client lies near one, with a length of its own."""
    centres = rng.normal(size=(int(rng.integers(2, 5)), dimensions))
    members = centres[rng.integers(len(centres), size=clients)]
    lengths = rng.uniform(0.5, 1.5, size=(clients, 1))
    return lengths * (members + spread * rng.normal(size=(clients, dimensions)))


def clustered_round(rng, clients):
    """One round: gradients, shares of data and emissions, at a backlog between 0 and 3."""
    cover = measure_coreset(clustered_gradients(rng, clients), rng.dirichlet(np.ones(clients)))
    emitted = rng.uniform(0.1, 1.0, clients) * 5 / clients
    return PricedCover.of(cover.cover, rng.uniform(0, 3) * emitted)


def subsets(count):
    """All masks over so many places."""
    return (np.arange(2**count)[:, None] >> np.arange(count) & 1).astype(bool)
