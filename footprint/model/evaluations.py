"""Policies side by side: what each did with the same world, budget and seeds."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from footprint.errors import UsageError
from footprint.model.activities import InputFile
from footprint.model.factors import STRICT, Finding
from footprint.model.kinds import SignalKind, Vocabulary
from footprint.model.method_costs import Kind


class Metric(Vocabulary):
    """What is known of one run of one policy; the unit is in the name, shares and indices are 1."""

    ROUNDS = "rounds"
    ELAPSED_S = "elapsed_s"
    ENERGY_KWH = "energy_kwh"
    EMISSIONS_G = "emissions_g"
    SECOND_G = "second_g"
    """Emissions under the second signal."""
    COST = "cost"
    ACCEPTED_UNITS = "accepted_units"
    G_PER_UNIT = "g_per_unit"
    """Emissions of all over the work that was accepted."""
    SECOND_G_PER_UNIT = "second_g_per_unit"
    KWH_PER_UNIT = "kwh_per_unit"
    ACCURACY = "accuracy"
    """Mean of the last five rounds that were measured."""
    BEST_ACCURACY = "best_accuracy"
    LAST_ACCURACY = "last_accuracy"
    """Of the last model, with weights as sparse as in its training."""
    WHOLE_ACCURACY = "whole_accuracy"
    """Of the same model with all of its weights."""
    ACCURACY_AT_SHARED = "accuracy_at_shared"
    """Where all have emitted as much as the run that emitted least."""
    ACCURACY_UP_TO_SHARED = "accuracy_up_to_shared"
    """Mean over the emissions that all share: area under the curve, over its length."""
    ROUNDS_TO_TARGET = "rounds_to_target"
    TIME_TO_TARGET_S = "time_to_target_s"
    ENERGY_TO_TARGET_KWH = "energy_to_target_kwh"
    EMISSIONS_TO_TARGET_G = "emissions_to_target_g"
    SECOND_TO_TARGET_G = "second_to_target_g"
    COST_TO_TARGET = "cost_to_target"
    DATA_TO_TARGET_GB = "data_to_target_gb"
    """Both ways."""
    BUDGET_VIOLATION = "budget_violation"
    BUDGET_UNUSED = "budget_unused"
    OVERSPENT_IN_ROUND = "overspent_in_round"
    JAIN_ROUNDS = "jain_rounds"
    JAIN_KWH = "jain_kwh"
    LEAST_SHARE = "least_share"
    """Share of the rounds in which the client took part that did so least."""
    RHO_H = "rho_h"
    """Selection heterogeneity; none where a client never took part: it is infinite then."""
    WORST_DECILE_SHARE = "worst_decile_share"
    """Mean share of the rounds, over the tenth of the clients that took part least."""
    WORST_DECILE_ACCURACY = "worst_decile_accuracy"
    """Mean accuracy, over the tenth of the clients on whose data the model is worst."""
    WAIT_KWH = "wait_kwh"
    DISCARDED_KWH = "discarded_kwh"
    DISCARDED_UNITS = "discarded_units"
    OVERHEAD_S = "overhead_s"
    """Processor time of the policy itself: measured, so it differs from run to run."""
    OVERHEAD_KWH = "overhead_kwh"
    COMPUTE_G = "compute_g"
    """Emissions of what devices drew; a part, like the two that follow."""
    NETWORK_G = "network_g"
    EMBODIED_G = "embodied_g"
    UP_GB = "up_gb"
    DOWN_GB = "down_gb"
    DATA_GB = "data_gb"
    """Both ways."""
    CPU_S = "cpu_s"
    """Processor time of clients and server."""
    TRAINING_CPU_S = "training_cpu_s"
    """Processor time of what clients compute: reading the model, training, making the answer."""
    TRAINING_KWH = "training_kwh"
    """Energy of the same; idle power is outside."""
    TRAINING_MACS = "training_macs"
    """Theoretical work of the clients' training, from densities that were reached."""
    UPDATE_MACS = "update_macs"
    """Theoretical work of updating parameters, beside the training; so are the two that follow."""
    COMPARED = "compared"
    """Entries that the choice of the largest looked at; a lower bound."""
    EVALUATION_MACS = "evaluation_macs"
    GAP = "gap"
    """(oracle - policy) / (oracle - baseline), of the metric that decides."""


