"""Live sources against servers of their shape on this machine; nothing leaves it."""

import base64
import gzip
import json
import logging
import socket
import ssl
import threading
import time
from dataclasses import replace
from email.utils import formatdate

import numpy as np
import pytest

from footprint.errors import (
    DataError,
    KeyRefused,
    MissingKey,
    SourceError,
    SourceUnreachable,
    UsageError,
)
from footprint.factors.providers import Setup, make_provider
from footprint.factors.providers.cache import Cache, default_folder
from footprint.factors.providers.exchange import Limits, Request, Secrets
from footprint.factors.providers.transport import Transport, retry_after
from footprint.model import SignalKind
from tests import fake_sources as fake
from tests.fake_sources import HOUR, NOW, FakeClock, FakeSource, intensity

DAY = 24 * HOUR
YEAR = 366 * DAY  # the longest wait that is believed
KEY = "em-key-4711-do-not-show"
USER, PASSWORD = "somebody", "wt-password-0815-do-not-show"
PAIR = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
ENTSOE_KEY = "entsoe-key-2222-do-not-show"
KEYS = {
    "ELECTRICITYMAPS_TOKEN": KEY,
    "WATTTIME_USER": USER,
    "WATTTIME_PASSWORD": PASSWORD,
    "ENTSOE_API_KEY": ENTSOE_KEY,
}
DIRECT = SignalKind.parse("average/location/direct")


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def serve(clock):
    """Start servers, and close them in the end."""
    started = []

    def start(answer):
        started.append(FakeSource(answer, clock))
        return started[-1]

    yield start
    for source in started:
        source.close()


@pytest.fixture
def ask(clock, tmp_path):
    """Make a provider that asks a server of ours."""

    def make(name, source, *, signal=None, keys=KEYS, cache=True, offline=False, **limits):
        kept = Cache(tmp_path / "cache") if cache else None
        transport = Transport(kept, offline, Limits(**limits), clock.clock())
        url = source if isinstance(source, str) else source.url
        return make_provider(name, Setup(signal, url, (), transport, keys))

    return make


def expected(start, stop, step):
    return [intensity(at) for at in range(start, stop, step)]


def codes(series):
    return [finding.code for finding in series.provenance.findings]


# Each source as it should be.


def test_electricity_maps_gives_what_happened_and_then_the_forecast(serve, ask, clock):
    provider = ask("electricity-maps", serve(fake.electricity_maps(clock, KEY)))
    start, here = NOW // HOUR * HOUR - 20 * HOUR, NOW // HOUR * HOUR
    series = provider.series("DE", start, NOW + 10 * HOUR)
    assert series.values.tolist() == expected(start, here + 11 * HOUR, HOUR)
    assert (series.zone, series.step_s, series.signal) == ("DE", HOUR, SignalKind())
    assert series.forecast.tolist() == [False] * 21 + [True] * 10
    assert series.estimated.sum() == 4
    assert codes(series) == ["intensity-estimated"]
    assert series.provenance.boundary == "consumption, flow-traced"


