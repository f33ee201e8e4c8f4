"""The exception tree is what the module's drawing says."""

import inspect
import pickle
import re

import pytest

from footprint import errors


def _classes():
    found = [c for _, c in inspect.getmembers(errors, inspect.isclass)]
    classes = [c for c in found if issubclass(c, errors.FootprintError)]
    assert len(classes) > 5
    return classes


def test_every_error_is_drawn_with_its_exit_code():
    drawn = dict(re.findall(r"(\w+)\s+(\d)\s{2,}", errors.__doc__))
    named = {c.__name__: str(c.exit_code) for c in _classes() if c is not errors.FootprintError}
    assert drawn == named


@pytest.mark.parametrize("error", _classes())
def test_errors_survive_pickling_and_read_well(error):
    again = pickle.loads(pickle.dumps(error("Found x.", "Do y.")))
    assert type(again) is error
    assert (again.message, again.remedy) == ("Found x.", "Do y.")
    assert str(again) == "Found x. Do y."


def test_codes_are_unique():
    codes = [c.code for c in _classes()]
    assert len(set(codes)) == len(codes)


def test_a_missing_extra_says_how_to_install_it():
    error = errors.MissingExtra.of("torch", "Training")
    assert "pip install 'footprint[torch]'" in error.remedy
    assert error.exit_code == 4
