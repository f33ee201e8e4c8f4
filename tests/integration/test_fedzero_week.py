"""Seven days of FedZero from files alone: other names, another start, nights for all at once."""

from functools import partial

import numpy as np
import pandas as pd
import pytest

from footprint.scheduling.fedzero.policy import FedZero
from footprint.scheduling.policies import make_policy
from footprint.simulation.booking import Ledger
from footprint.simulation.engine import simulate
from footprint.simulation.fleet_scenario_files import read_fleet_scenario
from footprint.simulation.learners import FallingLoss
from footprint.units import J_PER_KWH

SITES = ("Aßlar", "Görlitz", "Köln", "Łódź", "Plzeň", "Ústí")
CLIENTS, DAYS, LEADS = 48, 7, 13

SCENARIO = f"""
name = "co-located"
start = "2023-10-27"
days = {DAYS}
updates = 6

[solar]
actual = "actual.csv.gz"
forecast = "forecast.csv.gz"
issue_column = "issued"
target_column = "period_end"
stamps = "end"
peak_w = 800

[clients]
path = "clients.csv"
task = "cifar100"
samples = {{ total = 24000, classes = 100, concentration = 0.5 }}

[load]
invented = true
"""


def write_world(folder):
    """Sun of one country: dark for all from dusk to dawn, clouds, forecasts that are wrong."""
    rng = np.random.default_rng(11)
    periods = DAYS * 288 + LEADS
    stamps = pd.Timestamp("2023-10-27 00:05") + 5 * pd.Timedelta(minutes=1) * np.arange(periods)
    hour = (np.arange(1, periods + 1) / 12) % 24
    height = np.maximum(np.sin((hour - 7) / 10 * np.pi), 0) * ((hour > 7) & (hour < 17))
    clouds = np.clip(0.6 + np.cumsum(rng.normal(0, 0.02, (periods, len(SITES))), axis=0), 0.15, 1)
    actual = height[:, None] * clouds
    pd.DataFrame(actual, index=stamps, columns=SITES).rename_axis("end").to_csv(
        folder / "actual.csv.gz"
    )
    issues = np.arange(DAYS * 288)
    places = issues[:, None] + np.arange(LEADS)
    wrong = np.exp(rng.normal(0, 0.1, (len(issues), LEADS, len(SITES))))
    forecast = pd.DataFrame((actual[places] * wrong).reshape(-1, len(SITES)), columns=SITES)
    forecast.insert(0, "issued", np.repeat(stamps[issues] - pd.Timedelta(minutes=5), LEADS))
    forecast.insert(1, "period_end", stamps[places.ravel()])
    forecast.to_csv(folder / "forecast.csv.gz", index=False)
    clients = pd.DataFrame(
        {
            "power_domain": np.arange(CLIENTS) % len(SITES),
            "size": rng.choice(["small", "mid", "large"], CLIENTS),
        }
    )
    clients.to_csv(folder / "clients.csv", index=False)
    (folder / "scenario.toml").write_text(SCENARIO, encoding="utf-8")


@pytest.fixture(scope="module")
def week(tmp_path_factory):
    """Runs of the week by policy, and what each used of each domain in each step [Ws]."""
    folder = tmp_path_factory.mktemp("week")
    write_world(folder)
    scenario = read_fleet_scenario(folder / "scenario.toml")
    world, rules = scenario.world(seed=2), scenario.rules
    runs = {}
    for name, make in {
        "fedzero": FedZero,
        "no blocklist": partial(FedZero, blocklist=None),
        "random": partial(make_policy, "random"),
        "random-1.3n": partial(make_policy, "random-1.3n"),
        "random-fc": partial(make_policy, "random-fc"),
    }.items():
        used = np.zeros((rules.length_s // rules.step_s, len(SITES)))
        enter = Ledger.add

        def listen(self, now_s, domains, phases, energy_ws, used=used, enter=enter):
            first = (now_s - rules.start_s) // rules.step_s
            used[first : first + energy_ws.shape[2], domains] += energy_ws.sum(axis=(0, 1))
            enter(self, now_s, domains, phases, energy_ws)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Ledger, "add", listen)
            learner = FallingLoss(2, 10, 1e5)
            runs[name] = (simulate(world, make(), rules, seed=2, learner=learner), used)
    return world, rules, runs


def test_no_domain_uses_more_than_it_has_in_any_step(week):
    world, rules, runs = week
    there = world.excess_ws(rules.start_s, rules.step_s, rules.length_s // rules.step_s)
    for name, (run, used) in runs.items():
        assert (used <= there * (1 + 1e-9)).all(), name
        assert used.sum() == pytest.approx(run.energy_kwh * J_PER_KWH), name
        assert run.rounds.excess_kwh.sum() == pytest.approx(run.energy_kwh), name


def test_it_runs_to_its_end_and_waits_through_the_nights(week):
    world, rules, runs = week
    run, _ = runs["fedzero"]
    assert (run.ended_by, run.elapsed_s) == ("length", rules.length_s)
    there = world.excess_ws(rules.start_s, rules.step_s, rules.length_s // rules.step_s)
    dark_s = (there.sum(axis=1) == 0).sum() * rules.step_s
    assert dark_s > 3 * 86_400
    # A round may last into the night; nobody can be asked before there is energy again.
    asked = ((run.rounds.start_s - rules.start_s) // rules.step_s).astype(int)
    assert (there[np.maximum(asked - 1, 0)].sum(axis=1) > 0).all()
    assert run.waited_s >= dark_s - DAYS * rules.deadline * rules.step_s


def test_it_makes_more_rounds_and_wastes_less_than_chance(week):
    """Directions of an evaluation, in a world where they are large; not figures of anybody."""
    runs = {name: run for name, (run, _) in week[2].items()}
    rounds = {name: len(run.rounds) for name, run in runs.items()}
    wasted = {
        name: run.rounds.discarded_kwh.sum() / run.rounds.energy_kwh.sum()
        for name, run in runs.items()
    }
    assert rounds["fedzero"] > 1.2 * max(rounds["random"], rounds["random-fc"])
    assert wasted["random-1.3n"] > wasted["random"] > wasted["fedzero"]


def test_the_block_list_costs_rounds_and_buys_fairness(week):
    runs = {name: run for name, (run, _) in week[2].items()}
    took = {name: run.clients.accepted for name, run in runs.items()}
    spread = {name: counts.std() / counts.mean() for name, counts in took.items()}
    assert len(runs["no blocklist"].rounds) > len(runs["fedzero"].rounds)
    assert spread["no blocklist"] > 2 * spread["fedzero"]
