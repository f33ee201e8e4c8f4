"""Checks of the base year and of the log of corrections."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from footprint.audit.base_years import holds, is_same, list_chains
from footprint.audit.statement import Audited
from footprint.factors import FactorCatalogue
from footprint.model import Finding, Severity
from footprint.units import G_PER_KG

_STATED = ("location", "market")


def check_base_year(audited: Audited, _catalogue: FactorCatalogue) -> Iterator[Finding]:
    """There is a base year, and it is calculated again when it has to be."""
    base = audited.statement.base_year
    if base is None:
        yield Finding(
            "base-year-missing",
            "There is no base year: nobody can say whether emissions rise or fall.",
            Severity.WARNING,
            "Add [base_year].",
        )
    elif base.recalculate:
        yield Finding(
            "base-year-outdated",
            f"Restatements change the base year {base.year} by {base.change:.1%}, more than the "
            f"trigger of {base.trigger:.1%}.",
            Severity.ERROR,
            "Calculate it again: log the change of its total, and declare the new one.",
            str(base.year),
        )


def check_base_year_total(audited: Audited, _catalogue: FactorCatalogue) -> Iterator[Finding]:
    """Hold a base year that is the period itself against its total."""
    base, period = audited.deployment.base_year, audited.deployment.period
    if base is None or {base.year} != {period.start.year, period.end.year}:
        return
    stated = [t.emissions_g.value for t in audited.statement.totals if t.name in _STATED]
    if not any(abs(one - base.total_g) <= base.trigger * base.total_g for one in stated):
        here = " and ".join(f"{one / G_PER_KG:.6g}" for one in stated)
        yield Finding(
            "base-year-differs",
            f"The base year {base.year} is the period, and has {base.total_g / G_PER_KG:.6g} "
            f"kgCO2e; this statement has {here} (by location, by contracts).",
            Severity.ERROR,
            "Declare what the statement of the base year says.",
            str(base.year),
        )


def check_restatements(audited: Audited, _catalogue: FactorCatalogue) -> Iterator[Finding]:
    """Let each correction of a figure begin with what the one before left."""
    base, chains = audited.deployment.base_year, list_chains(audited.deployment.restatements)
    for (year, what), chain in chains.items():
        for one, other in pairwise(chain):
            if not is_same(one.new_g, other.old_g):
                yield Finding(
                    "restatement-broken",
                    f"{what!r} of {year} was corrected to {one.new_g / G_PER_KG:.6g} kgCO2e, and "
                    f"then from {other.old_g / G_PER_KG:.6g} kgCO2e.",
                    Severity.ERROR,
                    "Log every correction, in its order; give other figures names of their own.",
                    what,
                )
    of_year = [c for (year, _), c in chains.items() if base is not None and year == base.year]
    if base is not None and of_year and not any(holds(c, base.total_g) for c in of_year):
        yield Finding(
            "restatement-apart",
            f"Figures of the base year {base.year} were corrected, and none of them was or became "
            f"its total of {base.total_g / G_PER_KG:.6g} kgCO2e.",
            Severity.WARNING,
            "If they are parts of it, log the correction of the total, too.",
            str(base.year),
        )
