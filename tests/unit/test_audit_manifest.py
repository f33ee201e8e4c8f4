"""Manifests of companies that are wrong, hostile or huge: clear errors, nothing executed."""

import os
import shutil
from pathlib import Path

import pytest

from footprint.addresses import hide_secrets, publish_address, publish_path
from footprint.audit import read_deployment, state
from footprint.audit.manifest import MOST_BYTES
from footprint.documents import from_json, to_json
from footprint.errors import JournalError, ManifestError
from footprint.reporting import extract_document, render_report
from tests.companies import company, stated

JOURNALS = Path(__file__).parents[2] / "examples" / "company" / "journals"


LOSSES = {"share": 0.2, "source": "made up"}
GENERATOR = {
    "name": "g",
    "energy": "1 kWh",
    "intensity": "900 gCO2e/kWh",
    "source": "made up",
}

CORRECTION = {"what": "all", "year": 2024, "old": "101 kgCO2e", "new": "100 kgCO2e"}
CORRECTION |= {"cause": "error", "reason": "a typing error"}


def nobody_has_records(manifest):
    manifest["sites"].append({"name": "P", "zone": "DE", "holding": "partner", "pue": 1.0})
    manifest["silos"].append({"name": "p", "place": "P", "records": 0})
    for silo in manifest["silos"]:
        silo["records"] = 0


def journal(folder, name):
    """Give a folder a run whose journal has a name."""
    runs = [{"name": "r", "journal": name, "silo": "a", "actors": {"lyon": "a"}}]
    return company(folder, runs=runs)


def refusal(path, **options):
    with pytest.raises(ManifestError) as caught:
        state(read_deployment(path, **options))
    assert "deployment.toml" in caught.value.message
    return caught.value


# --- what is wrong is said with its place ---------------------------------------


