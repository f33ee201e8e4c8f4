"""Gathering a company from the folders of its silos: what is found, and what stops nothing."""

import ctypes
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from footprint.audit.manifest import deployment_catalogue, read_deployment
from footprint.cli.manage import app
from footprint.documents import to_json
from footprint.errors import DataError, ManifestError
from footprint.ledger import open_ledger
from footprint.management.advisor.advisory import advise
from footprint.management.advisor.needs import read_needs
from footprint.management.analytics import Came
from footprint.management.catalogue import ApplicationEntry, write_catalogue
from footprint.management.comparability import compare_inputs
from footprint.management.doubts import leave_out
from footprint.management.gathering import gather, gather_silos
from footprint.management.likeness import Likeness, measure_drift
from footprint.management.questions import Question, Statistic
from footprint.management.records import newest_catalogues
from footprint.model import Severity
from tests.managed_company import application, dataset
from tests.managed_folders import MEDIUM, change, make_folders
from tests.management_silos import ROWS, declare, write

EXAMPLE = Path(__file__).parents[2] / "examples" / "company"
NOW_S = 4e9  # later than any file that a test writes
LATER = ("--today", "2096-10-02")  # too
CUSTOMERS = Question(
    id="customers", statistic=Statistic.DISTINCT, dataset="bookings", column="customer"
)
RETRAINING = """
[[retrainings]]
model = "fares-1"
run = "fares"
before = "bookings"
now = "recent"
column = "fare"
lower = 0.0
upper = 1000.0
cells = 20
points-per-drift = 2.0
worth = "1 kgCO2e"
source = "a test"
"""


def manifests(folder, outside=False):
    deployment = read_deployment(folder, outside=outside)
    return read_needs(folder), deployment, deployment_catalogue(deployment)


def gathered(folder, now_s=NOW_S, **more):
    return gather_silos(*manifests(folder, more.pop("outside", False)), now_s, **more)


def codes(findings):
    return [(one.code, one.place) for one in findings]


