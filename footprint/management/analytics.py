"""Merging what silos answer, and saying how much of the company the result is about."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from footprint.errors import DataError
from footprint.management.catalogue import SiloCatalogue
from footprint.management.frequent import FrequentSketch
from footprint.management.likeness import Pair, find_pairs
from footprint.management.privacy import noise_margin
from footprint.management.questions import (
    HASHED,
    Answer,
    AnswerPart,
    AnswerStatus,
    Question,
    Statistic,
    read_message,
)
from footprint.management.sketches import (
    STRICT_JSON,
    DistinctSketch,
    Estimate,
    RowSketch,
    forged,
)
from footprint.management.summaries import Histogram, QuantileSketch
from footprint.model.kinds import Vocabulary

ROWS_CHANGE = 2.0
"""Our choice: a silo whose dataset has this many times more rows than its catalogue said is not
believed; it may scan again."""


_FAR = 40.0
"""Of 1/epsilon: noise is farther from 0 in 1 of 10^17 draws."""


class Came(Vocabulary):
    """What came of the question to a silo."""

    ANSWERED = "answered"
    REFUSED = "refused"
    LATE = "late"
    """Nothing came in time: it is slow, down or cut off."""
    FAILED = "failed"
    FORGED = "forged"
    """What came is damaged, contradicts itself, or is not what was asked for."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What one silo sent.

    Attributes
    ----------
    head : str
        An `Answer` as JSON.
    sketches : tuple of bytes
    """

    head: str
    sketches: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Coverage:
    """One silo in a result: whether it is in it, why not, and whether it is by samples."""

    silo: str
    came: Came
    reason: str = ""
    rows: int | None = None
    sampled: bool = False

    __pydantic_config__ = STRICT_JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """The merged answer to a question.

    Attributes
    ----------
    question : Question
    coverage : tuple of Coverage
        Every silo that was asked.
    refused : str
        Why there is no result; empty if there is one.
    rows : int or None
        That the result is about; with noise it is noisy too.
    estimates : tuple of Estimate
        HyperLogLog: 95 %. Quantiles: 99 % for each silo. Frequent values and histograms:
        certain. Noise: 95 % for each number.
    labels : mapping of str to str
        Values of hashes that the silos name.
    pairs : tuple of Pair
        Datasets that share rows.
    raw_bytes : int or None
        Of what the answers are about, of samples their files; None if a silo does not say.
    merged : object
        The merged sketch, for further use.
    """

    question: Question
    coverage: tuple[Coverage, ...]
    refused: str = ""
    rows: int | None = None
    estimates: tuple[Estimate, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    pairs: tuple[Pair, ...] = ()
    raw_bytes: int | None = None
    merged: Any = field(default=None, compare=False, repr=False)

    __pydantic_config__ = STRICT_JSON

    @property
    def answered(self) -> int:
        """Silos that the result is about."""
        return sum(one.came is Came.ANSWERED for one in self.coverage)


@dataclass(frozen=True, slots=True)
class _Taken:
    """An answer that was checked."""

    silo: str
    answer: Answer
    sketches: tuple[Any, ...]

    @property
    def rows(self) -> int:
        return sum(part.rows for part in self.answer.parts)

    @property
    def sampled(self) -> bool:
        return any(part.sampled for part in self.answer.parts)


def merge_answers(
    question: Question,
    replies: Mapping[str, Reply | Came],
    catalogues: Mapping[str, SiloCatalogue] | None = None,
) -> Analysis:
    """Merge what silos sent; what cannot be used is left out and said.

    Parameters
    ----------
    question : Question
    replies : mapping of str to Reply or Came
        Of every silo that was asked, by its name; `Came` says why there is none.
    catalogues : mapping of str to SiloCatalogue, optional
        What the silos said before, by their names: against it rows are checked.
    """
    taken: list[_Taken] = []
    coverage: dict[str, Coverage] = {}
    for silo, reply in sorted(replies.items()):
        if isinstance(reply, Came):
            coverage[silo] = Coverage(silo, reply)
            continue
        try:
            found = _take(question, silo, reply, (catalogues or {}).get(silo))
        except DataError as error:
            coverage[silo] = Coverage(silo, Came.FORGED, error.message)
            continue
        if isinstance(found, Answer):
            coverage[silo] = Coverage(silo, Came.REFUSED, found.reason)
        else:
            taken.append(found)
            coverage[silo] = Coverage(silo, Came.ANSWERED, rows=found.rows, sampled=found.sampled)
    if question.statistic in HASHED:
        taken = _with_one_key(taken, coverage)
    analysis = Analysis(question=question, coverage=tuple(coverage.values()))
    return _merge(analysis, taken)


def _take(
    question: Question, silo: str, reply: Reply, catalogue: SiloCatalogue | None
) -> _Taken | Answer:
    answer = read_message(Answer, reply.head)
    if answer.analysis != question.id:
        raise DataError(f"It answers {answer.analysis[:64]!r}, which was not asked.")
    if answer.silo != silo:
        raise DataError(f"It says that it is {answer.silo!r}.")
    if answer.status is AnswerStatus.REFUSED:
        return answer
    if len(reply.sketches) != len(answer.parts):
        raise forged(f"{len(answer.parts)} parts have {len(reply.sketches)} sketches")
    if question.statistic in HASHED and answer.key_id is None:
        raise forged("its hashes have no key")
    for part in answer.parts:
        _check_part(question, part, catalogue)
    unpack = _UNPACK[question.statistic]
    sketches = tuple(
        unpack(data, part, question)
        for data, part in zip(reply.sketches, answer.parts, strict=True)
    )
    return _Taken(silo, answer, sketches)


def _check_part(question: Question, part: AnswerPart, catalogue: SiloCatalogue | None) -> None:
    if question.dataset not in (None, part.dataset):
        raise forged(f"it is about {part.dataset!r}")
    if part.rows < question.minimum_rows:
        raise forged("it is about fewer rows than were asked for")
    exact = question.epsilon is None
    if exact and part.least < question.minimum_rows:
        raise forged("it tells of fewer rows than were asked for")
    if exact and (part.missing is None or part.size_bytes is None):
        raise forged("it does not say what it is about")
    if catalogue is None:
        return
    known = next((one for one in catalogue.datasets if one.id == part.dataset), None)
    if known is None:
        raise forged(f"its catalogue has no dataset {part.dataset!r}")
    by_sample = known.sampled and question.statistic is not Statistic.ROWS
    if part.sampled != by_sample:
        raise forged("it and its catalogue do not agree on what is a sample")
    rows = (known.sample_rows or 0) if by_sample else known.rows
    most = rows * ROWS_CHANGE
    if question.epsilon is not None:
        cells = 1 if question.cells is None else question.cells + 2
        most += _FAR / question.epsilon * math.sqrt(cells)
    if part.rows + (part.missing or 0) > most:
        raise forged(f"it is about {part.rows:,} rows, and its catalogue says {rows:,}")


def _no_sketch(data: bytes, part: AnswerPart, question: Question) -> int:
    del question
    if data:
        raise forged("a count has no sketch")
    return part.rows


_UNPACK: dict[Statistic, Callable[[bytes, AnswerPart, Question], Any]] = {
    Statistic.ROWS: _no_sketch,
    Statistic.DISTINCT: lambda data, part, _: DistinctSketch.unpack(data, part.rows),
    Statistic.DUPLICATES: lambda data, part, _: RowSketch.unpack(data, part.rows),
    Statistic.FREQUENT: lambda data, part, _: FrequentSketch.unpack(data, part.rows),
    Statistic.QUANTILES: lambda data, part, question: QuantileSketch.unpack(
        data, part.rows, question.grid
    ),
    Statistic.HISTOGRAM: lambda data, part, question: Histogram.unpack(
        data, part.rows, question.grid, part.least if question.epsilon is None else 0
    ),
}


def _with_one_key(taken: Sequence[_Taken], coverage: dict[str, Coverage]) -> list[_Taken]:
    """Keep the silos with the key that most have; of two as common, nobody knows which."""
    counted = Counter(one.answer.key_id for one in taken).most_common()
    common = counted[0][0] if counted else None
    if len(counted) > 1 and counted[0][1] == counted[1][1]:
        common = None
    kept = []
    for one in taken:
        if one.answer.key_id == common:
            kept.append(one)
        else:
            coverage[one.silo] = Coverage(
                one.silo, Came.FORGED, "Its hashes have another key: it has another secret."
            )
    return kept


def _merge(analysis: Analysis, taken: Sequence[_Taken]) -> Analysis:
    question = analysis.question
    if len(taken) < question.minimum_silos:
        return _refuse(analysis, taken)
    sizes = [part.size_bytes for one in taken for part in one.answer.parts]
    known = [size for size in sizes if size is not None]
    analysis = replace(
        analysis,
        rows=sum(one.rows for one in taken),
        raw_bytes=sum(known) if len(known) == len(sizes) else None,
    )
    if question.statistic is Statistic.DUPLICATES:
        datasets = {
            (one.silo, part.dataset): sketch
            for one in taken
            for part, sketch in zip(one.answer.parts, one.sketches, strict=True)
        }
        samples = {
            (one.silo, part.dataset) for one in taken for part in one.answer.parts if part.sampled
        }
        least = {(one.silo, part.dataset): part.least for one in taken for part in one.answer.parts}
        pairs = find_pairs(datasets, question.similarity, samples, least)
        return replace(analysis, pairs=pairs)
    sketches = [sketch for one in taken for sketch in one.sketches]
    return _estimate(analysis, sketches, taken)


def _refuse(analysis: Analysis, taken: Sequence[_Taken]) -> Analysis:
    """Give no result, nor how many rows one of too few silos has: that would be one."""
    question = analysis.question
    why = f"{len(taken)} of {len(analysis.coverage)} silos can be used"
    why += f"; at least {question.minimum_silos} must."
    if question.epsilon is not None and taken:
        silos = ", ".join(one.silo for one in taken)
        why += f" An epsilon of {question.epsilon:.3g} is spent all the same, by {silos}."
    coverage = tuple(replace(one, rows=None) for one in analysis.coverage)
    return replace(analysis, refused=why, coverage=coverage)


def _estimate(analysis: Analysis, sketches: Sequence[Any], taken: Sequence[_Taken]) -> Analysis:
    question = analysis.question
    margin = 0 if question.epsilon is None else noise_margin(question.epsilon, len(taken))
    if question.statistic is Statistic.ROWS:
        rows = sum(sketches)
        counted = Estimate("rows", float(rows), float(max(0, rows - margin)), float(rows + margin))
        return replace(analysis, estimates=(counted,), merged=rows)
    merged = type(sketches[0]).merge(sketches)
    analysis = replace(analysis, merged=merged)
    match merged:
        case DistinctSketch():
            found = merged.estimate()
            # Values that few rows have may have been left out, each silo its own.
            parts = [part for one in taken for part in one.answer.parts]
            # Never more than it has rows, however large it says that its minimum is.
            more = sum(min(max(part.least, 1) - 1, part.rows) for part in parts if not part.whole)
            high = None if found.high is None else found.high + more
            return replace(analysis, estimates=(replace(found, high=high),))
        case QuantileSketch():
            return replace(
                analysis, estimates=tuple(merged.quantile(rank) for rank in question.ranks)
            )
        case Histogram():
            return replace(analysis, estimates=(*merged.estimates(margin), *merged.sums()))
        case FrequentSketch():
            return replace(analysis, estimates=_frequent(merged), labels=_labels(taken, merged))
    raise AssertionError(question.statistic)


def _frequent(merged: FrequentSketch) -> tuple[Estimate, ...]:
    """Give values by how often they are there at least, the most frequent first."""
    ordered = sorted(merged.bounds.items(), key=lambda item: (-item[1][0], item[0]))
    return tuple(
        Estimate(f"{name:016x}", None, float(low), float(high)) for name, (low, high) in ordered
    )


def _labels(taken: Sequence[_Taken], merged: FrequentSketch) -> dict[str, str]:
    """Take the names of values; a hash to which silos give two names has none."""
    found: dict[str, set[str]] = {}
    for one in taken:
        for part in one.answer.parts:
            for name, label in part.labels:
                found.setdefault(name, set()).add(label)
    return {
        name: labels.pop()
        for name, labels in sorted(found.items())
        if len(labels) == 1 and int(name, 16) in merged.bounds
    }
