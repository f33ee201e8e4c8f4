"""Charts: plotly figures as plain dicts, ready for JSON.

plotly reads a part of HTML in every text it draws, so that each text passes
through `escape` here; names never reach a template string such as ``%{x}``.
"""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING, Any

from footprint.reporting.shapes import (
    Chart,
    FlowChart,
    GroupedChart,
    RangeChart,
    StackedChart,
    WaterfallChart,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go

# Okabe & Ito, "Color Universal Design" (2008), https://jfly.uni-koeln.de/color/.
ORANGE, SKY, GREEN, YELLOW = "#E69F00", "#56B4E9", "#009E73", "#F0E442"
BLUE, VERMILLION, PURPLE, GREY = "#0072B2", "#D55E00", "#CC79A7", "#999999"
# Reads on white and on near-black alike, for what does not follow the page.
NEUTRAL = "#7a828c"

# One colour and pattern per category, in every chart. The colour tells the
# family (computing, network, server, standing still, hardware, overhead), the
# pattern tells the members of a family apart. Blue and vermillion are kept for
# "saves" and "adds".
CATEGORY_STYLES: dict[str, tuple[str, str]] = {
    "train": (SKY, ""),
    "evaluate": (SKY, "/"),
    "inference": (SKY, "x"),
    "upload": (ORANGE, ""),
    "download": (ORANGE, "/"),
    "data_transfer": (ORANGE, "x"),
    "aggregate": (GREEN, ""),
    "serialise": (GREEN, "/"),
    "idle": (YELLOW, ""),
    "wait": (YELLOW, "/"),
    "embodied": (PURPLE, ""),
    "storage": (PURPLE, "/"),
    "setup": (GREY, ""),
    "load": (GREY, "/"),
    "other": (GREY, "x"),
}
# What has no categories of its own: the ends of flows.
STAGE_STYLES: dict[str, tuple[str, str]] = {"operation": (SKY, ""), "network": (ORANGE, "")}
ROLE_STYLES: dict[str, tuple[str, str]] = {
    "baseline": ("#a9b1ba", ""),
    "candidate": ("#5f6f80", ""),
    "increase": (VERMILLION, ""),
    "decrease": (BLUE, ""),
}

_BAR_PX = 118
_ROW_PX = 34
_FRAME_PX = 62
_TEXT_PX = 12


def style_of(key: str) -> tuple[str, str]:
    """Colour and pattern of a category or a role."""
    for styles in (CATEGORY_STYLES, ROLE_STYLES, STAGE_STYLES):
        if key in styles:
            return styles[key]
    return GREY, "."


def escape(text: str) -> str:
    """Keep plotly from reading markup in a text."""
    return html.escape(text, quote=False)


def draw(chart: Chart) -> dict[str, Any]:
    """Draw a chart.

    Parameters
    ----------
    chart : StackedChart, GroupedChart, WaterfallChart, RangeChart or FlowChart

    Returns
    -------
    dict
        ``{"data": [...], "layout": {...}}`` as plotly.js takes it.
    """
    if isinstance(chart, StackedChart):
        figure = _stacked(chart)
    elif isinstance(chart, WaterfallChart):
        figure = _waterfall(chart)
    elif isinstance(chart, RangeChart):
        figure = _ranges(chart)
    elif isinstance(chart, FlowChart):
        figure = _flows(chart)
    else:
        figure = _grouped(chart)
    drawn: dict[str, Any] = figure.to_plotly_json()
    return drawn


def trace_types(figures: list[dict[str, Any]]) -> set[str]:
    """Collect the plotly trace types that figures use."""
    return {trace["type"] for figure in figures for trace in figure["data"]}


def _layout(unit: str, height: int, **rest: Any) -> go.Layout:
    """Lay out a horizontal chart; colours of text and grid are set by the page."""
    import plotly.graph_objects as go

    template = go.layout.Template(
        layout={
            "font": {"family": "system-ui, sans-serif", "size": _TEXT_PX},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "hoverlabel": {"align": "left"},
            "xaxis": {"showgrid": True, "zeroline": True, "nticks": 6, "exponentformat": "none"},
            "yaxis": {"showgrid": False, "zeroline": False, "automargin": True, "ticks": ""},
        }
    )
    options = {
        "template": template,
        "height": height,
        "margin": {"l": 8, "r": 34, "t": 8, "b": 46},
        "showlegend": False,
        "hovermode": "closest",
        "dragmode": False,
        "xaxis": {"title": {"text": escape(unit), "standoff": 8}, "fixedrange": True},
        "yaxis": {"fixedrange": True},
    }
    layout = go.Layout(options)
    return layout.update(rest)


def _marker(key: str) -> dict[str, Any]:
    colour, shape = style_of(key)
    marker: dict[str, Any] = {"color": colour, "line": {"color": NEUTRAL, "width": 0.6}}
    if shape:
        # Colours come from the trace: `overlay` keeps it and draws dark strokes on top.
        marker["pattern"] = {
            "shape": shape,
            "fillmode": "overlay",
            "fgcolor": "#22272e",
            "fgopacity": 0.45,
            "size": 7,
            "solidity": 0.18,
        }
    return marker


def _stacked(chart: StackedChart) -> go.Figure:
    import plotly.graph_objects as go

    places = list(range(len(chart.titles)))
    bars = [
        go.Bar(
            orientation="h",
            y=places,
            x=list(series.values),
            width=0.46,
            marker=_marker(series.key),
            text=[escape(label) for label in series.labels],
            textposition="inside",
            insidetextanchor="middle",
            textangle=0,
            # All colours of the palette are light enough for dark text.
            insidetextfont={"color": "#111"},
            hoverinfo="text",
            hovertext=[escape(hover) for hover in series.hovers],
        )
        for series in chart.series
    ]
    whiskers = _whiskers(chart, places)
    layout = _layout(
        chart.unit,
        _FRAME_PX + _BAR_PX * len(places),
        barmode="stack",
        annotations=_titles(chart),
        uniformtext={"mode": "hide", "minsize": _TEXT_PX - 1},
        yaxis={"range": [len(places) - 0.45, -0.62], "showticklabels": False},
        xaxis={"rangemode": "tozero"},
    )
    return go.Figure(data=[*bars, *whiskers], layout=layout)


def _titles(chart: StackedChart) -> list[dict[str, Any]]:
    """Write the total above each bar; an axis label would narrow small screens."""
    return [
        {
            "x": 0,
            "y": place - 0.29,
            "xref": "x",
            "yref": "y",
            "xanchor": "left",
            "yanchor": "bottom",
            "xshift": 3,
            "text": escape(title),
            "showarrow": False,
            "align": "left",
        }
        for place, title in enumerate(chart.titles)
    ]


def _whiskers(chart: StackedChart, places: list[int]) -> list[go.Scatter]:
    """Draw the interval of each total beneath its bar."""
    import plotly.graph_objects as go

    if not any(total.width for total in chart.totals):
        return []
    return [
        go.Scatter(
            mode="markers",
            x=[total.value for total in chart.totals],
            y=[place + 0.33 for place in places],
            marker={"symbol": "diamond", "size": 8, "color": NEUTRAL},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [total.high - total.value for total in chart.totals],
                "arrayminus": [total.value - total.low for total in chart.totals],
                "color": NEUTRAL,
                "thickness": 2,
                "width": 5,
            },
            hoverinfo="text",
            hovertext=[escape(title) for title in chart.titles],
        )
    ]


