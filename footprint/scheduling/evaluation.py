"""What a run of a policy is worth: figures that several policies can be compared by.

Pure functions over the columns of a `SimulationRun`. Nothing is extrapolated, and what was not
measured or not reached is None.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from footprint.errors import UsageError
from footprint.model import Course, MethodPlans, MethodTrainings, Metric, SeedResult
from footprint.scheduling.arrays import Array
from footprint.scheduling.curves import (
    WINDOW,
    first_reaching,
    lorenz_curve,
    mean_between,
    points_of,
    value_at,
    worst_decile,
)
from footprint.scheduling.participation import jain_index, selection_heterogeneity
from footprint.scheduling.signals import emissions_under, hours_up_to
from footprint.simulation.booking import GRID, NETWORK
from footprint.simulation.results import SimulationRun
from footprint.units import S_PER_H, watt_seconds_to_kwh

_COURSE_POINTS = 120


@dataclass(frozen=True, slots=True, eq=False)
class ServerRates:
    """What energy of the server costs, by the hours of the simulation.

    Attributes
    ----------
    g_per_kwh, second_g_per_kwh : ndarray of shape (hours,)
        Intensity of its grid under both signals; NaN where nobody knows.
    price_per_kwh : float
        NaN where nobody knows.
    """

    g_per_kwh: npt.NDArray[np.float64]
    second_g_per_kwh: npt.NDArray[np.float64]
    price_per_kwh: float = math.nan


@dataclass(frozen=True, slots=True, eq=False)
class Measures:
    """What a run is measured by, beside its own columns.

    Attributes
    ----------
    target : float or None
        Accuracy to reach [1].
    second_g_per_kwh : ndarray of shape (domains, hours), or None
        Intensity of the second signal, by the hours of the simulation.
    price_per_kwh : ndarray of shape (domains,), or None
        Of grids, for what was spent after the last round; NaN where nobody knows.
    server : ServerRates or None
        None if the run has no server.
    overhead_w : float or None
        Power of the processor that runs the policy [W].
    client_accuracy : ndarray of shape (clients,), or None
        Of the last model on the data of each client [1].
    spending : str or None
        Resource of the first budget, whose course is kept.
    plans : MethodPlans or None
        What came of choosing methods.
    whole_accuracy : float or None
        Of the last model with all of its weights, where it is else evaluated as it was trained [1].
    """

    target: float | None = None
    second_g_per_kwh: npt.NDArray[np.float64] | None = None
    price_per_kwh: npt.NDArray[np.float64] | None = None
    server: ServerRates | None = None
    overhead_w: float | None = None
    client_accuracy: npt.NDArray[np.float64] | None = None
    spending: str | None = None
    plans: MethodPlans | None = None
    whole_accuracy: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """A run, reduced to what it is compared by; columns have one value per round.

    Attributes
    ----------
    seed : int
    ended_by : str
    ends_s : ndarray
        End of each round since the start [s].
    emissions_g, spent : ndarray or None
        So far, and of the first budget; None where nobody knows.
    units : ndarray
        Accepted so far.
    accuracy : ndarray or None
        NaN where it was not measured; None if it never was.
    figures : dict of Metric to (float or None)
    lorenz, domains : tuple of float
    methods : tuple of MethodTrainings
    plans : MethodPlans or None
        As in `SeedResult`.
    """

    seed: int
    ended_by: str
    ends_s: Array
    emissions_g: Array | None
    spent: Array | None
    units: Array
    accuracy: Array | None
    figures: dict[Metric, float | None] = field(default_factory=dict)
    lorenz: tuple[float, ...] = ()
    domains: tuple[float, ...] = ()
    methods: tuple[MethodTrainings, ...] = ()
    plans: MethodPlans | None = None

    def result(self, shared: Mapping[Metric, float | None]) -> SeedResult:
        """Make the part of a document, with figures that depend on the other runs."""
        return SeedResult(
            self.seed,
            self.ended_by,
            {**self.figures, **shared},
            _course(self),
            self.lorenz,
            self.domains,
            self.methods,
            self.plans,
        )


def reduce_run(run: SimulationRun, measures: Measures | None = None) -> Trial:
    """Reduce a run to what it is compared by.

    Raises
    ------
    UsageError
        If the run has a server, and the measures have no rates of it.
    """
    measures = measures or Measures()
    rounds = run.rounds
    ends_s = (rounds.start_s + rounds.steps * run.rules.step_s - run.rules.start_s).astype(float)
    sums = _sums(run, measures, ends_s)
    accuracy = None if np.isnan(rounds.accuracy).all() else rounds.accuracy
    units = np.cumsum(rounds.accepted_units)
    done = float(units[-1]) if len(units) else 0.0
    totals = {metric: value for metric, (_, value) in sums.items()}
    columns = {metric: column for metric, (column, _) in sums.items()}
    figures: dict[Metric, float | None] = {
        Metric.ROUNDS: float(len(rounds)),
        Metric.ELAPSED_S: run.elapsed_s,
        **totals,
        Metric.ACCEPTED_UNITS: done,
        Metric.G_PER_UNIT: _ratio(totals[Metric.EMISSIONS_G], done),
        Metric.SECOND_G_PER_UNIT: _ratio(totals[Metric.SECOND_G], done),
        Metric.KWH_PER_UNIT: _ratio(totals[Metric.ENERGY_KWH], done),
        **_reached(accuracy, measures.target, ends_s, columns),
        **_learned(accuracy, measures.client_accuracy),
        **_evaluated_whole(accuracy, measures.whole_accuracy),
        **_kept(run),
        **_fairness(run),
        **_waste(run, measures.overhead_w),
    }
    spending = _SPENDING.get(measures.spending or "")
    return Trial(
        run.seed,
        run.ended_by,
        ends_s,
        columns[Metric.EMISSIONS_G],
        ends_s if measures.spending == "time_s" else columns.get(spending) if spending else None,
        units,
        accuracy,
        figures,
        lorenz_curve(run.clients.accepted),
        _domain_shares(run),
        tuple(
            MethodTrainings(
                one.cost.name, tuple(one.trainings.tolist()), one.energy_kwh, one.reference_kwh
            )
            for one in run.methods
        ),
        measures.plans,
    )


_SPENDING = {
    "carbon_g": Metric.EMISSIONS_G,
    "energy_kwh": Metric.ENERGY_KWH,
    "money_eur": Metric.COST,
    "money_usd": Metric.COST,
}


def _sums(
    run: SimulationRun, measures: Measures, ends_s: Array
) -> dict[Metric, tuple[Array | None, float | None]]:
    """Energy, emissions and cost, server included: up to the end of each round, and of all."""
    rounds, clients = run.rounds, run.clients
    energy_kwh = np.cumsum(
        rounds.energy_kwh + rounds.wait_kwh + rounds.network_kwh + rounds.probe_kwh
    )
    emissions_g, cost = np.cumsum(rounds.emissions_g), np.cumsum(rounds.cost)
    all_g, all_cost = float(clients.emissions_g.sum()), _cost_of_all(run, measures)
    second_g, all_second_g = np.full(len(rounds), np.nan), math.nan
    if measures.second_g_per_kwh is not None:
        second_g, all_second_g = emissions_under(run, measures.second_g_per_kwh)
    all_kwh, rates = run.energy_kwh, measures.server
    if run.server_kwh is not None:
        if rates is None:
            raise UsageError(
                "The run has a server, and nobody says what its energy emits.",
                "Give Measures the rates of the server.",
            )
        # The server draws evenly; what policies compute on it is spread over the run.
        moments_s = np.append(ends_s, run.elapsed_s)
        mean_kw = run.server_kwh / max(run.elapsed_s / S_PER_H, 1e-9)
        served_kwh = mean_kw * moments_s / S_PER_H
        served_g = mean_kw * hours_up_to(rates.g_per_kwh, moments_s)
        second_served_g = mean_kw * hours_up_to(rates.second_g_per_kwh, moments_s)
        energy_kwh, all_kwh = energy_kwh + served_kwh[:-1], all_kwh + served_kwh[-1]
        emissions_g, all_g = emissions_g + served_g[:-1], all_g + served_g[-1]
        second_g, all_second_g = second_g + second_served_g[:-1], all_second_g + second_served_g[-1]
        cost = cost + rates.price_per_kwh * served_kwh[:-1]
        all_cost += rates.price_per_kwh * served_kwh[-1]
    return {
        Metric.ENERGY_KWH: (energy_kwh, float(all_kwh)),
        Metric.EMISSIONS_G: (_known(emissions_g), _number(all_g)),
        Metric.SECOND_G: (_known(second_g), _number(all_second_g)),
        Metric.COST: (_known(cost), _number(all_cost)),
    }


def _cost_of_all(run: SimulationRun, measures: Measures) -> float:
    """Cost of clients; of probes after the last round too, which are in no row of rounds."""
    rounds = run.rounds
    own_kwh = rounds.energy_kwh + rounds.wait_kwh + rounds.network_kwh + rounds.probe_kwh
    in_rounds_kwh = float(own_kwh.sum())
    if math.isclose(in_rounds_kwh, run.energy_kwh, rel_tol=1e-9):
        return float(rounds.cost.sum())
    if measures.price_per_kwh is None:
        return math.nan
    grid_kwh = run.hours.energy_kwh[: NETWORK.start, GRID].sum(axis=(0, 2))
    return float(np.where(grid_kwh > 0, grid_kwh * measures.price_per_kwh, 0.0).sum())


def _known(column: Array) -> Array | None:
    return None if np.isnan(column).any() else column


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _ratio(part: float | None, whole: float | None) -> float | None:
    return part / whole if part is not None and whole else None


# --- accuracy ----------------------------------------------------------------


def _reached(
    accuracy: Array | None,
    target: float | None,
    ends_s: Array,
    columns: Mapping[Metric, Array | None],
) -> dict[Metric, float | None]:
    """Take each column where the target was reached."""
    place = None
    if accuracy is not None and target is not None:
        place = first_reaching(accuracy, target)
    columns = {
        Metric.ROUNDS_TO_TARGET: np.arange(1.0, len(ends_s) + 1),
        Metric.TIME_TO_TARGET_S: ends_s,
        Metric.ENERGY_TO_TARGET_KWH: columns[Metric.ENERGY_KWH],
        Metric.EMISSIONS_TO_TARGET_G: columns[Metric.EMISSIONS_G],
        Metric.SECOND_TO_TARGET_G: columns[Metric.SECOND_G],
        Metric.COST_TO_TARGET: columns[Metric.COST],
    }
    return {
        metric: None if place is None or column is None else float(column[place])
        for metric, column in columns.items()
    }


def _learned(accuracy: Array | None, by_client: Array | None) -> dict[Metric, float | None]:
    measured = np.array([]) if accuracy is None else accuracy[~np.isnan(accuracy)]
    return {
        Metric.ACCURACY: float(measured[-WINDOW:].mean()) if len(measured) else None,
        Metric.BEST_ACCURACY: float(measured.max()) if len(measured) else None,
        Metric.WORST_DECILE_ACCURACY: None if by_client is None else worst_decile(by_client),
    }


def _evaluated_whole(accuracy: Array | None, whole: float | None) -> dict[Metric, float | None]:
    """Hold the last model as it was trained beside the same one with all of its weights."""
    if whole is None or accuracy is None or np.isnan(accuracy[-1]):
        return {}
    return {Metric.LAST_ACCURACY: float(accuracy[-1]), Metric.WHOLE_ACCURACY: whole}


def shared_range(trials: Sequence[Trial]) -> tuple[float, float] | None:
    """Emissions that the accuracy of every run is known for, from and to [gCO2e].

    None if one of them has no accuracy or no emissions, or they share nothing.
    """
    low, high = 0.0, math.inf
    for trial in trials:
        if trial.accuracy is None or trial.emissions_g is None:
            return None
        xs, _ = points_of(trial.emissions_g, trial.accuracy)
        if not len(xs):
            return None
        low, high = max(low, float(xs[0])), min(high, float(xs[-1]))
    return (low, high) if trials and low <= high else None


def shared_figures(trial: Trial, shared: tuple[float, float] | None) -> dict[Metric, float | None]:
    """Accuracy of a run where all have emitted the same, and on the way there."""
    if shared is None or trial.emissions_g is None or trial.accuracy is None:
        return {Metric.ACCURACY_AT_SHARED: None, Metric.ACCURACY_UP_TO_SHARED: None}
    return {
        Metric.ACCURACY_AT_SHARED: value_at(trial.emissions_g, trial.accuracy, shared[1]),
        Metric.ACCURACY_UP_TO_SHARED: mean_between(trial.emissions_g, trial.accuracy, *shared),
    }


# --- budget, fairness, waste -------------------------------------------------


def _kept(run: SimulationRun) -> dict[Metric, float | None]:
    """How well the first budget was kept; a budget that was not overspent has no such round."""
    if not run.budgets:
        return {}
    budget = run.budgets[0]
    passed = budget.overspent_in
    return {
        Metric.BUDGET_VIOLATION: budget.violation,
        Metric.BUDGET_UNUSED: budget.unused,
        Metric.OVERSPENT_IN_ROUND: None if passed is None else float(passed + 1),
    }


def _fairness(run: SimulationRun) -> dict[Metric, float | None]:
    clients = run.clients
    spent_kwh = clients.energy_kwh + clients.probe_kwh + np.nan_to_num(clients.wait_kwh)
    rounds = len(run.rounds)
    shares = clients.accepted / rounds if rounds else None
    heterogeneity = math.inf if shares is None else selection_heterogeneity(shares)
    return {
        Metric.JAIN_ROUNDS: jain_index(clients.accepted) if clients.accepted.any() else None,
        Metric.JAIN_KWH: jain_index(spent_kwh) if spent_kwh.any() else None,
        Metric.LEAST_SHARE: None if shares is None else float(shares.min()),
        Metric.RHO_H: heterogeneity if math.isfinite(heterogeneity) else None,
        Metric.WORST_DECILE_SHARE: None if shares is None else worst_decile(shares),
    }


def _domain_shares(run: SimulationRun) -> tuple[float, ...]:
    """Mean share of the rounds in which a client of each domain took part."""
    domains = len(run.domains)
    counts = np.bincount(run.clients.domain, minlength=domains)
    accepted = np.bincount(run.clients.domain, run.clients.accepted, minlength=domains)
    return tuple((accepted / np.maximum(counts, 1) / max(len(run.rounds), 1)).tolist())


def _waste(run: SimulationRun, overhead_w: float | None) -> dict[Metric, float | None]:
    rounds = run.rounds
    spent = None if overhead_w is None else watt_seconds_to_kwh(overhead_w, run.overhead_s)
    return {
        Metric.WAIT_KWH: float(rounds.wait_kwh.sum()),
        Metric.DISCARDED_KWH: float(rounds.discarded_kwh.sum()),
        Metric.DISCARDED_UNITS: float((rounds.units - rounds.accepted_units).sum()),
        Metric.OVERHEAD_S: run.overhead_s,
        Metric.OVERHEAD_KWH: spent,
    }


# --- course ------------------------------------------------------------------


def _course(trial: Trial) -> Course:
    """Keep some of the rounds, the first and the last among them."""
    count = len(trial.ends_s)
    step = max(1, math.ceil(count / _COURSE_POINTS))
    kept = (
        np.unique(np.append(np.arange(0, count, step), count - 1)) if count else np.array([], int)
    )
    accuracy: tuple[float | None, ...] = ()
    if trial.accuracy is not None:
        found = trial.accuracy[kept].tolist()
        accuracy = tuple(None if math.isnan(value) else value for value in found)
    return Course(
        tuple((kept + 1).tolist()),
        tuple(trial.ends_s[kept].tolist()),
        tuple(trial.units[kept].tolist()),
        () if trial.emissions_g is None else tuple(trial.emissions_g[kept].tolist()),
        () if trial.spent is None else tuple(trial.spent[kept].tolist()),
        accuracy,
    )
