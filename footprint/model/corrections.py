"""Figures that were published and are others now, and the year that others are compared with."""

from __future__ import annotations

from dataclasses import dataclass

from footprint.model.factors import STRICT
from footprint.model.kinds import Vocabulary


class Cause(Vocabulary):
    """Why a figure was restated, or differs between two statements."""

    FACTOR = "factor"
    ACTIVITY = "activity"
    METHOD = "method"
    STRUCTURE = "structure"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Restatement:
    """A published figure that was corrected, with both values."""

    what: str
    year: int
    old_g: float
    new_g: float
    cause: Cause
    reason: str
    date: str = ""

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class BaseYear:
    """The year that others are compared with, and when it is calculated again.

    `change` is what restatements change beyond `total_g`, as a share of it [1]; `recalculate`
    says that the trigger was passed.
    """

    year: int
    total_g: float
    trigger: float
    change: float
    recalculate: bool

    __pydantic_config__ = STRICT
