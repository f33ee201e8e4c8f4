"""The policies that can be chosen by name."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from functools import partial
from importlib import metadata
from types import UnionType
from typing import Any

from footprint.errors import UsageError
from footprint.model.kinds import Vocabulary
from footprint.scheduling.base import Scheduler
from footprint.scheduling.cafe_policy import CafePolicy
from footprint.scheduling.ecolearn import EcoLearn
from footprint.scheduling.everyone import Everyone
from footprint.scheduling.feasible import Feasible
from footprint.scheduling.fedzero.policy import FedZero
from footprint.scheduling.lowcarb import Lowcarb
from footprint.scheduling.lowest_carbon import LowestCarbon
from footprint.scheduling.oort import Oort
from footprint.scheduling.paced_random import PacedRandom
from footprint.scheduling.power_of_choice import PowerOfChoice
from footprint.scheduling.round_robin import RoundRobin
from footprint.scheduling.static_cleanest import StaticCleanest
from footprint.scheduling.uniform import Uniform
from footprint.scheduling.utility_per_gram import UtilityPerGram

GROUP = "footprint.schedulers"
"""Entry points by which other packages bring policies of their own."""

POLICIES: dict[str, Callable[..., Scheduler]] = {
    "uniform": Uniform,
    "random": partial(Uniform, patient=True),
    "random-1.3n": partial(Uniform, over=1.3, patient=True),
    "random-fc": Feasible,
    "random-paced": PacedRandom,
    "oort": Oort,
    "oort-1.3n": partial(Oort, over=1.3),
    "oort-fc": partial(Oort, forecasts=True),
    "power-of-choice": PowerOfChoice,
    "fedzero": FedZero,
    "fedzero-static": partial(FedZero, blocklist=None, by_utility=False),
    "all-until-spent": Everyone,
    "round-robin": RoundRobin,
    "lowest-carbon": LowestCarbon,
    "static-cleanest": StaticCleanest,
    "lowcarb": Lowcarb,
    "ecolearn": EcoLearn,
    "utility-per-gram": UtilityPerGram,
    "cafe": CafePolicy,
}
"""Name of each policy, and what makes a fresh one: schedulers remember their run."""

WITH_BUDGET = frozenset({"random-paced", "lowest-carbon", "utility-per-gram", "cafe"})
"""Those that divide a budget of carbon between rounds, and do not run without one."""

WITH_GRADIENTS = frozenset({"utility-per-gram", "cafe"})
"""Those that need a learner which gives gradients."""


def make_policy(name: str, **options: object) -> Scheduler:
    """Make the policy of a name.

    Parameters
    ----------
    name : str
        One of `POLICIES`, or of an installed package's entry points in the group
        ``footprint.schedulers``.
    options : object
        Arguments of what makes it. Words are read as what they stand for, so ``weight="3"``
        is the number and ``gradient="stale"`` the source.

    Raises
    ------
    UsageError
        If there is no such policy, it has no such option, or an option cannot be read.
    """
    make = POLICIES[name] if name in POLICIES else _installed(name)
    known = inspect.signature(make).parameters
    for option in options:
        if option not in known:
            has = f"Its options are: {', '.join(known)}." if known else "It has none."
            raise UsageError(f"The policy {name!r} has no option {option!r}.", has)
    kinds = typing.get_type_hints(make.func if isinstance(make, partial) else make)
    return make(
        **{
            option: _read(option, value, kinds[option]) if isinstance(value, str) else value
            for option, value in options.items()
        }
    )


def _installed(name: str) -> Callable[..., Scheduler]:
    """Find a policy of another package."""
    points = {point.name: point for point in metadata.entry_points(group=GROUP)}
    if name not in points:
        there = ", ".join((*POLICIES, *sorted(points)))
        raise UsageError(f"There is no policy {name!r}.", f"Use one of: {there}.")
    make: Callable[..., Scheduler] = points[name].load()
    return make


def _read(option: str, text: str, kind: Any) -> object:
    """Read what a person wrote for an option."""
    kinds = typing.get_args(kind) if isinstance(kind, UnionType) else (kind,)
    words = {"true": True, "false": False}
    if type(None) in kinds and text.lower() == "none":
        return None
    for one in kinds:
        if one is bool and text.lower() in words:
            return words[text.lower()]
        if isinstance(one, type) and issubclass(one, Vocabulary):
            return one.parse(text)
        if one in (int, float):
            try:
                return one(text)
            except ValueError:
                continue
    names = " or ".join(getattr(one, "__name__", str(one)) for one in kinds)
    raise UsageError(f"The option {option!r} cannot be {text!r}.", f"It must be {names}.")
