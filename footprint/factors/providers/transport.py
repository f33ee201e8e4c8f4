"""How live sources are asked: patiently, politely, and without giving anything away.

Every request of every source goes through here: time limits, retries, limits of rate and size, the
cache, and what is checked of an answer. Keys are put in where the bytes leave. No request that is
logged, cached or named in a message ever holds one.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from footprint.errors import KeyRefused, SourceError, SourceUnreachable, UsageError
from footprint.factors.intensity import moment
from footprint.factors.providers.cache import Cache, Entry
from footprint.factors.providers.exchange import Answer, Clock, Limits, Request, Secrets, never
from footprint.factors.providers.wire import Reply, Wire, WireBroken
from footprint.model import Finding

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_BUSY = 429
# Longest wait that is believed: a year. Nobody waits that long, and it still has a date.
_LONGEST_WAIT_S = 366 * 86_400.0
_UNAUTHORISED, _FORBIDDEN = 401, 403
# Of what a server says in an error.
_LONGEST_QUOTE = 200


@dataclass(slots=True)
class Transport:
    """Asks live sources, and remembers what they said.

    Parameters
    ----------
    cache : Cache or None
    offline : bool
        Ask nobody; take what the cache has, however old, and say how old it is.
    limits : Limits
    clock : Clock
    wire : Wire, optional
        The line; over HTTP by default.
    on_request : callable, optional
        Told of each request before it goes out.
    """

    cache: Cache | None = None
    offline: bool = False
    limits: Limits = field(default_factory=Limits)
    clock: Clock = field(default_factory=Clock)
    wire: Wire | None = field(default=None, repr=False)
    on_request: Callable[[Request], None] | None = field(default=None, repr=False)
    _last_s: float = field(default=float("-inf"), init=False, repr=False)

    def get(
        self,
        request: Request,
        secrets: Callable[[], Secrets] = Secrets,
        *,
        settled: Callable[[str], bool] = never,
    ) -> Answer:
        """Fetch an answer, or take it from the cache.

        Parameters
        ----------
        request : Request
        secrets : callable
            Gives what is sent beside it; only called if something is sent.
        settled : callable
            Says of a body whether it may be kept for good. Raises where it is no good at all, and
            then nothing is kept.

        Raises
        ------
        SourceUnreachable
            If nobody answers.
        SourceError
            If the answer is no good.
        """
        stored = None if self.cache is None else self.cache.load(request.source, request.text)
        if stored is not None and (stored.final or self.offline or self._fresh(stored)):
            return Answer(stored.body, stored.fetched_s, self._on_age(request, stored))
        if self.offline:
            raise SourceUnreachable(
                f"The cache holds no answer of {request.place} to this question, and nobody is "
                "asked offline.",
                "Ask the same once while you are online, for times that you name: a question about "
                "now is another one soon.",
            )
        hidden = secrets()
        try:
            reply = self.send(request, hidden)
        except SourceUnreachable as error:
            if stored is None:
                raise
            raise SourceUnreachable(
                error.message,
                f"The cache has an answer of {moment(stored.fetched_s)}: take it with --offline.",
            ) from None
        now_s = self.clock.now_s()
        body = reply.body
        entry = Entry(body, now_s, settled(body))
        # A server that repeats a key in its answer must not bring it onto the disk.
        if self.cache is not None and hidden.strike(body) == body:
            self.cache.store(request.source, request.text, request.kind, entry)
        return Answer(body, now_s, self._on_clock(request, reply, now_s))

    def send(self, request: Request, secrets: Secrets) -> Reply:
        """Ask until there is an answer, within the limits; past the cache.

        Raises
        ------
        SourceUnreachable, SourceError
        """
        _require_safe(request.url)
        waited_s, fault = 0.0, ""
        for attempt in range(1, self.limits.tries + 1):
            self._keep_pace()
            if self.on_request is not None:
                self.on_request(request)
            asked_s: float | None = None
            try:
                reply = self._wire().ask(request.url, request.parameters, secrets, self.limits)
            except WireBroken as error:
                fault = error.reason
            else:
                if reply.status < 400 or reply.status in request.accepted:
                    return reply
                if reply.status != _BUSY and reply.status < 500:
                    raise _refusal(request, reply, secrets)
                fault = _status(reply, secrets)
                asked_s = retry_after(reply.headers.get("retry-after"), self.clock.now_s())
            if attempt == self.limits.tries:
                break
            wait_s = max(self._backoff(attempt), asked_s or 0.0)
            if waited_s + wait_s > self.limits.waiting_s:
                raise SourceUnreachable(
                    f"{request.place} {fault}; it would take another {wait_s:.0f} s of waiting, "
                    f"and {self.limits.waiting_s:.0f} s is the limit.",
                    f"Ask again after {moment(self.clock.now_s() + wait_s)}.",
                )
            waited_s += wait_s
            self.clock.sleep(wait_s)
        raise SourceUnreachable(
            f"{request.place} {fault}; asked {attempt} time(s).",
            "Check the network, or take what the cache has with --offline.",
        )

    def _wire(self) -> Wire:
        if self.wire is None:
            from footprint.factors.providers.wire import HttpWire

            self.wire = HttpWire(os.environ)
        return self.wire

    def _backoff(self, attempt: int) -> float:
        """Wait that doubles, half of it by chance: clients do not come back all at once."""
        full_s = min(self.limits.backoff_s * 2.0 ** (attempt - 1), self.limits.longest_backoff_s)
        return full_s * (0.5 + 0.5 * self.clock.jitter())

    def _keep_pace(self) -> None:
        early_s = self._last_s + self.limits.between_s - self.clock.elapsed_s()
        if early_s > 0:
            self.clock.sleep(early_s)
        self._last_s = self.clock.elapsed_s()

    def _fresh(self, stored: Entry) -> bool:
        # An entry from the future was written by a clock that was wrong.
        return 0 <= self.clock.now_s() - stored.fetched_s <= self.limits.fresh_s

    def _on_age(self, request: Request, stored: Entry) -> tuple[Finding, ...]:
        if stored.final or not self.offline:
            return ()
        age_h = (self.clock.now_s() - stored.fetched_s) / 3600
        return (
            Finding(
                "intensity-cached",
                f"{request.source}: {request.kind} from the cache, fetched "
                f"{moment(stored.fetched_s)}, {age_h:.1f} h ago.",
                remedy="Ask again while you are online.",
            ),
        )

    def _on_clock(self, request: Request, reply: Reply, now_s: float) -> tuple[Finding, ...]:
        there_s = _http_date(reply.headers.get("date"))
        if there_s is None or abs(there_s - now_s) <= self.limits.skew_s:
            return ()
        return (
            Finding(
                "clock-skew",
                f"The clock of this machine says {moment(now_s)}, that of {request.source} "
                f"{moment(there_s)}: {(now_s - there_s) / 60:+.0f} min.",
                remedy="Set the clock; what is past and what is forecast is told apart by it.",
            ),
        )


def retry_after(text: str | None, now_s: float) -> float | None:
    """Read a Retry-After header: seconds, or a date of HTTP (RFC 9110, 10.2.3).

    Returns
    -------
    float or None
        Wait [s], a year at most; None if the header is absent or cannot be read.
    """
    if text is None:
        return None
    if text.strip().isascii() and text.strip().isdecimal():
        return min(float(text), _LONGEST_WAIT_S)
    until_s = _http_date(text)
    return None if until_s is None else min(max(until_s - now_s, 0.0), _LONGEST_WAIT_S)


def _http_date(text: str | None) -> float | None:
    if not text:
        return None
    try:
        return _aware(parsedate_to_datetime(text)).astimezone(UTC).timestamp()
    except (ValueError, OverflowError):  # also where UTC has no such year
        return None


def _aware(when: datetime) -> datetime:
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def _require_safe(url: str) -> None:
    """Refuse to send anything, keys above all, over an open line."""
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        return
    raise UsageError(
        f"{parts.scheme}://{parts.hostname} is not encrypted.", "Give an address with https."
    )


def _status(reply: Reply, secrets: Secrets) -> str:
    said = " ".join(secrets.strike(reply.body).split())[:_LONGEST_QUOTE]
    said = "".join(sign for sign in said if sign.isprintable())
    return f"answered {reply.status}" + (f": {said}" if said else "")


def _refusal(request: Request, reply: Reply, secrets: Secrets) -> SourceError:
    what = f"{request.place} {_status(reply, secrets)}"
    if reply.status == _UNAUTHORISED:
        return KeyRefused(what, "The key is wrong or has expired; check the environment.")
    if reply.status == _FORBIDDEN:
        return SourceError(what, "The key is known; your plan may not cover this zone or time.")
    return SourceError(what, "Check the name of the zone and the stretch of time.")