def _rows_axis(rows: tuple[str, ...]) -> dict[str, Any]:
    # Numbers instead of category names: two rows may bear the same name.
    return {
        "tickmode": "array",
        "tickvals": list(range(len(rows))),
        "ticktext": [escape(row) for row in rows],
        "range": [len(rows) - 0.4, -0.6],
    }


def _padded(values: list[float]) -> list[float]:
    """Range of an axis with room for labels outside the bars."""
    low, high = min(0.0, *values), max(0.0, *values)
    room = 0.08 * (high - low)
    return [low - (room if low < 0 else 0.0), high + room]


def _grouped(chart: GroupedChart) -> go.Figure:
    import plotly.graph_objects as go

    count, rows = len(chart.series), len(chart.rows)
    bars = [
        go.Bar(
            orientation="h",
            y=list(range(rows)),
            x=list(series.values),
            marker=_marker(series.key),
            text=[escape(label) for label in series.labels],
            textposition="outside",
            cliponaxis=False,
            hoverinfo="text",
            hovertext=[escape(hover) for hover in series.hovers],
        )
        for series in chart.series
    ]
    layout = _layout(
        chart.unit,
        _FRAME_PX + rows * (_ROW_PX + 20 * (count - 1)),
        barmode="group",
        bargap=0.3,
        yaxis=_rows_axis(chart.rows),
        xaxis={"range": _padded([v for series in chart.series for v in series.values])},
    )
    return go.Figure(data=bars, layout=layout)