@pytest.mark.parametrize(
    ("change", "key", "what"),
    [
        (lambda m: m["sites"][0].update(pue=0.9), "sites[1].pue", "out of range"),
        (lambda m: m["sites"][0].update(pu=1.1), "sites[1].pu", "unknown"),
        (lambda m: m["silos"][1].update(place="X"), "silos[2].place", "no place 'X'"),
        (lambda m: m["hardware"][0].pop("purchased"), "hardware[1].purchased", "missing"),
        (lambda m: m["runs"][0].pop("activities"), "runs[1]", "none of journal, ledger"),
        (lambda m: m["runs"][0].update(journal="x"), "runs[1]", "more than one of"),
        (lambda m: m["silos"].append(m["silos"][0]), "silos", "given 2 times"),
        (lambda m: m["method"].update(signal="average/market/direct"), "method.signal", "no loc"),
        (lambda m: m["intensity"]["FR"].update(intensity="50 g"), "intensity.FR", "unknown unit"),
        (lambda m: m["instruments"][0].update(sites=["X"]), "instruments[1].sites", "no site"),
        (lambda m: m["period"].update(end=m["period"]["start"].replace(year=2020)), "period.end",
         "before the start"),
        (lambda m: m["sites"][0].update(zone="XX"), "sites[1].zone", "no zone 'XX'"),
        (lambda m: m["silos"][0].update(device="toaster"), "silos[1].device", "'toaster'"),
        (lambda m: m["method"].update(network="pigeon"), "method.network", "'pigeon'"),
        (lambda m: m["method"].update(network="power"), "silos[1].access", "asks for it"),
        (lambda m: m["method"].update(draws=5), "method.draws", "too few"),
        (lambda m: m.update(origin="/etc/passwd"), "origin", "unknown"),
        (lambda m: m.update(outside=True), "outside", "unknown"),
        (lambda m: m["runs"][0]["activities"][0].update(silo="z"), "activities[1].silo", "no silo"),
        (lambda m: m["runs"][0]["activities"][0].update(energy="1 kg"), "energy", "unknown unit"),
        (lambda m: m.update(runs=[]), "runs", "no run"),
        (lambda m: m.update(upstream={"losses": {"FR": LOSSES | {"high": 0.1}}}),
         "upstream.losses.FR", "outside of its bounds, 0.2 to 0.1"),
        (lambda m: m.update(upstream={"losses": {"FR": {"share": 0.2}}}),
         "upstream.losses.FR.source", "missing"),
        (lambda m: m["exclusions"][0].update(covers=["losses"]),
         "exclusions[1].covers", "category 3.3"),
        (lambda m: m["sites"][0].update(holding="rented", generators=[GENERATOR]),
         "sites[1].generators", "no own site"),
        (lambda m: (m["sites"][0].update(holding="rented"),
                    m["instruments"][0].update(sites=["A"])),
         "instruments[1].sites", "no own site"),
        (lambda m: m.update(restatements=[CORRECTION | {"date": "tomorrow"}]),
         "restatements[1].date", "date"),
        (lambda m: m.update(restatements=[CORRECTION | {"date": "31.12.2026"}]),
         "restatements[1].date", "date"),
        (lambda m: m.update(restatements=[CORRECTION | {"date": "2023-12-31"}]),
         "restatements[1].date", "lies before 2024"),
        (lambda m: m.update(restatements=[CORRECTION | {"year": 2030}]),
         "restatements[1].year", "lies after the period"),
        (lambda m: m["sites"][0].update(equity_share=0.4), "sites[1].equity_share",
         "'operational control', which does not ask for it"),
        (lambda m: (m["organisation"].update(approach="equity share"),
                    m["sites"][0].update(controlled=False)),
         "sites[1].controlled", "'equity share', which does not ask for it"),
        (lambda m: m["sites"][0].update(holding="rented", controlled=False),
         "sites[1].controlled", "no own site"),
        (lambda m: m["sites"][1].update(reported_share=0.5), "sites[2].reported_share",
         "no site of a partner"),
        (lambda m: m["runs"][0]["activities"][0].update(energy="1e290 kWh"),
         "activities[1].energy", "beyond any quantity"),
        (lambda m: m["intensity"]["FR"].update(intensity="1e300 gCO2e/kWh"),
         "intensity.FR.intensity", "beyond any quantity"),
        (lambda m: m["functional_unit"].update(count=1e-300),
         "functional_unit.count", "beyond any quantity"),
        (lambda m: m["runs"][0]["activities"][0].update(duration="1e35 h", devices=1e9),
         "runs[1]", "duration_s 3.6e+47 of 'a', beyond any quantity"),
        (nobody_has_records, "silos", "nobody has records"),
    ],
)  # fmt: skip
def test_an_error_names_the_file_and_the_key(tmp_path, change, key, what):
    error = refusal(company(tmp_path, change))
    assert key in error.message
    assert what in error.message


def test_an_unknown_actor_is_never_guessed(tmp_path):
    shutil.copytree(JOURNALS / "noise-study-lyon", tmp_path / "j")
    path = company(tmp_path, runs=[{"name": "r", "journal": "j"}])
    error = refusal(path)
    assert "'lyon'" in error.message
    assert "belongs to no silo" in error.message


def test_a_run_without_end_is_no_crash(tmp_path):
    def change(manifest):
        manifest["runs"][0]["activities"][0]["duration"] = "1e12 h"

    codes = {finding.code for finding in stated(tmp_path, change).findings}
    assert "hours-exceeded" in codes


def test_a_folder_without_a_manifest_is_named(tmp_path):
    with pytest.raises(ManifestError, match=r"deployment\.toml cannot be read"):
        read_deployment(tmp_path)


# --- files ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["../secret", "a/../../secret", "{absolute}", "link", "\\..\\..\\secret\0"]
)
def test_a_manifest_reads_nothing_outside_of_its_folder(tmp_path, name):
    secret = tmp_path / "secret"
    shutil.copytree(JOURNALS / "noise-study-lyon", secret)
    inside = tmp_path / "company"
    inside.mkdir()
    (inside / "link").symlink_to(secret)
    error = refusal(journal(inside, name.format(absolute=secret)))
    assert "outside of the manifest's folder" in error.message or "no name of a file" in (
        error.message
    )


