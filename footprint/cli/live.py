"""The live view of `footprint track --live`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

    from footprint.live import SoFar

_LEAST_S = 1.0  # over less than this the power is noise


class LiveView:
    """A table on standard error that shows what a run has used so far.

    Parameters
    ----------
    path : Path
        Journal of the run.
    """

    def __init__(self, path: Path) -> None:
        from rich.console import Console
        from rich.live import Live

        from footprint.factors import load_catalogue

        self._path = path
        self._catalogue = load_catalogue()
        self._live = Live(console=Console(stderr=True), auto_refresh=False)
        self._last: tuple[float, float] | None = None

    def __enter__(self) -> LiveView:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()
        self._live.console.print()

    def update(self) -> None:
        """Read the journal and show it."""
        from footprint.errors import FootprintError
        from footprint.live import run_so_far

        try:
            rows = run_so_far(self._path, self._catalogue)
        except FootprintError:
            return  # nothing to show yet; what is wrong is said at the end
        now_s, total_kwh = time.monotonic(), rows[-1].energy_kwh
        power_w = self._power_w(now_s, total_kwh)
        if total_kwh is not None and (self._last is None or power_w is not None):
            self._last = (now_s, total_kwh)
        self._live.update(_table(rows, power_w), refresh=True)

    def _power_w(self, now_s: float, total_kwh: float | None) -> float | None:
        from footprint.units import kwh_to_watts

        if self._last is None or total_kwh is None or now_s < self._last[0] + _LEAST_S:
            return None
        return kwh_to_watts(total_kwh - self._last[1], now_s - self._last[0])


def _table(rows: list[SoFar], power_w: float | None) -> Table:
    from rich.table import Table

    from footprint.units import format_number, format_quantity

    title = "so far" if power_w is None else f"so far, now {format_number(power_w)} W"
    table = Table("phase", "energy", "emissions", "electricity cost", title=title)
    for row in rows:
        emissions = "no zone given"
        if row.emissions_g is not None:
            emissions = format_quantity("emissions", row.emissions_g)
        cost = "no price" if row.cost is None else f"{format_number(row.cost)} {row.currency}"
        energy = "none known"
        if row.energy_kwh is not None:
            energy = format_quantity("energy", row.energy_kwh)
        table.add_row(row.phase, energy, emissions, cost)
    return table
