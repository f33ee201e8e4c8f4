"""Plans, and the evaluations that come of them, wherever they run."""

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from footprint.documents import from_json, to_json
from footprint.errors import DocumentError, ManifestError, SimulationError, UsageError
from footprint.model import Metric, Severity
from footprint.reporting import render_report
from footprint.reporting.evaluations import view_evaluation
from footprint.scheduling import policies
from footprint.scheduling.base import Need
from footprint.scheduling.budget import Resource
from footprint.scheduling.uniform import Uniform
from footprint.simulation.engine import simulate
from footprint.simulation.traces import Trace, unix_seconds
from footprint.simulation.world import Rules
from footprint.trials.budgets import parse_budget, read_budget
from footprint.trials.engines import Engine, run_in_processes
from footprint.trials.evaluation import evaluate_policies
from footprint.trials.learners import LEARNERS, LearnerKind
from footprint.trials.manifest import change_policies, read_plan, require_sense
from footprint.trials.plan import LearnerTable, MadeUpGrid, MadeUpSun, PolicyTable
from footprint.trials.series import grid_curve, hourly_means, sun_curve
from footprint.trials.work import Job, run_job
from footprint.trials.worlds import build_world

EXAMPLES = Path(__file__).parents[2] / "examples" / "simulations" / "ok"
MEASURED = {Metric.OVERHEAD_S, Metric.OVERHEAD_KWH}


@pytest.fixture(scope="module")
def plan():
    plan = read_plan(EXAMPLES / "two_grids.toml")
    return replace(plan, seeds=2, simulation=replace(plan.simulation, most_rounds=12))


@pytest.fixture(scope="module")
def result(plan):
    return evaluate_policies(replace(plan, target=0.12))


def repeatable(result):
    """All figures but those that are measured."""
    return {
        (policy.name, seed.seed, metric): value
        for policy in result.policies
        for seed in policy.seeds
        for metric, value in seed.figures.items()
        if metric not in MEASURED
    }


def test_what_people_write_becomes_the_world(plan):
    built = build_world(plan)
    fleet, rules = built.world.fleet, built.rules
    assert len(fleet) == 12
    assert fleet.units_per_s[0] == pytest.approx(1 / 12)
    assert fleet.energy_per_unit_ws[:7].tolist() == pytest.approx([1200.0] * 6 + [1000.0])
    assert fleet.ids[6] == "Katowice-0"
    assert (rules.start_s, rules.length_s) == (unix_seconds("2024-06-08"), 30 * 3600)
    assert (rules.step_s, rules.deadline, rules.retry, rules.updates) == (300, 24, 3, 4)
    assert built.budgets[0].total == 2000.0
    assert built.world.supply.prices.per_kwh == {"FR": 0.21, "PL": 0.26}
    assert built.world.server.power_w == 60.0
    mean = built.second_g_per_kwh.mean(axis=1)
    assert mean == pytest.approx([410, 820], rel=0.05)


def test_rounds_begin_on_the_beat_of_the_manifest(tmp_path):
    text = (EXAMPLES / "two_grids.toml").read_text()
    path = tmp_path / "plan.toml"
    path.write_text(text.replace('step = "5 min"', 'step = "5 min"\ncadence = "1 h"'))
    plan = read_plan(path)
    built = build_world(plan)
    assert built.rules.cadence == 12
    run = simulate(built.world, Uniform(count=3), built.rules)
    assert len(run.rounds) > 5
    assert ((run.rounds.start_s - built.rules.start_s) % 3600 == 0).all()
    assert build_world(read_plan(EXAMPLES / "two_grids.toml")).rules.cadence == 1


@pytest.mark.parametrize("step_h", [0.25, 1])
def test_hours_have_a_mean_however_long_steps_are(step_h):
    start_s, values = unix_seconds("2024-06-08"), np.arange(12.0)[:, None] ** 2
    trace = Trace(start_s, 3600, ("FR",), values, "gCO2e/kWh")
    rules = Rules(start_s, 12 * 3600, step_s=int(step_h * 3600))
    found = hourly_means(trace, ["FR", None], rules)
    assert found[0] == pytest.approx(values[:, 0])
    assert np.isnan(found[1]).all()


def test_a_made_up_sun_rises_and_sets():
    curve = sun_curve(MadeUpSun(peak_w=800.0, rises=5.0, sets=19.0))
    assert curve(np.array([12.0, 5.0, 4.9, 19.1, 23.0])) == pytest.approx([800, 0, 0, 0, 0])
    over_midnight = sun_curve(MadeUpSun(peak_w=100.0, rises=20.0, sets=4.0))
    assert over_midnight(np.array([0.0, 12.0])) == pytest.approx([100, 0])


