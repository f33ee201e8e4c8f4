"""What `footprint manage decisions` and its like print."""

from __future__ import annotations

from typing import TYPE_CHECKING

from footprint.cli.ledger_text import moment, print_pairs, print_table, readable
from footprint.cli.output import say

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from footprint.ledger import Decision, OutcomeRecord
    from footprint.management.outcomes import MeasuredOutcome
    from footprint.model import Advice, AdvicePlan, Interval

_NONE = "not measured"


def grams(interval: Interval | None) -> str:
    """Write emissions with their 90 % interval."""
    if interval is None:
        return _NONE
    shown = readable("emissions", interval.value)
    if interval.low == interval.value == interval.high:
        return shown
    return (
        f"{shown} ({readable('emissions', interval.low)} to {readable('emissions', interval.high)})"
    )


def decision_line(decision: Decision) -> str:
    """Say what was decided."""
    from footprint.reporting.numbers import clean

    proposal = decision.proposal
    text = f"{decision.status} {proposal.advice}: {proposal.current} -> {proposal.recommended}, "
    text += f"promised saving {grams(proposal.promised_g)}; by {decision.author}, "
    return clean(text + f"{moment(decision.made_s)} (change {decision.change})")


def say_conditions(advice: Advice, plan: AdvicePlan) -> None:
    """Tell a person what is to be checked before an advice is carried out."""
    from footprint.reporting.numbers import clean

    if advice.part_of is not None:
        say(
            f"It is part of {clean(advice.part_of)}: what it saves is within what that saves, or "
            "can only be had with it. Do not add the two."
        )
    for part in plan.advice:
        if part.part_of == advice.id and part.changes:
            say(f"Part of it is {clean(part.id)}: do not add what the two save.")
    if advice.irreversible:
        say(f"{clean(advice.recommended)!r} cannot be undone.")
    for condition in advice.conditions:
        say(f"To be checked first: {clean(condition)}")


def print_decisions(found: Sequence[Decision]) -> None:
    """Print decisions as a table; ids stay whole, whatever the width."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from footprint.reporting.numbers import clean

    table = Table(show_lines=True)
    for head in ("advice", "decision"):
        table.add_column(head, overflow="fold")
    for head in ("promised saving", "measured saving"):
        table.add_column(head, justify="right", overflow="fold")
    for one in found:
        proposal, outcome = one.proposal, one.outcome
        ended = "" if one.superseded_by is None else f" until change {one.superseded_by}"
        rows = (
            (proposal.advice, f"{proposal.current} -> {proposal.recommended}"),
            (f"{one.status} by {one.author}{ended}", moment(one.made_s)),
            _two_lines(proposal.promised_g),
            ("",) if outcome is None else (*_two_lines(outcome.measured_g), *_say_reach(outcome)),
        )
        # Text, not str: what a name says is never read as markup.
        table.add_row(*(Text("\n".join(map(clean, lines))) for lines in rows))
    Console().print(table)


def reach(outcome: OutcomeRecord) -> dict[str, Any]:
    """Read what an outcome says of itself: how much it covers, and what was found."""
    import json

    try:
        found = json.loads(outcome.document)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _say_reach(outcome: OutcomeRecord) -> tuple[str, ...]:
    """Say of how much a measured saving is, if not of all."""
    whole = reach(outcome)
    covered = whole.get("covered")
    if outcome.measured_g is None or not isinstance(covered, (int, float)) or covered == 1:
        return ()
    share = f"{100 * covered:.3g} %"
    return (f"scaled up from {share}" if whole.get("scaled") else f"of {share} only",)


def _two_lines(interval: Interval | None) -> tuple[str, ...]:
    if interval is None:
        return (_NONE,)
    ends = f"{readable('emissions', interval.low)} to {readable('emissions', interval.high)}"
    return readable("emissions", interval.value), ends


def print_outcome(decision: Decision, measured: MeasuredOutcome) -> None:
    """Print promised and measured side by side."""
    from footprint.reporting.numbers import clean

    print_pairs(
        {
            "advice": f"{measured.advice}: {measured.current} -> {measured.recommended}",
            "approved": f"by {decision.author}, {moment(decision.made_s)}",
            "rests on": ", ".join(_evidence(measured)) or "nothing",
            "covers": _covered(measured),
        }
    )
    rows = [
        ("emissions before", grams(measured.planned_before_g), grams(measured.before_g)),
        ("emissions after", grams(measured.planned_after_g), grams(measured.after_g)),
        ("emissions saved", grams(measured.promised_g), grams(measured.measured_g)),
        ("energy saved", *map(_energy, (measured.promised_kwh, measured.measured_kwh))),
    ]
    if measured.currency is not None:
        costs = measured.promised_cost, measured.measured_cost
        rows.append(("money saved", *(_money(one, str(measured.currency)) for one in costs)))
    print_table(("", "promised", "measured"), rows, right=2)
    for side, portions in (("before", measured.before), ("after", measured.after)):
        for one in portions:
            weight = "" if one.weight == 1 else f" x {one.weight:.4g}"
            say(f"{side}: {clean(one.name)}, {grams(one.assessment.total_g)}{weight}")


def _evidence(measured: MeasuredOutcome) -> list[str]:
    shown = []
    for one in measured.evidence:
        when = "" if one.start_s is None else f" of {moment(one.start_s)}"
        shown.append(f"{one.side}: {one.what} {one.name}{when}")
    return shown


def _covered(measured: MeasuredOutcome) -> str:
    if measured.covered is None:
        return "not known which part of what was promised"
    share = f"{100 * measured.covered:.3g} % of what was promised"
    return f"{share}, scaled to all of it" if measured.scaled else share


def _energy(energy_kwh: float | None) -> str:
    return _NONE if energy_kwh is None else readable("energy", energy_kwh)


def _money(interval: Interval | None, currency: str) -> str:
    # Plus zero: what rounds to nothing is not less than nothing.
    return _NONE if interval is None else f"{round(interval.value, 2) + 0.0:,.2f} {currency}"


def say_outcome(measured: MeasuredOutcome) -> None:
    """Tell a person what an outcome means, and what is missing."""
    from footprint.model import Severity
    from footprint.reporting.numbers import clean

    for finding in measured.findings:
        if finding.severity is not Severity.INFO:
            say(clean(f"{finding.severity}: {finding.message} {finding.remedy}").rstrip())
    if measured.measured_g is None:
        say("There is no measured saving: the errors above say what is missing.")
    elif measured.inside is None:
        say("Promised and measured are not about the same amount; --scale lets one stand for all.")
    else:
        inside = "inside" if measured.inside else "outside"
        part = measured.scaled and measured.covered != 1
        scaled = f", scaled up from {100 * (measured.covered or 0.0):.3g} %," if part else ""
        say(f"The measured saving{scaled} lies {inside} of the promised interval.")
