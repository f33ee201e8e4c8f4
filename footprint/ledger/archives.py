"""Archives of journals, unpacked without trust: nothing leaves the folder that it is put into."""

from __future__ import annotations

import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from footprint.errors import LedgerError

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")
MOST_MEMBERS = 100_000
MOST_BYTES = 16 * 10**9
"""Of all members together, counted as they come out, whatever the archive says."""
_BLOCK = 1 << 20


def unpack(archive: Path, folder: Path, suffix: str) -> None:
    """Write the members with a suffix into a folder; others are passed over.

    Parameters
    ----------
    archive : Path
    folder : Path
        Empty.
    suffix : str

    Raises
    ------
    LedgerError
        If the file is no such archive, a member would lie outside of the folder, is a link
        or a device, stands there twice, or there is too much of it.
    """
    left = MOST_BYTES
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
                        raise LedgerError(
                            f"{archive} holds more than {MOST_BYTES // 10**9} GB.", _SPLIT
                        )
                    file.write(block)
    except FileExistsError as error:
        raise LedgerError(f"{archive} holds a member twice.", _NOTHING) from error
    except (
        tarfile.TarError,
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
    ) as error:
        raise LedgerError(f"{archive} cannot be unpacked: {error}.", _NOTHING) from error
    except OSError as error:
        raise LedgerError(
            f"{archive} cannot be unpacked: {error.strerror or error}.", _NOTHING
        ) from error


_SPLIT = "Split it, or check that it is what it should be. Nothing was entered."
_NOTHING = "Check where it comes from. Nothing was entered."


def _members(archive: Path) -> Iterator[tuple[str, Callable[[], IO[bytes] | None]]]:
    """Give the name of each member, and what opens it; None comes of a folder."""
    if archive.suffix.lower() == ".zip":
        with zipfile.ZipFile(archive) as packed:
            for info in packed.infolist():
                kind = stat.S_IFMT(info.external_attr >> 16)
                if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                    raise _strange(archive, info.filename)
                # Before Python cleans the name of what it deems harmful.
                yield info.orig_filename, partial(_opened, packed, info)
        return
    with tarfile.open(archive) as tape:
        for member in tape:
            if not (member.isfile() or member.isdir()):
                raise _strange(archive, member.name)
            yield member.name, partial(tape.extractfile, member)


def _opened(packed: zipfile.ZipFile, info: zipfile.ZipInfo) -> IO[bytes] | None:
    return None if info.is_dir() else packed.open(info)


def _strange(archive: Path, name: str) -> LedgerError:
    return LedgerError(f"{archive} holds a link or a device: {name!r}.", _NOTHING)


def _checked(archive: Path, name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    parts = name.replace("\\", "/").split("/")
    drive = len(parts[0]) == 2 and parts[0].endswith(":")
    if path.is_absolute() or ".." in parts or drive or "\\" in name or "\0" in name:
        raise LedgerError(f"{archive} holds a path that leads out of it: {name!r}.", _NOTHING)
    return path
