"""Where output goes: results to standard output, everything else to standard error."""

from __future__ import annotations

import json
from typing import Any

import typer


def say(text: str) -> None:
    """Tell a person something that is not the result."""
    typer.echo(text, err=True)


def print_json(value: Any) -> None:
    """Print a result as JSON."""
    typer.echo(json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False))


def print_text(text: str) -> None:
    """Print a result as it is."""
    typer.echo(text, nl=not text.endswith("\n"))
