"""The base year, and the log of corrections that says whether its total still holds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from footprint.audit.deployments import Deployment, RestatementTable
from footprint.model import BaseYear

_SAME = 1e-9
"""Relative difference of two figures that people wrote as one."""
Chain = list[RestatementTable]


def state_base_year(deployment: Deployment) -> BaseYear | None:
    """Say by how much corrections change the base year beyond what its total holds.

    Once its declared total is the last one of the log, nothing is left to calculate.
    """
    table = deployment.base_year
    if table is None:
        return None
    chains = list_chains(deployment.restatements)
    of_year = [chain for (year, _), chain in chains.items() if year == table.year]
    whole = [chain for chain in of_year if holds(chain, table.total_g)]
    if whole:
        left_g = max(abs(chain[-1].new_g - table.total_g) for chain in whole)
        left_g = 0.0 if is_same(left_g + table.total_g, table.total_g) else left_g
    else:
        left_g = math.fsum(abs(chain[-1].new_g - chain[0].old_g) for chain in of_year)
    # Of a total of nothing, any correction is all of it.
    change = left_g / table.total_g if table.total_g else float(left_g > 0)
    return BaseYear(table.year, table.total_g, table.trigger, change, change > table.trigger)


def list_chains(restatements: Iterable[RestatementTable]) -> Mapping[tuple[int, str], Chain]:
    """Corrections by year and figure; by their days if all have one, else as they stand."""
    found: dict[tuple[int, str], Chain] = {}
    for one in restatements:
        found.setdefault((one.year, one.what.strip()), []).append(one)
    for chain in found.values():
        days = [one.date for one in chain if one.date is not None]
        if len(days) == len(chain):
            chain.sort(key=lambda one: str(one.date))
    return found


def holds(chain: Chain, total_g: float) -> bool:
    """Whether a figure was, or became, a total."""
    return any(is_same(value, total_g) for one in chain for value in (one.old_g, one.new_g))


def is_same(one: float, other: float) -> bool:
    """Whether people wrote one figure twice."""
    return math.isclose(one, other, rel_tol=_SAME)
