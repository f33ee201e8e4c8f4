"""Lines of an estimate as rows of a table: an activity times factors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from footprint.model import Contribution, Term, split_inverse
from footprint.reporting.advice_words import under
from footprint.reporting.numbers import NBSP, Scale, clean, exact, pretty_unit
from footprint.reporting.shapes import Cell, Column
from footprint.reporting.wording import LIFE_CYCLE_NAMES, capitalise, category_name
from footprint.units import readable


def line_columns(scale: Scale) -> tuple[Column, ...]:
    """Head what `line_cells` writes."""
    return (
        Column("Activity and place"),
        Column("Amount and factors"),
        Column("Emissions", scale.unit, numeric=True),
    )


def line_cells(part: Contribution, terms: Mapping[str, Term], scale: Scale) -> tuple[Cell, ...]:
    """Write a line of an estimate: an activity times its factors, each with its value."""
    amount, unit = exact(part.amount), part.amount_unit
    times = f" ×{NBSP}" if unit[:1].isdigit() else " "
    where = [clean(word) for word in (part.zone, part.device) if word]
    stage = f"{part.stage.value}, {LIFE_CYCLE_NAMES[part.life_cycle]}, {part.basis.value}"
    return (
        Cell(
            f"{capitalise(category_name(part.category))}, {clean(part.actor)}",
            (*under(", ".join(where)), stage),
        ),
        Cell(f"{amount}{times}{unit}", tuple(_factors(part, terms))),
        Cell(
            scale.text(part.emissions_g.value, part.emissions_g.width),
            under(scale.range(part.emissions_g)),
        ),
    )


def _factors(part: Contribution, terms: Mapping[str, Term]) -> Iterator[str]:
    for name, inverse in map(split_inverse, part.terms):
        value, unit = readable(terms[name].value, terms[name].unit)
        shown = exact(value) if unit == "1" else f"{exact(value)} {pretty_unit(unit)}"
        yield f"{'÷' if inverse else '×'} {shown} ({clean(name)})"
