"""`footprint intensity` as people use it, against servers on this machine."""

import json
import sys
import time

import numpy as np
import pytest

from footprint.cli import main as command_line
from footprint.model import Architecture, Journal, Run
from tests import fake_sources as fake
from tests.builders import activity
from tests.fake_sources import HOUR, NOW, FakeClock, FakeSource, intensity

KEY = "a-key-that-nobody-may-see-9"


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def run(monkeypatch, capsys, tmp_path, clock):
    """Run a command at a fixed time; gives its exit code, output and what it said beside."""
    monkeypatch.setattr("footprint.factors.providers.exchange.Clock", clock.clock)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path)

    def start(*words):
        monkeypatch.setattr(sys, "argv", ["footprint", *map(str, words)])
        with pytest.raises(SystemExit) as stop:
            command_line.main()
        return (stop.value.code or 0, *capsys.readouterr())

    return start


@pytest.fixture
def uk(clock):
    source = FakeSource(None, clock)
    source.answer = fake.uk(source.clock)
    yield source
    source.close()


@pytest.fixture
def maps(clock):
    source = FakeSource(None, clock)
    source.answer = fake.electricity_maps(source.clock, KEY)
    yield source
    source.close()


def test_show_gives_the_latest_value_the_range_and_a_chart(run, uk):
    code, out, err = run("intensity", "show", "-s", "uk-carbon-intensity", "-z", "GB",
                         "--url", uk.url)  # fmt: skip
    assert (code, err) == (0, "")
    latest = NOW // 1800 * 1800 - 1800
    assert f"latest    {intensity(latest)} gCO2e/kWh" in out
    assert "average/location/direct" in out
    assert "█" in out
    assert "f: forecast" in out
    code, out, _ = run("intensity", "show", "-s", "uk-carbon-intensity", "-z", "GB",
                       "--url", uk.url, "--json")  # fmt: skip
    document = json.loads(out)
    assert len(document["values"]) == 95
    assert document["signal"] == "average/location/direct"
    assert document["forecast"]


def test_fetch_writes_a_table_that_an_estimate_reads(run, maps, monkeypatch, tmp_path):
    monkeypatch.setenv("ELECTRICITYMAPS_TOKEN", KEY)
    start = NOW // HOUR * HOUR - 10 * HOUR
    code, out, err = run(
        "intensity", "fetch", "-s", "electricity-maps", "-z", "DE", "-z", "FR", "--as", "DE",
        "--as", "FR", "--from", fake.stamp(start), "--to", "6 h", "-o", "two.csv",
        "--url", maps.url,
    )  # fmt: skip
    assert code == 0, err
    assert "DE: 6 steps of 60 min" in out
    text = "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    assert KEY not in text + out + err
    from footprint.factors.series_files import read_series
    from footprint.intensity_means import weigh_intensities
    from footprint.model import SignalKind

    happened = activity(zone="DE", start_s=start + HOUR, duration_s=2 * HOUR, energy_kwh=1.0)
    journal = Journal.of(Run("x", Architecture.OTHER, ""), [happened])
    (german, _) = read_series(tmp_path / "two.csv")
    means, _ = weigh_intensities(journal, [german], SignalKind())
    assert means["DE"] == np.mean([intensity(start + at * HOUR) for at in (1, 2)])


def test_an_estimate_counts_each_kwh_at_its_hour(run, tmp_path):
    """From a file by hand to the total of a tracked run."""
    import footprint as fp

    with fp.Tracker("job", zone="FR", device="laptop") as tracker, tracker.span("train"):
        sum(range(3_000_000))
    hour = int(time.time()) // HOUR * HOUR
    rows = "".join(f"{fake.stamp(hour + at * HOUR)},{123}\n" for at in (-1, 0, 1))
    (tmp_path / "fr.csv").write_text(f"start_utc,Paris\n{rows}")
    code, _, err = run("estimate", "footprint-journal/job", "--intensity", "FR=fr.csv")
    assert code == 2
    assert "what kind of intensity" in err
    code, out, err = run("intensity", "fetch", "-s", "file", "--file", "fr.csv", "-z", "Paris",
                         "--signal", "average/location/life-cycle", "-o", "fr2.csv")  # fmt: skip
    assert code == 0, err
    code, out, err = run("estimate", "footprint-journal/job", "--intensity", "FR=fr2.csv", "--json")
    assert code == 0, err
    terms = {term["id"]: term["value"] for term in json.loads(out)["terms"]}
    assert terms["grid/FR/declared"] == pytest.approx(123)
    code, _, err = run("estimate", "footprint-journal/job", "--intensity", "FR=fr2.csv",
                       "--signal", "average/location/direct")  # fmt: skip
    assert code == 3
    assert "never mixed" in err