def test_electricity_maps_asks_for_long_pasts_in_blocks_of_ten_days(serve, ask, clock):
    source = serve(fake.electricity_maps(clock, KEY))
    start, stop = NOW // DAY * DAY - 35 * DAY, NOW // DAY * DAY - 5 * DAY
    series = ask("electricity-maps", source, signal=DIRECT).series("FR", start, stop)
    assert series.values.tolist() == [one // 2 for one in expected(start, stop, HOUR)]
    assert series.signal == DIRECT
    assert len(source.requests) == 4
    assert {path for path, _, _ in source.requests} == {"/v3/carbon-intensity/past-range"}


def test_a_direct_forecast_is_said_to_be_unconfirmed(serve, ask, clock):
    provider = ask("electricity-maps", serve(fake.electricity_maps(clock, KEY)), signal=DIRECT)
    assert "signal-unsaid" in codes(provider.series("DE", NOW, NOW + 5 * HOUR))


def test_the_uk_api_gives_actuals_then_the_forecast(serve, ask, clock):
    here = NOW // 1800 * 1800
    series = ask("uk-carbon-intensity", serve(fake.uk(clock))).series(
        "GB", here - 9 * DAY, here + DAY
    )
    split = 9 * 48
    assert series.values[:split].tolist() == expected(here - 9 * DAY, here, 1800)
    assert not series.forecast[:split].any()
    assert series.forecast[split:].all()
    assert series.signal == DIRECT
    assert codes(series) == []


def test_the_uk_api_remembers_what_it_had_forecast(serve, ask, clock):
    provider = ask("uk-carbon-intensity", serve(fake.uk(clock)))
    told = provider.past_forecasts("GB", NOW - 3 * DAY, NOW)
    happened = provider.series("GB", NOW - 3 * DAY, NOW)
    assert told.forecast.all()
    ratio = told.values[:-1] / happened.values[:-1]
    assert 0.89 < ratio.min() < 0.97


def test_regions_of_the_uk_are_forecasts_alone_and_say_so(serve, ask, clock):
    provider = ask("uk-carbon-intensity", serve(fake.uk(clock)))
    series = provider.series("GB-13", NOW - DAY, NOW + HOUR)
    assert series.forecast.all()
    assert codes(series) == ["intensity-forecast-only"]
    with pytest.raises(UsageError, match="no actual values of 'GB-13'"):
        provider.past_forecasts("GB-13", NOW - DAY, NOW)
    with pytest.raises(UsageError, match="GB-1 to GB-17"):
        provider.series("GB-18", NOW - DAY, NOW)


def test_watttime_is_marginal_and_converted_from_pounds(serve, ask, clock):
    source = serve(fake.WattTime(clock, PAIR))
    start = NOW // 300 * 300 - 2 * HOUR
    series = ask("watttime", source).series("CAISO_NORTH", start, NOW + HOUR)
    # 1 lb is 453.59237 g exactly: 2 lb/MWh are 0.90718474 g/kWh.
    wanted = np.array(expected(start, NOW // 300 * 300 + HOUR, 300)) * 0.90718474
    assert series.values == pytest.approx(wanted, rel=1e-12)
    assert str(series.signal) == "marginal/location/direct"
    assert series.forecast.sum() == 12


def test_watttime_average_is_another_signal(serve, ask, clock):
    source = serve(fake.WattTime(clock, PAIR))
    series = ask("watttime", source, signal=DIRECT).series("CAISO_NORTH", NOW - HOUR, NOW)
    assert series.signal == DIRECT
    assert source.requests[-1][1]["signal_type"] == "co2_aoer"
    with pytest.raises(UsageError, match=r"no average/location/life-cycle"):
        ask("watttime", source, signal=SignalKind())


def test_entsoe_weighs_generation_with_factors_of_the_catalogue(serve, ask, clock):
    start = NOW // DAY * DAY - 3 * DAY
    series = ask("entsoe", serve(fake.entsoe(ENTSOE_KEY))).series("FR", start, start + DAY)
    assert series.step_s == 900
    gas, sun = fake.MIX["B04"][0], fake.MIX["B16"][0]
    wanted = [
        (490 * gas(at // HOUR * HOUR) + 48 * sun(at)) / (gas(at // HOUR * HOUR) + sun(at))
        for at in range(start, start + DAY, 900)
    ]
    assert series.values == pytest.approx(wanted)
    (finding,) = [one for one in series.provenance.findings if one.code == "generation-coverage"]
    everything = [gas(at // HOUR * HOUR) + sun(at) for at in range(start, start + DAY, 900)]
    assert f"{sum(everything) / (sum(everything) + 96 * 1000):.1%} of the generation" in (
        finding.message
    )
    assert "none for Waste" in finding.message
    assert "Hydro Pumped Storage left out" in finding.message


def test_generation_below_zero_is_none(serve, ask, clock):
    """Plants that take more than they give do not give a part of the mix back."""
    start = NOW // DAY * DAY - 3 * DAY
    mix = {"B04": (lambda at: 1000, 60), "B14": (lambda at: -500, 60)}
    series = ask("entsoe", serve(fake.entsoe(ENTSOE_KEY, mix=mix))).series("FR", start, start + DAY)
    assert series.values == pytest.approx([490] * 24)


def changing(edge, before, after, skip=()):
    """Answer as ENTSO-E does, with one mix of types up to an edge and another one from it on."""

    def answer(path, query, headers):
        begin, end = (fake.entsoe_time(query[name]) for name in ("periodStart", "periodEnd"))
        parts = [
            fake.entsoe_document(query["in_Domain"], first, last, mix, skip=skip)
            for first, last, mix in (
                (begin, min(edge, end), before),
                (max(edge, begin), end, after),
            )
            if first < last
        ]
        head, tail = parts[0].split("</GL_MarketDocument>")[0], "</GL_MarketDocument>"
        series = [part[part.index("<TimeSeries>") : part.rindex(tail)] for part in parts[1:]]
        return 200, {"Content-Type": "text/xml"}, "".join([head, *series, tail])

    return answer


GAS, SUN = ((lambda at: 1000 + at // HOUR % 24), (lambda at: 500))


@pytest.mark.parametrize("days", [0, 2])
def test_entsoe_steps_may_change_within_a_block_and_between_two(serve, ask, clock, days):
    """From hours to quarters of them, as much of Europe did in 2025: only a gap is one."""
    edge = NOW // (7 * DAY) * 7 * DAY - 14 * DAY + days * DAY
    hours, quarters = ({"B04": (GAS, one), "B16": (SUN, one)} for one in (60, 15))
    skip = {("B16", edge + 1800)}
    provider = ask("entsoe", serve(changing(edge, hours, quarters, skip)))
    series = provider.series("FR", edge - DAY, edge + DAY)
    assert series.step_s == 900
    wanted = [(490 * GAS(at) + 48 * SUN(at)) / (GAS(at) + SUN(at))
              for at in range(edge - DAY, edge + DAY, HOUR)]  # fmt: skip
    wanted = np.repeat(wanted, 4)
    wanted[98] = np.nan
    assert series.values == pytest.approx(wanted, nan_ok=True)
    before = provider.series("FR", edge - DAY, edge)
    assert np.repeat(before.values, before.step_s // 900) == pytest.approx(series.values[:96])


def test_a_type_that_a_whole_block_lacks_is_said_and_makes_no_gap(serve, ask, clock):
    edge = NOW // (7 * DAY) * 7 * DAY - 14 * DAY
    before = {"B04": (GAS, 60), "B14": (lambda at: 2000, 60), "B10": (SUN, 60)}
    provider = ask("entsoe", serve(changing(edge, before, {"B04": (GAS, 60)})))
    series = provider.series("FR", edge - DAY, edge + DAY)
    nuclear = provider.series("FR", edge - DAY, edge)
    alone = provider.series("FR", edge, edge + DAY)
    assert series.values.tolist() == [*nuclear.values, *alone.values]
    assert alone.values == pytest.approx([490] * 24)
    assert nuclear.values.max() < 490 / 2
    (finding,) = [one for one in series.provenance.findings if one.code == "generation-type"]
    assert (
        "no Nuclear was reported from 2026-11-05 00:00 UTC to 2026-11-12 00:00" in finding.message
    )
    assert "generation-type" not in codes(alone)


def test_a_type_that_is_not_reported_yet_is_a_gap_and_not_none(serve, ask):
    """Some types are published before others: the block has just begun."""
    edge = NOW // (7 * DAY) * 7 * DAY
    before = {"B04": (GAS, 60), "B14": (lambda at: 2000, 60)}
    provider = ask("entsoe", serve(changing(edge, before, {"B14": (lambda at: 2000, 60)})))
    series = provider.series("FR", edge - DAY, edge + DAY)
    known = len(series.values) - np.isnan(series.values).sum()
    assert known == 24
    assert not np.isnan(series.values[:24]).any()


def test_what_storage_takes_in_is_no_generation(serve, ask):
    edge = NOW // (7 * DAY) * 7 * DAY - 7 * DAY
    made = changing(edge, {"B10": (SUN, 60)}, {"B10": (SUN, 60)})

    def taken_in(*asked):
        status, headers, body = made(*asked)
        return status, headers, body.replace("inBiddingZone_Domain", "outBiddingZone_Domain")

    with pytest.raises(SourceError, match="cannot be read"):
        ask("entsoe", serve(taken_in)).series("FR", edge - DAY, edge)


# Time.


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25)])
@pytest.mark.parametrize("name", ["electricity-maps", "uk-carbon-intensity", "entsoe"])
def test_days_of_summer_time_changes_are_whole(serve, ask, clock, name, day, hours):
    """The local day from midnight to midnight in Berlin; in UTC nothing happens twice or never."""
    start = fake.unix(f"{day}T00:00:00+0{1 if hours == 23 else 2}:00")
    stop = start + hours * HOUR
    answers = {
        "electricity-maps": fake.electricity_maps(clock, KEY),
        "uk-carbon-intensity": fake.uk(clock),
        "entsoe": fake.entsoe(ENTSOE_KEY, mix={"B04": (lambda at: 1000 + at // HOUR % 48, 60)}),
    }
    zone = {"uk-carbon-intensity": "GB", "entsoe": "DE_LU"}.get(name, "DE")
    series = ask(name, serve(answers[name])).series(zone, start, stop)
    assert len(series.values) * series.step_s == hours * HOUR
    assert not np.isnan(series.values).any()
    assert series.starts_s[0] == start
    if name != "entsoe":
        assert series.values.tolist() == expected(start, stop, series.step_s)


def test_a_gap_stays_a_gap(serve, ask, clock):
    hole = NOW // HOUR * HOUR - 5 * HOUR

    def without(rows):
        kept = [row for row in rows if row["datetime"] != fake.stamp(hole)]
        for row in kept:
            if row["datetime"] == fake.stamp(hole - HOUR):
                row["carbonIntensity"] = None
        return kept

    provider = ask("electricity-maps", serve(fake.electricity_maps(clock, KEY, without)))
    series = provider.series("DE", hole - 3 * HOUR, hole + 2 * HOUR)
    assert np.isnan(series.values).tolist() == [False, False, True, True, False]
    assert "intensity-gap" in codes(series)
    assert series.gaps() == [(hole - HOUR, hole + HOUR)]
    with pytest.raises(DataError, match="has a gap"):
        series.mean(hole - 2 * HOUR, hole + HOUR)


def test_a_type_that_was_not_reported_makes_a_gap_not_a_zero(serve, ask, clock):
    """Also where another type has shorter steps, through which an hour's value holds."""
    start = NOW // DAY * DAY - 3 * DAY
    hole = start + 5 * HOUR
    mix = {kind: fake.MIX[kind] for kind in ("B04", "B16")}
    answer = fake.entsoe(ENTSOE_KEY, mix=mix, skip={("B04", hole)})
    series = ask("entsoe", serve(answer)).series("FR", start, start + DAY)
    assert np.flatnonzero(np.isnan(series.values)).tolist() == [20, 21, 22, 23]


def test_rows_in_any_order_are_put_right_and_doubles_must_agree(serve, ask, clock):
    twice = fake.electricity_maps(clock, KEY, lambda rows: [*reversed(rows), rows[-3]])
    series = ask("electricity-maps", serve(twice)).series("DE", NOW - 23 * HOUR, NOW)
    assert series.values.tolist() == expected(series.start_s, series.stop_s, HOUR)
    assert codes(series).count("intensity-order") == 2

    def torn(rows):
        return [*rows, {**rows[-3], "carbonIntensity": 1}]

    with pytest.raises(SourceError, match="two values of 'DE'"):
        ask("electricity-maps", serve(fake.electricity_maps(clock, KEY, torn))).series(
            "DE", NOW - 23 * HOUR, NOW
        )


def test_steps_off_the_grid_are_refused(serve, ask, clock):
    def shifted(rows):
        return [{**row, "datetime": row["datetime"].replace(":00:00", ":07:00")} for row in rows]

    with pytest.raises(SourceError, match="off the grid of 3600 s"):
        ask("electricity-maps", serve(fake.electricity_maps(clock, KEY, shifted))).series(
            "DE", NOW - 5 * HOUR, NOW
        )


def test_a_clock_that_is_wrong_is_a_finding(serve, ask, clock):
    source = serve(fake.electricity_maps(clock, KEY))
    source.clock = FakeClock(NOW + 20 * 60)
    series = ask("electricity-maps", source).series("DE", NOW - 5 * HOUR, NOW)
    (finding,) = [one for one in series.provenance.findings if one.code == "clock-skew"]
    assert "-20 min" in finding.message


# Answers to another question.


def test_another_zone_is_refused(serve, ask, clock):
    def answer(path, query, headers):
        return fake.electricity_maps(clock, KEY)(path, {**query, "zone": "FR"}, headers)

    with pytest.raises(SourceError, match="asked for zone 'DE', and the answer is about 'FR'"):
        ask("electricity-maps", serve(answer)).series("DE", NOW - 5 * HOUR, NOW)
    with pytest.raises(SourceError, match="asked for the area 10YFR-RTE"):
        ask("entsoe", serve(fake.entsoe(ENTSOE_KEY, area=fake.AREAS["DE_LU"]))).series(
            "FR", NOW - 3 * DAY, NOW - 2 * DAY
        )
    answer = fake.WattTime(clock, PAIR, meta={"region": "PJM_DC"})
    with pytest.raises(SourceError, match="asked for region 'CAISO_NORTH'"):
        ask("watttime", serve(answer)).series("CAISO_NORTH", NOW - HOUR, NOW)


def test_another_unit_is_refused(serve, ask, clock):
    answer = fake.WattTime(clock, PAIR, meta={"units": "kg_co2_per_mwh"})
    with pytest.raises(SourceError, match="asked for unit 'lbs_co2_per_mwh'"):
        ask("watttime", serve(answer)).series("CAISO_NORTH", NOW - HOUR, NOW)
    with pytest.raises(SourceError, match=r"expected megawatts \(MAW\), found KWT"):
        ask("entsoe", serve(fake.entsoe(ENTSOE_KEY, unit="KWT"))).series(
            "FR", NOW - 3 * DAY, NOW - 2 * DAY
        )


@pytest.mark.parametrize("factor", [0.001, 1000])
def test_values_that_no_grid_has_are_refused(serve, ask, clock, factor):
    def scaled(rows):
        return [{**row, "carbonIntensity": row["carbonIntensity"] * factor} for row in rows]

    with pytest.raises(DataError, match="Check the unit"):
        ask("electricity-maps", serve(fake.electricity_maps(clock, KEY, scaled))).series(
            "DE", NOW - 5 * HOUR, NOW
        )


def test_another_kind_of_factor_is_refused(serve, ask, clock):
    def direct(rows):
        return [{**row, "emissionFactorType": "direct"} for row in rows]

    with pytest.raises(SourceError, match="factor type 'lifecycle'"):
        ask("electricity-maps", serve(fake.electricity_maps(clock, KEY, direct))).series(
            "DE", NOW - 5 * HOUR, NOW
        )


@pytest.mark.parametrize("value", ["12", True, [], {"x": 1}, 10**400])
def test_values_that_are_no_numbers_are_refused(serve, ask, clock, value):
    def wrong(rows):
        return [{**row, "carbonIntensity": value} for row in rows]

    with pytest.raises(SourceError, match="'carbonIntensity'"):
        ask("electricity-maps", serve(fake.electricity_maps(clock, KEY, wrong))).series(
            "DE", NOW - 5 * HOUR, NOW
        )


@pytest.mark.parametrize(
    "body", ['{"zone": "DE", "history": [{"carb', "<html>hello</html>", "[NaN]"]
)
def test_what_is_no_json_is_refused(serve, ask, body):
    with pytest.raises(SourceError, match="no JSON"):
        ask("electricity-maps", serve(body)).series("DE", NOW - 5 * HOUR, NOW)


@pytest.mark.parametrize(
    "body", ["[]", "null", "{}", '{"zone": "DE"}', '{"zone": "DE", "history": 3}']
)
def test_json_of_another_form_is_refused(serve, ask, body):
    with pytest.raises(SourceError, match="of the expected form"):
        ask("electricity-maps", serve(body)).series("DE", NOW - 5 * HOUR, NOW)


def test_xml_that_was_cut_off_is_refused(serve, ask):
    """Its parser would take the first half for the whole."""
    start = NOW // DAY * DAY - 3 * DAY
    text = fake.entsoe_document(fake.AREAS["FR"], start, start + DAY)
    with pytest.raises(SourceError, match="cut off"):
        ask("entsoe", serve(text[: len(text) // 2])).series("FR", start, start + DAY)


def test_no_data_of_entsoe_is_said(serve, ask):
    for status in (200, 400):
        answer = (status, {"Content-Type": "text/xml"}, fake.NO_DATA)
        with pytest.raises(SourceError, match="no generation of 'FR'"):
            ask("entsoe", serve(answer)).series("FR", NOW - 3 * DAY, NOW - 2 * DAY)


def test_entsoe_forecasts_nothing(serve, ask):
    source = serve(fake.entsoe(ENTSOE_KEY))
    with pytest.raises(SourceError, match="forecasts no generation"):
        ask("entsoe", source).series("FR", NOW, NOW + DAY)
    assert source.requests == []


# Keys.


def test_a_token_that_expired_is_renewed_once(serve, ask, clock):
    answer = fake.WattTime(clock, PAIR)
    provider = ask("watttime", serve(answer), cache=False)
    provider.series("CAISO_NORTH", NOW - HOUR, NOW)
    assert answer.logins == 1
    answer.valid.clear()
    provider.series("CAISO_NORTH", NOW - HOUR, NOW)
    assert answer.logins == 2
    answer.valid = {"of nobody"}
    original = answer.__class__.__call__
    source = serve(lambda *asked: original(answer, *asked))
    answer.pair = "changed since"
    with pytest.raises(KeyRefused, match="wrong name or password"):
        ask("watttime", source, cache=False).series("CAISO_NORTH", NOW - HOUR, NOW)


def test_a_fresh_token_that_is_refused_ends_it(serve, ask, clock):
    answer = fake.WattTime(clock, PAIR)

    def never(path, query, headers):
        found = answer(path, query, headers)
        return found if path == "/login" else (401, {}, {"error": "no"})

    source = serve(never)
    with pytest.raises(KeyRefused):
        ask("watttime", source).series("CAISO_NORTH", NOW - HOUR, NOW)
    assert len(source.requests) == 2  # it does not go round and round


def test_keys_that_are_missing_or_refused_are_said(serve, ask, clock):
    source = serve(fake.electricity_maps(clock, KEY))
    with pytest.raises(MissingKey, match="ELECTRICITYMAPS_TOKEN is not set"):
        ask("electricity-maps", source, keys={}).series("DE", NOW - HOUR, NOW)
    assert source.requests == []
    with pytest.raises(KeyRefused, match="answered 401"):
        ask("electricity-maps", source, keys={"ELECTRICITYMAPS_TOKEN": "x"}).series(
            "DE", NOW - HOUR, NOW
        )
    assert len(source.requests) == 1  # a refusal is not asked again
    with pytest.raises(SourceError, match=r"answered 403.*your plan may not cover"):
        ask("electricity-maps", serve((403, {}, "no"))).series("DE", NOW - HOUR, NOW)
    for key in ("with\nnewline", "umläute"):
        with pytest.raises(MissingKey) as caught:
            ask("electricity-maps", source, keys={"ELECTRICITYMAPS_TOKEN": key}).series(
                "DE", NOW - HOUR, NOW
            )
        assert key not in str(caught.value)


def test_keys_are_nowhere_but_on_the_wire(serve, ask, clock, caplog, capfd, tmp_path):
    """Searches logs down to DEBUG, errors with their causes, the cache and what was printed."""
    caplog.set_level(logging.DEBUG)
    told = []

    def attempt(name, source, zone):
        provider = ask(name, source)
        told.append(repr(provider))
        try:
            told.append(repr(provider.series(zone, NOW - 3 * DAY, NOW - 2 * DAY)))
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not tell
            while error is not None:
                told.extend((repr(error), str(error)))
                error = error.__cause__ or error.__context__

    def parrot(path, query, headers):
        return 400, {}, f"you sent {dict(headers)} and {query}"

    def loud(path, query, headers):
        return f"you sent {dict(headers)} and {query}"

    good = {
        "electricity-maps": (fake.electricity_maps(clock, KEY), "DE"),
        "watttime": (fake.WattTime(clock, PAIR), "CAISO_NORTH"),
        "entsoe": (fake.entsoe(ENTSOE_KEY), "FR"),
    }
    for name, (answer, zone) in good.items():
        source = serve(answer)
        attempt(name, source, zone)
        assert source.requests, name
        for wrong in (parrot, loud, (500, {}, "down")):
            attempt(name, serve(wrong), zone)
    assert sum(one.startswith("IntensitySeries(") for one in told) == len(good)
    text = "\n".join([*told, caplog.text, *capfd.readouterr()])
    text += "\n".join(path.read_text() for path in (tmp_path / "cache").rglob("*.json"))
    assert "entsoe" in caplog.text  # the client's own log of its parameters was looked at
    assert len(list((tmp_path / "cache").rglob("*.json"))) >= 3
    for secret in (KEY, PASSWORD, PAIR, ENTSOE_KEY, "token-number-"):
        assert secret not in text, secret


def test_answers_that_repeat_a_key_are_not_kept(serve, ask, clock, tmp_path):
    good = fake.electricity_maps(clock, KEY)
    source = serve(lambda *asked: {**good(*asked), "youSent": KEY})
    for _ in range(2):
        ask("electricity-maps", source).series("DE", NOW - HOUR, NOW)
    assert len(source.requests) == 2
    assert not (tmp_path / "cache").exists()


def test_keys_were_really_sent(serve, ask, clock):
    source = serve(fake.entsoe(ENTSOE_KEY))
    ask("entsoe", source).series("FR", NOW - 3 * DAY, NOW - 2 * DAY)
    assert source.requests[0][1]["securityToken"] == ENTSOE_KEY
    source = serve(fake.electricity_maps(clock, KEY))
    ask("electricity-maps", source).series("DE", NOW - HOUR, NOW)
    assert source.requests[0][2]["auth-token"] == KEY


def test_secrets_do_not_show_in_their_repr():
    secrets = Secrets({"a": KEY}, {"b": PASSWORD}, (PAIR,))
    assert not any(word in repr(secrets) for word in (KEY, PASSWORD, PAIR))
    assert secrets.strike(f"x {KEY} y {PAIR}") == "x *** y ***"


# The transport.


def send(source, clock, **limits):
    transport = Transport(None, limits=Limits(**limits), clock=clock.clock())
    return transport.get(Request("test", f"{source.url}/x"))


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_kept_in_both_forms(serve, clock, form):
    source = serve("fine")
    wait = "7" if form == "seconds" else formatdate(NOW + 7, usegmt=True)
    source.first = [(429, {"Retry-After": wait}, "slow down")]
    assert send(source, clock).body == "fine"
    assert sum(clock.slept) == pytest.approx(7, abs=0.01)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("0", 0), (" 3 ", 3), ("soon", None), ("-5", None), (None, None), ("", None),
     (formatdate(NOW - 60, usegmt=True), 0), ("Sat, 99 Nov 2026 12:00:00 GMT", None),
     ("\u00b2", None), ("\u0663", None), ("99999999999999", YEAR), ("9" * 400, YEAR),
     ("Fri, 31 Dec 9999 23:59:59 GMT", YEAR), ("Fri, 31 Dec 9999 23:59:59 -2359", None)],
)  # fmt: skip
def test_reading_of_retry_after(text, wanted):
    assert retry_after(text, NOW) == wanted


def test_waits_double_and_end(serve, clock):
    source = serve((503, {}, "down"))
    with pytest.raises(SourceUnreachable, match=r"answered 503: down; asked 5 time"):
        send(source, clock)
    assert clock.slept == [1.0, 2.0, 4.0, 8.0]
    assert len(source.requests) == 5


def test_a_wait_beyond_the_limit_is_refused_and_said(serve, clock):
    source = serve((429, {"Retry-After": "3600"}, "tomorrow"))
    with pytest.raises(SourceUnreachable, match="another 3600 s of waiting, and 120 s is") as error:
        send(source, clock)
    assert "2026-11-21 13:10 UTC" in error.value.remedy
    assert clock.slept == []


@pytest.mark.parametrize("wait", ["99999999999999", "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_wait_that_no_calendar_has_is_refused_as_any_long_one(serve, clock, wait):
    source = serve((503, {"Retry-After": wait, "Date": "Fri, 31 Dec 9999 23:59:59 -2359"}, ""))
    with pytest.raises(SourceUnreachable, match="31622400 s of waiting") as error:
        send(source, clock)
    assert "2027-11-22 12:10 UTC" in error.value.remedy


def test_waits_that_servers_ask_for_add_up(serve, clock):
    source = serve((429, {"Retry-After": "50"}, ""))
    with pytest.raises(SourceUnreachable, match="another 50 s of waiting"):
        send(source, clock)
    assert clock.slept == [50, 50]


def test_a_server_that_wants_to_be_asked_at_once_is_not(serve, clock):
    source = serve((503, {"Retry-After": "0"}, "down"))
    with pytest.raises(SourceUnreachable, match="asked 5 time"):
        send(source, clock)
    assert clock.slept == [1.0, 2.0, 4.0, 8.0]


def test_a_passing_fault_of_the_server_is_survived(serve, clock):
    def hang_up(handler):
        handler.connection.shutdown(socket.SHUT_RDWR)

    source = serve("fine")
    source.first = [(500, {}, "oops"), lambda *_: hang_up, (502, {}, "")]
    assert send(source, clock).body == "fine"
    assert len(source.requests) == 4


def test_requests_keep_their_pace(serve, clock):
    source = serve("fine")
    transport = Transport(None, limits=Limits(between_s=0.5), clock=clock.clock())
    for path in "abc":
        transport.get(Request("test", f"{source.url}/{path}"))
    assert clock.slept == [0.5, 0.5]


def test_answers_that_are_too_large_are_refused(serve, clock):
    squeezed = gzip.compress(bytes(3_000_000))
    for source in (
        serve("x" * 50_000),
        serve((200, {"Content-Encoding": "gzip"}, squeezed)),
    ):
        with pytest.raises(SourceError, match="more than 10,000 bytes"):
            send(source, clock, largest_bytes=10_000)


def test_servers_that_are_too_slow_are_left(serve, clock):
    def drip(handler):
        handler.send_response(200)
        handler.end_headers()
        try:
            for _ in range(100):
                handler.wfile.write(b".")
                handler.wfile.flush()
                time.sleep(0.02)
        except OSError:
            pass

    with pytest.raises(SourceUnreachable, match=r"took more than 0\.2 s"):
        send(serve(lambda *_: drip), clock, tries=1, answer_s=0.2)

    def silent(handler):
        time.sleep(0.5)

    with pytest.raises(SourceUnreachable, match=r"said nothing for 0\.1 s"):
        send(serve(lambda *_: silent), clock, tries=1, reply_s=0.1)


def test_no_network_is_said(clock, monkeypatch, ask):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
    with pytest.raises(SourceUnreachable, match=r"cannot be reached .*refused"):
        ask("electricity-maps", url).series("DE", NOW - HOUR, NOW)

    def no_names(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_names)
    with pytest.raises(SourceUnreachable, match=r"cannot be reached .*not known"):
        ask("electricity-maps", "https://api.example.org").series("DE", NOW - HOUR, NOW)


def test_redirects_stay_on_their_host(serve, ask, clock):
    other = serve("stolen")
    elsewhere = serve((302, {"Location": f"{other.url}/v3"}, ""))
    with pytest.raises(SourceError, match="another host"):
        ask("electricity-maps", elsewhere).series("DE", NOW - HOUR, NOW)
    assert other.requests == []
    source = serve(fake.electricity_maps(clock, KEY))
    target = "/v3/carbon-intensity/history?zone=DE&emissionFactorType=lifecycle"
    source.first = [(301, {"Location": f"{target}&shouldUseFallbackCallerLookup=false"}, "")]
    assert len(ask("electricity-maps", source).series("DE", NOW - HOUR, NOW).values) == 2
    around = serve((302, {"Location": "/again"}, ""))
    with pytest.raises(SourceError, match="sends on more than"):
        send(around, clock)


def test_keys_do_not_go_over_open_lines(ask):
    with pytest.raises(UsageError, match="not encrypted"):
        ask("electricity-maps", "http://api.example.org").series("DE", NOW - HOUR, NOW)


def test_certificates_are_verified(clock, ask, tmp_path):
    with socket.socket() as listener:
        context = self_signed(tmp_path)
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def answer():
            try:
                with context.wrap_socket(listener.accept()[0], server_side=True):
                    pass
            except OSError:
                pass  # the client refuses, as it should

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(SourceUnreachable, match=r"(?i)certificate"):
            ask("electricity-maps", url, tries=1).series("DE", NOW - HOUR, NOW)
        thread.join(5)


def self_signed(folder):
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


# The cache.


def test_settled_hours_are_kept_for_good_and_others_for_a_while(serve, ask, clock):
    source = serve(fake.uk(clock))
    old = (NOW - 30 * DAY, NOW - 29 * DAY)
    ask("uk-carbon-intensity", source).series("GB", *old)
    ask("uk-carbon-intensity", source).series("GB", NOW, NOW + HOUR)
    asked = len(source.requests)
    clock.now += 600
    ask("uk-carbon-intensity", source).series("GB", *old)
    ask("uk-carbon-intensity", source).series("GB", NOW, NOW + HOUR)
    assert len(source.requests) == asked
    clock.now += 1800
    ask("uk-carbon-intensity", source).series("GB", *old)
    assert len(source.requests) == asked
    ask("uk-carbon-intensity", source).series("GB", NOW + HOUR, NOW + 2 * HOUR)
    assert len(source.requests) == asked + 1


HISTORIES = {
    # Zone, length of a block [d], answers of a clock and of what happens to their rows.
    "electricity-maps": ("DE", 10, lambda *of: fake.electricity_maps(of[0], KEY, of[1])),
    "uk-carbon-intensity": ("GB", 7, lambda *of: fake.uk(*of)),
    "watttime": ("CAISO_NORTH", 7, lambda *of: fake.WattTime(of[0], PAIR, of[1])),
    "entsoe": ("FR", 7, lambda *of: entsoe_rows(of[1])),
}


def entsoe_rows(change):
    def answer(path, query, headers):
        begin, end = (fake.entsoe_time(query[name]) for name in ("periodStart", "periodEnd"))
        hours = [*range(begin, end, HOUR)]
        skip = {("B04", at) for at in {*hours} - {*change(hours)}}
        if len(skip) == len(hours):
            return 400, {}, fake.NO_DATA
        return fake.entsoe_document(query["in_Domain"], begin, end, {"B04": (GAS, 60)}, skip=skip)

    return answer


def histories(source):
    """Requests for what is past."""
    return len([1 for path, _, _ in source.requests if path != "/login"])


def asked_again(name, serve, ask, clock, damage):
    """Ask for a block that is long over, damaged the first time, and again a month later."""
    zone, days, answer = HISTORIES[name]
    block = int(clock.now) // (days * DAY) * days * DAY - 2 * days * DAY
    state = [damage]
    source = serve(answer(clock, lambda rows: state[0](rows)))
    counts = []
    for _ in range(3):
        try:
            series = ask(name, source).series(zone, block, block + days * DAY)
            counts.append(int(np.isnan(series.values).sum()))
        except (DataError, SourceError):
            counts.append(None)
        state[0] = list
        clock.now += 30 * DAY
    return counts, histories(source)


@pytest.mark.parametrize("name", HISTORIES)
def test_a_block_that_was_not_whole_is_asked_for_again(serve, ask, clock, name):
    """Half of the rows, all but the last one, none: once they are there, they are kept."""
    for damage in (lambda rows: rows[: len(rows) // 2], lambda rows: rows[:-1], lambda _: []):
        (first, *later), asked = asked_again(name, serve, ask, clock, damage)
        assert first is None or first > 0
        assert later == [0, 0]
        assert asked == 2  # the second time it was whole


@pytest.mark.parametrize("name", HISTORIES)
def test_a_block_is_kept_for_good_when_it_is_two_days_old(serve, ask, clock, name):
    zone, days, answer = HISTORIES[name]
    end = NOW // (days * DAY) * days * DAY
    source = serve(answer(clock, list))
    asked = []
    for age in (DAY, 2 * DAY - HOUR, 2 * DAY, 9 * DAY):
        clock.now = float(end + age)
        ask(name, source).series(zone, end - DAY, end)
        asked.append(histories(source))
    assert asked == [1, 2, 3, 3]


@pytest.mark.parametrize("name", HISTORIES)
def test_a_gap_that_stays_is_asked_for_during_a_month(serve, ask, clock, name):
    """A year with one gap in each block would be asked for again and again."""
    zone, days, answer = HISTORIES[name]
    end = NOW // (days * DAY) * days * DAY
    source = serve(answer(clock, lambda rows: rows[:-1]))
    asked = []
    for age in (29 * DAY, 30 * DAY - HOUR, 30 * DAY, 40 * DAY):
        clock.now = float(end + age)
        ask(name, source).series(zone, end - DAY, end)
        asked.append(histories(source))
    assert asked == [1, 2, 3, 3]


@pytest.mark.parametrize(
    ("name", "mark"), [("electricity-maps", "isEstimated"), ("watttime", "imputed_data_used")]
)
def test_values_that_were_estimated_are_marked_and_asked_for_again(serve, ask, clock, name, mark):
    def one_guess(rows):
        return [{**row, mark: number == 7} for number, row in enumerate(rows)]

    zone, days, answer = HISTORIES[name]
    block = NOW // (days * DAY) * days * DAY - 2 * days * DAY
    source = serve(answer(clock, one_guess))
    for _ in range(2):
        series = ask(name, source).series(zone, block, block + days * DAY)
        assert np.flatnonzero(series.estimated).tolist() == [7]
        clock.now += DAY
    assert histories(source) == 2


def test_the_hour_that_is_running_is_part_of_a_long_past(serve, ask, clock):
    source = serve(fake.electricity_maps(clock, KEY))
    start = NOW // HOUR * HOUR - 30 * HOUR
    series = ask("electricity-maps", source).series("DE", start, NOW)
    assert series.values.tolist() == expected(start, NOW, HOUR)


def test_offline_takes_what_there_is_and_says_how_old(serve, ask, clock):
    source = serve(fake.uk(clock))
    first = ask("uk-carbon-intensity", source).series("GB", NOW - HOUR, NOW + DAY)
    asked = len(source.requests)
    source.close()
    clock.now += 5 * HOUR
    with pytest.raises(SourceUnreachable, match="--offline") as error:
        ask("uk-carbon-intensity", source, tries=1).series("GB", NOW - HOUR, NOW + DAY)
    assert "2026-11-21 12:10 UTC" in str(error.value)
    again = ask("uk-carbon-intensity", source, offline=True).series("GB", NOW - HOUR, NOW + DAY)
    assert len(source.requests) == asked
    # What lay ahead then is past by now; it is still what was forecast, and marked so.
    assert np.isnan(again.values).sum() < 20
    assert [one for one in codes(again) if one == "intensity-cached"]
    assert "5.0 h ago" in "".join(one.message for one in again.provenance.findings)
    assert again.provenance.fetched_s == first.provenance.fetched_s
    with pytest.raises(SourceUnreachable, match="nobody is asked offline"):
        ask("uk-carbon-intensity", source, offline=True).series(
            "GB", NOW - 60 * DAY, NOW - 59 * DAY
        )


@pytest.mark.parametrize("damage", ["cut", "body", "nonsense", "empty"])
def test_a_damaged_entry_is_fetched_again(serve, ask, clock, tmp_path, damage):
    source = serve(fake.electricity_maps(clock, KEY))
    first = ask("electricity-maps", source).series("DE", NOW - 5 * HOUR, NOW)
    (entry,) = (tmp_path / "cache").rglob("*.json")
    text = entry.read_text()
    damaged = {
        "cut": text[:-40],
        "body": text.replace("carbonIntensity", "carbonintensity", 1),
        "nonsense": '{"format": 3}',
        "empty": "",
    }
    assert damaged[damage] != text
    entry.write_text(damaged[damage])
    again = ask("electricity-maps", source).series("DE", NOW - 5 * HOUR, NOW)
    assert again.values.tolist() == first.values.tolist()
    assert len(source.requests) == 2
    stored = json.loads(entry.read_text())
    assert (stored["source"], stored["kind"]) == ("electricity-maps", "history")
    assert stored["fetched_s"] == NOW


@pytest.mark.parametrize("name", ["electricity-maps", "uk-carbon-intensity", "watttime", "entsoe"])
def test_answers_that_are_no_good_are_not_kept(serve, ask, clock, tmp_path, name):
    """A server that comes to its senses is heard at once."""
    good = {
        "electricity-maps": (fake.electricity_maps(clock, KEY), "DE"),
        "uk-carbon-intensity": (fake.uk(clock), "GB"),
        "watttime": (fake.WattTime(clock, PAIR), "CAISO_NORTH"),
        "entsoe": (fake.entsoe(ENTSOE_KEY), "FR"),
    }
    answer, zone = good[name]
    source = serve(answer)
    if name == "watttime":
        source.first = [answer, '{"data": [{"point']
    else:
        source.first = ['{"data": [{"fro']
    with pytest.raises(SourceError):
        ask(name, source).series(zone, NOW - 3 * DAY, NOW - 2 * DAY)
    assert not list((tmp_path / "cache").rglob("*.json"))
    assert np.isfinite(ask(name, source).series(zone, NOW - 3 * DAY, NOW - 2 * DAY).values).all()


def test_a_slip_in_the_year_asks_nobody(serve, ask, clock):
    source = serve(fake.uk(clock))
    with pytest.raises(UsageError, match="200 are the limit"):
        ask("uk-carbon-intensity", source).series("GB", NOW - 20 * 366 * DAY, NOW)
    assert source.requests == []


def test_a_proxy_that_is_none_is_said(clock, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "nonsense://user:proxy-password@here")
    transport = Transport(None, clock=clock.clock())
    with pytest.raises(UsageError, match="HTTPS_PROXY") as error:
        transport.get(Request("test", "https://api.example.org/x"))
    assert "proxy-password" not in str(error.value)


def test_a_cache_that_cannot_be_written_is_said(serve, ask, clock, tmp_path):
    (tmp_path / "cache").write_text("in the way")
    with pytest.raises(DataError, match="cannot be written"):
        ask("uk-carbon-intensity", serve(fake.uk(clock))).series("GB", NOW - HOUR, NOW)


def test_the_cache_lies_where_the_system_has_them(tmp_path):
    assert default_folder({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "footprint/intensity"
    for value in ("", "relative/path"):
        assert default_folder({"XDG_CACHE_HOME": value}).parts[-3:-1] == (".cache", "footprint")


def test_an_entry_from_the_future_is_not_fresh(serve, ask, clock):
    source = serve(fake.electricity_maps(clock, KEY))
    ask("electricity-maps", source).series("DE", NOW - 5 * HOUR, NOW)
    clock.now -= 3 * HOUR
    ask("electricity-maps", source).series("DE", NOW - 5 * HOUR, NOW - 4 * HOUR)
    assert len(source.requests) == 2


def test_series_refuse_to_be_continued(serve, ask, clock):
    series = ask("uk-carbon-intensity", serve(fake.uk(clock))).series("GB", NOW - DAY, NOW)
    with pytest.raises(DataError, match="never continued"):
        series.between(NOW - DAY, NOW + 10 * DAY)
    with pytest.raises(DataError, match="no value at all"):
        replace(series, values=np.full(len(series.values), np.nan))
