"""Names of places and devices that no estimate will know: said before the training, not after."""

from __future__ import annotations

import csv
import logging
from functools import lru_cache
from shlex import quote

from footprint._resources import emission_factors
from footprint.errors import FactorNotFound

log = logging.getLogger("footprint")

_PLACES = {"zone": ("grid/zones.csv", "zone"), "device": ("hardware/lifespans.csv", "subject")}


def warn_of_names(zone: str | None, device: str | None) -> None:
    """Log what the built-in factors do not know; a catalogue of one's own may."""
    if zone:
        _warn("zone", zone)
    if device:
        _warn("device", device)


@lru_cache(maxsize=256)  # once for each name: a function may be tracked in a loop
def _warn(what: str, name: str) -> None:
    try:
        if _is_written(what, name):
            return
        # Another spelling, or a mistake. To load what can tell takes as long as a third of the
        # start of a tracker.
        from footprint.factors import find_device, find_zone

        (find_zone if what == "zone" else find_device)(name)
    except FactorNotFound as error:
        log.warning(
            "footprint: %s The training is measured all the same; name the right one when you "
            "estimate: --%s %s=NEW. %s",
            error.message,
            what,
            quote(name),
            error.remedy,
        )
    except Exception as error:  # noqa: BLE001 - a check of names must not harm a training
        log.debug("the names of places and devices cannot be checked: %s", error)


def _is_written(what: str, name: str) -> bool:
    """Whether a name stands in the built-in factors just so."""
    place, column = _PLACES[what]
    with emission_factors().joinpath(place).open(encoding="utf-8", newline="") as file:
        return any(row[column] == name for row in csv.DictReader(file))
