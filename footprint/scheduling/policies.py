"""The policies that can be chosen by name."""

from __future__ import annotations

from collections.abc import Callable

from footprint.errors import UsageError
from footprint.scheduling.base import Scheduler
from footprint.scheduling.everyone import Everyone
from footprint.scheduling.feasible import Feasible
from footprint.scheduling.oort import Oort
from footprint.scheduling.round_robin import RoundRobin
from footprint.scheduling.uniform import Uniform

POLICIES: dict[str, Callable[[], Scheduler]] = {
    "uniform": Uniform,
    "random": lambda: Uniform(patient=True),
    "random-1.3n": lambda: Uniform(over=1.3, patient=True),
    "random-fc": Feasible,
    "oort": Oort,
    "oort-1.3n": lambda: Oort(over=1.3),
    "oort-fc": lambda: Oort(forecasts=True),
    "all-until-spent": Everyone,
    "round-robin": RoundRobin,
}
"""Name of each policy, and what makes a fresh one: schedulers remember their run."""


def make_policy(name: str) -> Scheduler:
    """Make the policy of a name.

    Raises
    ------
    UsageError
        If there is none.
    """
    if name not in POLICIES:
        raise UsageError(f"There is no policy {name!r}.", f"Use one of: {', '.join(POLICIES)}.")
    return POLICIES[name]()
