"""Charts of bars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from footprint.reporting.drawing import (
    FRAME_PX,
    NEUTRAL,
    ROW_PX,
    TEXT_PX,
    VERMILLION,
    escape,
    layout,
    marked,
    marker,
    padded,
    rows_axis,
    style_of,
)
from footprint.reporting.shapes import (
    GroupedChart,
    IntervalChart,
    RangeChart,
    StackedChart,
    WaterfallChart,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go

_BAR_PX = 118


def draw_stacked(chart: StackedChart) -> go.Figure:
    """Draw one bar per scenario, in layers, its interval beneath."""
    import plotly.graph_objects as go

    places = list(range(len(chart.titles)))
    bars = [
        go.Bar(
            orientation="h",
            y=places,
            x=list(series.values),
            width=0.46,
            marker=marker(series.key),
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
    drawn_layout = layout(
        chart.unit,
        FRAME_PX + _BAR_PX * len(places),
        barmode="stack",
        annotations=_titles(chart),
        uniformtext={"mode": "hide", "minsize": TEXT_PX - 1},
        yaxis={"range": [len(places) - 0.45, -0.62], "showticklabels": False},
        xaxis={"rangemode": "tozero"},
    )
    return go.Figure(data=[*bars, *whiskers], layout=drawn_layout)


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


def draw_grouped(chart: GroupedChart) -> go.Figure:
    """Draw one bar per row and scenario."""
    import plotly.graph_objects as go

    count, rows = len(chart.series), len(chart.rows)
    bars = [
        go.Bar(
            orientation="h",
            y=list(range(rows)),
            x=list(series.values),
            marker=marker(series.key),
            text=[escape(label) for label in series.labels],
            textposition="outside",
            cliponaxis=False,
            hoverinfo="text",
            hovertext=[escape(hover) for hover in series.hovers],
        )
        for series in chart.series
    ]
    drawn_layout = layout(
        chart.unit,
        FRAME_PX + rows * (ROW_PX + 20 * (count - 1)),
        barmode="group",
        bargap=0.3,
        yaxis=rows_axis(chart.rows),
        xaxis={"range": padded([v for series in chart.series for v in series.values])},
    )
    return go.Figure(data=bars, layout=drawn_layout)


def draw_waterfall(chart: WaterfallChart) -> go.Figure:
    """Draw the steps from the first bar to the last."""
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
    drawn_layout = layout(
        chart.unit,
        FRAME_PX + ROW_PX * (steps + 2),
        waterfallgap=0.3,
        yaxis=rows_axis(chart.rows),
        xaxis={"range": padded(levels)},
    )
    return go.Figure(data=[trace], layout=drawn_layout)


def draw_ranges(chart: RangeChart) -> go.Figure:
    """Draw bars to both sides of a common centre."""
    import plotly.graph_objects as go

    places = list(range(len(chart.rows)))
    bars = [
        go.Bar(
            orientation="h",
            y=places,
            base=[chart.centre] * len(places),
            x=[end - chart.centre for end in ends],
            width=0.5,
            marker=marker(key),
            hoverinfo="text",
            hovertext=[escape(hover) for hover in chart.hovers],
        )
        for key, ends in (("decrease", chart.lows), ("increase", chart.highs))
    ]
    values = [*chart.lows, *chart.highs, chart.centre]
    axis: dict[str, Any] = {"range": padded(values)}
    if min(values) > 0:
        room = 0.06 * (max(values) - min(values))
        axis = {"range": [min(values) - room, max(values) + room]}
    drawn_layout = layout(
        chart.unit,
        FRAME_PX + ROW_PX * len(places) + 18,
        barmode="overlay",
        yaxis=rows_axis(chart.rows),
        xaxis=axis,
        **marked([(chart.centre, chart.centre_label)]),
    )
    return go.Figure(data=bars, layout=drawn_layout)


def draw_intervals(chart: IntervalChart) -> go.Figure:
    """Draw intervals with their values."""
    import plotly.graph_objects as go

    places = list(range(len(chart.rows)))
    hovers = [escape(hover) for hover in chart.hovers]
    bars = go.Bar(
        orientation="h",
        y=places,
        base=[one.low for one in chart.intervals],
        x=[one.width for one in chart.intervals],
        width=0.5,
        marker=marker("baseline"),
        hoverinfo="text",
        hovertext=hovers,
    )
    marks = go.Scatter(
        mode="markers",
        x=[one.value for one in chart.intervals],
        y=places,
        marker={"symbol": "diamond", "size": 10, "color": VERMILLION},
        hoverinfo="text",
        hovertext=hovers,
    )
    drawn_layout = layout(
        chart.unit,
        FRAME_PX + ROW_PX * len(places),
        yaxis=rows_axis(chart.rows),
        xaxis={"range": padded([end for one in chart.intervals for end in (one.low, one.high)])},
    )
    return go.Figure(data=[bars, marks], layout=drawn_layout)
