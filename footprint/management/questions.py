"""What travels between a coordinator and its silos: questions, and the heads of answers."""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import pydantic
from pydantic import Field

from footprint.errors import DataError, UsageError
from footprint.management.catalogue import MOST_ENTRIES, Bytes, Count, Name
from footprint.management.privacy import check_epsilon
from footprint.management.summaries import Grid
from footprint.model.kinds import Vocabulary

MOST_HEAD_BYTES = 1024 * 1024
_STRICT = {"extra": "forbid", "allow_inf_nan": False, "strict": True}
_ID = re.compile("[a-z0-9][a-z0-9-]{0,63}")
_Message = TypeVar("_Message", "Question", "Answer")


class Statistic(Vocabulary):
    """What is asked for."""

    ROWS = "rows"
    DISTINCT = "distinct"
    QUANTILES = "quantiles"
    HISTOGRAM = "histogram"
    FREQUENT = "frequent"
    DUPLICATES = "duplicates"
    """Of all datasets, or of one, the rows that two of them share."""


_OF_COLUMN = (Statistic.DISTINCT, Statistic.QUANTILES, Statistic.HISTOGRAM, Statistic.FREQUENT)
_ON_GRID = (Statistic.QUANTILES, Statistic.HISTOGRAM)
HASHED = (Statistic.DISTINCT, Statistic.FREQUENT, Statistic.DUPLICATES)
"""Answers that are about hashes: silos must share a key."""
NOISY = (Statistic.ROWS, Statistic.HISTOGRAM)
"""Answers that can be given with noise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a coordinator asks all silos.

    Attributes
    ----------
    id : str
        Of the analysis: lower case, digits and dashes.
    statistic : Statistic
    dataset, column : str or None
    lower, upper : float or None
        Of the grid of a histogram or of quantiles, in the unit of the column.
    cells : int or None
        Of that grid.
    ranks : tuple of float
        Of the quantiles, each above 0 and below 1.
    similarity : float
        Share of rows from which on two datasets are duplicates [1].
    minimum_rows, minimum_silos : int
        With fewer there is no answer; a silo may ask for more.
    epsilon : float or None
        Differential privacy of counts and histograms [1]; None for exact ones.

    Raises
    ------
    UsageError
        If it cannot mean anything.
    """

    id: str
    statistic: Statistic
    dataset: Name | None = None
    column: Name | None = None
    lower: float | None = None
    upper: float | None = None
    cells: int | None = None
    ranks: Annotated[tuple[float, ...], Field(max_length=100)] = (0.25, 0.5, 0.75)
    similarity: float = 0.9
    minimum_rows: Count = 20
    minimum_silos: Count = 2
    epsilon: float | None = None

    __pydantic_config__ = _STRICT

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise UsageError(
                f"{self.id[:80]!r} cannot name an analysis.", "Use a-z, 0-9 and dashes."
            )
        what = self.statistic.value
        if self.dataset is None and self.statistic is not Statistic.DUPLICATES:
            raise UsageError(f"{what} of what? No dataset is named.", "Name one: dataset.")
        if (self.column is not None) != (self.statistic in _OF_COLUMN):
            if self.column is None:
                raise UsageError(f"{what} of what? No column is named.", "Name one: column.")
            raise UsageError(
                f"{what} is about rows, and the column {self.column!r} is named.", "Leave it out."
            )
        if self.minimum_rows < 1 or self.minimum_silos < 1:
            raise UsageError("A cohort has at least one row and one silo.")
        if self.epsilon is not None:
            if self.statistic not in NOISY:
                raise UsageError(f"There is no noise for {what}.", f"Only for: {', '.join(NOISY)}.")
            check_epsilon(self.epsilon)
        for rank in self.ranks:
            if not 0 < rank < 1:
                raise UsageError(
                    f"There is no quantile of rank {rank:g}.",
                    "Ranks lie above 0 and below 1: the least and the greatest value are told of "
                    "no row.",
                )
        if not 0 < self.similarity <= 1:
            raise UsageError(
                f"A similarity of {self.similarity:g} means nothing.",
                "It lies above 0, and 1 at most.",
            )
        if self.statistic in _ON_GRID:
            _ = self.grid

    @property
    def grid(self) -> Grid:
        """The grid that values are placed on."""
        if self.lower is None or self.upper is None or self.cells is None:
            raise UsageError(
                f"{self.statistic.value}: the grid is missing.", "Give lower, upper and cells."
            )
        return Grid(self.lower, self.upper, self.cells)