@pytest.mark.parametrize("where", ["x.jsonl", "deeper", "deeper/x.jsonl"])
def test_a_link_in_a_folder_of_journals_leads_nowhere_else(tmp_path, where):
    shutil.copytree(JOURNALS / "noise-study-lyon", tmp_path / "secret")
    path = journal(tmp_path / "company", "j")
    link = tmp_path / "company" / "j" / where
    link.parent.mkdir(parents=True)
    secret = next((tmp_path / "secret").glob("*.jsonl"))
    link.symlink_to(secret if where.endswith(".jsonl") else secret.parent)
    assert "outside of the manifest's folder" in refusal(path).message


def test_a_pipe_is_no_input(tmp_path):
    path = journal(tmp_path, "j")
    (tmp_path / "j").mkdir()
    os.mkfifo(tmp_path / "j" / "x.jsonl")  # who reads it waits for ever
    assert "no plain file" in refusal(path).message


def test_outside_is_allowed_only_when_asked_for(tmp_path):
    shutil.copytree(JOURNALS / "noise-study-lyon", tmp_path / "elsewhere")
    path = journal(tmp_path / "company", "../elsewhere")
    refusal(path)
    assert state(read_deployment(path, outside=True)).lines


def test_a_folder_of_factors_stays_inside_too(tmp_path):
    (tmp_path / "own").mkdir()
    error = refusal(company(tmp_path / "company", factors=["../own"]))
    assert "factors[1]" in error.message


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:hunter2@db.example/x",
        "postgresql://db.example/x?user=me&password=hunter2",
        "postgresql://me:a/b?hunter2@db.example/x",
        "postgresql://me:a@hunter2/c@db.example/x",
        "sqlite:////etc/passwd",
        "sqlite:///../x.db",
    ],
)
def test_a_ledger_outside_is_refused_and_no_password_is_shown(tmp_path, url):
    path = company(tmp_path / "company", runs=[{"name": "r", "ledger": url, "silo": "a"}])
    (tmp_path / "x.db").write_bytes(b"")
    error = refusal(path)
    assert "outside of the manifest's folder" in error.message
    assert "hunter2" not in str(error)
    declared = dict(read_deployment(path).declared)
    assert "hunter2" not in str(declared)
    assert "db.example" not in str(declared)
    assert "/etc" not in str(declared)


def test_a_password_is_hidden_wherever_it_stands():
    assert hide_secrets("x://me:a@b:c@host/db") == "x://me:***@host/db"
    assert hide_secrets("see x://h/db?user=me&password=a1&n=2") == (
        "see x://h/db?user=me&password=***&n=2"
    )
    assert hide_secrets("https://example.org/a?b=c") == "https://example.org/a?b=c"


def test_an_address_is_published_by_kind_and_name():
    assert publish_address("postgresql://me:pw@host:5432/runs?x=y") == "postgresql://***/runs"
    assert publish_address("sqlite:///a/runs.db") == "sqlite:///a/runs.db"
    assert publish_address("sqlite:////home/me/runs.db") == "sqlite:///runs.db"
    assert publish_path("C:\\Users\\me\\runs") == "runs"
    assert publish_path("journals/lyon") == "journals/lyon"


def test_a_journal_elsewhere_is_published_by_its_last_name(tmp_path):
    shutil.copytree(JOURNALS / "noise-study-lyon", tmp_path / "elsewhere")
    path = journal(tmp_path / "company", str(tmp_path / "elsewhere"))
    statement = state(read_deployment(path, outside=True))
    assert {file.name.partition("/")[0] for file in statement.reproduce.inputs} == {"elsewhere"}
    assert str(tmp_path) not in to_json(statement)


def test_a_huge_manifest_is_refused_before_it_is_read(tmp_path):
    path = company(tmp_path)
    os.truncate(path, MOST_BYTES + 1)  # sparse: it takes no room
    assert "bytes" in refusal(path).message


