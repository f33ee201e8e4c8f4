"""Why two statements differ: factor, activity, method, structure; the parts add up."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from footprint.audit.counterparts import LoneRun, Product, lone_runs, pair_products
from footprint.audit.deployments import MethodTable
from footprint.errors import DocumentError, UsageError
from footprint.model import Cause, Statement
from footprint.model.results import LEAST_G
from footprint.model.statement_lines import TOTALS

_ROUNDING = 1e-12
"""Relative change that is no change of a factor or an activity."""
_REST = 1e-8
"""Relative difference that rounding may leave; reading a statement allows a tenth of it."""
_PARTNER = "partner"
_RESERVED = "resource_share"
_WHOLE = (1.0, "the whole device", False)
_Group = tuple[str, ...]


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
        How many lines of the statement it touches, of the one that has more of them.
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
    found: list[tuple[_Group, Change]] = []
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
        tuple(_notes(old, new, total)),
    )


def _sum(statement: Statement, total: str) -> float:
    found = statement.total(total)
    return 0.0 if found is None else found.emissions_g.value


def _methods(old: Statement, new: Statement) -> frozenset[str]:
    """Quantities, and shares of places, that differ because another method asks for it."""
    changed = {
        "grid_intensity": old.signal != new.signal,
        "network_energy": old.network_model != new.network_model,
        "replication": True,
    }
    media = [dict(one.declared).get("method.medium", MethodTable().medium) for one in (old, new)]
    changed |= dict.fromkeys(("power_per_gb", "embodied_per_gb"), media[0] != media[1])
    if old.allocation != new.allocation:
        changed |= {_share_of(one.name): True for one in new.places if one.holding == _PARTNER}
    return frozenset(quantity for quantity, differs in changed.items() if differs)


def _share_of(place: str) -> str:
    return f"reported share of {place}"


def _structure(old: Product | None, new: Product | None) -> tuple[_Group, Change]:
    one = old or new
    assert one is not None
    sign = -1 if new is None else 1
    supply = "" if one.supply == "the grid" else f" / {one.supply}"
    what = f"{'no longer' if new is None else 'new'}: {one.id}{supply}"
    change = Change(Cause.STRUCTURE, what, None, None, "", sign * one.value_g, one.lines)
    return (what.partition(":")[0], supply, *one.group), change


def _divided(
    old: Product, new: Product, methods: frozenset[str]
) -> Iterator[tuple[_Group, Change]]:
    if old.value_g == new.value_g and old == new:
        return
    before, after = _alike(old.factors, new.factors)
    if set(before) != set(after) or min(old.value_g, new.value_g) <= 0:
        yield _undivided(old, new, methods)
        return
    lines = max(old.lines, new.lines)
    shared = _share_of(old.place)
    reporting = Cause.METHOD if shared in methods else Cause.STRUCTURE
    supply = f"share of {new.supply} at {new.place}"
    steps: list[tuple[Cause, _Group, str, float, float, str, int]] = [
        (Cause.ACTIVITY, old.group, old.id, old.activity, new.activity, old.unit, 1),
        (Cause.STRUCTURE, (new.supply, new.place), supply, old.piece, new.piece, "", 1),
        (reporting, (shared,), shared, old.share, new.share, "", 1),
    ]
    for key, (value, name, inverse) in before.items():
        other, other_name, _ = after[key]
        cause = _cause(key, name, other_name, methods)
        group: _Group = (name, other_name)
        what = name if name == other_name else f"{name} -> {other_name}"
        if key == "grid_intensity" and old.zone != new.zone:
            cause, what = Cause.STRUCTURE, f"{old.place}: {what}"
        elif key == _RESERVED:
            group, what = (key, *old.group), f"{old.id}: share of the device"
        steps.append((cause, group, what, value, other, "", -1 if inverse else 1))
    if any(min(first, last) <= 0 for *_, first, last, _, _ in steps):
        yield _undivided(old, new, methods)
        return
    mean = _log_mean(old.value_g, new.value_g)
    parts = [
        (group, Change(cause, what, first, last, unit, power * mean * _log(last, first), lines))
        for cause, group, what, first, last, unit, power in steps
        if not math.isclose(first, last, rel_tol=_ROUNDING)
    ]
    rest = (new.value_g - old.value_g) - math.fsum(part.difference_g for _, part in parts)
    if abs(rest) > max(LEAST_G, _REST * max(old.value_g, new.value_g)):
        raise DocumentError(
            f"{new.id}: the parts of its difference leave {rest!r} g, so that one of the two "
            "statements is not its activity times its factors.",
            "Make both again from their manifests.",
        )
    yield from parts


_Factors = Mapping[str, tuple[float, str, bool]]


def _alike(old: _Factors, new: _Factors) -> tuple[_Factors, _Factors]:
    """Give what is reserved of a device to both if one says it: else it is the whole one."""
    if _RESERVED in {*old, *new}:
        old, new = {_RESERVED: _WHOLE, **old}, {_RESERVED: _WHOLE, **new}
    return old, new


def _cause(key: str, name: str, other: str, methods: frozenset[str]) -> Cause:
    """Why a factor differs; what a contract or a generator supplies follows no signal."""
    if key == _RESERVED:
        return Cause.ACTIVITY
    supplied = key == "grid_intensity" and any(one.startswith("supply/") for one in (name, other))
    return Cause.METHOD if key in methods and not supplied else Cause.FACTOR


def _undivided(old: Product, new: Product, methods: frozenset[str]) -> tuple[_Group, Change]:
    """Lines that no logarithm divides: other factors, or nothing on one side."""
    difference_g, lines = new.value_g - old.value_g, max(old.lines, new.lines)
    before, after = _alike(old.factors, new.factors)
    gone, come = set(before) - set(after), set(after) - set(before)
    if gone or come:
        what = f"{', '.join(sorted(gone)) or 'nothing'} -> {', '.join(sorted(come)) or 'nothing'}"
        return (what,), Change(Cause.METHOD, what, None, None, "", difference_g, lines)
    for key, (value, name, _) in before.items():
        other, other_name, _ = after[key]
        if (value == 0) != (other == 0):
            what = name if name == other_name else f"{name} -> {other_name}"
            cause = _cause(key, name, other_name, methods)
            return (name, other_name), Change(cause, what, value, other, "", difference_g, lines)
    used = Change(Cause.ACTIVITY, old.id, old.activity, new.activity, old.unit, difference_g, lines)
    return old.group, used


def _log(last: float, first: float) -> float:
    return math.log(last) - math.log(first)


def _log_mean(one: float, other: float) -> float:
    if one == other:
        return one
    if one / 2 < other < 2 * one:
        # Keeps its digits where the two are nearly equal.
        return (other - one) / math.log1p((other - one) / one)
    return (other - one) / (math.log(other) - math.log(one))


def _collected(changes: Iterable[tuple[_Group, Change]]) -> list[Change]:
    """One change per cause and thing: a factor touches many lines."""
    groups: dict[tuple[Cause, _Group], list[Change]] = {}
    for key, change in changes:
        groups.setdefault((change.cause, key), []).append(change)
    found = [
        Change(
            cause,
            group[0].what,
            group[0].old,
            group[0].new,
            group[0].unit,
            math.fsum(one.difference_g for one in group),
            sum(one.lines for one in group),
        )
        for (cause, _), group in groups.items()
    ]
    return sorted(found, key=lambda change: -abs(change.difference_g))


def _notes(old: Statement, new: Statement, total: str) -> Iterator[str]:
    """Say what differs beside the numbers, and may be why they do."""
    for what, one, other in (
        ("footprint", old.reproduce.tool_version, new.reproduce.tool_version),
        ("factor catalogue", old.reproduce.catalogue_version, new.reproduce.catalogue_version),
        ("grid intensity", old.signal, new.signal),
        ("network model", old.network_model, new.network_model),
        ("allocation", old.allocation.value, new.allocation.value),
        ("approach", old.organisation.approach.value, new.organisation.approach.value),
        ("period", f"{old.start} to {old.end}", f"{new.start} to {new.end}"),
        ("functional unit", *(_unit(one) for one in (old, new))),
        ("manifest", old.reproduce.manifest_sha256[:12], new.reproduce.manifest_sha256[:12]),
    ):
        if one != other:
            yield f"{what}: {one} -> {other}"
    if total == "sci" and old.sci is not None and new.sci is not None:
        intensities = [one.intensity_g.value for one in (old.sci, new.sci)]
        if intensities[0] != intensities[1]:
            names = dict.fromkeys(f"per {one.functional_unit}" for one in (old.sci, new.sci))
            texts = " -> ".join(f"{value:.6g}" for value in intensities)
            yield f"Software Carbon Intensity: {texts} gCO2e {', then '.join(names)}"


def _unit(statement: Statement) -> str:
    sci = statement.sci
    return "none" if sci is None else f"{sci.units:,.15g} x {sci.functional_unit}"
