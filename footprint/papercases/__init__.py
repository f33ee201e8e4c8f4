"""Paper cases: inputs and printed figures of publications, recomputed row by row."""

from __future__ import annotations

from footprint.papercases.cases import PaperCase, Row, read_case, read_cases
from footprint.papercases.checks import RowResult, check_case
from footprint.papercases.grades import Grade, Verdict
from footprint.papercases.intensities import INTENSITY_SETS, IntensitySet, intensity_set

__all__ = [
    "INTENSITY_SETS",
    "Grade",
    "IntensitySet",
    "PaperCase",
    "Row",
    "RowResult",
    "Verdict",
    "check_case",
    "intensity_set",
    "read_case",
    "read_cases",
]
