"""Noise of counts follows its law, and what was spent is not forgotten."""

import math
import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from footprint.errors import DataError, UsageError
from footprint.management.privacy import EpsilonLedger, add_noise, noise_margin


@pytest.mark.parametrize("epsilon", [0.3, 1.0, 2.5])
def test_noise_is_a_discrete_laplace_distribution(epsilon):
    drawn = add_noise(np.zeros(6000, dtype=np.int64), epsilon, random.Random(0))
    ratio = math.exp(-epsilon)
    sizes = np.arange(-3, 4)
    law = (1 - ratio) / (1 + ratio) * ratio ** np.abs(sizes)
    found = np.array([(drawn == size).sum() for size in sizes])
    expected = law * len(drawn)
    # Chi-square of seven cells, of which 0.1 % of all draws are above 24.3.
    assert ((found - expected) ** 2 / expected).sum() < 24.3


def test_the_margin_of_noise_holds_its_share():
    rng = random.Random(1)
    sums = add_noise(np.zeros((3000, 3), dtype=np.int64), 0.5, rng).sum(axis=1)
    margin = noise_margin(0.5, 3)
    share = (np.abs(sums) <= margin).mean()
    assert 0.94 <= share <= 0.98
    # Of one part: P(|X| <= m) = 1 - 2 r^(m+1) / (1 + r).
    single, ratio = noise_margin(0.5, 1), math.exp(-0.5)
    tail = [2 * ratio ** (m + 1) / (1 + ratio) for m in (single - 1, single)]
    assert tail[1] <= 0.05 < tail[0]


@pytest.mark.parametrize("epsilon", [0.0, -1.0, 1e-9, 99.0, math.nan, math.inf])
def test_an_epsilon_that_means_nothing_is_refused(epsilon):
    with pytest.raises(UsageError):
        add_noise(np.zeros(1, dtype=np.int64), epsilon)


def test_a_budget_ends_and_survives_the_process(tmp_path):
    path = tmp_path / "epsilon.jsonl"
    for _ in range(10):
        assert EpsilonLedger(path, 1.0).spend("a", 0.1, "q", 0.0)
    assert not EpsilonLedger(path, 1.0).spend("a", 0.1, "q", 0.0)
    assert EpsilonLedger(path, 1.0).spend("b", 0.5, "q", 0.0)
    assert EpsilonLedger(path, 1.0).spent("a") == pytest.approx(1.0)


def test_two_at_once_do_not_spend_more_than_there_is(tmp_path):
    ledger = EpsilonLedger(tmp_path / "epsilon.jsonl", 1.0)
    with ThreadPoolExecutor(8) as pool:
        paid = list(pool.map(lambda _: ledger.spend("a", 0.1, "q", 0.0), range(40)))
    assert sum(paid) == 10


@pytest.mark.parametrize("line", ['{"dataset": "a"', "[]", '{"dataset": "a", "epsilon": -5}', "\0"])
def test_a_damaged_ledger_spends_nothing(tmp_path, line):
    path = tmp_path / "epsilon.jsonl"
    path.write_text(line)
    with pytest.raises(DataError, match="line 1"):
        EpsilonLedger(path, 1.0).spend("a", 0.1, "q", 0.0)
    assert path.read_text() == line


def test_a_ledger_that_cannot_be_written_spends_nothing(tmp_path):
    (tmp_path / "epsilon.jsonl").mkdir()
    with pytest.raises(DataError, match="cannot be written"):
        EpsilonLedger(tmp_path / "epsilon.jsonl", 1.0).spend("a", 0.1, "q", 0.0)
