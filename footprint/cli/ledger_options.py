"""Options that the commands of `footprint ledger` share, and how they are read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from footprint.errors import UsageError

if TYPE_CHECKING:
    from footprint.ledger import Note

# Tests hold both to `footprint.ledger`, whose import is heavy.
DEFAULT_URL = "sqlite:///footprint-ledger.db"
CAUSES = "factor, method, error or structure"

Url = Annotated[
    str,
    typer.Option(
        "--url",
        envvar="FOOTPRINT_LEDGER",
        help="sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Where = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        help="KEY=VALUE: run, silo, actor, zone, phase, round, month (202611), ... Repeatable: "
        "values of one key are alternatives. An empty value is what is not known.",
    ),
]
Since = Annotated[str | None, typer.Option(help="First day or moment, in UTC: 2026-01-01.")]
Until = Annotated[str | None, typer.Option(help="Day or moment before which, in UTC.")]
AsOf = Annotated[
    int | None, typer.Option(help="Number of a change: the ledger as it was after it.")
]
Reason = Annotated[str, typer.Option(help="Why, in words that an auditor understands.")]
Author = Annotated[str, typer.Option(help="Who; nothing is entered if left out.")]


@contextmanager
def busy(what: str) -> Iterator[None]:
    """Show a person that work goes on; nothing where standard error is no terminal."""
    from rich.console import Console

    with Console(stderr=True).status(f"{what} ..."):
        yield


def note_of(cause: str | None, reason: str, author: str) -> Note:
    """Make the note of a change."""
    from footprint.ledger import Cause, Note

    return Note(None if cause is None else Cause.parse(cause), reason, author)


def pairs_of(options: list[str] | None, name: str) -> dict[str, str]:
    """Read options of the form KEY=VALUE."""
    pairs: dict[str, str] = {}
    for option in options or []:
        key, equals, value = option.partition("=")
        if not equals or not key:
            raise UsageError(f"{name} {option!r} cannot be used.", f"Write {name} KEY=VALUE.")
        if key in pairs:
            raise UsageError(f"{name} is given twice for {key!r}.", "Give it once.")
        pairs[key] = value
    return pairs


def number_of(key: str, text: str) -> float:
    """Read a factor."""
    try:
        return float(text)
    except ValueError:
        raise UsageError(
            f"--scale {key}={text} cannot be used.", "Write a number, such as 1.05."
        ) from None


def where_of(options: list[str] | None, since: str | None, until: str | None) -> dict[str, Any]:
    """Read which activities are meant."""
    chosen: dict[str, Any] = {}
    for option in options or []:
        for key, value in pairs_of([option], "--where").items():
            chosen.setdefault(key, []).append(value or None)
    for name, text in (("since", since), ("until", until)):
        if text is not None:
            chosen[f"{name}_s"] = moment_of(name, text)
    return chosen


def moment_of(name: str, text: str) -> float:
    """Read a day or a moment, in UTC if nothing else is said, as a Unix time [s]."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"--{name} {text!r} is no date.", "Write 2026-01-31 or 2026-01-31T12:00."
        ) from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
