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
    least = found["answers"][
        "least emissions for an accuracy of 0.6 (held for 1 round(s), averaged over 1)"
    ]
    assert least["accuracy"] >= 0.6
    text = footprint("pareto", HOSPITALS, "curves.csv", "--accuracy=0.99").stdout
    assert "no option does" in text


def test_what_is_wrong_is_said(footprint):
    (footprint.folder / "curves.csv").write_text(CURVES.replace("local_epochs=1", "epochs=1"))
    done = footprint("pareto", HOSPITALS, "curves.csv", code=3)
    assert "training.epochs: this key is unknown" in done.stderr
    (footprint.folder / "empty.csv").write_text("option,round,accuracy\n")
    assert "no learning curve" in footprint("pareto", HOSPITALS, "empty.csv", code=3).stderr


def test_curves_stand_on_the_page_of_a_comparison(footprint):
    (footprint.folder / "curves.csv").write_text(CURVES)
    footprint("compare", HOSPITALS, "--curves=curves.csv", "-o", "page.html")
    page = (footprint.folder / "page.html").read_text()
    assert 'id="learning"' in page
    assert "local_epochs=5; clients_per_round=3" in page
    done = footprint("compare", HOSPITALS, HOSPITALS, "--curves=curves.csv", code=2)
    assert "one manifest" in done.stderr


def test_more_than_two_scenarios_are_ranked_on_a_page(footprint):
    for zone in ("FR", "PL"):
        text = HOSPITALS.read_text().replace('zone = "DE"', f'zone = "{zone}"')
        (footprint.folder / f"{zone}.toml").write_text(text.replace("hospitals", f"in {zone}"))
    done = footprint("compare", "FR.toml", "PL.toml", "-o", "page.html")
    footprint("report", "page.html", "-o", "again.html")
    found = json.loads(footprint("compare", "FR.toml", "PL.toml", "--json").stdout)
    totals = [one["total_g"]["value"] for one in found["scenarios"]]
    least = found["scenarios"][totals.index(min(totals))]["run"]
    named = f"the {least['architecture']} plan “{least['name']}” would emit least"
    assert done.stdout.startswith(f"Of 4 scenarios {named}")
    for total, one in zip(totals[1:], found["differences"], strict=True):
        assert abs(total - totals[0] - one["difference_g"]["value"]) < 1e-6 * totals[0]
