"""What silos are asked so that the drift of the data of a model can be told."""

from __future__ import annotations

from footprint.errors import ManifestError, UsageError
from footprint.management.advisor.needs import Needs, RetrainingTable
from footprint.management.questions import Question, Statistic


def list_drift_questions(needs: Needs) -> dict[tuple[str, str], Question]:
    """Ask for both datasets of each retraining, on its grid; by dataset and column.

    Raises
    ------
    ManifestError
        If a grid is none, or one column has two.
    """
    found: dict[tuple[str, str], Question] = {}
    for number, table in enumerate(needs.retrainings, start=1):
        place = f"{needs.origin}, retrainings[{number}]"
        for dataset in (table.before, table.now):
            question = _histogram_question(table, dataset, place)
            if found.setdefault((dataset, table.column), question) != question:
                raise ManifestError(
                    f"{place}: {table.column!r} of {dataset!r} has another grid already.",
                    "Give it one: lower, upper and cells.",
                )
    return found


def _histogram_question(table: RetrainingTable, dataset: str, place: str) -> Question:
    try:
        return Question(
            id="histogram",
            statistic=Statistic.HISTOGRAM,
            dataset=dataset,
            column=table.column,
            lower=table.lower,
            upper=table.upper,
            cells=table.cells,
            minimum_rows=1,
            minimum_silos=1,
        )
    except UsageError as error:
        raise ManifestError(f"{place}: {error.message}", error.remedy) from error
