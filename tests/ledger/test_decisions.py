"""Catalogues, plans, decisions and outcomes: nothing lost, nothing twice, in both databases."""

import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, make_url, text

from footprint import ledger as books
from footprint.errors import LedgerError, UsageError
from footprint.ledger import (
    Cause,
    DecisionStatus,
    Note,
    OutcomeRecord,
    Proposal,
    decide,
    history,
    latest_catalogues,
    list_catalogues,
    list_decisions,
    make_plan,
    open_ledger,
    query,
    record,
    record_catalogue,
    record_outcome,
    record_plan,
    status,
)
from footprint.ledger.schema import SCHEMA_VERSION, VERSION_TABLE, metadata
from footprint.model import Interval
from tests.ledger.samples import random_journal
from tests.ledger.test_properties import FEW

PLANS = tuple(make_plan("Rail", 1.8e9 + n, f'{{"number": {n}}}') for n in range(3))
WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)


def proposal(plan=0, advice="dataset/lyon/a"):
    """What a plan promises: other figures in each."""
    saving_g = 10.0 + plan / 3
    return Proposal(
        company="Rail",
        advice=advice,
        kind="dataset",
        subject=advice.partition("/")[2],
        current="keep",
        recommended="delete",
        saving_g=saving_g,
        saving_low_g=saving_g / 2,
        saving_high_g=saving_g * 2,
        saving_kwh=None if plan == 1 else 0.1,
    )


def enter(ledger, word="approved", author="Ana", reason="", plan=0, older=True, **where):
    note = Note(None, reason, author)
    said = proposal(plan, **where)
    return decide(ledger, PLANS[plan], said, DecisionStatus(word), note, older=older)


def measured(number, document=""):
    interval = None if number is None else Interval(number, number - 1, number + 1)
    return OutcomeRecord(
        measured_g=interval, measured_kwh=number, document=document or f'{{"measured": {number}}}'
    )


def facts(decision):
    """What a decision says, whenever it was entered."""
    return decision.plan, str(decision.status), decision.author, decision.reason


# --- catalogues -----------------------------------------------------------------------------


def test_a_catalogue_counts_once_and_the_last_scan_is_the_newest(ledger):
    later = record_catalogue(ledger, "lyon", 200.0, '{"b": 2}')
    earlier = record_catalogue(ledger, "lyon", 100.5, '{"a": 1}')
    other = record_catalogue(ledger, "turin", 50.0, '{"b": 2}')
    again = record_catalogue(ledger, "lyon", 200.0, '{"b": 2}', Note(author="Ana"))
    assert (again.change, again.is_new, later.is_new) == (later.change, False, True)
    assert [one.scanned_s for one in list_catalogues(ledger)] == [100.5, 200.0, 50.0]
    newest = latest_catalogues(ledger)
    assert {silo: one.document for silo, one in newest.items()} == dict.fromkeys(
        ("lyon", "turin"), '{"b": 2}'
    )
    then = latest_catalogues(ledger, as_of=earlier.change)
    assert list(then) == ["lyon"]
    assert status(ledger).catalogues == 3
    assert [one.subjects for one in history(ledger)] == [("lyon",), ("lyon",), ("turin",)]
    assert other.sha256 == later.sha256


def test_another_catalogue_of_the_same_scan_needs_a_cause_and_loses_nothing(ledger):
    first = record_catalogue(ledger, "lyon", 200.0, '{"a": 1}')
    with pytest.raises(LedgerError, match="same scan") as error:
        record_catalogue(ledger, "lyon", 200.0, '{"a": 2}')
    assert "factor, method, error" in error.value.remedy
    record_catalogue(ledger, "lyon", 200.0, '{"a": 2}', Note(Cause.ERROR))
    assert latest_catalogues(ledger)["lyon"].document == '{"a": 2}'
    assert latest_catalogues(ledger, as_of=first.change)["lyon"].document == '{"a": 1}'
    # Back again is a correction too.
    record_catalogue(ledger, "lyon", 200.0, '{"a": 1}', Note(Cause.ERROR))
    assert latest_catalogues(ledger)["lyon"].document == '{"a": 1}'
    assert len(history(ledger)) == 3
    for silo, at_s in (("ly\0on", 1.0), ("lyon", float("nan"))):
        with pytest.raises(LedgerError):
            record_catalogue(ledger, silo, at_s, "{}")


# --- decisions ------------------------------------------------------------------------------


def test_approving_twice_is_one_decision(ledger):
    first, again = enter(ledger), enter(ledger)
    assert (first.is_new, again.is_new, again.change) == (True, False, first.change)
    assert [facts(one) for one in list_decisions(ledger)] == [facts(first)]
    held = status(ledger)
    assert (held.plans, held.decisions, held.changes) == (1, 1, 2)
    assert [one.kind for one in history(ledger)] == ["plan", "approve"]
    assert record_plan(ledger, PLANS[0]).change == 1
    assert status(ledger).changes == 2


def test_a_name_has_to_be_given(ledger):
    for author in ("", "  "):
        with pytest.raises(UsageError, match="needs a name"):
            enter(ledger, author=author)
    with pytest.raises(LedgerError, match="zero byte"):
        enter(ledger, author="A\0")
    assert status(ledger).changes == 0


