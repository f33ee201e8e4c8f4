"""HiGHS: what its endings mean, and that none is read as something else."""

import subprocess
import sys

import highspy
import numpy as np
import pytest

from footprint.errors import MissingExtra, SolverError
from footprint.scheduling.fedzero.highs import Model, Status, read_solution, solve
from footprint.scheduling.fedzero.milp import most_clients, plan_by_milp
from footprint.scheduling.fedzero.problem import Effort
from tests.fedzero_rounds import random_round


def knapsack(whole=True, low=0.0):
    """Maximise 5 x + 4 y with 3 x + 2 y <= 4 and x, y <= 1: (0, 1) whole, (2/3, 1) not."""
    return Model(
        worth=np.array([5.0, 4.0]),
        upper=np.ones(2),
        whole=np.full(2, whole),
        row_low=np.array([low]),
        row_high=np.array([4.0]),
        start=np.array([0, 1, 2]),
        row=np.array([0, 0]),
        entry=np.array([3.0, 2.0]),
    )


def test_whole_and_continuous_columns():
    whole = solve(knapsack(), gap=0.0)
    assert whole.status is Status.OPTIMAL
    assert (whole.value, whole.bound) == pytest.approx((5.0, 5.0))
    relaxed = solve(knapsack(), gap=0.0, relaxed=True)
    assert relaxed.value == pytest.approx(4 + 5 * 2 / 3)
    assert relaxed.prices == pytest.approx([5 / 3])  # worth of one more unit of the limit


def test_infeasible_is_told_from_everything_else():
    found = solve(knapsack(low=3.5), gap=0.0)  # 0, 2, 3 or 5: none between 3.5 and 4
    assert found.status is Status.INFEASIBLE
    assert found.columns is None


def test_a_time_limit_leaves_a_bound():
    rng = np.random.default_rng(2)
    problem = random_round(rng, 400, 20, 60, 8, scarcity=0.5)
    answer = plan_by_milp(problem, Effort(gap=0.0, time_limit_s=0.01))
    assert not answer.proven
    assert answer.plan is None or answer.plan.bound > answer.plan.value


def test_an_ending_that_is_not_understood_is_an_error():
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("simplex_iteration_limit", 0)
    highs.setOptionValue("presolve", "off")
    program = highspy.HighsLp()
    program.num_col_, program.num_row_ = 2, 1
    program.sense_ = highspy.ObjSense.kMaximize
    program.col_cost_, program.col_lower_ = np.array([5.0, 4.0]), np.zeros(2)
    program.col_upper_ = np.ones(2)
    program.row_lower_, program.row_upper_ = np.array([-np.inf]), np.array([4.0])
    program.a_matrix_.start_, program.a_matrix_.index_ = np.array([0, 1, 2]), np.zeros(2, int)
    program.a_matrix_.value_ = np.array([3.0, 2.0])
    highs.passModel(program)
    highs.run()
    assert highs.getModelStatus() == highspy.HighsModelStatus.kIterationLimit
    with pytest.raises(SolverError, match="Iteration limit"):
        read_solution(highs, continuous=True)


def test_another_number_of_threads_in_the_process_is_no_infeasibility():
    # A process of its own: the scheduler of threads is global.
    code = """
import highspy
from tests.unit.test_fedzero_solver import knapsack
from footprint.errors import SolverError
from footprint.scheduling.fedzero import highs

def other(threads):
    made = highspy.Highs()
    made.setOptionValue("output_flag", False)
    made.setOptionValue("threads", threads)
    highs._pass(made, knapsack(), continuous=False)
    made.run()
    return made

other(1)
assert highs.solve(knapsack(), gap=0.0).value == 5.0
try:
    highs.read_solution(other(2), continuous=False)
except SolverError as error:
    print(error.remedy)
assert highs.solve(knapsack(), gap=0.0).value == 5.0
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "threads" in done.stdout


def test_a_model_that_makes_no_sense_is_an_error():
    broken = knapsack()
    wrong = Model(
        **{
            name: getattr(broken, name)
            for name in ("worth", "upper", "whole", "row_low", "row_high", "start", "entry")
        },
        row=np.array([0, 9]),
    )
    with pytest.raises(SolverError, match="refused"):
        solve(wrong, gap=0.0)


def test_counting_clients_finds_as_many_as_there_is_energy_for():
    problem = random_round(np.random.default_rng(4), 1, 1, 1, 1, scarcity=1.0)
    count = 5
    many = type(problem)(
        spare=np.full((count, 2), 9.0),
        energy_ws=np.full((1, 2), 5.0),
        domain=np.zeros(count, dtype=int),
        energy_per_batch_ws=np.ones(count),
        least=np.array([4.0, 3.0, 3.5, 9.0, 2.0]),
        most=np.full(count, 9.0),
        weight=np.ones(count),
        count=1,
    )
    assert most_clients(many, time_limit_s=10.0).value == pytest.approx(3.0)  # 2 + 3 + 3.5 <= 10
    relaxed = most_clients(many, time_limit_s=10.0, relaxed=True)
    assert relaxed.value == pytest.approx(3 + 1.5 / 4)


def test_without_highspy_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "highspy", None)
    with pytest.raises(MissingExtra, match="scheduling"):
        solve(knapsack(), gap=0.0)
