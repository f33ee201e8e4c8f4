"""What all charts share: colours, patterns, axes, and text that plotly cannot misread.

plotly reads a part of HTML in every text it draws, so that each text passes
through `escape` here; names never reach a template string such as ``%{x}``.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

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
    "front": (NEUTRAL, ""),
}

# Options of a plan, and scenarios beyond two: a colour and a dash tell them apart.
_LINE_STYLES: tuple[tuple[str, str], ...] = tuple(
    (colour, dash)
    for dash in ("solid", "dash")
    for colour in (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILLION)
)
# The scenarios of a ranking, from light to dark; after six they begin again.
_SCENARIO_STYLES = tuple(
    (colour, shape) for shape in ("", "/") for colour in ("#c3cad1", "#8f9ba7", "#56646f")
)

ROW_PX = 34
"""Height of a row of bars."""
FRAME_PX = 62
"""Height of what surrounds the rows."""
TEXT_PX = 12


def style_of(key: str) -> tuple[str, str]:
    """Colour and pattern of a category or a role."""
    kind, _, place = key.partition(" ")
    if kind == "scenario" and place.isdigit():
        return _SCENARIO_STYLES[(int(place) - 1) % len(_SCENARIO_STYLES)]
    if key.startswith("line-"):
        colour, dash = line_style(key)
        return colour, "-" if dash == "dash" else ""
    for styles in (CATEGORY_STYLES, ROLE_STYLES, STAGE_STYLES):
        if key in styles:
            return styles[key]
    return GREY, "."


def line_style(key: str) -> tuple[str, str]:
    """Colour and dash of a line: of a role, or ``line-N`` of the N-th option."""
    kind, _, number = key.partition("-")
    if kind == "line" and number.isdigit():
        return _LINE_STYLES[int(number) % len(_LINE_STYLES)]
    return style_of(key)[0], "solid"


def escape(text: str) -> str:
    """Keep plotly from reading markup in a text."""
    return html.escape(text, quote=False)


def layout(unit: str, height: int, **rest: Any) -> go.Layout:
    """Lay out a horizontal chart; colours of text and grid are set by the page."""
    import plotly.graph_objects as go

    template = go.layout.Template(
        layout={
            "font": {"family": "system-ui, sans-serif", "size": TEXT_PX},
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


def marker(key: str) -> dict[str, Any]:
    """Fill of a bar: the colour and pattern of its key."""
    colour, shape = style_of(key)
    filled: dict[str, Any] = {"color": colour, "line": {"color": NEUTRAL, "width": 0.6}}
    if shape:
        # Colours come from the trace: `overlay` keeps it and draws dark strokes on top.
        filled["pattern"] = {
            "shape": shape,
            "fillmode": "overlay",
            "fgcolor": "#22272e",
            "fgopacity": 0.45,
            "size": 7,
            "solidity": 0.18,
        }
    return filled


def rows_axis(rows: tuple[str, ...]) -> dict[str, Any]:
    """Vertical axis with one name per row, the first on top."""
    # Numbers instead of category names: two rows may bear the same name.
    return {
        "tickmode": "array",
        "tickvals": list(range(len(rows))),
        "ticktext": [escape(row) for row in rows],
        "range": [len(rows) - 0.4, -0.6],
    }


def padded(values: list[float]) -> list[float]:
    """Range of an axis with room for labels outside the bars."""
    low, high = min(0.0, *values), max(0.0, *values)
    room = 0.08 * (high - low)
    return [low - (room if low < 0 else 0.0), high + room]


def marked(marks: Sequence[tuple[float, str]]) -> dict[str, Any]:
    """Vertical lines with a word above each."""
    return {
        "shapes": [
            {
                "type": "line",
                "xref": "x",
                "yref": "paper",
                "x0": at,
                "x1": at,
                "y0": 0,
                "y1": 1,
                "line": {"color": NEUTRAL, "width": 1.5, "dash": "dot"},
            }
            for at, _ in marks
        ],
        "annotations": [
            {
                "x": at,
                "y": 1,
                "yshift": 16 * (number % 2),  # neighbours do not write over each other
                "xref": "x",
                "yref": "paper",
                "yanchor": "bottom",
                "showarrow": False,
                "text": escape(text),
            }
            for number, (at, text) in enumerate(marks)
        ],
        "margin": {"l": 8, "r": 34, "t": 24 + 16 * (len(marks) > 1), "b": 46},
    }
