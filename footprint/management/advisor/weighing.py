"""Weighing options: which one is best, by how much, and how surely."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from footprint.assessment import UNKNOWN_ENERGY
from footprint.errors import UsageError
from footprint.model import Advice, Assessment, DecisionKind, Finding, Interval, Option
from footprint.uncertainty import Draws, Sampler, interval

_UNDRAWN = {DecisionKind.SCHEDULE}
"""Kinds in which a forecast decides, whose error is in no file and in no draw."""
_HALF = 0.5
_ENERGY_UNKNOWN = "not all of its energy is known"


def weigh(
    kind: DecisionKind,
    subject: str,
    options: Sequence[Option],
    current: str,
    **words: Any,
) -> Advice:
    """Choose among options.

    The best one has the lowest emissions less what it may cost (`Option.net_g`), among those
    without a barrier; of equals the current one, then the first. What lacks energy emits more
    than is known: it is barred, and beats nothing.

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
        Other fields of `Advice`; ``reason`` among them. Before its findings comes one if the
        choice is not the best one in most draws.

    Raises
    ------
    UsageError
        If nothing is possible, or what is done today seems best only because it lacks energy.

    Notes
    -----
    All options are drawn again with one seed: a factor that two of them use has one value in
    each draw. What an option may cost is the company's own number, and is not drawn.
    """
    options = [_bar_unknown(option) for option in options]
    named = {option.name: option for option in options}
    if len(named) < len(options) or current not in named:
        raise UsageError(f"The options of {subject!r} are {sorted(named)}, and not {current!r}.")
    possible = [option for option in options if not option.barrier]
    if not possible:
        raise UsageError(f"Nothing that could be done about {subject!r} is possible.")
    best = min(possible, key=lambda one: (one.net_g, one.name != current))
    now = named[current]
    if lacks_energy(now.assessment) and now.net_g < best.net_g:
        raise UsageError(f"Of {current!r} not all energy is known: {subject!r} cannot be weighed.")
    drawn = {option.name: _draw_total(option.assessment) for option in options}
    certainty = None if kind in _UNDRAWN else _certainty(possible, best, drawn)
    findings = words.pop("findings", ())
    if certainty is not None and certainty < _HALF:
        findings = (_doubt(possible, best, drawn), *findings)
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
        saving_kwh=_energy_saving(now.assessment, best.assessment),
        saving_cost=_cost_saving(now.assessment, best.assessment),
        currency=None if now.assessment.bill is None else now.assessment.bill.currency,
        certainty=certainty,
        findings=findings,
        **words,
    )


def lacks_energy(assessment: Assessment) -> bool:
    """Whether more energy was used, or would be, than is known."""
    return not UNKNOWN_ENERGY.isdisjoint(assessment.boundary.gaps)


def _bar_unknown(option: Option) -> Option:
    if option.barrier or not lacks_energy(option.assessment):
        return option
    return replace(option, barrier=_ENERGY_UNKNOWN)


def _certainty(
    possible: Sequence[Option], best: Option, drawn: Mapping[str, Draws]
) -> float | None:
    """Share of the draws in which none is better; None where no draw could be otherwise."""
    rivals = [one for one in possible if one is not best]
    if not rivals or not len(drawn[best.name]):
        return None
    # Emissions are never below 0: what emits nothing is beaten only by what may cost more.
    most_g = max(one.worth_g or 0.0 for one in rivals)
    if not best.assessment.contributions and most_g <= (best.worth_g or 0.0):
        return None
    net = [drawn[one.name] - (one.worth_g or 0.0) for one in rivals]
    return float(np.mean(drawn[best.name] - (best.worth_g or 0.0) <= np.min(net, axis=0)))


def _doubt(possible: Sequence[Option], best: Option, drawn: Mapping[str, Draws]) -> Finding:
    """Say of a choice that is not the best one in most draws which option is, and how often."""
    net = [drawn[one.name] - (one.worth_g or 0.0) for one in possible]
    wins = 100 * np.bincount(np.argmin(net, axis=0), minlength=len(possible)) / len(net[0])
    shares = {one.name: float(share) for one, share in zip(possible, wins, strict=True)}
    own = shares.pop(best.name)
    rival = max(shares, key=lambda name: shares[name])
    return Finding(
        "choice-unsure",
        f"{best.name!r} is best by the central values of the factors, and in only {own:.0f} % of "
        f"their draws; {rival!r} is in {shares[rival]:.0f} %.",
        remedy="Measure what the lines with wide bounds stand for before this is decided.",
    )


def _draw_total(assessment: Assessment) -> Draws:
    sampler = Sampler(assessment.terms, seed=assessment.seed, draws=assessment.draws)
    return sampler.total(assessment.contributions)


def _energy_saving(current: Assessment, chosen: Assessment) -> float | None:
    """Difference of what is known of both; doing nothing uses none [kWh]."""
    used = [
        0.0 if not one.contributions else None if lacks_energy(one) else one.energy_kwh
        for one in (current, chosen)
    ]
    return None if used[0] is None or used[1] is None else used[0] - used[1]


def _cost_saving(current: Assessment, chosen: Assessment) -> Interval | None:
    """Difference of two bills; None if something that one of them uses has no price."""
    if any(lacks_energy(one) or _unpriced(one) for one in (current, chosen)):
        return None
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


def _unpriced(assessment: Assessment) -> bool:
    return any(one.code == "price-missing" for one in assessment.findings)
