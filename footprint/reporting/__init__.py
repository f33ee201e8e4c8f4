"""Results as pages that people read.

`footprint.reporting.html` writes a page; `footprint.reporting.view` decides what
a page says; `footprint.reporting.charts` draws. Nothing here computes emissions.
"""

from footprint.reporting.embedding import extract_document
from footprint.reporting.html import differs_in_library, is_drawn_from, render_report, write_report

__all__ = [
    "differs_in_library",
    "extract_document",
    "is_drawn_from",
    "render_report",
    "write_report",
]
