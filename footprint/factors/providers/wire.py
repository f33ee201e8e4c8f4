"""The line to a server: the only importer of httpx.

Certificates are verified, redirects stay on their host, answers have a largest size and a longest
time. Keys join a request at its last station, so that neither httpx's log nor its errors see them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from footprint.errors import MissingExtra, SourceError, UsageError

if TYPE_CHECKING:
    import httpx

    from footprint.factors.providers.exchange import Limits, Secrets

_REDIRECTS = 3


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply of a server; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: str


class WireBroken(Exception):
    """No reply came; `reason` says why, and names no address."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Wire(Protocol):
    """Asks once."""

    def ask(
        self, url: str, parameters: Sequence[tuple[str, str]], secrets: Secrets, limits: Limits
    ) -> Reply:
        """Send a request and wait for the reply.

        Raises
        ------
        WireBroken
            If there is none.
        """


class HttpWire:
    """A line over HTTP.

    Parameters
    ----------
    environment : mapping of str to str
        Read for the proxy of the organisation: ``HTTPS_PROXY``.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        try:
            import httpx
        except ImportError as error:
            raise MissingExtra.of("live", "Asking a live source") from error
        self._httpx = httpx
        self._proxy = environment.get("HTTPS_PROXY") or environment.get("https_proxy") or None
        self._verified: Any = None

    def ask(
        self, url: str, parameters: Sequence[tuple[str, str]], secrets: Secrets, limits: Limits
    ) -> Reply:
        """Send a request and wait for the reply, through redirects of the same host.

        Raises
        ------
        WireBroken
            If there is none in time.
        SourceError
            If it is too large, or a redirect leads elsewhere.
        """
        own = urlsplit(url)
        with (
            self._station(own.scheme) as station,
            self._httpx.Client(
                transport=_LastStation(self._httpx, station, secrets),  # type: ignore[arg-type]
                timeout=limits.reply_s,
                trust_env=False,
                headers={"user-agent": "footprint", "accept": "application/json, application/xml"},
            ) as client,
        ):
            address, asked = url, list(parameters)
            for _ in range(_REDIRECTS + 1):
                reply = self._once(client, address, asked, limits)
                if not 300 <= reply.status < 400 or "location" not in reply.headers:
                    return reply
                target = self._httpx.URL(address).join(reply.headers["location"])
                found = urlsplit(str(target))
                if (found.scheme, found.netloc) != (own.scheme, own.netloc):
                    raise SourceError(
                        f"{own.netloc} sends on to another host, {found.scheme}://{found.netloc}; "
                        "it gets no key.",
                        "Check the address of the source.",
                    )
                address, asked = str(target), []
        raise SourceError(f"{own.netloc} sends on more than {_REDIRECTS} times.")

    def _station(self, scheme: str) -> httpx.HTTPTransport:
        if scheme == "http":  # of this machine alone, see `transport`
            return self._httpx.HTTPTransport(verify=False)
        if self._verified is None:
            self._verified = self._httpx.create_ssl_context()
        try:
            return self._httpx.HTTPTransport(verify=self._verified, proxy=self._proxy)
        except (ValueError, self._httpx.InvalidURL, ImportError):
            # Not its text: passwords stand in addresses of proxies.
            raise UsageError(
                "HTTPS_PROXY holds no address of a proxy that httpx can use.",
                "Write it like http://proxy.example.org:8080.",
            ) from None

    def _once(
        self,
        client: httpx.Client,
        url: str,
        parameters: Sequence[tuple[str, str]],
        limits: Limits,
    ) -> Reply:
        began_s = time.monotonic()
        pieces, size = [], 0
        query: dict[str, Any] = {"params": list(parameters)} if parameters else {}
        try:
            with client.stream("GET", url, **query) as response:
                for piece in response.iter_bytes():
                    size += len(piece)
                    if size > limits.largest_bytes:
                        raise SourceError(
                            f"{urlsplit(url).netloc} answered with more than "
                            f"{limits.largest_bytes:,} bytes.",
                            "Ask for a shorter stretch of time.",
                        )
                    if time.monotonic() - began_s > limits.answer_s:
                        raise WireBroken(f"took more than {limits.answer_s:g} s to answer")
                    pieces.append(piece)
                headers = {name.lower(): text for name, text in response.headers.items()}
                status = response.status_code
        except self._httpx.TimeoutException:
            raise WireBroken(f"said nothing for {limits.reply_s:g} s") from None
        except self._httpx.ConnectError as error:
            raise WireBroken(f"cannot be reached ({_plain(error)})") from None
        except (self._httpx.TransportError, self._httpx.DecodingError) as error:
            raise WireBroken(f"broke off ({type(error).__name__})") from None
        body = b"".join(pieces).decode("utf-8", errors="replace")
        return Reply(status, headers, body)


def _plain(error: Exception) -> str:
    """Write the system's own words, such as ``Connection refused``."""
    return str(error).splitlines()[0][:120] or type(error).__name__


class _LastStation:
    """Puts the keys in, and hands the request on; nobody above ever sees them."""

    def __init__(self, httpx: Any, station: Any, secrets: Secrets) -> None:
        self._httpx, self._station, self._secrets = httpx, station, secrets

    def __enter__(self) -> _LastStation:
        return self

    def __exit__(self, *_: object) -> None:
        """Whoever opened the station closes it."""

    def close(self) -> None:
        """Whoever opened the station closes it."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        secrets = self._secrets
        headers = [*request.headers.raw, *_encoded(secrets.headers)]
        url = request.url.copy_merge_params(dict(secrets.parameters))
        keyed = self._httpx.Request(
            request.method,
            url,
            headers=headers,
            stream=request.stream,
            extensions=request.extensions,
        )
        response: httpx.Response = self._station.handle_request(keyed)
        return response


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("ascii"), text.encode("latin-1")) for name, text in headers.items()]
