"""The ledger: many journals, runs and silos in one database, SQLite or PostgreSQL.

.. code-block:: python

    from footprint import estimate
    from footprint.ledger import ingest, ledger_inventory, open_ledger

    with open_ledger("sqlite:///ledger.db", create=True) as ledger:
        ingest(ledger, "runs/digits", silo="lyon")
        assessment = estimate(ledger_inventory(ledger, "digits"))

A file that is entered twice changes nothing, and nothing is ever overwritten: what was
restated stays beside what is right now.

Importing this module raises `MissingExtra` if SQLAlchemy is not installed.
"""

from __future__ import annotations

from footprint.errors import MissingExtra

try:
    import sqlalchemy as _sqlalchemy  # noqa: F401
except ImportError as error:
    raise MissingExtra.of("ledger", "A ledger") from error

from footprint.ledger.catalogues import (
    CatalogueRecord,
    latest_catalogues,
    list_catalogues,
    record_catalogue,
)
from footprint.ledger.changes import Cause, Note
from footprint.ledger.connections import DEFAULT_URL, Ledger, open_ledger
from footprint.ledger.corrections import Correction
from footprint.ledger.decisions import (
    decide,
    find_plan,
    list_decisions,
    make_plan,
    record_outcome,
    record_plan,
)
from footprint.ledger.entries import Reading
from footprint.ledger.exports import export
from footprint.ledger.ingestion import ingest, record
from footprint.ledger.inventories import ledger_inventory, ledger_journal
from footprint.ledger.outcomes import Ingested, Outcome
from footprint.ledger.proposals import (
    Decision,
    DecisionStatus,
    OutcomeRecord,
    PlanRecord,
    Proposal,
)
from footprint.ledger.queries import (
    Change,
    RunSummary,
    Status,
    history,
    list_runs,
    query,
    run_changes,
    status,
)
from footprint.ledger.restatements import Restated, Restatement, restate, withdraw

__all__ = [
    "DEFAULT_URL",
    "CatalogueRecord",
    "Cause",
    "Change",
    "Correction",
    "Decision",
    "DecisionStatus",
    "Ingested",
    "Ledger",
    "Note",
    "Outcome",
    "OutcomeRecord",
    "PlanRecord",
    "Proposal",
    "Reading",
    "Restated",
    "Restatement",
    "RunSummary",
    "Status",
    "decide",
    "export",
    "find_plan",
    "history",
    "ingest",
    "latest_catalogues",
    "ledger_inventory",
    "ledger_journal",
    "list_catalogues",
    "list_decisions",
    "list_runs",
    "make_plan",
    "open_ledger",
    "query",
    "record",
    "record_catalogue",
    "record_outcome",
    "record_plan",
    "restate",
    "run_changes",
    "status",
    "withdraw",
]