def test_a_made_up_grid_swings_around_its_mean():
    curve = grid_curve(MadeUpGrid(mean_g_per_kwh=400.0, swing=0.25, dirtiest=19.0))
    assert curve(np.array([19.0, 7.0, 1.0])) == pytest.approx([500, 300, 400])


@pytest.mark.parametrize(
    ("text", "resource", "total"),
    [
        ("carbon=5 kg", Resource.CARBON_G, 5000.0),
        ("carbon=5kg", Resource.CARBON_G, 5000.0),
        ("carbon = 0.2 tCO2e", Resource.CARBON_G, 200_000.0),
        ("energy=3 MWh", Resource.ENERGY_KWH, 3000.0),
        ("cost=10 EUR", Resource.MONEY_EUR, 10.0),
        ("cost=10 USD", Resource.MONEY_USD, 10.0),
        ("time=2 d", Resource.TIME_S, 172_800.0),
    ],
)
def test_budgets_are_read(text, resource, total):
    budget = read_budget(parse_budget(text))
    assert (budget.resource, budget.total) == (resource, pytest.approx(total))


@pytest.mark.parametrize("text", ["carbon", "carbon=", "water=3 L", "carbon=0 kg", "time=-1 d"])
def test_what_is_no_budget_is_refused(text):
    with pytest.raises((UsageError, SimulationError)):
        parse_budget(text)


def test_policies_of_the_command_line_keep_their_options(plan):
    changed = change_policies(plan, ["half of those who can", "uniform"])
    assert [one.name for one in changed.policy] == ["half of those who can", "uniform"]
    assert changed.policy[0].options == {"share": 0.5}
    assert change_policies(plan, []).policy == plan.policy


def test_every_policy_runs_with_every_seed(plan, result):
    assert [policy.name for policy in result.policies] == [one.name for one in plan.policy]
    for policy in result.policies:
        assert [one.seed for one in policy.seeds] == [0, 1]
        assert not policy.failed
        spread = policy.spread(Metric.EMISSIONS_G)
        values = [one.figures[Metric.EMISSIONS_G] for one in policy.seeds]
        assert spread.mean == pytest.approx(np.mean(values))
    assert result.deciding is Metric.EMISSIONS_TO_TARGET_G
    assert result.policy("random").contrasts == ()


def test_processes_say_the_same_as_this_one(plan, result):
    elsewhere = evaluate_policies(replace(plan, target=0.12), engine=Engine.PROCESSES, workers=2)
    assert repeatable(elsewhere) == repeatable(result)
    assert elsewhere.findings == result.findings


def test_the_result_survives_its_file(result):
    assert from_json(to_json(result)) == result


def test_a_mean_that_was_changed_is_noticed(result):
    policy = result.policies[0]
    spread = replace(policy.spreads[0], mean=policy.spreads[0].mean + 1)
    forged = replace(
        result,
        policies=(replace(policy, spreads=(spread, *policy.spreads[1:])), *result.policies[1:]),
    )
    with pytest.raises(DocumentError, match="not the mean of its seeds"):
        from_json(to_json(forged))


class Breaks(Uniform):
    """Fails in its third round, if its seed is odd."""

    def select(self, state, rng):
        if state.round == 3 and rng.bit_generator.seed_seq.entropy % 2:
            raise ZeroDivisionError("no luck")
        return super().select(state, rng)


def test_a_policy_that_breaks_leaves_the_others(plan, monkeypatch):
    monkeypatch.setitem(policies.POLICIES, "breaks", Breaks)
    few = replace(plan, policy=(plan.policy[0], PolicyTable(name="breaks")), target=None)
    result = evaluate_policies(few)
    broken = result.policy("breaks")
    assert [one.seed for one in broken.seeds] == [0]
    assert [(one.seed, one.message) for one in broken.failed] == [(1, "ZeroDivisionError: no luck")]
    assert len(result.policy("random").seeds) == 2
    (finding,) = [one for one in result.findings if one.code == "trial-failed"]
    assert finding.severity is Severity.ERROR
    assert "policy 'breaks', seed 1" in finding.message
    # What is left of it is not passed off as all of it.
    assert broken.spread(Metric.ENERGY_KWH).seeds == 1


class BreaksWhereDirty(Uniform):
    """Chooses as its parent does, and fails with seed 1."""

    def select(self, state, rng):
        if rng.bit_generator.seed_seq.entropy == 1:
            raise ZeroDivisionError("no luck")
        return super().select(state, rng)


