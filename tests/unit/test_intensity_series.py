"""Series of intensity in files, in estimates and in simulations."""

import json
from pathlib import Path

import numpy as np
import pytest

from footprint.assessment import estimate
from footprint.errors import DataError, SourceError, UsageError
from footprint.factors.intensity import IntensitySeries, Provenance
from footprint.factors.series_files import certificate_path, read_series, write_series
from footprint.factors.series_rows import Row, blocks, make_series, read_moment
from footprint.factors.series_summary import plain_values, summarise, thin
from footprint.intensity_means import weigh_intensities
from footprint.inventory import build_inventory
from footprint.model import Finding, Severity, SignalKind, Source
from footprint.settings import Settings
from footprint.trials.manifest import read_plan
from footprint.trials.worlds import build_world
from tests.builders import activity, journal, moved

HOUR = 3600
START = 1_717_804_800  # 2024-06-08
LIFE_CYCLE, DIRECT = SignalKind(), SignalKind.parse("average/location/direct")
OF = Provenance(
    "uk-carbon-intensity",
    Source("Somebody", "https://example.org", "CC BY 4.0"),
    "consumption",
    START + 5.0,
    (Finding("intensity-estimated", "2 of 6 values.", Severity.INFO, "Wait.", "GB"),),
)


def one(zone="GB", values=(100, 200, 300, np.nan, 400, 500), step=HOUR, signal=LIFE_CYCLE):
    marks = np.arange(len(values))
    return IntensitySeries(
        zone, START, step, np.array(values, float), signal, OF, marks < 2, marks >= 4
    )


# Files.


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_what_is_written_is_read_back(tmp_path, suffix):
    series = [one(), one("FR", (10, 20.125, 1 / 3, 7, np.nan, 0))]
    path = write_series(series, tmp_path / "new" / f"two{suffix}")
    for found, wanted in zip(read_series(path), series, strict=True):
        np.testing.assert_array_equal(found.values, wanted.values)
        np.testing.assert_array_equal(found.estimated, wanted.estimated)
        np.testing.assert_array_equal(found.forecast, wanted.forecast)
        for name in ("zone", "start_s", "step_s", "signal", "provenance"):
            assert getattr(found, name) == getattr(wanted, name)
    assert {p.name for p in path.parent.iterdir()} == {path.name, f"{path.name}.json"}


def test_a_table_that_was_changed_says_so(tmp_path):
    path = write_series([one()], tmp_path / "gb.csv")
    path.write_text(path.read_text().replace("200", "20"))
    (found,) = read_series(path)
    assert [finding.code for finding in found.provenance.findings][-1] == "series-changed"


def test_kinds_are_never_mixed_up(tmp_path):
    path = write_series([one(signal=DIRECT)], tmp_path / "gb.csv")
    with pytest.raises(DataError, match="holds average/location/direct intensity"):
        read_series(path, LIFE_CYCLE)
    certificate_path(path).unlink()
    with pytest.raises(UsageError, match="what kind of intensity"):
        read_series(path)
    (found,) = read_series(path, LIFE_CYCLE)
    assert found.signal == LIFE_CYCLE
    assert found.gaps() == [(START + 3 * HOUR, START + 4 * HOUR)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("start_utc,GB\n2024-06-08T00:00Z,1\n", "two or more"),
        ("start_utc,GB\n2024-06-08T01:00Z,1\n2024-06-08T00:00Z,2\n", "rise from row to row"),
        ("start_utc,GB\n2024-06-08T00:00Z,1\n2024-06-08T00:00Z,2\n", "rise from row to row"),
        (
            "start_utc,GB\n2024-06-08T00:00Z,9\n2024-06-08T01:00Z,2\n2024-06-08T02:20Z,2\n",
            "off the grid",
        ),
        ("start_utc,GB\n2024-06-08T00:00Z,1\n2024-06-08T01:00Z,much\n", "no number"),
        ("start_utc,GB\n2024-06-08T00:00Z,0.2\n2024-06-08T01:00Z,0.3\n", "Check the unit"),
        ("start_utc\n2024-06-08T00:00Z\n2024-06-08T01:00Z\n", "no column beside"),
    ],
)
def test_tables_that_are_wrong_are_refused(tmp_path, text, message):
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        read_series(tmp_path / "x.csv", LIFE_CYCLE)


