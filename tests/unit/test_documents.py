"""Result files: round trips, schemas, and what is refused."""

import json

import jsonschema
import pytest

from footprint.assessment import estimate
from footprint.comparison import compare
from footprint.documents import (
    from_json,
    read_document,
    schema,
    to_json,
    write_document,
)
from footprint.errors import DocumentError
from footprint.inventory import build_inventory
from footprint.model import Assessment
from footprint.settings import Settings
from tests.builders import activity, journal, small_journal


@pytest.fixture(scope="module")
def assessment():
    return estimate(build_inventory(small_journal()), Settings(draws=200))


@pytest.fixture(scope="module")
def comparison(assessment):
    other = estimate(build_inventory(small_journal(name="other")), Settings(draws=200))
    return compare(assessment, other)


def test_results_round_trip_to_the_last_digit(assessment, comparison, tmp_path):
    for result in (assessment, comparison):
        path = write_document(result, tmp_path / "deep" / "r.json")
        again = read_document(path)
        assert again == result
        assert to_json(again) == path.read_text()


def test_documents_fit_their_schema(assessment, comparison):
    for result, name in ((assessment, "assessment"), (comparison, "comparison")):
        document = json.loads(to_json(result))
        jsonschema.Draft202012Validator.check_schema(schema(f"footprint-{name}"))
        jsonschema.validate(document, schema(f"footprint-{name}"))
        document["surprise"] = 1
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(document, schema(f"footprint-{name}"))


def changed(result, **changes):
    return json.dumps({**json.loads(to_json(result)), **changes})


def edited(result, table, **changes):
    """The first row of a table, changed by hand; a grid intensity if it is a term."""
    document = json.loads(to_json(result))
    rows = document[table]
    row = next((r for r in rows if r.get("quantity") == "grid_intensity"), rows[0])
    row.update(changes)
    return json.dumps(document)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda a: "{", "not JSON"),
        (lambda a: "[1]", "format None"),
        (lambda a: "null", "format None"),
        (lambda a: '{"format": ["footprint-assessment"]}', "format"),
        (lambda a: changed(a, format="excel"), "'excel'"),
        (lambda a: changed(a, format_version=99), "version 99"),
        (lambda a: changed(a, surprise=1), "surprise"),
        (lambda a: changed(a, rounds="many"), "rounds"),
        (lambda a: changed(a, total_g={"value": 1.0, "low": 0.5, "high": 2.0}), "does not add up"),
        (lambda a: changed(a, total_g={"value": float("nan"), "low": 0, "high": 1}), "not JSON"),
        (lambda a: to_json(a).replace('"rounds": 2', '"duration_s": 1e999'), "duration_s"),
        (lambda a: changed(a, contributions=[]), "does not add up"),
        (lambda a: changed(a, terms=[]), "there is no term"),
        (lambda a: edited(a, "terms", value=1.0), "bounds"),
        (lambda a: edited(a, "terms", low=-5.0), "bounds"),
        (lambda a: edited(a, "contributions", amount=99.0), "amount times its terms"),
    ],
)
def test_other_files_are_refused_with_the_reason(assessment, make, reason):
    with pytest.raises(DocumentError, match=reason):
        from_json(make(assessment))


def test_deeply_nested_json_is_an_error_not_a_crash():
    with pytest.raises(DocumentError):
        from_json("[" * 200_000)


def test_unreadable_paths_are_errors(tmp_path):
    with pytest.raises(DocumentError, match="cannot be read"):
        read_document(tmp_path / "none.json")
    (tmp_path / "latin.json").write_bytes(b'{"name": "\xe9"}')
    with pytest.raises(DocumentError, match="not UTF-8"):
        read_document(tmp_path / "latin.json")


def test_a_failed_write_leaves_the_old_file(assessment, tmp_path, monkeypatch):
    from pathlib import Path

    path = write_document(assessment, tmp_path / "r.json")
    before = path.read_text()

    def full(self, *_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(DocumentError, match="No space left"):
        write_document(assessment, path)
    assert path.read_text() == before


def test_names_of_people_survive_as_they_are(tmp_path):
    hostile = '</script><script>alert(1)</script>\u2028 "é" \\'
    result = estimate(
        build_inventory(journal(activity(actor=hostile), name="x")), Settings(draws=200)
    )
    again = from_json(to_json(result))
    assert isinstance(again, Assessment)
    assert again.contributions[0].actor == hostile


def test_a_failed_write_leaves_no_rubbish(assessment, tmp_path):
    folder = tmp_path / "r.json"
    folder.mkdir()
    with pytest.raises(DocumentError, match="cannot be written"):
        write_document(assessment, folder)
    assert list(tmp_path.iterdir()) == [folder]


def test_a_link_is_followed(assessment, tmp_path):
    (tmp_path / "link.json").symlink_to(tmp_path / "real.json")
    write_document(assessment, tmp_path / "link.json")
    assert (tmp_path / "link.json").is_symlink()
    assert read_document(tmp_path / "real.json") == assessment
