"""What is about to be entered: files grouped by run, and runs as checked rows."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from footprint.errors import LedgerError, UsageError
from footprint.factors import FactorCatalogue
from footprint.ledger.activity_files import read_activity_table
from footprint.ledger.columns import Columns, check_columns, check_text
from footprint.ledger.schema import NUMBERS
from footprint.ledger.sources import SourceFile
from footprint.ledger.states import RunState
from footprint.measurement.attribution import read_journal
from footprint.model import IdlePolicy, InputFile, Journal, View


@dataclass(frozen=True, slots=True)
class Reading:
    """How journals become activities.

    Attributes
    ----------
    run : str or None
        Name under which a run is entered; None for that of its journal.
    view : View
        Whose energy it is.
    idle_policy : IdlePolicy
        Who is charged idle power.
    catalogue : FactorCatalogue or None
        For the power of processors without a counter; None for the built-in one.
    """

    run: str | None = None
    view: View = View.PROCESS
    idle_policy: IdlePolicy = IdlePolicy.BY_TIME
    catalogue: FactorCatalogue | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A run that is to be entered: its state, its activities as rows, its silo if it names it."""

    state: RunState
    columns: Columns
    home: str | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Files that are entered together, and what makes runs of them."""

    sources: list[SourceFile]
    load: Callable[[list[SourceFile]], list[Entry]]


def find_batches(sources: Sequence[SourceFile], reading: Reading) -> list[Batch]:
    """Group files into what is entered together: the journals of a run, or one table.

    Raises
    ------
    UsageError
        If several runs would get one name.
    LedgerError
        If there is nothing in the files.
    """
    tables = [
        Batch([source], partial(_load_table, run=reading.run))
        for source in sources
        if source.is_table
    ]
    journals: dict[str | None, list[SourceFile]] = {}
    for source in sources:
        if not source.is_table and source.size_bytes:
            journals.setdefault(source.run, []).append(source)
    # A file that lost its header is told of with the run that it lies beside.
    headless = journals.pop(None, [])
    for source in headless:
        beside = {
            name
            for name, files in journals.items()
            if len(journals) == 1 or any(f.path.parent == source.path.parent for f in files)
        }
        journals.setdefault(beside.pop() if len(beside) == 1 else None, []).append(source)
    if reading.run is not None and len(tables) + len(journals) > 1:
        raise UsageError(
            f"Several runs cannot all be named {reading.run!r}.", "Name the files of one run."
        )
    if not tables and not journals:
        raise LedgerError("The files are empty.", "Name journals, or tables of activities.")
    load = partial(_load_journals, reading=reading)
    return [*(Batch(files, load) for files in journals.values()), *tables]


def _load_journals(sources: list[SourceFile], *, reading: Reading) -> list[Entry]:
    journal = read_journal(
        *(source.path for source in sources),
        catalogue=reading.catalogue,
        view=reading.view,
        idle_policy=reading.idle_policy,
    )
    inputs = tuple(InputFile(source.name, source.sha256) for source in sources)
    return [make_entry(replace(journal, inputs=inputs))]


def _load_table(sources: list[SourceFile], *, run: str | None) -> list[Entry]:
    source = sources[0]
    file = InputFile(source.name, source.sha256)
    return [
        make_entry(found.journal, found.silos, found.home)
        for found in read_activity_table(source.path, file, run=run)
    ]


def make_entry(journal: Journal, silos: list[Any] | None = None, home: str | None = None) -> Entry:
    """Check a journal, and the silos of its activities and of itself if a table names them."""
    check_text(journal.run.name, "run")
    columns = check_columns(journal)
    if silos is not None:
        known = {
            silo: None if silo is None or silo != silo or silo == "" else check_text(silo, "silo")
            for silo in set(silos)
        }
        columns["silo"] = [known[silo] for silo in silos]
    return Entry(RunState.of(journal), columns, None if home is None else check_text(home, "silo"))


def digest_of(entry: Entry) -> str:
    """Hash of a run that is no file."""
    digest = hashlib.sha256(entry.state.to_json().encode())
    for name, column in entry.columns.items():
        digest.update(name.encode())
        if name in NUMBERS or name in ("round", "month"):
            digest.update(np.array(column, dtype=np.float64).tobytes())
        else:
            digest.update("\0".join(word or "" for word in column).encode())
    return digest.hexdigest()
