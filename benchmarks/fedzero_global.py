"""FedZero beside its baselines, for seven days in ten cities.

    python benchmarks/fedzero_global.py FOLDER [--seeds 5] [--days 7] [--jobs 2]

FOLDER holds the traces of FedZero's evaluation: clients.csv, solcast2022_global_actual.csv.gz and
solcast2022_global_forecast.csv.gz (800 W a city, CIFAR-100's sizes, 10 updates a round). Its
load traces are not public, so there are two worlds: one with load made up (on and off, with
something reserved, which serves as forecast), and one with a day of other devices, dealt anew to
each client and day (alibaba2026_gpu_duty_cycle_1day.csv.gz: nearly idle, nothing is reserved, so
there are no forecasts of load).

A seed deals samples and load and draws what a policy leaves to chance; all policies get the same
seeds, and claims are checked on the differences within seeds. Nothing is trained: a loss that
falls with accepted work stands in, so that policies have utilities. So accuracy is not in it:
"faster" is rounds, accepted work, and time and energy until the accepted work that random
selection reaches in the whole time. Nothing here reproduces a table of the paper.
"""

import argparse
import platform
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy import stats

from footprint.scheduling.fedzero.blocklist import Blocklist
from footprint.scheduling.fedzero.policy import FedZero
from footprint.scheduling.oort import Edge, Oort
from footprint.scheduling.participation import jain_index
from footprint.scheduling.policies import make_policy
from footprint.simulation.booking import Ledger
from footprint.simulation.engine import simulate
from footprint.simulation.fleet_scenario_files import fleet_scenario_of
from footprint.simulation.fleet_scenarios import Foresight, LoadFiles
from footprint.simulation.hardware import BATCH
from footprint.simulation.learners import FallingLoss

FEDZERO, NO_LIST = "fedzero", "fedzero, no blocklist"
CYCLES = "fedzero, cycles of the public code"
POLICIES = {
    **{name: partial(make_policy, name) for name in ("random", "random-1.3n", "random-fc")},
    **{name: partial(make_policy, name) for name in ("oort", "oort-1.3n", "oort-fc")},
    "oort, authors' cut": partial(Oort, edge=Edge.LOWEST),
    FEDZERO: FedZero,
    CYCLES: partial(FedZero, blocklist=partial(Blocklist, level="cycles")),
    NO_LIST: partial(FedZero, blocklist=None),
    "fedzero-static": partial(make_policy, "fedzero-static"),
}
BASELINES = tuple(POLICIES)[:6]
FORESIGHTED = (FEDZERO, "random-fc", "oort-fc")
UPPER = "upper bound"
NO_LIMITS, MADE_UP = "no limits", "load made up: error"
OTHERS, BERLIN = "load of other devices: error_no_load_fc", "unlimited Berlin"
BAR_S = 60.0
# Work after which the distance of the made-up loss to its last value has fallen to 37 %.
HORIZON_UNITS = 2e5


def scenario(folder, days):
    solar = {
        "actual": "solcast2022_global_actual.csv.gz",
        "forecast": "solcast2022_global_forecast.csv.gz",
        "issue_column": "datetime",
        "target_column": "period_end",
        "stamps": "end",
        "peak_w": 800,
        "repair": ["hold"],  # of forecasts, after the seven days
    }
    samples = {"total": 50_000, "classes": 100, "concentration": 0.5}
    given = {
        "name": "global",
        "start": "2022-06-08",
        "days": days,
        "updates": 10,
        "solar": solar,
        "clients": {"path": "clients.csv", "task": "cifar100", "samples": samples},
        "load": {"invented": True},
    }
    return fleet_scenario_of(given, folder)


