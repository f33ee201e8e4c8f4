"""YAML text in which every text is data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from footprint.errors import MissingExtra

if TYPE_CHECKING:
    import yaml

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
    yaml = _library()
    return str(
        yaml.dump(document, Dumper=_dumper(), sort_keys=False, allow_unicode=True, width=_WIDTH)
    )


def _library() -> Any:
    try:
        import yaml
    except ImportError as error:
        raise MissingExtra.of("audit", "A manifest of the Impact Framework") from error
    return yaml


def _dumper() -> type[yaml.SafeDumper]:
    yaml = _library()

    class Quoting(yaml.SafeDumper):  # type: ignore[misc]
        """Quotes all texts, and repeats what occurs twice instead of referring to it."""

        def ignore_aliases(self, _data: Any) -> bool:
            return True

    Quoting.add_representer(
        str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')
    )
    return Quoting
