"""Knobs of a manifest: what is read, how often each method was used, and what it saved."""

from dataclasses import replace
from pathlib import Path

import pytest

from footprint.documents import from_json, to_json
from footprint.errors import ManifestError
from footprint.model import Contrast, MethodResult, MethodRun, MethodStudy, Metric
from footprint.model.method_costs import Kind
from footprint.model.methods import TrainingMethod
from footprint.model.studies import MethodCourse
from footprint.reporting.evaluations import view_evaluation
from footprint.scheduling.cost_files import read_costs
from footprint.scheduling.study_costs import costs_of_study
from footprint.trials.evaluation import evaluate_policies
from footprint.trials.manifest import read_plan
from footprint.trials.worlds import input_files

EXAMPLES = Path(__file__).parents[2] / "examples" / "simulations"
TABLE = EXAMPLES / "tables" / "digits_costs.toml"


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    """The example, where nothing is trained."""
    text = (EXAMPLES / "ok" / "knobs.toml").read_text()
    learner = text.index("[learner]")
    text = text[:learner] + text[text.index("[[budget]]") :]
    path = tmp_path_factory.mktemp("knobs") / "plan.toml"
    text = text.replace("../tables/digits_costs.toml", str(TABLE))
    path.write_text(text.replace(', among = ["three quarters wide", "half wide, 8-bit"]', ""))
    return read_plan(path)


@pytest.fixture(scope="module")
def result(plan):
    return evaluate_policies(plan)


def test_the_table_is_one_of_the_files_that_a_result_rests_on(plan):
    assert TABLE.name in {Path(one.name).name for one in input_files(plan)}


def test_knobs_are_used_where_the_grid_is_dirty(result):
    assert {cost.name for cost in read_costs(TABLE).costs} >= {"dense", "half wide"}
    for one in result.policy("knobs").seeds:
        by_name = {use.method: use for use in one.methods}
        clean, dirty = (
            1 - by_name["dense"].trainings[place] / sum(u.trainings[place] for u in one.methods)
            for place in (0, 1)
        )
        assert clean < dirty
        # An emulated path takes longer than what it stands for: it is never used.
        assert "emulated 0.9, masked" not in by_name
    for one in result.policy("half wide for all").seeds:
        (use,) = one.methods
        ratio = read_costs(TABLE)["half wide, 8-bit"].energy.value
        assert use.energy_kwh == pytest.approx(ratio * use.reference_kwh)
    assert all(one.methods == () for one in result.policy("plain").seeds)


def test_a_policy_with_knobs_is_held_against_the_same_one_without(result):
    assert result.policy("plain").knobs is None
    for name in ("knobs", "half wide for all"):
        knobs = result.policy(name).knobs
        assert knobs.plain == "plain"
        # The plain policy is the baseline, so both contrasts are the same.
        assert set(knobs.contrasts) == set(result.policy(name).contrasts)
        rounds = next(one for one in knobs.contrasts if one.metric is Metric.ROUNDS)
        assert rounds.mean > 0  # the same budget lasts longer
    assert result.policy("half wide for all").knobs.method == "half wide, 8-bit"


def test_only_methods_that_may_be_chosen_are(plan):
    (knobs,) = [one for one in plan.policy if one.name == "knobs"]
    few = replace(knobs, knobs=replace(knobs.knobs, among=("three quarters wide",)))
    result = evaluate_policies(replace(plan, policy=(few,), baseline=None, seeds=1))
    used = {one.method for seed in result.policies[0].seeds for one in seed.methods}
    assert used == {"dense", "three quarters wide"}


def test_a_budget_is_kept_with_knobs(result):
    for policy in result.policies:
        for one in policy.seeds:
            assert one.figures[Metric.EMISSIONS_G] <= result.world.budgets[0].total * (1 + 1e-9)