TO_TARGET = (
    Metric.ROUNDS_TO_TARGET,
    Metric.TIME_TO_TARGET_S,
    Metric.ENERGY_TO_TARGET_KWH,
    Metric.EMISSIONS_TO_TARGET_G,
    Metric.SECOND_TO_TARGET_G,
    Metric.COST_TO_TARGET,
    Metric.DATA_TO_TARGET_GB,
)
"""Metrics that a run lacks if it did not reach the target."""

MORE_IS_BETTER = frozenset(
    {
        Metric.ACCEPTED_UNITS,
        Metric.ACCURACY,
        Metric.BEST_ACCURACY,
        Metric.LAST_ACCURACY,
        Metric.WHOLE_ACCURACY,
        Metric.ACCURACY_AT_SHARED,
        Metric.ACCURACY_UP_TO_SHARED,
        Metric.JAIN_ROUNDS,
        Metric.JAIN_KWH,
        Metric.LEAST_SHARE,
        Metric.WORST_DECILE_SHARE,
        Metric.WORST_DECILE_ACCURACY,
    }
)


@dataclass(frozen=True, slots=True)
class Spread:
    """A metric over the seeds of a policy.

    Attributes
    ----------
    metric : Metric
    mean : float or None
        Over the seeds that every policy ran. None unless each of them has a value: none is left
        out of a mean.
    low, high : float or None
        95 % confidence interval of the mean (Student's t); None for fewer than two seeds.
    median : float or None
        Of the metrics to a target alone: seeds that did not reach it rank last. None if the
        middle one did not.
    known, seeds : int
        Seeds that have a value, and all that every policy ran.
    """

    metric: Metric
    mean: float | None
    low: float | None
    high: float | None
    median: float | None
    known: int
    seeds: int

    __pydantic_config__ = STRICT

    def __post_init__(self) -> None:
        if not 0 <= self.known <= self.seeds:
            raise UsageError(f"{self.known} of {self.seeds} seeds have a value of {self.metric}.")
        if (self.mean is None) != (self.known < self.seeds or not self.seeds):
            raise UsageError(f"The mean of {self.metric} does not rest on all of its seeds.")
        if (self.low is None) != (self.high is None) or (self.low is not None and self.known < 2):
            raise UsageError(f"The interval of {self.metric} has one end, or rests on one seed.")


@dataclass(frozen=True, slots=True)
class Contrast:
    """A policy against the baseline, seed by seed.

    Attributes
    ----------
    metric : Metric
    relative : bool
        Whether it is a part of the baseline's value, or a plain difference.
    mean, low, high : float
        Of policy minus baseline over the pairs, and its 95 % confidence interval; None for fewer
        than two pairs.
    pairs : int
        Seeds that every policy ran; both have a value in each.
    """

    metric: Metric
    relative: bool
    mean: float
    low: float | None
    high: float | None
    pairs: int

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Course:
    """What had come of a run after some of its rounds; columns of one length.

    Attributes
    ----------
    round : tuple of int
        Numbers of the rounds, rising; not all of a long run.
    time_s, units : tuple of float
        Since the start [s], and accepted work [units].
    emissions_g, spent : tuple of float
        So far [gCO2e], and of the first budget, in its unit; empty where nobody knows.
    accuracy : tuple of (float or None)
        None where it was not measured; empty without a learner that measures it [1].
    """

    round: tuple[int, ...]
    time_s: tuple[float, ...]
    units: tuple[float, ...]
    emissions_g: tuple[float, ...] = ()
    spent: tuple[float, ...] = ()
    accuracy: tuple[float | None, ...] = ()

    __pydantic_config__ = STRICT

    def __post_init__(self) -> None:
        columns = (self.time_s, self.units, self.emissions_g, self.spent, self.accuracy)
        wrong = [len(one) for one in columns[:2] if len(one) != len(self.round)]
        wrong += [len(one) for one in columns[2:] if one and len(one) != len(self.round)]
        if wrong:
            raise UsageError(f"A course of {len(self.round)} rounds has a column of {wrong[0]}.")


