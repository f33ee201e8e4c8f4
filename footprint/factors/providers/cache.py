"""Answers of live sources on disk.

An entry holds what was asked and answered, when, and whether it can still change. It never holds
a key: requests are written down without theirs. An entry that cannot be read, or whose body is not
the one that was stored, counts as absent and is fetched again.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from footprint.errors import DataError

_FORMAT = "footprint-intensity-answer/1"


@dataclass(frozen=True, slots=True)
class Entry:
    """A stored answer.

    Attributes
    ----------
    body : str
    fetched_s : float
        Unix time [s].
    final : bool
        Whether what it says is settled.
    """

    body: str
    fetched_s: float
    final: bool


def default_folder(environment: Mapping[str, str]) -> Path:
    """Find the folder for caches of this package, after the XDG base directories."""
    base = environment.get("XDG_CACHE_HOME", "")
    # The specification says that relative paths are to be ignored.
    root = Path(base) if Path(base).is_absolute() else Path.home() / ".cache"
    return root / "footprint" / "intensity"


@dataclass(frozen=True, slots=True)
class Cache:
    """A folder of answers, one file each.

    Parameters
    ----------
    folder : Path
        Made when something is stored.
    """

    folder: Path

    def path(self, source: str, request: str) -> Path:
        """File of the answer to a request, which holds no key."""
        digest = hashlib.sha256(f"{source}\n{request}".encode()).hexdigest()
        return self.folder / source / f"{digest[:40]}.json"

    def load(self, source: str, request: str) -> Entry | None:
        """Read an answer; None if there is none that can be trusted."""
        try:
            stored = json.loads(self.path(source, request).read_text("utf-8"))
            body, fetched_s, final = stored["body"], stored["fetched_s"], stored["final"]
            if (
                stored["format"] == _FORMAT
                and stored["request"] == request
                and isinstance(final, bool)
                and stored["sha256"] == _digest(body)
            ):
                return Entry(body, float(fetched_s), final)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None  # absent or corrupted: either way it is fetched again
        return None

    def store(self, source: str, request: str, kind: str, entry: Entry) -> None:
        """Write an answer, whole or not at all.

        Parameters
        ----------
        source, request : str
        kind : str
            What it is: history, forecast.
        entry : Entry

        Raises
        ------
        DataError
            If the folder cannot be written.
        """
        path = self.path(source, request)
        document = {
            "format": _FORMAT,
            "source": source,
            "kind": kind,
            "request": request,
            "fetched_s": entry.fetched_s,
            "final": entry.final,
            "sha256": _digest(entry.body),
            "body": entry.body,
        }
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    json.dump(document, file, ensure_ascii=False)
                Path(name).replace(path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise DataError(
                f"The cache {str(self.folder)!r} cannot be written: {error.strerror or error}.",
                "Give another folder (--cache), or none (--no-cache).",
            ) from error


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()
