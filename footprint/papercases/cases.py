"""Paper cases: the TOML files that hold inputs and printed figures of a publication."""

from __future__ import annotations

import difflib
import functools
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pydantic

from footprint.errors import PaperCaseError, UnitError
from footprint.model.scenario import STRICT, Share
from footprint.papercases.formulas import MODELS, known_figures, known_inputs
from footprint.papercases.grades import Grade, Verdict
from footprint.papercases.records import LifeCycleRecord, OperationalRecord
from footprint.papercases.studies import STUDY, read_study, study_figures
from footprint.tables import EXAMPLE, explain, key_path, merge_tables, read_toml, written_keys
from footprint.units import conversion_factor, split_quantity

Way = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """Where a case was published."""

    title: str
    authors: str | None = None
    where: str
    year: int
    url: str | None = None

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """A share of the printed figure within which a recomputed one agrees, and why that [1].

    Half a unit in the last printed digit is always allowed: nobody can see less.
    """

    share: Share
    why: str

    __pydantic_config__ = STRICT


USUAL = Tolerance(
    share=0.02, why="rounding of inputs that are printed, such as numbers of rounds and times"
)


@dataclass(frozen=True, slots=True)
class Printed:
    """A figure as it stands in print.

    Attributes
    ----------
    text : str
        To the digit, with its unit.
    value, half_digit : float
        The figure, and half a unit in its last digit, in `unit`.
    decimals : int
        Digits behind the point.
    """

    text: str
    value: float
    half_digit: float
    decimals: int
    unit: str

    @classmethod
    def read(cls, text: str) -> Printed:
        """Read a figure.

        Raises
        ------
        UnitError
            If it is none.
        """
        digits, unit = split_quantity(text)
        number = Decimal(digits)
        exponent = number.as_tuple().exponent
        assert isinstance(exponent, int), "a quantity is finite"
        half_digit = float(Decimal("0.5").scaleb(exponent))
        return cls(text, float(number), half_digit, max(0, -exponent), unit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of a printed table.

    Attributes
    ----------
    inputs : mapping
        On top of those of the case.
    printed : mapping of str to str
        Figures by key, as text: their last digit says how far they were rounded.
    tolerance, grade : Tolerance, Grade or None
        Instead of those of the case.
    expected : Verdict
        A row that is known not to agree says so, and why (`reason`).
    """

    name: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    printed: Mapping[str, str]
    tolerance: Tolerance | None = None
    grade: Grade | None = None
    expected: Verdict = Verdict.AGREES
    reason: str | None = None

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperCase:
    """Inputs and printed figures of a publication.

    Attributes
    ----------
    id : str
    grade : Grade
        Of its printed figures.
    claim : str
        What may be said if all rows agree, and what not.
    model : str
        What recomputes it: a key of `MODELS`, or ``"life-cycle"``.
    inputs : mapping
        Of all rows. For the model ``"life-cycle"`` the tables of a manifest.
    operational, life_cycle : record or None
        What the publication says besides.
    origin : str
        File that it was read from.
    """

    id: str
    grade: Grade
    claim: str
    source: Publication
    model: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    tolerance: Tolerance = USUAL
    rows: tuple[Row, ...] = ()
    operational: OperationalRecord | None = None
    life_cycle: LifeCycleRecord | None = None
    origin: str = ""

    __pydantic_config__ = STRICT

    def inputs_of(self, row: Row) -> dict[str, Any]:
        """Put the inputs of a row on top of those of the case, as they are written."""
        return merge_tables(self.inputs, row.inputs)

    def values_of(self, row: Row) -> dict[str, float]:
        """Read the inputs of a row in canonical units, for a model of `MODELS`."""
        known = known_inputs(self.model)
        values = {key: known[key].read(found) for key, found in self.inputs_of(row).items()}
        return {key: value for key, value in values.items() if value is not None}


def read_cases(paths: Iterable[Path | str]) -> tuple[PaperCase, ...]:
    """Read files of paper cases; a folder stands for all those that lie in it.

    Raises
    ------
    PaperCaseError
        If one is wrong, a folder holds none, or two have the same id.
    """
    cases: dict[str, PaperCase] = {}
    for path in map(Path, paths):
        files = sorted(path.glob("*.toml")) if path.is_dir() else [path]
        if not files:
            raise PaperCaseError(f"{path} holds no paper case.", "Name a folder of .toml files.")
        for case in map(read_case, files):
            if case.id in cases:
                raise PaperCaseError(
                    f"{case.origin}, id: {case.id!r} is also that of {cases[case.id].origin}.",
                    "Give each case an id of its own.",
                )
            cases[case.id] = case
    return tuple(cases.values())


def read_case(path: Path | str) -> PaperCase:
    """Read a paper case.

    Parameters
    ----------
    path : path
        A TOML file.

    Raises
    ------
    PaperCaseError
        If it cannot be read or means nothing: says the file and the key, what was found
        and what is accepted.
    ManifestError
        The same, for the tables of a manifest in it.
    """
    path = Path(path)
    tables = read_toml(path, PaperCaseError)
    known = written_keys(PaperCase) - {"origin"}
    if "origin" in tables:
        raise _wrong(path, ("origin",), "this key is unknown", "Leave it out.")
    try:
        case: PaperCase = _adapter().validate_python(tables)
    except pydantic.ValidationError as error:
        raise PaperCaseError(*explain(path, error, PaperCase, known)) from error
    case = replace(case, origin=str(path))
    if case.model not in (*MODELS, STUDY):
        raise _unknown(path, ("model",), case.model, (*MODELS, STUDY))
    _check_rows(case)
    return case


@functools.cache
def _adapter() -> pydantic.TypeAdapter[PaperCase]:
    return pydantic.TypeAdapter(PaperCase)


def _check_rows(case: PaperCase) -> None:
    path, names = case.origin, Counter(row.name for row in case.rows)
    for number, row in enumerate(case.rows):
        way: Way = ("rows", number)
        if names[row.name] > 1:
            raise _wrong(path, (*way, "name"), f"{row.name!r} is given twice", "Name each once.")
        if not row.printed:
            raise _wrong(path, (*way, "printed"), "nothing is printed", "Add a figure.")
        if row.expected is not Verdict.AGREES and row.reason is None:
            raise _wrong(path, (*way, "reason"), "this key is missing", "Say why.")
        _check_inputs(case, row, way)
        _check_printed(case, row, (*way, "printed"))


def _check_inputs(case: PaperCase, row: Row, way: Way) -> None:
    if case.model == STUDY:
        read_study(case.inputs_of(row), f"{case.origin}, {key_path(way)}")
        return
    known = known_inputs(case.model)
    for key, found in case.inputs_of(row).items():
        place = (*(way if key in row.inputs else ()), "inputs", key)
        if key not in known:
            raise _unknown(case.origin, place, key, known)
        try:
            known[key].read(found)
        except ValueError as error:
            raise _wrong(case.origin, place, str(error), EXAMPLE) from error


def _check_printed(case: PaperCase, row: Row, way: Way) -> None:
    units = {} if case.model == STUDY else known_figures(case.model)
    for key, text in row.printed.items():
        place = (*way, key)
        figures = study_figures() if case.model == STUDY else units
        if key not in figures:
            raise _unknown(case.origin, place, key, figures)
        if key in case.inputs_of(row):
            raise _wrong(case.origin, place, "the same is an input", "Leave one of them out.")
        try:
            unit = Printed.read(text).unit
            if key in units:
                conversion_factor(unit, units[key])
        except UnitError as error:
            raise _wrong(case.origin, place, error.message.rstrip("."), error.remedy) from error


def _unknown(path: Path | str, way: Way, found: str, known: Collection[str]) -> PaperCaseError:
    near = difflib.get_close_matches(found, known, 1)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    remedy = f"{hint}Known here: {', '.join(sorted(known))}."
    return _wrong(path, way, f"{found!r} is unknown", remedy)


def _wrong(path: Path | str, way: Way, why: str, remedy: str) -> PaperCaseError:
    return PaperCaseError(f"{path}, {key_path(way)}: {why}.", remedy)
