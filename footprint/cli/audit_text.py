"""What `footprint audit verify` and `diff` print."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from footprint.cli.output import print_text, say

if TYPE_CHECKING:
    from footprint.audit import StatementDifference, Verification

_SHOWN = 20
"""Deviations and changes that are printed; --json gives all."""


def plain_verification(found: Verification) -> dict[str, Any]:
    """Give what came of making a statement again, as JSON."""

    def listed(deviations: Any) -> list[dict[str, Any]]:
        return [
            {"place": one.place, "stated": _plain(one.stated), "found": _plain(one.found)}
            | {"relative": one.by}
            for one in deviations
        ]

    return {
        "reproduced": found.reproduced,
        "compared": found.compared,
        "recipe_compared": found.listed,
        "deviations": listed(found.deviations),
        "recipe": listed(found.recipe),
    }


def _plain(value: Any) -> Any:
    return value if isinstance(value, (str, int, float, bool)) or value is None else str(value)


def print_verification(found: Verification) -> None:
    """Print what came of making a statement again."""
    for one in found.recipe[:_SHOWN]:
        say(f"made with another: {one}")
    if found.reproduced:
        print_text(f"reproduced: all {found.compared:,} values agree to the last digit")
        return
    if not found.deviations:
        print_text(
            f"all {found.compared:,} values agree, but {found.unpinned[0].place} differs: the "
            "statement was not made from this manifest and these inputs"
        )
        return
    many = len(found.deviations)
    print_text(f"not reproduced: {many:,} of {found.compared:,} values differ")
    for one in found.deviations[:_SHOWN]:
        print_text(f"  {one}")
    if many > _SHOWN:
        print_text(f"  and {many - _SHOWN:,} more (--json gives all)")


def plain_difference(found: StatementDifference) -> dict[str, Any]:
    """Give why two statements differ, as JSON."""
    return {
        "total": found.total,
        "old_g": found.old_g,
        "new_g": found.new_g,
        "difference_g": found.difference_g,
        "by_cause_g": {cause.value: value for cause, value in found.by_cause().items()},
        "changes": [
            {
                "cause": one.cause.value,
                "what": one.what,
                "old": one.old,
                "new": one.new,
                "unit": one.unit,
                "difference_g": one.difference_g,
                "lines": one.lines,
            }
            for one in found.changes
        ],
        "runs": [{"name": one.name, "old_g": one.old_g, "new_g": one.new_g} for one in found.runs],
        "notes": list(found.notes),
    }


def print_difference(found: StatementDifference) -> None:
    """Print why two statements differ."""
    from footprint.reporting import terminal

    terminal.print_difference(found, most=_SHOWN)
