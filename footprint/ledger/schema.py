"""The tables of a ledger.

Nothing is ever changed or deleted. A row belongs to the change that added it and, once
something took its place, to the change that superseded it: the ledger as of any change can
be asked for.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import TypeEngine

from footprint.model import ACTIVITY_COLUMNS

SCHEMA_VERSION: Final = "0002"
"""The newest migration; a test holds it to the folder of migrations."""
VERSION_TABLE: Final = "footprint_ledger_version"

metadata = MetaData()
# SQLite counts up only what it calls INTEGER.
Number = BigInteger().with_variant(Integer, "sqlite")
_CURRENT = text("superseded_by IS NULL")


def _key() -> Column[int]:
    return Column("id", Number, primary_key=True, autoincrement=True)


def _change(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, Number, ForeignKey("changes.id"), nullable=nullable)


def _run() -> Column[int]:
    return Column("run_id", Number, ForeignKey("runs.id"), nullable=False)


changes = Table(
    "changes",
    metadata,
    _key(),
    Column("made_s", Double, nullable=False),
    Column("kind", Text, nullable=False),
    Column("cause", Text),
    Column("reason", Text),
    Column("author", Text),
    Column("release", Text, nullable=False),
    # What was corrected where, as JSON, so that it can be done again to a run that grew.
    Column("correction", Text),
)

runs = Table(
    "runs",
    metadata,
    _key(),
    Column("silo", Text, nullable=False),
    Column("name", Text, nullable=False),
    UniqueConstraint("silo", "name", name="runs_are_named_once"),
)

run_states = Table(
    "run_states",
    metadata,
    _key(),
    _run(),
    # What a journal says of its run as a whole, as JSON.
    Column("document", Text, nullable=False),
    _change("added_by"),
    _change("superseded_by", nullable=True),
    Index(
        "one_state_per_run",
        "run_id",
        unique=True,
        sqlite_where=_CURRENT,
        postgresql_where=_CURRENT,
    ),
)

source_files = Table(
    "source_files",
    metadata,
    _key(),
    _run(),
    Column("name", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("token", Text),
    _change("added_by"),
    _change("superseded_by", nullable=True),
    # A table may hold several runs; each takes from it once.
    Index(
        "files_count_once",
        "sha256",
        "run_id",
        unique=True,
        sqlite_where=_CURRENT,
        postgresql_where=_CURRENT,
    ),
)

REQUIRED = (
    "actor",
    "role",
    "phase",
    "start_s",
    "duration_s",
    "data_gb",
    "basis",
    "source",
    "life_cycle",
    "transfer_s",
    "stored_gb_h",
)
NUMBERS = (
    "start_s",
    "duration_s",
    "energy_kwh",
    "energy_low_kwh",
    "energy_high_kwh",
    "data_gb",
    "resource_share",
    "transfer_s",
    "stored_gb_h",
)


def _activity_column(name: str) -> Column[Any]:
    kind: TypeEngine[Any] = Text()
    if name in NUMBERS or name == "round":
        kind = Double() if name in NUMBERS else BigInteger()
    return Column(name, kind, nullable=name not in REQUIRED)


activities = Table(
    "activities",
    metadata,
    _key(),
    _run(),
    Column("silo", Text),
    # Year and month in UTC, 202611 for November 2026: what reports group by.
    Column("month", Integer, nullable=False),
    *(_activity_column(name) for name in ACTIVITY_COLUMNS),
    _change("added_by"),
    _change("superseded_by", nullable=True),
    Index("activities_of_a_run", "run_id", "superseded_by"),
)

restatements = Table(
    "restatements",
    metadata,
    _key(),
    Column("change_id", Number, ForeignKey("changes.id"), nullable=False),
    _run(),
    Column("quantity", Text, nullable=False),
    # JSON: null is not known, a number is a sum over the activities, text is what all had.
    Column("old_value", Text, nullable=False),
    Column("new_value", Text, nullable=False),
    Column("activities", BigInteger, nullable=False),
    Index("restatements_of_a_change", "change_id"),
)

catalogues = Table(
    "catalogues",
    metadata,
    _key(),
    Column("silo", Text, nullable=False),
    Column("scanned_s", Double, nullable=False),
    # Of what was said, whoever said it when.
    Column("sha256", Text, nullable=False),
    Column("document", Text, nullable=False),
    _change("added_by"),
    _change("superseded_by", nullable=True),
    # A later scan takes nothing's place: both are right for their time.
    Index(
        "one_catalogue_per_scan",
        "silo",
        "scanned_s",
        unique=True,
        sqlite_where=_CURRENT,
        postgresql_where=_CURRENT,
    ),
)

plans = Table(
    "plans",
    metadata,
    _key(),
    Column("company", Text, nullable=False),
    Column("made_s", Double, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("document", Text, nullable=False),
    _change("added_by"),
    # Nothing takes the place of a plan: another one is another plan.
    UniqueConstraint("sha256", name="plans_count_once"),
)

decisions = Table(
    "decisions",
    metadata,
    _key(),
    Column("plan_id", Number, ForeignKey("plans.id"), nullable=False),
    Column("company", Text, nullable=False),
    Column("advice", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("current", Text, nullable=False),
    Column("recommended", Text, nullable=False),
    # What was promised when it was decided.
    Column("saving_g", Double, nullable=False),
    Column("saving_low_g", Double, nullable=False),
    Column("saving_high_g", Double, nullable=False),
    Column("saving_kwh", Double),
    Column("saving_cost", Double),
    Column("currency", Text),
    # By whom, when and why is said by the change that added it.
    Column("status", Text, nullable=False),
    _change("added_by"),
    _change("superseded_by", nullable=True),
    # A question of a company has one answer that counts, whatever plan asked it last.
    Index(
        "one_decision_per_question",
        "company",
        "advice",
        unique=True,
        sqlite_where=_CURRENT,
        postgresql_where=_CURRENT,
    ),
)

outcomes = Table(
    "outcomes",
    metadata,
    _key(),
    Column("decision_id", Number, ForeignKey("decisions.id"), nullable=False),
    # NULL is not known: something is missing, and the document says what.
    Column("measured_g", Double),
    Column("measured_low_g", Double),
    Column("measured_high_g", Double),
    Column("measured_kwh", Double),
    # What was measured and how, as JSON, without the time at which it was reckoned.
    Column("document", Text, nullable=False),
    _change("added_by"),
    _change("superseded_by", nullable=True),
    Index(
        "one_outcome_per_decision",
        "decision_id",
        unique=True,
        sqlite_where=_CURRENT,
        postgresql_where=_CURRENT,
    ),
)