@dataclass(frozen=True, slots=True)
class MethodTrainings:
    """What was trained by one method in one run.

    Attributes
    ----------
    method : str
        Name in the table of costs.
    trainings : tuple of int
        Rounds of clients of each power domain that were begun with it.
    energy_kwh, reference_kwh : float
        Of all work by it; and what the same work would have taken by the reference of the table
        [kWh].
    """

    method: str
    trainings: tuple[int, ...]
    energy_kwh: float
    reference_kwh: float

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class MethodPlans:
    """What came of choosing methods within what a round may emit, over the rounds of one run.

    Attributes
    ----------
    rounds : int
        For which methods were chosen.
    unfit : int
        Of these, rounds into which no choice fitted: all had their cheapest method.
    trainings, unplanned : int
        Of clients; and those of clients whose energy nobody knew, which trained by the reference
        and are in no plan.
    gap_points : float
        How much less accuracy could have been lost at most, in the round where that is most; 0 if
        every choice was the best [percentage points].
    """

    rounds: int = 0
    unfit: int = 0
    trainings: int = 0
    unplanned: int = 0
    gap_points: float = 0.0

    __pydantic_config__ = STRICT

    def __add__(self, other: MethodPlans) -> MethodPlans:
        return MethodPlans(
            self.rounds + other.rounds,
            self.unfit + other.unfit,
            self.trainings + other.trainings,
            self.unplanned + other.unplanned,
            max(self.gap_points, other.gap_points),
        )


@dataclass(frozen=True, slots=True)
class KnobsResult:
    """How clients of a policy trained, beside the same policy without that choice.

    Attributes
    ----------
    table : str
        File of measured costs.
    method : str or None
        By which all trained; None if one was chosen for each.
    plain : str or None
        Name of the policy with the same rule and options whose clients all train alike; None if
        it was not run.
    contrasts : tuple of Contrast
        Against that one, over the same seeds.
    energy_kinds : tuple of Kind
        How the energies of the methods came about, the reference aside.
    """

    table: str
    method: str | None
    plain: str | None
    contrasts: tuple[Contrast, ...] = ()
    energy_kinds: tuple[Kind, ...] = ()

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class SeedResult:
    """One run of one policy.

    Attributes
    ----------
    seed : int
    ended_by : str
        ``"length"``, ``"rounds"`` or ``"budget"``.
    figures : mapping of Metric to (float or None)
        None where nobody knows, or the target was not reached.
    course : Course
    lorenz : tuple of float
        Share of all accepted updates that the clients who took part least gave, by their share of
        the fleet in equal steps from 0 to 1; empty if none was accepted.
    domains : tuple of float
        Mean share of the rounds in which a client of each power domain took part [1].
    methods : tuple of MethodTrainings
        Empty if nobody chose how clients train.
    plans : MethodPlans or None
        None if nobody chose within what a round may emit.
    """

    seed: int
    ended_by: str
    figures: Mapping[Metric, float | None]
    course: Course
    lorenz: tuple[float, ...] = ()
    domains: tuple[float, ...] = ()
    methods: tuple[MethodTrainings, ...] = ()
    plans: MethodPlans | None = None

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class FailedSeed:
    """A run that ended in an error."""

    seed: int
    message: str

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class PolicyResult:
    """One policy over all seeds.

    Attributes
    ----------
    name : str
    rule : str
        Name of the policy in the register of policies.
    options : tuple of (str, str)
    seeds : tuple of SeedResult
    failed : tuple of FailedSeed
    spreads : tuple of Spread
        One per metric that any seed of any policy has.
    contrasts : tuple of Contrast
        Against the baseline; none of a metric that a seed lacks, or of itself.
    knobs : KnobsResult or None
        None if all of its clients train alike.
    """

    name: str
    rule: str
    options: tuple[tuple[str, str], ...]
    seeds: tuple[SeedResult, ...]
    failed: tuple[FailedSeed, ...] = ()
    spreads: tuple[Spread, ...] = ()
    contrasts: tuple[Contrast, ...] = ()
    knobs: KnobsResult | None = None

    __pydantic_config__ = STRICT

    def spread(self, metric: Metric) -> Spread | None:
        """Find a metric over the seeds; None if no policy has it."""
        return next((one for one in self.spreads if one.metric is metric), None)

    def contrast(self, metric: Metric) -> Contrast | None:
        """Find a metric against the baseline; None if there is nothing to pair."""
        return next((one for one in self.contrasts if one.metric is metric), None)


