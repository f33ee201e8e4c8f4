"""What management remembers: catalogues of silos, plans, decisions and what became of them."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_CURRENT = sa.text("superseded_by IS NULL")


def upgrade() -> None:
    """Add the tables to a ledger of activities, which stay as they are."""
    op.create_table(
        "catalogues",
        _key(),
        sa.Column("silo", sa.Text, nullable=False),
        sa.Column("scanned_s", sa.Double, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        *_life(),
    )
    _unique_while_current("one_catalogue_per_scan", "catalogues", "silo", "scanned_s")
    op.create_table(
        "plans",
        _key(),
        sa.Column("company", sa.Text, nullable=False),
        sa.Column("made_s", sa.Double, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        _link("added_by", "changes", nullable=False),
        sa.UniqueConstraint("sha256", name="plans_count_once"),
    )
    _make_decisions()
    op.create_table(
        "outcomes",
        _key(),
        _link("decision_id", "decisions", nullable=False),
        sa.Column("measured_g", sa.Double),
        sa.Column("measured_low_g", sa.Double),
        sa.Column("measured_high_g", sa.Double),
        sa.Column("measured_kwh", sa.Double),
        sa.Column("document", sa.Text, nullable=False),
        *_life(),
    )
    _unique_while_current("one_outcome_per_decision", "outcomes", "decision_id")


def _make_decisions() -> None:
    op.create_table(
        "decisions",
        _key(),
        _link("plan_id", "plans", nullable=False),
        sa.Column("company", sa.Text, nullable=False),
        sa.Column("advice", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("current", sa.Text, nullable=False),
        sa.Column("recommended", sa.Text, nullable=False),
        sa.Column("saving_g", sa.Double, nullable=False),
        sa.Column("saving_low_g", sa.Double, nullable=False),
        sa.Column("saving_high_g", sa.Double, nullable=False),
        sa.Column("saving_kwh", sa.Double),
        sa.Column("saving_cost", sa.Double),
        sa.Column("currency", sa.Text),
        sa.Column("status", sa.Text, nullable=False),
        *_life(),
    )
    _unique_while_current("one_decision_per_question", "decisions", "company", "advice")


def _key() -> sa.Column[int]:
    return sa.Column("id", _NUMBER, primary_key=True, autoincrement=True)


def _link(name: str, table: str, *, nullable: bool) -> sa.Column[int]:
    return sa.Column(name, _NUMBER, sa.ForeignKey(f"{table}.id"), nullable=nullable)


def _life() -> tuple[sa.Column[int], sa.Column[int]]:
    return (
        _link("added_by", "changes", nullable=False),
        _link("superseded_by", "changes", nullable=True),
    )


def _unique_while_current(name: str, table: str, *columns: str) -> None:
    op.create_index(
        name,
        table,
        list(columns),
        unique=True,
        sqlite_where=_CURRENT,
        postgresql_where=_CURRENT,
    )
