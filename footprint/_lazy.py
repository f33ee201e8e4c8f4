"""Names of a package that are loaded when they are first touched (PEP 562)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from footprint.errors import MissingExtra


def hand_out(
    package: str, homes: Mapping[str, str], extra: str = "", brings: str = ""
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make `__getattr__` and `__dir__` of a package.

    Parameters
    ----------
    package : str
        Its ``__name__``.
    homes : mapping of str to str
        Module below it of each name that it hands out.
    extra, brings : str
        An optional extra that some of these modules need, and the package that it installs.
    """

    def load(name: str) -> Any:
        home = homes.get(name)
        if home is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        try:
            value = getattr(import_module(f"{package}.{home}"), name)
        except ModuleNotFoundError as error:
            if not brings or (error.name or "").partition(".")[0] != brings:
                raise
            raise MissingExtra.of(extra, f"{package}.{name}") from error
        setattr(sys.modules[package], name, value)
        return value

    return load, lambda: sorted(homes)
