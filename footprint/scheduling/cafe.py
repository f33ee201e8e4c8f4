r"""CAFE, after Bian et al., our reading: learn most under a carbon budget, without a forecast.

Each round takes the set of clients with the largest

.. math:: f_t(S) = V U_t(S) - q_t \sum_{i \in S} y'_i(t)

U is the value of the set as a coreset of gradients (`coreset`), q the over-spend so far
(`virtual_queue`), y' the emissions of a client in shares of a round's budget, V the weight of
learning. While nothing is over-spent everybody takes part; the more, the dearer carbon gets.

Structure: J. Bian et al., "CAFE: Carbon-aware federated learning in geographically distributed
data centers", arXiv 2311.03615 v2; ACM e-Energy 2024. Confirmed are the fixed
budget, the coreset value, drift-plus-penalty and the two double greedies. Symbols, constants
and everything that is an option here are our reading: no result of the paper is reproduced.

Not hidden: the value needs a gradient of every client on the current model, also of those
who are not chosen. Computing it costs energy that the paper, according to arXiv 2509.08980,
does not charge. `probe_carbon` is that cost; whoever runs rounds books it with the training.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from footprint.errors import UsageError
from footprint.model.factors import Finding
from footprint.scheduling.arrays import Mask, amounts
from footprint.scheduling.coreset import Coreset
from footprint.scheduling.priced_cover import PricedCover, Room
from footprint.scheduling.submodular import Solver, add_greedily, fit_into, solve
from footprint.scheduling.virtual_queue import VirtualQueue

# Above this part of the budget probes change what CAFE is worth (our own trials).
MUCH_FOR_PROBES = 0.10


@dataclass(frozen=True, slots=True)
class CafeSettings:
    """How CAFE chooses.

    Attributes
    ----------
    weight : float
        V, learning against carbon [1]. In our trials 3 to 10 served well; a larger one
        overspends more and learns hardly better.
    solver : Solver or None
        None: `exact` up to 14 clients, `greedy_local` above. Those of the paper are the two
        double greedies.
    shuffles : int
        See `footprint.scheduling.submodular.solve`.
    least : int
        Participants that a round has even if they are not worth it. The bounds of the queue
        do not hold for more than 0.
    """

    weight: float = 10.0
    solver: Solver | None = None
    shuffles: int = 0
    least: int = 0

    def __post_init__(self) -> None:
        if not (np.isfinite(self.weight) and self.weight > 0):
            raise UsageError(f"Found a weight of learning of {self.weight}, expected > 0.")
        if self.least < 0:
            raise UsageError(f"A round cannot have at least {self.least} participants.")


@dataclass(frozen=True, slots=True)
class CafeChoice:
    """What one round decided, and why.

    Attributes
    ----------
    clients : tuple of int
        Their numbers, rising; none is possible.
    learning_value : float
        U of the set [1].
    objective : float
        f of the set [1].
    planned_g : float
        What their work is planned to emit [gCO2e].
    backlog, weight : float
        q and V that it was decided with [1].
    solver : Solver
        The one that ran.
    added : tuple of int
        Clients that only the smallest number of participants brought in.
    dropped : tuple of int
        Clients that did not fit into the rest of a hard budget.
    """

    clients: tuple[int, ...]
    learning_value: float
    objective: float
    planned_g: float
    backlog: float
    weight: float
    solver: Solver
    added: tuple[int, ...]
    dropped: tuple[int, ...]


def choose_clients(
    coreset: Coreset,
    carbon_g: npt.ArrayLike,
    queue: VirtualQueue,
    settings: CafeSettings | None = None,
    *,
    rest_g: float | None = None,
    rng: np.random.Generator | None = None,
) -> CafeChoice:
    """Decide who works in a round.

    Parameters
    ----------
    coreset : Coreset
        Of this round's gradients; `Coreset.among` leaves out who is not there.
    carbon_g : array_like of shape (clients,)
        What each client would emit in this round, intensity times energy [gCO2e]. For clients
        that are no candidates it does not matter.
    queue : VirtualQueue
        Update it with what the round is measured to have emitted, not with what was planned.
    settings : CafeSettings, optional
    rest_g : float, optional
        What a hard budget has left for this round [gCO2e]: no set is planned to emit more,
        even if that leaves fewer participants than wanted. Default: the budget is soft.
    rng : numpy.random.Generator, optional
        For solvers that draw.

    Raises
    ------
    UsageError
        If shapes do not fit, or a number is missing.
    """
    settings = settings or CafeSettings()
    own_g = amounts("carbon", np.asarray(carbon_g, dtype=np.float64)[coreset.candidates])
    problem = PricedCover.of(settings.weight * coreset.cover, queue.prices(own_g))
    found = solve(problem, settings.solver, rng=rng, shuffles=settings.shuffles)
    room = Room(own_g, np.inf if rest_g is None else rest_g)
    fitted = fit_into(problem, found.chosen, room)
    kept = (
        add_greedily(problem, fitted, least=settings.least, room=room) if settings.least else fitted
    )

    def named(members: Mask) -> tuple[int, ...]:
        return tuple(sorted(coreset.candidates[members].tolist()))

    return CafeChoice(
        clients=named(kept),
        learning_value=coreset.value(coreset.candidates[kept]),
        objective=problem.value(kept),
        planned_g=float(own_g[kept].sum()),
        backlog=queue.backlog,
        weight=settings.weight,
        solver=found.solver,
        added=named(kept & ~fitted),
        dropped=named(found.chosen & ~kept),
    )


def probe_carbon(local_round_g: npt.ArrayLike, probe_share: float, asked: npt.ArrayLike) -> float:
    """Emissions of gradients that are computed for the choice alone [gCO2e].

    Parameters
    ----------
    local_round_g : array_like of shape (clients,)
        Emissions of each client's local training in a round [gCO2e].
    probe_share : float
        Work of one gradient as a share of that training, rho [1].
    asked : array_like of bool, shape (clients,)
        Who computes one; see `footprint.scheduling.gradients.GradientSource`.
    """
    local_g = amounts("carbon of local rounds", local_round_g)
    return _share(probe_share) * float(local_g[np.asarray(asked, dtype=np.bool_)].sum())


def probe_overhead(probe_share: float, budget_share: float) -> float:
    r"""Part of the budget that probing everybody in every round takes, :math:`\rho / b` [1].

    Parameters
    ----------
    probe_share : float
        rho; see `probe_carbon`.
    budget_share : float
        Budget over what full participation in all rounds would emit, b [1].
    """
    if not budget_share > 0:
        raise UsageError(f"Found a budget share of {budget_share}, expected > 0.")
    return _share(probe_share) / budget_share


def check_probes(probe_share: float, budget_share: float) -> Finding | None:
    """Warn if probes take more than a tenth of the budget; parameters as `probe_overhead`."""
    part = probe_overhead(probe_share, budget_share)
    if part <= MUCH_FOR_PROBES:
        return None
    return Finding(
        "probes-eat-budget",
        f"Asking every client for a fresh gradient in every round takes {part:.0%} of the budget.",
        remedy="Use stale gradients or a smaller probe.",
    )


def _share(probe_share: float) -> float:
    if not (np.isfinite(probe_share) and probe_share >= 0):
        raise UsageError(f"Found a probe share of {probe_share}, expected 0 or more.")
    return probe_share