@pytest.fixture
def folder(tmp_path):
    make_folders(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def example():
    needs, *rest = manifests(EXAMPLE)
    return gather(needs, *rest, needs.today.timestamp())


def test_in_the_example_the_planted_copy_is_found_and_no_other(example):
    (pair,) = example.duplicates.pairs
    assert {pair.first, pair.second} == {("gdansk", "brake-logs"), ("leipzig", "brake-logs")}
    assert (pair.likeness, pair.sampled) == (Likeness.DUPLICATE, True)
    assert codes(example.findings) == [("pairs-of-samples", "")]
    holders = example.holders("wheel-scans")
    assert set(holders) == {"lyon", "leipzig", "gdansk", "amsterdam"}
    assert all(2e11 < entry.size_bytes < 4e12 for entry in holders.values())


def test_the_silos_of_the_example_are_those_that_the_script_makes(tmp_path):
    script = EXAMPLE / "make_silos.py"
    subprocess.run([sys.executable, script, "--output", tmp_path], check=True, capture_output=True)
    made = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*.csv"))
    kept = sorted(path.relative_to(EXAMPLE / "silos") for path in EXAMPLE.rglob("silos/**/*.csv"))
    assert made == kept
    for path in made:
        assert (tmp_path / path).read_bytes() == (EXAMPLE / "silos" / path).read_bytes()
    assert sum(path.stat().st_size for path in EXAMPLE.rglob("silos/*/*")) < 61_000


def test_twice_the_same_is_gathered_whatever_the_order_of_the_silos(folder):
    first, again = gathered(folder).ask(CUSTOMERS), gathered(folder).ask(CUSTOMERS)
    assert first == again
    text = (folder / "management.toml").read_text()
    head, *silos = text.split("[[silos]]")
    (folder / "management.toml").write_text("[[silos]]".join([head, *reversed(silos)]))
    assert gathered(folder).ask(CUSTOMERS) == first


def test_hashes_cannot_be_made_from_what_is_published(folder):
    frequent = Question(
        id="q", statistic=Statistic.FREQUENT, dataset="bookings", column="country", minimum_rows=1
    )
    first = gathered(folder)
    change(folder / "silos" / "nice" / "silo.toml", 'zone = "FR"', 'zone = "FR" # a comment')
    second = gathered(folder)
    assert first.company.catalogues == second.company.catalogues
    names = [{one.name for one in g.ask(frequent).analysis.estimates} for g in (first, second)]
    assert len(names[0]) == len(names[1]) == 2
    assert not names[0] & names[1]
    assert first.secret not in repr(first)


def break_encoding(silo):
    (silo / "bookings.csv").write_bytes("a\nmünchen\n".encode("latin-1"))


def make_huge(silo):
    with (silo / "bookings.csv").open("wb") as file:
        file.truncate(1 << 30)


def make_pipe(silo):
    (silo / "silo.toml").unlink()
    os.mkfifo(silo / "silo.toml")


def make_huge_declaration(silo):
    with (silo / "silo.toml").open("ab") as file:
        file.truncate(1 << 30)


def add_escapes(silo):
    declare(silo, "nice", ["bookings"])
    change(silo / "silo.toml", 'id = "bookings"', 'id = "book\\u001b[2Jings"')


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (shutil.rmtree, "No such file"),
        (lambda silo: (silo / "silo.toml").unlink(), "No such file"),
        (lambda silo: declare(silo, "rome", ["bookings"]), "says that it is 'rome'"),
        (lambda silo: (silo / "silo.toml").write_text("name ="), "is not TOML"),
        (make_huge_declaration, "1,073,741,824 bytes"),
        (make_pipe, "no plain file"),
        (add_escapes, "steer a terminal"),
    ],
)
def test_a_silo_that_cannot_be_read_is_said_and_the_others_are_gathered(folder, harm, words):
    harm(folder / "silos" / "nice")
    found = gathered(folder)
    (finding,) = found.company.findings
    assert (finding.code, finding.place) == ("silo-failed", "nice")
    assert finding.severity is Severity.ERROR
    assert words in finding.message
    assert finding.remedy
    assert set(found.company.catalogues) == {"lisbon", "madrid"}
    analysis = found.ask(CUSTOMERS).analysis
    came = {one.silo: one.came for one in analysis.coverage}
    assert came == {"lisbon": Came.ANSWERED, "madrid": Came.ANSWERED, "nice": Came.FAILED}
    assert analysis.rows == 2 * ROWS


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda silo: (silo / "bookings.csv").unlink(), "there is no file"),
        (break_encoding, "not UTF-8"),
        (make_huge, "1,073,741,824 bytes"),
        (lambda silo: os.utime(silo / "bookings.csv", (5e9, 5e9)), "after the time"),
    ],
)
def test_a_file_that_cannot_be_read_leaves_the_rest_of_its_silo(folder, harm, words):
    nice = folder / "silos" / "nice"
    shutil.copy(nice / "bookings.csv", nice / "more.csv")
    more = f'[[datasets]]\nid = "more"\npath = "more.csv"\n{MEDIUM}'
    (nice / "silo.toml").write_text(f"{(nice / 'silo.toml').read_text()}\n{more}")
    harm(nice)
    found = gathered(folder)
    (finding,) = found.company.findings
    assert (finding.code, finding.place) == ("dataset-failed", "nice/bookings")
    assert finding.severity is Severity.ERROR
    assert words in finding.message
    assert finding.remedy
    catalogue = found.company.catalogues["nice"]
    assert [one.id for one in catalogue.datasets] == ["more"]
    assert catalogue.left_out == ("bookings",)
    copies = Question(id="q", statistic=Statistic.DUPLICATES, minimum_rows=1)
    assert all(one.came is Came.ANSWERED for one in found.ask(copies).analysis.coverage)


APPLICATIONS = """
[[applications]]
id = "pricing"
datasets = ["bookings"]
used = 2097-01-01T00:00:00Z
calls = 9
period = "30 d"

[[applications]]
id = "board"
calls = 9
period = "30 d"
"""


def read_later(nice):
    change(nice / "silo.toml", "labels", "read = 2097-01-01T00:00:00Z\nlabels")


def name_a_column_with_an_escape(nice):
    write(nice, "bookings", ["customer,fa\x1b[2Jre", *(f"{k},{k}" for k in range(30))])


def use_later(nice):
    with (nice / "silo.toml").open("a") as file:
        file.write(APPLICATIONS)