def test_the_result_survives_its_file_and_has_its_tables(result):
    assert from_json(to_json(result)) == result
    page = view_evaluation(result)
    captions = [table.caption for table in page.results]
    assert "How clients trained" in captions
    assert "With and without the choice of methods" in captions
    (table,) = [one for one in page.results if one.caption == "How clients trained"]
    heads = [column.heading for column in table.columns]
    for policy in ("knobs", "half wide for all"):
        rows = [row for row in table.rows if row[0].text == policy]
        for zone in ("Grenoble", "Katowice"):
            shares = [row[heads.index(zone)].text for row in rows]
            total = sum(float(share.strip("%<\u00a0 ")) for share in shares)
            assert total == pytest.approx(100, abs=1.5)
    # No meter was read for this table, so its savings are not called measured.
    assert "Saved, by the table (modelled from time)" in heads
    # Energy is the mean of the runs, as all else on the page.
    (row,) = [row for row in table.rows if row[0].text == "half wide for all"]
    runs = result.policy("half wide for all").seeds
    place = heads.index("Energy of the work, a run")
    factor = {"kWh": 1, "Wh": 1e3, "MWh": 1e-3}[table.columns[place].unit]
    mean_kwh = sum(use.energy_kwh for one in runs for use in one.methods) / len(runs)
    assert float(row[place].text) == pytest.approx(mean_kwh * factor, rel=0.06)
    assert {"method-costs", "method-energy-modelled"} <= {one.code for one in result.findings}


def test_savings_are_called_what_they_are(result):
    def heads(kinds):
        knobs = [
            replace(one, knobs=one.knobs and replace(one.knobs, energy_kinds=kinds))
            for one in result.policies
        ]
        page = view_evaluation(replace(result, policies=tuple(knobs)))
        (table,) = [one for one in page.results if one.caption == "How clients trained"]
        return {column.heading for column in table.columns}

    both = (Kind.MEASURED, Kind.MODELLED_FROM_TIME)
    assert "Saved, by the table (measured)" in heads((Kind.MEASURED,))
    assert "Saved, by the table (measured and modelled from time)" in heads(both)


def test_an_allowance_that_is_passed_is_in_the_result_and_on_the_page(plan):
    (knobs,) = [one for one in plan.policy if one.name == "knobs"]
    tight = replace(knobs, knobs=replace(knobs.knobs, allowance_g=0.001))
    result = evaluate_policies(replace(plan, policy=(tight,), baseline=None, seeds=2, budget=()))
    for one in result.policies[0].seeds:
        assert one.plans.unfit == one.plans.rounds == one.figures[Metric.ROUNDS]
        assert one.plans.trainings == sum(sum(use.trainings) for use in one.methods)
    assert "allowance-passed" in {one.code for one in result.findings}
    (table,) = [
        one for one in view_evaluation(result).results if one.caption == "Choices of methods"
    ]
    total = sum(one.plans.rounds for one in result.policies[0].seeds)
    assert [cell.text for cell in table.rows[0][1:3]] == [f"{total:,}"] * 2


def test_pages_without_knobs_have_no_such_table():
    sunny = read_plan(EXAMPLES / "ok" / "under_the_sun.toml")
    plain = evaluate_policies(replace(sunny, policy=sunny.policy[:1], seeds=1))
    assert "How clients trained" not in [one.caption for one in view_evaluation(plain).results]


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ('{ table = "nowhere.toml" }', "nowhere.toml cannot be read"),
        ('{ table = "COSTS", method = "thirds" }', r"policy\[2\].knobs.method: .*'thirds'"),
        ('{ table = "COSTS", among = ["dense", "x"] }', r"policy\[2\].knobs.among: .*'x'"),
        ('{ table = "COSTS", methods = "x" }', r"policy\[2\].knobs.methods: this key is unknown"),
        ('{ method = "half wide" }', r"policy\[2\].knobs.table: this key is missing"),
        (
            '{ table = "COSTS", method = "dense", among = ["half wide"] }',
            r"policy\[2\].knobs: all train by 'dense', so among chooses nothing",
        ),
        ('{ table = "COSTS", method = "dense", allowance = "5 g" }', "allowance chooses nothing"),
        ('{ table = "COSTS", rounds = 0 }', r"policy\[2\].knobs.rounds"),
        ('"costs.toml"', r"policy\[2\].knobs"),
    ],
)
def test_knobs_that_cannot_be_turned_say_why(plan, tmp_path, knobs, message):
    text = Path(plan.origin).read_text()
    old = f'knobs = {{ table = "{TABLE}" }}'
    assert old in text
    path = tmp_path / "plan.toml"
    path.write_text(text.replace(old, f"knobs = {knobs.replace('COSTS', str(TABLE))}"))
    with pytest.raises(Exception, match=message) as caught:
        evaluate_policies(read_plan(path))
    assert caught.type.__module__ == "footprint.errors"
    assert "plan.toml" in caught.value.message or "nowhere" in caught.value.message


