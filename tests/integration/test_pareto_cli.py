"""`footprint pareto` on the command line."""

import json
from pathlib import Path

HOSPITALS = Path(__file__).parents[2] / "examples" / "manifests" / "ok" / "hospitals.toml"
CURVES = """option,round,accuracy
training.local_epochs=1,1,0.4
training.local_epochs=1,2,0.6
training.local_epochs=1,3,0.7
training.local_epochs=5; training.clients_per_round=3,1,0.65
training.local_epochs=5; training.clients_per_round=3,2,0.8
"""


def test_three_answers_and_a_front(footprint):
    (footprint.folder / "curves.csv").write_text(CURVES)
    options = ("--accuracy=0.6", "--budget=80 kgCO2e", "--rate=1 kgCO2e", "--window=1")
    done = footprint("pareto", HOSPITALS, "curves.csv", *options, "--json")
    found = json.loads(done.stdout)
    emitted = [choice["emissions_g"] for choice in found["front"]]
    assert emitted == sorted(emitted)
    assert max(c["accuracy"] for c in found["front"]) == 0.8
    assert len(found["answers"]) == 4
    least = found["answers"]["least emissions for an accuracy of 0.6"]
    assert least["accuracy"] >= 0.6
    text = footprint("pareto", HOSPITALS, "curves.csv", "--accuracy=0.99").stdout
    assert "no option does" in text


def test_what_is_wrong_is_said(footprint):
    (footprint.folder / "curves.csv").write_text(CURVES.replace("local_epochs=1", "epochs=1"))
    done = footprint("pareto", HOSPITALS, "curves.csv", code=3)
    assert "training.epochs: this key is unknown" in done.stderr
    (footprint.folder / "empty.csv").write_text("option,round,accuracy\n")
    assert "no learning curve" in footprint("pareto", HOSPITALS, "empty.csv", code=3).stderr
