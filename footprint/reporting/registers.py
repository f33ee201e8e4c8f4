"""Registers: what was counted, with which factors, and how to do it again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from footprint.documents import Estimate
from footprint.model import Assessment, Boundary, InputFile, Stage, Term
from footprint.reporting.numbers import clean, exact, plural, pretty_unit
from footprint.reporting.shapes import Cell, Column, Scenario, Table
from footprint.reporting.wording import (
    IDLE_NAMES,
    STAGE_NAMES,
    VIEW_NAMES,
    capitalise,
    is_plan,
    measured_rule,
    plan_rule,
)
from footprint.units import readable


def boundary_tables(scenarios: Sequence[Scenario]) -> tuple[Table, ...]:
    """Say what is in and what is out; once if all runs agree, as they must to be compared."""
    found = [(s.assessment.boundary, is_plan(s.assessment)) for s in scenarios]
    if all(one == found[0] for one in found):
        return (boundary_table("Boundary", *found[0]),)
    return tuple(
        boundary_table(f"Boundary of the {scenario.role}", *one)
        for scenario, one in zip(scenarios, found, strict=True)
    )


def boundary_table(caption: str, boundary: Boundary, planned: bool) -> Table:  # noqa: FBT001
    """Say what a boundary has in it, and what not."""
    rule = plan_rule if planned else measured_rule
    inside = [STAGE_NAMES[stage] for stage in Stage if stage in boundary.stages]
    outside = [STAGE_NAMES[stage] for stage in Stage if stage not in boundary.stages]
    outside += [rule(item) for item in boundary.excluded]
    outside += [rule(item) for item in boundary.gaps]
    signal = boundary.signal
    kind = f"{signal.basis}, {signal.method}-based, {signal.scope} emissions"
    rows = [
        _listing("Counted", inside),
        _listing("Left out", outside),
        _listing("Grid intensity", [kind]),
        _listing("Boundary", [rule(boundary.rule)]),
        _listing("Network model", [rule(boundary.network_model)]),
        _listing("Embodied emissions", [rule(boundary.embodied_rule)]),
    ]
    if not planned:
        rows.append(_listing("Whose energy", [VIEW_NAMES[boundary.view]]))
        rows.append(_listing("Idle time", [IDLE_NAMES[boundary.idle_policy]]))
    return Table(caption, (Column("Aspect"), Column("Rule")), tuple(rows))


def _listing(heading: str, lines: list[str]) -> tuple[Cell, ...]:
    first, *others = [line for line in lines if line] or ["nothing stated"]
    return Cell(heading), Cell(first, tuple(others))


def factor_table(scenarios: Sequence[Scenario]) -> Table:
    """List every factor and meter error used, once, with its birth certificate."""
    used: dict[Term, list[str]] = {}
    for scenario in scenarios:
        for term in scenario.assessment.terms:
            used.setdefault(term, []).append(scenario.role)
    rows = [
        _factor_row(term, [role for role in roles if role], len(scenarios))
        for term, roles in sorted(used.items(), key=lambda item: (item[0].quantity, item[0].id))
    ]
    return _register(rows)


def term_table(terms: Sequence[Term]) -> Table:
    """List the factors of a result that is none of scenarios."""
    ordered = sorted(terms, key=lambda term: (term.quantity, term.id))
    return _register([_factor_row(term, [], 1) for term in ordered])


def _register(rows: Sequence[tuple[Cell, ...]]) -> Table:
    columns = (
        Column("Factor"),
        Column("Value and 95 % bounds"),
        Column("Valid for"),
        Column("Source"),
        Column("Resolved"),
    )
    return Table(f"{plural(len(rows), 'factor')}", columns, tuple(rows))


def _factor_row(term: Term, roles: list[str], count: int) -> tuple[Cell, ...]:
    (low, _), (high, _) = readable(term.low, term.unit), readable(term.high, term.unit)
    value, unit = readable(term.value, term.unit)
    unit = pretty_unit(unit) if unit != "1" else ""
    ends = f"{exact(low)} to {exact(high)}"
    limits = "no bounds" if term.bounds == "none" else f"{ends}, from: {clean(term.bounds)}"
    about = [term.quantity.replace("_", " ")]
    if count > 1 and len(roles) < count:
        about.append(f"{' and '.join(roles)} only")
    if term.note:
        about.append(clean(term.note))
    year = "no year stated" if term.year is None else str(term.year)
    licence = f"licence: {clean(term.source.licence) or 'not stated'}"
    asked = (f"asked for: {clean(term.requested)}",) if term.requested else ()
    return (
        Cell(clean(term.id), tuple(about), code=True),
        Cell(f"{exact(value)} {unit}".strip(), (limits,)),
        Cell(clean(term.zone) if term.zone else "any zone", (year,)),
        Cell(clean(term.source.title), (licence,), href=web_address(term.source.url)),
        Cell(term.resolved_by.value, asked),
    )


def web_address(url: str) -> str:
    """Return `url` if it leads to the web; other schemes (script!) get no link."""
    return url if url.lower().startswith(("https://", "http://")) else ""


_FACTS: tuple[tuple[str, Callable[[Assessment], str]], ...] = (
    ("Run", lambda a: clean(a.run.name)),
    ("footprint version", lambda a: clean(a.tool_version)),
    ("Factor catalogue", lambda a: clean(a.catalogue_version)),
    ("Catalogue digest", lambda a: clean(a.catalogue_digest)),
    ("Seed", lambda a: str(a.seed)),
    ("Draws", lambda a: f"{a.draws:,}"),
)


def version_table(result: Estimate, scenarios: Sequence[Scenario]) -> Table:
    """List the versions and numbers that pin a result down."""
    headings = [capitalise(scenario.role) or "Value" for scenario in scenarios]
    rows = [
        (Cell(name), *(Cell(fact(s.assessment), code=name.endswith("digest")) for s in scenarios))
        for name, fact in _FACTS
    ]
    note = ""
    if not isinstance(result, Assessment):
        note = f"The comparison used seed {result.seed} and {result.draws:,} paired draws."
    columns = (Column("Item"), *(Column(heading) for heading in headings))
    return Table("Versions", columns, tuple(rows), note=note)


def input_tables(scenarios: Sequence[Scenario]) -> tuple[Table, ...]:
    """List what results were made from: files, and what manifests declared."""
    declared: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for scenario in scenarios:
        if scenario.assessment.declared:
            declared.setdefault(scenario.assessment.declared, []).append(scenario.role)
    tables = [_file_table(scenarios)]
    for pairs, roles in declared.items():
        whose = f" of the {' and the '.join(roles)}" if len(declared) > 1 else ""
        tables.append(declared_table(pairs, whose))
    return tuple(tables)


def declared_table(pairs: Sequence[tuple[str, str]], whose: str = "") -> Table:
    """List the keys of a manifest as they were written."""
    rows = tuple((Cell(clean(key), code=True), Cell(clean(value))) for key, value in pairs)
    columns = (Column("Key"), Column("Declared"))
    return Table(f"What the manifest{whose} declares", columns, rows)


def file_table(files: Sequence[InputFile]) -> Table:
    """List files, pinned by their content."""
    rows = tuple((Cell(clean(one.name)), Cell(clean(one.sha256), code=True)) for one in files)
    return Table("Input files", (Column("File"), Column("SHA-256")), rows)


def _file_table(scenarios: Sequence[Scenario]) -> Table:
    """List the files that a result was made from, pinned by their content."""
    files: dict[tuple[str, str], list[str]] = {}
    for scenario in scenarios:
        for item in scenario.assessment.inputs:
            files.setdefault((item.name, item.sha256), []).append(scenario.role)
    rows = [
        (
            Cell(clean(name), tuple(role for role in dict.fromkeys(roles) if role)),
            Cell(clean(digest), code=True),
        )
        for (name, digest), roles in files.items()
    ]
    note = "" if rows else "No input files were recorded."
    return Table("Input files", (Column("File"), Column("SHA-256")), tuple(rows), note=note)