MIND = st.tuples(
    st.sampled_from(["approved", "rejected"]),
    st.sampled_from(["Ana", "Ben"]),
    st.sampled_from(["", "why not"]) | WORDS,
    st.integers(0, 2),
    st.none() | st.floats(-1e9, 1e9),
)


@given(minds=st.lists(MIND, min_size=1, max_size=6))
@FEW
def test_a_changed_mind_supersedes_without_loss(make_url, minds):
    with open_ledger(make_url()) as ledger:
        expected, changes_at, promised, last, carried = [], [], {}, {}, []
        for word, author, reason, plan, number in minds:
            found = enter(ledger, word, author, reason, plan)
            said = (PLANS[plan].sha256, word, author, reason)
            assert facts(found) == said
            if not expected or expected[-1] != said:
                expected.append(said)
                changes_at.append(found.change)
                carried.append(last.get(plan) if word == "approved" else None)
                assert found.is_new
            promised[found.change] = found.proposal
            if number is not None and word == "approved":
                last[plan] = record_outcome(ledger, found, measured(number))
            # Whatever is measured, what was promised stays as it was.
            (now,) = list_decisions(ledger)
            assert now.proposal == proposal(plan)
            assert facts(now) == said
        everything = sorted(list_decisions(ledger, everything=True), key=lambda one: one.change)
        assert [facts(one) for one in everything] == expected
        assert [one.superseded_by for one in everything] == [*changes_at[1:], None]
        assert {one.change: one.proposal for one in everything} == promised
        for change, said, known in zip(changes_at, expected, carried, strict=True):
            (then,) = list_decisions(ledger, as_of=change)
            # What was measured of the same promise before is known of it.
            assert (facts(then), then.superseded_by, then.outcome) == (said, None, known)


def test_approving_anew_loses_no_outcome(ledger):
    first = enter(ledger)
    outcome = record_outcome(ledger, first, measured(7.0))
    again = enter(ledger, reason="it was cheap")
    assert again.outcome == outcome
    assert [one.outcome for one in list_decisions(ledger)] == [outcome]
    assert record_outcome(ledger, again, measured(7.0)) == outcome
    # Of what another plan promised nothing was measured, nor of what was rejected.
    assert enter(ledger, plan=1).outcome is None
    assert enter(ledger, "rejected", plan=1).outcome is None
    assert enter(ledger, "rejected").outcome is None
    back = enter(ledger, author="Ben")
    assert back.outcome == outcome
    later = record_outcome(ledger, back, measured(9.0))
    (now,) = list_decisions(ledger)
    assert now.outcome == later
    (then,) = list_decisions(ledger, as_of=back.change)
    assert then.outcome == outcome
    # Nothing that came later is told of an earlier approval.
    whole = {one.change: one.outcome for one in list_decisions(ledger, everything=True)}
    assert whole[first.change] == whole[again.change] == outcome


def test_an_older_plan_takes_the_place_of_a_newer_one_only_if_somebody_says_so(ledger):
    enter(ledger, plan=1, older=False)
    for word in ("approved", "rejected"):
        with pytest.raises(LedgerError, match="made later") as error:
            enter(ledger, word, plan=0, older=False)
        assert "--older" in error.value.remedy
    assert [one.plan for one in list_decisions(ledger)] == [PLANS[1].sha256]
    assert status(ledger).plans == 1
    enter(ledger, plan=0, advice="dataset/lyon/b", older=False)
    enter(ledger, plan=0, older=True)
    assert {one.plan for one in list_decisions(ledger)} == {PLANS[0].sha256}
    enter(ledger, plan=2, older=False)


def test_questions_and_companies_are_decided_apart(ledger):
    enter(ledger)
    enter(ledger, advice="dataset/lyon/b", plan=1)
    other = replace(proposal(2), company="Ferry")
    plan = make_plan("Ferry", 1.8e9, "{}")
    decide(ledger, plan, other, DecisionStatus.REJECTED, Note(None, "", "Cem"))
    assert len(list_decisions(ledger)) == 3
    assert [d.author for d in list_decisions(ledger, company="Ferry")] == ["Cem"]
    assert len(list_decisions(ledger, advice="dataset/lyon/a")) == 2
    # The largest promise first.
    found = [one.proposal.saving_g for one in list_decisions(ledger)]
    assert found == sorted(found, reverse=True)


# --- outcomes -------------------------------------------------------------------------------


def test_outcomes_are_measured_again_without_loss(ledger):
    decision = enter(ledger)
    first = record_outcome(ledger, decision, measured(None))
    assert (first.measured_g, first.measured_kwh) == (None, None)
    assert record_outcome(ledger, decision, measured(None)).change == first.change
    second = record_outcome(ledger, decision, measured(7.25))
    (now,) = list_decisions(ledger)
    assert now.outcome == second
    assert now.outcome.measured_g == Interval(7.25, 6.25, 8.25)
    (then,) = list_decisions(ledger, as_of=first.change)
    assert then.outcome == first
    assert [one.kind for one in history(ledger)] == ["plan", "approve", "outcome", "outcome"]
    assert status(ledger).outcomes == 1


