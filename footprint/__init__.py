"""Carbon accounting and life-cycle estimation for federated learning.

The path through the package, one function per step::

    track / Tracker -> read_journal -> build_inventory -> estimate -> compare -> render_report

Names are loaded when they are first touched, so importing the package is free.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from footprint._version import __version__ as __version__
    from footprint.assessment import estimate as estimate
    from footprint.comparison import compare as compare
    from footprint.comparison import rank as rank
    from footprint.documents import read_document as read_document
    from footprint.documents import write_document as write_document
    from footprint.errors import FootprintError as FootprintError
    from footprint.factors import FactorCatalogue as FactorCatalogue
    from footprint.factors import load_catalogue as load_catalogue
    from footprint.inventory import build_inventory as build_inventory
    from footprint.measurement.attribution import read_journal as read_journal
    from footprint.measurement.decorator import track as track
    from footprint.measurement.tracker import Tracker as Tracker
    from footprint.model import Activity as Activity
    from footprint.model import Assessment as Assessment
    from footprint.model import Comparison as Comparison
    from footprint.model import Inventory as Inventory
    from footprint.model import Journal as Journal
    from footprint.model import Phase as Phase
    from footprint.model import SignalKind as SignalKind
    from footprint.reporting import render_report as render_report
    from footprint.reporting import write_report as write_report
    from footprint.settings import Settings as Settings

_HOMES = {
    "Activity": "footprint.model",
    "Assessment": "footprint.model",
    "Comparison": "footprint.model",
    "FactorCatalogue": "footprint.factors",
    "FootprintError": "footprint.errors",
    "Inventory": "footprint.model",
    "Journal": "footprint.model",
    "Phase": "footprint.model",
    "Settings": "footprint.settings",
    "SignalKind": "footprint.model",
    "Tracker": "footprint.measurement.tracker",
    "__version__": "footprint._version",
    "build_inventory": "footprint.inventory",
    "compare": "footprint.comparison",
    "estimate": "footprint.assessment",
    "load_catalogue": "footprint.factors",
    "rank": "footprint.comparison",
    "read_document": "footprint.documents",
    "read_journal": "footprint.measurement.attribution",
    "render_report": "footprint.reporting",
    "track": "footprint.measurement.decorator",
    "write_document": "footprint.documents",
    "write_report": "footprint.reporting",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'footprint' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(_HOMES)
