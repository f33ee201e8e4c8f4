"""What every provider of grid intensity keeps, wherever its figures come from."""

import base64

import numpy as np
import pandas as pd
import pytest

from footprint.errors import DataError, FootprintError, UsageError
from footprint.factors.intensity import IntensityProvider, IntensitySeries
from footprint.factors.providers import PROVIDERS, Setup, find_source, make_provider
from footprint.factors.providers.exchange import Limits
from footprint.factors.providers.replay import Replay
from footprint.factors.providers.setup import SourceInfo
from footprint.factors.providers.transport import Transport
from footprint.model import SignalKind
from tests import fake_sources as fake
from tests.fake_sources import HOUR, NOW, FakeClock, FakeSource

DAY = 24 * HOUR
START = NOW // DAY * DAY - 4 * DAY
PAIR = base64.b64encode(b"user:password").decode()
KEYS = {
    "ELECTRICITYMAPS_TOKEN": "key",
    "WATTTIME_USER": "user",
    "WATTTIME_PASSWORD": "password",
    "ENTSOE_API_KEY": "key",
}
CLOCK = FakeClock()
SERVERS = {
    "electricity-maps": ("DE", fake.electricity_maps(CLOCK, "key")),
    "watttime": ("CAISO_NORTH", fake.WattTime(CLOCK, PAIR)),
    "uk-carbon-intensity": ("GB", fake.uk(CLOCK)),
    "entsoe": ("FR", fake.entsoe("key", mix={kind: fake.MIX[kind] for kind in ("B04", "B17")})),
}


def own_file(folder):
    hours = np.arange(START, START + 4 * DAY, HOUR)
    table = pd.DataFrame({"start_utc": pd.to_datetime(hours, unit="s", utc=True),
                          "FR": [fake.intensity(at) for at in hours]})  # fmt: skip
    table.to_csv(folder / "own.csv", index=False)
    return "FR", (folder / "own.csv",), SignalKind()


def portal_file(folder):
    hours = np.arange(START, START + 4 * DAY, HOUR)
    table = pd.DataFrame({
        "Datetime (UTC)": pd.to_datetime(hours, unit="s").strftime("%Y-%m-%d %H:%M:%S"),
        "Zone Id": "DE",
        "Carbon Intensity gCO₂eq/kWh (direct)": [fake.intensity(at) / 2 for at in hours],
        "Carbon Intensity gCO₂eq/kWh (LCA)": [fake.intensity(at) for at in hours],
        "Data Estimated": "false",
    })  # fmt: skip
    table.to_csv(folder / "portal.csv", index=False)
    return "DE", (folder / "portal.csv",), None


FILES = {"file": own_file, "electricity-maps-csv": portal_file}


@pytest.fixture(params=[*PROVIDERS, "replay"])
def made(request, tmp_path):
    """A provider and a zone of its own."""
    name = request.param
    transport = Transport(None, limits=Limits(tries=1), clock=CLOCK.clock())
    if name == "replay":
        zone, files, signal = own_file(tmp_path)
        inner = make_provider("file", Setup(signal, None, files))
        series = inner.series(zone, START, START + 4 * DAY)
        yield Replay({zone: series}), zone, name
    elif name in FILES:
        zone, files, signal = FILES[name](tmp_path)
        yield make_provider(name, Setup(signal, None, files, transport)), zone, name
    else:
        zone, answer = SERVERS[name]
        source = FakeSource(answer, CLOCK)
        yield make_provider(name, Setup(None, source.url, (), transport, KEYS)), zone, name
        source.close()


def test_every_provider_is_tried():
    assert set(SERVERS) | set(FILES) == set(PROVIDERS)


def test_a_provider_gives_all_steps_that_touch_the_span(made):
    provider, zone, _ = made
    assert isinstance(provider, IntensityProvider)
    for start, stop in ((START, START + DAY), (START + 700, START + 5 * HOUR + 1)):
        series = provider.series(zone, start, stop)
        assert isinstance(series, IntensitySeries)
        assert series.zone == zone
        assert series.start_s <= start < series.start_s + series.step_s
        assert series.stop_s - series.step_s < stop <= series.stop_s
        assert series.start_s % series.step_s == 0
        assert len(series.values) == len(series.estimated) == len(series.forecast)
        assert np.isfinite(series.values).all()
        assert ((series.values >= 0) & (series.values <= 2000)).all()


def test_the_same_hours_have_the_same_values_however_they_are_asked_for(made):
    provider, zone, _ = made
    whole = provider.series(zone, START, START + 2 * DAY)
    part = provider.series(zone, START + DAY, START + DAY + 6 * HOUR)
    again = whole.between(START + DAY, START + DAY + 6 * HOUR)
    assert part.values.tolist() == pytest.approx(again.values.tolist())


def test_a_provider_says_what_its_figures_are(made):
    provider, zone, name = made
    series = provider.series(zone, START, START + HOUR)
    assert isinstance(series.signal, SignalKind)
    if name in PROVIDERS and PROVIDERS[name].signals:
        assert series.signal == PROVIDERS[name].signals[0]
    assert series.provenance.provider
    assert series.provenance.source.title
    assert series.provenance.source.licence
    assert series.provenance.boundary


def test_a_provider_refuses_what_it_does_not_know(made):
    provider, zone, _ = made
    with pytest.raises(UsageError):
        provider.series(zone, START, START)
    with pytest.raises(FootprintError):
        provider.series("no such zone", START, START + HOUR)


@pytest.mark.parametrize("name", PROVIDERS)
def test_no_provider_has_another_kind_than_it_says(name, tmp_path):
    missing = SignalKind.parse("average/market/direct")
    if PROVIDERS[name].signals:
        with pytest.raises(UsageError, match=r"average/location|marginal/location"):
            make_provider(name, Setup(missing, "https://localhost", (tmp_path / "x.csv",)))
    else:
        with pytest.raises((UsageError, DataError)):
            make_provider(name, Setup(missing))


def test_making_a_provider_asks_nobody():
    def never(*_):
        raise AssertionError("asked")

    source = FakeSource(never)
    for name in SERVERS:
        make_provider(name, Setup(None, source.url, (), Transport(), {}))
    assert source.requests == []
    source.close()


def test_other_packages_bring_providers_by_entry_points(tmp_path, monkeypatch):
    information = tmp_path / "overseas-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: overseas\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text("[footprint.intensity]\nmine = overseas:INFO\n")
    (tmp_path / "overseas.py").write_text(
        "from footprint.factors.providers.replay import Replay\n"
        "from footprint.factors.providers.setup import SourceInfo\n"
        "INFO = SourceInfo(lambda setup: Replay({}), 'mine')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert isinstance(find_source("mine"), SourceInfo)
    assert isinstance(make_provider("mine"), Replay)
    with pytest.raises(UsageError, match="no source 'other'"):
        make_provider("other")