def worlds(folder, days):
    """Scenarios by name, and the policies that run in each."""
    made_up = scenario(folder, days)
    day = folder / "alibaba2026_gpu_duty_cycle_1day.csv.gz"
    idle = replace(
        made_up,
        load=LoadFiles(day, one_day=True, drop=("step",)),
        foresight=Foresight.ERROR_NO_LOAD_FC,
    )
    free = replace(made_up, unlimited=None, load=None, foresight=Foresight.NO_ERROR)
    berlin = replace(made_up, unlimited=("Berlin",), speed=1e12)
    every = tuple(POLICIES)
    found = {
        NO_LIMITS: (free, ("random",)),
        MADE_UP: (made_up, every),
        "load made up: no_error": (
            replace(made_up, foresight=Foresight.NO_ERROR),
            FORESIGHTED,
        ),
        "load made up: error_no_load_fc": (
            replace(made_up, foresight=Foresight.ERROR_NO_LOAD_FC),
            FORESIGHTED,
        ),
    }
    if day.exists():
        found[OTHERS] = (idle, tuple(name for name in POLICIES if name != "fedzero-static"))
        found["load of other devices: no_error"] = (
            replace(idle, foresight=Foresight.NO_ERROR),
            FORESIGHTED,
        )
    found[BERLIN] = (berlin, (*BASELINES, FEDZERO))
    return found


def measure(task):
    """One run: its figures by name."""
    one, policy, seed = task
    world = one.world(seed)
    rules = one.rules
    steps = rules.length_s // rules.step_s
    used = np.zeros((steps, len(world.supply.domains)))
    enter = Ledger.add

    def listen(self, now_s, domains, phases, energy_ws):
        first = (now_s - rules.start_s) // rules.step_s
        used[first : first + energy_ws.shape[2], domains] += energy_ws[:, 0].sum(axis=0)
        enter(self, now_s, domains, phases, energy_ws)

    Ledger.add = listen
    before = time.perf_counter(), time.process_time()
    learner = FallingLoss(seed, BATCH, HORIZON_UNITS)
    run = simulate(world, POLICIES[policy](), rules, seed=seed, learner=learner)
    spent = time.perf_counter() - before[0], time.process_time() - before[1]
    Ledger.add = enter
    there = world.excess_ws(rules.start_s, rules.step_s, steps)
    limited = ~world.supply.unlimited
    rounds, clients = run.rounds, run.clients
    epoch = float(world.fleet.least_units.mean())
    took = clients.accepted
    free = np.isin(world.fleet.domain, np.flatnonzero(~limited))
    ends_s = rounds.start_s - rules.start_s + rounds.steps * rules.step_s
    return {
        "rounds": len(rounds),
        "minutes": rounds.steps.mean(),
        "updates": rounds.accepted.sum(),
        "epochs": rounds.accepted_units.sum() / epoch,
        "kwh": run.energy_kwh,
        "wh_per_epoch": 1e3 * run.energy_kwh / (rounds.accepted_units.sum() / epoch),
        "discarded": 100 * rounds.discarded_kwh.sum() / rounds.energy_kwh.sum(),
        "waited": run.waited_s / 60,
        "spread": took.std() / took.mean(),
        "jain": jain_index(took),
        "least": took.min(),
        "most": took.max(),
        "at_large": took[free].mean() if free.any() else np.nan,
        "others": took[~free].mean() if (~free).any() else np.nan,
        "grid_kwh": run.energy_kwh - rounds.excess_kwh.sum(),
        # More than there was in a step, as a share of it; NaN where nothing has a limit.
        "beyond": (used[:, limited] / np.maximum(there[:, limited], 1e-300)).max(initial=0.0) - 1,
        "wall_s": spent[0],
        "cpu_s": spent[1],
        "curve": (ends_s / 86_400, rounds.accepted_units.cumsum() / epoch, rounds),
    }


def add_reach(runs):
    """Days and kWh of each run until the epochs of random selection; NaN if never."""
    for policy in runs:
        for one, plain in zip(runs[policy], runs["random"], strict=True):
            days, work, rounds = one["curve"]
            place = int(np.searchsorted(work, plain["epochs"] * (1 - 1e-9)))
            reached = place < len(work)
            kwh = (rounds.energy_kwh + rounds.wait_kwh)[: place + 1].sum()
            one["days_to"] = days[place] if reached else np.nan
            one["kwh_to"] = kwh if reached else np.nan


def half_width(values):
    """Half of the 95 % interval of a mean, by Student's t."""
    count = len(values)
    if count < 2:
        return np.nan
    return float(stats.t.ppf(0.975, count - 1) * np.std(values, ddof=1) / np.sqrt(count))


