"""The files that activities come from: found, pinned by their content, kept still while read."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from footprint.errors import JournalError, LedgerError
from footprint.journal.reader import journal_files
from footprint.journal.records import SUFFIX, decode_line
from footprint.ledger.archives import ARCHIVES, unpack
from footprint.ledger.scratch import scratch_folder

TABLES = (".csv", ".parquet")
LARGEST_BYTES = 4 * 10**9
"""Of one file. A larger one is split: what is read is held in memory."""
LONGEST_LINE_BYTES = 64 * 10**6
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file as it was at one moment.

    Attributes
    ----------
    path : Path
        Where it is now; never kept.
    name : str
        Below the folder or archive that was named: no part of it names a machine or a person.
    size_bytes : int
    sha256 : str
    run : str or None
        Run that its header names; None for a table, and for a journal without a header.
    token : str or None
        Of the process that wrote it; the same however long the file grew.
    """

    path: Path
    name: str
    size_bytes: int
    sha256: str
    run: str | None = None
    token: str | None = None

    @property
    def is_table(self) -> bool:
        """Whether it is a table of activities, not a journal."""
        return self.path.suffix in TABLES


@contextmanager
def find_sources(paths: Iterable[Path]) -> Iterator[list[SourceFile]]:
    """Find the files in `paths`; what was in archives is there as long as the block runs.

    Parameters
    ----------
    paths : iterable of Path
        Journals, folders of journals, archives of them, tables of activities.

    Raises
    ------
    JournalError
        If a path does not exist, or holds no journal.
    LedgerError
        If an archive cannot be trusted, or a file is too large.
    """
    with ExitStack() as stack:
        found: dict[str, SourceFile] = {}
        for path in paths:
            folder = path
            if path.name.lower().endswith(ARCHIVES):
                folder = stack.enter_context(scratch_folder())
                if not unpack(path, folder, SUFFIX):
                    raise LedgerError(
                        f"{path.name} holds no journal (no file ending in {SUFFIX}).",
                        "Tables in archives are not read: unpack it, and name them.",
                    )
            for file in journal_files([folder]):
                name = file.relative_to(folder).as_posix() if folder.is_dir() else file.name
                source = _pinned(file, name)
                # Of copies one counts.
                found.setdefault(source.sha256, source)
        yield list(found.values())


@contextmanager
def held_still(sources: Iterable[SourceFile]) -> Iterator[list[SourceFile]]:
    """Copy files, so that nobody writes to them while they are read, and pin the copies."""
    with scratch_folder() as folder:
        copies = []
        for number, source in enumerate(sources):
            # Findings speak of a file by its last name.
            copy = folder / str(number) / Path(source.name).name
            copy.parent.mkdir()
            try:
                shutil.copyfile(source.path, copy)
            except OSError as error:
                raise LedgerError(
                    f"{source.name} cannot be read: {error.strerror}.", "Check the file."
                ) from error
            copies.append(_pinned(copy, source.name))
        yield copies


def begins_with(path: Path, size_bytes: int, sha256: str) -> bool:
    """Whether the first bytes of a file are those of one that was pinned."""
    digest = hashlib.sha256()
    left = size_bytes
    with path.open("rb") as file:
        while left and (block := file.read(min(left, _BLOCK))):
            digest.update(block)
            left -= len(block)
    return not left and digest.hexdigest() == sha256


def ends_line(path: Path, size_bytes: int) -> bool:
    """Whether the first bytes of a file end with a line: with its end, or just before it."""
    with path.open("rb") as file:
        file.seek(max(size_bytes - 1, 0))
        return any(byte in b"\r\n" for byte in file.read(2))


def _pinned(path: Path, name: str) -> SourceFile:
    """Read a file once: its size, its hash, and what its header says."""
    digest, size, line = hashlib.sha256(), 0, 0
    first = b""
    is_table = path.suffix in TABLES
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
                size += len(block)
                if b"\n" not in first:
                    first += block
                head, newline, _ = block.rpartition(b"\n")
                line = len(block) - len(head) if newline else line + len(block)
                _refuse_size(name, size, 0 if is_table else line)
    except OSError as error:
        raise LedgerError(
            f"{name} cannot be read: {error.strerror or error}.", "Check the file."
        ) from error
    if is_table:
        return SourceFile(path, name, size, digest.hexdigest())
    run, token = _header(first.split(b"\n", 1)[0].removeprefix(b"\xef\xbb\xbf"))
    return SourceFile(path, name, size, digest.hexdigest(), run, token)


def _refuse_size(name: str, size: int, line: int) -> None:
    if size > LARGEST_BYTES:
        raise LedgerError(
            f"{name} has more than {LARGEST_BYTES // 10**9} GB.",
            "Split it, or check that it is what it should be.",
        )
    if line > LONGEST_LINE_BYTES:
        raise LedgerError(
            f"{name} has a line of more than {LONGEST_LINE_BYTES // 10**6} MB.",
            "No journal has one; check that it is what it should be.",
        )


def _header(line: bytes) -> tuple[str | None, str | None]:
    """Run and token of a first line; nothing if it is no header, which the reader will say."""
    try:
        record = decode_line(line)
        return str(record["run"]["name"]), str(record["process"]["token"])
    except (JournalError, KeyError, TypeError):
        return None, None
