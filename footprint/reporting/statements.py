"""From a statement to what its page shows."""

from __future__ import annotations

from collections.abc import Iterable

from footprint.model import Finding, Interval, Severity, Statement, Total
from footprint.reporting.numbers import NBSP, NOT_KNOWN, Scale, clean, exact, percent, plural
from footprint.reporting.registers import declared_table, file_table, web_address
from footprint.reporting.shapes import Card, CardGroup, Cell, Column, StatementPage, Table
from footprint.reporting.statement_figures import statement_figures
from footprint.reporting.statement_tables import (
    category_table,
    exclusion_table,
    has_figures,
    instrument_table,
    inventory_table,
    line_table,
    place_table,
    quality_tables,
    restatement_table,
    totals_table,
)
from footprint.reporting.view import group_notices
from footprint.reporting.wording import capitalise
from footprint.units import readable

_SUBJECT = "the declared machine learning of"
"""Whose emissions a statement holds: not all of a company."""


def view_statement(statement: Statement) -> StatementPage:
    """Decide everything that the page of a statement says."""
    findings: dict[Finding, list[str]] = {finding: [] for finding in statement.findings}
    organisation = statement.organisation
    return StatementPage(
        kind="statement",
        title=clean(f"{statement.name}: greenhouse-gas statement"),
        verdict=_verdict(statement),
        remarks=tuple(_remarks(statement)),
        groups=(CardGroup(clean(organisation.name), "", (), tuple(_cards(statement))),),
        warnings=group_notices(findings),
        results=(totals_table(statement), category_table(statement), inventory_table(statement)),
        figures=statement_figures(statement),
        lines=line_table(statement),
        quality=quality_tables(statement),
        boundary=(
            _organisation_table(statement),
            place_table(statement),
            _choice_table(statement),
            exclusion_table(statement),
            *((instrument_table(statement),) if statement.instruments else ()),
            restatement_table(statement),
            _not_claimed(statement),
        ),
        factors=_factor_table(statement),
        versions=_version_table(statement),
        inputs=(file_table(statement.reproduce.inputs), declared_table(statement.declared)),
    )


def _figure(statement: Statement, name: str) -> Interval:
    found: Total | None = statement.total(name)
    return Interval(0.0, 0.0, 0.0) if found is None else found.emissions_g


def _verdict(statement: Statement) -> str:
    location, market = _figure(statement, "location"), _figure(statement, "market")
    scale = Scale.of("emissions", [location.value, market.value])
    if not has_figures(statement):
        outside = _figure(statement, "outside")
        named, when = statement.organisation.name, _period(statement)
        if not outside.value:
            return clean(
                f"What {_SUBJECT} {named} emitted {when} is not known: no line has a figure."
            )
        scale = Scale.of("emissions", [outside.value])
        of_others = f"{scale.quantity(outside)} are of others"
        return clean(f"{named} reports no emissions {when}: {of_others}.")
    # "Amounts to" is also true of a period that is not over.
    return clean(
        f"{capitalise(_SUBJECT)} {statement.organisation.name} amounts to "
        f"{scale.quantity(location)} by location and {scale.quantity(market)} by contracts, "
        f"{_period(statement)}."
    )


def _period(statement: Statement) -> str:
    start, end = statement.start, statement.end
    if start[:4] == end[:4] and start.endswith("-01-01") and end.endswith("-12-31"):
        return f"in {start[:4]}"
    return f"from {start} to {end}"


def _remarks(statement: Statement) -> Iterable[str]:
    organisation = statement.organisation
    for text in (organisation.about, organisation.goal):
        if text:
            yield clean(text)
    yield from (clean(one.message) for one in statement.findings if one.code == "period-open")
    errors = sum(finding.severity is Severity.ERROR for finding in statement.findings)
    if errors:
        yield f"{plural(errors, 'error')} found: figures are wrong until they are mended."
    yield (
        "Both totals hold scopes 1 to 3 with hardware in its year of purchase. The amortised "
        "column is for the functional unit, and is never added to them."
    )


