"""Results as JSON files: assessments, comparisons, evaluations, statements, plans and the like.

A document is the result itself with a format name and a format version in front.
Reading one back gives an equal result, to the last digit.
"""

from __future__ import annotations

import functools
import hashlib
import json
from pathlib import Path
from typing import Any

import pydantic

from footprint.consistency import Estimate as Estimate
from footprint.consistency import Result as Result
from footprint.consistency import require_consistent
from footprint.errors import DocumentError, UsageError
from footprint.model import (
    AdvicePlan,
    Assessment,
    Comparison,
    Evaluation,
    InputFile,
    MethodStudy,
    Ranking,
    Statement,
)

FORMAT_VERSION = 1
_FORMATS: dict[str, type[Any]] = {
    "footprint-assessment": Assessment,
    "footprint-comparison": Comparison,
    "footprint-ranking": Ranking,
    "footprint-evaluation": Evaluation,
    "footprint-study": MethodStudy,
    "footprint-statement": Statement,
    "footprint-advice": AdvicePlan,
}


@functools.cache
def _adapter(name: str) -> pydantic.TypeAdapter[Any]:
    return pydantic.TypeAdapter(_FORMATS[name])


def to_json(result: Result, *, compact: bool = False) -> str:
    """Write a result as JSON text, the same for equal results.

    Parameters
    ----------
    result : Assessment, Comparison, Ranking, Evaluation, MethodStudy, Statement or AdvicePlan
    compact : bool
        Without spaces, for machines alone.
    """
    name = next(name for name, kind in _FORMATS.items() if isinstance(result, kind))
    body = _adapter(name).dump_python(result, mode="json")
    document = {"format": name, "format_version": FORMAT_VERSION, **body}
    layout: dict[str, Any] = {"separators": (",", ":")} if compact else {"indent": 1}
    return json.dumps(document, ensure_ascii=False, allow_nan=False, **layout) + "\n"


def from_json(text: str, *, name: str = "the document") -> Result:
    """Read a result back.

    Parameters
    ----------
    text : str
    name : str
        How to call the document in an error.

    Raises
    ------
    DocumentError
        If the text is not JSON, is no document of ours, has another version, or
        its numbers do not add up.
    """
    try:
        document = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise DocumentError(
            f"{name} is not JSON: {error}.", "Name a result, as .json or .html."
        ) from error
    found = document.get("format") if isinstance(document, dict) else None
    if not isinstance(found, str) or found not in _FORMATS:
        raise DocumentError(
            f"{name} has the format {found!r}; expected one of {', '.join(_FORMATS)}.",
            "Make one with `footprint estimate`, `compare`, `simulate`, `methods`, `audit` or "
            "`manage advise`.",
        )
    version = document.pop("format_version", None)
    if version != FORMAT_VERSION:
        raise DocumentError(
            f"{name} has the format version {version!r}; this release reads {FORMAT_VERSION}.",
            "Estimate again from the journal, or use the release that wrote it.",
        )
    document.pop("format")
    try:
        result: Result = _adapter(found).validate_python(document)
    except UsageError as error:
        raise DocumentError(f"{name}: {error.message}") from error
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise DocumentError(f"{name}, {place}: {first['msg']}.") from error
    require_consistent(result, name)
    return result


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON number")


def schema(format_name: str) -> dict[str, Any]:
    """JSON schema of a document.

    Parameters
    ----------
    format_name : str
        ``'footprint-assessment'``, ``'footprint-comparison'``, ``'footprint-ranking'``,
        ``'footprint-evaluation'``, ``'footprint-study'``, ``'footprint-statement'`` or
        ``'footprint-advice'``.
    """
    body = _adapter(format_name).json_schema()
    body["properties"] = {
        "format": {"const": format_name},
        "format_version": {"const": FORMAT_VERSION},
        **body["properties"],
    }
    body["required"] = ["format", "format_version", *body["required"]]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **body}


def input_file(path: Path) -> InputFile:
    """Pin a file down by its name and content.

    Raises
    ------
    DocumentError
        If it cannot be read.
    """
    try:
        return InputFile(path.name, hashlib.sha256(path.read_bytes()).hexdigest())
    except OSError as error:
        raise DocumentError(f"{path} cannot be read: {error.strerror}.", "Check it.") from error


def write_document(result: Result, path: Path | str) -> Path:
    """Write a result to a file, whole or not at all.

    Raises
    ------
    DocumentError
        If the file cannot be written.
    """
    return write_text(Path(path), to_json(result))


def write_text(path: Path, text: str) -> Path:
    """Write a file whole or not at all; links are followed.

    Raises
    ------
    DocumentError
        If the file cannot be written.
    """
    target = path.resolve()
    part = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists() and not target.is_file():
            # A pipe or a device cannot be replaced, a folder says why itself.
            target.write_text(text, encoding="utf-8", newline="\n")
            return path
        part.write_text(text, encoding="utf-8", newline="\n")
        part.replace(target)
    except OSError as error:
        if part.is_file():
            part.unlink()
        raise DocumentError(
            f"{path} cannot be written: {error.strerror}.", "Name a file that you may write."
        ) from error
    return path


def read_document(path: Path | str) -> Result:
    """Read a result from a file.

    Raises
    ------
    DocumentError
        If the file cannot be read, or `from_json` refuses it.
    """
    return from_json(read_text(Path(path)), name=str(path))


def read_text(path: Path) -> str:
    """Read a file of UTF-8 text.

    Raises
    ------
    DocumentError
        If it cannot be read, or is something else.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        # A pipe gives its text once, or keeps its reader waiting for ever.
        raise DocumentError(f"{path} is no plain file.", "Write the result into a file.")
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise DocumentError(
            f"{path} cannot be read: {error.strerror}.",
            "Name a result that `footprint estimate -o` or `footprint compare -o` wrote.",
        ) from error
    except UnicodeDecodeError as error:
        raise DocumentError(
            f"{path} is not UTF-8 text.", "Name a result, as .json or .html."
        ) from error