@pytest.mark.parametrize("text", ["50 g", "0.05 kg", "50 gCO2e"])
def test_an_allowance_is_read_as_a_budget_is(plan, tmp_path, text):
    manifest = Path(plan.origin).read_text()
    path = tmp_path / "plan.toml"
    path.write_text(manifest.replace(f'"{TABLE}" }}', f'"{TABLE}", allowance = "{text}" }}'))
    assert read_plan(path).policy[1].knobs.allowance_g == pytest.approx(50.0)


def test_a_budget_without_rounds_needs_them_from_the_knobs(plan, tmp_path):
    text = Path(plan.origin).read_text().replace("\nrounds = 16", "")
    path = tmp_path / "plan.toml"
    path.write_text(text)
    with pytest.raises(ManifestError, match="nobody says over how many"):
        read_plan(path)
    path.write_text(text.replace(f'"{TABLE}" }}', f'"{TABLE}", rounds = 16 }}'))
    assert read_plan(path).policy[1].knobs.rounds == 16


# --- tables out of studies ---------------------------------------------------


def study(changes=None):
    def contrast(metric, mean, low, high, *, relative=True):
        return Contrast(metric, relative, mean, low, high, 3)

    run = MethodRun(0, {}, MethodCourse((), (), (), (), ()))
    contrasts = {
        Metric.TRAINING_CPU_S: contrast(Metric.TRAINING_CPU_S, -0.5, -0.6, -0.4),
        Metric.TRAINING_KWH: contrast(Metric.TRAINING_KWH, -0.5, -0.6, -0.4),
        Metric.UP_GB: contrast(Metric.UP_GB, -0.75, -0.75, -0.75),
        Metric.DOWN_GB: contrast(Metric.DOWN_GB, -0.25, -0.25, -0.25),
        # What theory says is in a study, and never in a table.
        Metric.TRAINING_MACS: contrast(Metric.TRAINING_MACS, -0.9, -0.9, -0.9),
        Metric.LAST_ACCURACY: contrast(Metric.LAST_ACCURACY, -0.02, -0.03, -0.01, relative=False),
        **(changes or {}),
    }
    methods = (
        MethodResult(TrainingMethod("dense"), (run,)),
        MethodResult(
            TrainingMethod("half", width=0.5),
            (run,),
            contrasts=tuple(one for one in contrasts.values() if one is not None),
        ),
    )
    facts = (("Rounds", "40"), ("Clients", "100"))
    return MethodStudy("small", facts, methods, "dense", None, Metric.ACCURACY, None, (0,))


def test_a_study_becomes_a_table():
    table = costs_of_study(study(), network="net", device="a processor")
    half = table["half"]
    assert (half.time.value, half.time.low) == pytest.approx((0.5, 0.4))
    assert half.time.kind is Kind.MEASURED
    assert half.energy.kind is Kind.MODELLED_FROM_TIME  # no meter was read
    assert (half.up.value, half.down.value) == (0.25, 0.75)
    assert (half.loss.value, half.loss.low, half.loss.high) == pytest.approx((2.0, 1.0, 3.0))
    assert "Rounds: 40" in table.conditions
    assert "reading the model, training and answering" in table.conditions
    assert table.reference.name == "dense"


@pytest.mark.parametrize("metric", [Metric.TRAINING_KWH, Metric.LAST_ACCURACY])
def test_a_study_that_lacks_a_figure_becomes_none(metric):
    for lacking in (None, Contrast(metric, True, -0.1, None, None, 1)):
        with pytest.raises(Exception, match=f"no {metric.value} of 'half' with bounds"):
            costs_of_study(study({metric: lacking}), network="net", device="cpu")
