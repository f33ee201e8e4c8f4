"""Flower is an extra: it is imported where it is needed, and missed with the way out."""

import subprocess
import sys

import pytest

import footprint.integrations.flower as flower

PURE = (
    "demo",
    "doubts",
    "exchanges",
    "history",
    "ledger",
    "limits",
    "nodes",
    "payload",
    "plausibility",
    "process",
    "record",
    "settlement",
    "wire",
)
NEED_FLOWER = ("CarbonRun", "MeasuredGrid", "carbon_mod")


def run(code):
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_the_pure_modules_do_not_import_flower():
    names = [f"{flower.__name__}.{name}" for name in PURE]
    run(
        "import sys; from importlib import import_module; import footprint\n"
        f"for name in {names!r}: import_module(name)\n"
        "assert not {'flwr', 'ray'} & set(sys.modules)"
    )


def test_a_name_brings_flower_when_it_is_touched():
    run(
        f"import sys; import {flower.__name__} as flower\n"
        "assert 'flwr' not in sys.modules; flower.carbon_mod; assert 'flwr' in sys.modules"
    )


@pytest.mark.parametrize("name", NEED_FLOWER)
def test_without_flower_the_error_has_the_line_that_installs_it(name):
    run(
        f"import sys; sys.modules['flwr'] = None; import {flower.__name__} as flower\n"
        "from footprint.errors import MissingExtra\n"
        "assert flower.WireModel and flower.Limits\n"
        f"try: flower.{name}\n"
        "except MissingExtra as error: assert 'footprint[flower]' in error.remedy\n"
        "else: raise SystemExit('nothing was missing')"
    )


def test_all_names_are_sorted_and_real():
    assert flower.__all__ == sorted(flower.__all__)
    for name in flower.__all__:
        assert getattr(flower, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = flower.nonsense
