"""The one file that calls HiGHS.

HiGHS keeps one scheduler of threads per process. A model that asks for another number of
threads than the first one ends in an error with an empty solution, which is easily read as
"infeasible". So the number is never set here, and every status that is not understood is
an error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np

from footprint.errors import MissingExtra, SolverError
from footprint.scheduling.fedzero.problem import Flags, Floats, Indices


class Status(Enum):
    """How a run of the solver ended."""

    OPTIMAL = "optimal"
    INFEASIBLE = "infeasible"
    TIME_LIMIT = "time limit"


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """Maximise `worth` times x, with 0 <= x <= `upper` and rows between two limits.

    Attributes
    ----------
    worth, upper : ndarray of shape (columns,)
    whole : ndarray of shape (columns,)
        Which columns are whole numbers.
    row_low, row_high : ndarray of shape (rows,)
    start, row, entry : ndarray
        The matrix by columns, compressed.
    """

    worth: Floats
    upper: Floats
    whole: Flags
    row_low: Floats
    row_high: Floats
    start: Indices
    row: Indices
    entry: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """What came of a model.

    Attributes
    ----------
    status : Status
    columns : ndarray or None
        None if no solution was found.
    prices : ndarray or None
        Worth of one more unit of each row's limit; None unless all columns are continuous.
    value, bound : float
        Of the solution, and of any solution.
    """

    status: Status
    columns: Floats | None
    prices: Floats | None
    value: float
    bound: float


def solve(
    model: Model, *, gap: float, time_limit_s: float = math.inf, relaxed: bool = False
) -> Solution:
    """Solve a model.

    Parameters
    ----------
    model : Model
    gap : float
        Share of the value at which a solution with whole numbers is good enough.
    time_limit_s : float
        [s]
    relaxed : bool
        Take whole columns as continuous.

    Raises
    ------
    SolverError
        If HiGHS ends in anything but an optimum, a proof that there is none, or its time limit.
    MissingExtra
        Without highspy.
    """
    highs = _highs()
    highs.setOptionValue("mip_rel_gap", gap)
    highs.setOptionValue("mip_abs_gap", 0.0)
    if time_limit_s < math.inf:
        highs.setOptionValue("time_limit", max(time_limit_s, 1e-3))
    continuous = relaxed or not model.whole.any()
    _pass(highs, model, continuous=continuous)
    highs.run()
    return read_solution(highs, continuous=continuous)


def _highs() -> Any:
    try:
        import highspy
    except ImportError as error:
        raise MissingExtra.of("scheduling", "Solving with HiGHS") from error
    highs: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    highs.setOptionValue("output_flag", False)
    return highs


def _pass(highs: Any, model: Model, *, continuous: bool) -> None:
    import highspy

    program: Any = highspy.HighsLp()
    program.num_col_, program.num_row_ = len(model.worth), len(model.row_low)
    program.sense_ = highspy.ObjSense.kMaximize
    program.col_cost_ = model.worth
    program.col_lower_, program.col_upper_ = np.zeros(len(model.worth)), model.upper
    program.row_lower_, program.row_upper_ = model.row_low, model.row_high
    program.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    program.a_matrix_.start_, program.a_matrix_.index_ = model.start, model.row
    program.a_matrix_.value_ = model.entry
    if not continuous:
        kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
        program.integrality_ = [kinds[one] for one in model.whole.tolist()]
    if highs.passModel(program) == highspy.HighsStatus.kError:
        raise SolverError("HiGHS refused the model.", "This is a mistake in footprint: report it.")


def read_solution(highs: Any, *, continuous: bool) -> Solution:
    """Read what a run of HiGHS ended in."""
    import highspy

    found, status = highs.getModelStatus(), highspy.HighsModelStatus
    if found == status.kInfeasible:
        return Solution(Status.INFEASIBLE, None, None, -math.inf, -math.inf)
    if found not in (status.kOptimal, status.kTimeLimit):
        raise SolverError(
            f"HiGHS ended with the status {highs.modelStatusToString(found)!r}.",
            "If the process also runs HiGHS with a number of threads of its own, leave that out.",
        )
    information, solution = highs.getInfo(), highs.getSolution()
    optimal = found == status.kOptimal
    feasible = int(highspy.SolutionStatus.kSolutionStatusFeasible)
    has = optimal or (not continuous and information.primal_solution_status == feasible)
    value = information.objective_function_value if has else -math.inf
    if not continuous:
        bound = information.mip_dual_bound
    elif optimal:
        bound = value
    else:
        bound = math.inf
    return Solution(
        status=Status.OPTIMAL if optimal else Status.TIME_LIMIT,
        columns=np.asarray(solution.col_value) if has else None,
        prices=np.asarray(solution.row_dual) if continuous and optimal else None,
        value=value,
        bound=max(value, bound),
    )