def _waterfall(chart: WaterfallChart) -> go.Figure:
    import plotly.graph_objects as go

    steps = len(chart.rows) - 2
    colours = {name: style_of(name)[0] for name in ("increase", "decrease")}
    trace = go.Waterfall(
        orientation="h",
        measure=["absolute", *["relative"] * steps, "total"],
        y=list(range(steps + 2)),
        x=list(chart.values),
        text=[escape(label) for label in chart.labels],
        textposition="outside",
        cliponaxis=False,
        # A waterfall ignores the template's colours: all three are set.
        increasing={"marker": {"color": colours["increase"]}},
        decreasing={"marker": {"color": colours["decrease"]}},
        totals={"marker": {"color": NEUTRAL}},
        connector={"line": {"color": NEUTRAL, "width": 1, "dash": "dot"}},
        hoverinfo="text",
        hovertext=[escape(hover) for hover in chart.hovers],
    )
    level, levels = 0.0, [chart.values[-1]]
    for value in chart.values[:-1]:
        level += value
        levels.append(level)
    layout = _layout(
        chart.unit,
        _FRAME_PX + _ROW_PX * (steps + 2),
        waterfallgap=0.3,
        yaxis=_rows_axis(chart.rows),
        xaxis={"range": _padded(levels)},
    )
    return go.Figure(data=[trace], layout=layout)


def _ranges(chart: RangeChart) -> go.Figure:
    import plotly.graph_objects as go

    places = list(range(len(chart.rows)))
    # Both sides from the centre; or one bar from end to end, and a mark inside of it.
    both = [("decrease", chart.lows), ("increase", chart.highs)]
    sides = [("baseline", chart.highs)] if chart.marks else both
    bars = [
        go.Bar(
            orientation="h",
            y=places,
            base=[low if chart.marks else chart.centre for low in chart.lows],
            x=[
                end - (low if chart.marks else chart.centre)
                for low, end in zip(chart.lows, ends, strict=True)
            ],
            width=0.5,
            marker=_marker(key),
            hoverinfo="text",
            hovertext=[escape(hover) for hover in chart.hovers],
        )
        for key, ends in sides
    ]
    marks = [
        go.Scatter(
            mode="markers",
            x=list(chart.marks),
            y=places,
            marker={"symbol": "diamond", "size": 10, "color": NEUTRAL},
            hoverinfo="text",
            hovertext=[escape(hover) for hover in chart.hovers],
        )
    ]
    values = [*chart.lows, *chart.highs, *chart.marks, chart.centre]
    axis: dict[str, Any] = {"range": _padded(values)}
    if chart.logarithmic:
        low, high = min(v for v in values if v > 0), max(values)
        axis = {
            "type": "log",
            "range": [math.log10(low) - 0.1, math.log10(high) + 0.1],
            "dtick": "D2" if high / low < 100 else 1,
        }
    elif min(values) > 0:
        room = 0.06 * (max(values) - min(values))
        axis = {"range": [min(values) - room, max(values) + room]}
    layout = _layout(
        chart.unit,
        _FRAME_PX + _ROW_PX * len(places) + 18,
        barmode="overlay",
        yaxis=_rows_axis(chart.rows),
        xaxis=axis,
        shapes=[
            {
                "type": "line",
                "xref": "x",
                "yref": "paper",
                "x0": chart.centre,
                "x1": chart.centre,
                "y0": 0,
                "y1": 1,
                "line": {"color": NEUTRAL, "width": 1.5, "dash": "dot"},
            }
        ],
        annotations=[
            {
                "x": math.log10(chart.centre) if chart.logarithmic else chart.centre,
                "y": 1,
                "xref": "x",
                "yref": "paper",
                "yanchor": "bottom",
                "showarrow": False,
                "text": escape(chart.centre_label),
            }
        ],
        margin={"l": 8, "r": 34, "t": 24, "b": 46},
    )
    return go.Figure(data=[*bars, *(marks if chart.marks else [])], layout=layout)


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
    layout = _layout(chart.unit, _FRAME_PX + 34 * max(rows, 6))
    return go.Figure(data=[trace], layout=layout)
