"""``footprint intensity``: grid intensity from live sources and files, and when to start a job."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from footprint.cli.output import print_json, print_text, say
from footprint.errors import UsageError

if TYPE_CHECKING:
    from footprint.factors.intensity import IntensityProvider, IntensitySeries
    from footprint.factors.providers import Setup
    from footprint.model import Finding

app = typer.Typer(
    help="Grid intensity from live sources and files, and when to start a job. Nothing is asked "
    "of anybody until one of these commands is run; keys stand in the environment alone.",
    no_args_is_help=True,
)

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


@app.command()
def sources(as_json: AsJson = False) -> None:
    """List the sources, what they give, and what they need.

    Examples
    --------
        footprint intensity sources
    """
    from importlib.util import find_spec

    from footprint.factors.providers import PROVIDERS, find_source, installed_sources

    needs = {"live": "httpx", "entsoe": "entsoe"}
    rows = []
    for name in (*PROVIDERS, *installed_sources()):
        info = find_source(name)
        there = not info.extra or find_spec(needs.get(info.extra, info.extra)) is not None
        keys = {key: bool(os.environ.get(key, "").strip()) for key in info.keys}
        rows.append(
            {
                "source": name,
                "what": info.what,
                "signals": [str(one) for one in info.signals],
                "zones": info.zones,
                "keys": keys,
                "extra": info.extra,
                "installed": there,
                "forecasts": info.forecasts,
                "licence": info.source.licence if info.source else "of the file",
            }
        )
    if as_json:
        print_json(rows)
        return
    from footprint.cli.intensity_views import print_sources

    print_sources(rows)


@app.command()
def show(
    source: SourceName,
    zone: Zone,
    signal: Signal = None,
    start: From = None,
    stop: To = None,
    files: Files = None,
    url: Url = None,
    cache: CacheFolder = None,
    *,
    no_cache: NoCache = False,
    offline: Offline = False,
    as_json: AsJson = False,
) -> None:
    """Show the intensity of a zone: the latest value, the range, and a chart.

    Examples
    --------
        footprint intensity show -s uk-carbon-intensity -z GB

        footprint intensity show -s electricity-maps -z DE --signal average/location/direct

        footprint intensity show -s file --file de.csv -z DE --from 2026-11-20 --to 2026-11-21
    """
    from footprint.factors.series_files import describe

    setup = _setup(signal, files, url, cache, no_cache=no_cache, offline=offline)
    with _told(setup, source):
        provider = _provider(source, setup)
        series = provider.series(zone, *_span(provider, source, zone, start, stop, setup))
    _say_findings(series.provenance.findings)
    if as_json:
        print_json({**describe(series), **_numbers(series)})
        return
    from footprint.cli.intensity_views import print_series

    print_series(series, setup.transport.clock.now_s())


@app.command()
def fetch(
    source: SourceName,
    zone: Annotated[
        list[str], typer.Option("--zone", "-z", help="As the source names it. Repeatable.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Table to write: .csv or .parquet.")
    ],
    signal: Signal = None,
    start: From = None,
    stop: To = None,
    name: Annotated[
        list[str] | None,
        typer.Option("--as", help="Name of the zone in the table, one per --zone, such as US-CA."),
    ] = None,
    files: Files = None,
    url: Url = None,
    cache: CacheFolder = None,
    *,
    no_cache: NoCache = False,
    offline: Offline = False,
    as_json: AsJson = False,
) -> None:
    """Fetch series into a table, with a certificate of where they come from beside it.

    `footprint estimate --intensity` and `footprint simulate` read both.

    Examples
    --------
        footprint intensity fetch -s uk-carbon-intensity -z GB --from 2026-11-01 -o gb.csv

        footprint intensity fetch -s watttime -z CAISO_NORTH --as US-CA --from 2026-11-01
        --to 2026-11-08 -o california.csv

        footprint intensity fetch -s entsoe -z FR -z DE_LU --from 2026-11-01 -o west.parquet
    """
    from footprint.factors.series_files import certificate_path, describe, write_series

    if name and len(name) != len(zone):
        raise UsageError(f"{len(zone)} --zone and {len(name)} --as.", "Give as many of each.")
    if output.suffix not in (".csv", ".parquet"):
        raise UsageError(f"{output} ends neither in .csv nor in .parquet.", "Name it so.")
    setup = _setup(signal, files, url, cache, no_cache=no_cache, offline=offline)
    found = []
    with _told(setup, source):
        provider = _provider(source, setup)
        for one, called in zip(zone, name or zone, strict=True):
            series = provider.series(one, *_span(provider, source, one, start, stop, setup))
            found.append(replace(series, zone=called))
    for series in found:
        _say_findings(series.provenance.findings)
    path = write_series(found, output)
    if as_json:
        print_json(
            {
                "table": str(path),
                "certificate": str(certificate_path(path)),
                "series": [describe(series) for series in found],
            }
        )
        return
    for series in found:
        print_text(_summary(series))
    print_text(f"wrote {path} and {certificate_path(path).name}")


@app.command("best-window")
def best_window(
    source: SourceName,
    zone: Zone,
    duration: Annotated[str, typer.Option(help="Of the job, such as '3 h' or '90 min'.")],
    before: Annotated[
        str, typer.Option(help="When it must have ended: a moment, or a time such as '24 h'.")
    ],
    after: Annotated[str | None, typer.Option(help="When it may begin. [default: now]")] = None,
    power: Annotated[
        str | None, typer.Option(help="While it runs, such as '300 W': says grams beside per cent.")
    ] = None,
    interruptible: Annotated[
        bool, typer.Option("--interruptible", help="It may stop and go on, at no cost.")
    ] = False,
    past_days: Annotated[
        int, typer.Option(min=0, help="Days of past forecasts to take their errors from.")
    ] = 60,
    forecast_error: Annotated[
        float | None,
        typer.Option(help="Error of the forecast that you state, such as 0.1, instead."),
    ] = None,
    error_correlation: Annotated[
        float | None,
        typer.Option(help="Of that error from one hour to the next, from 0 to below 1."),
    ] = None,
    signal: Signal = None,
    files: Files = None,
    url: Url = None,
    cache: CacheFolder = None,
    *,
    no_cache: NoCache = False,
    offline: Offline = False,
    as_json: AsJson = False,
) -> None:
    """Say when to start a job before its deadline, and what that saves against starting at once.

    The interval of the saving comes from errors of past forecasts where the source remembers
    them, or from an error that you state. Else there is none.

    Examples
    --------
        footprint intensity best-window -s uk-carbon-intensity -z GB --duration "3 h"
        --before "24 h" --power "300 W"

        footprint intensity best-window -s electricity-maps -z DE --duration "6 h"
        --before 2026-11-23T08:00+01:00 --interruptible --forecast-error 0.1
        --error-correlation 0.9

        footprint intensity best-window -s file --file de.csv -z DE --after 2026-11-20
        --before "48 h" --duration "90 min" --json
    """
    from footprint.scheduling.best_window import Job, find_best_window
    from footprint.scheduling.forecast_errors import ErrorModel, StatedErrors, past_errors
    from footprint.units import parse_quantity

    if (forecast_error is None) is not (error_correlation is None):
        raise UsageError(
            "A forecast error is stated with its correlation, and neither is made up.",
            "Give both --forecast-error and --error-correlation.",
        )
    setup = _setup(signal, files, url, cache, no_cache=no_cache, offline=offline)
    now_s = int(setup.transport.clock.now_s())
    release_s = now_s if after is None else _moment(after, now_s)
    job = Job(
        round(parse_quantity(duration, "s")),
        release_s,
        _moment(before, release_s),
        interruptible,
        None if power is None else parse_quantity(power, "W"),
    )
    with _told(setup, source):
        provider = _provider(source, setup)
        series = provider.series(zone, release_s, job.deadline_s)
        errors: ErrorModel | None = None
        if forecast_error is not None and error_correlation is not None:
            errors = StatedErrors(forecast_error, error_correlation)
        elif series.forecast.any():
            errors = past_errors(provider, zone, now_s, past_days)
    found = find_best_window(series, job, errors)
    _say_findings(found.findings)
    from footprint.cli.intensity_views import print_window, window_document

    if as_json:
        print_json(window_document(found, series))
    else:
        print_window(found, series)


def _setup(
    signal: str | None,
    files: list[Path] | None,
    url: str | None,
    cache: Path | None,
    *,
    no_cache: bool,
    offline: bool,
) -> Setup:
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


def _provider(source: str, setup: Setup) -> IntensityProvider:
    from footprint.factors.providers import make_provider

    return make_provider(source, setup)


def _span(
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
    start_s = own[0] if start is None else _moment(start, now_s)
    return start_s, own[1] if stop is None else _moment(stop, start_s)


def _moment(text: str, base_s: int) -> int:
    """Read a moment, or a time after another one."""
    from footprint.errors import UnitError
    from footprint.simulation.traces import unix_seconds
    from footprint.units import parse_quantity

    try:
        return base_s + round(parse_quantity(text, "s"))
    except UnitError:
        return unix_seconds(text)


@contextmanager
def _told(setup: Setup, source: str) -> Iterator[None]:
    """Say what is being asked while it lasts: on a terminal in place, else every tenth request."""
    from rich.console import Console

    console, asked = Console(stderr=True), 0
    with console.status(f"asking {source}") as status:

        def tell(request: Any) -> None:
            nonlocal asked
            asked += 1
            status.update(f"asking {source}: {request.kind}, request {asked}")
            if not console.is_terminal and asked % 10 == 0:
                say(f"{asked} requests to {source}")

        setup.transport.on_request = tell
        yield


def _say_findings(findings: Iterable[Finding]) -> None:
    for finding in dict.fromkeys(findings):
        say(f"{finding.severity}: {finding.message}")
        if finding.remedy:
            say(f"         {finding.remedy}")


def _numbers(series: IntensitySeries) -> dict[str, Any]:
    from footprint.factors.intensity import iso
    from footprint.factors.series_summary import plain_values

    return {
        "signal": str(series.signal),
        "unit": "gCO2e/kWh",
        "start": iso(series.start_s),
        "step_s": series.step_s,
        "values": plain_values(series),
    }


def _summary(series: IntensitySeries) -> str:
    from footprint.factors.intensity import moment
    from footprint.factors.series_summary import summarise

    found = summarise(series)
    return (
        f"{series.zone}: {len(series.values)} steps of {series.step_s // 60} min from "
        f"{moment(series.start_s)} to {moment(series.stop_s)}, {series.signal}, mean "
        f"{found.mean:.0f} ({found.low:.0f} to {found.high:.0f}) gCO2e/kWh"
    )
