"""Whether the numbers of a result agree with each other: a file may have been changed by hand."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from footprint.errors import DocumentError
from footprint.model import (
    Advice,
    AdvicePlan,
    Assessment,
    CompanyState,
    Comparison,
    Contribution,
    DecisionKind,
    Evaluation,
    Interval,
    MethodRun,
    MethodStudy,
    Ranking,
    SeedResult,
    Spread,
    Statement,
    StatementLine,
    Term,
    split_inverse,
)
from footprint.model.results import LEAST_G

Estimate: TypeAlias = Assessment | Comparison | Ranking
"""A result that rests on factors, whose parts add up to its total."""
Result: TypeAlias = Estimate | Evaluation | MethodStudy | Statement | AdvicePlan

_CHANGED = "The file was changed by hand or damaged; make it again."


def require_consistent(result: Result, name: str) -> None:
    """Refuse a result whose numbers contradict each other.

    Parameters
    ----------
    result
    name : str
        How to call it in an error.

    Raises
    ------
    DocumentError
    """
    if isinstance(result, Evaluation):
        _require_means(
            name, [(one.name, one.spreads, result.compared(one)) for one in result.policies]
        )
    elif isinstance(result, MethodStudy):
        _require_means(
            name, [(one.name, one.spreads, result.compared(one)) for one in result.methods]
        )
    elif isinstance(result, Statement):
        _require_lines(result, name)
    elif isinstance(result, AdvicePlan):
        _require_plan(result, name)
    else:
        _require_sums(result, name)


def _require_sums(result: Estimate, name: str) -> None:
    """Refuse a document whose numbers contradict each other."""
    if isinstance(result, Ranking):
        if not len(result.scenarios) == len(result.differences) + 1 == len(result.lowest):
            raise DocumentError(f"{name} lacks a scenario or a difference.", _CHANGED)
        for assessment in result.scenarios:
            _require_sums(assessment, name)
        parts = [d.difference_g.value for d in result.differences]
        first_g = result.scenarios[0].total_g.value
        total = sum(a.total_g.value - first_g for a in result.scenarios[1:])
        scale = sum(a.total_g.value for a in result.scenarios)
    elif isinstance(result, Comparison):
        for assessment in (result.baseline, result.candidate):
            _require_sums(assessment, name)
        _require_ends(result, name)
        parts = [c.difference_g.value for c in result.categories]
        total, scale = result.difference_g.value, result.baseline.total_g.value
    else:
        _require_terms(result.terms, result.contributions, name)
        parts = [c.emissions_g.value for c in result.contributions]
        total = scale = result.total_g.value
    if not math.isclose(math.fsum(parts), total, rel_tol=1e-9, abs_tol=1e-9 * abs(scale)):
        raise DocumentError(
            f"{name} does not add up: the parts give {math.fsum(parts)!r} g, "
            f"the total says {total!r} g.",
            _CHANGED,
        )


Rival: TypeAlias = tuple[str, Sequence[Spread], Sequence[SeedResult | MethodRun]]
"""Name, spreads and compared runs of a policy or a method."""


def _require_means(name: str, rivals: Sequence[Rival]) -> None:
    """Refuse a document whose means are not those of its seeds."""
    for rival, spreads, runs in rivals:
        for spread in spreads:
            found = [run.figures.get(spread.metric) for run in runs]
            known = [value for value in found if value is not None]
            mean = math.fsum(known) / len(known) if known else 0.0
            if (len(known), len(found)) != (spread.known, spread.seeds) or (
                spread.mean is not None
                and not math.isclose(mean, spread.mean, rel_tol=1e-9, abs_tol=1e-12)
            ):
                raise DocumentError(
                    f"{name}: {spread.metric} of {rival!r} is not the mean of its seeds.",
                    _CHANGED,
                )


def _require_lines(statement: Statement, name: str) -> None:
    """Refuse lines that are not their activity times factors, and totals that are not their sum."""
    _require_single(statement, name)
    values = {entry.id: entry.value for entry in statement.register}
    for line in statement.lines:
        whole = [one for one in (line.location_g, line.purchase_g, line.amortised_g) if one]
        if len(whole) != 1:
            raise DocumentError(f"{name}, line {line.id!r} has {len(whole)} values.", _CHANGED)
        for found, factors in ((whole[0], line.factors), (line.market_g, line.market_factors)):
            if found is not None and not math.isclose(
                _product(line, factors, values, name), found.value, rel_tol=1e-9, abs_tol=LEAST_G
            ):
                raise DocumentError(
                    f"{name}, line {line.id!r}: its activity times its factors is not "
                    f"{found.value!r} g.",
                    _CHANGED,
                )
    for total in statement.totals:
        parts = [one.value for line in statement.lines for _, one in line.figures(total.name)]
        if not math.isclose(math.fsum(parts), total.emissions_g.value, rel_tol=1e-9):
            raise DocumentError(
                f"{name}: the lines of {total.name!r} give {math.fsum(parts)!r} g, the total says "
                f"{total.emissions_g.value!r} g.",
                _CHANGED,
            )


def _require_single(statement: Statement, name: str) -> None:
    """Refuse two entries of one name: a reader would take the first one."""
    for kind, names in (
        ("lines", [one.id for one in statement.lines]),
        ("totals", [one.name for one in statement.totals]),
        ("register", [one.id for one in statement.register]),
        ("places", [one.name for one in statement.places]),
        ("drivers", [one.factor for one in statement.drivers]),
        ("instruments", [one.name for one in statement.instruments]),
    ):
        _require_once(name, kind, names)


def _require_once(name: str, kind: str, names: Iterable[str]) -> None:
    twice = [one for one, times in Counter(names).items() if times > 1]
    if twice:
        raise DocumentError(f"{name}, {kind}: {twice[0]!r} is there more than once.", _CHANGED)


def _product(
    line: StatementLine, factors: tuple[str, ...], values: dict[str, float], name: str
) -> float:
    product = line.activity * line.reported_share
    for factor_id, inverse in map(split_inverse, factors):
        value = values.get(factor_id)
        if value is None or (inverse and value == 0):
            raise DocumentError(
                f"{name}, line {line.id!r}: there is no factor {factor_id!r}.", _CHANGED
            )
        product = product / value if inverse else product * value
    return product


def _require_ends(result: Comparison, name: str) -> None:
    """Refuse a course over time that does not end at both totals."""
    for course in result.trajectories:
        if course.quantity != "time":
            continue
        for side, whole in (
            (course.baseline, result.baseline),
            (course.candidate, result.candidate),
        ):
            if not math.isclose(side[-1].value, whole.total_g.value, rel_tol=1e-9):
                raise DocumentError(
                    f"{name}: the course over time ends at {side[-1].value!r} g, "
                    f"the total of {whole.run.name!r} is {whole.total_g.value!r} g.",
                    _CHANGED,
                )


def _require_terms(terms: Sequence[Term], contributions: Sequence[Contribution], name: str) -> None:
    """Refuse bounds beside their value, and parts that are not their amount times terms."""
    values: dict[str, float] = {}
    for term in terms:
        if not 0 <= term.low <= term.value <= term.high:
            raise DocumentError(
                f"{name}, term {term.id!r}: the value {term.value!r} does not lie within its "
                f"bounds, {term.low!r} to {term.high!r}.",
                _CHANGED,
            )
        values[term.id] = term.value
    for number, part in enumerate(contributions):
        product = part.amount
        for term_id, inverse in map(split_inverse, part.terms):
            value = values.get(term_id)
            if value is None or (inverse and value == 0):
                raise DocumentError(
                    f"{name}, contribution {number}: there is no term {term_id!r}.", _CHANGED
                )
            product = product / value if inverse else product * value
        if not math.isclose(product, part.emissions_g.value, rel_tol=1e-9, abs_tol=LEAST_G):
            raise DocumentError(
                f"{name}, contribution {number}: its amount times its terms gives {product!r} g, "
                f"not {part.emissions_g.value!r} g.",
                _CHANGED,
            )


_FINAL = frozenset({"delete", "deduplicate"})
"""Options of a dataset that cannot be undone."""


def _require_plan(plan: AdvicePlan, name: str) -> None:
    """Refuse advice that its own options do not bear out."""
    _require_once(name, "advice", [one.id for one in plan.advice])
    wholes = {one.id: one.part_of for one in plan.advice}
    for advice in plan.advice:
        _require_advice(advice, f"{name}, {advice.id!r}")
        above = advice.part_of
        for _ in plan.advice:
            if above == advice.id:
                raise DocumentError(f"{name}, {advice.id!r} is part of itself.", _CHANGED)
            above = wholes.get(above or "")
    if plan.state is not None:
        _require_state(plan.state, f"{name}, state")


def _require_advice(advice: Advice, name: str) -> None:
    options = {option.name: option for option in advice.options}
    _require_once(name, "options", [option.name for option in advice.options])
    for asked in (advice.current, advice.recommended, *(p.option for p in advice.turning_points)):
        if asked not in options:
            raise DocumentError(f"{name}: there is no option {asked!r}.", _CHANGED)
    if options[advice.recommended].barrier:
        raise DocumentError(f"{name}: {advice.recommended!r} is recommended and barred.", _CHANGED)
    _require_certainty(advice, name)
    _require_warned(advice, name)
    for option in advice.options:
        where = f"{name}, option {option.name!r}"
        _require_sums(option.assessment, where)
        bill = option.assessment.bill
        if bill is not None:
            _require_total(where, bill.currency, [c.cost.value for c in bill.costs], bill.total)
    now, then = (options[one].assessment for one in (advice.current, advice.recommended))
    bills = [one.bill for one in (now, then)]
    _require_saving(name, "g", advice.saving_g.value, now.total_g.value, then.total_g.value)
    if advice.saving_kwh is not None:
        before, after = now.energy_kwh or 0.0, then.energy_kwh or 0.0
        _require_saving(name, "kWh", advice.saving_kwh, before, after)
    if advice.saving_cost is not None:
        if bills[0] is None or bills[1] is None or advice.currency is not bills[0].currency:
            raise DocumentError(f"{name}: its saving of money has no bills.", _CHANGED)
        costs = [bill.total.value for bill in bills if bill is not None]
        _require_saving(name, advice.currency, advice.saving_cost.value, *costs)
    for saving in (advice.saving_g, advice.saving_cost):
        _require_ordered(name, saving)


def _require_certainty(advice: Advice, name: str) -> None:
    """Refuse a certainty that is no share, or that no draw could have shown to be otherwise."""
    if advice.certainty is None:
        return
    if not 0 <= advice.certainty <= 1:
        raise DocumentError(
            f"{name}: the certainty {advice.certainty!r} does not lie within 0 and 1.", _CHANGED
        )
    best = advice.option(advice.recommended)
    rivals = [one for one in advice.options if one is not best and not one.barrier]
    if advice.kind is DecisionKind.SCHEDULE:
        why = "a forecast decides, which is not drawn"
    elif not best.assessment.draws:
        why = "nothing was drawn"
    elif not rivals:
        why = "nothing else is possible"
    elif not best.assessment.contributions and all(
        (one.worth_g or 0.0) <= (best.worth_g or 0.0) for one in rivals
    ):
        why = f"{best.name!r} emits nothing"
    else:
        return
    raise DocumentError(f"{name}: its certainty says nothing, because {why}.", _CHANGED)


def _require_warned(advice: Advice, name: str) -> None:
    """Refuse to delete data without a word of what that means."""
    is_final = advice.kind is DecisionKind.DATASET and advice.recommended in _FINAL
    if is_final and not (advice.irreversible and advice.conditions):
        raise DocumentError(
            f"{name}: {advice.recommended!r} cannot be undone; the file does not say so, or not "
            "what is to be checked before.",
            _CHANGED,
        )


def _require_saving(name: str, unit: str, saving: float, now: float, then: float) -> None:
    if not math.isclose(now - then, saving, rel_tol=1e-9, abs_tol=1e-9 * max(abs(now), abs(then))):
        raise DocumentError(
            f"{name} does not add up: its options differ by {now - then!r} {unit}, its saving says "
            f"{saving!r} {unit}.",
            _CHANGED,
        )


def _require_state(state: CompanyState, name: str) -> None:
    _require_once(name, "lines", [f"{one.silo}/{one.kind}/{one.name}" for one in state.lines])
    _require_once(name, "terms", [term.id for term in state.terms])
    for line in state.lines:
        _require_terms(state.terms, line.contributions, f"{name}, {line.silo}/{line.name}")
        emissions_g = [one.emissions_g.value for one in line.contributions]
        _require_total(f"{name}, {line.silo}/{line.name}", "g", emissions_g, line.emissions_g)
        _require_total(
            f"{name}, {line.silo}/{line.name}", "", [c.cost.value for c in line.costs], line.cost
        )
    totals = [one.emissions_g.value for one in state.lines if one.emissions_g is not None]
    _require_total(name, "g", totals, state.emissions_g)
    costs = [one.cost.value for one in state.lines if one.cost is not None]
    _require_total(name, state.currency or "", costs, state.cost)
    energies = [one.energy_kwh for one in state.lines if one.energy_kwh is not None]
    energy = None
    if state.energy_kwh is not None:
        energy = Interval(state.energy_kwh, state.energy_kwh, state.energy_kwh)
    _require_total(name, "kWh", energies, energy)


def _require_total(name: str, unit: str, parts: Sequence[float], total: Interval | None) -> None:
    said = 0.0 if total is None else total.value
    whole = math.fsum(parts)
    if not math.isclose(whole, said, rel_tol=1e-9):
        raise DocumentError(
            f"{name} does not add up: the parts give {whole!r} {unit}, the total says "
            f"{said!r} {unit}.",
            _CHANGED,
        )
    _require_ordered(name, total)


def _require_ordered(name: str, found: Interval | None) -> None:
    if found is not None and not found.low <= found.value <= found.high:
        raise DocumentError(
            f"{name}: {found.value!r} does not lie within {found.low!r} and {found.high!r}.",
            _CHANGED,
        )
