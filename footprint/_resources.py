"""Where the data that ships with the package lies.

A wheel carries `emission_factors/`, `templates/`, `examples/papers/` and the Flower app of
`examples/` inside the package; an editable install and a checkout have them in the repository.
"""

from __future__ import annotations

from pathlib import Path

from footprint.errors import DataError

_PACKAGE = Path(__file__).resolve().parent


def _locate(name: str) -> Path:
    for folder in (_PACKAGE / "_data" / name, _PACKAGE.parent / name):
        if folder.is_dir():
            return folder
    raise DataError(
        f"The folder {name!r} that belongs to footprint is missing beside {_PACKAGE}.",
        "Reinstall the package.",
    )


def emission_factors() -> Path:
    """Folder of the emission factors."""
    return _locate("emission_factors")


def templates() -> Path:
    """Folder of the report templates."""
    return _locate("templates")


def paper_cases() -> Path:
    """Folder of the paper cases."""
    return _locate("examples/papers")


def flower_app() -> Path:
    """Folder of the Flower app that examples and the demonstration share."""
    return _locate("examples/flower")