def _cards(statement: Statement) -> Iterable[Card]:
    shown = (
        ("Scope 1", "scope 1", "fuel of own generators"),
        ("Scope 2 by location", "scope 2 location", "grid of the place"),
        ("Scope 2 by contracts", "scope 2 market", "instruments, then residual mix"),
        ("Scope 3", "scope 3", "hardware in its year of purchase"),
        ("Hardware bought", "purchase", "of scope 3"),
        ("Hardware amortised", "amortised", "in no total above"),
    )
    known = has_figures(statement)
    for label, name, note in shown:
        figure = _figure(statement, name)
        scale = Scale.of("emissions", [figure.value])
        if not known and not figure.value:
            yield Card(label, NOT_KNOWN, "", "", "no line has a figure", "")
            continue
        text = scale.text(figure.value, figure.width)
        yield Card(label, text, scale.unit, scale.range(figure), note, "")
    sci = statement.sci
    if sci is not None and (known or sci.intensity_g.value):
        scale = Scale.of("emissions", [sci.intensity_g.value])
        text = scale.text(sci.intensity_g.value, sci.intensity_g.width)
        note = f"per {clean(sci.functional_unit)}, of {exact(sci.units)}; no contract is in it"
        ends = scale.range(sci.intensity_g)
        yield Card("Software Carbon Intensity", text, scale.unit, ends, note, "")
    whole = statement.total("location")
    if whole is not None and whole.energy_kwh is not None:
        scale = Scale.of("energy", [whole.energy_kwh])
        note = "devices, buildings and networks"
        yield Card("Electricity", scale.text(whole.energy_kwh), scale.unit, "", note, "")
    share = percent(statement.primary_share)
    yield Card("Primary data", share, "", "", "of the location-based total", "")


def _facts(caption: str, facts: Iterable[tuple[str, str]], note: str = "") -> Table:
    rows = tuple((Cell(name), Cell(clean(value) or "not stated")) for name, value in facts)
    return Table(caption, (Column("Aspect"), Column("Value")), rows, note=note)


def _organisation_table(statement: Statement) -> Table:
    organisation, base = statement.organisation, statement.base_year
    allocation = statement.allocation.value
    facts = [
        ("Organisation", organisation.name),
        ("Period", f"{statement.start} to {statement.end}"),
        ("Organisational boundary", organisation.approach.value),
        ("Goal", organisation.goal),
        ("Audience", organisation.audience),
        ("Functional unit", statement.sci.functional_unit if statement.sci else "none declared"),
        ("Grid intensity by location", statement.signal),
        ("Network model", statement.network_model),
        ("Allocation of partners' work", allocation),
        ("Assurance", statement.assurance or "none: nobody verified this statement"),
    ]
    if base is not None:
        scale = Scale.of("emissions", [base.total_g])
        facts.append(
            (
                "Base year",
                f"{base.year}: {scale.text(base.total_g)} {scale.unit}; calculated again beyond "
                f"{base.trigger:.0%}, restatements change it by {base.change:.1%}",
            )
        )
    return _facts("Organisation and boundary", facts)


def _choice_table(statement: Statement) -> Table:
    return _facts("What the standards leave open, and how it was chosen", statement.choices)


def _not_claimed(statement: Statement) -> Table:
    rows = tuple((Cell(clean(text)),) for text in statement.not_claimed)
    return Table("What this statement is not", (Column("Claim"),), rows)


def _factor_table(statement: Statement) -> Table:
    rows = []
    for entry in sorted(statement.register, key=lambda one: (one.quantity, one.id)):
        value, unit = readable(entry.value, entry.unit)
        (low, _), (high, _) = (readable(end, entry.unit) for end in (entry.low, entry.high))
        shown = f"{exact(value)} {unit.replace('CO2e', 'CO₂e') if unit != '1' else ''}".strip()
        limits = f"{exact(low)} to {exact(high)}, from: {clean(entry.bounds)}"
        year = "no year" if entry.year is None else str(entry.year)
        kind = [entry.quantity.replace("_", " "), *([entry.signal] if entry.signal else [])]
        rows.append(
            (
                Cell(clean(entry.id), tuple(map(clean, kind)), code=True),
                Cell(shown, (limits if entry.bounds != "none" else "no bounds",)),
                Cell(clean(entry.zone or "any zone"), (year, entry.resolved_by.value)),
                Cell(
                    clean(entry.source.title),
                    (f"licence: {clean(entry.source.licence) or 'not stated'}",),
                    href=web_address(entry.source.url),
                ),
                Cell(clean(entry.version), (entry.sha256[:16],)),
            )
        )
    columns = (
        Column("Factor"),
        Column("Value and 95 % bounds"),
        Column("Valid for"),
        Column("Source"),
        Column("Version and hash"),
    )
    return Table(f"{plural(len(rows), 'factor')}", columns, tuple(rows))


def _version_table(statement: Statement) -> Table:
    recipe = statement.reproduce
    facts = [
        ("Statement", statement.name),
        ("footprint version", recipe.tool_version),
        ("Manifest", f"{recipe.manifest}{NBSP}· SHA-256 {recipe.manifest_sha256}"),
        ("Factor catalogue", f"{recipe.catalogue_version} · {recipe.catalogue_digest}"),
        ("Seed", str(recipe.seed)),
        ("Draws", f"{recipe.draws:,}"),
        ("Environment", ", ".join(f"{name} {version}" for name, version in recipe.environment)),
    ]
    return _facts(
        "Versions", facts, "Made again with: footprint audit verify STATEMENT --manifest MANIFEST"
    )
