"""When to start a job: held against trying every minute, and against errors that are known."""

import numpy as np
import pytest

from footprint.errors import DataError, UsageError
from footprint.factors.intensity import IntensitySeries, Provenance
from footprint.model import SignalKind, Source
from footprint.scheduling.best_window import HAPPENED, NO_ERROR, Job, find_best_window
from footprint.scheduling.forecast_errors import (
    DAY_S,
    LEAST_DAYS,
    PastErrors,
    StatedErrors,
    past_errors,
)
from footprint.scheduling.temporal import cheapest_slots, cheapest_window

HOUR, STEP = 3600, 900
START = 1_577_836_800  # 2020-01-01
OF = Provenance("test", Source("made up", "", ""), "made up")


def series(values, step=HOUR, start=START, forecast=None):
    values = np.asarray(values, np.float64)
    marks = np.zeros(len(values), bool) if forecast is None else np.asarray(forecast)
    return IntensitySeries("XX", start, step, values, SignalKind(), OF, forecast=marks)


@pytest.fixture(scope="module")
def year():
    """A year of quarter-hours of the shape of real grids: two peaks a day, wind, seasons."""
    rng = np.random.default_rng(20_261_121)
    steps = 366 * 24 * 4
    hours = np.arange(steps) / 4
    wind = np.zeros(steps)
    noise = rng.standard_normal(steps)
    for step in range(1, steps):
        wind[step] = 0.995 * wind[step - 1] + 0.1 * noise[step]
    swing = 40 * np.cos((hours - 19) / 24 * 2 * np.pi) + 25 * np.cos((hours - 8) / 12 * 2 * np.pi)
    season = 60 * np.cos(hours / (366 * 24) * 2 * np.pi)
    return series(np.clip(260 + swing + season + 70 * wind, 20, 900), STEP)


