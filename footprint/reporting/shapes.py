"""The parts of a page: strings and chart-ready numbers, no arithmetic."""

from __future__ import annotations

from dataclasses import dataclass

from footprint.model import Assessment, Interval


@dataclass(frozen=True, slots=True)
class Scenario:
    """One run on a page.

    Attributes
    ----------
    role : str
        ``"baseline"`` or ``"candidate"``; empty on the page of a single run.
    label : str
        Full name, such as ``'federated run “digits”'``.
    short : str
        One word for use inside sentences, such as ``"federated"``; may be empty.
    assessment : Assessment
    width_g : float
        How uncertain its total is taken for when it is written: a page of two shows the digits
        that they differ in [g].
    """

    role: str
    label: str
    short: str
    assessment: Assessment
    width_g: float


@dataclass(frozen=True, slots=True)
class Card:
    """One headline number."""

    label: str
    value: str
    unit: str
    interval: str
    note: str
    measured: str


@dataclass(frozen=True, slots=True)
class CardGroup:
    """The headline numbers of one run, or of the comparison of two."""

    title: str
    role: str
    facts: tuple[str, ...]
    cards: tuple[Card, ...]


@dataclass(frozen=True, slots=True)
class Notice:
    """Findings of one code."""

    severity: str
    code: str
    count: int
    messages: tuple[str, ...]
    more_messages: int
    remedies: tuple[str, ...]
    places: tuple[str, ...]
    more_places: int
    runs: str


@dataclass(frozen=True, slots=True)
class Column:
    """Heading of a table column; `unit` holds for every cell beneath."""

    heading: str
    unit: str = ""
    numeric: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: text, smaller lines beneath, a link, a share to draw behind it."""

    text: str
    sub: tuple[str, ...] = ()
    href: str = ""
    share: float | None = None
    code: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table; the first cell of a row is its heading."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    foot: tuple[Cell, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    """One stack layer or one group of bars: a number, a label, a hover text per bar."""

    key: str
    name: str
    values: tuple[float, ...]
    labels: tuple[str, ...]
    hovers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StackedChart:
    """One horizontal bar per scenario, one layer per category, all in `unit`."""

    unit: str
    titles: tuple[str, ...]
    totals: tuple[Interval, ...]
    series: tuple[Series, ...]


@dataclass(frozen=True, slots=True)
class GroupedChart:
    """One bar per row and scenario, all in `unit`; keys of series are roles."""

    unit: str
    rows: tuple[str, ...]
    series: tuple[Series, ...]


@dataclass(frozen=True, slots=True)
class WaterfallChart:
    """From the first bar to the last by steps, all in `unit`."""

    unit: str
    rows: tuple[str, ...]
    values: tuple[float, ...]
    labels: tuple[str, ...]
    hovers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RangeChart:
    """One bar per row from a low end over a common centre to a high end, all in `unit`.

    Ends may lie on either side of the centre, and `lows` may lie above `highs`: they are
    what belongs to a lower and an upper bound.
    """

    unit: str
    rows: tuple[str, ...]
    lows: tuple[float, ...]
    highs: tuple[float, ...]
    centre: float
    centre_label: str
    hovers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class IntervalChart:
    """One bar per row from the low to the high end of an interval, its value marked."""

    unit: str
    rows: tuple[str, ...]
    intervals: tuple[Interval, ...]
    hovers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FlowChart:
    """Flows between nodes from left to right, all in `unit`; nodes go by their number."""

    unit: str
    nodes: tuple[str, ...]
    keys: tuple[str, ...]
    sources: tuple[int, ...]
    targets: tuple[int, ...]
    values: tuple[float, ...]
    hovers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One line over the horizontal axis; `lows` and `highs` are the ends of its band.

    With `marked`, its points stand alone, with a hover text each.
    """

    key: str
    name: str
    xs: tuple[float, ...]
    ys: tuple[float, ...]
    hovers: tuple[str, ...]
    lows: tuple[float, ...] = ()
    highs: tuple[float, ...] = ()
    marked: bool = False


