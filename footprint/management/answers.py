"""What a silo answers: sketches of the datasets that it declares, or a refusal.

The policy of the silo holds whatever the question says: its own minimum of rows, its own limit
of epsilon, its own list of columns whose values may be named. A refusal names its cause and
nothing of the data.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from footprint.errors import FootprintError
from footprint.management.catalogue import ColumnKind
from footprint.management.declaration import DatasetTable, Silo
from footprint.management.files import Table, Value, kind_of, read_table
from footprint.management.frequent import FrequentSketch
from footprint.management.hashing import analysis_key, hash_rows, hash_values, key_id
from footprint.management.privacy import EpsilonLedger, add_noise
from footprint.management.questions import (
    HASHED,
    NOISY,
    Answer,
    AnswerPart,
    AnswerStatus,
    Question,
    Statistic,
    write_message,
)
from footprint.management.sketches import DistinctSketch, RowSketch
from footprint.management.summaries import Histogram, QuantileSketch
from footprint.units import gb_to_bytes

SPENT = "epsilon.jsonl"
"""Beside the declaration: what noisy answers have spent."""
_NUMERIC = (ColumnKind.INTEGER, ColumnKind.NUMBER)
_LONGEST_LABEL = 200


class Refusal(FootprintError):
    """A silo does not answer, and says why."""

    code = "refusal"


@dataclass(frozen=True, slots=True)
class Responder:
    """Answers the questions of a coordinator for one silo.

    Parameters
    ----------
    silo : Silo
    secret : str or None
        That all silos share; without it only what needs no hashes is answered.
    """

    silo: Silo
    secret: str | None = field(default=None, repr=False)

    def answer(self, question: Question, now_s: float) -> tuple[Answer, tuple[bytes, ...]]:
        """Answer a question, or refuse it: it never raises what is wrong with the data.

        Returns
        -------
        answer : Answer
        sketches : tuple of bytes
            One for each of its parts.
        """
        try:
            key = self._key(question)
            parts = [self._part(question, table, key, now_s) for table in self._tables(question)]
        except Refusal as refusal:
            return self._refuse(question, refusal.message), ()
        except FootprintError as error:
            # Not its message: that is for the people of the silo.
            return self._refuse(question, f"The data cannot be read ({error.code})."), ()
        made = [part for part in parts if part is not None]
        if not made:
            return self._refuse(question, _too_small(question)), ()
        told, sketches = zip(*made, strict=True)
        answer = Answer(
            analysis=question.id,
            silo=self.silo.name,
            status=AnswerStatus.ANSWERED,
            key_id=key_id(key) if question.statistic in HASHED else None,
            parts=told,
        )
        return answer, sketches

    def _refuse(self, question: Question, reason: str) -> Answer:
        return Answer(
            analysis=question.id,
            silo=self.silo.name,
            status=AnswerStatus.REFUSED,
            reason=reason,
        )

    def _key(self, question: Question) -> bytes:
        if question.statistic not in HASHED:
            return b""
        if self.secret is None:
            raise Refusal("This silo has no secret, without which it sends no hashes.")
        # Of the whole question: whoever asks another one under the same id joins nothing.
        return analysis_key(self.secret, write_message(question))

    def _tables(self, question: Question) -> Sequence[DatasetTable]:
        if question.dataset is None:
            return self.silo.datasets
        table = self.silo.dataset(question.dataset)
        if table is None:
            raise Refusal("There is no such dataset.")
        return [table]

    def _least(self, question: Question) -> int:
        return max(question.minimum_rows, self.silo.minimum_rows)

    def _check_exact(self, question: Question) -> None:
        """Refuse to tell without noise what noise was declared for.

        Raises
        ------
        Refusal
            If the silo has a limit of epsilon, and does not except the statistic.
        """
        if not self.silo.epsilon_limit or question.statistic.value in self.silo.exact:
            return
        remedy = "ask with epsilon" if question.statistic in NOISY else "of this there is none"
        raise Refusal(f"This silo answers with noise alone: {remedy}.")

    def _part(
        self, question: Question, declared: DatasetTable, key: bytes, now_s: float
    ) -> tuple[AnswerPart, bytes] | None:
        """Answer for one dataset; None if it has too few rows."""
        path, least = self.silo.locate(declared), self._least(question)
        table = _columns(path, question)
        if question.epsilon is not None:
            return self._noisy(question, declared, table, now_s)
        self._check_exact(question)
        values = _values(question, table)
        rows = _rows(question, declared, table) if values is None else len(values)
        if rows < least:
            return None
        missing = 0 if values is None else _height(table) - rows
        whole = False
        labels: tuple[tuple[str, str], ...] = ()
        match question.statistic:
            case Statistic.ROWS:
                sketch = b""
            case Statistic.DUPLICATES:
                sketch = RowSketch.of(hash_rows(key, table)).pack()
            case Statistic.DISTINCT:
                hashes, whole = leave_rare(list(hash_values(key, values or ())), least)
                sketch = DistinctSketch.of(hashes).pack()
            case Statistic.QUANTILES:
                sketch = QuantileSketch.of(_numbers(values), question.grid, least).pack()
            case Statistic.HISTOGRAM:
                sketch = Histogram.of(_numbers(values), question.grid).suppress(least).pack()
            case Statistic.FREQUENT:
                frequent = FrequentSketch.of(hash_values(key, values or ()), least)
                sketch = frequent.pack()
                if question.column in declared.labels:
                    labels = _labels(key, values or (), frequent)
        part = AnswerPart(
            dataset=declared.id,
            rows=rows,
            missing=missing if missing >= least else 0,
            size_bytes=_size_bytes(question, declared, path),
            least=least,
            whole=whole,
            labels=labels,
            sampled=_of_sample(question, declared),
        )
        return part, sketch

    def _noisy(
        self, question: Question, declared: DatasetTable, table: Table, now_s: float
    ) -> tuple[AnswerPart, bytes] | None:
        """Answer with noise. Whether the cohort is large enough is judged by the noisy count."""
        epsilon, limit = question.epsilon or 0.0, self.silo.epsilon_limit
        if not limit:
            raise Refusal(
                "This silo has no epsilon-limit, and so gives no noisy answers: its people may "
                "set one in its silo.toml."
            )
        if question.statistic is Statistic.ROWS:
            counts = np.array([_rows(question, declared, table)], dtype=np.int64)
        else:
            counts = Histogram.of(_numbers(_values(question, table)), question.grid).counts
        ledger = EpsilonLedger(self.silo.folder / SPENT, limit)
        if not ledger.spend(declared.id, epsilon, question.id, now_s):
            spent = ledger.spent(declared.id)
            raise Refusal(
                f"Of the epsilon of this dataset, {limit:.3g} for all questions, {spent:.3g} is "
                f"spent; this one needs {epsilon:.3g}."
            )
        noisy = add_noise(counts, epsilon)
        rows = int(noisy.sum())
        if rows < self._least(question):
            return None
        sketch = b""
        if question.statistic is Statistic.HISTOGRAM:
            sketch = Histogram.exact(noisy, question.grid).pack()
        sampled = _of_sample(question, declared)
        return AnswerPart(dataset=declared.id, rows=rows, sampled=sampled), sketch


def _too_small(question: Question) -> str:
    if question.epsilon is None:
        return "The cohort is too small."
    # What came out decides, and so the epsilon was paid before.
    return f"The noisy count is too small; an epsilon of {question.epsilon:.3g} was spent on it."


def _columns(path: Path, question: Question) -> Table:
    if question.column is None:
        return read_table(path)
    table = read_table(path, [question.column])
    if question.column not in table:
        raise Refusal("There is no such column.")
    return table


def _height(table: Table) -> int:
    return len(next(iter(table.values())))


def _of_sample(question: Question, declared: DatasetTable) -> bool:
    """Whether an answer is of a sample: how many rows there are in all is declared."""
    return declared.rows is not None and question.statistic is not Statistic.ROWS


def _rows(question: Question, declared: DatasetTable, table: Table) -> int:
    if declared.rows is None or _of_sample(question, declared):
        return _height(table)
    return declared.rows


def _size_bytes(question: Question, declared: DatasetTable, path: Path) -> int:
    """Bytes of what an answer is of, which would have had to move for it."""
    if declared.size_gb is None or _of_sample(question, declared):
        return path.stat().st_size
    return gb_to_bytes(declared.size_gb)


def _values(question: Question, table: Table) -> list[Value] | None:
    """Values of the column that a question is about, without those that are missing."""
    if question.column is None:
        return None
    values: list[Value] = [value for value in table[question.column] if value is not None]
    on_grid = question.statistic in (Statistic.QUANTILES, Statistic.HISTOGRAM)
    if on_grid and values:
        if kind_of(values) not in _NUMERIC:
            raise Refusal("This column holds no numbers.")
        return [value for value in values if np.isfinite(float(value or 0))]
    return values


def leave_rare(hashes: Sequence[int], least: int) -> tuple[Sequence[int], bool]:
    """Leave out hashes of values that few rows have, if these are few rows in all.

    Otherwise a number of different values would tell of them: two of them among 100 rows, of
    which 99 are known to be alike.

    Returns
    -------
    hashes : sequence of int
    whole : bool
        Whether rare values are among them; if not, nobody can say whether there are any.
    """
    often = Counter(hashes)
    rare = sum(times for times in often.values() if times < least)
    if rare >= least:
        return hashes, True
    return [value for value in hashes if often[value] >= least], False


def _numbers(values: Sequence[Value] | None) -> np.ndarray:
    return np.array(values or (), dtype=np.float64)


def _labels(
    key: bytes, values: Sequence[Value], frequent: FrequentSketch
) -> tuple[tuple[str, str], ...]:
    """Name frequent values; only those that many rows share are in the sketch."""
    names = dict(zip(hash_values(key, values), map(str, values), strict=True))
    return tuple(
        (f"{value:016x}", names[value])
        for value in sorted(frequent.bounds)
        if names[value].strip() and names[value].isprintable()
        if len(names[value]) <= _LONGEST_LABEL
    )
