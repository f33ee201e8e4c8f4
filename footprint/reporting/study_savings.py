"""Three kinds of saving of a method: measured, in theory, and as somebody assumes."""

from __future__ import annotations

from footprint.learning.savings import Kind, Savings
from footprint.model import Contrast, MethodResult, MethodStudy, Metric
from footprint.reporting.numbers import MINUS, NOT_KNOWN, clean, number, percent
from footprint.reporting.shapes import Cell, Column, Table
from footprint.reporting.study_figures import energy_kind


def savings_of(result: MethodStudy, one: MethodResult) -> Savings | None:
    """Tell what a method saves of what clients compute, against the reference; None of itself."""
    if one.name == result.reference:
        return None
    measured, theory = one.contrast(Metric.TRAINING_KWH), one.contrast(Metric.TRAINING_MACS)
    theoretical = None if theory is None else _saved(theory)
    projection = result.projection
    projected = None
    # The assumption is of hardware for sparse matrices; a narrow network has none.
    if projection is not None and theoretical is not None and one.method.label:
        projected = projection.realised * theoretical
    return Savings(
        measured=None if measured is None else _saved(measured),
        theoretical_flops=theoretical,
        projected=projected,
        measured_as=Kind.MEASURED if result.measured else Kind.MODELLED_FROM_TIME,
        assumption="" if projected is None or projection is None else projection.assumption,
    )


def _saved(contrast: Contrast) -> float:
    return -contrast.mean + 0.0  # no saving is 0, not -0


def saving_table(result: MethodStudy) -> Table:
    """Show what was measured, what theory says, and what somebody assumes, side by side."""
    columns = (
        Column("Method"),
        Column(f"Saved, {energy_kind(result)}", "%", numeric=True),
        Column("Saved, theoretical flops", "%", numeric=True),
        *((Column("Saved, projected", "%", numeric=True),) if result.projection else ()),
        Column("Realised of theory", numeric=True),
    )
    rows = []
    for one in result.methods:
        savings = savings_of(result, one)
        name = Cell(clean(one.name), (one.method.label,) if one.method.label else ())
        if savings is None:
            rows.append((Cell(name.text, ("reference",)), *(Cell(NOT_KNOWN) for _ in columns[1:])))
            continue
        contrast = one.contrast(Metric.TRAINING_KWH)
        cells = [_share_cell(savings.measured, contrast), _share_cell(savings.theoretical_flops)]
        if result.projection:
            cells.append(_share_cell(savings.projected))
        realised = savings.realisation
        cells.append(Cell(NOT_KNOWN if realised is None else _two(realised)))
        rows.append((name, *cells))
    note = (
        "Of what clients compute, seed by seed: reading the model, training, making the answer; "
        "theory knows the training alone. These are three kinds of number and are never added; "
        "only the first is in emissions. Below 0: it cost more."
    )
    if result.projection is not None:
        note += (
            f" Projected: {clean(result.projection.assumption)}, "
            f"{percent(result.projection.realised)} of the theoretical saving."
        )
    return Table("Three kinds of saving at the clients", columns, tuple(rows), note=note)


def _two(value: float) -> str:
    return f"{value:.2f}".replace("-", MINUS)


def _share_cell(share: float | None, contrast: Contrast | None = None) -> Cell:
    if share is None:
        return Cell(NOT_KNOWN)
    if contrast is None or contrast.low is None or contrast.high is None:
        return Cell(number(100 * share, 1))
    width = 100 * (contrast.high - contrast.low)
    low, high = (number(-100 * end, width) for end in (contrast.high, contrast.low))
    return Cell(number(100 * share, width), (f"{low} to {high}",))
