"""Charts: plotly figures as plain dicts, ready for JSON."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from footprint.reporting.bars import (
    draw_grouped,
    draw_intervals,
    draw_ranges,
    draw_stacked,
    draw_waterfall,
)
from footprint.reporting.drawing import (
    FRAME_PX,
    NEUTRAL,
    escape,
    layout,
    line_style,
    marked,
    style_of,
)
from footprint.reporting.shapes import (
    Chart,
    FlowChart,
    IntervalChart,
    LineChart,
    PointChart,
    RangeChart,
    StackedChart,
    WaterfallChart,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from footprint.model import Interval

_LINES_PX = 320


def draw(chart: Chart) -> dict[str, Any]:
    """Draw a chart.

    Parameters
    ----------
    chart : Chart

    Returns
    -------
    dict
        ``{"data": [...], "layout": {...}}`` as plotly.js takes it.
    """
    if isinstance(chart, StackedChart):
        figure = draw_stacked(chart)
    elif isinstance(chart, WaterfallChart):
        figure = draw_waterfall(chart)
    elif isinstance(chart, RangeChart):
        figure = draw_ranges(chart)
    elif isinstance(chart, IntervalChart):
        figure = draw_intervals(chart)
    elif isinstance(chart, FlowChart):
        figure = _flows(chart)
    elif isinstance(chart, LineChart):
        figure = _lines(chart)
    elif isinstance(chart, PointChart):
        figure = _points(chart)
    else:
        figure = draw_grouped(chart)
    drawn: dict[str, Any] = figure.to_plotly_json()
    return drawn


def trace_types(figures: list[dict[str, Any]]) -> set[str]:
    """Collect the plotly trace types that figures use."""
    return {trace["type"] for figure in figures for trace in figure["data"]}


def _flows(chart: FlowChart) -> go.Figure:
    import plotly.graph_objects as go

    colours = [style_of(key)[0] for key in chart.keys]
    trace = go.Sankey(
        arrangement="snap",
        node={
            "label": [escape(name) for name in chart.nodes],
            "color": colours,
            "line": {"color": NEUTRAL, "width": 0.6},
            "pad": 14,
            "thickness": 16,
            "hoverinfo": "none",
        },
        link={
            "source": list(chart.sources),
            "target": list(chart.targets),
            "value": list(chart.values),
            # Half transparent, so that what crosses stays readable.
            "color": [f"{colours[source]}88" for source in chart.sources],
            "customdata": [escape(hover) for hover in chart.hovers],
            "hovertemplate": "%{customdata}<extra></extra>",
        },
    )
    rows = max(len(set(chart.sources)), len(set(chart.targets)))
    drawn_layout = layout(chart.unit, FRAME_PX + 34 * max(rows, 6))
    return go.Figure(data=[trace], layout=drawn_layout)


def _lines(chart: LineChart) -> go.Figure:
    import plotly.graph_objects as go

    traces = []
    for line in chart.lines:
        colour, dash = line_style(line.key)
        if line.lows:
            traces.append(
                go.Scatter(
                    x=[*line.xs, *reversed(line.xs)],
                    y=[*line.highs, *reversed(line.lows)],
                    mode="lines",
                    line={"width": 0},
                    fill="toself",
                    fillcolor=f"{colour}33",
                    hoverinfo="skip",
                )
            )
        traces.append(
            go.Scatter(
                x=list(line.xs),
                y=list(line.ys),
                mode="markers" if line.marked else "lines",
                line={"color": colour, "width": 2.5, "dash": dash},
                marker={
                    "color": colour,
                    "size": 8,
                    "symbol": "diamond-open",
                    "line": {"width": 1.5},
                },
                hoverinfo="text",
                hovertext=[escape(hover) for hover in line.hovers],
            )
        )
    drawn_layout = layout(
        chart.x_title,
        _LINES_PX,
        xaxis=_horizontal(chart),
        yaxis={
            "title": {"text": escape(chart.y_title), "standoff": 8},
            "showgrid": True,
            "rangemode": "tozero" if chart.from_zero else "normal",
            "exponentformat": "none",
        },
        **marked(chart.marks),
    )
    return go.Figure(data=traces, layout=drawn_layout)


def _points(chart: PointChart) -> go.Figure:
    import plotly.graph_objects as go

    traces = []
    for point in chart.points:
        colour, _ = line_style(point.key)
        traces.append(
            go.Scatter(
                x=[point.x.value],
                y=[point.y.value],
                mode="markers+text",
                error_x=_whiskers(point.x, colour),
                error_y=_whiskers(point.y, colour),
                marker={
                    "color": colour,
                    "size": 11,
                    "symbol": "diamond" if point.best else "circle-open",
                    "line": {"width": 2},
                },
                text=[escape(point.name)],
                textposition="top center",
                cliponaxis=False,
                hoverinfo="text",
                hovertext=[escape(point.hover)],
            )
        )
    ends = [end for point in chart.points for end in (point.x.value, point.x.low, point.x.high)]
    drawn_layout = layout(
        chart.x_title,
        _LINES_PX + 60,
        # Names stand beside points, so that these need room at both sides.
        xaxis={"zeroline": False, "range": [min(0.0, *ends), 1.12 * max(ends)]},
        yaxis={
            "title": {"text": escape(chart.y_title), "standoff": 8},
            "showgrid": True,
            "exponentformat": "none",
        },
    )
    return go.Figure(data=traces, layout=drawn_layout)


def _whiskers(interval: Interval, colour: str) -> dict[str, Any]:
    return {
        "type": "data",
        "symmetric": False,
        "array": [interval.high - interval.value],
        "arrayminus": [interval.value - interval.low],
        "color": f"{colour}99",
        "thickness": 1.5,
        "width": 4,
        "visible": interval.width > 0,
    }


_MOST_TICKS = 8


def _horizontal(chart: LineChart) -> dict[str, Any]:
    if chart.logarithmic:
        return _logarithmic(chart)
    xs = [x for line in chart.lines for x in line.xs]
    # Where there is room for more ticks than numbers, plotly writes fractions.
    few = chart.counted and bool(xs) and max(xs) - min(xs) < _MOST_TICKS
    return {"zeroline": False, **({"dtick": 1} if few else {})}


def _logarithmic(chart: LineChart) -> dict[str, Any]:
    """Axis with whole labels: plotly writes 2 and 5 for any power of ten."""
    xs = [x for line in chart.lines for x in line.xs if x > 0]
    low, high = min(xs), max(xs)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [step * 10.0**power for power in powers for step in (1, 2, 5)]
    ticks = [tick for tick in ticks if low <= tick <= high]
    if len(ticks) > _MOST_TICKS:
        ticks = [tick for tick in ticks if math.log10(tick).is_integer()]
    return {
        "type": "log",
        "zeroline": False,
        "tickmode": "array",
        "tickvals": ticks,
        "ticktext": [f"{tick:g}" for tick in ticks],
    }
