"""Emissions of options as lines over one quantity."""

from __future__ import annotations

import math
from collections.abc import Callable

from footprint.lifecycle.breakeven import Line
from footprint.model import Assessment, Contribution


def line_of(assessment: Assessment, present: float, scales: Callable[[Contribution], bool]) -> Line:
    """Split the emissions of an option into what a quantity carries, and the rest.

    Parameters
    ----------
    assessment : Assessment
    present : float
        The quantity that it was estimated with; above 0.
    scales : callable
        Whether a contribution is proportional to the quantity.
    """
    carried: list[float] = []
    fixed: list[float] = []
    for part in assessment.contributions:
        (carried if scales(part) else fixed).append(part.emissions_g.value)
    return Line(math.fsum(fixed), math.fsum(carried) / present)


def grid_line(assessment: Assessment, zone: str) -> tuple[float, Line] | None:
    """Intensity of the grid of a zone in an option, and emissions over it; None without one."""
    grids = {term.id: term for term in assessment.terms if term.quantity == "grid_intensity"}

    def scales(part: Contribution) -> bool:
        return part.zone == zone and not grids.keys().isdisjoint(part.terms)

    found = next((part for part in assessment.contributions if scales(part)), None)
    if found is None:
        return None
    present = next(grids[name].value for name in found.terms if name in grids)
    return (present, line_of(assessment, present, scales)) if present else None
