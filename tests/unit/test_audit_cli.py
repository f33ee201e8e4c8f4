"""`footprint audit`: what it prints, writes and exits with."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from footprint.assessment import estimate
from footprint.cli.audit import app
from footprint.documents import read_document, write_document
from footprint.errors import DataError, DocumentError, ManifestError, UsageError
from footprint.inventory import build_inventory
from footprint.measurement.attribution import read_journal
from footprint.reporting.numbers import NOT_KNOWN
from footprint.reporting.statement_tables import totals_table
from footprint.reporting.statements import view_statement
from tests.companies import company

EXAMPLE = Path(__file__).parents[2] / "examples" / "company"
RUNNER = CliRunner()


def run(*words):
    return RUNNER.invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """The example, copied, with its statement beside it."""
    folder = tmp_path_factory.mktemp("audit") / "company"
    shutil.copytree(EXAMPLE, folder)
    done = run(folder, "-o", folder / "statement.json")
    assert done.exit_code == 0, done.output
    return folder, done


def test_the_statement_of_a_folder_is_written_and_printed(example):
    folder, done = example
    assert "by location" in done.stdout
    assert "by contracts" in done.stdout
    statement = read_document(folder / "statement.json")
    assert len(statement.lines) > 100
    # The sum is of five releases; one of them has a figure of its own.
    name, shown, *_ = totals_table(statement).rows[-1]
    assert name.text == "Functional unit: per model release"
    kilograms = statement.total("sci").emissions_g.value / 5 / 1e3
    value, _, unit = shown.text.partition("\N{NO-BREAK SPACE}")
    assert float(value) == pytest.approx(kilograms, rel=0.05)
    assert unit == "kg CO₂e"


def test_the_terminal_says_that_a_period_is_not_over_and_the_statement_keeps_no_clock(tmp_path):
    to_come = {"start": date(9000, 1, 1), "end": date(9000, 12, 31)}

    def later(manifest):
        manifest["period"] = to_come
        for run_ in manifest["runs"]:
            run_.pop("start", None)

    done = run(company(tmp_path, later), "-o", tmp_path / "statement.json")
    assert "The period ends on 9000-12-31" in done.stderr
    assert "as_of = " in done.stderr
    findings = read_document(tmp_path / "statement.json").findings
    assert "period-open" not in {one.code for one in findings}


def test_a_statement_heads_what_was_declared_and_no_whole_company(example):
    folder, _ = example
    page = view_statement(read_document(folder / "statement.json"))
    assert page.verdict.startswith(
        "The declared machine learning of Nowhere Rail (fictional) amounts to"
    )
    # The example was written before its year was over.
    assert any("39 day(s) left" in remark for remark in page.remarks)


def test_it_is_verified_to_the_last_digit_from_beside_its_manifest(example):
    folder, _ = example
    done = run("verify", folder / "statement.json")
    assert done.exit_code == 0, done.stdout
    assert "agree to the last digit" in done.stdout


def test_a_changed_input_is_found_and_explained(example, tmp_path):
    folder, _ = example
    other = tmp_path / "company"
    shutil.copytree(folder, other)
    path = other / "deployment.toml"
    path.write_text(path.read_text().replace('energy = "905 kWh"', 'energy = "915 kWh"'))
    done = run("verify", folder / "statement.json", "--manifest", path, "--json")
    assert done.exit_code == 1
    found = json.loads(done.stdout)
    assert not found["reproduced"]
    assert {"place", "stated", "found", "relative"} == set(found["deviations"][0])
    assert any("manifest_sha256" in one["place"] for one in found["recipe"])
    run(path, "-o", tmp_path / "new.json")
    done = run("diff", folder / "statement.json", tmp_path / "new.json", "--json")
    assert done.exit_code == 0
    why = json.loads(done.stdout)
    assert why["difference_g"] > 0
    assert sum(one["difference_g"] for one in why["changes"]) == pytest.approx(
        why["difference_g"], rel=1e-9
    )
    assert set(why["by_cause_g"]) <= {"activity", "structure", "factor", "method"}
    shown = run("diff", folder / "statement.json", tmp_path / "new.json").stdout
    assert "activity" in shown
    assert "manifest: " in shown


def test_a_page_is_written_and_read_back(tmp_path):
    path = company(tmp_path)
    page = tmp_path / "statement.html"
    assert run(path, "-o", page, "--assets", "directory").exit_code == 0
    done = run("verify", page, "--manifest", path, "--json")
    assert (done.exit_code, json.loads(done.stdout)["page"]) == (0, "same")


@pytest.mark.parametrize("shown", ["Test company", "kWh"])
def test_a_page_that_shows_something_else_than_its_data_is_found(tmp_path, shown):
    path = company(tmp_path)
    page = tmp_path / "statement.html"
    run(path, "-o", page, "--assets", "directory")
    text = page.read_text()
    data = text.index('id="footprint-document"')
    assert shown in text[:data]
    page.write_text(text[:data].replace(shown, "forged", 1) + text[data:])
    done = run("verify", page, "--manifest", path)
    assert done.exit_code == 1
    assert "something else" in done.stdout


def test_a_page_with_a_library_of_its_own_is_verified_by_who_has_it(tmp_path):
    path, page = company(tmp_path), tmp_path / "statement.html"
    own, other = tmp_path / "own.js", tmp_path / "other.js"
    # What registers the traces; a whole build is megabytes.
    traces = ";".join(
        f'x={{moduleType:"trace",name:"{name}"}}' for name in ("bar", "scatter", "waterfall", "pie")
    )
    own.write_text(f"/* </script> */{traces}")
    other.write_text(f"alert(1);{traces}")
    assert run(path, "-o", page, "--assets", own).exit_code == 0
    done = run("verify", page)
    assert done.exit_code == 1
    assert "--assets" in done.stdout
    assert "something else" not in done.stdout
    assert run("verify", page, "--assets", own).exit_code == 0
    done = run("verify", page, "--assets", other)
    assert done.exit_code == 1
    # A word that was changed beside it is found, too.
    text = page.read_text()
    page.write_text(text.replace("Test company", "Best company", 1))
    for words in ((), ("--assets", own)):
        assert "something else" in run("verify", page, *words).stdout


def test_a_statement_is_no_pipe(tmp_path):
    pipe = tmp_path / "statement.json"
    os.mkfifo(pipe)
    for words in (("verify", pipe), ("diff", pipe, pipe), ("export", pipe, "--format", "ghg")):
        done = run(*words)
        assert isinstance(done.exception, DocumentError)
        assert "no plain file" in done.exception.message


def test_a_statement_away_from_its_manifest_says_how_to_name_it(example, tmp_path, monkeypatch):
    folder, _ = example
    monkeypatch.chdir(tmp_path)
    shutil.copy(folder / "statement.json", tmp_path)
    done = run("verify", "statement.json")
    assert isinstance(done.exception, DocumentError)
    assert "verify statement.json --manifest FOLDER/deployment.toml" in done.exception.remedy
    shutil.copy(folder / "deployment.toml", tmp_path)  # its journals are not here
    done = run("verify", "statement.json")
    assert isinstance(done.exception, ManifestError)
    assert "--manifest" in done.exception.remedy
    company(tmp_path)
    done = run("verify", "statement.json")
    assert done.exit_code == 1
    assert "name it with --manifest" in done.stderr


def test_what_differs_below_all_digits_is_no_difference(example, tmp_path):
    folder, _ = example
    statement = read_document(folder / "statement.json")
    lines = [
        replace(
            line, location_g=replace(line.location_g, value=line.location_g.value * (1 + 3e-13))
        )
        if line.location_g
        else line
        for line in statement.lines
    ]
    write_document(replace(statement, lines=tuple(lines)), tmp_path / "other.json")
    shown = run("diff", folder / "statement.json", tmp_path / "other.json").stdout
    assert "(no difference)" in shown
    assert "No part of it differs" in shown


def test_a_statement_of_another_manifest_is_not_reproduced(tmp_path):
    path = company(tmp_path)
    run(path, "-o", tmp_path / "statement.json")
    path.write_text(f"# a word more\n{path.read_text()}")
    done = run("verify", tmp_path / "statement.json")
    assert done.exit_code == 1
    assert "values agree" in done.stdout
    assert "manifest_sha256" in done.stdout


def test_findings_that_are_errors_exit_with_1_and_still_give_the_statement(tmp_path):
    path = company(tmp_path, lambda m: m["instruments"][0].update(vintage=2020))
    done = run(path, "-o", tmp_path / "statement.json", "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["format"] == "footprint-statement"
    assert read_document(tmp_path / "statement.json").findings[0].code == "instrument-vintage"


@pytest.mark.parametrize(
    ("words", "kind", "said"),
    [
        (("nowhere",), DataError, "cannot be read"),
        (("run", "nowhere"), DataError, "cannot be read"),
        (("nowhere", "-o", "x.txt"), UsageError, "neither in .json nor in .html"),
        (("verify", "nowhere.json"), DocumentError, "cannot be read"),
        (("diff", "nowhere.json", "nowhere.json"), DocumentError, "cannot be read"),
    ],
)
def test_errors_say_what_is_wrong(words, kind, said):
    done = run(*words)
    assert isinstance(done.exception, kind)
    assert said in done.exception.message


def test_a_statement_without_its_manifest_asks_for_it(example, tmp_path, monkeypatch):
    folder, _ = example
    shutil.copy(folder / "statement.json", tmp_path)
    monkeypatch.chdir(tmp_path)
    done = run("verify", "statement.json")
    assert isinstance(done.exception, DocumentError)
    assert "--manifest" in done.exception.remedy


def test_a_result_that_is_no_statement_is_refused(tmp_path):
    journal = read_journal(EXAMPLE / "journals" / "noise-study-lyon")
    found = write_document(estimate(build_inventory(journal)), tmp_path / "assessment.json")
    done = run("diff", found, found)
    assert isinstance(done.exception, UsageError)
    assert "is no statement" in done.exception.message


def test_the_command_exits_with_the_code_of_its_error(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "footprint", "audit", tmp_path / "nowhere"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert "cannot be read" in done.stderr
    assert "Traceback" not in done.stderr


def test_help_names_the_commands():
    done = run("--help")
    assert done.exit_code == 0
    for word in ("run", "verify", "diff"):
        assert word in done.stdout


def test_a_missing_statement_names_the_command_that_makes_one(tmp_path):
    for command in (("verify",), ("export", "--format", "ghg")):
        done = run(*command, tmp_path / "none.json")
        assert isinstance(done.exception, DocumentError)
        assert "footprint audit MANIFEST" in done.exception.remedy


def test_wrong_use_of_the_module_names_the_command():
    words = [sys.executable, "-m", "footprint", "audit", "verify"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Usage: footprint audit verify" in done.stderr


@pytest.mark.parametrize(
    ("program", "said"),
    [("bin/footprint", "footprint audit x"), ("m/__main__.py", "python -m footprint audit x")],
)
def test_a_page_says_the_command_as_a_person_types_it(tmp_path, monkeypatch, program, said):
    """Started as a module its first word is the path of a file of ours."""
    page = tmp_path / "x.html"
    monkeypatch.setattr(sys, "argv", [f"/opt/{program}", "audit", "x"])
    done = run("run", company(tmp_path), "-o", page)
    assert done.exit_code == 0, done.output
    assert f"<code>{said}</code>" in page.read_text(encoding="utf-8")


def test_totals_of_which_nothing_is_known_are_no_zeros(tmp_path):
    def nothing_metered(manifest):
        manifest["hardware"], manifest["instruments"] = [], []
        manifest["sites"] = [{**site, "generators": []} for site in manifest["sites"]]
        for table in manifest["runs"]:
            table["activities"] = [{"silo": "a", "phase": "train"}]

    path = company(tmp_path, nothing_metered)
    done = run(path, "-o", tmp_path / "statement.json")
    assert done.exit_code == 1
    assert "is not known: no line has a figure" in " ".join(done.stdout.split())
    statement = read_document(tmp_path / "statement.json")
    assert {row[1].text for row in totals_table(statement).rows} == {NOT_KNOWN}
    cards = {
        card.label: card.value for group in view_statement(statement).groups for card in group.cards
    }
    assert cards["Scope 2 by location"] == cards["Scope 3"] == NOT_KNOWN
