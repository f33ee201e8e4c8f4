"""`footprint manage approve`, `reject`, `decisions`, `outcome`: what became of a plan."""

import json
import re
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from footprint.cli.manage import app
from footprint.documents import from_json, input_file, to_json
from footprint.errors import DataError, DocumentError, LedgerError, ManifestError, UsageError
from footprint.ledger import (
    DecisionStatus,
    Note,
    OutcomeRecord,
    list_decisions,
    open_ledger,
    record,
    status,
)
from footprint.management.advisor.advisory import advise as advise_company
from footprint.management.catalogue import SiloCatalogue, write_catalogue
from footprint.management.records import (
    approved,
    catalogue_series,
    decide,
    newest_catalogues,
    read_outcome,
    read_plan,
    record_catalogue,
    record_plan,
)
from footprint.model import Journal, Run
from tests.outcome_cases import (
    DAY_S,
    NOW_S,
    advise,
    architecture,
    dataset,
    enter,
    keeping,
    plan_of,
    scanned,
    schedule,
    use,
    write_company,
)

RUNNER = CliRunner()


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    return write_company(tmp_path_factory.mktemp("company"))


@pytest.fixture
def url(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")
    address = f"sqlite:///{tmp_path}/ledger.db"
    open_ledger(address, create=True).close()
    monkeypatch.setenv("FOOTPRINT_LEDGER", address)
    return address


def run(*words, code=0):
    done = RUNNER.invoke(app, [str(word) for word in words])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == code, done.output
    return done


def write_plan(folder, plan, **how):
    path = folder / "plan.json"
    path.write_text(to_json(plan, **how))
    return path


def test_from_a_plan_to_promised_and_measured_side_by_side(company, url, tmp_path):
    """Two advices are approved, carried out, entered and measured; grams by hand."""
    job, training = schedule(company).advice[0], architecture(company).advice[0]
    path = write_plan(tmp_path, plan_of(company, job, training))
    assert (
        "approved schedule/nightly: now -> at night"
        in run("approve", path, job.id, "--by", "A. Keller", "--reason", "cheap").stdout
    )
    done = json.loads(run("approve", path, training.id, "--by", "A. Keller", "--json").stdout)
    assert done["proposal"]["saving_g"] == training.saving_g.value
    assert done["is_new"] is True
    with open_ledger(url) as ledger:
        # The job ran from 5:00 to 7:00: an hour at 30 g/kWh, and one at 90.
        enter(ledger, tmp_path, "nightly-1", ("lyon", 8.0, 29, 2, {"phase": "other"}))
        for n in range(4):
            enter(ledger, tmp_path, f"fed-{n}", ("lyon", 11.0, 48 + n, 1))
    folder = company.needs.folder
    runs = [word for n in range(4) for word in ("--run", f"fed-{n}")]
    words = ("outcome", training.id, *runs, "--folder", folder)
    dry = json.loads(run(*words, "--dry-run", "--json").stdout)
    assert dry["decision"]["outcome"] is None
    found = json.loads(run(*words, "--json").stdout)
    # 400 kWh at 2.0 and 700 g/kWh as planned; 44 kWh at 1.5 and 50 g/kWh as measured.
    assert found["measured_g"]["value"] == pytest.approx(560_000 - 3_300, rel=1e-12)
    assert found["promised_g"]["value"] == pytest.approx(560_000 - 3_000, rel=1e-12)
    assert (found["inside"], found["covered"]) == (True, 1.0)
    assert found["decision"]["outcome"]["measured_g"] == found["measured_g"]
    shown = run("outcome", job.id, "--run", "nightly-1", "--folder", folder)
    # 8 kWh at 1.5: 720 g were promised, and 60 instead of 90 g/kWh were measured.
    row = next(line for line in shown.stdout.splitlines() if "emissions saved" in line)
    assert re.search(r"720 g CO2e.*360 g CO2e", row)
    assert "approved" in shown.stdout
    assert "by A. Keller" in shown.stdout
    listed = json.loads(run("decisions", "--json").stdout)
    assert [one["proposal"]["advice"] for one in listed] == [training.id, job.id]
    assert listed[1]["outcome"]["measured_g"]["value"] == pytest.approx(360.0, rel=1e-9)
    table = run("decisions").stdout
    assert "A. Keller" in table
    assert "schedule/nightly" in table
    with open_ledger(url) as ledger:
        decision = approved(ledger, job.id)
        assert read_outcome(decision.outcome).measured_g.value == pytest.approx(360.0)
        assert decision.proposal.promised_g == job.saving_g
        assert read_plan(ledger, decision.plan[:10]) == plan_of(company, job, training)
    # What cannot be measured does not take the place of what was.
    done = run("outcome", training.id, "--run", "fed-0", "--folder", folder, code=1)
    assert "25 % of what was promised" in done.stdout
    assert "a measured saving, which stays" in done.stderr
    # Measured anew, nothing is doubled.
    run("outcome", job.id, "--run", "nightly-1", "--folder", folder)
    with open_ledger(url) as ledger:
        assert status(ledger).outcomes == 2
        assert approved(ledger, job.id).outcome.change == decision.outcome.change


def test_a_dataset_that_went_is_seen_in_the_catalogues_of_the_ledger(
    company, url, tmp_path, monkeypatch
):
    monkeypatch.setattr("footprint.ledger.changes.time.time", lambda: NOW_S + DAY_S)
    now, then = keeping(company, "keep", gigabytes=500.0), keeping(company, "delete")
    advice = advise("dataset", "lyon/old-scans", now, then)
    advice = replace(advice, irreversible=True, conditions=("Nobody needs it.",))
    path = write_plan(tmp_path, plan_of(company, advice))
    words = ("outcome", advice.id, "--folder", company.needs.folder)
    with open_ledger(url) as ledger:
        record_catalogue(ledger, scanned("lyon", 0, dataset("old-scans", 500.0)))
    run("approve", path, advice.id, "--by", "A. Keller")
    missing = run(*words, code=1)
    assert "not measured" in missing.stdout
    assert "nothing shows that it was carried out" in missing.stderr
    with open_ledger(url) as ledger:
        record_catalogue(ledger, scanned("lyon", 73))
        assert newest_catalogues(ledger)["lyon"] == scanned("lyon", 73)
    found = json.loads(run(*words, "--scale", "--json").stdout)
    # Gone for 292 days of 365, as far as anybody knows.
    expected_g = advice.saving_g.value * 0.8
    assert found["measured_g"]["value"] == pytest.approx(expected_g, rel=1e-9)
    early = run(*words, "--catalogue-after", "2026-12-01", "--json", code=1)
    assert json.loads(early.stdout)["measured_g"] is None
    with open_ledger(url) as ledger:
        assert [one.scanned_s for one in catalogue_series(ledger)["lyon"]] == [
            NOW_S, NOW_S + 73 * DAY_S,
        ]  # fmt: skip


def test_files_of_catalogues_and_plans_are_entered_once(company, url, tmp_path):
    one = json.loads(write_catalogue(scanned("lyon", -9, dataset("old-scans", 500.0))))
    two = json.loads(write_catalogue(scanned("turin", -9)))
    several = tmp_path / "catalogues.json"
    document = {"format": "footprint-silo-catalogues", "format_version": 1, "silos": [one, two]}
    several.write_text(json.dumps({**document, "findings": []}))
    single = tmp_path / "lyon.json"
    single.write_text(json.dumps(one))
    plan = write_plan(tmp_path, architecture(company))
    done = json.loads(run("record", several, single, plan, "--json").stdout)
    assert [(e["what"], e["name"], e["is_new"]) for e in done] == [
        ("catalogue", "lyon", True), ("catalogue", "turin", True),
        ("catalogue", "lyon", False), ("plan", "Test company", True),
    ]  # fmt: skip
    assert run("record", several, plan).stdout.count("unchanged") == 3
    one["datasets"] = []
    single.write_text(json.dumps(one))
    with pytest.raises(LedgerError, match="same scan"):
        run("record", single)
    assert "added" in run("record", single, "--restate", "error").stdout
    for text in ("[]", "{", "[" * 100_000, '{"format": "footprint-silo-catalogues"}'):
        single.write_text(text)
        with pytest.raises(DataError):
            run("record", plan, single)
    one["scanned_s"] = 9e9
    single.write_text(json.dumps(one))
    with pytest.raises(DataError, match="future"):
        run("record", single)
    with open_ledger(url) as ledger:
        held = status(ledger)
        assert (held.catalogues, held.plans, held.changes) == (2, 1, 4)


def test_a_changed_mind_is_in_the_history(company, url, tmp_path):
    plan = architecture(company)
    path = write_plan(tmp_path, plan)
    name = plan.advice[0].id
    run("approve", path, name, "--by", "A. Keller")
    assert "has this decision already" in run("approve", path, name, "--by", "A. Keller").stderr
    done = run("reject", path, name, "--by", "B. Roux")
    assert "--reason tells" in done.stderr
    (now,) = json.loads(run("decisions", "--json").stdout)
    assert (now["status"], now["author"]) == ("rejected", "B. Roux")
    first, _ = json.loads(run("decisions", "--all", "--json").stdout)
    assert (first["status"], first["superseded_by"]) == ("approved", now["change"])
    assert f"until change {now['change']}" in run("decisions", "--all").stdout
    (then,) = json.loads(run("decisions", "--as-of", first["change"], "--json").stdout)
    assert then["status"] == "approved"
    with pytest.raises(LedgerError, match=r"rejected by B\. Roux"):
        run("outcome", name, "--run", "x", "--folder", company.needs.folder)


def test_an_older_plan_needs_a_word(company, url, tmp_path):
    plan = architecture(company)
    name = plan.advice[0].id
    newer = replace(plan, made_s=plan.made_s + DAY_S)
    run("approve", write_plan(tmp_path, newer), name, "--by", "A. Keller")
    path = write_plan(tmp_path, plan)
    with pytest.raises(LedgerError, match="made later"):
        run("reject", path, name, "--by", "A. Keller")
    run("reject", path, name, "--by", "A. Keller", "--older")
    (now,) = json.loads(run("decisions", "--json").stdout)
    assert (now["status"], now["plan_made_s"]) == ("rejected", plan.made_s)


def test_what_is_to_be_checked_is_said_when_it_is_approved(company, url, tmp_path):
    plan = architecture(company)
    risky = replace(plan.advice[0], irreversible=True, conditions=("Ask the \x1bowner.",))
    path = write_plan(tmp_path, replace(plan, advice=(risky,)))
    done = run("approve", path, risky.id, "--by", "A. Keller")
    assert "'federate' cannot be undone" in done.stderr
    assert "To be checked first: Ask the  owner." in done.stderr
    assert "checked" not in run("reject", path, risky.id, "--by", "A. Keller").stderr


def test_what_runs_say_of_themselves_cannot_steer_a_terminal(company, url, tmp_path):
    plan = architecture(company)
    run("approve", write_plan(tmp_path, plan), plan.advice[0].id, "--by", "A. Keller")
    with open_ledger(url) as ledger:
        for name, unit in (("a", "x\x1b[31mred"), ("b", "y\x1b]0;title\x07")):
            delivered = Run(name, functional_unit=unit)
            record(ledger, Journal.of(delivered, [use(company, "lyon", 1.0)]), silo="lyon")
    words = ("--run", "a", "--before", "b", "--folder", company.needs.folder)
    done = run("outcome", plan.advice[0].id, *words, code=1)
    assert "deliver different things" in done.stderr
    assert "\x1b" not in done.output + done.stderr
    assert "\x07" not in done.output + done.stderr


def test_parts_of_a_decision_are_named_on_approval(company, url, tmp_path):
    whole = architecture(company).advice[0]
    part = replace(whole, id="cohort/defects", part_of=whole.id)
    path = write_plan(tmp_path, plan_of(company, whole, part))
    done = run("approve", path, part.id, "--by", "A. Keller")
    assert "It is part of architecture/defects" in done.stderr
    done = run("approve", path, whole.id, "--by", "A. Keller")
    assert "Part of it is cohort/defects: do not add" in done.stderr
    assert "It is part of" not in done.stderr


def test_what_stands_for_all_is_not_shown_as_measured(company, url, tmp_path):
    plan = architecture(company)
    name, folder = plan.advice[0].id, company.needs.folder
    run("approve", write_plan(tmp_path, plan), name, "--by", "A. Keller")
    with open_ledger(url) as ledger:
        for n in range(4):
            enter(ledger, tmp_path, f"fed-{n}", ("lyon", 10.0 + n, 48 + n, 1))
    done = run("outcome", name, "--run", "fed-0", "--scale", "--folder", folder)
    assert "saving, scaled up from 25 %, lies inside" in done.stderr
    assert "scaled up from 25 %" in run("decisions").stdout
    (listed,) = json.loads(run("decisions", "--json").stdout)
    assert (listed["outcome"]["covered"], listed["outcome"]["scaled"]) == (0.25, True)
    assert "stated" in {one["code"] for one in listed["outcome"]["findings"]}
    runs = [word for n in range(4) for word in ("--run", f"fed-{n}")]
    run("outcome", name, *runs, "--folder", folder)
    assert "scaled" not in run("decisions").stdout
    run("outcome", name, "--run", "fed-1", "--before", "fed-0", "--folder", folder, code=1)


def test_ids_stay_whole_in_a_narrow_terminal(company, url, tmp_path, monkeypatch):
    plan = architecture(company)
    run("approve", write_plan(tmp_path, plan), plan.advice[0].id, "--by", "A. Keller")
    for width in ("80", "60"):
        monkeypatch.setenv("COLUMNS", width)
        assert "…" not in run("decisions").stdout


def test_indents_make_no_other_plan(company, url, tmp_path):
    plan = architecture(company)
    assert from_json(to_json(plan)) == plan
    for compact in (False, True):
        path = write_plan(tmp_path, plan, compact=compact)
        run("approve", path, plan.advice[0].id, "--by", "A. Keller")
    with open_ledger(url) as ledger:
        assert (status(ledger).plans, status(ledger).decisions) == (1, 1)
        assert record_plan(ledger, plan).change == 1


def test_names_cannot_steer_a_terminal(company, url, tmp_path):
    plan = architecture(company)
    name = "[red]x[/red]\x1b[2J"
    path = write_plan(tmp_path, plan)
    shown = run("approve", path, plan.advice[0].id, "--by", name).stdout
    shown += run("decisions").stdout
    assert "\x1b[2J" not in shown
    assert "[red]x[/red]" in shown


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        (("approve", "PLAN", "none", "--by", "A"), UsageError, "no advice 'none'"),
        (("approve", "PLAN", "architecture/defects", "--by", " "), UsageError, "needs a name"),
        (("approve", "nowhere.json", "x", "--by", "A"), DocumentError, "cannot be read"),
        (("outcome", "architecture/defects", "--run", "x"), LedgerError, "Nobody decided"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_enters_nothing(
    company, url, tmp_path, words, error, message
):
    path = write_plan(tmp_path, architecture(company))
    with pytest.raises(error, match=message) as found:
        run(*(path if word == "PLAN" else word for word in words))
    assert found.value.remedy
    with open_ledger(url) as ledger:
        assert status(ledger).changes == 0


def test_options_that_would_change_nothing_are_refused(company, url, tmp_path):
    plan = architecture(company)
    path = write_plan(tmp_path, plan)
    name, folder = plan.advice[0].id, company.needs.folder
    run("approve", path, name, "--by", "A. Keller")
    for words, message in (
        ((), "what was run"),
        (("--run", "x", "--nothing-ran"), "contradict"),
        (("--run", "x", "--entry", "lyon/a"), "--entry means nothing"),
        (("--run", "x", "--without", "sleeping"), "sleeping"),
    ):
        with pytest.raises(UsageError, match=message):
            run("outcome", name, *words, "--folder", folder)
    with pytest.raises(ManifestError):
        run("outcome", name, "--run", "x", "--folder", tmp_path)
    with open_ledger(url) as ledger:
        assert status(ledger).outcomes == 0


def test_a_changed_manifest_is_said(company, url, tmp_path):
    plan = architecture(company)
    inputs = tuple(replace(one, sha256="0" * 64) for one in _inputs(company))
    path = write_plan(tmp_path, replace(plan, inputs=inputs))
    run("approve", path, plan.advice[0].id, "--by", "A. Keller")
    with open_ledger(url) as ledger:
        enter(ledger, tmp_path, "new", ("lyon", 44.0, 24, 2))
    words = ("--run", "new", "--covers", "1", "--folder", company.needs.folder, "--json")
    found = json.loads(run("outcome", plan.advice[0].id, *words).stdout)
    said = [one["message"] for one in found["findings"] if one["code"] == "manifest-changed"]
    assert [word.split()[0] for word in said] == ["deployment.toml", "management.toml"]
    assert not [one for one in found["findings"] if one["code"] == "manifest-unknown"]


def test_a_plan_that_does_not_say_what_it_was_made_from_is_said_to(company, url, tmp_path):
    plan = architecture(company)
    kept = tuple(one for one in _inputs(company) if one.name.endswith("management.toml"))
    path = write_plan(tmp_path, replace(plan, inputs=kept))
    run("approve", path, plan.advice[0].id, "--by", "A. Keller")
    with open_ledger(url) as ledger:
        enter(ledger, tmp_path, "new", ("lyon", 44.0, 24, 2))
    words = ("--run", "new", "--covers", "1", "--folder", company.needs.folder, "--json")
    found = json.loads(run("outcome", plan.advice[0].id, *words).stdout)
    said = [one for one in found["findings"] if one["code"].startswith("manifest")]
    assert [one["code"] for one in said] == ["manifest-unknown"]
    assert "deployment.toml" in said[0]["message"]


def test_a_plan_of_the_advisor_says_what_it_was_made_from(company, url, tmp_path):
    made = write_company(tmp_path / "company")
    made_from = advise_company(made).inputs
    plan = replace(architecture(made), inputs=made_from)
    run("approve", write_plan(tmp_path, plan), plan.advice[0].id, "--by", "A. Keller")
    with open_ledger(url) as ledger:
        enter(ledger, tmp_path, "new", ("lyon", 44.0, 24, 2))
    words = ("--run", "new", "--covers", "1", "--folder", made.needs.folder, "--json")

    def said():
        found = json.loads(run("outcome", plan.advice[0].id, *words).stdout)
        return [one["code"] for one in found["findings"] if one["code"].startswith("manifest")]

    assert said() == []
    path = made.needs.folder / "management.toml"
    path.write_text(path.read_text() + "\n# another one\n")
    assert said() == ["manifest-changed"]


def _inputs(company):
    folder = company.needs.folder
    return (input_file(folder / "deployment.toml"), input_file(folder / "management.toml"))


def test_the_library_decides_alike(company, url):
    plan = architecture(company)
    with open_ledger(url) as ledger:
        note = Note(reason="it is cheap", author="Ana")
        first = decide(ledger, plan, plan.advice[0].id, DecisionStatus.APPROVED, note)
        assert first.status is DecisionStatus.APPROVED
        second = decide(ledger, plan, plan.advice[0].id, DecisionStatus.REJECTED, note)
        assert [one.change for one in list_decisions(ledger)] == [second.change]


def test_damaged_documents_are_said_to_be(company, url):
    plan = architecture(company)
    with open_ledger(url) as ledger:
        note = Note(author="Ana")
        decide(ledger, plan, plan.advice[0].id, DecisionStatus.APPROVED, note)
        record_catalogue(ledger, SiloCatalogue(silo="lyon", scanned_s=1.0))
        with ledger.writing() as connection:
            connection.exec_driver_sql("UPDATE catalogues SET document = '{}'")
        with pytest.raises(LedgerError, match="catalogue of 'lyon'"):
            newest_catalogues(ledger)
        other = OutcomeRecord(measured_g=None, measured_kwh=None, document="{}")
        with pytest.raises(LedgerError, match="outcome"):
            read_outcome(other)