def test_a_policy_gains_nothing_by_failing(plan, monkeypatch):
    monkeypatch.setitem(policies.POLICIES, "breaks", BreaksWhereDirty)
    twins = (PolicyTable(name="plain", rule="uniform"), PolicyTable(name="breaks"))
    few = replace(plan, policy=twins, baseline=None, target=None, seeds=4)
    result = evaluate_policies(few)
    plain, breaks = result.policies
    assert [one.seed for one in plain.seeds] == [0, 1, 2, 3]
    assert result.common_seeds == (0, 2, 3)
    # They are one policy, so their means are the same over what both ran, whatever seed 1 did.
    for metric in set(Metric) - MEASURED:
        if breaks.spread(metric) is not None:
            assert breaks.spread(metric) == plain.spread(metric), metric
    own = [one.figures[Metric.ENERGY_KWH] for one in plain.seeds]
    assert plain.spread(Metric.ENERGY_KWH).mean != pytest.approx(sum(own) / 4)
    contrast = breaks.contrast(result.deciding)
    assert (contrast.mean, contrast.pairs) == (0.0, 3)
    page = view_evaluation(result)
    assert "over the 3 of 4 seeds that every policy ran" in page.verdict
    assert "breaks 3 of 4" in page.remarks[0]
    assert "seeds 0, 2, 3." in page.remarks[0]
    assert from_json(to_json(result)) == result


def test_a_learner_deals_out_its_data_and_tells_of_each_client(plan, monkeypatch):
    seen = []

    class Dealer:
        def __init__(self, fleet, seed):
            self.samples = np.arange(len(fleet)) + 10.0 * (seed + 1)

        def train(self, work):
            return {}

        def accuracy(self):
            return 0.5

        def client_accuracies(self):
            return np.linspace(0.1, 0.9, len(self.samples))

    class Looks(Uniform):
        def select(self, state, rng):
            seen.append(state.candidates.samples.tolist())
            return super().select(state, rng)

    monkeypatch.setitem(LEARNERS, "dealer", LearnerKind(Dealer))
    monkeypatch.setitem(policies.POLICIES, "looks", Looks)
    dealt = replace(
        plan,
        policy=(PolicyTable(name="looks"),),
        learner=LearnerTable(kind="dealer"),
        baseline=None,
        seeds=2,
    )
    result = evaluate_policies(dealt)
    assert seen[0] == list(range(10, 22))
    assert seen[-1] == list(range(20, 32))
    worst = result.policies[0].spread(Metric.WORST_DECILE_ACCURACY)
    # The worst tenth of twelve clients is two of them.
    assert worst.mean == pytest.approx(np.linspace(0.1, 0.9, 12)[:2].mean())
    assert "learning-invented" not in {finding.code for finding in result.findings}


def test_clients_who_never_take_part_are_counted_for_each_policy(plan):
    """Rounds want four updates, and the cleanest clients are always the same."""
    two = (PolicyTable(name="static-cleanest"), PolicyTable(name="all-until-spent"))
    result = evaluate_policies(replace(plan, policy=two, baseline=None, target=None))
    (said,) = [one.message for one in result.findings if one.code == "clients-left-out"]
    assert "Of 12 clients" in said
    assert "'static-cleanest' 8" in said
    assert "'all-until-spent'" not in said


@pytest.mark.parametrize("learns", [False, True])
def test_policies_by_gradients_are_refused_before_the_first_run(plan, learns):
    wanted = replace(plan, policy=(PolicyTable(name="cafe", options={"rounds": 9}),), baseline=None)
    with pytest.raises(ManifestError, match="gradients") as caught:
        require_sense(replace(wanted, learner=plan.learner if learns else None, target=None))
    assert "digits" in caught.value.remedy
    require_sense(replace(wanted, learner=LearnerTable(kind="digits")))


def test_a_policy_that_always_breaks_has_a_page_too(plan, monkeypatch):
    class AlwaysBreaks(Uniform):
        def select(self, state, rng):
            raise ZeroDivisionError("never")

    monkeypatch.setitem(policies.POLICIES, "breaks", AlwaysBreaks)
    both = (PolicyTable(name="breaks"), plan.policy[0])
    result = evaluate_policies(replace(plan, policy=both, baseline="breaks", seeds=1))
    assert result.policy("breaks").spreads == ()
    page = render_report(result, assets="cdn")
    assert "seed 0 failed: ZeroDivisionError: never" in page
    assert from_json(to_json(result)) == result


