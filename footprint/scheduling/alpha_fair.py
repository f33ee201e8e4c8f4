r"""Which clients work in which slots, planned ahead: alpha-fair with slack and fine-tuning.

.. math:: \max_a \sum_c \Bigl[\sum_t (g_{max} - g_c(t))\, a_c(t)\Bigr]^\alpha
    \quad \text{subject to} \quad \sum_{c,t} g_c(t)\, a_c(t) \le k

over T rounds and some slack. With alpha = 1 the cleanest work is done, whoever does it; the
closer alpha is to 0, the more evenly carbon is spread over the clients. The last rounds before
the end, T + s, are for fine-tuning: everybody takes part, and they count. The end is part of
the plan.

Within a client, a cheaper slot is worth more and costs less, so an optimal plan takes its n
cheapest ones: only the n are searched, and value per gram never grows with n. That makes the
greedy plan one sort, and gives an upper bound of every plan by taking a part of the first slot
that did not fit.

The three parts belong together: without fine-tuning and unbiased weights such a plan lost
to "everybody until the budget is spent" in our own trials.

Source: Arputharaj, Rodriguez, Rodio, Neglia, arXiv 2509.08980 (2025). They solve an
integer program; that fine-tuning counts in the objective is our reading.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
import numpy.typing as npt

from footprint.errors import UsageError
from footprint.scheduling.arrays import ROUNDING, Array, Indices, Mask, amounts


@dataclass(frozen=True, slots=True)
class AlphaFairSettings:
    """What a plan is made for.

    Attributes
    ----------
    rounds : int
        T, slots without slack.
    slack : int
        Slots by which the end may be later at most.
    tuning : int
        Rounds of fine-tuning at the end.
    alpha : float
        Above 0, at most 1.
    seeds : int
        0 to 3: also try every plan that begins with so many given slots. Three of them carry
        the guarantee of 1 - 1/e for a submodular value under a knapsack constraint (M.
        Sviridenko, 2004); the bound of the plan is usually far tighter.
    """

    rounds: int
    slack: int = 0
    tuning: int = 1
    alpha: float = 0.1
    seeds: int = 0

    def __post_init__(self) -> None:
        if self.rounds < 1 or self.slack < 0 or not 0 <= self.tuning <= self.rounds:
            raise UsageError(
                f"Found {self.rounds} rounds, {self.slack} of slack, {self.tuning} of fine-tuning."
            )
        if not 0 < self.alpha <= 1:
            raise UsageError(f"Found alpha = {self.alpha}, expected above 0 and at most 1.")
        if not 0 <= self.seeds <= 3:
            raise UsageError(f"Found {self.seeds} seeds, expected 0 to 3.")


@dataclass(frozen=True, slots=True)
class AlphaFairPlan:
    """Who works when.

    Attributes
    ----------
    joins : ndarray of bool, shape (clients, slots)
        Nobody works at `stop` or later.
    tuning_from, stop : int
        Slots between which everybody fine-tunes.
    utility : float
        Of this plan, in the unit of the objective.
    bound : float
        What no plan exceeds.
    emissions_g : float
        [gCO2e]
    """

    joins: Mask
    tuning_from: int
    stop: int
    utility: float
    bound: float
    emissions_g: float

    @property
    def participation(self) -> Array:
        """Share of the rounds before fine-tuning in which each client works, pi [1].

        A slot in which nobody works is no round.
        """
        before = self.joins[:, : self.tuning_from]
        held = int(before.any(axis=0).sum())
        shares: Array = before.sum(axis=1) / max(held, 1)
        return shares


def plan_alpha_fair(
    carbon_g: npt.ArrayLike, budget_g: float, settings: AlphaFairSettings
) -> AlphaFairPlan:
    """Plan who works when.

    Parameters
    ----------
    carbon_g : array_like of shape (clients, slots)
        Emissions of each client if it worked in each slot, g = E CI [gCO2e]. Slots beyond
        T + slack are not used.
    budget_g : float
        k [gCO2e].
    settings : AlphaFairSettings

    Returns
    -------
    AlphaFairPlan
        Of equal plans the one that ends first.

    Raises
    ------
    UsageError
        If there are too few slots, or fine-tuning alone does not fit into the budget anywhere.
    """
    window = settings.rounds + settings.slack
    needs = amounts("carbon", carbon_g, dimensions=2)[:, :window]
    if needs.shape[1] < window or not needs.size:
        raise UsageError(
            f"Found {needs.shape[0]} clients and {needs.shape[1]} slots, expected {window} slots.",
            "Use a longer forecast; it is not extrapolated.",
        )
    dearest = float(needs.max())
    found = [
        plan
        for late in range(settings.slack + 1)
        for plan in _plans(needs, dearest, budget_g, settings, settings.rounds + late)
    ]
    if not found:
        raise UsageError(
            f"Fine-tuning of {settings.tuning} round(s) emits more than {budget_g:g} g anywhere.",
            "Use a larger budget or fewer rounds of fine-tuning.",
        )
    best = max(found, key=lambda plan: plan.utility)
    bound = max(plan.bound for plan in found)
    return AlphaFairPlan(
        best.joins, best.tuning_from, best.stop, best.utility, bound, best.emissions_g
    )


def _plans(
    needs: Array, dearest: float, budget_g: float, settings: AlphaFairSettings, stop: int
) -> Iterator[AlphaFairPlan]:
    """Best plan that ends at a slot; none if its fine-tuning does not fit."""
    start = stop - settings.tuning
    tuned = needs[:, start:stop]
    rest_g = budget_g - float(tuned.sum())
    if rest_g < 0:
        return
    ladder = _Ladder.of(needs[:, :start], dearest, (dearest - tuned).sum(axis=1), settings.alpha)
    counts = max(
        (ladder.climb(rest_g, seed) for seed in _seeds(len(needs), settings.seeds)),
        key=ladder.utility,
    )
    joins = np.zeros(needs.shape, dtype=np.bool_)
    joins[:, start:stop] = True
    for client, count in enumerate(counts):
        joins[client, ladder.slots[client, :count]] = True
    yield AlphaFairPlan(
        joins=joins,
        tuning_from=start,
        stop=stop,
        utility=ladder.utility(counts),
        bound=ladder.bound(rest_g),
        emissions_g=float(needs[joins].sum()),
    )


def _seeds(clients: int, size: int) -> Iterator[Indices]:
    """List counts of slots per client to begin with, up to `size` in all."""
    for taken in range(size + 1):
        for members in combinations_with_replacement(range(clients), taken):
            yield np.bincount(np.array(members, dtype=np.intp), minlength=clients)


@dataclass(frozen=True, slots=True)
class _Ladder:
    """Steps of every client from its cheapest slot on, each with what it needs and gains."""

    slots: Indices  # (clients, steps)
    needs: Array  # (clients, steps)
    levels: Array  # (clients, steps + 1), utility after so many steps
    order: Indices  # flat, by gain per gram
    rates: Array  # of the same

    @classmethod
    def of(cls, needs: Array, dearest: float, before: Array, alpha: float) -> _Ladder:
        slots = np.argsort(needs, axis=1, kind="stable")
        sorted_g = np.take_along_axis(needs, slots, axis=1)
        worth = np.concatenate([before[:, None], dearest - sorted_g], axis=1)
        levels = np.cumsum(worth, axis=1) ** alpha
        gains = np.diff(levels, axis=1)
        rates = np.full(gains.shape, np.inf)
        np.divide(gains, sorted_g, out=rates, where=sorted_g > 0)
        # Rates never grow along a client; rounding must not say otherwise.
        rates = np.minimum.accumulate(np.where(gains > 0, rates, 0.0), axis=1)
        order = np.argsort(-rates, axis=None, kind="stable")
        order = order[rates.flat[order] > 0]
        return cls(slots, sorted_g, levels, order, rates.flat[order])

    def utility(self, counts: Indices) -> float:
        return float(self.levels[np.arange(len(counts)), counts].sum())

    def climb(self, rest_g: float, seed: Indices) -> Indices:
        """Take steps by gain per gram, and leave out those that do not fit."""
        steps = self.needs.shape[1]
        forced = np.arange(steps)[None, :] < seed[:, None]
        if seed.max(initial=0) > steps or self.needs[forced].sum() > rest_g:
            return np.zeros_like(seed)
        counts = seed.copy()
        rest_g -= float(self.needs[forced].sum())
        items = self.order[~forced.flat[self.order]]
        while len(items):
            spent_g = np.cumsum(self.needs.flat[items])
            # Sums of many slots: what rounding alone adds does not count.
            fits = int(np.searchsorted(spent_g, rest_g * (1 + ROUNDING), side="right"))
            if fits:
                np.add.at(counts, items[:fits] // steps, 1)
                rest_g = max(0.0, rest_g - float(spent_g[fits - 1]))
            # A client's later steps need more than the one that did not fit.
            items = items[fits:]
            items = items[self.needs.flat[items] <= rest_g]
        return counts

    def bound(self, rest_g: float) -> float:
        """Find the utility if the first step that does not fit could be taken in part."""
        spent_g = np.cumsum(self.needs.flat[self.order])
        fits = int(np.searchsorted(spent_g, rest_g, side="right"))
        taken = self.order[:fits]
        gains = np.diff(self.levels, axis=1)
        bound = float(self.levels[:, 0].sum()) + float(gains.flat[taken].sum())
        if fits < len(self.order):
            left_g = rest_g - (float(spent_g[fits - 1]) if fits else 0.0)
            bound += float(self.rates[fits]) * left_g
        return bound


def slack_saving(carbon_g: npt.ArrayLike, rounds: int) -> float:
    r"""Share of a client's emissions that waiting for its cheapest slots saves [1].

    .. math:: 1 - \frac{\sum_{T\ \text{cheapest of}\ T + t_{sl}} g}{\sum_{\text{first}\ T} g}

    Parameters
    ----------
    carbon_g : array_like of shape (rounds + slack,)
        [gCO2e]
    rounds : int
        T.
    """
    needs = amounts("carbon", carbon_g)
    if not 1 <= rounds <= len(needs):
        raise UsageError(f"{rounds} rounds do not fit into {len(needs)} slots.")
    first_g = float(needs[:rounds].sum())
    if not first_g > 0:
        raise UsageError("The first rounds emit nothing, so nothing can be saved.")
    return 1 - float(np.sort(needs)[:rounds].sum()) / first_g
