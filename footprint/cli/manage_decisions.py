"""`footprint manage approve`, `reject`, `decisions` and `outcome`: what became of advice."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from footprint.cli.ledger_options import (
    DEFAULT_URL,
    AsJson,
    AsOf,
    Reason,
    Url,
    busy,
    moment_of,
    note_of,
)
from footprint.cli.manage_decisions_text import (
    decision_line,
    print_decisions,
    print_outcome,
    reach,
    say_conditions,
    say_outcome,
)
from footprint.cli.output import print_json, print_text, say
from footprint.errors import UsageError

if TYPE_CHECKING:
    from footprint.ledger import Decision, Ledger, Note
    from footprint.management.outcomes import MeasuredOutcome
    from footprint.model import AdvicePlan

Plan = Annotated[
    Path, typer.Argument(metavar="PLAN", help="Plan that `footprint manage advise -o` wrote.")
]
AdviceId = Annotated[
    str, typer.Argument(metavar="ADVICE", help="Id of the advice, such as schedule/defects-v4.")
]
By = Annotated[str, typer.Option("--by", help="Who decided. Nothing is taken from the account.")]
Older = Annotated[
    bool, typer.Option("--older", help="Decide by this plan, though a newer one was decided on.")
]
CompanyName = Annotated[
    str | None, typer.Option(help="Only of this company, if the ledger has several.")
]


def approve(
    plan: Plan,
    advice: AdviceId,
    by: By,
    reason: Reason = "",
    older: Older = False,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Approve an advice: the ledger keeps what it promised, by whom and when.

    The same twice changes nothing. A later decision about the same question takes its place;
    the earlier one stays in the history, and what was measured of the same plan stays with it. A
    plan that is older than the one decided on is refused without --older.

    For example:

      footprint manage approve plan.json architecture/defects --by "A. Keller"
    """
    note = note_of(None, reason, by)
    _decide("approved", (plan, advice), note, url, older=older, as_json=as_json)