class AnswerStatus(Vocabulary):
    """Whether a silo answers."""

    ANSWERED = "answered"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerPart:
    """What the sketch of one dataset is of.

    Attributes
    ----------
    rows : int
        That the sketch was made of: for columns, rows with a value. With noise it is noisy too.
    missing : int or None
        Rows without a value, 0 if they are fewer than `least`; None with noise.
    size_bytes : int or None
        Of the file; what moving the raw data would have moved. None with noise.
    least : int
        No count below it is told.
    whole : bool
        Of different values: whether those that few rows have were counted, because they are
        enough rows together. If not, there may be up to `least` - 1 more.
    labels : tuple of (str, str)
        Hashes and values of what is frequent, where the silo's declaration allows it.
    sampled : bool
        Whether it is of a sample of the dataset; rows are counted of all of it.
    """

    dataset: Name
    rows: Annotated[int, Field(ge=-(10**13), le=10**13)]
    missing: Count | None = None
    size_bytes: Bytes | None = None
    least: Count = 0
    whole: bool = False
    labels: Annotated[
        tuple[tuple[Annotated[str, Field(pattern="^[0-9a-f]{16}$")], Name], ...],
        Field(max_length=1024),
    ] = ()
    sampled: bool = False

    __pydantic_config__ = _STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Head of what a silo answers; its sketches come beside it, one for each part."""

    analysis: str
    silo: Name
    status: AnswerStatus
    reason: Annotated[str, Field(max_length=400)] = ""
    key_id: Annotated[str, Field(pattern="^[0-9a-f]{16}$")] | None = None
    parts: Annotated[tuple[AnswerPart, ...], Field(max_length=MOST_ENTRIES)] = ()

    __pydantic_config__ = _STRICT

    def __post_init__(self) -> None:
        if not self.reason.isprintable() and self.reason:
            raise ValueError("its reason holds characters that steer a terminal")
        if (self.status is AnswerStatus.ANSWERED) != bool(self.parts):
            raise ValueError("it answers without parts, or refuses with some")
        if len({part.dataset for part in self.parts}) < len(self.parts):
            raise ValueError("it speaks of one dataset twice")


def write_message(message: Question | Answer) -> str:
    """Write a question, or the head of an answer, as JSON."""
    body = _adapter(type(message).__name__).dump_python(message, mode="json")
    return json.dumps(body, ensure_ascii=False, allow_nan=False)


def read_message(kind: type[_Message], text: str) -> _Message:
    """Read a question, or the head of an answer, that came from another machine.

    Raises
    ------
    DataError
        If it is none.
    """
    name = kind.__name__.lower()
    if len(text) > MOST_HEAD_BYTES:
        raise DataError(f"The {name} has {len(text):,} characters.", _REMEDY)
    try:
        found: _Message = _adapter(kind.__name__).validate_json(text)
    except pydantic.ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(step)[:40] for step in first["loc"] if str(step).isprintable())
        raise DataError(
            f"The {name} is damaged or forged: {place}: {first['msg']}.", _REMEDY
        ) from error
    except (UsageError, ValueError) as error:
        raise DataError(f"The {name} cannot mean anything: {error}", _REMEDY) from error
    return found


_REMEDY = "Nothing of it was taken over."


@functools.cache
def _adapter(name: str) -> pydantic.TypeAdapter[Any]:
    kinds: dict[str, Any] = {"Question": Question, "Answer": Answer}
    return pydantic.TypeAdapter(kinds[name])
