"""A statement as CSV files, one for each list in it, with every digit."""

from __future__ import annotations

from collections.abc import Iterator

from footprint.audit.exports.cells import Cell, write_csv
from footprint.model import Interval, Statement, StatementLine

_FIGURES = ("location", "market", "purchase", "amortised")
_LINE_COLUMNS = (
    "id",
    "component",
    "stage",
    "life_cycle",
    "phase",
    "scope",
    "category",
    "run",
    "silo",
    "place",
    "device",
    "zone",
    "supply",
    "reported_share",
    "activity",
    "activity_unit",
    "factors",
    "market_factors",
    "energy_kwh",
    *(f"{name}_{end}g" for name in _FIGURES for end in ("", "low_", "high_")),
    "in_sci",
    "basis",
    "tier",
    "quality",
    "reliability",
    "completeness",
    "temporal",
    "geographical",
    "technological",
)


def list_statement(statement: Statement) -> dict[str, str]:
    """Write the lists of a statement as CSV.

    Location- and market-based emissions, hardware in its year of purchase and amortised, are
    columns of their own: no column adds any two of them.

    Returns
    -------
    dict of str to str
        Text by name of file.
    """
    return {
        "lines.csv": write_csv(_LINE_COLUMNS, map(_line, statement.lines)),
        "totals.csv": write_csv(
            ("total", "emissions_g", "emissions_low_g", "emissions_high_g", "energy_kwh"),
            ((one.name, *_ends(one.emissions_g), one.energy_kwh) for one in statement.totals),
        ),
        "register.csv": _register(statement),
        "findings.csv": write_csv(
            ("severity", "code", "place", "message", "remedy"),
            (
                (one.severity.value, one.code, one.place, one.message, one.remedy)
                for one in statement.findings
            ),
        ),
        "exclusions.csv": write_csv(
            ("what", "reason", "category", "estimate_g", "share"),
            (
                (one.what, one.reason, one.category, one.estimate_g, one.share)
                for one in statement.exclusions
            ),
        ),
        "instruments.csv": _instruments(statement),
        "restatements.csv": write_csv(
            ("what", "year", "old_g", "new_g", "cause", "reason", "date"),
            (
                (one.what, one.year, one.old_g, one.new_g, one.cause.value, one.reason, one.date)
                for one in statement.restatements
            ),
        ),
    }


def _line(line: StatementLine) -> tuple[Cell, ...]:
    scores = line.pedigree
    return (
        line.id,
        line.component,
        line.stage.value,
        line.life_cycle.value,
        line.phase.value,
        line.category.scope,
        line.category.value,
        line.run,
        line.silo,
        line.place,
        line.device,
        line.zone,
        line.supply,
        line.reported_share,
        line.activity,
        line.activity_unit,
        "; ".join(line.factors),
        "; ".join(line.market_factors),
        line.energy_kwh,
        *(end for name in _FIGURES for end in _ends(getattr(line, f"{name}_g"))),
        line.in_sci,
        line.basis.value,
        line.tier.value if line.tier else None,
        line.quality.value,
        scores.reliability,
        scores.completeness,
        scores.temporal,
        scores.geographical,
        scores.technological,
    )


def _ends(figure: Interval | None) -> Iterator[float | None]:
    if figure is None:
        yield from (None, None, None)
    else:
        yield from (figure.value, figure.low, figure.high)


def _register(statement: Statement) -> str:
    columns = (
        "id",
        "quantity",
        "value",
        "unit",
        "low",
        "high",
        "bounds",
        "zone",
        "year",
        "valid_to",
        "resolved_by",
        "requested",
        "signal",
        "source",
        "url",
        "licence",
        "version",
        "sha256",
        "note",
    )
    rows = (
        (
            one.id,
            one.quantity,
            one.value,
            one.unit,
            one.low,
            one.high,
            one.bounds,
            one.zone,
            one.year,
            one.valid_to,
            one.resolved_by.value,
            one.requested,
            one.signal,
            one.source.title,
            one.source.url,
            one.source.licence,
            one.version,
            one.sha256,
            one.note,
        )
        for one in statement.register
    )
    return write_csv(columns, rows)


def _instruments(statement: Statement) -> str:
    columns = (
        "name",
        "kind",
        "market",
        "vintage",
        "energy_kwh",
        "claimed_kwh",
        "used_kwh",
        "g_per_kwh",
        "certificate",
        "source",
        "refused",
    )
    rows = (
        (
            one.name,
            one.kind.value,
            one.market,
            one.vintage,
            one.energy_kwh,
            one.claimed_kwh,
            one.used_kwh,
            one.g_per_kwh,
            one.certificate,
            one.source,
            one.refused,
        )
        for one in statement.instruments
    )
    return write_csv(columns, rows)
