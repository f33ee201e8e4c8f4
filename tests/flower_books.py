"""What tests of the books of a Flower server share: a tracker that only keeps what it is told."""

import math
from contextlib import contextmanager

from footprint.factors import load_catalogue
from footprint.integrations.flower.exchanges import Exchanges
from footprint.integrations.flower.grid import MeasuredGrid
from footprint.integrations.flower.limits import Limits
from footprint.integrations.flower.nodes import Nodes
from footprint.integrations.flower.wire import NO_WIRE, WireModel
from footprint.model import ReplyStatus

WIRE = WireModel()
LIMITS = Limits(catalogue=load_catalogue())
LEARNT = (ReplyStatus.LATE, ReplyStatus.IDLE)  # rows that settle no request


class Pages:
    """Stands where the tracker of a server does, and keeps reports and doubts in memory."""

    running = True

    def __init__(self):
        self.reports, self.doubts = [], []

    def report(self, record):
        self.reports.append(record)

    def doubt(self, code, message, remedy=""):
        self.doubts.append((code, message))

    @contextmanager
    def span(self, *_, **__):
        yield


class Books:
    """A measured grid over another one, and what is written of it."""

    def __init__(self, inner, clock, *, simulated=False, wire=NO_WIRE):
        self.pages = Pages()
        self.exchanges = Exchanges(
            self.pages, Nodes(), LIMITS, wire, clock.now_s(), simulated=simulated
        )
        self.grid = MeasuredGrid(inner, self.exchanges, clock)

    @property
    def rows(self):
        """Those that settle a request."""
        return [row for row in self.pages.reports if row.status not in LEARNT]

    def told_kwh(self, node=None):
        """All energy in the reports, of one node or of all."""
        return math.fsum(
            part.kwh
            for row in self.pages.reports
            if row.told and node in (None, int(row.node))
            for part in (row.told.energy, row.told.setup, row.told.idle)
            if part
        )

    def sum(self, name, node=None):
        return sum(
            getattr(row, name) or 0 for row in self.pages.reports if node in (None, int(row.node))
        )
