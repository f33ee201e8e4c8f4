"""Why two statements differ: factor, activity, method, structure; the parts add up."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from footprint.audit.counterparts import LoneRun, Product, lone_runs, pair_products
from footprint.errors import DocumentError, UsageError
from footprint.model import Cause, Statement
from footprint.model.results import LEAST_G
from footprint.model.statement_lines import TOTALS

_ROUNDING = 1e-12
"""Relative change that is no change of a factor or an activity."""
_REST = 1e-8
"""Relative difference that rounding may leave; reading a statement allows a tenth of it."""
_PARTNER = "partner"


@dataclass(frozen=True, slots=True)
class Change:
    """A part of the difference of two statements.

    Attributes
    ----------
    cause : Cause
    what : str
        The factor, line or method that changed.
    old, new : float or None
        Value of the factor or the activity; None where there is none.
    unit : str
    difference_g : float
        What it changes [gCO2e].
    lines : int
        How many lines it touches.
    """

    cause: Cause
    what: str
    old: float | None
    new: float | None
    unit: str
    difference_g: float
    lines: int


@dataclass(frozen=True, slots=True)
class StatementDifference:
    """The difference of one total of two statements, and its parts.

    `changes` add up to `new_g` less `old_g`; the largest come first. `runs` are those of one
    statement alone: what they used is in the changes, beside its like in the other one.
    """

    total: str
    old_g: float
    new_g: float
    changes: tuple[Change, ...]
    runs: tuple[LoneRun, ...]
    notes: tuple[str, ...]

    @property
    def difference_g(self) -> float:
        """New total less the old one [gCO2e]."""
        return self.new_g - self.old_g

    def by_cause(self) -> dict[Cause, float]:
        """Sum the parts of each cause [gCO2e]."""
        found: dict[Cause, list[float]] = {}
        for change in self.changes:
            found.setdefault(change.cause, []).append(change.difference_g)
        return {cause: math.fsum(parts) for cause, parts in found.items()}


def explain(old: Statement, new: Statement, total: str = "location") -> StatementDifference:
    r"""Say why a total differs between two statements.

    A line of both whose factors are of the same quantities is divided among its activity and
    each factor by the logarithmic mean (additive LMDI-I), which leaves no rest:

    .. math:: \Delta_x = \frac{V_1 - V_0}{\ln V_1 - \ln V_0} \ln \frac{x_1}{x_0}

    A line of both with other quantities changed by method; a line of one alone is structure.
    Lines whose runs have other names in the other statement are summed with their like.

    Parameters
    ----------
    old, new : Statement
    total : str
        One of the totals, such as ``"market"``.

    Raises
    ------
    UsageError
        If there is no such total.

    References
    ----------
    Ang, "The LMDI approach to decomposition analysis: a practical guide", Energy Policy 33
    (2005) 867-871.
    """
    if total not in TOTALS:
        raise UsageError(f"There is no total {total!r}.", f"They are: {', '.join(TOTALS)}.")
    methods = _methods(old, new)
    found: list[Change] = []
    for one, other in pair_products(old, new, total):
        if one is None or other is None:
            found.append(_structure(one, other))
        else:
            found.extend(_divided(one, other, methods))
    return StatementDifference(
        total,
        _sum(old, total),
        _sum(new, total),
        tuple(_collected(found)),
        tuple(lone_runs(old, new, total)),
        tuple(_notes(old, new)),
    )


def _sum(statement: Statement, total: str) -> float:
    found = statement.total(total)
    return 0.0 if found is None else found.emissions_g.value


def _methods(old: Statement, new: Statement) -> frozenset[str]:
    """Quantities, and shares of places, that differ because another method asks for it."""
    changed = {
        "grid_intensity": old.signal != new.signal,
        "network_energy": old.network_model != new.network_model,
    }
    if old.allocation != new.allocation:
        changed |= {_share_of(one.name): True for one in new.places if one.holding == _PARTNER}
    return frozenset(quantity for quantity, differs in changed.items() if differs)


def _share_of(place: str) -> str:
    return f"reported share of {place}"


def _structure(old: Product | None, new: Product | None) -> Change:
    one = old or new
    assert one is not None
    sign = -1 if new is None else 1
    supply = "" if one.supply == "the grid" else f" / {one.supply}"
    what = f"{'no longer' if new is None else 'new'}: {one.id}{supply}"
    return Change(Cause.STRUCTURE, what, None, None, "", sign * one.value_g, 1)


def _divided(old: Product, new: Product, methods: frozenset[str]) -> Iterator[Change]:
    if old.value_g == new.value_g and old == new:
        return
    if set(old.factors) != set(new.factors) or min(old.value_g, new.value_g) <= 0:
        yield from _undivided(old, new)
        return
    shared = _share_of(old.place)
    reporting = Cause.METHOD if shared in methods else Cause.STRUCTURE
    steps = [
        (Cause.ACTIVITY, old.id, old.activity, new.activity, old.unit, 1),
        (Cause.STRUCTURE, f"share of {new.supply} at {new.place}", old.piece, new.piece, "", 1),
        (reporting, shared, old.share, new.share, "", 1),
    ]
    for key, (value, name, inverse) in old.factors.items():
        other, other_name, _ = new.factors[key]
        what = name if name == other_name else f"{name} -> {other_name}"
        cause = Cause.METHOD if key in methods else Cause.FACTOR
        if key == "grid_intensity" and old.zone != new.zone:
            cause, what = Cause.STRUCTURE, f"{old.place}: {what}"
        steps.append((cause, what, value, other, "", -1 if inverse else 1))
    if any(min(first, last) <= 0 for _, _, first, last, _, _ in steps):
        yield from _undivided(old, new)
        return
    mean = _log_mean(old.value_g, new.value_g)
    parts = [
        Change(cause, what, first, last, unit, power * mean * (math.log(last) - math.log(first)), 1)
        for cause, what, first, last, unit, power in steps
        if not math.isclose(first, last, rel_tol=_ROUNDING)
    ]
    rest = (new.value_g - old.value_g) - math.fsum(part.difference_g for part in parts)
    if abs(rest) > max(LEAST_G, _REST * max(old.value_g, new.value_g)):
        raise DocumentError(
            f"{new.id}: the parts of its difference leave {rest!r} g, so that one of the two "
            "statements is not its activity times its factors.",
            "Make both again from their manifests.",
        )
    yield from parts


def _undivided(old: Product, new: Product) -> Iterator[Change]:
    """Lines that no logarithm divides: other factors, or nothing on one side."""
    difference_g = new.value_g - old.value_g
    if not difference_g:
        return
    if set(old.factors) != set(new.factors):
        gone, come = set(old.factors) - set(new.factors), set(new.factors) - set(old.factors)
        what = f"{', '.join(sorted(gone)) or 'nothing'} -> {', '.join(sorted(come)) or 'nothing'}"
        yield Change(Cause.METHOD, what, None, None, "", difference_g, 1)
        return
    for key, (value, name, _) in old.factors.items():
        other, other_name, _ = new.factors[key]
        if (value == 0) != (other == 0):
            what = name if name == other_name else f"{name} -> {other_name}"
            yield Change(Cause.FACTOR, what, value, other, "", difference_g, 1)
            return
    yield Change(Cause.ACTIVITY, old.id, old.activity, new.activity, old.unit, difference_g, 1)


def _log_mean(one: float, other: float) -> float:
    if one == other:
        return one
    if one / 2 < other < 2 * one:
        # Keeps its digits where the two are nearly equal.
        return (other - one) / math.log1p((other - one) / one)
    return (other - one) / (math.log(other) - math.log(one))


def _collected(changes: Iterable[Change]) -> list[Change]:
    """One change per cause and thing: a factor touches many lines."""
    groups: dict[tuple[Cause, str], list[Change]] = {}
    for change in changes:
        groups.setdefault((change.cause, change.what), []).append(change)
    found = [
        Change(
            cause,
            what,
            group[0].old,
            group[0].new,
            group[0].unit,
            math.fsum(one.difference_g for one in group),
            sum(one.lines for one in group),
        )
        for (cause, what), group in groups.items()
    ]
    return sorted(found, key=lambda change: -abs(change.difference_g))


def _notes(old: Statement, new: Statement) -> Iterator[str]:
    """Say what differs beside the numbers, and may be why they do."""
    for what, one, other in (
        ("footprint", old.reproduce.tool_version, new.reproduce.tool_version),
        ("factor catalogue", old.reproduce.catalogue_version, new.reproduce.catalogue_version),
        ("grid intensity", old.signal, new.signal),
        ("network model", old.network_model, new.network_model),
        ("allocation", old.allocation.value, new.allocation.value),
        ("approach", old.organisation.approach.value, new.organisation.approach.value),
        ("period", f"{old.start} to {old.end}", f"{new.start} to {new.end}"),
        ("manifest", old.reproduce.manifest_sha256[:12], new.reproduce.manifest_sha256[:12]),
    ):
        if one != other:
            yield f"{what}: {one} -> {other}"
