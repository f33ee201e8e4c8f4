"""Energy of Apple Silicon, through codecarbon's reader of powermetrics.

powermetrics tells mean powers over about a second, and needs root: allow it without a
password as codecarbon's documentation says. It runs in a thread of its own, so that no
phase waits for it. Tried here against a stand-in only.
"""

from __future__ import annotations

import platform
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress

from footprint.errors import MeterAbsent, MeterError
from footprint.measurement.meter import Reading
from footprint.model import Tier

Details = Callable[[], Mapping[str, float]]

_PARTS = {"CPU Power": "package-cpu_mj", "GPU Power": "gpu-apple_mj"}
_MW_PER_W = 1e3
_PAUSE_S = 1.0
_LONGEST_S = 10.0


class AppleMeter:
    """Energy of the processor and of the GPU, integrated from powermetrics' mean powers.

    Counters: ``package-cpu_mj``, ``gpu-apple_mj``. Between two measures the last power
    holds.

    Parameters
    ----------
    details : callable, optional
        Gives the mean powers now, in watts, under codecarbon's names; by default
        codecarbon's own.

    Raises
    ------
    MeterAbsent
        On other systems.
    MeterError
        If powermetrics may not be run.
    """

    name = "apple"
    tier: Tier | None = Tier.C

    def __init__(self, details: Details | None = None) -> None:
        self._details = _find_details() if details is None else details
        self._lock = threading.Lock()
        self._power_mw = self._measure()
        self._last_s = self._measured_s = time.perf_counter()
        self._total_mj = dict.fromkeys(_PARTS.values(), 0.0)
        threading.Thread(
            target=_keep_measuring, args=(weakref.ref(self),), name="footprint-apple", daemon=True
        ).start()

    def read(self) -> Reading:
        """Read the counters [mJ].

        Raises
        ------
        MeterError
            If powermetrics has not answered for ten seconds.
        """
        with self._lock:
            self._advance()
            silent_s = self._last_s - self._measured_s
            if silent_s > _LONGEST_S:
                raise MeterError(f"powermetrics has not answered for {silent_s:.0f} s.")
            return Reading(dict(self._total_mj))

    def measure(self) -> None:
        """Take a new power; takes about a second."""
        power_mw = self._measure()
        with self._lock:
            self._advance()
            self._power_mw, self._measured_s = power_mw, self._last_s

    def _measure(self) -> dict[str, float]:
        details = self._details()
        if not all(name in details for name in _PARTS):
            raise MeterError(
                "powermetrics gave no powers.",
                "Allow it without a password: see 'macOS' in codecarbon's troubleshooting.",
            )
        return {part: details[name] * _MW_PER_W for name, part in _PARTS.items()}

    def _advance(self) -> None:
        now_s = time.perf_counter()
        for part, power_mw in self._power_mw.items():
            self._total_mj[part] += power_mw * (now_s - self._last_s)
        self._last_s = now_s


def _keep_measuring(reference: weakref.ref[AppleMeter]) -> None:
    """Measure until nobody holds the meter any more."""
    while True:
        time.sleep(_PAUSE_S)
        meter = reference()
        if meter is None:
            return
        with suppress(MeterError):  # the next reading says how long ago the last one was
            meter.measure()
        del meter


def _find_details() -> Details:
    if platform.system() != "Darwin":
        raise MeterAbsent("This is no Apple computer.")
    from codecarbon.core.powermetrics import ApplePowermetrics, is_powermetrics_available

    if not is_powermetrics_available():
        raise MeterError(
            "powermetrics may not be run, or this is no Apple Silicon.",
            "Allow it without a password: see 'macOS' in codecarbon's troubleshooting.",
        )
    folder = tempfile.mkdtemp(prefix="footprint-")
    details: Details = ApplePowermetrics(output_dir=folder).get_details
    return details
