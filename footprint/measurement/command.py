"""Run a command as one phase of a tracker, with everything that it starts."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from footprint.measurement.nesting import PARENT_RUN_VARIABLE, PARENT_VARIABLE
from footprint.measurement.tracker import Tracker
from footprint.model import Phase

_FIRST_SAMPLE_S, _SAMPLE_S = 0.05, 2.0
# Helpers of a command, such as those of Python's multiprocessing, end just after it.
_GRACE_TURNS, _GRACE_S = 10, 0.03
_PR_SET_CHILD_SUBREAPER = 36  # include/uapi/linux/prctl.h


def run_command(
    command: Sequence[str],
    tracker: Tracker,
    phase: Phase,
    *,
    on_beat: Callable[[], object] | None = None,
) -> int:
    """Run a command to its end, and hand signals on to it.

    Parameters
    ----------
    command : sequence of str
    tracker : Tracker
        Running, with ``children=True``.
    phase : Phase
        What the command does.
    on_beat : callable, optional
        Called every now and then while the command runs.

    Returns
    -------
    int
        Exit code, as a shell would report it.

    Raises
    ------
    OSError
        If the command cannot be started.
    """
    with _adopted_orphans(), tracker.span(phase) as span:
        ours = _children()
        environment = {
            **os.environ,
            PARENT_VARIABLE: tracker.token,
            PARENT_RUN_VARIABLE: tracker.run,
        }
        process = subprocess.Popen(  # noqa: S603 - running it is what was asked for
            command, env=environment
        )
        wait_s = _FIRST_SAMPLE_S
        with _forward_signals(process):
            while (code := _wait(process, wait_s)) is None:
                _bury(_children() - ours - {process.pid})
                # Memory comes and goes, and we may be killed: look often at first.
                tracker.heartbeat()
                if on_beat is not None:
                    on_beat()
                wait_s = min(2 * wait_s, _SAMPLE_S)
        span.failed = code != 0
        left = _left_over(ours)
        if left:
            tracker.doubt(
                "command-goes-on",
                f"{left} process(es) that the command started still run.",
                "What they use from now on is not counted. Keep them in the foreground, or "
                "track them on their own.",
            )
    # A command that a signal ended has the code that a shell would report.
    return code if code >= 0 else 128 - code


def _wait(process: subprocess.Popen[bytes], timeout_s: float) -> int | None:
    try:
        return process.wait(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        return None


@contextmanager
def _adopted_orphans() -> Iterator[None]:
    """Be the parent of descendants whose own parent ends, so that they still count.

    Source: prctl(2), PR_SET_CHILD_SUBREAPER. Linux only: elsewhere they are lost.
    """
    _set_subreaper(1)
    try:
        yield
    finally:
        _set_subreaper(0)


def _set_subreaper(value: int) -> None:
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, value, 0, 0, 0)


def _children() -> set[int]:
    """Direct children, those that have ended and wait to be waited for included."""
    import psutil

    try:
        return {child.pid for child in psutil.Process().children()}
    except psutil.Error:
        return set()


def _bury(adopted: set[int]) -> None:
    """Wait for those that have ended: only then is their time in our account."""
    for pid in adopted:
        with suppress(OSError):
            os.waitpid(pid, os.WNOHANG)


def _left_over(ours: set[int]) -> int:
    """Bury what has ended or is about to, and count what goes on."""
    for _ in range(_GRACE_TURNS):
        _bury(_children() - ours)
        if not _children() - ours:
            return 0
        time.sleep(_GRACE_S)
    return len(_children() - ours)


@contextmanager
def _forward_signals(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Hand our signals on, so that the command ends as it would without us."""

    def hand_on(number: int, _: object) -> None:
        process.send_signal(number)

    def stay(*_: object) -> None:
        """Outlive what the terminal sends to the command as well."""

    # Windows has the first one alone; batch systems announce an end with SIGUSR1.
    names = ("SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")
    forwarded = [getattr(signal, name) for name in names if hasattr(signal, name)]
    old = {number: signal.signal(number, hand_on) for number in forwarded}
    for name in ("SIGINT", "SIGQUIT"):  # the terminal sends them to the command as well
        if hasattr(signal, name):
            number = getattr(signal, name)
            old[number] = signal.signal(number, stay)
    try:
        yield
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
