"""Accuracy and emissions together: which plan to choose.

The three forms are the standard ways to make one goal of two; the formalisation that
Qiu et al. print was not verified, so these are ours. All work on the same thing: points
of a plan's options (local epochs, clients per round, devices), each with the accuracy
that it reaches after each round, and what it emitted by then.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from footprint.errors import DataError, UsageError
from footprint.factors import FactorCatalogue
from footprint.model import Study
from footprint.scenarios import check_names, estimate_study, study_catalogue
from footprint.simulation.analytic import round_duration

Array = np.ndarray[tuple[int], np.dtype[np.float64]]


@dataclass(frozen=True, slots=True, eq=False)
class LearningCurve:
    """What one option reaches, round by round.

    Attributes
    ----------
    option : str
        Such as ``"epochs=5"``.
    accuracy : ndarray of shape (rounds,)
        After each round; measured, or supplied [1].
    emissions_g : ndarray of shape (rounds,)
        In all, up to the end of each round [gCO2e].
    duration_s : ndarray of shape (rounds,)
        Wall-clock, likewise [s].
    """

    option: str
    accuracy: Array
    emissions_g: Array
    duration_s: Array

    def __post_init__(self) -> None:
        lengths = {len(self.accuracy), len(self.emissions_g), len(self.duration_s)}
        if len(lengths) != 1 or not len(self.accuracy):
            raise UsageError(f"The curve of {self.option!r} has columns of lengths {lengths}.")
        if np.any(np.diff(self.emissions_g) < 0):
            raise UsageError(f"The emissions of {self.option!r} fall from one round to the next.")


@dataclass(frozen=True, slots=True)
class Choice:
    """One option stopped after one of its rounds."""

    option: str
    rounds: int
    accuracy: float
    emissions_g: float
    duration_s: float


def choices(curves: Sequence[LearningCurve]) -> list[Choice]:
    """Every option, stopped after each of its rounds."""
    return [
        Choice(curve.option, number, float(a), float(g), float(s))
        for curve in curves
        for number, (a, g, s) in enumerate(
            zip(curve.accuracy, curve.emissions_g, curve.duration_s, strict=True), start=1
        )
    ]


def pareto_front(found: Sequence[Choice]) -> list[Choice]:
    """Those that no other beats in accuracy, emissions and wall-clock together.

    Parameters
    ----------
    found : sequence of Choice

    Returns
    -------
    list of Choice
        By rising emissions; of equal ones the first.
    """
    if not found:
        return []
    costs = np.array([[-c.accuracy, c.emissions_g, c.duration_s] for c in found])
    order = np.lexsort(costs.T[::-1])
    kept: list[int] = []
    for place in order:
        best = costs[kept]
        if not len(best) or not np.any(np.all(best <= costs[place], axis=1)):
            kept.append(int(place))
    return sorted((found[place] for place in kept), key=lambda choice: choice.emissions_g)


def least_emissions(curves: Sequence[LearningCurve], accuracy: float) -> Choice | None:
    """Form 1: minimise emissions subject to an accuracy; None if no option reaches it."""
    able = [choice for choice in choices(curves) if choice.accuracy >= accuracy]
    return min(able, key=lambda choice: choice.emissions_g, default=None)


def best_accuracy(curves: Sequence[LearningCurve], budget_g: float) -> Choice | None:
    """Form 2: maximise accuracy subject to a budget [gCO2e]; None if nothing fits into it."""
    able = [choice for choice in choices(curves) if choice.emissions_g <= budget_g]
    # Of equal accuracy the one that emits less.
    return max(able, key=lambda choice: (choice.accuracy, -choice.emissions_g), default=None)


def emission_rate(curve: LearningCurve, window: int = 5) -> Array:
    r"""Form 3: grams per point of accuracy that the last rounds gained.

    .. math:: r_t = \frac{G_t - G_{t-w}}{Acc_t - Acc_{t-w}}

    Parameters
    ----------
    curve : LearningCurve
    window : int
        Rounds over which it is taken, w.

    Returns
    -------
    ndarray of shape (rounds,)
        [gCO2e per unit of accuracy]; not a number before the first window is full,
        infinite where accuracy did not grow.
    """
    if window < 1:
        raise UsageError(f"A window has at least one round, not {window}.")
    rate: Array = np.full(len(curve.accuracy), np.nan)
    gained = curve.accuracy[window:] - curve.accuracy[:-window]
    emitted = curve.emissions_g[window:] - curve.emissions_g[:-window]
    with np.errstate(divide="ignore", invalid="ignore"):
        rate[window:] = np.where(gained > 0, emitted / gained, np.inf)
    return rate


def stop_at_rate(curve: LearningCurve, limit: float, window: int = 5) -> Choice:
    """Stop before the round at which a point of accuracy first costs more than a limit.

    Parameters
    ----------
    curve : LearningCurve
    limit : float
        [gCO2e per unit of accuracy]
    window : int
        See `emission_rate`.
    """
    (dear,) = np.nonzero(emission_rate(curve, window) > limit)
    last = int(dear[0]) - 1 if len(dear) else len(curve.accuracy) - 1
    return choices([curve])[max(last, 0)]


def read_learning_curves(path: Path | str) -> dict[str, list[float]]:
    """Read accuracies by option from a CSV file: columns ``option``, ``round``, ``accuracy``.

    Raises
    ------
    DataError
        If a column is missing, a number is none, or rounds are missing; says which line.
    """
    path = Path(path)
    found: dict[str, dict[int, float]] = defaultdict(dict)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = {"option", "round", "accuracy"} - set(reader.fieldnames or ())
            if missing:
                raise DataError(
                    f"{path}:1: the columns {', '.join(sorted(missing))} are missing.",
                    "The header must name option, round and accuracy.",
                )
            for row in reader:
                _take(path, reader.line_num, row, found)
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}.", "Name a CSV file in UTF-8.") from error
    for option, by_round in found.items():
        if sorted(by_round) != list(range(1, len(by_round) + 1)):
            raise DataError(
                f"{path}: the rounds of {option!r} are not 1, 2, 3, ...", "Add every round."
            )
    return {option: [a for _, a in sorted(rounds.items())] for option, rounds in found.items()}


def _take(
    path: Path, line: int, row: Mapping[str, str | None], found: Mapping[str, dict[int, float]]
) -> None:
    try:
        number, accuracy = int(row["round"] or ""), float(row["accuracy"] or "")
    except ValueError as error:
        raise DataError(f"{path}:{line}: {error}.", "Write whole rounds, and numbers.") from error
    if not 0 <= accuracy <= 1:
        raise DataError(
            f"{path}:{line}: found the accuracy {accuracy}, expected one from 0 to 1.",
            "Write 0.475, not 47.5.",
        )
    rounds = found[str(row["option"])]
    if number in rounds:
        raise DataError(f"{path}:{line}: round {number} stands there twice.", "Remove one.")
    rounds[number] = accuracy


def plan_curves(
    options: Mapping[str, Study],
    accuracies: Mapping[str, Sequence[float]],
    *,
    catalogue: FactorCatalogue | None = None,
) -> list[LearningCurve]:
    """Put learning curves beside what their plans emit.

    Parameters
    ----------
    options : mapping of str to Study
        The plan of each option; its number of rounds does not matter.
    accuracies : mapping of str to sequence of float
        Accuracy of each option after each round.
    catalogue : FactorCatalogue, optional
        Default: `study_catalogue` of the first plan.

    Returns
    -------
    list of LearningCurve
        Emissions of a plan are linear in its rounds: two estimates give all of them.

    Raises
    ------
    UsageError
        If an option has no accuracies.
    """
    curves = []
    for option, study in options.items():
        if option not in accuracies:
            raise UsageError(
                f"There is no learning curve of {option!r}.",
                f"There are: {', '.join(accuracies) or 'none'}.",
            )
        if catalogue is None:
            catalogue = study_catalogue(study)
        check_names(study, catalogue)
        rounds = np.arange(1, len(accuracies[option]) + 1)
        none_g, none_s = _after(study, 0, catalogue)
        some_g, some_s = _after(study, len(rounds), catalogue)
        part = rounds / len(rounds)
        curves.append(
            LearningCurve(
                option,
                np.asarray(accuracies[option], dtype=float),
                none_g + part * (some_g - none_g),
                none_s + part * (some_s - none_s),
            )
        )
    return curves


def _after(study: Study, rounds: int, catalogue: FactorCatalogue) -> tuple[float, float]:
    """Emissions [gCO2e] and wall-clock [s] of a plan after some rounds."""
    training = replace(study.training, rounds=rounds)
    planned = replace(study, training=training, draws=0, prices=None)
    emitted_g = estimate_study(planned, catalogue=catalogue).total_g.value
    trainings = study.training.runs + study.training.retrainings
    return emitted_g, trainings * rounds * round_duration(study)