@pytest.mark.parametrize(
    ("harm", "place", "words"),
    [
        (
            read_later,
            "nice/bookings",
            "'bookings', read: 2097-01-01 00:00 UTC is after the time that it is looked at for, "
            "2096-10-02 07:06 UTC.",
        ),
        (
            name_a_column_with_an_escape,
            "nice/bookings",
            "dataset 'bookings': columns[2].name: it is empty, or holds characters",
        ),
        (use_later, "nice/pricing", "What nice/pricing uses is left out"),
    ],
)
def test_one_wrong_entry_leaves_the_rest_of_its_silo(folder, harm, place, words):
    nice = folder / "silos" / "nice"
    harm(nice)
    shutil.copy(folder / "silos" / "lisbon" / "bookings.csv", nice / "more.csv")
    with (nice / "silo.toml").open("a") as file:
        file.write(f'[[datasets]]\nid = "more"\npath = "more.csv"\n{MEDIUM}')
    found = gathered(folder).company
    (finding,) = found.findings
    assert (finding.severity, finding.place) == (Severity.ERROR, place)
    assert words in finding.message
    catalogue = found.catalogues["nice"]
    name = place.partition("/")[2]
    assert catalogue.left_out == (name,)
    kept = {one.id for one in catalogue.datasets}
    assert kept == ({"more"} if name == "bookings" else {"bookings", "more"})
    for one in catalogue.applications:
        assert (one.calls is None) == (one.id == "pricing")
        assert one.datasets == (("bookings",) if one.id == "pricing" else ())  # still a reader


def test_a_day_before_all_that_is_declared_is_one_sentence_for_a_silo(folder):
    found = gathered(folder, 1.5e9)
    assert codes(found.company.findings) == [
        ("dataset-failed", f"{name}/bookings") for name in ("lisbon", "madrid", "nice")
    ]
    for one in found.company.findings:
        assert "for, 2017-07-14 02:40 UTC" in one.message
        assert "look at it for a later day (--today" in one.remedy
    use_later(folder / "silos" / "nice")
    found = gathered(folder, 1.5e9).company
    (finding,) = [one for one in found.findings if one.place.startswith("nice")]
    assert finding.code == "entries-later"
    assert finding.message.startswith("2 entries of nice are left out (bookings, pricing). ")


def test_a_dataset_is_not_left_out_because_an_application_of_its_name_is(folder):
    nice = folder / "silos" / "nice" / "silo.toml"
    nice.write_text(nice.read_text() + APPLICATIONS.replace("pricing", "bookings"))
    found = gathered(folder)
    assert found.company.catalogues["nice"].left_out == ("bookings",)
    assert {one.came for one in found.ask(CUSTOMERS).analysis.coverage} == {Came.ANSWERED}


def test_a_catalogue_that_lacks_something_is_not_entered_as_if_that_were_gone(folder):
    (folder / "silos" / "nice" / "bookings.csv").unlink()
    url = f"sqlite:///{folder / 'silos.db'}"
    open_ledger(url, create=True).close()
    names = []
    for name, catalogue in gathered(folder, time.time()).company.catalogues.items():
        names.append(folder / f"{name}.json")
        names[-1].write_bytes(write_catalogue(catalogue))
    words = ["record", *map(str, names), "--url", url]
    done = CliRunner().invoke(app, words, standalone_mode=False)
    assert isinstance(done.exception, DataError)
    assert "nice/bookings" in done.exception.message
    with open_ledger(url) as ledger:
        assert set(newest_catalogues(ledger)) == {"lisbon", "madrid"}


def test_what_is_to_be_done_about_a_missing_silo_depends_on_what_is_missing(folder):
    silos = folder / "silos"
    shutil.rmtree(silos / "lisbon")
    (silos / "madrid" / "silo.toml").unlink()
    change(silos / "nice" / "silo.toml", 'name = "nice"', 'name = "nice" # é')
    text = (silos / "nice" / "silo.toml").read_text()
    (silos / "nice" / "silo.toml").write_bytes(text.encode("latin-1"))
    remedies = [one.remedy for one in gathered(folder).company.findings]
    assert remedies == [
        "There is no folder 'silos/lisbon': correct it in management.toml, or make it.",
        "Write a silo.toml there that declares what the silo has.",
        "Save it as UTF-8.",
    ]


