"""Options that the commands of `footprint intensity` share, and how they are read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from footprint.cli.output import say
from footprint.errors import UsageError

if TYPE_CHECKING:
    from footprint.factors.intensity import IntensityProvider
    from footprint.factors.providers import Setup
    from footprint.scheduling.best_window import Job
    from footprint.scheduling.forecast_errors import StatedErrors

AsJson = Annotated[bool, typer.Option("--json", help="Write JSON for programs.")]
SourceName = Annotated[
    str, typer.Option("--source", "-s", help="One of `footprint intensity sources`.")
]
Zone = Annotated[str, typer.Option("--zone", "-z", help="As the source names it.")]
Signal = Annotated[
    str | None,
    typer.Option(help="Kind: basis/method/scope. [default: the first that the source has]"),
]
Files = Annotated[
    list[Path] | None, typer.Option("--file", help="That the source reads. Repeatable.")
]
From = Annotated[
    str | None, typer.Option("--from", help="Begin, UTC or with an offset. [default: 23 h ago]")
]
To = Annotated[
    str | None,
    typer.Option("--to", help="End. [default: in 24 h, or now where nothing is forecast]"),
]
Url = Annotated[
    str | None, typer.Option(help="Address in place of the source's own; it gets your key.")
]
CacheFolder = Annotated[
    Path | None,
    typer.Option("--cache", help="Folder of the cache. [default: that of the user]"),
]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Neither read nor write the cache.")]
Offline = Annotated[
    bool, typer.Option("--offline", help="Ask nobody: take what the cache has, and say its age.")
]
_DAY_S = 86_400


def setup_of(
    signal: str | None,
    files: list[Path] | None,
    url: str | None,
    cache: Path | None,
    *,
    no_cache: bool,
    offline: bool,
) -> Setup:
    """Put together what a provider is made with."""
    from footprint.factors.providers import Setup
    from footprint.factors.providers.cache import Cache, default_folder
    from footprint.factors.providers.exchange import Clock
    from footprint.factors.providers.transport import Transport
    from footprint.model import SignalKind

    if no_cache and (offline or cache is not None):
        raise UsageError("--no-cache leaves nothing to take offline, nor a folder for it.")
    kept = None if no_cache else Cache(cache or default_folder(os.environ))
    return Setup(
        None if signal is None else SignalKind.parse(signal),
        url,
        tuple(files or ()),
        Transport(kept, offline, clock=Clock()),
    )


@contextmanager
def asking(source: str, setup: Setup) -> Iterator[IntensityProvider]:
    """Give the provider of a source, and say what is being asked of it while that lasts.

    On a terminal in place, else every tenth request.
    """
    from rich.console import Console

    from footprint.factors.providers import make_provider

    console, asked = Console(stderr=True), 0
    with console.status(f"asking {source}") as status:

        def tell(request: Any) -> None:
            nonlocal asked
            asked += 1
            status.update(f"asking {source}: {request.kind}, request {asked}")
            if not console.is_terminal and asked % 10 == 0:
                say(f"{asked} requests to {source}")

        setup.transport.on_request = tell
        yield make_provider(source, setup)


def span_of(
    provider: IntensityProvider,
    source: str,
    zone: str,
    start: str | None,
    stop: str | None,
    setup: Setup,
) -> tuple[int, int]:
    """Stretch of time that is asked for: as said, as a file reaches, or around now."""
    from footprint.factors.intensity import FileProvider
    from footprint.factors.providers import find_source

    now_s = int(setup.transport.clock.now_s())
    ahead_s = _DAY_S if find_source(source).forecasts else 0
    # Of the last 24 h Electricity Maps tells on every plan; an hour that has begun counts whole.
    own = (now_s - _DAY_S + 3600, now_s + ahead_s)
    if isinstance(provider, FileProvider):
        own = provider.span(zone)
    start_s = own[0] if start is None else moment_of(start, now_s)
    return start_s, own[1] if stop is None else moment_of(stop, start_s)


def moment_of(text: str, base_s: int) -> int:
    """Read a moment, or a time after another one."""
    from footprint.errors import UnitError
    from footprint.simulation.traces import unix_seconds
    from footprint.units import parse_quantity

    try:
        return base_s + round(parse_quantity(text, "s"))
    except UnitError:
        return unix_seconds(text)


def job_of(
    duration: str,
    span: tuple[str | None, str],
    power: str | None,
    now_s: int,
    *,
    interruptible: bool,
) -> Job:
    """Read a job: its length, from when and until when, and its power."""
    from footprint.scheduling.best_window import Job
    from footprint.units import parse_quantity

    after, before = span
    release_s = now_s if after is None else moment_of(after, now_s)
    return Job(
        round(parse_quantity(duration, "s")),
        release_s,
        moment_of(before, release_s),
        interruptible,
        None if power is None else parse_quantity(power, "W"),
    )


def stated_errors(spread: float | None, correlation: float | None) -> StatedErrors | None:
    """Read the error of a forecast that somebody states; None if nobody does.

    Raises
    ------
    UsageError
        If only half of it is there.
    """
    from footprint.scheduling.forecast_errors import StatedErrors

    if spread is None and correlation is None:
        return None
    if spread is None or correlation is None:
        raise UsageError(
            "A forecast error is stated with its correlation, and neither is made up.",
            "Give both --forecast-error and --error-correlation.",
        )
    return StatedErrors(spread, correlation)