def reject(
    plan: Plan,
    advice: AdviceId,
    by: By,
    reason: Reason = "",
    older: Older = False,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Reject an advice, or take an approval back.

    For example:

      footprint manage reject plan.json dataset/turin/door-events --by "A. Keller"
        --reason "the supplier still asks for it"
    """
    note = note_of(None, reason, by)
    _decide("rejected", (plan, advice), note, url, older=older, as_json=as_json)


def _decide(
    status: str,
    what: tuple[Path, str],
    note: Note,
    url: str,
    *,
    older: bool,
    as_json: bool,
) -> None:
    """Enter a decision about an advice of a plan, and say what came of it."""
    from footprint.ledger import DecisionStatus, open_ledger
    from footprint.management.records import advice_of, decide

    path, advice = what
    plan = _read_plan(path)
    with open_ledger(url) as ledger:
        decision = decide(ledger, plan, advice, DecisionStatus(status), note, older=older)
    if as_json:
        print_json(_plain(decision))
    else:
        print_text(decision_line(decision))
        if not decision.is_new:
            say("Nothing was changed: the ledger has this decision already.")
        elif str(decision.status) == "rejected" and not decision.reason:
            say("Nobody said why; --reason tells those who read it later.")
        if str(decision.status) == "approved":
            say_conditions(advice_of(plan, advice), plan)


def _read_plan(path: Path) -> AdvicePlan:
    from footprint.documents import read_document
    from footprint.model import AdvicePlan

    found: Any = read_document(path)
    if not isinstance(found, AdvicePlan):
        raise UsageError(
            f"{path} is no plan of advice.", "Make one with: footprint manage advise -o plan.json"
        )
    return found


def decisions(
    company: CompanyName = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also decisions that another one took the place of.")
    ] = False,
    as_of: AsOf = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """List what was promised, what was decided by whom, and what became of it.

    For example:

      footprint manage decisions

      footprint manage decisions --all --json
    """
    from footprint.ledger import list_decisions, open_ledger

    with open_ledger(url, read_only=True) as ledger:
        found = list_decisions(ledger, company=company, everything=everything, as_of=as_of)
    if as_json:
        print_json([_plain(one) for one in found])
    elif not found:
        say("Nothing was decided yet; decide with: footprint manage approve PLAN ADVICE --by NAME")
    else:
        print_decisions(found)


def _plain(decision: Decision) -> dict[str, Any]:
    """Write a decision for programs; its outcome without the estimates."""
    plain = asdict(decision)
    if decision.outcome is not None:
        whole = reach(decision.outcome)
        plain["outcome"].pop("document")
        plain["outcome"] |= {name: whole.get(name) for name in ("covered", "scaled", "inside")}
        plain["outcome"]["findings"] = whole.get("findings", [])
    return plain


def outcome(
    advice: AdviceId,
    folder: Annotated[
        Path, typer.Option(help="Folder of deployment.toml and management.toml.")
    ] = Path(),
    run: Annotated[
        list[str] | None,
        typer.Option(help="Run of the ledger that carried it out. Repeatable."),
    ] = None,
    before: Annotated[
        list[str] | None,
        typer.Option(
            help="Run that shows what was. Repeatable. [default: the option of today, as planned]"
        ),
    ] = None,
    silo: Annotated[
        list[str] | None, typer.Option(help="Only what this silo did. Repeatable.")
    ] = None,
    covers: Annotated[
        float | None,
        typer.Option(help="Share of what was promised that the runs are. [default: counted]"),
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(help="Phase that was promised and not done at all. Repeatable."),
    ] = None,
    nothing_ran: Annotated[
        bool, typer.Option("--nothing-ran", help="Nothing was run, as the advice wanted it.")
    ] = False,
    entry: Annotated[
        list[str] | None,
        typer.Option(help="SILO/NAME of a dataset or application. Repeatable."),
    ] = None,
    other: Annotated[
        list[str] | None,
        typer.Option(help="SILO/NAME that came or grew since and is not what went. Repeatable."),
    ] = None,
    catalogue_before: Annotated[
        str | None,
        typer.Option(help="Moment, in UTC: the last scan until then. [default: the decision]"),
    ] = None,
    catalogue_after: Annotated[
        str | None, typer.Option(help="Moment, in UTC: later scans do not count.")
    ] = None,
    scale: Annotated[
        bool, typer.Option("--scale", help="What was measured stands for the whole horizon.")
    ] = False,
    company: CompanyName = None,
    allow_outside: Annotated[
        bool,
        typer.Option(
            "--allow-outside",
            help="Let the manifests name files and folders outside of their own folder.",
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show it, and enter nothing into the ledger.")
    ] = False,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Put the measured saving of an approved advice beside the promised one, and record it.

    Advice about training, schedules and serving is measured in runs of the ledger; advice about
    datasets and applications in catalogues. Where something is missing there is no measured
    saving, it is said what would make one, and the exit code is 1.

    For example:

      footprint manage outcome architecture/defects --run defects-v4 --folder examples/company

      footprint manage outcome schedule/defects-v4 --run defects-v4-2 --before defects-v4-1

      footprint manage outcome dataset/turin/door-events --scale
    """
    from footprint.ledger import open_ledger
    from footprint.management.records import approved, record_outcome

    if nothing_ran and run:
        raise UsageError("--run and --nothing-ran contradict each other.", "Give one of them.")
    given = {
        "run": run, "before": before, "silo": silo, "covers": covers, "without": without,
        "nothing_ran": nothing_ran, "entry": entry, "other": other,
        "catalogue_before": catalogue_before, "catalogue_after": catalogue_after,
        "scale": scale, "outside": allow_outside,
    }  # fmt: skip
    with open_ledger(url) as ledger:
        decision = approved(ledger, advice, company)
        with busy("measuring"):
            measured = _measure(ledger, decision, folder, given)
        worse = _loses_a_saving(decision, measured)
        if not dry_run and not worse:
            entered = record_outcome(ledger, decision, measured)
            decision = replace(decision, outcome=entered)
    if as_json:
        print_json(_outcome_document(decision, measured))
    else:
        print_outcome(decision, measured)
    say_outcome(measured)
    if dry_run:
        say("Nothing was entered: this was a dry run.")
    elif worse:
        say("Nothing was entered: the ledger has a measured saving, which stays.")
    if measured.measured_g is None:
        raise typer.Exit(1)


def _measure(
    ledger: Ledger, decision: Decision, folder: Path, given: dict[str, Any]
) -> MeasuredOutcome:
    from footprint.management.catalogue_outcomes import measure_catalogues
    from footprint.management.outcomes import BY_CATALOGUES
    from footprint.management.records import advice_of, catalogue_series, read_plan
    from footprint.management.run_outcomes import RunChoice, measure_runs
    from footprint.management.scan_windows import CatalogueChoice
    from footprint.model import Phase

    plan = read_plan(ledger, decision.plan)
    advice = advice_of(plan, decision.proposal.advice)
    company = _read_company(folder, outside=given["outside"])
    by_catalogues = advice.kind in BY_CATALOGUES
    _require_fitting(str(advice.kind), given, _OF_RUNS if by_catalogues else _OF_CATALOGUES)
    if by_catalogues:
        times = {
            f"{side}_s": moment_of(f"catalogue-{side}", text)
            for side in ("before", "after")
            if (text := given[f"catalogue_{side}"]) is not None
        }
        seen = CatalogueChoice(
            decided_s=decision.made_s,
            entries=tuple(given["entry"] or ()),
            others=tuple(given["other"] or ()),
            scale=given["scale"],
            **times,
        )
        return measure_catalogues(company, plan, advice, catalogue_series(ledger), seen)
    if not given["run"] and not given["nothing_ran"]:
        raise UsageError(
            f"Nothing says what was run after {advice.id!r} was approved.",
            "Name it: --run NAME (see: footprint ledger runs), or say --nothing-ran.",
        )
    chosen = RunChoice(
        runs=tuple(given["run"] or ()),
        before=tuple(given["before"] or ()),
        silos=tuple(given["silo"] or ()),
        covers=given["covers"],
        scale=given["scale"],
        without=tuple(map(Phase.parse, given["without"] or ())),
        decided_s=decision.made_s,
    )
    return measure_runs(company, plan, advice, ledger, chosen)


def _loses_a_saving(decision: Decision, measured: MeasuredOutcome) -> bool:
    """Whether what was measured before would give way to what could not be measured."""
    last = decision.outcome
    return measured.measured_g is None and last is not None and last.measured_g is not None


_OF_RUNS = ("run", "before", "silo", "covers", "without", "nothing_ran")
_OF_CATALOGUES = ("entry", "other", "catalogue_before", "catalogue_after")


def _require_fitting(kind: str, given: dict[str, Any], others: tuple[str, ...]) -> None:
    """Refuse options that would change nothing."""
    for name in others:
        if given[name]:
            shown = "catalogues" if others is _OF_RUNS else "runs"
            raise UsageError(
                f"--{name.replace('_', '-')} means nothing for an advice about {kind}: it is "
                f"measured in {shown}.",
                "Leave it out.",
            )


def _read_company(folder: Path, *, outside: bool) -> Any:
    """Read what a company says of its silos and its needs; nothing is gathered."""
    import time

    from footprint.audit import read_deployment
    from footprint.audit.manifest import deployment_catalogue
    from footprint.management.advisor.company import Company
    from footprint.management.advisor.needs import read_needs

    deployment = read_deployment(folder, outside=outside)
    return Company(
        deployment=deployment,
        needs=read_needs(folder),
        catalogues={},
        factors=deployment_catalogue(deployment),
        now_s=time.time(),
    )


def _outcome_document(decision: Decision, measured: MeasuredOutcome) -> dict[str, Any]:
    import json

    from footprint.management.records import write_outcome

    document: dict[str, Any] = json.loads(write_outcome(measured))
    return {**document, "decision": _plain(decision)}
