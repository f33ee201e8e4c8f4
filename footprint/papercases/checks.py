"""Recompute the figures of paper cases, and say whether they agree with the printed ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from footprint.errors import PaperCaseError, UnitError, UsageError
from footprint.papercases.cases import PaperCase, Printed, Row, Tolerance
from footprint.papercases.formulas import Figure, compute_figure
from footprint.papercases.grades import Grade, Verdict, meaning
from footprint.papercases.studies import STUDY, compute_study
from footprint.units import conversion_factor

# A printed figure may lie at the very edge: 0.075 is printed as 0.08, and floats are not exact.
_EDGE = 1 + 1e-9


@dataclass(frozen=True, slots=True)
class RowResult:
    """A printed figure beside the recomputed one, both in the unit of the printed one.

    Attributes
    ----------
    case, row, figure : str
        Which one: id of the case, name of the row, key of the figure.
    grade : Grade
        Of the printed figure.
    computed : float or None
        None if inputs are missing: `missing` has their keys.
    tolerance : float
        Largest difference that counts as agreement, in the unit of the printed figure.
    verdict, expected : Verdict
    reason : str or None
        Why the row is expected not to agree.
    """

    case: str
    row: str
    figure: str
    grade: Grade
    printed: Printed
    computed: float | None
    tolerance: float
    verdict: Verdict
    expected: Verdict
    reason: str | None = None
    missing: tuple[str, ...] = ()

    @property
    def difference(self) -> float | None:
        """Computed over printed, less 1; None where that is not known [1]."""
        if self.computed is None or self.printed.value == 0:
            return None
        return self.computed / self.printed.value - 1

    @property
    def agrees(self) -> bool | None:
        """Whether they agree; None if inputs are missing."""
        return None if self.computed is None else self.verdict is Verdict.AGREES

    @property
    def failed(self) -> bool:
        """Whether something is other than the case says it is.

        So is a row that is known to differ, and begins to agree. What cannot be recomputed
        fails nothing, and neither does a figure that nobody confirmed.
        """
        counts = self.grade is not Grade.UNCONFIRMED
        known = self.verdict is not Verdict.NOT_RECOMPUTABLE
        return counts and known and self.verdict is not self.expected

    @property
    def meaning(self) -> str:
        """What the verdict means, in the words that the grade allows."""
        if self.missing:
            return f"not recomputable, inputs are missing: {', '.join(self.missing)}"
        said = meaning(self.grade, self.verdict)
        if self.failed and self.expected is not Verdict.AGREES:
            return f"{said}, where the case expects: {self.expected}"
        return said


def check_case(case: PaperCase) -> tuple[RowResult, ...]:
    """Recompute every printed figure of a case.

    Raises
    ------
    PaperCaseError
        If a figure has no value for these inputs, or no such unit.
    ManifestError
        If a manifest in it names what the catalogue does not know.
    """
    results = []
    for row in case.rows:
        figures = _figures(case, row)
        results += [_result(case, row, key, figures[key]) for key in row.printed]
    return tuple(results)


def _figures(case: PaperCase, row: Row) -> Mapping[str, Figure]:
    place = f"{case.origin or case.id}, row {row.name!r}"
    if case.model == STUDY:
        return compute_study(case.inputs_of(row), place, row.printed)
    values = case.values_of(row)
    try:
        return {key: compute_figure(case.model, key, values) for key in row.printed}
    except UsageError as error:
        raise PaperCaseError(f"{place}: {error.message}", error.remedy) from error


def _result(case: PaperCase, row: Row, key: str, figure: Figure) -> RowResult:
    printed = Printed.read(row.printed[key])
    allowed = _allowed(printed, row.tolerance or case.tolerance)
    computed, verdict = None, Verdict.NOT_RECOMPUTABLE
    if figure.value is not None:
        try:
            computed = figure.value * conversion_factor(figure.unit, printed.unit)
        except UnitError as error:
            place = f"{case.origin or case.id}, row {row.name!r}, {key}"
            raise PaperCaseError(f"{place}: {error.message}", error.remedy) from error
        near = abs(computed - printed.value) <= allowed * _EDGE
        verdict = Verdict.AGREES if near else Verdict.DIFFERS
    return RowResult(
        case=case.id,
        row=row.name,
        figure=key,
        grade=row.grade or case.grade,
        printed=printed,
        computed=computed,
        tolerance=allowed,
        verdict=verdict,
        expected=row.expected,
        reason=row.reason,
        missing=figure.missing,
    )


def _allowed(printed: Printed, tolerance: Tolerance) -> float:
    return max(tolerance.share * abs(printed.value), printed.half_digit)
