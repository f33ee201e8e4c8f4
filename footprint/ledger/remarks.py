"""What a person has to know of a run that was entered: findings."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection

from footprint.ledger.entries import Entry
from footprint.ledger.states import silos_of
from footprint.model import Finding, Severity


def remark(
    connection: Connection, run_id: int, entry: Entry, corrections: tuple[int, int]
) -> Iterator[Finding]:
    """Find what could count twice, and what became of earlier corrections.

    Parameters
    ----------
    connection : Connection
    run_id : int
    entry : Entry
    corrections : tuple of int
        How many were applied again, and how many were not.
    """
    applied, dropped = corrections
    if applied:
        yield _corrected_again(applied)
    if dropped:
        yield _dropped(dropped)
    yield from _across(entry)
    yield from _namesakes(connection, run_id, entry.state.run.name)


def _namesakes(connection: Connection, run_id: int, name: str) -> list[Finding]:
    """Say where a run of the same name is: parts of one run may count something twice."""
    others = silos_of(connection, name, but=run_id)
    if not others:
        return []
    silos = ", ".join(map(repr, others))
    return [
        Finding(
            "run-in-two-silos",
            f"A run {name!r} is in the ledger in the silo {silos} too.",
            remedy="If both are parts of one run, energy that a client measured and that its "
            "server was told counts twice: withdraw both, and enter all journals together.",
        )
    ]


def _across(entry: Entry) -> list[Finding]:
    """Say that a table has one run in several silos, unless it says where the run is."""
    silos = sorted(map(str, set(entry.columns.get("silo", ())) - {None}))
    if entry.home is not None or len(silos) < 2:
        return []
    return [
        Finding(
            "run-across-silos",
            f"Activities of the run {entry.state.run.name!r} lie in the silos "
            f"{', '.join(map(repr, silos[:5]))}: they are taken as one run.",
            remedy="If these are several runs, give the table a column run_silo that says which "
            "silo each run belongs to.",
        )
    ]


def _corrected_again(number: int) -> Finding:
    return Finding(
        "corrected-again",
        f"{number} corrections of this run were applied to its new activities too.",
        Severity.INFO,
        "See them with: footprint ledger history",
    )


def _dropped(number: int) -> Finding:
    return Finding(
        "corrections-dropped",
        f"{number} corrections of this run were made on files that these took the place of: they "
        "were not applied again.",
        remedy="See them with: footprint ledger history. What the new files still have wrong, "
        "restate again.",
    )
