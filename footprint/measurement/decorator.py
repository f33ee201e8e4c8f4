"""Track a function with one line."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, overload

from footprint.measurement.tracker import Tracker
from footprint.model import Phase

P = ParamSpec("P")
R = TypeVar("R")


@overload
def track(function: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def track(
    function: str | None = None, /, *, phase: Phase | str = Phase.TRAIN, **tracker: Any
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def track(
    function: Callable[P, R] | str | None = None,
    /,
    *,
    phase: Phase | str = Phase.TRAIN,
    **tracker: Any,
) -> Any:
    """Track every call of a function; as ``@track``, ``@track("evaluate")``, ``@track(zone="FR")``.

    Parameters
    ----------
    phase : Phase or str
        What the function does.
    **tracker
        Parameters of `Tracker`; the run is named after the function by default.

    Notes
    -----
    Of a generator, the steps are in `phase`; what its consumer does between them is in
    the phase ``other``. Calls that overlap share one tracker.
    """
    if isinstance(function, str):
        # @track("evaluate")
        return functools.partial(track, phase=function, **tracker)
    if function is None:
        return functools.partial(track, phase=phase, **tracker)
    phase = Phase.parse(phase)
    shared = _SharedTracker({"run": function.__name__, **tracker})
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def awaited(*args: P.args, **kwargs: P.kwargs) -> Any:
            with shared as running, running.span(phase):
                return await function(*args, **kwargs)

        return awaited

    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def generated(*args: P.args, **kwargs: P.kwargs) -> Any:
            with shared as running:
                return (yield from _each_step(function(*args, **kwargs), running, phase))

        return generated

    if inspect.isasyncgenfunction(function):

        @functools.wraps(function)
        async def streamed(*args: P.args, **kwargs: P.kwargs) -> Any:
            with shared as running:
                iterator = function(*args, **kwargs)
                while True:
                    with running.span(phase):
                        try:
                            value = await anext(iterator)
                        except StopAsyncIteration:
                            return
                    yield value

        return streamed

    @functools.wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        with shared as running, running.span(phase):
            return function(*args, **kwargs)

    return called


def _each_step(generator: Any, tracker: Tracker, phase: Phase) -> Any:
    """Run a generator so that its own steps are measured, and not what its consumer does."""
    advance = functools.partial(generator.send, None)
    while True:
        with tracker.span(phase):
            try:
                value = advance()
            except StopIteration as stop:
                return stop.value
        try:
            advance = functools.partial(generator.send, (yield value))
        except GeneratorExit:
            generator.close()
            raise
        except BaseException as error:  # noqa: BLE001 - handed on to the generator
            advance = functools.partial(generator.throw, error)


class _SharedTracker:
    """One tracker for all calls that are going on at the same time.

    A tracker counts its whole process. Calls that overlap, in threads or by
    recursion, must share one, or each would count what the others do.
    """

    def __init__(self, options: dict[str, Any]) -> None:
        Tracker(**options)  # wrong options are an error where the decorator stands
        self._options = options
        self._lock = threading.Lock()
        self._users = 0
        self._tracker: Tracker | None = None

    def __enter__(self) -> Tracker:
        with self._lock:
            if self._tracker is None:
                self._tracker = Tracker(**self._options)
                self._tracker.start()
            self._users += 1
            return self._tracker

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0 and self._tracker is not None:
                self._tracker.stop(failed=kind is not None)
                self._tracker = None
