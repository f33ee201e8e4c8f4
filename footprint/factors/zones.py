"""Places that a factor can describe, and how they contain each other."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from footprint.errors import FactorNotFound

ZONE_COLUMNS = ("zone", "iso3", "name", "parent")


@dataclass(frozen=True, slots=True)
class Zone:
    """A place with a grid, prices or data centres of its own.

    Attributes
    ----------
    id : str
        ISO 3166-1 alpha-2 (``"FR"``), a part of it (``"US-CA"``), a cloud region
        (``"aws:eu-west-3"``) or a group (``"EU"``).
    iso3 : str
        ISO 3166-1 alpha-3 of a country, accepted as an alias; else empty.
    name : str
    parent : str
        Zone that contains it; empty for countries and groups, so that an unknown
        place never ends at a world average.
    """

    id: str
    iso3: str
    name: str
    parent: str


# Codes that people and other data sets use, and ISO 3166 does not.
_CUSTOMARY = {"uk": "gb", "el": "gr"}


class Zones(Mapping[str, Zone]):
    """All known zones by id; `find` also takes alpha-3 codes and any case."""

    def __init__(self, zones: Mapping[str, Zone]) -> None:
        self._zones = dict(zones)
        self._aliases: dict[str, str] = {}
        for zone in self._zones.values():
            if zone.iso3:
                self._aliases[zone.iso3.casefold()] = zone.id
        # Ids after aliases: an id always means itself.
        self._aliases.update({key.casefold(): key for key in self._zones})

    def __getitem__(self, key: str) -> Zone:
        return self._zones[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._zones)

    def __len__(self) -> int:
        return len(self._zones)

    def find(self, text: str) -> Zone:
        """Look a zone up by id or alpha-3 code, in any case.

        Raises
        ------
        FactorNotFound
            If there is no such zone; close matches are named, none is taken.
        """
        word = text.strip().casefold()
        key = self._aliases.get(_CUSTOMARY.get(word, word))
        if key is None:
            close = self.suggest(text)
            hint = f"Did you mean {', '.join(close)}? " if close else ""
            raise FactorNotFound(
                f"There is no zone {text!r} in the factor catalogue.",
                f"{hint}List what exists with: footprint factors list --quantity grid_intensity",
            )
        return self._zones[key]

    def suggest(self, text: str) -> list[str]:
        """Close matches over ids, alpha-3 codes and names, as ``'FR (France)'``."""
        names: dict[str, str] = {}
        for zone in self._zones.values():
            for name in (zone.name, zone.iso3, zone.id):
                if name:
                    names.setdefault(name.casefold(), zone.id)
        close = difflib.get_close_matches(text.strip().casefold(), names, n=6, cutoff=0.7)
        keys = dict.fromkeys(names[name] for name in close)
        return [f"{key} ({self._zones[key].name})" for key in keys][:3]

    def lineage(self, key: str) -> list[str]:
        """Return the zone and everything that contains it, nearest first."""
        chain = [key]
        while (zone := self._zones.get(chain[-1])) and zone.parent and zone.parent not in chain:
            chain.append(zone.parent)
        return chain


def zone_faults(zone: Zone, zones: Mapping[str, Zone]) -> list[str]:
    """Reasons why a zone cannot stay as it is among `zones`."""
    faults = []
    if not zone.name:
        faults.append("name is missing")
    if zone.parent and zone.parent not in zones:
        faults.append(f"parent {zone.parent!r} is not a zone")
    seen = {zone.id}
    step = zone
    while step.parent in zones:
        step = zones[step.parent]
        if step.id in seen:
            faults.append(f"parent {zone.parent!r} leads back to {step.id!r}")
            break
        seen.add(step.id)
    if zone.iso3 and any(o.iso3 == zone.iso3 and o.id != zone.id for o in zones.values()):
        faults.append(f"iso3 {zone.iso3!r} stands at another zone too")
    return faults
