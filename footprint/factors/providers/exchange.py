"""What goes to a live source and comes back: questions, answers, secrets, limits."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from footprint.errors import SourceError
from footprint.model import Finding

_HIDDEN = "***"


@dataclass(frozen=True, slots=True)
class Secrets:
    """What must not be seen: it is sent, and nothing else is done with it.

    Attributes
    ----------
    headers, parameters : mapping of str to str
    words : tuple of str
        Further texts that are struck from whatever is shown, such as a password.
    """

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    parameters: Mapping[str, str] = field(default_factory=dict, repr=False)
    words: tuple[str, ...] = field(default=(), repr=False)

    @property
    def texts(self) -> list[str]:
        """All secret texts, longest first."""
        found = {*self.headers.values(), *self.parameters.values(), *self.words}
        found |= {quote(text, safe="") for text in found}  # as it looks in an address
        return sorted(filter(None, found), key=len, reverse=True)

    def strike(self, text: str) -> str:
        """Strike them from a text."""
        for secret in self.texts:
            text = text.replace(secret, _HIDDEN)
        return text


@dataclass(frozen=True, slots=True)
class Limits:
    """How long, how often and how much; our choice, no source asks for exactly these.

    Attributes
    ----------
    reply_s, answer_s : float
        Time until a server says something, and until its answer is complete [s].
    tries : int
        Requests for one answer, the first included.
    backoff_s, longest_backoff_s : float
        Wait before the second try, doubled before each further one up to a limit [s].
    waiting_s : float
        Waits for one answer, all together [s].
    between_s : float
        From one request to the next [s].
    largest_bytes : int
        Of an answer.
    skew_s : float
        By which the clocks of server and machine may differ unsaid [s].
    fresh_s : float
        Age up to which an answer that can still change is taken from the cache [s].
    """

    reply_s: float = 20.0
    answer_s: float = 60.0
    tries: int = 5
    backoff_s: float = 1.0
    longest_backoff_s: float = 30.0
    waiting_s: float = 120.0
    between_s: float = 0.2
    largest_bytes: int = 32_000_000
    skew_s: float = 300.0
    fresh_s: float = 900.0


@dataclass(frozen=True, slots=True)
class Clock:
    """Time as the transport sees it; tests bring their own."""

    now_s: Callable[[], float] = time.time
    elapsed_s: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked, without keys.

    Attributes
    ----------
    source : str
        Name of the provider.
    url : str
    parameters : tuple of pairs
    kind : str
        What is asked for: history, forecast, login.
    identity : str
        Under which the answer is kept; the address if left out. Addresses with the time of day in
        them are no use as one.
    accepted : tuple of int
        Statuses that are no refusal beside those below 400.
    """

    source: str
    url: str
    parameters: tuple[tuple[str, str], ...] = ()
    kind: str = "history"
    identity: str = ""
    accepted: tuple[int, ...] = ()

    @property
    def text(self) -> str:
        """What it is kept under."""
        address = f"{self.url}?{urlencode(self.parameters)}" if self.parameters else self.url
        return self.identity or address

    @property
    def place(self) -> str:
        """Host and path, for messages."""
        parts = urlsplit(self.url)
        return f"{parts.netloc}{parts.path}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a source said.

    Attributes
    ----------
    body : str
    fetched_s : float
        When [s].
    findings : tuple of Finding
    """

    body: str
    fetched_s: float
    findings: tuple[Finding, ...] = ()

    def json(self, request: Request) -> Any:
        """Read it as JSON.

        Raises
        ------
        SourceError
            If it is none, such as an answer that was cut off.
        """
        try:
            return json.loads(self.body, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise SourceError(
                f"{request.place} answered with something that is no JSON: {error}.",
                "The answer may have been cut off, or the address be another service; try again.",
            ) from None


def _refuse_constant(text: str) -> float:
    raise ValueError(f"{text} is no number of JSON")


def never(_: str) -> bool:
    """Say that an answer can always change."""
    return False
