"""What a provider is made with, and what is known of it before it is made."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from footprint.errors import MissingKey, SourceError, UsageError
from footprint.factors.intensity import IntensityProvider
from footprint.factors.providers.exchange import Answer
from footprint.factors.providers.transport import Transport
from footprint.factors.series_rows import Row
from footprint.model import Finding, SignalKind, Source

DAY_S = 86_400

SETTLED_S = 2 * DAY_S
"""Age from which whole blocks of values are kept for good, none estimated [s]; our choice."""

_GIVEN_UP_S = 30 * DAY_S
"""Age from which gaps and estimates are kept, too, where there is any value [s]; our choice."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What whoever asks for a provider may choose.

    Attributes
    ----------
    signal : SignalKind or None
        Which of the kinds that it offers; None for its first.
    url : str or None
        Address in place of its own, such as a mirror.
    files : tuple of Path
        What providers of files read.
    transport : Transport
    environment : mapping of str to str
        Where keys stand.
    """

    signal: SignalKind | None = None
    url: str | None = None
    files: tuple[Path, ...] = ()
    transport: Transport = field(default_factory=Transport)
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    def choose(self, offered: Sequence[SignalKind], name: str) -> SignalKind:
        """Take the kind that was asked for.

        Raises
        ------
        UsageError
            If the provider has no such kind.
        """
        if self.signal is None or self.signal in offered:
            return self.signal or offered[0]
        raise UsageError(
            f"{name} has no {self.signal} intensity.",
            f"It has: {', '.join(map(str, offered))}.",
        )

    def key(self, variable: str, name: str) -> str:
        """Read a key from the environment.

        Raises
        ------
        MissingKey
            If it is not there, or holds what no key does; its text is never shown.
        """
        text = self.environment.get(variable, "").strip()
        if not text:
            raise MissingKey(
                f"{name} asks for a key, and {variable} is not set.",
                f"Get one from {name} and set the environment variable {variable}.",
            )
        if not text.isascii() or not text.isprintable():
            raise MissingKey(
                f"{variable} holds signs that no key of {name} has.", "Set it again, on one line."
            )
        return text


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What is known of a provider before it is made.

    Attributes
    ----------
    make : callable
        Makes it from a `Setup`.
    what : str
        In a few words.
    signals : tuple of SignalKind
        Kinds that it offers, its own choice first; empty if its files say it.
    source : Source or None
        Publisher and terms; None if its files say it.
    zones : str
        How it names zones.
    keys : tuple of str
        Environment variables that it asks for.
    extra : str
        That it needs; empty for none.
    forecasts : bool
        Whether it also says what is to come.
    """

    make: Callable[[Setup], IntensityProvider]
    what: str
    signals: tuple[SignalKind, ...] = ()
    source: Source | None = None
    zones: str = ""
    keys: tuple[str, ...] = ()
    extra: str = ""
    forecasts: bool = False


def field_of(document: Any, key: str, kind: type | tuple[type, ...], where: str) -> Any:
    """Take a field of an answer.

    Raises
    ------
    SourceError
        If it is not there, or of another kind.
    """
    found = document.get(key) if isinstance(document, Mapping) else None
    if not isinstance(found, kind) or isinstance(found, bool):
        raise SourceError(
            f"{where}: the answer has no {key!r} of the expected form.",
            "The interface of the source may have changed; look for a newer footprint.",
        )
    return found


def number_of(document: Any, key: str, where: str) -> float | None:
    """Take a number, or None where the source says that it has none.

    Raises
    ------
    SourceError
        If the field is missing, or no number.
    """
    if isinstance(document, Mapping) and key in document and document[key] is None:
        return None
    found = field_of(document, key, (int, float), where)
    try:
        return float(found)
    except OverflowError:
        raise SourceError(f"{where}: {key!r} is too large for a number.") from None


def require_echo(found: object, asked: str, what: str, where: str) -> None:
    """Refuse an answer to another question.

    Raises
    ------
    SourceError
    """
    if found != asked:
        raise SourceError(
            f"{where}: asked for {what} {asked!r}, and the answer is about {str(found)[:40]!r}.",
            f"Check the name of the {what}.",
        )


def with_forecast(actual: Sequence[Row], forecast: Sequence[Row]) -> list[Row]:
    """Put forecasts where nothing has been said of what happened."""
    known = {row.start_s for row in actual if row.value is not None}
    ahead = [row for row in forecast if row.start_s not in known]
    foreseen = {row.start_s for row in ahead}
    return [*(r for r in actual if r.value is not None or r.start_s not in foreseen), *ahead]


def is_settled(rows: Iterable[Row], block: tuple[int, int], step_s: int, now_s: float) -> bool:
    """Whether what was said of a block of time can be kept for good.

    It is, if the block is over for long enough and each of its steps has a value that nobody
    estimated. What is missing or estimated may be put right later, but for a month no more: some
    gaps stay, and whoever reads a year would ask for each of them again and again.

    Parameters
    ----------
    rows : iterable of Row
    block : tuple of int
        Begin, on the grid of steps, and end [s].
    step_s : int
    now_s : float
    """
    told = [row for row in rows if row.value is not None]
    if block[1] <= now_s - _GIVEN_UP_S:
        return bool(told)
    known = {row.start_s for row in told if not row.estimated}
    return block[1] <= now_s - SETTLED_S and known.issuperset(range(*block, step_s))


def merged(answers: Iterable[Answer]) -> tuple[float, tuple[Finding, ...]]:
    """When the oldest of some answers was fetched, and what was found in all of them."""
    found = list(answers)
    findings = dict.fromkeys(one for answer in found for one in answer.findings)
    return min(answer.fetched_s for answer in found), tuple(findings)


def full_horizon_h(ahead_s: int) -> int:
    """Whole days of forecast that reach so far, three at most [h]."""
    return next((one for one in (24, 48) if ahead_s <= one * 3600), 72)