def test_digits_are_really_learned(plan):
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    trained = replace(
        plan,
        policy=(PolicyTable(name="random"), PolicyTable(name="cafe")),
        learner=LearnerTable(kind="digits", options={"alpha": 0.5}),
        budget=(replace(plan.budget[0], rounds=40),),
        simulation=replace(plan.simulation, most_rounds=6),
        target=None,
        seeds=1,
    )
    result = evaluate_policies(trained)
    assert not [policy.failed for policy in result.policies if policy.failed]
    for policy in result.policies:
        figures = policy.seeds[0].figures
        # Ten classes: 0.1 is what guessing gets.
        assert figures[Metric.BEST_ACCURACY] > 0.4
        assert 0 <= figures[Metric.WORST_DECILE_ACCURACY] <= figures[Metric.BEST_ACCURACY]
    assert "learning-invented" not in {finding.code for finding in result.findings}


def test_if_all_break_the_first_error_is_told(plan, monkeypatch):
    class AlwaysBreaks(Uniform):
        def select(self, state, rng):
            raise ZeroDivisionError("never")

    monkeypatch.setitem(policies.POLICIES, "breaks", AlwaysBreaks)
    few = replace(plan, policy=(PolicyTable(name="breaks"),), baseline=None)
    with pytest.raises(SimulationError, match="policy 'breaks', seed 0: ZeroDivisionError: never"):
        evaluate_policies(few)


def run_or_die(plan, job):
    if (job.policy.name, job.seed) == ("oort", 1):
        os._exit(9)
    return run_job(plan, job)


def test_a_process_that_dies_is_named_and_the_others_are_kept(plan):
    jobs = [Job(policy, seed) for seed in range(2) for policy in plan.policy[:2]]
    found = {str(job): result for job, result in run_in_processes(plan, jobs, 2, run_or_die)}
    assert set(found) == {str(job) for job in jobs}
    dead = found.pop("policy 'oort', seed 1")
    assert isinstance(dead, SimulationError)
    assert "policy 'oort', seed 1 died" in dead.message
    assert all(result.trial.figures[Metric.ROUNDS] == 12 for result in found.values())


def test_after_an_interruption_what_has_ended_is_compared(plan):
    ended = []

    def interrupt(_job):
        ended.append(1)
        if len(ended) == 5:
            raise KeyboardInterrupt

    result = evaluate_policies(plan, on_trial=interrupt)
    assert sum(len(policy.seeds) for policy in result.policies) == 5
    failed = [one.message for policy in result.policies for one in policy.failed]
    assert failed == ["interrupted"] * 3
    assert {spread.seeds for policy in result.policies for spread in policy.spreads} == {1}
    assert "seed 0." in view_evaluation(result).remarks[0]
    assert view_evaluation(result).verdict.startswith("Interrupted after 5 of 8 runs; ")
    assert "3 of 8 runs" in next(f.message for f in result.findings if f.code == "interrupted")


@pytest.mark.parametrize(
    ("kind", "remark"),
    [("perfect", True), ("persistence", False)],
)
def test_forecasts_from_the_future_are_labelled(tmp_path, kind, remark):
    text = (EXAMPLES / "under_the_sun.toml").read_text().replace('"persistence"', f'"{kind}"')
    path = tmp_path / "plan.toml"
    path.write_text(
        text.replace('length = "1 d"', 'length = "8 h"').replace("seeds = 3", "seeds = 1")
    )
    result = evaluate_policies(read_plan(path))
    codes = {finding.code for finding in result.findings}
    assert ("forecast-from-the-future" in codes) is remark
    assert {"series-made-up", "one-seed", "server-left-out"} <= codes
    assert result.world.forecasts == (("excess energy", kind), ("load", "reserved"))
    # Excess energy emits nothing, so what counts is what was done with it.
    assert result.deciding is Metric.ACCEPTED_UNITS


TRACES = """time,Zürich,Łódź
{rows}
"""