def shown(values, digits):
    mean, half = float(np.mean(values)), half_width(values)
    return f"{mean:.{digits}f} ± {half:.{digits}f}"


COLUMNS = (
    ("rounds", "rounds", 0),
    ("minutes", "min / round", 1),
    ("updates", "updates", 0),
    ("epochs", "epochs accepted", 0),
    ("kwh", "kWh", 1),
    ("wh_per_epoch", "Wh / epoch", 2),
    ("discarded", "discarded %", 2),
    ("waited", "waited min", 0),
    ("spread", "std / mean", 3),
    ("jain", "Jain", 3),
)
REACHED = (("days_to", "days to random's epochs", 2), ("kwh_to", "kWh to random's epochs", 1))

HEADINGS = {key: heading for key, heading, _ in (*COLUMNS, *REACHED)}


def results_table(title, runs, policies, *, with_free):
    table = Table("policy", title=title)
    columns = [*COLUMNS, *(REACHED if "random" in runs else ())]
    for _, heading, _ in columns:
        table.add_column(heading, justify="right")
    if with_free:
        table.add_column("rounds of a client:\nBerlin, others", justify="right")
    for policy in policies:
        found = runs[policy]
        row = [shown([one[key] for one in found], digits) for key, _, digits in columns]
        if with_free:
            sides = [np.mean([one[side] for one in found]) for side in ("at_large", "others")]
            row.append(f"{sides[0]:.0f}, {sides[1]:.0f}")
        table.add_row(policy, *row)
    return table


class Claims:
    """Statements, each with the interval of the paired differences that it rests on."""

    def __init__(self, title):
        self.table = Table("statement", "figure", "A", "B", "A - B, 95 %", "verdict", title=title)

    def more(self, statement, key, first, second, digits=1):
        """A has more of something than B."""
        self._row(statement, key, first, second, 1.0, digits)

    def less(self, statement, key, first, second, digits=1):
        """A has less of something than B."""
        self._row(statement, key, first, second, -1.0, digits)

    def _row(self, statement, key, first, second, sign, digits):
        (name_a, runs_a), (name_b, runs_b) = first, second
        a, b = (np.array([one[key] for one in runs]) for runs in (runs_a, runs_b))
        gap, half = float((a - b).mean()), half_width(a - b)
        verdict = "not significant"
        if abs(gap) > half:
            verdict = "holds" if sign * gap > 0 else "DOES NOT HOLD"
        self.table.add_row(
            statement,
            HEADINGS[key],
            f"{name_a} {a.mean():.{digits}f}",
            f"{name_b} {b.mean():.{digits}f}",
            f"{gap:+.{digits}f} ± {half:.{digits}f}",
            verdict,
        )


def claims_of(title, runs, *, variants=(), speed=True):
    """Check what the paper's abstract states, and directions to expect, in one world."""
    claims = Claims(title)

    def of(name, where=runs):
        return name, where[name]

    fed = of(FEDZERO)
    if speed:
        for statement, key, digits in (
            ("[A] faster: more rounds", "rounds", 0),
            ("[A] faster: more work accepted", "epochs", 0),
        ):
            for name in BASELINES:
                claims.more(statement, key, fed, of(name), digits)
        for statement, key in (
            ("[A] faster to the same work", "days_to"),
            ("[A] less energy to the same work", "kwh_to"),
        ):
            for name in BASELINES:
                claims.less(statement, key, fed, of(name), 2)
    for name in BASELINES:
        claims.less("[A] fair: lower relative spread", "spread", fed, of(name), 3)
    for name in BASELINES:
        claims.less("less discarded work", "discarded", fed, of(name), 2)
    if NO_LIST in runs:
        claims.more("the blocklist costs rounds", "rounds", of(NO_LIST), fed, 0)
        claims.more("... and buys fairness", "spread", of(NO_LIST), fed, 3)
    if CYCLES in runs:
        claims.more("cycles of 24 h cost rounds", "rounds", fed, of(CYCLES), 0)
        claims.less("... and buy fairness", "spread", of(CYCLES), fed, 3)
    for kind in ("random", "oort"):
        claims.more("over-selection helps", "rounds", of(f"{kind}-1.3n"), of(kind), 0)
        claims.more("... but wastes work", "discarded", of(f"{kind}-1.3n"), of(kind), 2)
        claims.more("forecasts make more rounds", "rounds", of(f"{kind}-fc"), of(kind), 0)
    for told, label in variants:
        if "no_error" in label:
            claims.less("forecast errors cost rounds", "rounds", fed, (label, told[FEDZERO]), 0)
            claims.more(
                "[A] robust: ahead of a peer that knows all",
                "rounds",
                fed,
                ("random-fc, no_error", told["random-fc"]),
                0,
            )
        else:
            claims.less(
                "no forecasts of load cost more rounds", "rounds", (label, told[FEDZERO]), fed, 0
            )
    return claims.table


