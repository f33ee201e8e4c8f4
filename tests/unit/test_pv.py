"""Modelled sun: the few things that are known without a model."""

import sys

import numpy as np
import pytest

from footprint.errors import MissingExtra, UsageError
from footprint.simulation.pv import SolarSite, model_excess
from footprint.simulation.traces import unix_seconds

DAY = 86_400
MARCH = unix_seconds("2022-03-20")
JUNE = unix_seconds("2022-06-21")


def peak_hour(trace):
    """Middle of the light of a day, in hours of UTC."""
    power = trace.values[:, 0]
    angle = 2 * np.pi * (np.arange(len(power)) + 0.5) / len(power)
    return np.angle((power * np.exp(1j * angle)).sum()) * 12 / np.pi % 24


@pytest.mark.parametrize("longitude", [0.0, 13.4, 139.7, -122.4])
def test_the_sun_is_highest_at_noon_of_the_place(longitude):
    trace = model_excess([SolarSite("a", 40.0, longitude, 800.0)], MARCH, DAY)
    # The equation of time is 7.5 minutes on this day.
    expected = (12 + 7.5 / 60 - longitude / 15) % 24
    assert peak_hour(trace) == pytest.approx(expected, abs=0.1)


def test_days_are_long_in_summer_and_the_nights_are_dark():
    north, south = (SolarSite(n, lat, 0.0, 800.0) for n, lat in (("n", 50.0), ("s", -50.0)))
    trace = model_excess([north, south], JUNE, DAY)
    light = (trace.values > 0).sum(axis=0) * trace.step_s / 3600
    # Of the whole sun above the horizon: 16.4 and 8.1 hours at 50 degrees.
    assert light == pytest.approx([16.4, 8.1], abs=0.5)
    assert (trace.values <= 800).all()
    assert (trace.values >= 0).all()


def test_power_is_in_proportion_to_the_panels():
    one, two = (SolarSite(n, 40.0, 0.0, watts) for n, watts in (("a", 400.0), ("b", 800.0)))
    trace = model_excess([one, two], JUNE, DAY)
    assert trace.values[:, 1] == pytest.approx(2 * trace.values[:, 0])


def test_panels_stand_towards_the_equator_unless_told_otherwise():
    for latitude, towards in ((40.0, 180.0), (-40.0, 0.0)):
        plain = SolarSite("a", latitude, 0.0, 800.0)
        said = SolarSite("b", latitude, 0.0, 800.0, tilt=40.0, azimuth=towards)
        away = SolarSite("c", latitude, 0.0, 800.0, tilt=40.0, azimuth=180.0 - towards)
        trace = model_excess([plain, said, away], MARCH, DAY)
        assert trace.values[:, 0] == pytest.approx(trace.values[:, 1])
        assert trace.values[:, 2].sum() < 0.5 * trace.values[:, 0].sum()


def test_it_says_that_it_is_modelled():
    trace = model_excess([SolarSite("a", 40.0, 0.0, 800.0)], JUNE, DAY, step_s=3600)
    assert [finding.code for finding in trace.findings] == ["excess-modelled"]
    assert (trace.unit, len(trace.values)) == ("W", 24)


def test_places_and_times_that_cannot_be_are_errors():
    with pytest.raises(UsageError, match="no solar panels"):
        SolarSite("a", 91.0, 0.0, 800.0)
    with pytest.raises(UsageError, match="whole number"):
        model_excess([SolarSite("a", 40.0, 0.0, 800.0)], JUNE, 1000)


def test_without_pvlib_its_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pvlib", None)
    with pytest.raises(MissingExtra, match=r"footprint\[pv\]"):
        model_excess([SolarSite("a", 40.0, 0.0, 800.0)], JUNE, DAY)