@dataclass(frozen=True, slots=True)
class BudgetLimit:
    """What a run could spend: the resource also names the unit of `total`."""

    resource: str
    total: float
    mode: str

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class DomainSummary:
    """A power domain, and how many clients draw from it."""

    name: str
    zone: str | None
    mode: str
    clients: int

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class EvaluatedWorld:
    """What all runs of an evaluation share.

    Attributes
    ----------
    start_s : int
        Unix time [s].
    length_s, step_s : int
    updates : int or None
        Updates that end a round.
    domains : tuple of DomainSummary
    signal : SignalKind
        Of the intensity that decides and bills.
    second_signal : SignalKind or None
    forecasts : tuple of (str, str)
        What policies were told of the future: of what, and by which kind of forecast.
    learner : str
        Kind; empty for none.
    currency : str
        Of costs; empty for none.
    budgets : tuple of BudgetLimit
        The first one is the one that metrics speak of.
    """

    start_s: int
    length_s: int
    step_s: int
    updates: int | None
    domains: tuple[DomainSummary, ...]
    signal: SignalKind
    second_signal: SignalKind | None
    forecasts: tuple[tuple[str, str], ...]
    learner: str
    currency: str
    budgets: tuple[BudgetLimit, ...]

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Policies in one world, with the same budgets and seeds.

    Attributes
    ----------
    name : str
    world : EvaluatedWorld
    policies : tuple of PolicyResult
        In the order in which they were named.
    baseline : str
        Name of the policy that the others are held against.
    oracle : str or None
        Name of the one that knows more than can be known.
    target : float or None
        Accuracy that was to be reached [1].
    deciding : Metric
        What the policies are judged by.
    shared_g : tuple of (float, float) or None
        Emissions that every run passed through, from and to; None if there are none, or if no
        accuracy or intensity is known [gCO2e].
    seeds : tuple of int
    findings : tuple of Finding
    inputs : tuple of InputFile
    declared : tuple of (str, str)
        What the manifest says, key by key.
    tool_version : str
    """

    name: str
    world: EvaluatedWorld
    policies: tuple[PolicyResult, ...]
    baseline: str
    oracle: str | None
    target: float | None
    deciding: Metric
    shared_g: tuple[float, float] | None
    seeds: tuple[int, ...]
    findings: tuple[Finding, ...] = ()
    inputs: tuple[InputFile, ...] = ()
    declared: tuple[tuple[str, str], ...] = ()
    tool_version: str = ""

    __pydantic_config__ = STRICT

    def __post_init__(self) -> None:
        names = [policy.name for policy in self.policies]
        if not names or len(set(names)) < len(names):
            raise UsageError(f"An evaluation of the policies {names} has none, or one twice.")
        for role, name in (("baseline", self.baseline), ("oracle", self.oracle)):
            if name is not None and name not in names:
                raise UsageError(f"The {role} {name!r} is none of the policies.")

    @property
    def common_seeds(self) -> tuple[int, ...]:
        """Seeds that means and differences are of."""
        return common_seeds([one.seed for one in policy.seeds] for policy in self.policies)

    def compared(self, policy: PolicyResult) -> tuple[SeedResult, ...]:
        """List the runs of a policy that means and differences are of."""
        common = self.common_seeds
        return tuple(one for one in policy.seeds if one.seed in common)

    def policy(self, name: str) -> PolicyResult:
        """Find a policy by its name."""
        return next(one for one in self.policies if one.name == name)


def common_seeds(ran: Iterable[Collection[int]]) -> tuple[int, ...]:
    """List the seeds that every policy ran, leaving out policies that ran none.

    A seed that one policy lacks may be the easiest or the hardest of all: means over different
    seeds rank the seeds, not the policies.

    Parameters
    ----------
    ran : iterable of collection of int
        Seeds that each policy ran.
    """
    known = [set(seeds) for seeds in ran if seeds]
    return tuple(sorted(set.intersection(*known))) if known else ()