def report(console, name, results, options):
    """Print the table of a world that has been run, and what can be claimed by then."""
    if name == NO_LIMITS:
        return
    runs = dict(results[name])
    if name in (MADE_UP, OTHERS):
        runs[UPPER] = results[NO_LIMITS]["random"]
    if "random" in runs:
        add_reach(runs)
    title = f"{name}: {options.days:g} d, mean of {options.seeds} seeds ± 95 % interval"
    console.print(results_table(title, runs, runs, with_free=name == BERLIN))
    world, _, told = name.partition(": ")
    if told == "error_no_load_fc" and name != OTHERS:
        variants = [
            (results[f"{world}: {word}"], f"fedzero, {word}")
            for word in ("no_error", "error_no_load_fc")
        ]
        console.print(claims_of(f"{world}: claims", results[MADE_UP], variants=variants))
    elif told == "no_error" and name != "load made up: no_error":
        variants = [(results[name], "fedzero, no_error")]
        console.print(claims_of(f"{world}: claims", results[OTHERS], variants=variants))
    elif name == BERLIN:
        console.print(claims_of(f"{world}: claims", runs, speed=False))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="of the traces")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--days", type=float, default=7.0)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    started = time.perf_counter()
    settings = worlds(options.folder, options.days)
    tasks = [
        (name, policy, seed)
        for name, (_, policies) in settings.items()
        for policy in policies
        for seed in range(1, options.seeds + 1)
    ]
    console = Console(width=210)
    results = {name: {} for name in settings}
    with ProcessPoolExecutor(options.jobs) as pool:
        given = [(settings[name][0], policy, seed) for name, policy, seed in tasks]
        for (name, policy, seed), figures in zip(tasks, pool.map(measure, given), strict=True):
            results[name].setdefault(policy, []).append(figures)
            if (policy, seed) == (settings[name][1][-1], options.seeds):
                report(console, name, results, options)
    every = [one for runs in results.values() for ran in runs.values() for one in ran]
    own = [one for runs in results.values() for one in runs.get(FEDZERO, [])]
    beyond = max(one["beyond"] for one in every)
    only = [name for name in results if name not in (NO_LIMITS, BERLIN)]
    grid = max(one["grid_kwh"] for name in only for ran in results[name].values() for one in ran)
    slowest = max(one["wall_s"] for one in own)
    console.print(
        f"No domain used more than it had in a step: at most {beyond:+.1e} of it too much, in "
        f"{len(every)} runs.\n[A] only excess energy: {grid:.1e} kWh from a grid, at most, where "
        f"all domains have limits.\nA run of fedzero: {np.mean([o['cpu_s'] for o in own]):.1f} s "
        f"of processor time on average, {max(o['cpu_s'] for o in own):.1f} s at most; "
        f"{slowest:.1f} s by the wall at most (bar {BAR_S:g} s: "
        f"{'kept' if slowest < BAR_S else 'MISSED'}).\n[A] scales to tens of thousands of clients: "
        f"see scheduling.txt.\nIntervals by Student's t over seeds; no correction for the number "
        f"of statements.\n{len(every)} runs in {time.perf_counter() - started:.0f} s, "
        f"{options.jobs} at a time, Python {platform.python_version()}.",
        markup=False,
        highlight=False,
    )


if __name__ == "__main__":
    main()
