"""`footprint audit`: what it prints, writes and exits with."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from footprint.documents import read_document
from tests.companies import company

EXAMPLE = Path(__file__).parents[2] / "examples" / "company"


def footprint(*words, cwd=None):
    return subprocess.run(
        [sys.executable, "-m", "footprint", "audit", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
    )


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """The example, copied, with its statement beside it."""
    folder = tmp_path_factory.mktemp("audit") / "company"
    shutil.copytree(EXAMPLE, folder)
    done = footprint(folder, "-o", folder / "statement.json")
    assert done.returncode == 0, done.stderr
    return folder, done


def test_the_statement_of_a_folder_is_written_and_printed(example):
    folder, done = example
    assert "by location" in done.stdout
    assert "by contracts" in done.stdout
    statement = read_document(folder / "statement.json")
    assert len(statement.lines) > 100


def test_it_is_verified_to_the_last_digit_from_beside_its_manifest(example):
    folder, _ = example
    done = footprint("verify", folder / "statement.json")
    assert done.returncode == 0, done.stdout
    assert "agree to the last digit" in done.stdout


def test_a_changed_input_is_found_and_explained(example, tmp_path):
    folder, _ = example
    other = tmp_path / "company"
    shutil.copytree(folder, other)
    path = other / "deployment.toml"
    path.write_text(path.read_text().replace('energy = "905 kWh"', 'energy = "915 kWh"'))
    done = footprint("verify", folder / "statement.json", "--manifest", path, "--json")
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert not found["reproduced"]
    assert {"place", "stated", "found", "relative"} == set(found["deviations"][0])
    assert any("manifest_sha256" in one["place"] for one in found["recipe"])
    footprint(path, "-o", tmp_path / "new.json")
    done = footprint("diff", folder / "statement.json", tmp_path / "new.json", "--json")
    assert done.returncode == 0
    why = json.loads(done.stdout)
    assert why["difference_g"] > 0
    assert sum(one["difference_g"] for one in why["changes"]) == pytest.approx(
        why["difference_g"], rel=1e-9
    )
    assert footprint("diff", folder / "statement.json", tmp_path / "new.json").returncode == 0


def test_findings_that_are_errors_exit_with_1_and_still_give_the_statement(tmp_path):
    path = company(tmp_path, lambda m: m["instruments"][0].update(vintage=2020))
    done = footprint(path, "-o", tmp_path / "statement.json", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["format"] == "footprint-statement"
    assert (tmp_path / "statement.json").exists()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("nowhere",), 3, "cannot be read"),
        (("run", "nowhere"), 3, "cannot be read"),
        (("nowhere", "-o", "x.txt"), 2, "neither in .json nor in .html"),
        (("verify", "nowhere.json"), 3, "cannot be read"),
        (("diff", "nowhere.json", "nowhere.json"), 3, "cannot be read"),
        (("verify",), 2, "Missing argument"),
    ],
)
def test_errors_say_what_is_wrong(tmp_path, words, code, said):
    done = footprint(*words, cwd=tmp_path)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_statement_without_its_manifest_asks_for_it(example, tmp_path):
    folder, _ = example
    shutil.copy(folder / "statement.json", tmp_path)
    done = footprint("verify", tmp_path / "statement.json", cwd=tmp_path)
    assert done.returncode == 3
    assert "--manifest" in done.stderr


def test_a_result_that_is_no_statement_is_refused(tmp_path):
    journal = EXAMPLE / "journals" / "noise-study-lyon"
    subprocess.run(
        [sys.executable, "-m", "footprint", "estimate", journal, "-o", tmp_path / "a.json"],
        check=True,
        capture_output=True,
    )
    done = footprint("diff", tmp_path / "a.json", tmp_path / "a.json")
    assert done.returncode == 2
    assert "is no statement" in done.stderr


def test_help_names_the_commands():
    done = footprint("--help")
    assert done.returncode == 0
    for word in ("run", "verify", "diff"):
        assert word in done.stdout
