"""The first schema. A migration never changes once it was released."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_CURRENT = sa.text("superseded_by IS NULL")


def upgrade() -> None:
    """Make the tables of an empty ledger."""
    op.create_table(
        "changes",
        _key(),
        sa.Column("made_s", sa.Double, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("cause", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("author", sa.Text),
        sa.Column("release", sa.Text, nullable=False),
        sa.Column("correction", sa.Text),
    )
    op.create_table(
        "runs",
        _key(),
        sa.Column("silo", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.UniqueConstraint("silo", "name", name="runs_are_named_once"),
    )
    op.create_table(
        "run_states", _key(), _run(), sa.Column("document", sa.Text, nullable=False), *_life()
    )
    _unique_while_current("one_state_per_run", "run_states", "run_id")
    op.create_table(
        "source_files",
        _key(),
        _run(),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("token", sa.Text),
        *_life(),
    )
    _unique_while_current("files_count_once", "source_files", "sha256", "run_id")
    _make_activities()
    op.create_table(
        "restatements",
        _key(),
        _change("change_id", nullable=False),
        _run(),
        sa.Column("quantity", sa.Text, nullable=False),
        sa.Column("old_value", sa.Text, nullable=False),
        sa.Column("new_value", sa.Text, nullable=False),
        sa.Column("activities", sa.BigInteger, nullable=False),
    )
    op.create_index("restatements_of_a_change", "restatements", ["change_id"])


def _make_activities() -> None:
    op.create_table(
        "activities",
        _key(),
        _run(),
        sa.Column("silo", sa.Text),
        sa.Column("month", sa.Integer, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("device", sa.Text),
        sa.Column("zone", sa.Text),
        sa.Column("phase", sa.Text, nullable=False),
        sa.Column("round", sa.BigInteger),
        sa.Column("start_s", sa.Double, nullable=False),
        sa.Column("duration_s", sa.Double, nullable=False),
        sa.Column("energy_kwh", sa.Double),
        sa.Column("energy_low_kwh", sa.Double),
        sa.Column("energy_high_kwh", sa.Double),
        sa.Column("data_gb", sa.Double, nullable=False),
        sa.Column("basis", sa.Text, nullable=False),
        sa.Column("tier", sa.Text),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("resource_share", sa.Double),
        sa.Column("life_cycle", sa.Text, nullable=False),
        sa.Column("access", sa.Text),
        sa.Column("transfer_s", sa.Double, nullable=False),
        sa.Column("stored_gb_h", sa.Double, nullable=False),
        sa.Column("instance", sa.Text),
        *_life(),
    )
    op.create_index("activities_of_a_run", "activities", ["run_id", "superseded_by"])


def _key() -> sa.Column[int]:
    return sa.Column("id", _NUMBER, primary_key=True, autoincrement=True)


def _run() -> sa.Column[int]:
    return sa.Column("run_id", _NUMBER, sa.ForeignKey("runs.id"), nullable=False)


def _change(name: str, *, nullable: bool) -> sa.Column[int]:
    return sa.Column(name, _NUMBER, sa.ForeignKey("changes.id"), nullable=nullable)


def _life() -> tuple[sa.Column[int], sa.Column[int]]:
    return _change("added_by", nullable=False), _change("superseded_by", nullable=True)


def _unique_while_current(name: str, table: str, *columns: str) -> None:
    op.create_index(
        name,
        table,
        list(columns),
        unique=True,
        sqlite_where=_CURRENT,
        postgresql_where=_CURRENT,
    )
