"""What two statements have in common: the figures of one beside those of the other.

A use of one is looked for in the other by its names. What finds no partner so, because runs,
silos or hardware have other names there, is summed with its like and looked for again.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from footprint.model import Category, FactorEntry, Stage, Statement, StatementLine, split_inverse

_UPSTREAM = ("losses", "upstream fuel")
"""Components that follow from what is used, and are no part of it."""

_Use = tuple[str, ...]
_Signature = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Product:
    """Figures of lines as activity times piece times share times factors.

    `activity` is that of a use as a whole, and `piece` the part of it that one supply covers:
    contracts and generators divide what a run used, and do not change it. `group` tells it from
    others of the same `id`, which is for readers; `lines` are those of the statement in it.
    """

    id: str
    group: tuple[str, ...]
    lines: int
    supply: str
    place: str
    zone: str | None
    unit: str
    share: float
    activity: float
    piece: float
    factors: Mapping[str, tuple[float, str, bool]]
    value_g: float


Pair = tuple[Product | None, Product | None]


@dataclass(frozen=True, slots=True)
class LoneRun:
    """A run that one of two statements has alone, and what it adds to a total there [gCO2e]."""

    name: str
    old_g: float | None
    new_g: float | None


def pair_products(old: Statement, new: Statement, total: str) -> Iterator[Pair]:
    """Give what adds to a total in one statement beside what does in the other.

    A use is looked for by its run, silo, place, phase, stage and device. What finds no partner
    is summed over runs and phases, and over silos if need be, by place, stage and stage of the
    life of a model; hardware by place and device.
    """
    old_names, new_names = _common_names(old, new)
    before, after = _products(old, total, old_names), _products(new, total, new_names)
    for key in dict.fromkeys((*before, *after)):
        yield from _paired(before.get(key, []), after.get(key, []))


def lone_runs(old: Statement, new: Statement, total: str) -> list[LoneRun]:
    """Give the runs of one statement alone, the largest first."""
    before, after = _run_sums(old, total), _run_sums(new, total)
    found = [
        LoneRun(name, before.get(name), after.get(name))
        for name in dict.fromkeys((*before, *after))
        if (name in before) != (name in after)
    ]
    return sorted(found, key=lambda one: -abs(one.old_g or one.new_g or 0.0))


def _run_sums(statement: Statement, total: str) -> dict[str, float]:
    parts: dict[str, list[float]] = {line.run: [] for line in statement.lines if line.run}
    for line in statement.lines:
        if line.run:
            parts[line.run].extend(figure.value for _, figure in line.figures(total))
    return {name: math.fsum(values) for name, values in parts.items()}


# --- names of uses ----------------------------------------------------------------------------


def _by_run(line: StatementLine) -> _Use:
    """Name what is used, whatever supplies it: from fields, since names may be alike."""
    if _is_registered(line):
        return ("hardware", line.id)
    device = _device(line)
    return (line.run, line.silo, line.place, line.phase, line.stage, device, _who(line))


def _by_silo(line: StatementLine) -> _Use:
    if _is_registered(line):
        return ("other hardware", line.place, line.device or "", line.category)
    device = _device(line) if line.stage is Stage.EMBODIED else ""
    return ("other runs", line.silo, line.place, line.life_cycle, line.stage, device, _who(line))


def _by_place(line: StatementLine) -> _Use:
    if _is_registered(line):
        return _by_silo(line)
    device = _device(line) if line.stage is Stage.EMBODIED else ""
    return ("other silos", line.place, line.life_cycle, line.stage, device, _who(line))


_LEVELS: tuple[Callable[[StatementLine], _Use], ...] = (_by_run, _by_silo, _by_place)


def _is_registered(line: StatementLine) -> bool:
    """Whether a line is of the register of hardware, and of no run."""
    return line.component == "hardware" and not line.run


def _device(line: StatementLine) -> str:
    """Class of the device; the medium of what is stored is a choice of method."""
    device = line.device or ""
    return "storage" if device.startswith("storage.") and line.run else device


def _who(line: StatementLine) -> str:
    return "others" if line.category is Category.OTHERS else ""


@dataclass(frozen=True, slots=True)
class _Name:
    use: _Use
    label: str
    group: tuple[str, ...]


def _common_names(old: Statement, new: Statement) -> tuple[dict[str, _Name], dict[str, _Name]]:
    """Name the use of each line of both, by its id: partners have the same name."""
    found: tuple[dict[str, _Name], dict[str, _Name]] = ({}, {})
    left = [list(old.lines), list(new.lines)]
    for level in _LEVELS:
        uses = [{line.id: level(line) for line in lines} for lines in left]
        common = set(uses[0].values()) & set(uses[1].values())
        for names, lines, use in zip(found, left, uses, strict=True):
            names |= {
                line.id: _Name(use[line.id], _label(line, level), use[line.id])
                for line in lines
                if use[line.id] in common
            }
            lines[:] = [line for line in lines if line.id not in names]
    runs = [{line.run for line in statement.lines} for statement in (old, new)]
    replaced = bool(runs[0] - runs[1]) and bool(runs[1] - runs[0])
    for names, lines, others in zip(found, left, reversed(runs), strict=True):
        for line in lines:
            label, group = _label(line, _by_run), _by_run(line)
            if line.run and line.run not in others:
                # What is left of runs that others replaced is not the whole of any of them.
                label = _label(line, _by_silo) if replaced else f"run {line.run}"
                group = _by_silo(line) if replaced else ("run", line.run)
            names[line.id] = _Name(_by_run(line), label, group)
    return found


def _label(line: StatementLine, level: Callable[[StatementLine], _Use]) -> str:
    registered, others = _is_registered(line), " (others)" if _who(line) else ""
    if registered and level is _by_run:
        return line.id
    where = line.silo or line.place
    device = line.device if line.stage is Stage.EMBODIED else None
    words: tuple[str | None, ...] = (line.run, where, line.phase, line.stage, line.device)
    if registered:
        words = ("other hardware", line.place, line.device)
    elif level is _by_silo:
        words = ("other runs", where, line.life_cycle, line.stage, device)
    elif level is _by_place:
        words = ("other silos", line.place, line.life_cycle, line.stage, device)
    return " / ".join(word for word in words if word) + others


# --- products ---------------------------------------------------------------------------------


def _products(
    statement: Statement, total: str, names: Mapping[str, _Name]
) -> dict[tuple[_Use, str], list[Product]]:
    """Products by use and supply; several where their factors differ, in the order of these."""
    register = {entry.id: entry for entry in statement.register}
    by_contract = total in ("market", "scope 2 market")
    used: dict[_Use, list[float]] = {}
    groups: dict[tuple[_Use, str, float, _Signature], list[tuple[StatementLine, float]]] = {}
    for line in statement.lines:
        use = names[line.id].use
        if line.component not in _UPSTREAM:
            used.setdefault(use, []).append(line.activity)
        supply = line.component if line.component in _UPSTREAM else line.supply
        if line.category is Category.ELECTRICITY and not by_contract:
            supply = ""
        for factors, figure in line.figures(total):
            key = (use, supply, line.reported_share, _telling(factors, register))
            groups.setdefault(key, []).append((line, figure.value))
    found: dict[tuple[_Use, str], list[Product]] = {}
    for use, supply, share, factors in sorted(groups):
        lines = groups[use, supply, share, factors]
        first, activity = lines[0][0], math.fsum(line.activity for line, _ in lines)
        whole = math.fsum(used.get(use, [])) if _is_supplied(first) else activity
        product = Product(
            names[first.id].label,
            names[first.id].group,
            len(lines),
            supply or "the grid",
            first.place,
            first.zone,
            first.activity_unit,
            share,
            whole,
            activity / whole if whole else 1.0,
            _named(factors, register),
            math.fsum(value for _, value in lines),
        )
        found.setdefault((use, supply), []).append(product)
    return found


def _telling(factors: Iterable[str], register: Mapping[str, FactorEntry]) -> _Signature:
    """Leave out what only widens an interval: how well a meter reads, a factor of 1."""
    return tuple(
        name
        for name in factors
        if (entry := register[split_inverse(name)[0]]).quantity != "energy_error"
        or entry.value != 1
    )


def _is_supplied(line: StatementLine) -> bool:
    """Whether a line is a piece of what a use takes of electricity."""
    kinds = (Category.ELECTRICITY, Category.COMBUSTION, Category.ENERGY_RELATED)
    return line.category in kinds


def _paired(old: Sequence[Product], new: Sequence[Product]) -> Iterator[Pair]:
    """Pair products of one use: those of the same factors first, then in their order."""
    before, after = list(old), list(new)
    for one in old:
        names = sorted(name for _, name, _ in one.factors.values())
        same = [o for o in after if sorted(name for _, name, _ in o.factors.values()) == names]
        if same:
            before.remove(one)
            after.remove(same[0])
            yield one, same[0]
    yield from itertools.zip_longest(before, after)


def _named(
    factors: Iterable[str], register: Mapping[str, FactorEntry]
) -> dict[str, tuple[float, str, bool]]:
    """Values of factors by what they are: quantity and place in the product."""
    named: dict[str, tuple[float, str, bool]] = {}
    for name, inverse in map(split_inverse, factors):
        entry = register[name]
        key = f"{'1/' * inverse}{entry.quantity}"
        while key in named:
            key += "'"
        named[key] = (entry.value, entry.id, inverse)
    return named