def test_a_sample_without_rows_is_said(folder):
    nice = folder / "silos" / "nice"
    change(nice / "silo.toml", "labels", 'size = "2 GB"\nrows = 200_000\nlabels')
    write(nice, "bookings", ["customer,fare,country"])
    (finding,) = gathered(folder).company.findings
    assert (finding.code, finding.place) == ("sample-empty", "nice/bookings")
    assert "of its 200,000 only what is declared" in finding.message


@pytest.mark.skipif(sys.platform != "linux", reason="rights of Linux")
def test_a_folder_without_rights_is_said(folder):
    silo = folder / "silos" / "nice"
    silo.chmod(0)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "footprint", "manage", "catalogue", folder, *LATER],
            capture_output=True,
            text=True,
            preexec_fn=give_up_rights,
        )
    finally:
        silo.chmod(0o755)
    assert done.returncode == 1
    assert "error: Silo 'nice' is left out" in done.stderr
    assert "Permission denied" in done.stderr
    assert "lisbon" in done.stdout
    assert "madrid" in done.stdout


def give_up_rights():
    """Let a process of root read only what its owner may: no override of rights (capabilities)."""
    for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP


@pytest.mark.parametrize("link", [True, False])
def test_folders_outside_of_the_manifest_need_leave(folder, tmp_path_factory, link):
    outside = tmp_path_factory.mktemp("outside") / "nice"
    shutil.move(folder / "silos" / "nice", outside)
    if link:
        (folder / "silos" / "nice").symlink_to(outside)
    else:
        change(folder / "management.toml", '"silos/nice"', f'"{outside}"')
    refused = gathered(folder)
    assert "lies outside" in refused.company.findings[0].message
    assert "--allow-outside" in refused.company.findings[0].remedy
    allowed = gathered(folder, outside=True)
    assert allowed.company.findings == ()
    assert set(allowed.silos) == {"lisbon", "madrid", "nice"}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('name = "nice"', 'name = "rome"', "there is no silo 'rome'"),
        ('name = "nice"', 'name = "lisbon"', "'lisbon' is there twice"),
    ],
)
def test_names_that_mean_no_silo_are_errors_of_the_manifest(folder, old, new, words):
    change(folder / "management.toml", old, new)
    with pytest.raises(ManifestError, match=words):
        gathered(folder)


def test_silos_of_a_ledger_are_catalogued_and_not_asked(folder):
    recorded = gathered(folder).company.catalogues
    change(folder / "management.toml", 'folder = "silos/nice"\n', "")
    without = gathered(folder)
    assert codes(without.company.findings) == [("silo-failed", "nice")]
    found = gathered(folder, recorded=recorded)
    assert found.company.catalogues == recorded
    came = {one.silo: one.came for one in found.ask(CUSTOMERS).analysis.coverage}
    assert came == {"lisbon": Came.ANSWERED, "madrid": Came.ANSWERED, "nice": Came.LATE}


def test_what_is_not_said_of_media_and_zones_is_found_early(folder):
    silos = folder / "silos"
    change(silos / "madrid" / "silo.toml", '"ssd"', '"tape robot"')
    change(silos / "nice" / "silo.toml", MEDIUM, "")
    change(silos / "lisbon" / "silo.toml", 'zone = "FR"', 'zone = "PT"')
    found = gathered(folder).company.findings
    assert codes(found) == [
        ("silo-zone", "lisbon"),
        ("medium-unknown", "madrid"),
        ("medium-missing", "nice"),
    ]
    assert "'tape robot'" in found[1].message
    assert "'tape robot'" in found[1].remedy  # how to say what it is


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (
            application("z", calls=0, period_days=1e-6, energy_kwh=1.0),
            "of 0.0000240 hours",
        ),
        (application("z", period_days=30.0, energy_kwh=1e12), "kW on average"),
        (dataset("z", 0.001, rows=10**13), "1,000,000 bytes hold 10,000,000,000,000 rows"),
    ],
)
def test_what_cannot_be_is_left_out_of_a_catalogue_and_the_rest_is_believed(folder, entry, words):
    recorded = gathered(folder).company.catalogues
    forged = recorded["nice"]
    field = "applications" if isinstance(entry, ApplicationEntry) else "datasets"
    forged = replace(forged, **{field: (*getattr(forged, field), entry)})
    change(folder / "management.toml", 'folder = "silos/nice"\n', "")
    found = gathered(folder, recorded={"nice": forged}).company
    (finding,) = found.findings
    assert (finding.code, finding.place) == ("entry-unbelievable", "nice/z")
    assert finding.severity is Severity.ERROR
    assert words in finding.message
    assert found.catalogues["nice"].left_out == ("z",)
    assert found.catalogues["nice"].datasets == recorded["nice"].datasets
    assert all(one.energy_kwh is None for one in found.catalogues["nice"].applications)
    # What is just possible stays.
    assert not leave_out(replace(forged, applications=(ALL_OF_A_CENTRE,), datasets=()))[1]


