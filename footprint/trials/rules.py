"""Policies by name, with options that people wrote."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from footprint.errors import UsageError
from footprint.scheduling.base import Scheduler
from footprint.scheduling.policies import POLICIES, make_policy


def make_rule(name: str, options: Mapping[str, Any]) -> Scheduler:
    """Make a policy.

    Parameters
    ----------
    name : str
        One of `POLICIES`.
    options : mapping
        Arguments of what makes it.

    Raises
    ------
    UsageError
        If there is no such policy, or it has no such option, or none of that type.
    """
    if not options:
        return make_policy(name)
    make = POLICIES.get(name)
    if make is None:
        return make_policy(name)  # says which there are
    known = inspect.signature(make).parameters
    for option in options:
        if option not in known:
            has = f"Its options are: {', '.join(known)}." if known else "It has none."
            raise UsageError(f"The policy {name!r} has no option {option!r}.", has)
    try:
        return make(**options)
    except TypeError as error:
        raise UsageError(f"The policy {name!r} cannot take {dict(options)}: {error}.") from error
