"""Providers of grid intensity: live sources and files, one module each."""

from __future__ import annotations

from importlib import metadata

from footprint.errors import UsageError
from footprint.factors.intensity import IntensityProvider
from footprint.factors.providers import (
    electricity_maps,
    entsoe,
    files,
    uk_carbon_intensity,
    watttime,
)
from footprint.factors.providers.setup import Setup, SourceInfo

GROUP = "footprint.intensity"
"""Entry points by which other packages bring providers of their own: each is a `SourceInfo`."""

PROVIDERS: dict[str, SourceInfo] = {
    "electricity-maps": electricity_maps.INFO,
    "watttime": watttime.INFO,
    "uk-carbon-intensity": uk_carbon_intensity.INFO,
    "entsoe": entsoe.INFO,
    "electricity-maps-csv": files.ELECTRICITY_MAPS_FILES,
    "file": files.FILES,
}
"""Name of each provider, and what is known of it."""


def make_provider(name: str, setup: Setup | None = None) -> IntensityProvider:
    """Make the provider of a name.

    Parameters
    ----------
    name : str
        One of `PROVIDERS`, or of an installed package's entry points.
    setup : Setup, optional

    Raises
    ------
    UsageError
        If there is no such provider.
    """
    return find_source(name).make(Setup() if setup is None else setup)


def find_source(name: str) -> SourceInfo:
    """Look up what is known of a provider.

    Raises
    ------
    UsageError
        If there is none of that name.
    """
    if name in PROVIDERS:
        return PROVIDERS[name]
    points = {point.name: point for point in metadata.entry_points(group=GROUP)}
    if name not in points:
        there = ", ".join((*PROVIDERS, *sorted(points)))
        raise UsageError(f"There is no source {name!r}.", f"Use one of: {there}.")
    found: SourceInfo = points[name].load()
    return found


def installed_sources() -> list[str]:
    """Names of the providers of other packages."""
    return sorted(point.name for point in metadata.entry_points(group=GROUP))


__all__ = [
    "GROUP",
    "PROVIDERS",
    "Setup",
    "SourceInfo",
    "find_source",
    "installed_sources",
    "make_provider",
]
