"""A background thread that calls a function at a steady pace until it is stopped."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

log = logging.getLogger("footprint")


class Pulse:
    """Call `beat` every `interval_s` seconds, from a thread of its own.

    Parameters
    ----------
    beat : callable
        What it raises is logged, once, and does not end the pulse.
    interval_s : float
    """

    def __init__(self, beat: Callable[[], None], interval_s: float) -> None:
        self._beat = beat
        self._interval_s = interval_s
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="footprint-pulse", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread and wait for it; no beat begins after this returns."""
        self._stopped.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        failed = False
        while not self._stopped.wait(self._interval_s):
            try:
                self._beat()
            except Exception:  # a thread that died would lose all later heartbeats
                if not failed:
                    log.exception("footprint could not take a sample")
                failed = True