def test_certificates_that_are_wrong_are_refused(tmp_path):
    path = write_series([one()], tmp_path / "gb.csv")
    good = json.loads(certificate_path(path).read_text())
    for change in ({"format": "x/1"}, {"signal": "dirty"}, {"step_s": "x"}, {"unit": "lb/MWh"}):
        certificate_path(path).write_text(json.dumps({**good, **change}))
        with pytest.raises(DataError, match="no certificate"):
            read_series(path)


def test_series_that_do_not_fit_are_not_written_together(tmp_path):
    for other in (one("FR", signal=DIRECT), one("FR", (1, 2, 3)), one("FR", step=1800)):
        with pytest.raises(UsageError, match="differ in signal or steps"):
            write_series([one(), other], tmp_path / "x.csv")
    with pytest.raises(UsageError, match="of one zone"):
        write_series([one(), one()], tmp_path / "x.csv")
    with pytest.raises(UsageError, match="neither in"):
        write_series([one()], tmp_path / "x.xlsx")
    assert list(tmp_path.iterdir()) == []


# In itself.


def test_means_take_steps_in_part():
    series = one()
    assert series.mean(START, START + 3 * HOUR) == 200
    assert series.mean(START + 1800, START + 2 * HOUR) == pytest.approx((50 + 200) / 1.5)
    assert series.mean(START + HOUR, START + HOUR) == 200
    with pytest.raises(DataError, match="has a gap"):
        series.mean(START + 2 * HOUR, START + 4 * HOUR)
    assert series.mean(START + 4 * HOUR, START + 6 * HOUR) == 450


def test_rows_of_a_source_lie_on_a_grid():
    rows = [Row(START + at * HOUR, 100.0 + at) for at in (0, 1, 3)]
    series = make_series("GB", rows, (START + 60, START + 4 * HOUR, HOUR), LIFE_CYCLE, OF)
    assert plain_values(series) == [100, 101, None, 103]
    with pytest.raises(DataError, match="knows nothing of 'GB'"):
        make_series("GB", rows, (START - DAY, START - HOUR, HOUR), LIFE_CYCLE, OF)
    with pytest.raises(SourceError, match="off the grid"):
        make_series("GB", [Row(START + 1, 5.0)], (START, START + HOUR, HOUR), LIFE_CYCLE, OF)


DAY = 24 * HOUR


def test_blocks_have_edges_of_their_own():
    assert list(blocks(5, 25, 10)) == [(0, 10), (10, 20), (20, 30)]
    assert list(blocks(10, 20, 10)) == [(10, 20)]
    assert list(blocks(25, 5, 10)) == list(blocks(5, 5, 10)) == []


def test_moments_of_sources_are_utc_unless_they_say_otherwise():
    assert read_moment("2024-06-08T00:00Z") == START
    assert read_moment("2024-06-08T02:00:00.000+02:00") == START
    assert read_moment("2024-06-08T00:00:00") == START
    for wrong in ("yesterday", "", None, 3):
        with pytest.raises(SourceError):
            read_moment(wrong)


def test_summaries_leave_gaps_out():
    found = summarise(one())
    assert (found.low, found.mean, found.high) == (100, 300, 500)
    assert found.latest == (START + 2 * HOUR, 300, False)
    assert (found.forecast_until_s, found.missing) == (START + 6 * HOUR, 1)
    assert thin(one(), 3)[0] == (150, False)
    assert thin(one(), 3)[1:] == [(300, False), (450, True)]
    assert np.isnan(thin(one(), 60)[3][0])


# In estimates.


