"""Accuracy and emissions together: which plan to choose.

The three forms are the standard ways to make one goal of two; the formalisation that
Qiu et al. print was not verified, so these are ours. All work on the same thing: points
of a plan's options (local epochs, clients per round, devices), each with the accuracy
that it reaches after each round, and what it emitted by then.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from footprint.errors import BoundaryMismatch, DataError, ManifestError, UsageError
from footprint.factors import FactorCatalogue
from footprint.manifest import read_tables, study_of
from footprint.model import Assessment, LearningCurve, Study
from footprint.scenarios import check_names, estimate_study, study_catalogue
from footprint.simulation.rounds import round_duration
from footprint.sweep import with_settings

Array = np.ndarray[tuple[int], np.dtype[np.float64]]


@dataclass(frozen=True, slots=True)
class Choice:
    """One option stopped after one of its rounds."""

    option: str
    rounds: int
    accuracy: float
    emissions_g: float
    duration_s: float


def option_label(option: str) -> str:
    """Name an option for charts: the table that nearly all of its keys stand in goes unsaid."""
    return re.sub(r"(^|; *)training\.(?=\w+=)", r"\1", option)


def choices(curves: Sequence[LearningCurve]) -> list[Choice]:
    """Every option, stopped after each of its rounds."""
    return [
        Choice(curve.option, number, a, g, s)
        for curve in curves
        for number, (a, g, s) in enumerate(
            zip(curve.accuracy, curve.emissions_g, curve.duration_s, strict=True), start=1
        )
    ]


def records(curves: Sequence[LearningCurve]) -> list[Choice]:
    """Every option, stopped where it has just reached more than ever before.

    Emissions and time only grow, so that nothing else can be on a front.
    """
    found: list[Choice] = []
    for curve in curves:
        accuracy = np.asarray(curve.accuracy)
        before = np.concatenate(([-np.inf], np.maximum.accumulate(accuracy)[:-1]))
        every = choices([curve])
        found += [every[place] for place in np.flatnonzero(accuracy > before)]
    return found


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


def least_emissions(
    curves: Sequence[LearningCurve], accuracy: float, *, held: int = 1, smooth: int = 1
) -> Choice | None:
    """Form 1: minimise emissions subject to an accuracy; None if no option reaches it.

    Parameters
    ----------
    curves : sequence of LearningCurve
    accuracy : float
    held : int
        Rounds in a row that must reach it; Green FL asks for five. The last of them counts.
    smooth : int
        Rounds over which accuracies are averaged first, the last ones.
    """
    reached = (first_reach(curve, accuracy, held=held, smooth=smooth) for curve in curves)
    able = [found for found in reached if found is not None]
    return min(able, key=lambda choice: choice.emissions_g, default=None)


def first_reach(
    curve: LearningCurve, accuracy: float, *, held: int = 1, smooth: int = 1
) -> Choice | None:
    """First round at which a curve has held an accuracy for some rounds; None if it never does.

    Parameters
    ----------
    curve : LearningCurve
    accuracy : float
    held, smooth : int
        As in `least_emissions`.
    """
    if held < 1 or smooth < 1:
        raise UsageError(
            f"An accuracy is held, and averaged, over at least one round, not {min(held, smooth)}."
        )
    sums = np.cumsum(np.concatenate(([0.0], curve.accuracy)))
    means = (sums[smooth:] - sums[:-smooth]) / smooth
    reached = 0
    for place, mean in enumerate(means, start=smooth - 1):
        # The mean of equal numbers may miss them by rounding.
        reached = reached + 1 if mean >= accuracy * (1 - 1e-12) else 0
        if reached == held:
            return choices([curve])[place]
    return None


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
        Rounds over which it is taken, w. Acc is the best accuracy up to a round.

    Returns
    -------
    ndarray of shape (rounds,)
        [gCO2e per unit of accuracy]; not a number before the first window is full,
        infinite where accuracy did not grow.
    """
    if window < 1:
        raise UsageError(f"A window has at least one round, not {window}.")
    rate: Array = np.full(len(curve.accuracy), np.nan)
    # The best so far: a single bad round is no loss of what was reached.
    accuracy = np.maximum.accumulate(np.asarray(curve.accuracy))
    emissions_g = np.asarray(curve.emissions_g)
    gained = accuracy[window:] - accuracy[:-window]
    emitted = emissions_g[window:] - emissions_g[:-window]
    with np.errstate(divide="ignore", invalid="ignore"):
        rate[window:] = np.where(gained > 0, emitted / gained, np.inf)
    return rate


def emissions_per_accuracy(choice: Choice) -> float:
    r"""Form 3, in total: grams per unit of accuracy up to a round.

    .. math:: \frac{G(t^*)}{Acc(t^*)}

    Raises
    ------
    UsageError
        If nothing was reached.
    """
    if choice.accuracy <= 0:
        raise UsageError(f"{choice.option!r} has no accuracy after {choice.rounds} rounds.")
    return choice.emissions_g / choice.accuracy


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


def curves_of(manifest: Path, path: Path) -> list[LearningCurve]:
    """Put the learning curves of a file beside what the options of a manifest emit.

    Parameters
    ----------
    manifest : Path
    path : Path
        As `read_learning_curves` takes it. An option is a setting of the manifest, such as
        ``"training.local_epochs=5; training.clients_per_round=20"``.

    Raises
    ------
    DataError
        If the file holds no curve.
    """
    accuracies = read_learning_curves(path)
    if not accuracies:
        raise DataError(f"{path} holds no learning curve.", "Add rows below its header.")
    tables = read_tables(manifest)
    options = {}
    for option in accuracies:
        try:
            options[option] = study_of(with_settings(tables, option), manifest)
        except (ManifestError, UsageError) as error:
            raise DataError(
                f"{path}, the option {option!r} does not fit {manifest.name}: {error.message}",
                error.remedy,
            ) from error
    return plan_curves(options, accuracies)


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
    BoundaryMismatch
        If the options do not count the same.
    """
    curves = []
    first: Assessment | None = None
    for option, study in options.items():
        if option not in accuracies:
            raise UsageError(
                f"There is no learning curve of {option!r}.",
                f"There are: {', '.join(accuracies) or 'none'}.",
            )
        if catalogue is None:
            catalogue = study_catalogue(study)
        check_names(study, catalogue)
        bounded = estimate_study(replace(study, draws=0, prices=None), catalogue=catalogue)
        first = first or bounded
        if (bounded.boundary, bounded.run.functional_unit) != (
            first.boundary,
            first.run.functional_unit,
        ):
            raise BoundaryMismatch(
                f"The option {option!r} does not count the same as the others: another boundary, "
                "network model or functional unit.",
                "Compare options that differ in what is done, not in what is counted.",
            )
        rounds = np.arange(1, len(accuracies[option]) + 1)
        none_g, none_s = _after(study, 0, catalogue)
        some_g, some_s = _after(study, len(rounds), catalogue)
        part = rounds / len(rounds)
        curves.append(
            LearningCurve(
                option,
                tuple(float(one) for one in accuracies[option]),
                tuple((none_g + part * (some_g - none_g)).tolist()),
                tuple((none_s + part * (some_s - none_s)).tolist()),
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