def test_best_window_is_that_of_brute_force(run, uk):
    code, out, err = run("intensity", "best-window", "-s", "uk-carbon-intensity", "-z", "GB",
                         "--duration", "3 h", "--before", "24 h", "--power", "300 W",
                         "--url", uk.url, "--json")  # fmt: skip
    assert code == 0, err
    found = json.loads(out)
    release = fake.unix(found["job"]["release"])
    half_hour = "%Y-%m-%dT%H:%MZ"
    here = fake.stamp(release // 1800 * 1800, half_hour)
    answer = fake.uk(uk.clock)(f"/intensity/{here}/fw48h", {}, {})
    told = {row["from"]: row["intensity"]["forecast"] for row in answer["data"]}
    minutes = [
        told[fake.stamp(at // 1800 * 1800, half_hour)]
        for at in range(release, release + 86_400, 60)
    ]
    sums = np.convolve(minutes, np.ones(180), "valid") / 180
    # Starts of whole minutes from the release on; the optimum to the second is no worse.
    assert found["best"]["g_per_kwh"] <= sums.min() + 1e-9
    assert found["best"]["g_per_kwh"] == pytest.approx(sums.min(), rel=2e-3)
    assert found["saving"]["low"] <= found["saving"]["value"] <= found["saving"]["high"]
    assert found["saving"]["low"] < found["saving"]["high"]
    assert found["interval"].startswith("90 % interval from the errors of past forecasts on 60 ")
    assert found["job"]["energy_kwh"] == pytest.approx(0.9)
    assert found["saved_g"]["value"] == pytest.approx(
        0.9 * (found["at_once"]["g_per_kwh"] - found["best"]["g_per_kwh"])
    )


def test_an_interval_is_stated_or_absent(run, maps, monkeypatch):
    monkeypatch.setenv("ELECTRICITYMAPS_TOKEN", KEY)
    words = ("intensity", "best-window", "-s", "electricity-maps", "-z", "DE", "--duration",
             "90 min", "--after", "6 h", "--before", "14 h", "--interruptible",
             "--url", maps.url)  # fmt: skip
    code, out, err = run(*words)
    assert code == 0, err
    assert "none is made up" in out
    assert "g CO2e" not in out  # nobody said the power
    code, out, _ = run(*words, "--forecast-error", "0.1", "--error-correlation", "0.8", "--json")
    found = json.loads(out)
    assert found["saving"]["low"] < found["saving"]["value"] < found["saving"]["high"]
    assert "stated" in found["interval"]
    code, _, err = run(*words, "--forecast-error", "0.1")
    assert code == 2
    assert "neither is made up" in err


def test_wrong_use_is_said(run, uk, monkeypatch):
    monkeypatch.delenv("ELECTRICITYMAPS_TOKEN", raising=False)
    base = ("intensity", "best-window", "-s", "uk-carbon-intensity", "-z", "GB", "--url", uk.url)
    for words, code, message in (
        (("intensity", "show", "-s", "nowhere", "-z", "X"), 2, "no source 'nowhere'"),
        (("intensity", "show", "-s", "electricity-maps", "-z", "DE"), 2, "is not set"),
        (("intensity", "show", "-s", "file", "-z", "DE"), 2, "Give --file"),
        (("intensity", "show", "-s", "uk-carbon-intensity", "-z", "FR", "--url", uk.url), 2,
         "has no zone 'FR'"),
        ((*base, "--duration", "3 h", "--before", "1 h"), 2, "does not fit"),
        ((*base, "--duration", "3 kg", "--before", "9 h"), 3, "unknown unit"),
        ((*base, "--duration", "3 h", "--before", "soon"), 2, "is no moment"),
        ((*base, "--duration", "3 h", "--before", "200 h"), 0, "were not considered"),
        (("intensity", "fetch", "-s", "file", "-z", "X", "-o", "x.txt"), 2, "neither in .csv"),
        (("intensity", "show", "-s", "watttime", "-z", "X", "--signal", "x"), 2, "not a kind"),
        (("intensity", "show", "-s", "file", "-z", "X", "--no-cache", "--offline"), 2, "nothing"),
    ):  # fmt: skip
        found, _, err = run(*words)
        assert (found, message in err) == (code, True), (words, found, err)


def test_a_missing_extra_names_its_install_line(run, uk, monkeypatch):
    monkeypatch.setitem(sys.modules, "httpx", None)
    code, _, err = run("intensity", "show", "-s", "uk-carbon-intensity", "-z", "GB")
    assert code == 4
    assert "pip install 'footprint[live]'" in err
    monkeypatch.setenv("ENTSOE_API_KEY", "x")
    monkeypatch.setitem(sys.modules, "entsoe.entsoe", None)
    code, _, err = run("intensity", "show", "-s", "entsoe", "-z", "FR")
    assert code == 4
    assert "pip install 'footprint[entsoe]'" in err


def test_offline_and_no_network(run, uk):
    words = ("intensity", "show", "-s", "uk-carbon-intensity", "-z", "GB", "--url", uk.url)
    assert run(*words)[0] == 0
    asked = len(uk.requests)
    code, _, err = run(*words, "--offline")
    assert code == 0
    assert "from the cache" in err
    assert len(uk.requests) == asked
    code, _, err = run(*words, "--offline", "--from", "2026-01-01", "--to", "2026-01-02")
    assert code == 3
    assert "nobody is asked offline" in err


def test_sources_say_what_they_need_and_show_no_key(run, monkeypatch):
    monkeypatch.setenv("ELECTRICITYMAPS_TOKEN", KEY)
    monkeypatch.delenv("ENTSOE_API_KEY", raising=False)
    code, out, err = run("intensity", "sources")
    assert code == 0
    assert KEY not in out + err
    rows = {row["source"]: row for row in json.loads(run("intensity", "sources", "--json")[1])}
    assert rows["electricity-maps"]["keys"] == {"ELECTRICITYMAPS_TOKEN": True}
    assert rows["entsoe"]["keys"] == {"ENTSOE_API_KEY": False}
    assert rows["watttime"]["signals"][0] == "marginal/location/direct"


@pytest.mark.parametrize("command", ["show", "fetch", "best-window", "sources"])
def test_help_has_examples(run, command):
    code, out, _ = run("intensity", command, "--help")
    assert code == 0
    assert f"footprint intensity {command}" in out
    assert "--json" in out
