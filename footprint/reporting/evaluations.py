"""From an evaluation to what its page shows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from footprint.model import Evaluation, Finding, Metric, SeedResult
from footprint.model.evaluations import TO_TARGET
from footprint.reporting.knobs import knob_tables
from footprint.reporting.metrics import metric_table
from footprint.reporting.numbers import NOT_KNOWN, clean, exact, percent, plural
from footprint.reporting.registers import declared_table, file_table
from footprint.reporting.rivalry import (
    budget_text,
    evaluation_remarks,
    evaluation_title,
    evaluation_verdict,
)
from footprint.reporting.rivals import evaluation_figures
from footprint.reporting.shapes import Cell, Column, EvaluationPage, Table
from footprint.reporting.view import group_notices
from footprint.units import format_quantity

_RESULTS = (
    Metric.EMISSIONS_TO_TARGET_G,
    Metric.SECOND_TO_TARGET_G,
    Metric.ENERGY_TO_TARGET_KWH,
    Metric.TIME_TO_TARGET_S,
    Metric.COST_TO_TARGET,
    Metric.ACCURACY_AT_SHARED,
    Metric.GAP,
)
_BESIDE = (
    Metric.ENERGY_KWH,
    Metric.EMISSIONS_G,
    Metric.ROUNDS,
    Metric.DISCARDED_KWH,
    Metric.JAIN_ROUNDS,
    Metric.GAP,
)
_SPENT = (
    Metric.ENERGY_KWH,
    Metric.EMISSIONS_G,
    Metric.SECOND_G,
    Metric.COST,
    Metric.ELAPSED_S,
    Metric.ROUNDS,
    Metric.ACCEPTED_UNITS,
    Metric.G_PER_UNIT,
    Metric.ACCURACY,
)
_WASTE = (
    Metric.WAIT_KWH,
    Metric.DISCARDED_KWH,
    Metric.DISCARDED_UNITS,
    Metric.OVERHEAD_S,
    Metric.OVERHEAD_KWH,
)
_INTERVALS = (
    "Means over the seeds that every policy ran; beneath, their 95 % confidence intervals "
    "(Student's t)."
)


def view_evaluation(result: Evaluation) -> EvaluationPage:
    """Decide everything that the page of an evaluation says."""
    findings: dict[Finding, list[str]] = {finding: [] for finding in result.findings}
    took = tuple(metric for metric in _RESULTS if metric in TO_TARGET)
    beside = (result.deciding, *(metric for metric in _BESIDE if metric is not result.deciding))
    tables = [
        metric_table("What decides, and beside it", result, beside, _INTERVALS + _gap_note(result))
    ]
    tables.append(metric_table("What it took to reach the target", result, took))
    if result.deciding in TO_TARGET:
        tables = [metric_table("What it took", result, _RESULTS, _INTERVALS + _gap_note(result))]
    tables += knob_tables(result)
    return EvaluationPage(
        kind="evaluation",
        title=evaluation_title(result),
        verdict=evaluation_verdict(result),
        remarks=evaluation_remarks(result),
        results=tuple(table for table in tables if len(table.columns) > 1),
        warnings=group_notices(findings),
        figures=evaluation_figures(result),
        details=(
            metric_table("Spent and done in all", result, _SPENT, _UNEQUAL),
            metric_table("Waiting, waste and overhead", result, _WASTE, _OVERHEAD),
            _domain_table(result),
        ),
        settings=(_setting_table(result), _policy_table(result)),
        versions=_version_table(result),
        inputs=(file_table(result.inputs), declared_table(result.declared)),
    )


_UNEQUAL = "Runs end by their budget or length, so these compare nothing unless they end alike."
_OVERHEAD = (
    "Waiting and lost work are parts of the energy above. The time of the choices was measured, so "
    "it differs from one evaluation to the next."
)


def _gap_note(result: Evaluation) -> str:
    if result.oracle is None:
        return ""
    return (
        f" A gap of 0 is {clean(result.oracle)}, which knows the future, one of 1 "
        f"{clean(result.baseline)}."
    )


def _domain_table(result: Evaluation) -> Table:
    """Show how often a client of each power domain took part, by policy."""
    columns = (
        Column("Power domain"),
        Column("Clients", numeric=True),
        *(Column(clean(policy.name), "% of rounds", numeric=True) for policy in result.policies),
    )
    rows = []
    for place, domain in enumerate(result.world.domains):
        about = ", ".join(filter(None, (domain.zone, domain.mode)))
        cells = [Cell(_mean_share(result.compared(policy), place)) for policy in result.policies]
        rows.append(
            (Cell(clean(domain.name), (clean(about),)), Cell(f"{domain.clients:,}"), *cells)
        )
    return Table("Rounds in which a client took part, on average", columns, tuple(rows))


def _mean_share(runs: Sequence[SeedResult], place: int) -> str:
    shares = [one.domains[place] for one in runs if one.domains]
    return percent(sum(shares) / len(shares)) if shares else NOT_KNOWN


def _setting_table(result: Evaluation) -> Table:
    world = result.world
    start = datetime.fromtimestamp(world.start_s, UTC)
    limits = [f"{exact(one.total)} {one.resource} ({one.mode})" for one in world.budgets]
    facts = [
        ("Starts", f"{start:%Y-%m-%d %H:%M} UTC"),
        ("Lasts", f"{format_quantity('time', world.length_s)}, in steps of {world.step_s} s"),
        ("A round ends with", _updates(world.updates)),
        ("Clients", plural(sum(one.clients for one in world.domains), "client")),
        ("Intensity that decides and bills", str(world.signal)),
        ("Second signal", str(world.second_signal) if world.second_signal else "none"),
        ("Forecasts", ", ".join(f"{what}: {kind}" for what, kind in world.forecasts) or "none"),
        ("Learner", clean(world.learner) or "none: accuracy is not known"),
        ("Target", "none" if result.target is None else f"accuracy {percent(result.target)}"),
        ("Budgets", ", ".join(limits) or "none"),
        ("The budget that is drawn", budget_text(result) or "none"),
        ("Baseline", clean(result.baseline)),
        ("Oracle", clean(result.oracle) if result.oracle else "none"),
        ("Seeds", ", ".join(map(str, result.seeds))),
    ]
    rows = tuple((Cell(name), Cell(value)) for name, value in facts)
    return Table("The world, and what was asked", (Column("Item"), Column("Value")), rows)


def _updates(updates: int | None) -> str:
    return "the updates of all who were chosen" if updates is None else plural(updates, "update")


def _policy_table(result: Evaluation) -> Table:
    rows = []
    for policy in result.policies:
        ends: dict[str, int] = {}
        for one in policy.seeds:
            ends[one.ended_by] = ends.get(one.ended_by, 0) + 1
        ended = [f"{count} by {clean(why)}" for why, count in ends.items()]
        ended += [f"seed {one.seed} failed: {clean(one.message)}" for one in policy.failed]
        told = [*policy.options]
        if policy.knobs is not None:
            told.append(("methods", policy.knobs.method or f"chosen by {policy.knobs.table}"))
        options = ", ".join(f"{clean(key)} = {clean(value)}" for key, value in told)
        rows.append(
            (
                Cell(clean(policy.name)),
                Cell(clean(policy.rule), code=True),
                Cell(options or "none"),
                Cell(f"{len(policy.seeds)} of {len(result.seeds)}"),
                Cell("; ".join(ended)),
            )
        )
    columns = (
        Column("Policy"),
        Column("Rule"),
        Column("Options"),
        Column("Seeds that ran", numeric=True),
        Column("Runs ended"),
    )
    return Table("Policies", columns, tuple(rows))


def _version_table(result: Evaluation) -> Table:
    rows = (
        (Cell("Evaluation"), Cell(clean(result.name))),
        (Cell("footprint version"), Cell(clean(result.tool_version))),
        (Cell("Seeds"), Cell(", ".join(map(str, result.seeds)))),
    )
    return Table("Versions", (Column("Item"), Column("Value")), rows)
