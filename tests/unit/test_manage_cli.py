"""`footprint manage catalogue` and `analyse`: what they print, keep and exit with."""

import json
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from footprint.cli.audit import app as audit
from footprint.cli.manage import app
from footprint.errors import DataError, ManifestError, MissingExtra, UsageError
from footprint.ledger import open_ledger
from footprint.management.results import read_catalogues, read_result, write_result
from tests.managed_folders import change, make_folders
from tests.management_silos import ROWS, declare, write

EXAMPLE = Path(__file__).parents[2] / "examples" / "company"
NOW_S = 4e9
TODAY = ("--today", "2096-10-02")
FARES = ("--dataset", "bookings", "--column", "fare", "--lower", "0", "--upper", "1000")


def run(*words, columns=200):
    os.environ["COLUMNS"] = str(columns)
    try:
        return CliRunner().invoke(app, [str(word) for word in words])
    finally:
        del os.environ["COLUMNS"]


def analyse(folder, statistic, *words, **more):
    return run("analyse", folder, "--statistic", statistic, *words, *TODAY, **more)


@pytest.fixture
def company(tmp_path):
    return make_folders(tmp_path)


def test_the_catalogue_of_the_example_is_printed_kept_and_printed_again(tmp_path):
    kept = tmp_path / "catalogues.json"
    done = run("catalogue", EXAMPLE, "-o", kept)
    assert done.exit_code == 0, done.output
    row = next(line for line in done.stdout.splitlines() if "door-events" in line)
    cells = [cell.strip() for cell in row.split("│")][1:-1]
    assert cells[:6] == ["turin", "door-events", "92,000,000", "80", "800 GB", "ssd"]
    assert cells[6:] == ["2025-03-11", "2024-12-31", "rolling stock", "2029-12-30"]
    assert "delay-board-old" in done.stdout
    assert run("catalogue", kept).stdout == done.stdout
    assert run("catalogue", EXAMPLE, "--json").stdout == kept.read_text()
    found = read_catalogues(kept.read_text(), "catalogues.json", NOW_S)
    assert len(found.silos) == 7


def documented(name):
    """The smallest manifest of a name that the documentation shows."""
    text = (EXAMPLE.parents[1] / "docs" / "management.md").read_text()
    return next(
        block for block in re.findall("```toml\n(.*?)```", text, re.S) if f"# {name}\n" in block
    )


def test_a_company_without_runs_is_catalogued_asked_and_advised(tmp_path):
    for name in ("deployment.toml", "management.toml"):
        (tmp_path / name).write_text(documented(name))
    silo = tmp_path / "silos" / "lyon"
    silo.mkdir(parents=True)
    write(silo, "tickets", ["fare", *map(str, range(100))])
    declare(silo, "lyon", ["tickets"], labels='written = 2026-11-01T00:00:00Z\nstorage-class="ssd"')
    assert "tickets" in run("catalogue", tmp_path).stdout
    asked = ("--statistic", "rows", "--dataset", "tickets", "--minimum-silos", "1")
    assert "1 of 1 silos, 100 rows" in run("analyse", tmp_path, *asked).stdout
    advised = run("advise", tmp_path)
    assert advised.exit_code == 0, advised.output
    assert "tickets" in advised.stdout
    audited = CliRunner().invoke(audit, ["run", str(tmp_path)])
    assert isinstance(audited.exception, ManifestError)
    assert "there is no run" in audited.exception.message


@pytest.mark.parametrize("command", ["catalogue", "analyse", "advise"])
def test_a_folder_that_is_none_is_said_to_be_one(tmp_path, command):
    words = ("--statistic", "duplicates") * (command == "analyse")
    for folder, said in (("nosuch", "no folder"), ("", "no management.toml")):
        error = run(command, tmp_path / folder, *words).exception
        assert isinstance(error, ManifestError)
        assert said in error.message
        assert "management.toml" in error.message + error.remedy


def test_an_unknown_kind_of_decision_is_two_words():
    assert "Unknown decision kind 'x'" in run("advise", EXAMPLE, "--kind", "x").exception.message


def test_a_narrow_terminal_cuts_nothing():
    wide, narrow = (run("catalogue", EXAMPLE, columns=n).stdout for n in (200, 80))
    assert max(map(len, narrow.splitlines())) <= 80
    for name in ("ticket-sales-2025", "gate-counts-2019", "310,000,000", "transport research"):
        assert name in wide
        assert name in narrow


def test_one_silo_can_be_chosen_and_an_unknown_one_is_named():
    done = run("catalogue", EXAMPLE, "--silo", "hub")
    assert "timetable" in done.stdout
    assert "wheel-scans" not in done.stdout
    wrong = run("catalogue", EXAMPLE, "--silo", "rome")
    assert isinstance(wrong.exception, UsageError)
    assert "lyon" in wrong.exception.remedy


