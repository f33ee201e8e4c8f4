"""`estimate`, `compare` and `report`: from journals to pages."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from footprint.cli.ledger_options import DEFAULT_URL
from footprint.cli.output import print_text, say
from footprint.errors import DocumentError, FactorNotFound, UsageError

if TYPE_CHECKING:
    from footprint.documents import Result
    from footprint.model import Assessment, Comparison, Journal
    from footprint.settings import Settings

# A test holds this to `footprint.settings.DEFAULT_NETWORK`, whose import is heavy.
DEFAULT_NETWORK = "fixed_core_access"

AsJson = Annotated[bool, typer.Option("--json", help="Print the whole result as JSON.")]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="Write the result: .json keeps it, .html shows it."),
]
Assets = Annotated[
    str,
    typer.Option(help="plotly.js of a page: inline, directory, cdn, or the path of a bundle."),
]


def estimate(
    journals: Annotated[
        list[Path],
        typer.Argument(
            metavar="JOURNAL",
            help="Journal files of one run, folders of them, or a manifest; of a ledger, names of "
            "runs.",
        ),
    ],
    architecture: Annotated[
        str, typer.Option(help="Of a manifest: federated or centralised.")
    ] = "federated",
    source: Annotated[
        str,
        typer.Option(
            "--from",
            help="What the files are: journal, codecarbon (emissions.csv), "
            "nvflare (job_stats_run_summary.json) or ledger.",
        ),
    ] = "journal",
    url: Annotated[
        str, typer.Option("--url", envvar="FOOTPRINT_LEDGER", help="Of --from ledger.")
    ] = DEFAULT_URL,
    as_of: Annotated[
        int | None,
        typer.Option(
            help="Of --from ledger: number of a change (footprint ledger history); the ledger as "
            "it was after it."
        ),
    ] = None,
    cross_check: Annotated[
        Path | None,
        typer.Option(help="codecarbon's emissions.csv of the same run, to compare the energy."),
    ] = None,
    zone: Annotated[
        list[str] | None,
        typer.Option(help="Zone of activities without one, or OLD=NEW to correct one. Repeatable."),
    ] = None,
    device: Annotated[list[str] | None, typer.Option(help="The same for the device class.")] = None,
    network: Annotated[
        str,
        typer.Option(help="Network path: a subject of `factors list --quantity network_energy`."),
    ] = DEFAULT_NETWORK,
    pue: Annotated[
        float | None, typer.Option(help="PUE of the data centres. [default: from the factors]")
    ] = None,
    resource_share: Annotated[
        float, typer.Option(help="Share of each device that was reserved.")
    ] = 1.0,
    signal: Annotated[
        str, typer.Option(help="Kind of grid intensity: basis/method/scope.")
    ] = "average/location/life-cycle",
    intensity: Annotated[
        list[str] | None,
        typer.Option(
            help="FILE of `footprint intensity fetch`, or ZONE=FILE: counts each kWh of the "
            "journal at its own hour. Repeatable."
        ),
    ] = None,
    view: Annotated[
        str, typer.Option(help="Whose energy: process, machine or machine-less-idle.")
    ] = "process",
    idle_policy: Annotated[
        str, typer.Option(help="Who is charged idle power: by-time, by-reservation or none.")
    ] = "by-time",
    factors: Annotated[
        list[Path] | None, typer.Option(help="Folder of further factors. Repeatable.")
    ] = None,
    by_round: Annotated[
        bool, typer.Option("--by-round", help="Keep the rounds apart in the result.")
    ] = False,
    seed: Annotated[int | None, typer.Option(help="Seed of the draws. [default: 20260]")] = None,
    draws: Annotated[int | None, typer.Option(help="Number of draws. [default: 10000]")] = None,
    output: Output = None,
    assets: Assets = "inline",
    as_json: AsJson = False,
) -> None:
    """Estimate the emissions of a run from its journals, or of a plan from its manifest.

    A manifest (.toml) makes its own choices; of the options only --architecture,
    --seed, --draws and --factors apply to it.

    Examples
    --------
        footprint estimate footprint-journal/digits --zone FR --device laptop

        footprint estimate runs/central -o central.json

        footprint estimate runs/central --zone Paris=FR --json

        footprint estimate runs/central --intensity FR=fr.csv

        footprint estimate hospitals.toml --architecture centralised

        footprint estimate digits --from ledger --by-round

        footprint estimate digits --from ledger --as-of 12
    """
    from footprint.assessment import estimate as estimate_
    from footprint.factors import load_catalogue
    from footprint.inventory import build_inventory
    from footprint.measurement.attribution import read_journal
    from footprint.model import SignalKind
    from footprint.settings import Settings
    from footprint.uncertainty import DEFAULT_DRAWS, DEFAULT_SEED

    check_output(output)
    if as_of is not None and source != "ledger":
        raise UsageError("Only a ledger has earlier states.", "Use --as-of with --from ledger.")
    if len(journals) == 1 and journals[0].suffix == ".toml":
        chosen = zone or device or intensity or pue is not None
        if chosen or network != DEFAULT_NETWORK or resource_share != 1:
            raise UsageError(
                "A manifest makes its own choices of zones, devices, intensities, network, PUE and "
                "shares.",
                "Write them into it, or vary them with: footprint sweep",
            )
        planned = _planned(journals[0], architecture, factors or [], seed, draws)
        deliver(planned, output, assets, as_json=as_json)
        return
    catalogue = load_catalogue(tuple(factors or ()))
    settings = Settings(
        zones=_replacements(zone or [], "--zone"),
        devices=_replacements(device or [], "--device"),
        network=network,
        pue=pue,
        resource_share=resource_share,
        signal=SignalKind.parse(signal),
        seed=DEFAULT_SEED if seed is None else seed,
        draws=DEFAULT_DRAWS if draws is None else draws,
    )
    if source == "journal":
        journal = read_journal(*journals, catalogue=catalogue, view=view, idle_policy=idle_policy)
    else:
        journal = _imported(source, journals, url, as_of)
    if cross_check is not None:
        journal = _cross_checked(journal, cross_check)
    if intensity:
        journal, settings = _timed(journal, settings, intensity)
    inventory = build_inventory(journal, by_round=by_round)
    try:
        result = estimate_(inventory, settings, catalogue=catalogue)
    except FactorNotFound as error:
        raise _correctable(error, journal) from error
    deliver(result, output, assets, as_json=as_json)


def compare(
    scenarios: Annotated[
        list[Path],
        typer.Argument(
            metavar="SCENARIO...",
            help="One manifest, or results and manifests; the first is the baseline.",
        ),
    ],
    curves: Annotated[
        Path | None,
        typer.Option(
            help="CSV of option, round, accuracy: adds what the options of a manifest reach "
            "and emit, as in `footprint pareto`."
        ),
    ] = None,
    output: Output = None,
    assets: Assets = "inline",
    as_json: AsJson = False,
) -> None:
    """Compare scenarios that deliver the same.

    A manifest (.toml) stands for two scenarios: centralised training, the baseline, and
    federated training. With more than two scenarios each is compared with the first, and
    all are ranked. Only one manifest alone gets break-evens, sensitivities and curves.

    Examples
    --------
        footprint compare hospitals.toml -o hospitals.html

        footprint compare centralised.json federated.json -o comparison.html

        footprint compare central.json federated.json sparse.json -o ranking.html

        footprint compare hospitals.toml --curves curves.csv -o hospitals.html
    """
    from footprint.comparison import compare as compare_
    from footprint.comparison import rank

    check_output(output)
    if len(scenarios) == 1 and scenarios[0].suffix == ".toml":
        deliver(_compared_study(scenarios[0], curves), output, assets, as_json=as_json)
        return
    if curves is not None:
        raise UsageError("--curves belongs to one manifest.", "Name one manifest alone.")
    found = [result for path in scenarios for result in _assessments(path)]
    if len(found) < 2:
        raise UsageError(
            f"{len(found)} scenario, and nothing to compare it with.",
            "Name a manifest with a [centralised] table, or two results.",
        )
    result = compare_(*found) if len(found) == 2 else rank(found)
    deliver(result, output, assets, as_json=as_json)


def _compared_study(path: Path, curves: Path | None) -> Comparison:
    """Compare the two architectures of a manifest, with what the difference hangs on."""
    from footprint.documents import input_file
    from footprint.manifest import read_manifest
    from footprint.pareto import curves_of
    from footprint.sensitivity import compare_study

    study = read_manifest(path)
    if curves is None:
        return compare_study(study)
    return compare_study(study, curves=curves_of(path, curves), inputs=[input_file(curves)])


def _assessments(path: Path) -> list[Assessment]:
    """Results of a file: both architectures of a manifest, or the one of a document."""
    if path.suffix != ".toml":
        return [_assessment(path)]
    from footprint.manifest import read_manifest
    from footprint.model import Architecture
    from footprint.scenarios import estimate_study

    study = read_manifest(path)
    centralised = [Architecture.CENTRALISED] if study.centralised else []
    return [estimate_study(study, a) for a in (*centralised, Architecture.FEDERATED)]


def report(
    result: Annotated[
        Path,
        typer.Argument(
            help="assessment.json, comparison.json, ranking.json, evaluation.json, statement.json, "
            "plan.json, or a page made from one."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The page to write.")],
    assets: Assets = "inline",
    as_json: AsJson = False,
) -> None:
    """Write a result as one HTML page that can be mailed.

    Examples
    --------
        footprint report comparison.json -o comparison.html

        footprint report comparison.json -o site/comparison.html --assets directory
    """
    from footprint.cli.output import print_json
    from footprint.reporting import write_report

    if output.suffix != ".html":
        raise UsageError(f"{output} does not end in .html.", "A report is an HTML page.")
    page = write_report(read_result(result), output, assets=assets, command=command_line())
    if as_json:
        print_json({"page": str(page)})
    else:
        print_text(str(page))


def _timed(journal: Journal, settings: Settings, options: list[str]) -> tuple[Journal, Settings]:
    """Weigh series of intensity with the energy of a journal."""
    from footprint.documents import input_file
    from footprint.factors.series_files import read_series
    from footprint.intensity_means import weigh_intensities

    series, inputs = [], []
    for option in options:
        zone, _, name = option.rpartition("=")
        found = read_series(Path(name))
        if zone and len(found) != 1:
            raise UsageError(
                f"{name} has {len(found)} zones; {zone!r} cannot stand for all of them.",
                "Name the file alone.",
            )
        series += [replace(one, zone=zone or one.zone) for one in found]
        inputs.append(input_file(Path(name)))
    means, findings = weigh_intensities(journal, series, settings.signal, settings.zones)
    journal = replace(
        journal, findings=(*journal.findings, *findings), inputs=(*journal.inputs, *inputs)
    )
    return journal, replace(settings, intensities={**settings.intensities, **means})


def _correctable(error: FactorNotFound, journal: Journal) -> FactorNotFound:
    """Say how a name that stands in the journal is corrected: the training need not run again."""
    for option, column in (("--zone", "zone"), ("--device", "device")):
        for name in filter(None, dict.fromkeys(journal.columns[column])):
            if repr(name) in error.message:
                correct = f"The journal names it; correct it with {option} {shlex.quote(name)}=NEW."
                return FactorNotFound(error.message, f"{correct} {error.remedy}")
    return error


def _planned(
    path: Path, architecture: str, factors: list[Path], seed: int | None, draws: int | None
) -> Assessment:
    """Estimate a manifest."""
    from footprint.manifest import read_manifest
    from footprint.model import Architecture
    from footprint.scenarios import estimate_study

    study = read_manifest(path)
    study = replace(
        study,
        factors=(*study.factors, *map(str, factors)),
        seed=study.seed if seed is None else seed,
        draws=study.draws if draws is None else draws,
    )
    return estimate_study(study, Architecture.parse(architecture))


def _imported(source: str, paths: list[Path], url: str, as_of: int | None) -> Journal:
    """Read runs of a ledger, or a file of another tool."""
    if source == "ledger":
        from footprint.ledger import ledger_journal, open_ledger

        with open_ledger(url, read_only=True) as ledger:
            return ledger_journal(ledger, [str(path) for path in paths], as_of=as_of)
    from footprint.integrations.codecarbon import read_emissions_csv
    from footprint.integrations.nvflare import read_job_stats

    importers: dict[str, Callable[[Path], Journal]] = {
        "codecarbon": read_emissions_csv,
        "nvflare": read_job_stats,
    }
    if source not in importers:
        raise UsageError(
            f"--from cannot be {source!r}.", f"Use one of: journal, ledger, {', '.join(importers)}."
        )
    if len(paths) != 1:
        raise UsageError(f"--from {source} takes one file, not {len(paths)}.", "Name one file.")
    return importers[source](paths[0])


def _cross_checked(journal: Journal, path: Path) -> Journal:
    """Add what codecarbon measured of the same run as a finding."""
    from footprint.integrations.codecarbon import cross_check

    finding = cross_check(journal.total("energy_kwh") or 0.0, path)
    return replace(journal, findings=(*journal.findings, finding))


def check_output(output: Path | None) -> None:
    """Refuse to write a result to a file that is neither JSON nor a page."""
    if output is not None and output.suffix not in (".json", ".html"):
        raise UsageError(
            f"{output} ends neither in .json nor in .html.",
            "A .json file keeps the result, an .html file shows it.",
        )


def _replacements(options: list[str], name: str) -> dict[str, str]:
    replacements: dict[str, str] = {}
    for option in options:
        old, equals, new = option.rpartition("=")
        if not new or (equals and not old):
            raise UsageError(
                f"{name} {option!r} cannot be used.",
                f"Give {name} NEW for what has none, and {name} OLD=NEW to correct one.",
            )
        if old in replacements:
            what = f"for {old!r}" if old else "for what has none"
            raise UsageError(f"{name} is given twice {what}.", "Give it once.")
        replacements[old] = new
    return replacements


def read_result(path: Path) -> Result:
    """Read a result from its file, or from a page that holds it."""
    from footprint.documents import from_json, read_document, read_text
    from footprint.reporting import extract_document

    if path.is_dir() or path.suffix == ".jsonl":
        raise DocumentError(
            f"{path} holds journals, and no result.",
            f"Estimate them first: footprint estimate {path} -o page.html",
        )
    if path.suffix != ".html":
        return read_document(path)
    return from_json(extract_document(read_text(path)), name=str(path))


def _assessment(path: Path) -> Assessment:
    from footprint.model import AdvicePlan, Assessment

    result = read_result(path)
    if isinstance(result, AdvicePlan):
        raise UsageError(
            f"{path} is a plan of advice: its options are compared already.",
            f"See them with: footprint report {path} -o plan.html",
        )
    if not isinstance(result, Assessment):
        raise UsageError(
            f"{path} is no single result: it compares some already.",
            "Make one with: footprint estimate JOURNAL -o assessment.json",
        )
    return result


def deliver(result: Result, output: Path | None, assets: str, *, as_json: bool) -> None:
    """Write a result where it was asked for, and print it."""
    from footprint.documents import to_json, write_document

    if output is not None and output.suffix == ".html":
        from footprint.reporting import write_report

        say(f"wrote {write_report(result, output, assets=assets, command=command_line())}")
    elif output is not None:
        say(f"wrote {write_document(result, output)}")
    if as_json:
        print_text(to_json(result))
    else:
        from footprint.reporting.terminal import print_result

        print_result(result)


def command_line() -> str:
    """Give the command as a person types it; a page shows it."""
    program = Path(sys.argv[0]).name
    words = ["python", "-m", "footprint"] if program == "__main__.py" else [program]
    return shlex.join([*words, *sys.argv[1:]])
