"""A SQLite ledger for readers: never made, never written, readable without leave to write."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from footprint.errors import LedgerError

_BESIDE = ("-wal", "-journal")
"""What a database leaves beside itself: changes that are not yet in it, or not yet out of it."""
_NOT_HERE = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)


@dataclass(slots=True)
class ReadOnlyFile:
    """The file of a SQLite ledger, opened for reading alone.

    In WAL mode SQLite keeps files of its own beside the database, even for readers. Whoever may
    write there lets it: the files go when the last one closes. For anybody else, files that are
    theirs would keep those who write from it, or cannot be made at all (a medium that is
    read-only). So if no process has the ledger open, they take the file as it is
    (``immutable``), and `unchanged` sees to it that it stays so: SQLite would not notice.

    Attributes
    ----------
    path : Path
    taken_as_is : bool
        Whether a connection took the file as it is.
    """

    path: Path
    taken_as_is: bool = field(default=False, init=False)

    def connect(self) -> sqlite3.Connection:
        """Open a connection that makes no file and changes nothing.

        Raises
        ------
        sqlite3.Error
            If the file cannot be opened.
        LedgerError
            If changes lie beside the file that cannot be read where it is.
        """
        if _may_write(self.path) and _may_write(self.path.absolute().parent):
            connection = self._open("mode=rw")
            connection.execute("PRAGMA query_only = ON")
            return connection
        beside = [self.path.with_name(self.path.name + suffix) for suffix in _BESIDE]
        left = [one for one in beside if one.exists() and one.stat().st_size]
        if not left:
            found = self._open("mode=ro&immutable=1")
            self.taken_as_is = True
            return found
        try:
            return self._open("mode=ro")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in _NOT_HERE:
                raise
            raise LedgerError(
                f"The ledger {self.path} has changes in {left[0].name} that cannot be read in a "
                "folder that may not be written.",
                "Copy both into a folder of your own, or let somebody who may write open it: "
                "footprint ledger init",
            ) from error

    def _open(self, options: str) -> sqlite3.Connection:
        address = f"file:{quote(str(self.path.absolute()))}?{options}"
        connection = sqlite3.connect(address, uri=True, check_same_thread=False)
        try:
            connection.execute("PRAGMA schema_version")  # reads the file, so that it must be there
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Refuse what was read while another process wrote.

        Raises
        ------
        LedgerError
            If the file was taken as it is, and is another now.
        """
        before = self._mark()
        yield
        if self.taken_as_is and self._mark() != before:
            raise LedgerError(
                f"The ledger {self.path} was written while it was read.", "Read it again."
            )

    def _mark(self) -> tuple[int, int, bool]:
        found = self.path.stat()
        beside = self.path.with_name(self.path.name + _BESIDE[0])
        return found.st_mtime_ns, found.st_size, beside.exists() and beside.stat().st_size > 0


def _may_write(path: Path) -> bool:
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)
