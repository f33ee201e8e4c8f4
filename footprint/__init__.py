"""Carbon accounting and life-cycle estimation for federated learning.

The path through the package, one function per step::

    track / Tracker -> read_journal -> build_inventory -> estimate -> compare -> render_report

Names are loaded when they are first touched, so importing the package is free.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from footprint._lazy import hand_out

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
    "Activity": "model",
    "Assessment": "model",
    "Comparison": "model",
    "FactorCatalogue": "factors",
    "FootprintError": "errors",
    "Inventory": "model",
    "Journal": "model",
    "Phase": "model",
    "Settings": "settings",
    "SignalKind": "model",
    "Tracker": "measurement.tracker",
    "__version__": "_version",
    "build_inventory": "inventory",
    "compare": "comparison",
    "estimate": "assessment",
    "load_catalogue": "factors",
    "rank": "comparison",
    "read_document": "documents",
    "read_journal": "measurement.attribution",
    "render_report": "reporting",
    "track": "measurement.decorator",
    "write_document": "documents",
    "write_report": "reporting",
}

__all__ = list(_HOMES)
__getattr__, __dir__ = hand_out(__name__, _HOMES)
