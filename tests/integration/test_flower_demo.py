"""The Flower app of the examples, from the command line, and an app on both engines."""

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import footprint as fp
from footprint.integrations.flower.sandbox import variables

BESIDE = Path(__file__).parent
EXAMPLE = Path(__file__).parents[2] / "examples" / "flower"


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """Folder in which the demonstration ran in one process, and its output."""
    folder = tmp_path_factory.mktemp("demo")
    return folder, run_demo(folder, "--clients", "6", "--rounds", "2", "--journal", "kept")


def run_demo(folder, *options, code=0):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "footprint", "flower", "demo", *options],
        cwd=folder,
        env={**os.environ, "COLUMNS": "160", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=480,
    )
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


def test_the_demonstration_ends_with_the_path_of_a_page(demo):
    folder, output = demo
    page = folder / output.splitlines()[-1]
    assert page.read_text().startswith("<!DOCTYPE html>")
    for phase in ("Training", "Evaluation", "Upload", "Download", "Aggregation"):
        assert phase in output
    assert "Places and devices are assumptions of this demonstration" in output


def test_its_journal_holds_every_client_and_round(demo):
    folder, _ = demo
    inventory = fp.build_inventory(fp.read_journal(folder / "kept"))
    assert (inventory.clients, inventory.rounds) == (6, 2)
    assert {line.zone for line in inventory.lines} == {"FR", "DE", "US", "PL"}
    assert 0 <= inventory.run.results["accuracy"] <= 1


def test_an_unknown_engine_is_refused(tmp_path):
    assert "Use one of: local, ray" in run_demo(tmp_path, "--engine", "dask", code=2)


def test_it_adds_to_no_earlier_journal(demo):
    folder, _ = demo
    message = run_demo(folder, "--journal", "kept", code=2)
    assert "kept is there already" in message


def test_it_runs_on_ray_and_leaves_nothing_but_the_page(tmp_path):
    options = ("--engine", "ray", "--clients", "3", "--rounds", "1", "--json")
    result = json.loads(run_demo(tmp_path, *options))
    assert (result["clients"], result["rounds"]) == (3, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["flower-demo.html"]


def test_one_app_gives_the_same_on_both_engines(tmp_path):
    """Weights to the bit, virtual time, and the energy of each client."""
    local, ray = (two_engines(tmp_path / engine, engine) for engine in ("local", "ray"))
    assert local == ray
    assert len(local["energies"]) > 1
    assert local["real"] != local["virtual"]


def two_engines(folder, engine):
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, BESIDE / "flower_two_engines.py", engine, "journal"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        timeout=480,
    )
    return json.loads(done.stdout.splitlines()[-1])


BLOCKED = """
import sys
for name in {names!r}:
    sys.modules[name] = None
sys.argv = ["footprint", *{arguments!r}]
from footprint.cli.main import main
main()
"""


def run_without(names, *arguments):
    """Run the command line where some packages are not installed."""
    code = BLOCKED.format(names=names, arguments=arguments)
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("missing", "extras"),
    [(["flwr"], "flower"), (["torch"], "demo"), (["flwr", "sklearn"], "demo,flower")],
)
def test_it_says_how_to_install_what_it_needs(missing, extras):
    done = run_without(missing, "flower", "demo")
    assert done.returncode == 4
    assert f"pip install 'footprint[{extras}]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_environment_can_be_had_without_flower(tmp_path):
    done = run_without(["flwr", "ray"], "flower", "env", "--home", str(tmp_path))
    assert done.returncode == 0, done.stderr
    shown = subprocess.run(
        ["sh", "-c", f"{done.stdout}\nenv"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert f"FLWR_HOME={tmp_path}" in shown
    assert "FLWR_TELEMETRY_ENABLED=0" in shown
    assert "RAY_USAGE_STATS_ENABLED=0" in shown


def test_the_environment_is_one_that_flower_and_ray_know(footprint):
    """A variable that they renamed would protect nobody."""
    import flwr
    import ray

    sources = [
        *Path(flwr.__file__).parent.rglob("*.py"),
        *Path(ray.__file__).parent.rglob("*usage*.py"),
    ]
    texts = [path.read_text() for path in sources]
    for name in json.loads(footprint("flower", "env", "--json").stdout):
        assert any(name in text for text in texts), name


def test_a_home_with_spaces_can_be_evaluated(footprint):
    line = footprint("flower", "env", "--home", "my home").stdout.splitlines()[-1]
    assert shlex.split(line)[1].endswith("/my home")


def test_flower_takes_the_example_for_an_app(tmp_path):
    flwr = Path(sys.executable).with_name("flwr")
    subprocess.run(
        [flwr, "build", "--app", EXAMPLE],
        cwd=tmp_path,
        env={**os.environ, **variables(tmp_path / "home")},
        check=True,
        capture_output=True,
        timeout=60,
    )
    (built,) = tmp_path.glob("*.fab")
    assert {"digits_app/client_app.py", "digits_app/server_app.py"} <= set(
        zipfile.ZipFile(built).namelist()
    )


def test_the_example_declares_what_its_server_and_clients_ask_for():
    """Flower refuses to set a key that an app does not declare."""
    declared = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["tool"]["flwr"]["app"]
    code = "".join(path.read_text() for path in (EXAMPLE / "digits_app").glob("*.py"))
    asked = set(re.findall(r'config\["([a-z-]+)"\]', code)) - {"partition-id", "num-partitions"}
    assert asked == set(declared["config"])


def test_the_deployment_keeps_off_folders_of_others(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    done = subprocess.run(
        [sys.executable, EXAMPLE / "deploy.py", "--output", tmp_path],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert "Name another folder" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
