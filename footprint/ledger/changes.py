"""The log of changes: what was done to a ledger, when, why and by whom."""

from __future__ import annotations

import time
from dataclasses import dataclass

from sqlalchemy import Connection, insert

from footprint._version import __version__
from footprint.ledger.columns import check_text
from footprint.ledger.schema import changes
from footprint.model.kinds import Vocabulary


class Cause(Vocabulary):
    """Why a value that was published is another now (GHG Protocol, base year recalculation)."""

    FACTOR = "factor"
    """A factor that went into it was updated."""
    METHOD = "method"
    """It is reckoned in another way."""
    ERROR = "error"
    """It was wrong."""
    STRUCTURE = "structure"
    """What belongs to the organisation changed."""


@dataclass(frozen=True, slots=True)
class Note:
    """Why something is changed, and by whom, as far as anybody says.

    Attributes
    ----------
    cause : Cause or None
        None for what only adds.
    reason, author : str
        Empty if nobody said.
    """

    cause: Cause | None = None
    reason: str = ""
    author: str = ""


def add_change(connection: Connection, kind: str, note: Note, correction: str | None = None) -> int:
    """Enter a change into the log; gives its number."""
    result = connection.execute(
        insert(changes).values(
            made_s=time.time(),
            kind=kind,
            cause=None if note.cause is None else str(note.cause),
            reason=check_text(note.reason, "reason") or None,
            author=check_text(note.author, "author") or None,
            release=__version__,
            correction=correction,
        )
    )
    key = result.inserted_primary_key
    assert key is not None
    return int(key[0])
