"""The example manifests: what works, and what each broken one says."""

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "examples" / "manifests"
WORKING = sorted((ROOT / "ok").glob("*.toml"))
BROKEN = sorted((ROOT / "fails").glob("*.toml"))


def test_the_examples_are_there():
    assert len(WORKING) >= 6
    assert len(BROKEN) >= 20


@pytest.mark.parametrize("path", WORKING, ids=lambda path: path.stem)
def test_a_working_manifest_compares_its_two_architectures(footprint, path):
    done = footprint("compare", path, "--json")
    result = json.loads(done.stdout)
    assert result["baseline"]["run"]["architecture"] == "centralised"
    assert result["candidate"]["run"]["architecture"] == "federated"
    for one in (result["baseline"], result["candidate"]):
        assert one["total_g"]["low"] < one["total_g"]["value"] < one["total_g"]["high"]
        assert not [f for f in one["findings"] if f["severity"] == "error"]
    assert len(result["alternatives"]) > 3


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_a_broken_manifest_prints_the_error_that_it_documents(footprint, path):
    first = path.read_text().splitlines()[0]
    assert first.startswith("# error: ")
    done = footprint("compare", path, code=None)
    assert done.returncode in (2, 3)
    said = done.stderr.split()
    assert " ".join(first.removeprefix("# error: ").split()) in " ".join(said)
    assert "Traceback" not in done.stderr
    # Only a model that does not fit a link names the actor instead of the file.
    assert path.name in done.stderr or "not_there.toml" in done.stderr or "'office'" in done.stderr


def test_a_mistake_is_named_in_the_file_that_makes_it(footprint):
    base = (ROOT / "ok" / "hospitals.toml").read_text()
    (footprint.folder / "base.toml").write_text(base.replace("rounds = 100", 'rounds = "1.5"'))
    (footprint.folder / "child.toml").write_text('extends = "base.toml"\n[training]\nruns = 2\n')
    done = footprint("compare", "child.toml", code=3)
    assert "base.toml, training.rounds" in done.stderr
    (footprint.folder / "child.toml").write_text(
        'extends = "base.toml"\n[training]\nrounds = 3\nruns = "no"\n'
    )
    assert "child.toml, training.runs" in footprint("compare", "child.toml", code=3).stderr
