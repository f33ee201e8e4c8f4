"""The example simulations: what works, and what each broken one says."""

import json
from pathlib import Path

import pytest

from footprint.errors import FootprintError
from footprint.trials.evaluation import evaluate_policies
from footprint.trials.manifest import read_plan

ROOT = Path(__file__).parents[2] / "examples" / "simulations"
WORKING = sorted((ROOT / "ok").glob("*.toml"))
BROKEN = sorted((ROOT / "fails").glob("*.toml"))
GRIDS = ROOT / "ok" / "two_grids.toml"


def test_the_examples_are_there():
    assert len(WORKING) >= 2
    assert len(BROKEN) >= 30


@pytest.mark.parametrize("path", WORKING, ids=lambda path: path.stem)
def test_a_working_simulation_makes_a_document_and_a_page(footprint, path):
    # One that really trains is run with one of its policies: a model takes seconds.
    some = ("--policy", "knobs", "--baseline", "knobs") if path.stem == "knobs" else ()
    done = footprint(
        "simulate", path, *some, "--seeds", 2, "--engine", "here", "-o", "page.html", "--json"
    )
    result = json.loads(done.stdout)
    assert result["format"] == "footprint-evaluation"
    assert result["seeds"] == [0, 1]
    assert all(len(policy["seeds"]) == 2 for policy in result["policies"])
    page = (footprint.folder / "page.html").read_text()
    assert "avoided" not in page.partition('type="application/json"')[0]
    again = footprint("report", "page.html", "-o", "again.html", "--json")
    assert json.loads(again.stdout) == {"page": "again.html"}


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_a_broken_simulation_raises_the_error_that_it_documents(path):
    first = path.read_text().splitlines()[0]
    assert first.startswith("# error: ")
    with pytest.raises(FootprintError) as caught:
        evaluate_policies(read_plan(path))
    assert first.removeprefix("# error: ") in caught.value.message
    # What is wrong in a file or in a policy is named by these.
    names = (path.name, "projected_costs.toml", "gap.csv", "not_there.csv", "policy 'random-fc'")
    assert any(name in caught.value.message for name in names)


@pytest.mark.parametrize("name", ["no_unit", "no_forecasts"])
def test_a_broken_simulation_prints_its_error(footprint, name):
    path = ROOT / "fails" / f"{name}.toml"
    done = footprint("simulate", path, "--engine", "here", code=None)
    assert done.returncode in (2, 3)
    said = path.read_text().splitlines()[0].removeprefix("# error: ")
    assert said in " ".join(done.stderr.split())


def test_the_command_line_takes_the_place_of_the_manifest(footprint):
    done = footprint(
        "simulate",
        GRIDS,
        *("--policy", "round-robin", "--policy", "uniform", "--seeds", 1, "--engine", "here"),
        *("--budget", "carbon=300 g", "--target", 0.2, "--baseline", "uniform", "--json"),
    )
    result = json.loads(done.stdout)
    assert [policy["name"] for policy in result["policies"]] == ["round-robin", "uniform"]
    assert result["world"]["budgets"] == [{"resource": "carbon_g", "total": 300.0, "mode": "hard"}]
    assert (result["target"], result["baseline"]) == (0.2, "uniform")
    spent = [p["seeds"][0]["figures"]["emissions_g"] for p in result["policies"]]
    assert max(spent) <= 300
    # Nobody sees a bar grow here, so each run that ends is a line.
    lines = done.stderr.splitlines()
    assert "1 of 2 runs: policy 'round-robin', seed 0" in lines
    assert "2 of 2 runs: policy 'uniform', seed 0" in lines
    assert "one-seed" in {finding["code"] for finding in result["findings"]}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--policy", "magic"], "There is no policy 'magic'"),
        (["--budget", "carbon"], "'carbon' is no budget"),
        (["--baseline", "magic"], "there is no policy 'magic'"),
        (["--target", "80"], "An accuracy of 80 cannot be reached"),
        (["--engine", "cloud"], "Unknown engine 'cloud'"),
        (["-o", "page.pdf"], "ends neither in .json nor in .html"),
        (["--seeds", "0"], "--seeds"),
    ],
)
def test_wrong_options_are_explained(footprint, options, said):
    done = footprint("simulate", GRIDS, *options, code=None)
    assert done.returncode in (2, 3)
    assert said in " ".join(done.stderr.split())


def figures(document):
    return {
        (policy["name"], seed["seed"]): {
            name: value for name, value in seed["figures"].items() if "overhead" not in name
        }
        for policy in document["policies"]
        for seed in policy["seeds"]
    }


def test_ray_says_the_same_as_this_process(footprint):
    pytest.importorskip("ray")
    options = ["--policy", "random", "--policy", "oort", "--seeds", 1, "--json"]
    here = json.loads(footprint("simulate", GRIDS, *options, "--engine", "here").stdout)
    there = footprint("simulate", GRIDS, *options, "--engine", "ray", "--jobs", 1)
    assert figures(json.loads(there.stdout)) == figures(here)
