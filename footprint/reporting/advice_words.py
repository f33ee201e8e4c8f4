"""What a plan of advice says in words: changes, savings, times and money."""

from __future__ import annotations

from datetime import UTC, datetime

from footprint.model import Advice, AdvicePlan, Interval
from footprint.reporting.numbers import (
    MINUS,
    NBSP,
    NOT_KNOWN,
    Scale,
    bounds,
    clean,
    exact,
    number,
    percent,
    plural,
)
from footprint.reporting.shapes import Cell
from footprint.reporting.wording import capitalise
from footprint.units import H_PER_MONTH, S_PER_DAY, S_PER_H

ARROW = "→"
_CENT = 0.01


def rank_advice(plan: AdvicePlan) -> list[Advice]:
    """Sort decisions: changes first, then by saving, robustness and name.

    What is part of another decision follows that one.
    """
    alone = [one for one in plan.advice if parent_of(plan, one) is None]
    waiting = sorted(alone, key=_rank, reverse=True)
    ranked: list[Advice] = []
    while waiting:
        ranked.append(waiting.pop())
        parts = [one for one in plan.advice if one.part_of == ranked[-1].id]
        waiting += sorted(parts, key=_rank, reverse=True)
    return ranked


def _rank(one: Advice) -> tuple[bool, float, bool, float, str]:
    unknown = one.certainty is None
    return not one.changes, -one.saving_g.value, unknown, -(one.certainty or 0.0), one.id


def parent_of(plan: AdvicePlan, advice: Advice) -> Advice | None:
    """Find the decision that another one is part of, if the plan has it."""
    return next((one for one in plan.advice if one.id == advice.part_of), None)


def say_part(plan: AdvicePlan, advice: Advice) -> str:
    """Say what a decision is part of; empty if it stands alone."""
    if advice.part_of is None:
        return ""
    parent = parent_of(plan, advice)
    if parent is None:
        return f"part of {clean(advice.part_of)}, which is not in this plan"
    return f"part of the {parent.kind.value} of {clean(parent.subject)}"


def say_change(advice: Advice) -> str:
    """From what to what."""
    if not advice.changes:
        return f"{clean(advice.current)} (as today)"
    return f"{clean(advice.current)} {ARROW} {clean(advice.recommended)}"


def say_horizon(seconds: float) -> str:
    """Write a long time in months, or in days."""
    months = seconds / S_PER_H / H_PER_MONTH
    # A year of 365 days is 12 months to anyone.
    if round(months) and abs(months - round(months)) < 0.02:
        return plural(round(months), "month")
    return f"{exact(seconds / S_PER_DAY)}{NBSP}days"


def say_day(time_s: float) -> str:
    """Write a day, by UTC."""
    return _say_instant(time_s, "%Y-%m-%d")


def say_time(time_s: float) -> str:
    """Write a time, by UTC."""
    return _say_instant(time_s, "%Y-%m-%d %H:%M UTC")


def _say_instant(time_s: float, form: str) -> str:
    try:
        return datetime.fromtimestamp(time_s, UTC).strftime(form)
    except (OverflowError, ValueError, OSError):
        # No calendar has it; whoever wrote it must see what it is.
        return f"Unix time {exact(time_s)}{NBSP}s"


def say_money(cost: Interval, currency: str) -> str:
    """Write a sum of money with its interval."""
    value, ends = write_money(cost)
    text = f"{value}{NBSP}{currency}"
    return f"{text} ({ends})" if ends else text


def write_money(cost: Interval) -> tuple[str, str]:
    """Write a sum of money, and the ends of its interval if there is one to speak of."""
    if cost.value and max(abs(cost.low), abs(cost.high)) < _CENT / 2:
        return f"<{NBSP}{_CENT}" if cost.value > 0 else f">{NBSP}{MINUS}{_CENT}", ""
    # Prices are exact, and sums of exact numbers differ by rounding.
    if cost.width <= 1e-9 * abs(cost.value):
        return number(cost.value), ""
    low, high = number(cost.low, cost.width), number(cost.high, cost.width)
    return number(cost.value, cost.width), "" if low == high else bounds(low, high)


def cost_cell(cost: Interval | None) -> Cell:
    """Write a sum of money into a table."""
    if cost is None:
        return Cell(NOT_KNOWN)
    value, ends = write_money(cost)
    return Cell(value, under(ends))


def robustness(plan: AdvicePlan, advice: Advice) -> float | None:
    """Give the share of the draws in which the choice is right; None if they say nothing."""
    return advice.certainty if plan.draws else None


def say_robustness(plan: AdvicePlan, advice: Advice) -> str:
    """Say how robust a choice is to the factors, or why that is not known."""
    share = robustness(plan, advice)
    if share is None:
        return f"Robust to the factors: {NOT_KNOWN} ({why_unknown(plan, advice)})"
    weak = ": in most draws another option is better" if share < 0.5 else ""
    return f"Robust to the factors: {percent(share)}{weak}"


def why_unknown(plan: AdvicePlan, advice: Advice) -> str:
    """Say why the draws say nothing of a choice; empty if they do."""
    if not plan.draws:
        return "nothing was drawn"
    if advice.certainty is not None:
        return ""
    if all(one.barrier or one.name == advice.recommended for one in advice.options):
        return "nothing else is possible"
    options = (advice.option(name) for name in (advice.current, advice.recommended))
    if not all(one.assessment.contributions for one in options):
        return "one option emits nothing"
    return "what is not drawn decides"


def say_saving(plan: AdvicePlan, advice: Advice) -> str:
    """Say in a sentence what a decision changes, and how surely."""
    if not advice.changes:
        return f"What is done today is best. {say_robustness(plan, advice)}."
    scale = Scale.of("emissions", [advice.saving_g.value])
    less = advice.saving_g.value >= 0
    change = advice.saving_g if less else negative(advice.saving_g)
    parts = [f"{'Saves' if less else 'Emits'} {scale.quantity(change)}{'' if less else ' more'}"]
    if advice.saving_kwh is not None:
        energy = Scale.of("energy", [advice.saving_kwh])
        parts.append(
            f"{energy.text(abs(advice.saving_kwh))}{NBSP}{energy.unit}{_more(advice.saving_kwh)}"
        )
    if advice.saving_cost is not None and advice.currency is not None:
        cost = advice.saving_cost
        shown = cost if cost.value >= 0 else negative(cost)
        parts.append(f"{say_money(shown, advice.currency)}{_more(cost.value)}")
    part = say_part(plan, advice)
    added = f" {capitalise(part)}: not added to the others." if part else ""
    return f"{'; '.join(parts)}. {say_robustness(plan, advice)}.{added}"


def _more(saving: float) -> str:
    return " more" if saving < 0 else ""


def negative(found: Interval) -> Interval:
    """Turn a saving into what it adds."""
    return Interval(-found.value, -found.high, -found.low)


def under(text: str) -> tuple[str, ...]:
    """Put a text beneath a cell, if there is one."""
    return (text,) if text else ()
