"""Baseline: everybody in turn, the reference of fairness."""

from __future__ import annotations

from footprint.errors import UsageError


def choose_in_turn(clients: int, count: int, *, already: int) -> tuple[int, ...]:
    """Choose the next in turn.

    Parameters
    ----------
    clients : int
    count : int
        Clients of this round; may differ from round to round.
    already : int
        How many were chosen in all rounds before.

    Returns
    -------
    tuple of int
        Clients, rising by number.
    """
    if not 0 <= count <= clients or already < 0:
        raise UsageError(f"{count} of {clients} clients cannot be chosen after {already}.")
    return tuple(sorted((already + place) % clients for place in range(count)))
