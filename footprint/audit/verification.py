"""Making a statement again from its inputs, and comparing to the last digit."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from footprint.model import Statement

_KEYED = {
    "lines": ("id",),
    "totals": ("name",),
    "register": ("id",),
    "places": ("name",),
    "drivers": ("factor",),
    "findings": ("code", "place"),
    "exclusions": ("what",),
}
_EMITTED = re.compile(r"_g(\.(value|low|high))?$")
_RECIPE = ("reproduce", "declared")
"""What a statement was made with: compared apart from what it says."""
_MAY_DIFFER = (
    "reproduce.tool_version",
    "reproduce.manifest",
    "reproduce.catalogue_",
    "reproduce.environment",
)
"""What another machine or release may have otherwise, if every figure agrees."""
_PINNED = "reproduce.manifest_sha256"


@dataclass(frozen=True, slots=True)
class Deviation:
    """A place where two statements differ.

    Attributes
    ----------
    place : str
        Path into the document, such as ``"totals[location].emissions_g.value"``.
    stated, found : object
        What the statement says, and what came out; None for what is missing.
    """

    place: str
    stated: Any
    found: Any

    @property
    def by(self) -> float | None:
        """How far the two are apart, relative to what was stated; None unless both are numbers."""
        numbers = [
            float(one)
            for one in (self.stated, self.found)
            if isinstance(one, (int, float)) and not isinstance(one, bool)
        ]
        if len(numbers) < 2:
            return None
        stated, found = numbers
        return (found - stated) / abs(stated) if stated else found - stated

    def __str__(self) -> str:
        by = self.by
        apart = "" if by is None else f" ({by:+.3g} of it)" if self.stated else f" ({by:+.3g})"
        stated, found = _shown(self.stated), _shown(self.found)
        return f"{self.place}: stated {stated}, found {found}{apart}"


def _shown(value: Any) -> str:
    """Give a value to people; what has parts by what it says or is called."""
    if value is None:
        return "nothing"
    if is_dataclass(value):
        names = ("message", "id", "name", "what", "factor")
        return next((str(getattr(value, one)) for one in names if hasattr(value, one)), "another")
    return repr(value)


@dataclass(frozen=True, slots=True)
class Verification:
    """What came of making a statement again.

    Attributes
    ----------
    deviations : tuple of Deviation
        In what it says, totals first, then by size; empty if every digit agrees.
    recipe : tuple of Deviation
        In what it was made with: versions, inputs, manifest.
    compared, listed : int
        Values that were compared, of what it says and of what it was made with.
    """

    deviations: tuple[Deviation, ...]
    recipe: tuple[Deviation, ...]
    compared: int
    listed: int

    @property
    def unpinned(self) -> tuple[Deviation, ...]:
        """Where it was made from another manifest, other inputs, or other draws."""
        return tuple(
            one
            for one in self.recipe
            if one.place == _PINNED or not one.place.startswith(_MAY_DIFFER)
        )

    @property
    def reproduced(self) -> bool:
        """Whether every figure and every word came out the same, from the same inputs."""
        return not self.deviations and not self.unpinned


def verify(statement: Statement, again: Statement) -> Verification:
    """Compare a statement with the one that its inputs give now.

    Parameters
    ----------
    statement : Statement
        The published one.
    again : Statement
        Made with `footprint.audit.state` from the manifest and its inputs.
    """
    said: list[Deviation] = []
    recipe: list[Deviation] = []
    compared, listed = 0, 0
    for field in fields(Statement):
        one, other = getattr(statement, field.name), getattr(again, field.name)
        for place, stated, found in _pairs(field.name, one, other):
            is_recipe = field.name in _RECIPE
            compared, listed = compared + (not is_recipe), listed + is_recipe
            if stated != found:
                (recipe if is_recipe else said).append(Deviation(place, stated, found))
    return Verification(tuple(sorted(said, key=_rank)), tuple(recipe), compared, listed)


def _rank(one: Deviation) -> tuple[int, float]:
    """Order for people: totals, figures of emissions by size, other numbers by size, the rest."""
    values = [x for x in (one.stated, one.found) if isinstance(x, (int, float))]
    size = abs(values[-1] - values[0]) if len(values) > 1 else 0.0
    if one.place.startswith("totals"):
        return 0, -size
    if _EMITTED.search(one.place):
        return 1, -size
    return (2 if size else 3), -size


def _pairs(place: str, one: Any, other: Any) -> Iterator[tuple[str, Any, Any]]:
    """Walk through two values at once, down to what has no parts."""
    if is_dataclass(one) and is_dataclass(other) and type(one) is type(other):
        for field in fields(one):
            step = f"{place}.{field.name}"
            yield from _pairs(step, getattr(one, field.name), getattr(other, field.name))
    elif isinstance(one, tuple) and isinstance(other, tuple):
        left, right = _by_key(place, one), _by_key(place, other)
        for key in dict.fromkeys((*left, *right)):
            yield from _pairs(f"{place}[{key}]", left.get(key), right.get(key))
    else:
        yield place, one, other


def _by_key(place: str, values: Sequence[Any]) -> Mapping[Any, Any]:
    """Members by their name where they have one: a line more does not shift the others.

    A name that is there twice is two members, so that none hides the other.
    """
    if place not in _KEYED and place != "declared":
        return dict(enumerate(values))
    found: dict[Any, Any] = {}
    for value in values:
        name = _name(place, value)
        key, number = name, 2
        while key in found:
            key, number = f"{name} #{number}", number + 1
        found[key] = value[1] if place == "declared" else value
    return found


def _name(place: str, value: Any) -> str:
    if place == "declared":  # pairs of a key of the manifest and what it says
        return str(value[0])
    return " ".join(str(getattr(value, name)) for name in _KEYED[place] if getattr(value, name))