def test_many_applications_of_which_each_could_be_are_not_believed_together(folder):
    honest = gathered(folder).company.catalogues["nice"]
    read_alone = application("reader", datasets=("bookings",))
    for number, believed in ((2, True), (3, False)):
        parts = tuple(
            application(f"z{k}", calls=9, period_days=1.0, energy_kwh=0.5e5 * 24)
            for k in range(number)
        )
        kept, found = leave_out(replace(honest, applications=(read_alone, *parts)))
        assert not believed or (kept.applications, found) == ((read_alone, *parts), [])
    (finding,) = found
    assert (finding.code, finding.place) == ("silo-unbelievable", "nice")
    assert "150,000 kW" in finding.message
    assert all(one.energy_kwh is one.calls is None for one in kept.applications)
    assert kept.applications[0] == read_alone
    assert kept.left_out == ("z0", "z1", "z2")
    assert kept.datasets == honest.datasets
    assert leave_out(kept) == (kept, [])


@pytest.mark.parametrize(("rows", "kept"), [(10**6, 1), (10**6 + 1, 0)])
def test_a_byte_holds_a_thousand_rows_and_no_more(folder, rows, kept):
    catalogue = replace(
        gathered(folder).company.catalogues["nice"], datasets=(dataset("z", 1e-6, rows=rows),)
    )
    assert len(leave_out(catalogue)[0].datasets) == kept


ALL_OF_A_CENTRE = application("busy", period_days=1 / 24, energy_kwh=1e5)


def test_copies_that_are_counted_in_two_ways_are_said(folder):
    change(folder / "management.toml", "media", "replication = { ssd = 2 }\nmedia")
    assert gathered(folder).company.findings == ()
    method = '[method]\nmedium = "storage.ssd"\nreplication = 3\n\n[organisation]'
    change(folder / "deployment.toml", "[organisation]", method)
    (finding,) = gathered(folder).company.findings  # once, and not for each silo
    assert finding.code == "copies-differ"
    assert "2 copies" in finding.message
    assert str(folder) not in finding.remedy


def test_no_path_of_the_machine_is_in_what_is_published(folder, tmp_path_factory):
    """Also not of silos elsewhere, of those that cannot be read, and of what is not known."""
    outside = tmp_path_factory.mktemp("elsewhere") / "nice"
    shutil.move(folder / "silos" / "nice", outside)
    change(folder / "management.toml", '"silos/nice"', f'"{outside}"')
    (outside / "bookings.csv").unlink()
    (folder / "silos" / "madrid" / "silo.toml").unlink()
    change(folder / "silos" / "lisbon" / "silo.toml", '"ssd"', '"tape"')
    text = (folder / "management.toml").read_text()
    job = """[[jobs]]
name = "job"
silos = ["lisbon"]
duration = "1 h"
power = "1 kW"
after = 2096-10-03T00:00:00Z
before = 2096-10-04T00:00:00Z
"""
    (folder / "management.toml").write_text(f"{text}\n{job}{RETRAINING}")
    needs, *rest = manifests(folder, outside=True)
    plan = advise(gather(needs, *rest, NOW_S))
    found = {one.code: one for one in plan.findings}
    assert "out: nice/silo.toml, dataset 'bookings'" in found["dataset-failed"].message
    assert "silos/madrid/silo.toml" in found["silo-failed"].message
    assert found["intensity-missing"].remedy.count("management.toml")
    document = to_json(plan)
    for path in (folder, outside, Path.cwd(), Path.home()):
        assert str(path) not in document


