"""Weighing options: which one is best, by how much, and how surely."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from footprint.errors import UsageError
from footprint.model import Advice, Assessment, DecisionKind, Interval, Option
from footprint.uncertainty import Draws, Sampler, interval


def weigh(
    kind: DecisionKind,
    subject: str,
    options: Sequence[Option],
    current: str,
    **words: Any,
) -> Advice:
    """Choose among options.

    The best one has the lowest emissions less what it may cost (`Option.net_g`), among those
    without a barrier; of equals the current one, then the first.

    Parameters
    ----------
    kind : DecisionKind
    subject : str
        Path of names, such as ``"lyon/bookings"``.
    options : sequence of Option
        Estimated with one seed and one number of draws.
    current : str
        Name of one of them.
    **words
        Other fields of `Advice`; ``reason`` among them.

    Notes
    -----
    All options are drawn again with one seed: a factor that two of them use has one value in
    each draw. What an option may cost is the company's own number, and is not drawn.
    """
    named = {option.name: option for option in options}
    if len(named) < len(options) or current not in named:
        raise UsageError(f"The options of {subject!r} are {sorted(named)}, and not {current!r}.")
    possible = [option for option in options if not option.barrier]
    if not possible:
        raise UsageError(f"Nothing that could be done about {subject!r} is possible.")
    best = min(possible, key=lambda one: (one.net_g, one.name != current))
    drawn = {option.name: _draw_total(option.assessment) for option in options}
    net = [drawn[option.name] - (option.worth_g or 0.0) for option in possible]
    chosen = drawn[best.name] - (best.worth_g or 0.0)
    certainty = float(np.mean(chosen <= np.min(net, axis=0))) if len(chosen) else 1.0
    now = named[current]
    return Advice(
        id=f"{kind.value}/{subject}",
        kind=kind,
        subject=subject,
        options=tuple(options),
        current=current,
        recommended=best.name,
        saving_g=interval(
            now.assessment.total_g.value - best.assessment.total_g.value,
            drawn[current] - drawn[best.name],
        ),
        saving_kwh=_difference(now.assessment.energy_kwh, best.assessment.energy_kwh),
        saving_cost=_cost_saving(now.assessment, best.assessment),
        currency=None if now.assessment.bill is None else now.assessment.bill.currency,
        certainty=certainty,
        **words,
    )


def _draw_total(assessment: Assessment) -> Draws:
    sampler = Sampler(assessment.terms, seed=assessment.seed, draws=assessment.draws)
    return sampler.total(assessment.contributions)


def _difference(current: float | None, chosen: float | None) -> float | None:
    """Energy that is not known of both is not known; doing nothing uses none."""
    if current is None and chosen is None:
        return None
    return (current or 0.0) - (chosen or 0.0)


def _cost_saving(current: Assessment, chosen: Assessment) -> Interval | None:
    bills = current.bill, chosen.bill
    if bills[0] is None or bills[1] is None or bills[0].currency is not bills[1].currency:
        return None
    draws = [
        Sampler(one.terms, seed=one.seed, draws=one.draws).sum(
            (cost.terms, cost.cost.value) for cost in bill.costs
        )
        for one, bill in ((current, bills[0]), (chosen, bills[1]))
    ]
    return interval(bills[0].total.value - bills[1].total.value, draws[0] - draws[1])
