"""What was expected of a series, and from when on."""

import numpy as np
import pytest

from footprint.errors import DataError, UsageError
from footprint.simulation.forecasts import DAY_S, Noisy, Perfect, Persistence, read_issued
from footprint.simulation.trace_files import Repair
from footprint.simulation.traces import Trace, unix_seconds

NOON = unix_seconds("2022-06-08T12:00")


def hourly(days, start=NOON):
    values = np.arange(24.0 * days)[:, None] + np.array([[0.0, 1000.0]])
    return Trace(start, 3600, ("a", "b"), values)


ISSUES = (
    "issued,target,Zürich\n"
    "2022-06-08 12:00,2022-06-08 12:05,1\n"
    "2022-06-08 12:00,2022-06-08 12:10,2\n"
    "2022-06-08 12:00,2022-06-08 12:15,3\n"
    "2022-06-08 12:05,2022-06-08 12:10,20\n"
    "2022-06-08 12:05,2022-06-08 12:15,{cell}\n"
    "2022-06-08 12:05,2022-06-08 12:20,40\n"
)


def issued(folder, cell="30", **options):
    path = folder / "forecast.csv"
    path.write_text(ISSUES.format(cell=cell), encoding="utf-8")
    return read_issued(path, issue_column="issued", target_column="target", **options)


def test_the_newest_issue_that_was_out_counts(tmp_path):
    forecasts = issued(tmp_path)
    early = forecasts.forecast(NOON + 240, 60, 11)
    assert early.issued_s == NOON
    # Steps that end at 12:05, ..., 12:15.
    assert early.values[:, 0].tolist() == [1] + [2] * 5 + [3] * 5
    late = forecasts.forecast(NOON + 300, 60, 15)
    assert late.issued_s == NOON + 300
    assert late.values[:, 0].tolist() == [20] * 5 + [30] * 5 + [40] * 5


def test_before_the_first_issue_nothing_is_known(tmp_path):
    with pytest.raises(DataError, match="No forecast was issued by 2022-06-08 11:59"):
        issued(tmp_path).forecast(NOON - 60, 60, 1)


def test_forecasts_are_not_continued(tmp_path):
    with pytest.raises(DataError, match="say nothing of 2022-06-08 12:21"):
        issued(tmp_path).forecast(NOON + 300, 60, 16)


def test_a_missing_cell_is_an_error_or_the_issue_before_serves(tmp_path):
    with pytest.raises(DataError, match=r"1 value.s. are missing, the first in .* 12:05"):
        issued(tmp_path, cell="")
    forecasts = issued(tmp_path, cell="", repair=frozenset([Repair.HOLD]))
    values = forecasts.forecast(NOON + 300, 60, 15).values[:, 0]
    assert values.tolist() == [20] * 5 + [3] * 5 + [40] * 5


def test_steps_that_lie_across_forecast_periods_are_errors(tmp_path):
    forecasts = issued(tmp_path)
    for now_s, step_s in ((NOON, 70), (NOON + 30, 60), (NOON, 600)):
        with pytest.raises(DataError, match="cannot be cut"):
            forecasts.forecast(now_s, step_s, 1)


def test_files_of_forecasts_that_contradict_themselves_are_errors(tmp_path):
    path = tmp_path / "forecast.csv"
    doubled = ISSUES.format(cell="30") + "2022-06-08 12:05,2022-06-08 12:20,41\n"
    path.write_text(doubled, encoding="utf-8")
    with pytest.raises(DataError, match="two things"):
        read_issued(path, issue_column="issued", target_column="target")
    path.write_text("issued,target,x\n2022-06-08 12:00,2022-06-08 12:00,1\n", encoding="utf-8")
    with pytest.raises(DataError, match="after the end"):
        read_issued(path, issue_column="issued", target_column="target")


def test_persistence_is_the_same_hour_yesterday():
    trace = hourly(3)
    now_s = NOON + DAY_S + 6 * 3600
    found = Persistence(trace).forecast(now_s, 3600, 12)
    assert found.values[:, 0].tolist() == list(range(6, 18))
    assert found.issued_s == now_s


def test_persistence_goes_back_two_days_where_yesterday_has_not_ended():
    trace = hourly(4)
    now_s = NOON + 2 * DAY_S
    found = Persistence(trace).forecast(now_s, 3600, 30).values[:, 0]
    assert found[:24].tolist() == list(range(24, 48))
    assert found[24:].tolist() == list(range(24, 30))  # of two days before


