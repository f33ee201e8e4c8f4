"""YAML text in which every text is data."""

from __future__ import annotations

from typing import Any

from footprint.errors import MissingExtra

_WIDTH = 1_000_000
"""Characters of a line: never fold one."""


def write_yaml(document: dict[str, Any]) -> str:
    """Write a document of plain values as YAML.

    Every text is quoted and escaped: readers of YAML 1.1 and 1.2 disagree about which plain
    words are numbers, dates or truth values, and names may be any of them.

    Raises
    ------
    MissingExtra
        If PyYAML is not installed.
    """
    try:
        import yaml
    except ImportError as error:
        raise MissingExtra.of("audit", "A manifest of the Impact Framework") from error
    dumper = _quoting(yaml.SafeDumper)
    return str(
        yaml.dump(document, Dumper=dumper, sort_keys=False, allow_unicode=True, width=_WIDTH)
    )


def _quoting(base: type[Any]) -> Any:
    """Make a dumper that quotes all texts, and repeats what occurs twice."""
    dumper: Any = type("Quoting", (base,), {"ignore_aliases": lambda _dumper, _data: True})
    dumper.add_representer(str, _quote)
    return dumper


def _quote(dumper: Any, text: str) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')
