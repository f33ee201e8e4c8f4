"""A statement as a manifest of the Green Software Foundation's Impact Framework.

One manifest computes one total of the statement, so that no tool can add two that must not
be added: location- and market-based, purchase and amortised. Each line is a component that
multiplies its activity, its reported share and its factors, and divides by those that
divide, with the built-in plugins `Multiply`, `Divide` and `Sci`; `if-run` computes it again.

The framework evaluates texts within inputs and configurations as arithmetic. So these hold
nothing but numbers and names of our own; what people named stands beside them, as keys of
the tree and under ``factors`` and ``description``, where nothing is evaluated.

Source: @grnsft/if 1.1.0, its manifest schema and its built-in plugins,
https://github.com/Green-Software-Foundation/if.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import reduce
from typing import Any

from footprint.audit.exports.remarks import remark_errors
from footprint.audit.exports.yaml_text import write_yaml
from footprint.errors import DocumentError, UsageError
from footprint.model import Category, FactorEntry, Statement, StatementLine, split_inverse
from footprint.model.statement_lines import TOTALS

FRAMEWORK = "Impact Framework 1.1"
_SCI = ("sci", "sci operation", "sci embodied")
_SUM = {"time": "sum", "component": "sum"}
_COPY = {"time": "copy", "component": "copy"}
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class _Component:
    """A line of the statement, as the framework computes it."""

    line: StatementLine
    factors: tuple[FactorEntry, ...]
    divisors: tuple[FactorEntry, ...]
    units: float | None
    """Functional units that the carbon is divided by; None without."""

    @property
    def carbon_g(self) -> float:
        """Emissions in the order of operations of the framework [gCO2e]."""
        product = self.line.activity * self.line.reported_share
        for entry in self.factors:
            product *= entry.value
        for entry in self.divisors:
            product /= entry.value
        return product

    @property
    def steps(self) -> list[str]:
        """Names of the plugins that compute it, in order."""
        count, last = len(self.factors), len(self.divisors)
        steps = [f"multiply by {count} factors{', then divide' if last else ''}"]
        steps += [_divide_name(index, last) for index in range(last)]
        return [*steps, "sci"] if self.units is not None else steps


def frame_impact(statement: Statement, total: str = "location") -> dict[str, Any]:
    """Make the manifest of one total.

    Parameters
    ----------
    statement : Statement
    total : str
        One of `footprint.model.statement_lines.TOTALS`. With ``"sci"`` and its two parts each
        component has its intensity per functional unit, too.

    Raises
    ------
    UsageError
        If there is no such total, or no line in it.
    """
    components = _components(statement, total)
    shared = _defaults(statement, components[0].units)
    return {
        "name": statement.name,
        "description": _description(statement, total),
        "tags": {"kind": "greenhouse gas statement", "category": total},
        "aggregation": {
            "metrics": ["carbon", *(["sci"] if components[0].units is not None else [])],
            "type": "both",
        },
        "initialize": {"plugins": _plugins(components)},
        "execution": {"command": "footprint audit export", "status": "success"},
        "tree": {"defaults": shared, **_grouped(dict(_groups(components, shared)))},
    }


def write_impact(statement: Statement, total: str = "location") -> str:
    """Write the manifest of one total as YAML.

    Raises
    ------
    UsageError
        If there is no such total, or no line in it.
    MissingExtra
        If PyYAML is not installed.
    """
    return write_yaml(frame_impact(statement, total))


def _components(statement: Statement, total: str) -> tuple[_Component, ...]:
    if total not in TOTALS:
        raise UsageError(
            f"There is no total {total!r}.", f"Use one of: {', '.join(map(repr, TOTALS))}."
        )
    units = None
    if total in _SCI:
        units = None if statement.sci is None else statement.sci.units
    register = {entry.id: entry for entry in statement.register}
    found = tuple(
        _component(line, factors, register, units)
        for line in statement.lines
        for factors, _ in line.figures(total)
    )
    if not found:
        raise UsageError(
            f"No line of the statement is in the total {total!r}.",
            "Name one of: " + ", ".join(repr(one.name) for one in statement.totals) + ".",
        )
    return found


def _component(
    line: StatementLine,
    factors: Iterable[str],
    register: Mapping[str, FactorEntry],
    units: float | None,
) -> _Component:
    parts = [split_inverse(name) for name in factors]
    return _Component(
        line,
        tuple(register[name] for name, inverse in parts if not inverse),
        tuple(register[name] for name, inverse in parts if inverse),
        units,
    )


def _description(statement: Statement, total: str) -> str:
    said = statement.total(total)
    value = 0.0 if said is None else said.emissions_g.value
    errors = remark_errors(statement)
    warned = f" {errors}." if errors else ""
    return (
        f"{statement.organisation.name}, {statement.start} to {statement.end}: {total!r} total, "
        f"{value!r} gCO2e in the statement. Recomputed here line by line from activities and "
        f"factors, as {FRAMEWORK} does; the last digits of sums differ, by the order of adding. "
        f"Factors of catalogue {statement.reproduce.catalogue_version} (digest "
        f"{statement.reproduce.catalogue_digest}); manifest SHA-256 "
        f"{statement.reproduce.manifest_sha256}.{warned}"
    )


def _plugins(components: Iterable[_Component]) -> dict[str, Any]:
    plugins: dict[str, Any] = {}
    for one in components:
        count, last = len(one.factors), len(one.divisors)
        for name in one.steps:
            if name in plugins:
                continue
            if name.startswith("multiply"):
                plugins[name] = _multiply(count, "product" if last else "carbon")
            elif name == "sci":
                plugins[name] = _sci()
            else:
                plugins[name] = _divide(name, last)
    return plugins


def _multiply(count: int, output: str) -> dict[str, Any]:
    names = ["activity", "reported-share", *_names("factor", count)]
    return {
        "method": "Multiply",
        "path": "builtin",
        "config": {"input-parameters": names, "output-parameter": output},
        "parameter-metadata": {
            "inputs": {name: _meaning(name, "see the component", _COPY) for name in names},
            "outputs": {output: _meaning("emissions", "gCO2e", _SUM)},
        },
    }


def _divide_name(index: int, last: int) -> str:
    return f"divide by {_names('divisor', last)[index]}{' at last' if index == last - 1 else ''}"


def _divide(name: str, last: int) -> dict[str, Any]:
    index = next(i for i in range(last) if _divide_name(i, last) == name)
    divisor = _names("divisor", last)[index]
    before = "product" if index == 0 else f"product-over-{_LETTERS[index - 1]}"
    output = "carbon" if index == last - 1 else f"product-over-{_LETTERS[index]}"
    return {
        "method": "Divide",
        "path": "builtin",
        "config": {"numerator": before, "denominator": divisor, "output": output},
        "parameter-metadata": {
            "inputs": {
                before: _meaning("before it is divided", "see the component", _SUM),
                divisor: _meaning(divisor, "see the component", _COPY),
            },
            "outputs": {output: _meaning("emissions", "gCO2e", _SUM)},
        },
    }


def _sci() -> dict[str, Any]:
    return {
        "method": "Sci",
        "path": "builtin",
        "config": {"functional-unit": "functional-units"},
        "parameter-metadata": {
            "inputs": {
                "carbon": _meaning("emissions", "gCO2e", _SUM),
                "functional-units": _meaning("functional units delivered", "1", _COPY),
            },
            "outputs": {"sci": _meaning("per functional unit", "gCO2e", _SUM)},
        },
    }


def _meaning(description: str, unit: str, method: dict[str, str]) -> dict[str, Any]:
    return {"unit": unit, "description": description, "aggregation-method": dict(method)}


def _names(what: str, count: int) -> list[str]:
    """Names of parameters; the framework takes what has digits for something else."""
    if count > len(_LETTERS):
        raise DocumentError(f"A line has {count} factors.", "Tell us: nobody thought of that many.")
    return [f"{what}-{letter}" for letter in _LETTERS[:count]]


def _groups(
    components: Iterable[_Component], shared: dict[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Group components by scope or category, in the order of the categories."""
    found: dict[Category, dict[str, Any]] = {one: {} for one in Category}
    for one in components:
        found[one.line.category][one.line.id] = _node(one, shared)
    for category, children in found.items():
        if children:
            yield _title(category), _grouped(children)