def test_only_what_counts_as_approved_has_an_outcome(ledger):
    approved = enter(ledger)
    rejected = enter(ledger, "rejected")
    for decision in (approved, rejected):
        with pytest.raises(LedgerError, match="not approved, or was decided anew"):
            record_outcome(ledger, decision, measured(1.0))
    assert status(ledger).outcomes == 0


# --- plans ----------------------------------------------------------------------------------


def test_a_plan_is_found_by_how_its_hash_begins(ledger):
    for plan in PLANS:
        record_plan(ledger, plan)
    found = books.find_plan(ledger, PLANS[1].sha256[:12])
    assert (found.document, found.made_s, found.company) == (PLANS[1].document, 1.8e9 + 1, "Rail")
    for wrong in ("", "zz", "%"):
        with pytest.raises(LedgerError, match="begin with"):
            books.find_plan(ledger, wrong)


# --- the schema -----------------------------------------------------------------------------


def old_ledger(address):
    """A ledger as the release before made it."""
    folder = Path(books.__file__).parent / "migrations"
    config = Config()
    config.set_main_option("path_separator", "os")
    config.set_main_option("script_location", str(folder))
    engine = create_engine(address)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    engine.dispose()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_an_older_ledger_keeps_what_it_has(kind, request, tmp_path):
    address = f"sqlite:///{tmp_path}/old.db"
    if kind == "postgresql":
        server = request.getfixturevalue("server")
        plain = create_engine(
            make_url(server.format("postgres")).set(drivername="postgresql+psycopg"),
            isolation_level="AUTOCOMMIT",
        )
        with plain.connect() as connection:
            connection.execute(text("CREATE DATABASE older"))
        plain.dispose()
        address = server.format("older")
    old_ledger(make_url(address).set(drivername={"sqlite": kind}.get(kind, f"{kind}+psycopg")))
    with pytest.raises(LedgerError, match="has the schema 0001") as error:
        open_ledger(address)
    assert "footprint ledger init" in error.value.remedy
    with open_ledger(address, create=True) as ledger:
        assert status(ledger).schema == SCHEMA_VERSION
        with ledger.reading() as connection:
            context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
            assert compare_metadata(context, metadata) == []
        record(ledger, random_journal(5))
        enter(ledger)
    with open_ledger(address, create=True) as again:
        assert query(again)["activities"][0] == 5
        assert len(list_decisions(again)) == 1


def test_the_migration_touches_no_row(tmp_path):
    address = f"sqlite:///{tmp_path}/old.db"
    old_ledger(address)
    with create_engine(address).begin() as connection:
        connection.execute(
            text("INSERT INTO changes (made_s, kind, release) VALUES (1.5, 'ingest', '0')")
        )
        connection.execute(text("INSERT INTO runs (silo, name) VALUES ('lyon', 'digits')"))
    with open_ledger(address, create=True) as ledger, ledger.reading() as connection:
        assert connection.execute(text("SELECT * FROM runs")).all() == [(1, "lyon", "digits")]
        assert connection.execute(text("SELECT made_s FROM changes")).scalar() == 1.5


# --- crashes --------------------------------------------------------------------------------

_DECIDE_ON = """
import sys
from footprint.ledger import open_ledger
from tests.ledger.test_decisions import enter, measured, record_outcome
print("ready", flush=True)
with open_ledger(sys.argv[1]) as ledger:
    for number in range(100_000):
        decision = enter(ledger, reason=str(number), plan=number % 3)
        record_outcome(ledger, decision, measured(float(number)))
"""


def test_a_kill_while_deciding_leaves_whole_decisions(make_url):
    address = make_url()
    with subprocess.Popen(
        [sys.executable, "-c", _DECIDE_ON, address],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    ) as child:
        child.stdout.readline()
        time.sleep(random.Random(3).uniform(0.2, 0.4))
        child.kill()
    assert child.returncode == -signal.SIGKILL
    with open_ledger(address) as ledger:
        everything = list_decisions(ledger, everything=True)
        assert len(list_decisions(ledger)) == min(1, len(everything))
        order = sorted(everything, key=lambda one: one.change)
        assert [one.superseded_by for one in order[:-1]] == [one.change for one in order[1:]]
        # Each was measured before the next one was made.
        assert all(one.outcome is not None for one in order[:-1])
        # Who goes on finds nothing to repair.
        enter(ledger, author="Ben")
        enter(ledger, author="Ben")
        assert [one.author for one in list_decisions(ledger)] == ["Ben"]


def test_several_who_approve_at_once_make_one_decision(url):
    from concurrent.futures import ThreadPoolExecutor

    def approve(_):
        with open_ledger(url) as ledger:
            return enter(ledger).change

    with ThreadPoolExecutor(4) as pool:
        made = set(pool.map(approve, range(8)))
    with open_ledger(url) as ledger:
        assert made == {list_decisions(ledger)[0].change}
        assert status(ledger).changes == 2
