"""TOML files that people write: reading them, and saying what is wrong in them and where."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from footprint.errors import DataError
from footprint.model import manifest_key

if TYPE_CHECKING:
    import pydantic


def read_toml(path: Path, error: type[DataError]) -> dict[str, Any]:
    """Read the tables of a file, unchecked.

    Parameters
    ----------
    path : Path
    error : type of DataError
        What is raised if it cannot be read, or is not TOML.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")  # some editors write a mark in front
    except UnicodeDecodeError as fault:
        why = f"{fault.reason} at byte {fault.start:,}"
        raise error(f"{path} is not UTF-8: {why}.", "Save it as UTF-8.") from fault
    except OSError as fault:
        raise error(f"{path} cannot be read: {fault}.", "Name a TOML file.") from fault
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise error(f"{path} is not TOML: {fault}.", "See https://toml.io.") from fault


def merge_tables(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Put tables on top of others: tables are merged, everything else is replaced."""
    merged = dict(base)
    for key, value in over.items():
        if isinstance(value, Mapping) and isinstance(merged.get(key), Mapping):
            merged[key] = merge_tables(merged[key], value)
        else:
            merged[key] = value
    return merged


def flatten(
    table: Mapping[str, Any], leave_out: Collection[str] = (), prefix: str = ""
) -> Iterator[tuple[str, str]]:
    """Give every key with its value as a person wrote it; lists of tables go by name."""
    for key, value in table.items():
        path = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from flatten(value, leave_out, f"{path}.")
        elif isinstance(value, list) and all(isinstance(one, Mapping) for one in value):
            for number, one in enumerate(value, start=1):
                yield from flatten(one, leave_out, f"{path}.{one.get('name', number)}.")
        elif path not in leave_out:
            yield path, str(value).lower() if isinstance(value, bool) else str(value)


def written_keys(table: type[Any]) -> set[str]:
    """Keys under which the fields of a dataclass stand in a file."""
    key = _key_of(table)
    return {key(field.name) for field in fields(table)}


def _key_of(table: Any) -> Callable[[str], str]:
    """Say how the fields of a dataclass are written in a file, as pydantic reads them."""
    config: Mapping[str, Any] = getattr(table, "__pydantic_config__", {})
    found: Callable[[str], str] = config.get("alias_generator", manifest_key)
    return found


def explain(
    place: Path | str, error: pydantic.ValidationError, table: type[Any], top: Collection[str]
) -> tuple[str, str]:
    """Say where in a file, what was found, and what is accepted.

    Parameters
    ----------
    place : Path or str
        The file, for the message.
    error : pydantic.ValidationError
        Of validating its tables as `table`.
    table : type
        Dataclass of the whole file.
    top : collection of str
        Keys that people may write at its top.

    Returns
    -------
    message, remedy : str
    """
    first = _telling(error)
    steps = _steps(first)
    where = f"{place}, {key_path(steps)}" if steps else str(place)
    known = sorted(_keys_at(table, steps[:-1]) if steps[1:] else top)
    match first["type"]:
        case "missing":
            return f"{where}: this key is missing.", "Add it."
        case "unexpected_keyword_argument" | "extra_forbidden":
            near = difflib.get_close_matches(str(steps[-1]), known, 1)
            hint = f"Did you mean {near[0]!r}? " if near else ""
            return f"{where}: this key is unknown.", f"{hint}Known here: {', '.join(known)}."
        case "value_error":
            why = str(first["ctx"]["error"])
            return f"{where}: {why}.", EXAMPLE if "quantity" in why else ""
        case "tuple_type":
            written = f"Write [[{key_path(steps)}]]."
            found = "a table" if isinstance(first["input"], dict) else repr(first["input"])
            return f"{where}: found {found}, expected a list of tables.", written
        case "string_type":
            return f"{where}: found {first['input']!r}, expected text.", "Write it in quotes."
        case "enum":
            expected = first["ctx"]["expected"]
            return f"{where}: found {first['input']!r}, expected one of {expected}.", ""
    found = "a table" if isinstance(first["input"], dict) else repr(first["input"])
    return f"{where}: found {found}; {first['msg']}.", ""


EXAMPLE = "Write quantities as text with a unit, such as '250 W', '44 MB', '20 Mbps', '1.5 h'."


def missing_keys(error: pydantic.ValidationError) -> tuple[str, ...]:
    """Keys that a file lacks, if that is all that is wrong with it."""
    if _telling(error)["type"] != "missing":
        return ()
    found = [one for one in error.errors() if one["type"] == "missing"]
    return tuple(key_path(_steps(one)) for one in found)


def telling_steps(error: pydantic.ValidationError) -> list[str | int]:
    """Path into the tables of what `explain` speaks of."""
    return _steps(_telling(error))


# Of a value that may be missing each alternative reports: the one that read it counts.
# A key that is not known may be the one that is missing, misspelt.
_ORDER = {"unexpected_keyword_argument": 0, "extra_forbidden": 0, "missing": 2, "none_required": 3}


def _telling(error: pydantic.ValidationError) -> Any:
    return min(error.errors(), key=lambda one: _ORDER.get(one["type"], 1))


def _steps(one: Any) -> list[str | int]:
    return [step for step in one["loc"] if isinstance(step, int) or "[" not in step]


def key_path(steps: Iterable[str | int]) -> str:
    """Write a path into tables as people count: ``"clients[1].power"``."""
    text = ""
    for step in steps:
        text += f"[{step + 1}]" if isinstance(step, int) else f".{step}" * bool(text) or str(step)
    return text


def _keys_at(table: type[Any], steps: Sequence[str | int]) -> set[str]:
    """Known keys of the table at a path."""
    here: Any = table
    for step in steps:
        here = _entered(here, step)
    return written_keys(here) if isinstance(here, type) and is_dataclass(here) else set()


def _entered(here: Any, step: str | int) -> Any:
    """Type that lies at one step of a path below a type."""
    if not is_dataclass(here):
        # Of tuple[X, ...] and Mapping[str, X] it is X.
        inner = [one for one in get_args(here) if one is not ...]
        return _plain(inner[-1]) if inner else None
    key = _key_of(here)
    hints = {key(name): hint for name, hint in get_type_hints(here).items()}
    return _plain(hints.get(str(step)))


def _plain(hint: Any) -> Any:
    """Type without the None beside it."""
    inner = [one for one in get_args(hint) if one is not type(None)]
    return inner[0] if type(None) in get_args(hint) and len(inner) == 1 else hint