def test_a_silo_that_is_left_out_is_said_and_exits_with_1(company, tmp_path):
    (company.folders["nice"] / "bookings.csv").unlink()
    listed = run("catalogue", tmp_path, *TODAY)
    assert listed.exit_code == 1
    assert "madrid" in listed.stdout
    assert "nice/bookings is left out" in listed.stderr
    counted = analyse(tmp_path, "rows", "--dataset", "bookings", "--json")
    assert counted.exit_code == 1
    result = read_result(counted.stdout, "result")
    assert result.analysis.rows == 2 * ROWS
    assert [one.came.value for one in result.analysis.coverage] == [
        "answered",
        "answered",
        "failed",
    ]


def test_an_analysis_gives_bounds_coverage_bytes_and_energy(company, tmp_path):
    kept = tmp_path / "customers.json"
    words = ("--dataset", "bookings", "--column", "customer")
    done = analyse(tmp_path, "distinct", *words, "-o", kept)
    assert done.exit_code == 0, done.output
    result = read_result(kept.read_text(), "customers.json")
    (found,) = result.analysis.estimates
    assert found.low <= len(np.unique(company.customers)) <= found.high
    assert result.traffic.raw_bytes == sum(
        (silo / "bookings.csv").stat().st_size for silo in company.folders.values()
    )
    assert result.traffic.moved_bytes > 3 * (1 << 15)
    energy = result.energy
    share = result.traffic.moved_bytes / result.traffic.raw_bytes
    assert energy.moved.value / energy.raw.value == pytest.approx(share)
    assert energy.moved.low < energy.moved.value < energy.moved.high
    for name in ("lisbon", "madrid", "nice", "3 of 3 silos", "12,000 rows", "bounds of 95 %"):
        assert name in done.stdout
    # Printed again from the file, and the same when it is asked again.
    assert run("analyse", kept).stdout == done.stdout
    assert analyse(tmp_path, "distinct", *words).stdout == done.stdout


@pytest.mark.parametrize(
    ("statistic", "words", "shown"),
    [
        ("rows", ("--dataset", "bookings"), "12,000"),
        ("rows", ("--dataset", "bookings", "--epsilon", "1"), "epsilon 1"),
        ("quantiles", (*FARES, "--cells", "1000", "--rank", "0.9"), "quantile 0.9"),
        ("histogram", (*FARES, "--cells", "10"), "[100, 200)"),
        ("frequent", ("--dataset", "bookings", "--column", "country"), "Portugal"),
        ("duplicates", (), "nothing was found"),
    ],
)
def test_every_statistic_can_be_asked_for_and_read_back(company, tmp_path, statistic, words, shown):
    for silo in company.folders.values():
        limit = "epsilon-limit = 5.0\n" * ("--epsilon" in words)
        change(silo / "silo.toml", 'zone = "FR"', f'zone = "FR"\n{limit}')
    kept = tmp_path / "result.json"
    done = analyse(tmp_path, statistic, *words, "-o", kept)
    assert done.exit_code == 0, done.output
    assert shown in done.stdout
    assert write_result(read_result(kept.read_text(), "result.json")) == kept.read_text()


def test_without_enough_silos_there_is_no_result_and_exit_code_1(company, tmp_path):
    done = analyse(tmp_path, "rows", "--dataset", "bookings", "--minimum-silos", "4")
    assert done.exit_code == 1
    assert "no result. 3 of 3 silos can be used; at least 4 must." in done.stdout
    assert "4,000" not in done.stdout  # what one of too few silos has would be a result
    assert "kWh" not in done.stdout


@pytest.mark.parametrize(
    ("words", "kind", "found"),
    [
        ((), UsageError, "What is asked for"),
        (("--statistic", "mean"), UsageError, "'mean'"),
        (("--statistic", "distinct", "--dataset", "bookings"), UsageError, "No column is named"),
        (
            ("--statistic", "quantiles", *FARES, "--cells", "9", "--rank", "1"),
            UsageError,
            "no quantile of rank 1",
        ),
        (("--statistic", "histogram", *FARES), UsageError, "grid"),
        (("--statistic", "rows", "--dataset", "a\x1b[2Jb"), UsageError, "--dataset"),
        (("--statistic", "duplicates", "--network", "pigeon"), DataError, "pigeon"),
        (("--statistic", "duplicates", "-o", "x.csv"), UsageError, "json"),
        (("--statistic", "duplicates", "--today", "soon"), UsageError, "soon"),
    ],
)
def test_what_cannot_be_asked_says_why(company, tmp_path, words, kind, found):
    done = run("analyse", tmp_path, *(() if "--today" in words else TODAY), *words)
    assert isinstance(done.exception, kind), done.output
    assert found in done.exception.message + done.exception.remedy


