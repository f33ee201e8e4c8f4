"""Track a function with one line."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, overload

from footprint.errors import UsageError
from footprint.measurement.tracker import Tracker
from footprint.model import Phase

P = ParamSpec("P")
R = TypeVar("R")


@overload
def track(function: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def track(
    function: None = None, /, *, phase: Phase | str = Phase.TRAIN, **tracker: Any
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def track(
    function: Callable[P, R] | None = None,
    /,
    *,
    phase: Phase | str = Phase.TRAIN,
    **tracker: Any,
) -> Any:
    """Track every call of a function; as ``@track`` or ``@track(zone="FR")``.

    Parameters
    ----------
    phase : Phase or str
        What the function does.
    **tracker
        Parameters of `Tracker`; the run is named after the function by default.

    Raises
    ------
    UsageError
        If the function is a generator: wrap its loop in a `Tracker` instead.
    """
    if function is None:
        return functools.partial(track, phase=phase, **tracker)
    phase = Phase.parse(phase)
    options = {"run": function.__name__, **tracker}
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise UsageError(
            f"{function.__name__} is a generator; its work happens where it is consumed.",
            "Put `with Tracker(...)` around the loop that consumes it.",
        )
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def awaited(*args: P.args, **kwargs: P.kwargs) -> Any:
            with Tracker(**options) as tracker_, tracker_.span(phase):
                return await function(*args, **kwargs)

        return awaited

    @functools.wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        with Tracker(**options) as tracker_, tracker_.span(phase):
            return function(*args, **kwargs)

    return called
