"""Folders of silos that a company names: found, checked, and their declarations read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from footprint.errors import ManifestError
from footprint.management.advisor.needs import Needs, SiloFolder
from footprint.management.declaration import NAME, Silo, read_silo
from footprint.model import Finding

MOST_BYTES = 8 * 1024 * 1024
"""Size of a declaration beyond which it is no text that people wrote."""


@dataclass(frozen=True, slots=True)
class DeclaredSilo:
    """A silo with the very bytes that declare it."""

    silo: Silo
    text: bytes


def read_folder(table: SiloFolder, needs: Needs, *, outside: bool) -> DeclaredSilo:
    """Read the declaration of a silo that a company names.

    Parameters
    ----------
    table : SiloFolder
    needs : Needs
        Folders are relative to its file.
    outside : bool
        Whether the folder may lie elsewhere than below that file.

    Raises
    ------
    ManifestError
        If it lies outside, cannot be read, or is that of another silo.
    """
    path = _locate(table, needs, outside=outside)
    try:
        text = _require_text(path).read_bytes()
    except OSError as error:
        raise ManifestError(
            f"{path} cannot be read: {error.strerror or error}.", _remedy(error, path, table, needs)
        ) from error
    silo = read_silo(path)
    if silo.name != table.name:
        raise ManifestError(
            f"{path} says that it is {silo.name!r}, and {needs.origin} that it is {table.name!r}.",
            "Correct one of them.",
        )
    return DeclaredSilo(silo, text)


def _remedy(error: OSError, path: Path, table: SiloFolder, needs: Needs) -> str:
    if not isinstance(error, FileNotFoundError):
        return "A silo is a folder with a file silo.toml, which this user may read."
    if path.parent.is_dir():
        return f"Write a {path.name} there that declares what the silo has."
    return f"There is no folder {table.folder!r}: correct it in {needs.origin}, or make it."


def publish_findings(needs: Needs, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Name files in findings as the manifest does: nobody else needs to know this machine."""
    names = {}
    for folder in (needs.folder, needs.folder.resolve()):
        names[str(folder)] = ""
        for table in needs.silos:
            path = folder / (table.folder or "")
            path = path.parent if path.suffix == ".toml" else path
            for one in (path, path.resolve()):
                if not one.is_relative_to(folder):
                    names[str(one)] = f"{one.name}/"
    names.pop(".", None)
    if not names:
        return tuple(findings)
    longest = sorted(names, key=lambda name: (-len(name), name))
    pattern = re.compile(rf"(?<![\w./-])({'|'.join(map(re.escape, longest))})/")

    def publish(text: str) -> str:
        return pattern.sub(lambda found: names[found[1]], text)

    return tuple(
        replace(one, message=publish(one.message), remedy=publish(one.remedy)) for one in findings
    )


def _locate(table: SiloFolder, needs: Needs, *, outside: bool) -> Path:
    place = f"{needs.origin}, silo {table.name!r}"
    try:
        path = needs.folder / (table.folder or "")
        if path.suffix != ".toml":
            path = path / NAME
        # A link leads where it leads.
        inside = path.resolve().is_relative_to(needs.folder.resolve())
    except (OSError, ValueError, RuntimeError) as error:
        raise ManifestError(
            f"{place}: {table.folder!r} is no name of a folder.", "Correct it."
        ) from error
    if not inside and not outside:
        raise ManifestError(
            f"{place}: the folder {table.folder!r} lies outside of that of the manifest.",
            "Move it there, or allow it with --allow-outside if you trust the manifest.",
        )
    return path


def _require_text(path: Path) -> Path:
    size = path.stat().st_size
    if not path.is_file():  # a pipe gives its text once, or never
        raise ManifestError(f"{path} is no plain file.", "Write the declaration into a file.")
    if size > MOST_BYTES:
        raise ManifestError(
            f"{path} has {size:,} bytes; a declaration has at most {MOST_BYTES:,}.",
            "Declare whole datasets, not their files.",
        )
    return path
