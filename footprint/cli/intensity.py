"""``footprint intensity``: grid intensity from live sources and files, and when to start a job."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from footprint.cli.intensity_options import (
    AsJson,
    CacheFolder,
    Files,
    From,
    NoCache,
    Offline,
    Signal,
    SourceName,
    To,
    Url,
    Zone,
    asking,
    job_of,
    setup_of,
    span_of,
    stated_errors,
)
from footprint.cli.output import print_json, print_text, say
from footprint.errors import UsageError

if TYPE_CHECKING:
    from footprint.model import Finding

app = typer.Typer(
    help="Grid intensity from live sources and files, and when to start a job. Nothing is asked "
    "of anybody until one of these commands is run; keys stand in the environment alone.",
    no_args_is_help=True,
)


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
    from footprint.cli.intensity_views import print_series, values_document
    from footprint.factors.series_files import describe

    setup = setup_of(signal, files, url, cache, no_cache=no_cache, offline=offline)
    with asking(source, setup) as provider:
        series = provider.series(zone, *span_of(provider, source, zone, start, stop, setup))
    _say_findings(series.provenance.findings)
    if as_json:
        print_json({**describe(series), **values_document(series)})
        return
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
    from footprint.cli.intensity_views import summary_line
    from footprint.factors.series_files import certificate_path, describe, write_series

    if name and len(name) != len(zone):
        raise UsageError(f"{len(zone)} --zone and {len(name)} --as.", "Give as many of each.")
    if output.suffix not in (".csv", ".parquet"):
        raise UsageError(f"{output} ends neither in .csv nor in .parquet.", "Name it so.")
    setup = setup_of(signal, files, url, cache, no_cache=no_cache, offline=offline)
    found = []
    with asking(source, setup) as provider:
        for one, called in zip(zone, name or zone, strict=True):
            series = provider.series(one, *span_of(provider, source, one, start, stop, setup))
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
        print_text(summary_line(series))
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
    from footprint.scheduling.best_window import find_best_window
    from footprint.scheduling.forecast_errors import ErrorModel, past_errors

    errors: ErrorModel | None = stated_errors(forecast_error, error_correlation)
    setup = setup_of(signal, files, url, cache, no_cache=no_cache, offline=offline)
    now_s = int(setup.transport.clock.now_s())
    job = job_of(duration, (after, before), power, now_s, interruptible=interruptible)
    with asking(source, setup) as provider:
        series = provider.series(zone, job.release_s, job.deadline_s)
        if errors is None and series.forecast.any():
            errors = past_errors(provider, zone, now_s, past_days)
    found = find_best_window(series, job, errors)
    _say_findings(found.findings)
    from footprint.cli.intensity_views import print_window, window_document

    if as_json:
        print_json(window_document(found, series))
    else:
        print_window(found, series)


def _say_findings(findings: Iterable[Finding]) -> None:
    for finding in dict.fromkeys(findings):
        say(f"{finding.severity}: {finding.message}")
        if finding.remedy:
            say(f"         {finding.remedy}")
