"""Where a choice changes: emissions of options over one quantity, as lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from footprint.lifecycle.breakeven import Line, break_even
from footprint.model import TurningPoint


def find_turns(
    quantity: str, unit: str, present: float, lines: Mapping[str, Line], chosen: str
) -> Iterator[TurningPoint]:
    """Find where another option becomes better than the one that is best now.

    Parameters
    ----------
    quantity, unit : str
    present : float
    lines : mapping of str to Line
        What each possible option emits, less what it may cost, over the quantity [gCO2e].
    chosen : str
        The best of them at `present`.

    Yields
    ------
    TurningPoint
        At most one below the present value, and one above it: the lowest of straight lines is
        concave, so the chosen option is the best one everywhere between the two.
    """
    own = lines[chosen]
    below, above = [], []
    for name, line in lines.items():
        value = None if name == chosen else break_even(own, line)
        if value is None:
            continue
        if line.slope < own.slope:
            above.append((max(value, present), line.slope, name))
        elif value > 0:
            below.append((-min(value, present), -line.slope, name))
    for side in (below, above):
        if side:
            # Where two cross at one place, the steeper one is better behind it.
            value, _, name = min(side)
            yield TurningPoint(
                quantity=quantity, unit=unit, present=present, value=abs(value), option=name
            )