@dataclass(frozen=True, slots=True)
class LineChart:
    """Lines over one quantity; `marks` are vertical lines with a word each.

    `from_zero` is of the vertical axis, `logarithmic` and `counted` of the horizontal one:
    it has whole numbers only.
    """

    x_title: str
    y_title: str
    lines: tuple[Line, ...]
    marks: tuple[tuple[float, str], ...] = ()
    from_zero: bool = True
    logarithmic: bool = False
    counted: bool = False


@dataclass(frozen=True, slots=True)
class Point:
    """One point with an interval each way; `best` if no other beats it in both."""

    key: str
    name: str
    x: Interval
    y: Interval
    hover: str
    best: bool = False


@dataclass(frozen=True, slots=True)
class PointChart:
    """Points over one quantity, filled where nothing beats them."""

    x_title: str
    y_title: str
    points: tuple[Point, ...]


Chart = (
    StackedChart
    | GroupedChart
    | WaterfallChart
    | RangeChart
    | IntervalChart
    | FlowChart
    | LineChart
    | PointChart
)


@dataclass(frozen=True, slots=True)
class LegendItem:
    """A key of the chart's colours; `key` is a category or a role."""

    key: str
    name: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart with its sentence and its numbers."""

    id: str
    title: str
    caption: str
    chart: Chart
    legend: tuple[LegendItem, ...]
    table: Table


@dataclass(frozen=True, slots=True)
class Ratio:
    """Where the ratio and its interval lie on a logarithmic ruler [% of its length]."""

    low: float
    value: float
    high: float
    one: float
    ticks: tuple[tuple[float, str], ...]


@dataclass(frozen=True, slots=True)
class Page:
    """Everything a report says."""

    kind: str
    title: str
    verdict: str
    remarks: tuple[str, ...]
    ratio: Ratio | None
    groups: tuple[CardGroup, ...]
    warnings: tuple[Notice, ...]
    figures: tuple[Figure, ...]
    boundary: tuple[Table, ...]
    factors: Table
    quality: tuple[Table, ...]
    actors: tuple[Table, ...]
    versions: Table
    inputs: tuple[Table, ...]


@dataclass(frozen=True, slots=True)
class EvaluationPage:
    """Everything that the page of an evaluation says."""

    kind: str
    title: str
    verdict: str
    remarks: tuple[str, ...]
    results: tuple[Table, ...]
    warnings: tuple[Notice, ...]
    figures: tuple[Figure, ...]
    details: tuple[Table, ...]
    settings: tuple[Table, ...]
    versions: Table
    inputs: tuple[Table, ...]
    ratio: Ratio | None = None


@dataclass(frozen=True, slots=True)
class StatementPage:
    """Everything that the page of a statement says."""

    kind: str
    title: str
    verdict: str
    remarks: tuple[str, ...]
    groups: tuple[CardGroup, ...]
    warnings: tuple[Notice, ...]
    results: tuple[Table, ...]
    figures: tuple[Figure, ...]
    lines: Table
    quality: tuple[Table, ...]
    boundary: tuple[Table, ...]
    factors: Table
    versions: Table
    inputs: tuple[Table, ...]
    ratio: Ratio | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision, and what unfolds beneath it; `tone` is the colour of its edge."""

    id: str
    tone: str
    kind: str
    title: str
    saving: str
    reason: str
    conditions: tuple[str, ...]
    irreversible: bool
    tables: tuple[Table, ...]
    lines: Table


@dataclass(frozen=True, slots=True)
class AdvicePage:
    """Everything that the page of a plan of advice says."""

    kind: str
    title: str
    verdict: str
    remarks: tuple[str, ...]
    groups: tuple[CardGroup, ...]
    warnings: tuple[Notice, ...]
    savings: Figure | None
    summary: Table
    decisions: tuple[Decision, ...]
    places: Figure | None
    state: tuple[Table, ...]
    boundary: tuple[Table, ...]
    factors: Table
    versions: Table
    inputs: tuple[Table, ...]
    ratio: Ratio | None = None

    @property
    def figures(self) -> tuple[Figure, ...]:
        """All charts."""
        return tuple(one for one in (self.savings, self.places) if one)
