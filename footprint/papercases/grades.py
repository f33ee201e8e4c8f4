"""What a figure of a paper case is worth, and what may be said of it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Grade(StrEnum):
    """Where a printed figure was taken from."""

    VERIFIED = "V"
    """From a text, data file or source file of the source itself."""
    REPORTED = "C"
    """From others that report, cite or implement it."""
    UNCONFIRMED = "M"
    """Attributed to the source, and not confirmed: never an acceptance figure."""
    RECONSTRUCTED = "R"
    """Ours: arithmetic of our own reading, which no paper prints."""


class Verdict(StrEnum):
    """Whether a printed figure and a recomputed one agree."""

    AGREES = "agrees"
    DIFFERS = "differs"
    NOT_RECOMPUTABLE = "not recomputable"


_MEANINGS: Mapping[Grade, Mapping[Verdict, str]] = {
    Grade.VERIFIED: {
        Verdict.AGREES: "agrees with the printed figure",
        Verdict.DIFFERS: "differs from the printed figure",
    },
    Grade.REPORTED: {
        Verdict.AGREES: "agrees with what others report of it; not checked against the paper",
        Verdict.DIFFERS: "differs from what others report of it; not checked against the paper",
    },
    Grade.UNCONFIRMED: {
        Verdict.AGREES: "agrees with an unconfirmed figure, which proves nothing",
        Verdict.DIFFERS: "differs from an unconfirmed figure, which proves nothing",
    },
    Grade.RECONSTRUCTED: {
        Verdict.AGREES: "holds our own reading to itself, proves nothing about the paper",
        Verdict.DIFFERS: "our code has left our own reading; says nothing about the paper",
    },
}


def meaning(grade: Grade, verdict: Verdict) -> str:
    """Say what a verdict on a figure of a grade means, and no more than that."""
    if verdict is Verdict.NOT_RECOMPUTABLE:
        return "not recomputable, inputs are missing"
    return _MEANINGS[grade][verdict]
