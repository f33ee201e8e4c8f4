"""An environment in which Flower and Ray keep to themselves. Nothing here imports them.

By default Flower posts events when its processes start and stop, asks for updates, and
has its SuperLink install the dependencies of an app from a package index; Ray reports
statistics of use. The variables were tried with Flower 1.41.0 and Ray 2.55.1: with
them, a simulation ran to the end where nothing but loopback was there.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

HOME = "FLWR_HOME"
"""Variable with the folder of Flower's configuration, database and logs."""

SANDBOX: Mapping[str, str] = MappingProxyType(
    {
        "FLWR_TELEMETRY_ENABLED": "0",
        "FLWR_DISABLE_UPDATE_CHECK": "1",
        "FLWR_DISABLE_RUNTIME_DEPENDENCY_INSTALLATION": "1",
        "RAY_USAGE_STATS_ENABLED": "0",
    }
)
"""Posts of events, search for updates, installation of dependencies and statistics off.

footprint sets it for processes that it starts itself, and for no other.
"""


def variables(home: Path | str) -> dict[str, str]:
    """`SANDBOX`, with a home for what Flower keeps in place of the user's own."""
    return {**SANDBOX, HOME: os.fspath(Path(home).absolute())}


def environment(home: Path | str) -> dict[str, str]:
    """Environment for a process that is started: ours, and `variables`."""
    return {**os.environ, **variables(home)}
