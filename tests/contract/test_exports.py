"""The public names, and what importing them costs."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import footprint

HEAVY = ("pandas", "numpy", "pint", "plotly", "torch", "codecarbon", "psutil", "pydantic", "typer")


def test_all_is_sorted_and_real():
    assert footprint.__all__ == sorted(footprint.__all__)
    for name in footprint.__all__:
        assert getattr(footprint, name) is not None
    assert set(dir(footprint)) == set(footprint.__all__)


@pytest.mark.parametrize(
    "name", ["footprint", "footprint.integrations.flower", "footprint.management"]
)
def test_type_checkers_see_the_same_names(name):
    package = import_module(name)
    tree = ast.parse(Path(package.__file__).read_text())
    seen = {
        (alias.asname, node.module.removeprefix(f"{name}."))
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module.startswith("footprint.")
        for alias in node.names
        if alias.asname
    }
    assert seen == set(package._HOMES.items())
    assert package.__all__ == sorted(package._HOMES)


def test_unknown_names_are_attribute_errors():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = footprint.nonsense


@pytest.mark.parametrize(
    "module", ["footprint", "footprint.factors", "footprint.cli.main", "footprint.journal"]
)
def test_importing_loads_nothing_heavy_and_warns_about_nothing(module):
    code = (
        f"import sys; import {module}; print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    allowed = ["typer"] if module == "footprint.cli.main" else []
    assert done.stdout.strip() == str(allowed)
    assert done.stderr == ""
