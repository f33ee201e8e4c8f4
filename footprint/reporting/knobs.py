"""How clients trained: tables of the page of an evaluation."""

from __future__ import annotations

from collections.abc import Sequence

from footprint.model import Evaluation, MethodPlans, MethodTrainings, Metric, PolicyResult
from footprint.model.method_costs import Kind
from footprint.reporting.metrics import contrast_cell, heading_of
from footprint.reporting.numbers import NOT_KNOWN, Scale, clean, percent, signed
from footprint.reporting.shapes import Cell, Column, Table

_BESIDE_PLAIN = (
    Metric.EMISSIONS_TO_TARGET_G,
    Metric.ACCURACY_AT_SHARED,
    Metric.G_PER_UNIT,
    Metric.EMISSIONS_G,
    Metric.ROUNDS,
)


def knob_tables(result: Evaluation) -> tuple[Table, ...]:
    """Make the tables of policies that choose how clients train; none without such a policy."""
    policies = [policy for policy in result.policies if policy.knobs is not None]
    if not policies:
        return ()
    plans = _plans_table(result, policies)
    tables = [_method_table(result, policies), *((plans,) if plans else ())]
    if any(policy.knobs and policy.knobs.contrasts for policy in policies):
        tables.append(_plain_table(policies))
    return tuple(tables)


def _method_table(result: Evaluation, policies: Sequence[PolicyResult]) -> Table:
    """Show which method was used how often by domain, and what its work took."""
    domains = result.world.domains
    used = {policy.name: _summed(result, policy) for policy in policies}
    runs = {policy.name: max(1, len(result.compared(policy))) for policy in policies}
    each_kwh = [one.energy_kwh / runs[name] for name, rows in used.items() for one in rows]
    scale = Scale.of("energy", each_kwh)
    columns = (
        Column("Policy"),
        Column("Method"),
        *(Column(clean(one.name), "% of trainings", numeric=True) for one in domains),
        Column("Trainings", numeric=True),
        Column("Energy of the work, a run", scale.unit, numeric=True),
        Column(_saved_heading(policies), "%", numeric=True),
    )
    rows = []
    for policy in policies:
        columns_of = zip(*(one.trainings for one in used[policy.name]), strict=True)
        totals = [sum(column) for column in columns_of]
        for one in used[policy.name]:
            shares = [
                percent(count / total) if total else NOT_KNOWN
                for count, total in zip(one.trainings, totals, strict=True)
            ]
            own_kwh = one.energy_kwh / runs[policy.name]
            rows.append(
                (
                    Cell(clean(policy.name)),
                    Cell(clean(one.method)),
                    *(Cell(share) for share in shares),
                    Cell(f"{sum(one.trainings):,}"),
                    Cell(scale.text(own_kwh, own_kwh / 10)),
                    Cell(_saving(one)),
                )
            )
    note = (
        "Trainings that were begun, over the seeds that every policy ran; energy is the mean of "
        "their runs. Saved: of the energy "
        "that the same work takes by the reference of the table; work alone, neither waiting nor "
        "messages. By the ratios of the table, which hold nothing that was counted or projected."
    )
    return Table("How clients trained", columns, tuple(rows), note=note)


def _saved_heading(policies: Sequence[PolicyResult]) -> str:
    """Say what savings rest on: a meter, or time."""
    kinds = {kind for one in policies if one.knobs is not None for kind in one.knobs.energy_kinds}
    words = ["measured"] if Kind.MEASURED in kinds else []
    words += ["modelled from time"] if Kind.MODELLED_FROM_TIME in kinds else []
    return f"Saved, by the table ({' and '.join(words) or 'which has no other method'})"


def _plans_table(result: Evaluation, policies: Sequence[PolicyResult]) -> Table | None:
    """Show what came of choosing within what a round may emit; None if nobody did."""
    rows = []
    for policy in policies:
        plans = [one.plans for one in result.compared(policy) if one.plans is not None]
        if plans:
            total = sum(plans, MethodPlans())
            counts = (total.rounds, total.unfit, total.trainings, total.unplanned)
            gap = f"{total.gap_points:.2g}" if total.gap_points else "0"
            rows.append(
                (Cell(clean(policy.name)), *(Cell(f"{one:,}") for one in counts), Cell(gap))
            )
    if not rows:
        return None
    columns = (
        Column("Policy"),
        Column("Rounds", numeric=True),
        Column("Passed what they may emit", "rounds", numeric=True),
        Column("Trainings", numeric=True),
        Column("Of unknown energy", "trainings", numeric=True),
        Column("Lost beyond the best choice, at most", "points", numeric=True),
    )
    note = (
        "As planned, over the seeds that every policy ran. Into a round that passed, nothing "
        "fitted: everybody trained by the cheapest method. Who is of unknown energy trains by the "
        "reference, and is in no plan."
    )
    return Table("Choices of methods", columns, tuple(rows), note=note)


def _saving(one: MethodTrainings) -> str:
    if not one.reference_kwh:
        return NOT_KNOWN
    return signed(f"{100 * (1 - one.energy_kwh / one.reference_kwh):.0f}").replace("+", "")


def _summed(result: Evaluation, policy: PolicyResult) -> list[MethodTrainings]:
    """Sum over the seeds, the most used first."""
    found: dict[str, MethodTrainings] = {}
    for seed in result.compared(policy):
        for one in seed.methods:
            before = found.get(one.method)
            if before is not None:
                pairs = zip(before.trainings, one.trainings, strict=True)
                one = MethodTrainings(
                    one.method,
                    tuple(a + b for a, b in pairs),
                    before.energy_kwh + one.energy_kwh,
                    before.reference_kwh + one.reference_kwh,
                )
            found[one.method] = one
    return sorted(found.values(), key=lambda one: (-sum(one.trainings), one.method))


def _plain_table(policies: Sequence[PolicyResult]) -> Table:
    known = [
        metric
        for metric in _BESIDE_PLAIN
        if any(c.metric is metric for p in policies if p.knobs for c in p.knobs.contrasts)
    ]
    columns = (
        Column("Policy"),
        Column("Beside"),
        *(Column(heading_of(metric), numeric=True) for metric in known),
    )
    rows = []
    for policy in policies:
        knobs = policy.knobs
        if knobs is None or knobs.plain is None:
            continue
        by_metric = {one.metric: one for one in knobs.contrasts}
        cells = [contrast_cell(by_metric.get(metric)) for metric in known]
        rows.append((Cell(clean(policy.name)), Cell(clean(knobs.plain)), *cells))
    note = (
        "Differences over pairs with one seed, and their 95 % confidence intervals (Student's t). "
        "Runs end by their budget or length, so sums compare nothing unless they end alike."
    )
    return Table("With and without the choice of methods", columns, tuple(rows), note=note)
