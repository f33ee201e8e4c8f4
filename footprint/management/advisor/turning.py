"""Where a choice turns: emissions of options as lines over one quantity."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

from footprint.lifecycle.breakeven import Line, break_even
from footprint.model import Assessment, Contribution, TurningPoint


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


def turning_points(
    quantity: str, unit: str, present: float, lines: Mapping[str, Line], best: str
) -> Iterator[TurningPoint]:
    """Find where another option becomes better: the nearest point below, and the nearest above.

    Parameters
    ----------
    quantity, unit : str
    present : float
    lines : mapping of str to Line
        Emissions of the options that are possible, over the quantity [gCO2e].
    best : str
        Which of them is recommended: none is better at `present`.

    Notes
    -----
    Lines cross once. Up to the nearest crossing nothing is better than the best; there the one
    that it crosses is as good, and so no worse than any other.
    """
    crossings = [
        (value, name)
        for name, line in lines.items()
        if name != best and (value := break_even(lines[best], line))
    ]
    below = max((one for one in crossings if one[0] < present), default=None)
    above = min((one for one in crossings if one[0] > present), default=None)
    for found in (below, above):
        if found is not None:
            value, option = found
            yield TurningPoint(
                quantity=quantity, unit=unit, present=present, value=value, option=option
            )