def test_each_kwh_counts_at_its_own_hour():
    activities = [
        activity(zone="GB", start_s=START, duration_s=HOUR, energy_kwh=1.0),
        activity(zone="GB", start_s=START + 1800, duration_s=2 * HOUR, energy_kwh=3.0),
        activity(zone="FR", start_s=0, duration_s=60, energy_kwh=5.0),
        moved(0.5, zone="GB", start_s=START + 3 * HOUR),  # in the gap, but without energy
    ]
    means, findings = weigh_intensities(journal(*activities), [one()], LIFE_CYCLE)
    assert means == {"GB": pytest.approx((1 * 100 + 3 * (50 + 200 + 150) / 2) / 4)}
    assert [finding.code for finding in findings] == ["intensity-estimated", "intensity-series"]


def test_the_estimate_is_energy_times_the_intensity_of_the_hour():
    kwh = [1.0, 2.0, 0.5]
    activities = [
        activity(zone="GB", start_s=START + at * HOUR, duration_s=HOUR, energy_kwh=energy,
                 energy_low_kwh=energy, energy_high_kwh=energy, device=None)
        for at, energy in enumerate(kwh)
    ]  # fmt: skip
    run = journal(*activities)
    means, _ = weigh_intensities(run, [one()], LIFE_CYCLE)
    result = estimate(build_inventory(run), Settings(intensities=means))
    assert result.total_g.value == pytest.approx(np.dot(kwh, [100, 200, 300]))


def test_zones_are_those_of_the_estimate():
    run = journal(activity(zone="Paris", start_s=START, duration_s=HOUR, energy_kwh=1.0))
    means, _ = weigh_intensities(run, [one()], LIFE_CYCLE, {"Paris": "GB"})
    assert means == {"GB": 100}
    with pytest.raises(UsageError, match="its zones are: Paris"):
        weigh_intensities(run, [one()], LIFE_CYCLE)


def test_estimates_refuse_other_kinds_gaps_and_hours():
    def run(at, zone="GB"):
        return journal(activity(zone=zone, start_s=START + at * HOUR, duration_s=HOUR))

    with pytest.raises(DataError, match="asked for average/location/direct"):
        weigh_intensities(run(0), [one()], DIRECT)
    with pytest.raises(DataError, match="has a gap"):
        weigh_intensities(run(3), [one()], LIFE_CYCLE)
    with pytest.raises(DataError, match="never continued"):
        weigh_intensities(run(6), [one()], LIFE_CYCLE)
    with pytest.raises(UsageError, match="Two series"):
        weigh_intensities(run(0), [one(), one()], LIFE_CYCLE)


def test_without_energy_time_weighs_and_it_is_said():
    run = journal(activity(zone="GB", start_s=START, duration_s=2 * HOUR, energy_kwh=None,
                           energy_low_kwh=None, energy_high_kwh=None))  # fmt: skip
    means, findings = weigh_intensities(run, [one()], LIFE_CYCLE)
    assert means == {"GB": 150}
    assert findings[0].code == "intensity-by-time"


# In simulations.

MANIFEST = Path(__file__).parents[2] / "examples" / "simulations" / "ok" / "two_grids.toml"


def test_a_simulation_holds_a_file_against_its_certificate(tmp_path):
    text = MANIFEST.read_text()
    head, tail = text.split("[traces.intensity]")
    rest = tail.split("[second_signal]")[1]
    table = (
        '[traces.intensity]\nsignal = "{}"\n'
        'file = {{ path = "two.csv", stamp = "start", unit = "gCO2e/kWh" }}\n'
    )
    begin = 1_717_804_800 - 3 * DAY
    hours = [IntensitySeries(zone, begin, HOUR, np.full(24 * 8, level), LIFE_CYCLE, OF)
             for zone, level in (("FR", 45.0), ("PL", 700.0))]  # fmt: skip
    write_series(hours, tmp_path / "two.csv")
    path = tmp_path / "plan.toml"
    path.write_text(f"{head}{table.format(LIFE_CYCLE)}[second_signal]{rest}")
    world = build_world(read_plan(path)).world
    assert world.supply.intensity.columns == ("FR", "PL")
    assert [one.code for one in world.supply.intensity.findings] == ["intensity-estimated"] * 2
    path.write_text(f"{head}{table.format(DIRECT)}[second_signal]{rest}")
    with pytest.raises(DataError, match="Kinds of intensity are never mixed"):
        build_world(read_plan(path))