def _grouped(children: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Add up children as the framework does: one after the other, from 0."""
    outputs = [child["outputs"][0] for child in children.values()]
    sums = {
        name: reduce(operator.add, (output[name] for output in outputs), 0.0)
        for name in ("carbon", "sci")
        if name in outputs[0]
    }
    moment = {name: outputs[0][name] for name in ("timestamp", "duration")}
    return {"children": children, "outputs": [sums | moment], "aggregated": sums}


def _title(category: Category) -> str:
    if category is Category.OTHERS:
        return "reported by others"
    kind = "category" if "." in category.value else "scope"
    return f"{kind} {category.value}"


def _node(one: _Component, shared: dict[str, Any]) -> dict[str, Any]:
    inputs: dict[str, Any] = {
        "activity": float(one.line.activity),
        "reported-share": float(one.line.reported_share),
    }
    for kind, parts in (("factor", one.factors), ("divisor", one.divisors)):
        for name, entry in zip(_names(kind, len(parts)), parts, strict=True):
            inputs[name] = float(entry.value)
    results = dict(_results(one))
    return {
        "description": f"activity in {one.line.activity_unit}, {one.line.quality.value}",
        "factors": dict(_described(one)),
        "pipeline": {"compute": one.steps},
        "inputs": [inputs],
        "outputs": [shared | inputs | results],
        "aggregated": {name: results[name] for name in ("carbon", "sci") if name in results},
    }


def _described(one: _Component) -> Iterator[tuple[str, str]]:
    for kind, parts in (("factor", one.factors), ("divisor", one.divisors)):
        for name, entry in zip(_names(kind, len(parts)), parts, strict=True):
            yield name, f"{entry.id} [{entry.unit}]"


def _results(one: _Component) -> Iterator[tuple[str, float]]:
    product = one.line.activity * one.line.reported_share
    for entry in one.factors:
        product *= entry.value
    last = len(one.divisors)
    if last:
        yield "product", product
    for index, entry in enumerate(one.divisors[:-1]):
        product /= entry.value
        yield f"product-over-{_LETTERS[index]}", product
    yield "carbon", one.carbon_g
    if one.units is not None:
        yield "sci", one.carbon_g / one.units


def _defaults(statement: Statement, units: float | None) -> dict[str, Any]:
    """Give what all rows have in common."""
    first, last = map(date.fromisoformat, (statement.start, statement.end))
    shared: dict[str, Any] = {
        "timestamp": f"{statement.start}T00:00:00.000Z",
        "duration": int((last - first + timedelta(days=1)).total_seconds()),
    }
    return shared if units is None else shared | {"functional-units": float(units)}
