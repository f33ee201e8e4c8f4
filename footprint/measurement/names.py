"""Names of places and devices that no estimate will know: said before the training, not after."""

from __future__ import annotations

import logging
from functools import lru_cache
from shlex import quote

log = logging.getLogger("footprint")


def warn_of_names(zone: str | None, device: str | None) -> None:
    """Log what the built-in factors do not know; a catalogue of one's own may."""
    if zone:
        _warn("zone", zone)
    if device:
        _warn("device", device)


@lru_cache(maxsize=256)  # once for each name: a function may be tracked in a loop
def _warn(what: str, name: str) -> None:
    # Here, and not the whole catalogue, which takes a second to read.
    from footprint.errors import FactorNotFound
    from footprint.factors import find_device, find_zone

    try:
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
