"""What came of entering runs."""

from __future__ import annotations

from dataclasses import dataclass

from footprint.model import Finding
from footprint.model.kinds import Vocabulary


class Outcome(Vocabulary):
    """What came of entering a run."""

    ADDED = "added"
    GREW = "grew"
    """Its files were appended to, or there are more of them; its activities were made anew."""
    REPLACED = "replaced"
    """It was restated: read again, and put in the place of what was there."""
    UNCHANGED = "unchanged"
    WITHDRAWN = "withdrawn"
    """It was withdrawn before, and is left so: it comes back only with a cause."""


@dataclass(frozen=True, slots=True)
class Ingested:
    """What came of one run.

    Attributes
    ----------
    run, silo : str
        Its name, and the silo under which it is entered; empty if none was named.
    outcome : Outcome
    change : int or None
        Number of the change in the log; None if nothing changed.
    files, activities : int
        That it is made of now.
    superseded : int
        Activities that it took the place of.
    energy_kwh : float or None
        Of all its activities [kWh]; None if it is known of none.
    findings : tuple of Finding
        What a reader of the journals must know.
    """

    run: str
    silo: str
    outcome: Outcome
    change: int | None
    files: int
    activities: int
    superseded: int
    energy_kwh: float | None
    findings: tuple[Finding, ...] = ()
