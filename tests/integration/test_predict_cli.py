"""`footprint predict` on the command line."""

import json

import pytest


def test_a_long_run_from_short_ones(footprint):
    rows = "\n".join(
        f"{work},{50 + 2 * work + noise}" for work, noise in ((10, 1), (20, -1), (40, 1), (80, -1))
    )
    (footprint.folder / "runs.csv").write_text(f"work,emissions_g\n{rows}\n")
    found = json.loads(footprint("predict", "runs.csv", "--work=1000", "--json").stdout)
    (predicted,) = found["predictions"]
    assert predicted["value"] == pytest.approx(50 + 2000, rel=0.02)
    assert predicted["low"] < predicted["value"] < predicted["high"]
    assert found["r_squared"] > 0.99
    assert "prediction interval" in footprint("predict", "runs.csv", "--work=1000").stdout


@pytest.mark.parametrize(
    ("text", "message", "code"),
    [
        ("work\n1\n", "emissions_g", 3),
        ("work,emissions_g\n1,x\n", ":2:", 3),
        ("work,emissions_g\n1,2\n", "at least 3", 2),
    ],
)
def test_what_is_wrong_is_said(footprint, text, message, code):
    (footprint.folder / "runs.csv").write_text(text)
    assert message in footprint("predict", "runs.csv", "--work=5", code=code).stderr