def test_persistence_never_reads_a_period_that_has_not_ended():
    trace = hourly(3)
    now_s = NOON + DAY_S + 1800  # in the middle of an hour
    before = Persistence(trace).forecast(now_s, 1800, 49)
    trace.values[24:] += 1e6  # this hour, and all after it
    after = Persistence(trace).forecast(now_s, 1800, 49)
    assert (before.values == after.values).all()
    assert before.issued_s == now_s - 1800


def test_persistence_needs_a_day_before():
    with pytest.raises(DataError, match="a day before"):
        Persistence(hourly(2)).forecast(NOON + 3600, 3600, 1)


def test_the_perfect_forecast_is_what_happens():
    trace = hourly(1)
    found = Perfect(trace).forecast(NOON + 3600, 1800, 4)
    assert (found.values == trace.window(NOON + 3600, 1800, 4)).all()


def errors(noisy, moments, steps):
    """Logarithm of the error of a constant series, over issues."""
    found = [noisy.forecast(now_s, 3600, steps).values[:, 0] for now_s in moments]
    return np.log(np.array(found) / 100.0)


def constant(hours):
    return Trace(0, 3600, ("a",), np.full((hours, 1), 100.0))


def test_noise_grows_with_distance_and_has_mean_one():
    noisy = Noisy(constant(6000), seed=3)
    z = errors(noisy, range(0, 5800 * 3600, 7 * 3600), 96)
    # 830 issues, correlated: three standard errors of a handful of independent ones.
    assert z[:, 0].std() == pytest.approx(0.03, rel=0.15)
    assert z[:, 95].std() == pytest.approx(0.15, rel=0.15)
    assert np.exp(z[:, 95]).mean() == pytest.approx(1.0, abs=0.03)
    assert noisy.spread(np.array([60, 3600, 96 * 3600, 200 * 3600])).tolist() == pytest.approx(
        [0.03, 0.03, 0.15, 0.15]
    )


def test_noise_of_neighbouring_hours_goes_together():
    noisy = Noisy(constant(6000), seed=4)
    z = errors(noisy, range(0, 5800 * 3600, 11 * 3600), 96)
    near = np.corrcoef(z[:, 49], z[:, 50])[0, 1]
    far = np.corrcoef(z[:, 20], z[:, 90])[0, 1]
    assert near == pytest.approx(0.9, abs=0.05)
    assert abs(far) < 0.2


def test_noise_is_partly_kept_from_issue_to_issue():
    noisy = Noisy(constant(6000), seed=5, near=0.1, far=0.1)
    z = errors(noisy, range(0, 5900 * 3600, 3600), 4)
    # The same target, seen from two moments one hour apart.
    assert np.corrcoef(z[:-1, 3], z[1:, 2])[0, 1] == pytest.approx(0.5, abs=0.1)


def test_noise_is_the_same_in_whatever_order_it_is_asked_for():
    one, two = (Noisy(constant(200), seed=6) for _ in range(2))
    moments = [3600 * hour for hour in (0, 5, 50)]
    forwards = [one.forecast(now_s, 3600, 24).values for now_s in moments]
    backwards = [two.forecast(now_s, 3600, 24).values for now_s in reversed(moments)]
    for a, b in zip(forwards, reversed(backwards), strict=True):
        assert (a == b).all()


def test_no_noise_is_the_perfect_forecast_and_darkness_stays_dark():
    trace = Trace(0, 3600, ("a",), np.array([[0.0], [5.0], [0.0], [7.0]]))
    assert (Noisy(trace, 1, near=0.0, far=0.0).forecast(0, 3600, 4).values == trace.values).all()
    noisy = Noisy(trace, 1).forecast(0, 3600, 4).values[:, 0]
    assert (noisy[[0, 2]] == 0).all()
    assert (noisy[[1, 3]] > 0).all()


@pytest.mark.parametrize("wrong", [{"near": 0.2}, {"phi": 1.0}, {"kept": 1.5}])
def test_noise_that_cannot_be_is_an_error(wrong):
    with pytest.raises(UsageError, match="cannot be"):
        Noisy(constant(10), 1, **wrong)
