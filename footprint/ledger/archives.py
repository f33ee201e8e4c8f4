"""Archives of journals, unpacked without trust: nothing leaves the folder that it is put into."""

from __future__ import annotations

import gzip
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from io import BufferedReader, FileIO
from pathlib import Path, PurePosixPath
from typing import IO

from footprint.errors import LedgerError

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")
MOST_MEMBERS = 100_000
MOST_BYTES = 16 * 10**9
"""Of all members together, counted as they come out, whatever the archive says."""
_MOST_HEADER_BYTES = 1 << 20
"""Between two members of a tape: their headers are held in memory, names and all."""
_MOST_DIRECTORY_BYTES = 32 << 20
"""Of a zip archive, which is held in memory whole: 335 bytes for each of the members allowed,
of which 46 and the name are needed."""
_BLOCK = 1 << 20
_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_GZIP = b"\x1f\x8b"


def unpack(archive: Path, folder: Path, suffix: str) -> int:
    """Write the members with a suffix into a folder; others are passed over.

    Parameters
    ----------
    archive : Path
    folder : Path
        Empty.
    suffix : str

    Returns
    -------
    int
        How many were written.

    Raises
    ------
    LedgerError
        If the file is no such archive, a member would lie outside of the folder, is a link
        or a device, stands there twice, or there is too much of it.
    """
    left, written = MOST_BYTES, 0
    try:
        for number, (name, content) in enumerate(_members(archive)):
            if number >= MOST_MEMBERS:
                raise LedgerError(f"{archive} has more than {MOST_MEMBERS} members.", _SPLIT)
            target = folder / _checked(archive, name)
            if target.suffix != suffix:
                continue
            stream = content()
            if stream is None:  # a folder
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            with stream, target.open("xb") as file:
                while block := stream.read(_BLOCK):
                    left -= len(block)
                    if left < 0:
                        raise _too_much(archive)
                    file.write(block)
            written += 1
    except FileExistsError as error:
        raise LedgerError(f"{archive} holds a member twice.", _NOTHING) from error
    except (
        tarfile.TarError,
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        ValueError,
        OverflowError,
    ) as error:
        raise LedgerError(f"{archive} cannot be unpacked: {error}.", _NOTHING) from error
    except OSError as error:
        raise LedgerError(
            f"{archive} cannot be unpacked: {error.strerror or error}.", _NOTHING
        ) from error
    return written


_SPLIT = "Split it, or check that it is what it should be. Nothing was entered."
_NOTHING = "Check where it comes from. Nothing was entered."


def _members(archive: Path) -> Iterator[tuple[str, Callable[[], IO[bytes] | None]]]:
    """Give the name of each member, and what opens it; None comes of a folder."""
    if archive.suffix.lower() == ".zip":
        with _Limited(FileIO(archive)) as limited, zipfile.ZipFile(limited) as packed:
            for info in packed.infolist():
                kind = stat.S_IFMT(info.external_attr >> 16)
                if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                    raise _strange(archive, info.filename)
                if info.compress_type not in _PACKINGS:
                    raise LedgerError(
                        f"{archive} is packed in another way than most.",
                        "Pack it with zip as usual (deflate), or as .tar.gz.",
                    )
                # Before Python cleans the name of what it deems harmful.
                yield info.orig_filename, partial(_opened, packed, info)
        return
    with archive.open("rb") as file:
        is_packed = file.read(len(_GZIP)) == _GZIP
        file.seek(0)
        stream = gzip.GzipFile(fileobj=file) if is_packed else file
        counted = _Counted(archive, stream.read)
        with tarfile.open(fileobj=counted, mode="r|") as tape:  # type: ignore[call-overload]
            while member := tape.next():
                if not (member.isfile() or member.isdir()):
                    raise _strange(archive, member.name)
                counted.header_end = None
                yield member.name, partial(tape.extractfile, member)
                counted.header_end = tape.offset + _MOST_HEADER_BYTES


class _Limited(BufferedReader):
    """A zip archive that gives its directory, which is read at once, only if it is not too long."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Give the next bytes, as `zipfile` asks for them."""
        if size is not None and size > _MOST_DIRECTORY_BYTES:
            raise LedgerError(
                f"The archive has a directory of {size:,} bytes; at most "
                f"{_MOST_DIRECTORY_BYTES:,} are read.",
                _SPLIT,
            )
        return super().read(size)


class _Counted:
    """What comes out of a packed tape, refused once it is too much.

    Attributes
    ----------
    header_end : int or None
        Where the headers of a member have to be over; None while its content is read.
    """

    def __init__(self, archive: Path, read: Callable[[int], bytes]) -> None:
        self._archive = archive
        self._read = read
        self._done = 0
        self.header_end: int | None = _MOST_HEADER_BYTES

    def read(self, size: int) -> bytes:
        """Give the next bytes, as `tarfile` asks for them."""
        block = self._read(size)
        self._done += len(block)
        if self._done > MOST_BYTES:
            raise _too_much(self._archive)
        if self.header_end is not None and self._done > self.header_end + size:
            raise LedgerError(f"{self._archive} has a header without end.", _NOTHING)
        return block


def _too_much(archive: Path) -> LedgerError:
    return LedgerError(f"{archive} holds more than {MOST_BYTES // 10**9} GB.", _SPLIT)


def _opened(packed: zipfile.ZipFile, info: zipfile.ZipInfo) -> IO[bytes] | None:
    return None if info.is_dir() else packed.open(info)


def _strange(archive: Path, name: str) -> LedgerError:
    return LedgerError(f"{archive} holds a link or a device: {name!r}.", _NOTHING)


def _checked(archive: Path, name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    parts = name.replace("\\", "/").split("/")
    drive = re.match("[A-Za-z]:", name)
    if path.is_absolute() or ".." in parts or drive or "\\" in name or "\0" in name:
        raise LedgerError(f"{archive} holds a path that leads out of it: {name!r}.", _NOTHING)
    return path