def test_a_plan_knows_the_manifests_that_it_was_made_from(folder):
    company = gather(*manifests(folder), NOW_S)
    plan = advise(company)
    names = [one.name for one in plan.inputs]
    assert names[:2] == ["deployment.toml", "management.toml"]
    assert compare_inputs(company, plan, []) == []
    for name in names[:2]:
        before = (folder / name).read_text()
        (folder / name).write_text(f"{before}# another\n")
        (finding,) = compare_inputs(gather(*manifests(folder), NOW_S), plan, [])
        assert finding.code == "manifest-changed"
        assert name in finding.message
        (folder / name).write_text(before)


def test_copies_are_found_from_the_similarity_that_the_company_says(folder):
    """Two silos with 5 of 10 rows of each in common: duplicates from a third on."""
    for name, first in (("lisbon", 0), ("madrid", 2000)):
        rows = "".join(f"{k},1\n" for k in range(first, first + 4000))
        (folder / "silos" / name / "bookings.csv").write_text("customer,fare\n" + rows)
    found = {}
    needs, *rest = manifests(folder)
    for similarity in (0.25, 0.45):
        pairs = gather(replace(needs, similarity=similarity), *rest, NOW_S).duplicates.pairs
        found[similarity] = {one.likeness for one in pairs if "nice" not in str(one)}
    assert found[0.25] == {Likeness.DUPLICATE}
    assert Likeness.DUPLICATE not in found[0.45]


def test_a_company_without_silos_is_told_so(folder):
    (folder / "management.toml").write_text('horizon = "1 d"\n')
    company = gather(*manifests(folder), NOW_S)
    assert codes(company.findings) == [("no-silos", "")]
    assert company.duplicates is None


def test_histograms_of_retrainings_are_those_of_all_rows(folder):
    recent = {}
    for name in ("lisbon", "madrid"):
        silo = folder / "silos" / name
        lines = (silo / "bookings.csv").read_text().splitlines()
        recent[name] = lines[1:1001]
        write(silo, "recent", lines[:1001])
        declare(silo, name, ["bookings", "recent"], top="minimum-rows = 1")
    text = (folder / "management.toml").read_text()
    (folder / "management.toml").write_text(text + RETRAINING)
    found = gather(*manifests(folder), NOW_S)
    before, now = (found.histograms[name, "fare"] for name in ("bookings", "recent"))
    fares = [float(line.split(",")[1]) for lines in recent.values() for line in lines]
    edges = [-np.inf, *np.linspace(0, 1000, 21), np.inf]
    assert now.merged.counts.tolist() == np.histogram(fares, edges)[0].tolist()
    assert before.rows == 3 * ROWS
    assert measure_drift(before.merged, now.merged).psi < 0.1


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("upper = 1000.0", "upper = -1.0", r"retrainings\[1\]: A grid of 20 cells"),
        ("cells = 20", "cells = 5000", r"retrainings\[1\]"),
    ],
)
def test_a_grid_that_is_none_is_an_error_of_the_manifest(folder, old, new, words):
    text = (folder / "management.toml").read_text()
    (folder / "management.toml").write_text(text + RETRAINING.replace(old, new))
    with pytest.raises(ManifestError, match=words):
        gather(*manifests(folder), NOW_S)


def test_two_grids_for_one_column_are_an_error_of_the_manifest(folder):
    text = (folder / "management.toml").read_text()
    other = RETRAINING.replace("fares-1", "fares-2")
    finer = other.replace("cells = 20", "cells = 30")
    (folder / "management.toml").write_text(text + RETRAINING + finer)
    with pytest.raises(ManifestError, match=r"retrainings\[2\]: .*another grid"):
        gather(*manifests(folder), NOW_S)
    (folder / "management.toml").write_text(text + RETRAINING + other)
    assert len(gather(*manifests(folder), NOW_S).histograms) == 2


def test_a_similarity_of_one_can_be_asked_for(folder):
    needs, *rest = manifests(folder)
    company = gather(replace(needs, similarity=1.0), *rest, NOW_S)
    assert company.duplicates.pairs == ()


def test_progress_is_told_of_every_silo(folder):
    told = []
    gathered(folder, progress=told.append)
    assert told == ["lisbon", "madrid", "nice"]