def test_series_and_fleets_come_from_files(tmp_path):
    start_s = unix_seconds("2024-06-07")
    rows = [
        f"{np.datetime64(start_s + 3600 * (n + 1), 's')},{0.5 if 6 <= n % 24 < 18 else 0},0.25"
        for n in range(72)
    ]
    (tmp_path / "sun.csv").write_text(TRACES.format(rows="\n".join(rows)))
    fleet = ["id,domain,units_per_s,energy_per_unit_ws,least_units,most_units,idle_w"]
    fleet += [f"c{n},{('Zürich', 'Łódź')[n % 2]},0.4,500,20,100,5" for n in range(8)]
    (tmp_path / "fleet.csv").write_text("\n".join(fleet))
    text = (EXAMPLES / "under_the_sun.toml").read_text()
    head, _, rest = text.partition("[[group]]")
    policies_text = rest[rest.index("[[policy]]") :]
    traces = """
[fleet]
file = "fleet.csv"

[traces.excess.file]
path = "sun.csv"
stamp = "end"
unit = "1"
peak = "2 kW"

[traces.excess.forecast]
kind = "persistence"
"""
    path = tmp_path / "plan.toml"
    path.write_text(head + traces + policies_text)
    plan = replace(read_plan(path), seeds=1)
    built = build_world(plan)
    excess = built.world.supply.excess_w
    assert excess.at(unix_seconds("2024-06-08T12:00")).tolist() == [1000.0, 500.0]
    result = evaluate_policies(plan)
    assert [one.name for one in result.inputs] == ["plan.toml", "fleet.csv", "sun.csv"]
    assert "series-made-up" not in {finding.code for finding in result.findings}
    assert result.policy("random").spread(Metric.ROUNDS).mean > 5
    short = text.partition("[[group]]")[0].replace("2024-06-08", "2024-06-20")
    path.write_text(short + traces + policies_text)
    with pytest.raises(UsageError, match="excess power covers"):
        evaluate_policies(read_plan(path))


def test_load_takes_capacity_and_is_labelled(tmp_path):
    text = (EXAMPLES / "under_the_sun.toml").read_text()
    path = tmp_path / "plan.toml"
    path.write_text(text)
    loaded = build_world(read_plan(path))
    assert "load-made-up" in {finding.code for finding in loaded.findings}
    start_s = loaded.rules.start_s
    everybody = np.arange(20)
    spare = loaded.world.spare(everybody, start_s, 300, 288)
    path.write_text(re.sub(r"\[load\]\n.*\n.*\n", "", text))
    free = build_world(read_plan(path)).world.spare(everybody, start_s, 300, 288)
    assert 0.7 < spare.sum() / free.sum() < 0.95
    path.write_text(text.replace('made_up = { busy = 0.3, slot = "2 h" }', ""))
    with pytest.raises(ManifestError, match="load: found no source"):
        read_plan(path)


class Listens(Uniform):
    """Notes what it is told of energy, of the grid and of capacity."""

    needs = frozenset({Need.ENERGY_FORECAST, Need.INTENSITY_FORECAST, Need.SPARE})
    told: ClassVar[dict] = {}

    def select(self, state, rng):
        seed, outlook = rng.bit_generator.seed_seq.entropy, state.outlook
        found = (outlook.energy.values, outlook.intensity.values, outlook.spare_now)
        if state.round == 1 and len(state.candidates):
            self.told.setdefault(seed, []).append(tuple(one.tobytes() for one in found))
        return super().select(state, rng)


@pytest.mark.parametrize("fixed", [False, True])
def test_seeds_draw_load_and_noise_and_policies_with_one_meet_the_same(
    tmp_path, monkeypatch, fixed
):
    monkeypatch.setitem(policies.POLICIES, "listens", Listens)
    monkeypatch.setattr(Listens, "told", {})
    seed, own = (", seed = 3", "\nseed = 3") if fixed else ("", "")
    grids = 'CH = { mean = "40 gCO2e/kWh" }\nPL = { mean = "700 gCO2e/kWh" }'
    text = (EXAMPLES / "under_the_sun.toml").read_text()
    text = text.replace('kind = "persistence"', f'kind = "noisy"{own}')
    text = text.replace('slot = "2 h" }', f'slot = "2 h"{seed} }}')
    text = text.replace('"excess"\nzone = "PL"', '"both"\nzone = "PL"')
    text = text.partition("[[policy]]")[0]
    path = tmp_path / "plan.toml"
    path.write_text(
        f"""{text}
[traces.intensity.made_up]
{grids}
[traces.intensity.forecast]
kind = "noisy"{own}
[[policy]]
name = "random"
rule = "listens"
[[policy]]
name = "again"
rule = "listens"
"""
    )
    plan = read_plan(path)
    plan = replace(plan, seeds=2, simulation=replace(plan.simulation, most_rounds=1))
    plan = replace(plan, simulation=replace(plan.simulation, start="2024-06-08T12:00"))
    result = evaluate_policies(plan)
    (first, pair), (other, _) = Listens.told[0], Listens.told[1]
    assert first == pair
    assert [a == b for a, b in zip(first, other, strict=True)] == [fixed] * 3
    said = [one.message for one in result.findings if one.code == "world-drawn-once"]
    assert bool(said) is fixed
    if fixed:
        assert "excess energy and the noise of forecasts of grid intensity and made-up" in said[0]


def test_a_plan_without_policies_says_so(plan):
    with pytest.raises(ManifestError, match="there is no policy"):
        evaluate_policies(replace(plan, policy=(), baseline=None))
