"""`audit`: the statement of a company, made, made again, and compared."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from footprint.cli.audit_text import (
    plain_difference,
    plain_verification,
    print_difference,
    print_verification,
)
from footprint.cli.output import print_json, print_text, say
from footprint.cli.results import AsJson, Assets, Output, check_output, deliver, read_result
from footprint.errors import DocumentError, UsageError

if TYPE_CHECKING:
    from footprint.audit.deployments import Deployment
    from footprint.audit.exports import Form
    from footprint.model import Statement


_PAGES = {
    "changed": "shows something else than the data in it",
    "other library": "shows the data in it, with a plotting library of its own that may draw "
    "anything: name the bundle that it was made with, if you trust it (--assets)",
}
"""What is wrong with a page."""


class DefaultGroup(TyperGroup):
    """A group whose command `run` may go without its name: `footprint audit FOLDER`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `run` before what is no command."""
        if args and args[0] not in self.commands and args[0] != "--help":
            args = ["run", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=DefaultGroup,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="""
    Audit the deployments of a company: a statement from its manifest.

    `footprint audit FOLDER` is short for `footprint audit run FOLDER`.
    """,
)

AllowOutside = Annotated[
    bool,
    typer.Option(
        "--allow-outside",
        help="Let the manifest name files and databases outside of its own folder.",
    ),
]


@app.command("run")
def run(
    manifest: Annotated[Path, typer.Argument(help="A manifest, or the folder of deployment.toml.")],
    output: Output = None,
    assets: Assets = "inline",
    allow_outside: AllowOutside = False,
    as_json: AsJson = False,
) -> None:
    """Make the statement of a company, with what the checks find.

    Exits with 1 if a finding is an error.

    Examples
    --------
        footprint audit examples/company/

        footprint audit examples/company/ -o statement.json

        footprint audit examples/company/deployment.toml -o statement.html
    """
    from footprint.audit import read_deployment, state
    from footprint.model import Severity

    check_output(output)
    deployment = read_deployment(manifest, outside=allow_outside)
    _warn_of_open(deployment)
    statement = state(deployment)
    deliver(statement, output, assets, as_json=as_json)
    if any(finding.severity is Severity.ERROR for finding in statement.findings):
        raise typer.Exit(1)


def _warn_of_open(deployment: Deployment) -> None:
    """Say that a period is not over; a statement itself never looks at the clock."""
    period, today = deployment.period, datetime.now(UTC).date()
    if period.as_of is None and period.end > today:
        say(
            f"warning: The period ends on {period.end}, and today is {today}: the statement "
            "cannot tell what happened from what is planned.\n"
            f"  Write as_of = {today} under [period], and every reader is told."
        )


@app.command("verify")
def verify(
    statement: Annotated[Path, typer.Argument(help="A statement, as .json or .html.")],
    manifest: Annotated[
        Path | None,
        typer.Option(help="Its manifest. [default: of its name, beside it or in this folder]"),
    ] = None,
    assets: Annotated[
        str | None,
        typer.Option(
            help="plotly.js bundle that a page was made with, if it is none of ours: you vouch "
            "for what it draws."
        ),
    ] = None,
    allow_outside: AllowOutside = False,
    as_json: AsJson = False,
) -> None:
    """Make a statement again from its inputs, and compare to the last digit.

    Of a page (.html), what it shows is held against the data in it, too.

    Exits with 1 if a figure, the manifest, an input or a page differs.

    Examples
    --------
        footprint audit verify statement.json --manifest examples/company/deployment.toml

        footprint audit verify statement.html --assets our-plotly.js
    """
    from footprint.audit import read_deployment, state
    from footprint.audit import verify as verify_
    from footprint.errors import ManifestError

    stated = _statement(statement)
    taken = manifest or _manifest_of(stated, statement)
    try:
        again = state(read_deployment(taken, outside=allow_outside))
    except ManifestError as error:
        if manifest is not None:
            raise
        remedy = f"{error.remedy} If the statement is of another manifest, name it: --manifest."
        raise ManifestError(error.message, remedy.strip()) from error
    found = verify_(stated, again)
    page = _check_page(statement, stated, assets)
    if as_json:
        print_json(plain_verification(found) | {"manifest": str(taken), "page": page})
    else:
        print_verification(found)
        if manifest is None and found.unpinned:
            say(f"The manifest is {taken}. If it is another, name it with --manifest.")
        if page in _PAGES:
            print_text(f"{statement} {_PAGES[page]}")
        elif page == "unknown":
            say("Only the data of the page was compared: another release drew what it shows.")
    if not found.reproduced or page in _PAGES:
        raise typer.Exit(1)


@app.command("diff")
def diff(
    old: Annotated[Path, typer.Argument(help="The earlier statement.")],
    new: Annotated[Path, typer.Argument(help="The later one.")],
    total: Annotated[
        str, typer.Option(help="Which total: location, market, sci, amortised, 3.1, ...")
    ] = "location",
    as_json: AsJson = False,
) -> None:
    """Say what changed between two statements, and why: the parts add up.

    Runs, silos and hardware of other names are summed with their like: by place, silo and
    stage of life.

    Examples
    --------
        footprint audit diff 2024.json 2025.json

        footprint audit diff 2024.json 2025.json --total market --json
    """
    from footprint.audit import explain

    found = explain(_statement(old), _statement(new), total)
    if as_json:
        print_json(plain_difference(found))
    else:
        print_difference(found)


@app.command("export")
def export(
    statement: Annotated[Path, typer.Argument(help="A statement, as .json or .html.")],
    form: Annotated[
        str,
        typer.Option(
            "--format",
            help="csv (a folder), pact (.json), impact-framework (.yml), ghg or esrs "
            "(.csv, .md or .html).",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="What to write. [default: print it]"),
    ] = None,
    total: Annotated[
        str,
        typer.Option(help="Which total an Impact Framework manifest computes: location, sci, ..."),
    ] = "location",
    as_json: AsJson = False,
) -> None:
    """Give a statement the form that others ask for: its figures, and no others.

    pact needs a [product] table in the manifest, and impact-framework the extra 'audit'.

    Examples
    --------
        footprint audit export statement.json --format csv -o lists/

        footprint audit export statement.json --format ghg

        footprint audit export statement.json --format esrs -o esrs.html

        footprint audit export statement.json --format pact -o footprint.json

        footprint audit export statement.json --format impact-framework --total sci -o sci.yml
    """
    from footprint.audit.exports import Form, export_statement, remark_errors
    from footprint.documents import write_text

    chosen = Form.parse(form)
    several = chosen is Form.CSV
    if several and output is None and not as_json:
        raise UsageError("csv is several files.", "Name a folder for them with -o.")
    suffix = _suffix(chosen, output)
    stated = _statement(statement)
    texts = export_statement(stated, chosen, suffix, total)
    if errors := remark_errors(stated):
        say(f"warning: {errors}")
    if output is None:
        if as_json:
            print_json({"format": chosen.value, "documents": texts})
        else:
            print_text(next(iter(texts.values())))
        return
    targets = [output / name if several else output for name in texts]
    for target, text in zip(targets, texts.values(), strict=True):
        write_text(target, text)
        say(f"wrote {target}")
    if as_json:
        print_json({"format": chosen.value, "files": [str(target) for target in targets]})


def _suffix(chosen: Form, output: Path | None) -> str:
    """Which of its forms a format takes: by the name of the file, Markdown on a screen."""
    from footprint.audit.exports import SUFFIXES

    accepted = SUFFIXES[chosen]
    if output is None:
        return ".md" if ".md" in accepted else ""
    if not accepted and (output.suffix == ".csv" or output.is_file()):
        raise UsageError(f"{output} is no folder.", "csv is several files: name a folder.")
    if accepted and output.suffix not in accepted:
        raise UsageError(
            f"{output} does not end in {' or '.join(accepted)}.", f"{chosen.value} is such a file."
        )
    return output.suffix if accepted else ""


def _statement(path: Path) -> Statement:
    from footprint.model import Statement

    if path.is_dir() or path.suffix == ".toml":
        raise UsageError(
            f"{path} is what a statement is made from.",
            f"Make the statement first: footprint audit {path} -o statement.json",
        )
    if not path.exists():
        raise DocumentError(
            f"{path} cannot be read: there is no such file.",
            "Make it with: footprint audit MANIFEST -o statement.json",
        )
    found = read_result(path)
    if not isinstance(found, Statement):
        raise UsageError(
            f"{path} is no statement.", "Make one with: footprint audit MANIFEST -o statement.json"
        )
    return found


def _check_page(path: Path, stated: Statement, assets: str | None) -> str | None:
    """Draw a page again from its data.

    Returns
    -------
    str or None
        ``"same"``, ``"changed"``, ``"other library"``, or ``"unknown"`` if a release differs;
        None if it is no page.
    """
    from footprint._version import __version__
    from footprint.documents import read_text
    from footprint.reporting import differs_in_library, is_drawn_from

    if path.suffix != ".html":
        if assets is not None:
            raise UsageError(f"{path} is no page.", "Leave --assets out.")
        return None
    page = read_text(path)
    if is_drawn_from(page, stated, assets):
        return "same"
    if assets is None and differs_in_library(page, stated):
        return "other library"
    return "changed" if stated.reproduce.tool_version == __version__ else "unknown"


def _manifest_of(statement: Statement, path: Path) -> Path:
    name = Path(statement.reproduce.manifest).name
    for folder in (path.resolve().parent, Path.cwd()):
        if name and (folder / name).is_file():
            return folder / name
    raise DocumentError(
        f"The manifest {name!r} of {path} is neither beside it nor in this folder.",
        f"Name it: footprint audit verify {path} --manifest FOLDER/{name or 'deployment.toml'}",
    )