def minutes(one, job):
    """Intensity of every five minutes that the job may run in."""
    fine = np.repeat(one.values, one.step_s // 300)
    first = (job.release_s - one.start_s) // 300
    return fine[first : first + (job.deadline_s - job.release_s) // 300]


# Lengths, releases and deadlines that do and do not lie on the quarter-hours of the year.
JOBS = [(3 * HOUR, 0, 0), (100 * 60, 1200, 600), (25 * 60, 300, 900), (26 * HOUR, 0, 3300)]


@pytest.mark.parametrize(("length", "late", "early"), JOBS)
def test_it_is_the_optimum_of_all_starts_of_a_year(year, length, late, early):
    job = Job(length, year.start_s + late, year.stop_s - early, power_w=300.0)
    every = np.lib.stride_tricks.sliding_window_view(minutes(year, job), length // 300)
    means = every.mean(axis=1)
    found = find_best_window(year, job)
    assert found.best.g_per_kwh == pytest.approx(means.min(), rel=1e-12)
    ((start, stop),) = found.best.runs
    assert stop - start == length
    assert means[(start - job.release_s) // 300] == pytest.approx(means.min(), rel=1e-12)
    assert found.at_once.g_per_kwh == pytest.approx(means[0], rel=1e-12)
    assert found.saving.value == pytest.approx(1 - means.min() / means[0])
    assert found.saved_g.value == pytest.approx(0.3 * length / HOUR * (means[0] - means.min()))


@pytest.mark.parametrize(("length", "late", "early"), JOBS)
def test_interrupted_it_takes_the_cheapest_minutes_of_a_year(year, length, late, early):
    job = Job(length, year.start_s + late, year.stop_s - early, interruptible=True)
    found = find_best_window(year, job)
    cheapest = np.sort(minutes(year, job))[: length // 300]
    assert found.best.g_per_kwh == pytest.approx(cheapest.mean(), rel=1e-12)
    assert sum(stop - start for start, stop in found.best.runs) == length
    ends = [edge for run in found.best.runs for edge in run]
    assert ends == sorted(set(ends))  # apart, in order
    assert job.release_s <= ends[0] < ends[-1] <= job.deadline_s


def test_every_week_of_the_year_has_its_optimum(year):
    """As it is used: a job of some hours, a deadline of a day or two, again and again."""
    rng = np.random.default_rng(1)
    for week in range(52):
        release = year.start_s + week * 7 * DAY_S + int(rng.integers(0, 288)) * 300
        length = int(rng.integers(1, 150)) * 300
        job = Job(length, release, release + length + int(rng.integers(0, 500)) * 300)
        fine = minutes(year, job)
        sums = np.convolve(fine, np.ones(length // 300), "valid") / (length // 300)
        assert find_best_window(year, job).best.g_per_kwh == pytest.approx(sums.min(), rel=1e-9)


def test_in_whole_slots_it_agrees_with_lets_wait_awhile(year):
    values = year.values[:400]
    short = series(values, STEP)
    for length in (1, 5, 40):
        job = Job(length * STEP, short.start_s, short.stop_s)
        slots = cheapest_window(values, length)
        assert find_best_window(short, job).best.runs[0][0] == START + STEP * slots[0]
        job = Job(length * STEP, short.start_s, short.stop_s, interruptible=True)
        best = find_best_window(short, job).best
        assert best.g_per_kwh == pytest.approx(values[cheapest_slots(values, length)].mean())


def test_of_equal_times_the_first_is_taken():
    flat = series(np.full(24, 300.0))
    found = find_best_window(flat, Job(2 * HOUR, START + 600, flat.stop_s))
    assert found.best.runs == ((START + 600, START + 600 + 2 * HOUR),)
    assert found.saving.value == 0


def test_no_window_runs_through_a_gap():
    values = np.array([500.0, 400, 100, np.nan, 100, 300, 300, 450])
    one = series(values)
    found = find_best_window(one, Job(2 * HOUR, START, one.stop_s))
    assert found.best.runs == ((START + 4 * HOUR, START + 6 * HOUR),)
    assert [finding.code for finding in found.findings] == ["window-gap"]
    parts = find_best_window(one, Job(2 * HOUR, START, one.stop_s, interruptible=True))
    assert parts.best.runs == (
        (START + 2 * HOUR, START + 3 * HOUR),
        (START + 4 * HOUR, START + 5 * HOUR),
    )
    with pytest.raises(DataError, match="No stretch of 5 h is without a gap"):
        find_best_window(one, Job(5 * HOUR, START, one.stop_s))
    with pytest.raises(DataError, match="Gaps leave 7 h"):
        find_best_window(one, Job(8 * HOUR, START, one.stop_s, interruptible=True))


def test_without_a_first_hour_there_is_no_saving():
    one = series([np.nan, 200, 100, 300])
    found = find_best_window(one, Job(HOUR, START, one.stop_s, power_w=100))
    assert found.best.g_per_kwh == 100
    assert (found.at_once, found.saving, found.saved_g) == (None, None, None)
    clean = find_best_window(series([0.0, 200, 100]), Job(HOUR, START, START + 3 * HOUR))
    assert clean.saving is None
    assert "emits nothing" in clean.error


def test_what_cannot_be_is_refused():
    one = series(np.arange(10) + 100.0)
    for job in ((0, 0, 5), (5, 0, 4)):
        with pytest.raises(UsageError):
            Job(job[0] * HOUR, START + job[1] * HOUR, START + job[2] * HOUR)
    with pytest.raises(UsageError):
        Job(HOUR, START, START + 2 * HOUR, power_w=0)
    with pytest.raises(DataError, match="never continued"):
        find_best_window(one, Job(HOUR, START, START + 11 * HOUR))


# Intervals.

DAYS = 40


def forecast_of_tomorrow():
    """A forecast of 24 h after the past, of two levels: dirty by night, clean by day."""
    values = np.where(np.arange(24) < 12, 400.0, 200.0)
    return series(values, start=START + DAYS * DAY_S, forecast=np.ones(24, bool))


def past(ratios):
    """A past whose forecasts were wrong by ratios, one row of 24 per day."""
    told = np.full((DAYS, 24), 250.0)
    happened = told * ratios
    return PastErrors(series(happened.ravel()), series(told.ravel()))


JOB = Job(HOUR, START + DAYS * DAY_S, START + (DAYS + 1) * DAY_S, power_w=1000.0)


def test_without_an_error_there_is_no_interval():
    found = find_best_window(forecast_of_tomorrow(), JOB)
    assert (found.has_interval, found.error) == (False, NO_ERROR)
    assert (found.saving.low, found.saving.value, found.saving.high) == (0.5, 0.5, 0.5)
    assert find_best_window(series(np.arange(9) + 1.0), Job(HOUR, START, START + HOUR)).error == (
        HAPPENED
    )


def test_forecasts_that_were_right_leave_no_doubt():
    found = find_best_window(forecast_of_tomorrow(), JOB, past(np.ones((DAYS, 24))))
    assert found.has_interval
    assert (found.saving.low, found.saving.high) == (0.5, 0.5)
    assert "40 days" in found.error
    assert "forecast-lead-unknown" in [one.code for one in found.findings]


def test_an_error_of_whole_days_moves_grams_and_not_shares():
    """If all hours of a day are wrong by one factor, the share that is saved stays."""
    factors = np.linspace(0.5, 1.5, DAYS)
    found = find_best_window(forecast_of_tomorrow(), JOB, past(factors[:, None] * np.ones(24)))
    assert (found.saving.low, found.saving.high) == pytest.approx((0.5, 0.5))
    wanted = np.percentile(200 * factors, [5, 95])
    assert (found.saved_g.low, found.saved_g.high) == pytest.approx(wanted)


def test_errors_of_hours_are_taken_at_their_time_of_day():
    """Only the clean half of each day was wrong: by a tenth more or less, on every other day."""
    ratios = np.ones((DAYS, 24))
    ratios[::2, 12:], ratios[1::2, 12:] = 1.1, 0.9
    found = find_best_window(forecast_of_tomorrow(), JOB, past(ratios))
    assert (found.saving.low, found.saving.value, found.saving.high) == pytest.approx(
        (0.45, 0.5, 0.55)
    )


def test_too_short_a_past_gives_no_interval():
    short = LEAST_DAYS - 1
    told = series(np.full(short * 24, 250.0))
    found = find_best_window(forecast_of_tomorrow(), JOB, PastErrors(told, told))
    assert not found.has_interval
    assert "19 days" in found.error
    holes = np.full((DAYS, 24), 250.0)
    holes[:30, 7] = np.nan
    gappy = PastErrors(series(holes.ravel()), series(np.full(DAYS * 24, 250.0)))
    assert "10 days" in find_best_window(forecast_of_tomorrow(), JOB, gappy).error


def test_kinds_of_intensity_are_not_mixed():
    told = series(np.full(DAYS * 24, 250.0))
    marginal = IntensitySeries(
        "XX", START, HOUR, told.values, SignalKind.parse("marginal/location/direct"), OF
    )
    with pytest.raises(DataError, match="differ in signal"):
        PastErrors(told, marginal)
    both = PastErrors(marginal, marginal)
    assert "of another signal" in find_best_window(forecast_of_tomorrow(), JOB, both).error


def test_a_stated_error_has_the_spread_that_is_stated():
    found = find_best_window(forecast_of_tomorrow(), JOB, StatedErrors(0.1, 0.0))
    # Of two independent log-normal errors, the ratio has a spread of 0.1 sqrt(2).
    wanted = [1 - 0.5 * np.exp(sign * 1.6449 * 0.1 * np.sqrt(2)) for sign in (1, -1)]
    assert (found.saving.low, found.saving.high) == pytest.approx(wanted, abs=0.01)
    assert "stated forecast error of 10.0%" in found.error
    close = find_best_window(forecast_of_tomorrow(), JOB, StatedErrors(0.1, 0.999))
    assert close.saving.width < 0.3 * found.saving.width
    same = find_best_window(forecast_of_tomorrow(), JOB, StatedErrors(0.1, 0.0))
    assert same == found
    for spread, correlation in ((0, 0.5), (0.1, 1), (-1, 0), (3, 0), (0.1, -0.1)):
        with pytest.raises(UsageError):
            StatedErrors(spread, correlation)


def test_past_errors_are_those_of_what_is_still_ahead():
    happened = np.random.default_rng(3).uniform(100, 300, (DAYS, 24))
    ahead = np.arange(24) >= 6
    one = series(np.full(24, 200.0), start=START + DAYS * DAY_S, forecast=ahead)
    ratios = past(happened / 200.0).draw(one).values
    assert (ratios[:, :6] == 1.0).all()
    assert ratios[:, 6:] == pytest.approx(happened[:, 6:] / 200.0)


def test_a_stated_error_expects_what_was_forecast():
    one = series(np.full(4, 200.0), forecast=np.ones(4, bool))
    ratios = StatedErrors(1.0, 0.0, draws=40_000).draw(one).values
    # Standard error of the mean of 160,000 draws: 0.0033; without the term it would be 1.65.
    assert ratios.mean() == pytest.approx(1.0, abs=0.02)


def test_what_has_happened_has_no_error():
    one = forecast_of_tomorrow()
    happened = np.arange(24) < 12
    one = series(one.values, start=one.start_s, forecast=~happened)
    ratios = StatedErrors(0.2, 0.5).draw(one).values
    assert (ratios[:, happened] == 1).all()
    assert (ratios[:, ~happened] != 1).all()


def test_only_sources_that_remember_are_asked_for_their_past():
    class Forgets:
        def series(self, zone, start_s, stop_s):
            raise AssertionError("asked")

    class Remembers:
        def series(self, zone, start_s, stop_s):
            return series(np.full((stop_s - start_s) // HOUR, 250.0), start=start_s)

        def past_forecasts(self, zone, start_s, stop_s):
            return self.series(zone, start_s, stop_s)

    assert past_errors(Forgets(), "XX", START + 30 * DAY_S, 30) is None
    found = past_errors(Remembers(), "XX", START + 30 * DAY_S, 30)
    assert (found.actual.start_s, found.actual.stop_s) == (START, START + 30 * DAY_S)
    assert past_errors(Remembers(), "XX", START, 0) is None
