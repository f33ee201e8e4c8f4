"""Catalogues of silos, as they were said at one time: documents that only their readers know."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, insert, select, update

from footprint.errors import LedgerError
from footprint.ledger.changes import Cause, Note, add_change
from footprint.ledger.columns import check_text
from footprint.ledger.connections import Ledger
from footprint.ledger.schema import catalogues
from footprint.ledger.states import valid


@dataclass(frozen=True, slots=True)
class CatalogueRecord:
    """What a silo said that it has.

    Attributes
    ----------
    silo : str
    scanned_s : float
        When it was looked through (Unix time [s]).
    sha256 : str
        Of the document.
    document : str
    change : int
        By which it was entered.
    is_new : bool
        Whether it was entered just now.
    """

    silo: str
    scanned_s: float
    sha256: str
    document: str
    change: int
    is_new: bool = False


def record_catalogue(
    ledger: Ledger, silo: str, scanned_s: float, document: str, note: Note | None = None
) -> CatalogueRecord:
    """Enter the catalogue of a silo. The same one twice is one.

    A later scan takes no earlier one's place: each is right for its time. Another catalogue of
    the same scan does, and needs a cause.

    Parameters
    ----------
    ledger : Ledger
    silo : str
    scanned_s : float
        Unix time [s].
    document : str
        What it said, written in one way only: its hash is what it is known by.
    note : Note, optional

    Raises
    ------
    LedgerError
        If the ledger has another catalogue of that scan, and no cause is given.
    """
    note = note or Note()
    check_text(silo, "silo")
    check_text(document, "the catalogue")
    if not math.isfinite(scanned_s):
        raise LedgerError(f"The catalogue of {silo!r} has no time.", "Scan the silo again.")
    digest = hashlib.sha256(document.encode()).hexdigest()
    with ledger.writing() as connection:
        at_once = _select().where(
            catalogues.c.silo == silo,
            catalogues.c.scanned_s == scanned_s,
            catalogues.c.superseded_by.is_(None),
        )
        known = _read(connection, at_once)
        if known and known[0].sha256 == digest:
            return known[0]
        if known and note.cause is None:
            raise LedgerError(
                f"The ledger has another catalogue of {silo!r} from the same scan.",
                f"If it is a correction, give a cause: {', '.join(Cause)}. If it is a later look, "
                "its time was fixed: by `today` of management.toml, unless --today says another.",
            )
        change = add_change(connection, "catalogue", note)
        if known:
            connection.execute(
                update(catalogues)
                .where(catalogues.c.silo == silo, catalogues.c.scanned_s == scanned_s)
                .where(catalogues.c.superseded_by.is_(None))
                .values(superseded_by=change)
            )
        connection.execute(
            insert(catalogues).values(
                silo=silo, scanned_s=scanned_s, sha256=digest, document=document, added_by=change
            )
        )
        return CatalogueRecord(silo, scanned_s, digest, document, change, is_new=True)


def list_catalogues(
    ledger: Ledger, silo: str | None = None, *, as_of: int | None = None
) -> list[CatalogueRecord]:
    """Give the catalogues that count, or those of a silo: by silo, oldest first.

    Parameters
    ----------
    ledger : Ledger
    silo : str, optional
    as_of : int, optional
        Number of a change: the ledger as it was after it.
    """
    statement = _select().where(valid(catalogues, as_of))
    if silo is not None:
        statement = statement.where(catalogues.c.silo == check_text(silo, "silo"))
    with ledger.reading() as connection:
        # Databases sort text in different ways.
        return sorted(_read(connection, statement), key=lambda one: (one.silo, one.scanned_s))


def latest_catalogues(ledger: Ledger, *, as_of: int | None = None) -> dict[str, CatalogueRecord]:
    """Give the catalogue of each silo from its last scan. Parameters as of `list_catalogues`."""
    return {one.silo: one for one in list_catalogues(ledger, as_of=as_of)}


def _select() -> Select[Any]:
    c = catalogues.c
    return select(c.silo, c.scanned_s, c.sha256, c.document, c.added_by)


def _read(connection: Connection, statement: Select[Any]) -> list[CatalogueRecord]:
    return [CatalogueRecord(*row) for row in connection.execute(statement)]
