"""Words of a correction that no factor describes: most are slips, some are names of our own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from footprint.errors import FactorNotFound
from footprint.factors import find_zone, load_catalogue
from footprint.model import Finding, Severity


def find_unknowns(values: Mapping[str, Any]) -> Iterator[Finding]:
    """Find zones and devices among new values that the built-in factors do not know.

    A finding and no error: folders of factors and the ``intensity`` of a manifest may know them.
    """
    looks: dict[str, Callable[[str], object]] = {
        "zone": find_zone,
        "device": lambda word: load_catalogue().find_device(word),
    }
    for name, look in looks.items():
        word = values.get(name)
        if word is None:
            continue
        try:
            look(str(word))
        except FactorNotFound as error:
            yield Finding(
                f"{name}-unknown",
                error.message,
                Severity.WARNING,
                f"{error.remedy} If the {name} is one of your own, nothing has to be done.",
                str(word),
            )