def test_a_folder_that_is_no_company_says_so(tmp_path):
    for command in ("catalogue", "analyse"):
        done = run(command, tmp_path)
        assert isinstance(done.exception, ManifestError)


def test_markup_and_escapes_in_names_stay_text(company, tmp_path):
    change(
        company.folders["nice"] / "silo.toml",
        'id = "bookings"',
        'id = "[red]bookings[/red]"\nowner = "<script>alert(1)</script>"',
    )
    done = run("catalogue", tmp_path, *TODAY)
    assert done.exit_code == 0
    assert "[red]bookings[/red]" in done.stdout
    assert "<script>alert(1)</script>" in done.stdout
    kept = tmp_path / "result.json"
    analyse(tmp_path, "duplicates", "-o", kept)
    document = json.loads(kept.read_text())
    document["analysis"]["coverage"][0]["reason"] = "[bold]gone\x1b[2J\u202e"
    kept.write_text(json.dumps(document))
    printed = run("analyse", kept).output
    assert "[bold]gone" in printed
    assert "\x1b" not in printed
    assert "\u202e" not in printed


@pytest.mark.parametrize(
    "change_document",
    [
        lambda d: d.update(format="other"),
        lambda d: d.update(format_version=2),
        lambda d: d.update(more=1),
        lambda d: d["analysis"].update(merged=[1]),
        lambda d: d["analysis"].update(rows="12"),
        lambda d: d["analysis"]["coverage"][0].update(came="well"),
        lambda d: d["analysis"]["question"].update(id="../x"),
        lambda d: d["analysis"]["question"].update(column="fare"),
        lambda d: d["traffic"].update(raw_bytes=1.5),
        lambda d: d.pop("traffic"),
        lambda d: d["analysis"]["estimates"][0].update(value=float("nan")),
    ],
)
def test_a_damaged_result_is_refused(company, tmp_path, change_document):
    kept = tmp_path / "result.json"
    analyse(tmp_path, "rows", "--dataset", "bookings", "-o", kept)
    document = json.loads(kept.read_text())
    change_document(document)
    kept.write_text(json.dumps(document))
    done = run("analyse", kept)
    assert isinstance(done.exception, DataError), done.output
    assert "result.json" in done.exception.message


def test_options_of_a_question_do_not_go_with_a_result(company, tmp_path):
    kept = tmp_path / "result.json"
    analyse(tmp_path, "rows", "--dataset", "bookings", "-o", kept)
    done = run("analyse", kept, "--column", "fare")
    assert isinstance(done.exception, UsageError)
    assert isinstance(run("catalogue", kept).exception, DataError)
    assert run("analyse", kept, "--network", "mobile").exit_code == 0


def test_without_the_library_of_sketches_catalogues_are_listed_and_questions_name_the_extra(
    monkeypatch,
):
    monkeypatch.setitem(sys.modules, "datasketches", None)
    assert run("catalogue", EXAMPLE).exit_code == 0
    done = run("analyse", EXAMPLE, "--statistic", "duplicates")
    assert isinstance(done.exception, MissingExtra)
    assert "footprint[management]" in done.exception.remedy


def test_either_manifest_or_their_folder_can_be_named():
    found = {
        run("catalogue", EXAMPLE / name, "--silo", "hub").stdout
        for name in ("", "management.toml", "deployment.toml")
    }
    assert len(found) == 1
    assert "timetable" in found.pop()


def test_silos_without_a_folder_are_known_from_the_ledger_that_the_company_names(tmp_path):
    make_folders(tmp_path)
    url = f"sqlite:///{tmp_path / 'silos.db'}"
    whole = run("catalogue", tmp_path, "-o", tmp_path / "all.json")
    assert whole.exit_code == 0
    with open_ledger(url, create=True):
        assert run("record", tmp_path / "all.json", "--url", url).exit_code == 0
    change(tmp_path / "management.toml", 'name = "nice"\nfolder = "silos/nice"', 'name = "nice"')
    (tmp_path / "silos" / "nice" / "silo.toml").unlink()

    without = run("catalogue", tmp_path, "--json")
    assert without.exit_code == 1
    assert "no catalogue of it is recorded" in without.stdout

    text = (tmp_path / "management.toml").read_text()
    (tmp_path / "management.toml").write_text('ledger = "sqlite:///silos.db"\n' + text)
    found = run("catalogue", tmp_path, "--json")
    assert found.exit_code == 0
    names = [one["silo"] for one in json.loads(found.stdout)["silos"]]
    assert names == ["lisbon", "madrid", "nice"]

    (tmp_path / "management.toml").write_text('ledger = "postgresql://db.example.org/x"\n' + text)
    found = run("catalogue", tmp_path)
    assert isinstance(found.exception, ManifestError)
    assert "outside of the manifest's folder" in found.exception.message