def test_a_huge_journal_is_refused_before_it_is_read(tmp_path):
    (tmp_path / "j" / "deeper").mkdir(parents=True)
    with (tmp_path / "j" / "deeper" / "x.jsonl").open("wb") as file:
        file.truncate(2 * 1024**3)
    assert "ledger" in refusal(journal(tmp_path, "j")).remedy


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_a_manifest_in_another_encoding_is_refused(tmp_path, encoding):
    path = company(tmp_path, name="Zürich")
    path.write_bytes(path.read_text(encoding="utf-8").encode(encoding))
    assert "is not UTF-8" in refusal(path).message


def test_a_journal_in_another_encoding_is_refused(tmp_path):
    (tmp_path / "j").mkdir(parents=True)
    source = next((JOURNALS / "noise-study-lyon").glob("*.jsonl"))
    (tmp_path / "j" / "x.jsonl").write_bytes(source.read_text().encode("utf-16"))
    with pytest.raises(JournalError):
        state(read_deployment(journal(tmp_path, "j")))


# --- names ------------------------------------------------------------------------

HOSTILE = [
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "'; DROP TABLE runs; --",
    "{{ 7 * 7 }}",
    "%{x}",
    "[red]bold[/red]",
    "name / with / slashes / devices",
    "\u202egnp.exe",
    "line\u2028break",
    "🚂" * 50,
]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_data(tmp_path, name):
    def change(manifest):
        manifest["name"] = name
        manifest["organisation"] |= {"name": name, "about": name, "goal": name}
        manifest["sites"][0]["name"] = manifest["silos"][0]["place"] = name
        manifest["hardware"][0] |= {"place": name, "name": name}
        manifest["silos"][0]["name"] = name
        manifest["runs"][0]["name"] = name
        manifest["runs"][0]["activities"][0] |= {"silo": name, "meter": name}
        manifest["instruments"][0] |= {"name": name, "source": name, "certificate": name}
        manifest["exclusions"][0] |= {"what": name, "reason": name}
        manifest["functional_unit"]["name"] = name
        del manifest["sites"][0]["pue"]  # a finding with the name in it

    statement = stated(tmp_path, change)
    assert from_json(to_json(statement)) == statement
    plain = stated(tmp_path / "plain", lambda m: m["sites"][0].pop("pue"))
    assert [t.emissions_g.value for t in statement.totals] == pytest.approx(
        [t.emissions_g.value for t in plain.totals]
    )
    page = render_report(statement, assets="directory")
    assert extract_document(page) == to_json(statement, compact=True)
    shown = page.partition('<script type="application/json" id="footprint-document"')[0]
    for part in ("<script>alert", "<img src=x", "\u202e", ">49<"):
        assert part not in shown


def test_two_runs_whose_names_meet_stay_apart(tmp_path):
    """The key of a line is made of names: those of two runs may read alike."""

    def change(manifest):
        work = manifest["runs"][0]["activities"][1]
        manifest["silos"].append({"name": "s / b", "place": "B", "device": "gpu", "records": 1})
        manifest["runs"] = [
            {"name": "x / s", "activities": [{**work, "energy": "100 kWh"}]},
            {"name": "x", "activities": [{**work, "silo": "s / b", "energy": "300 kWh"}]},
        ]

    statement = stated(tmp_path, change)
    lines = [line for line in statement.lines if line.stage == "operation"]
    assert {(line.run, line.silo, round(line.energy_kwh, 9)) for line in lines} == {
        ("x / s", "b", 100.0),
        ("x", "s / b", 300.0),
    }
    assert len({line.id for line in statement.lines}) == len(statement.lines)


def test_a_mark_in_front_of_a_manifest_is_no_part_of_it(tmp_path):
    path = company(tmp_path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read_deployment(path).name == "Test company"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_no_manifest(tmp_path):
    os.mkfifo(tmp_path / "deployment.toml")
    with pytest.raises(ManifestError, match="no plain file"):
        read_deployment(tmp_path)
