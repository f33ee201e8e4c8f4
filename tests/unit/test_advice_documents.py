"""Plans of advice as files: round trips, the schema, and what is refused."""

import json
from functools import cache

import jsonschema
import pytest

from footprint.documents import from_json, read_document, schema, to_json, write_document
from footprint.errors import DocumentError
from tests.advice_plans import plan


@cache
def text():
    return to_json(plan())


def test_plan_round_trips_to_the_last_digit(tmp_path):
    made = plan()
    again = read_document(write_document(made, tmp_path / "plan.json"))
    assert again == made
    assert to_json(again) == text()


def test_plan_without_state_draws_or_advice_round_trips():
    for made in (plan(state=None, draws=0), plan(advice=(), prices=None)):
        assert from_json(to_json(made)) == made


def test_plan_fits_its_schema():
    described = schema("footprint-advice")
    jsonschema.Draft202012Validator.check_schema(described)
    document = json.loads(text())
    jsonschema.validate(document, described)
    document["advice"][0]["surprise"] = 1
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, described)


def advice(document):
    """The first decision: keep or delete, with a saving of money."""
    return document["advice"][0]


def doubt(document, kind=None, barrier=None, draws=None):
    """Take away what makes the certainty of a decision one."""
    found = next(one for one in document["advice"] if one["certainty"] is not None)
    found["kind"] = kind or found["kind"]
    for option in found["options"]:
        if option["name"] != found["recommended"]:
            option["barrier"] = barrier or option["barrier"]
        if draws is not None:
            option["assessment"]["draws"] = draws


def line(document):
    return next(one for one in document["state"]["lines"] if one["name"] == "tickets")


def scale(found, *keys):
    *path, last = keys
    for key in path:
        found = found[key]
    found[last] *= 1.001


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda d: scale(advice(d), "saving_g", "value"), "its options differ by .* g"),
        (lambda d: scale(advice(d), "saving_kwh"), "its options differ by .* kWh"),
        (lambda d: scale(advice(d), "saving_cost", "value"), "its options differ by .* EUR"),
        (lambda d: advice(d).update(currency="USD"), "no bills"),
        (lambda d: advice(d)["options"][0]["assessment"].update(bill=None), "no bills"),
        (lambda d: advice(d).update(current="burn"), "no option 'burn'"),
        (lambda d: advice(d).update(recommended="burn"), "no option 'burn'"),
        (lambda d: advice(d).update(certainty=1.5), "certainty 1.5"),
        (lambda d: advice(d).update(certainty=-0.1), "certainty -0.1"),
        (lambda d: advice(d).update(certainty=1.0), "because 'delete' emits nothing"),
        (lambda d: doubt(d, kind="schedule"), "because a forecast decides"),
        (lambda d: doubt(d, barrier="a law"), "because nothing else is possible"),
        (lambda d: doubt(d, draws=0), "because nothing was drawn"),
        (lambda d: advice(d).update(irreversible=False), "'delete' cannot be undone"),
        (lambda d: advice(d).update(conditions=[]), "'delete' cannot be undone"),
        (lambda d: advice(d).update(part_of=advice(d)["id"]), "part of itself"),
        (
            lambda d: [d["advice"][k].update(part_of=d["advice"][1 - k]["id"]) for k in range(2)],
            "part of itself",
        ),
        (lambda d: advice(d)["options"][1].update(barrier="a law"), "recommended and barred"),
        (lambda d: advice(d)["options"][1].update(name="keep"), "'keep' is there more than once"),
        (lambda d: advice(d)["saving_g"].update(low=1e9), "does not lie within"),
        (lambda d: d["advice"].append(advice(d)), "'dataset/gdansk/gate-counts' is there more"),
        (
            lambda d: d["advice"][2]["turning_points"][0].update(option="burn"),
            "no option 'burn'",
        ),
        (
            lambda d: advice(d)["options"][0]["assessment"]["contributions"].pop(),
            "option 'keep' does not add up",
        ),
        (
            lambda d: scale(
                advice(d), "options", 0, "assessment", "contributions", 0, "emissions_g", "value"
            ),
            "amount times its terms",
        ),
        (
            lambda d: scale(advice(d), "options", 0, "assessment", "bill", "total", "value"),
            "does not add up: the parts give .* EUR",
        ),
        (lambda d: scale(line(d), "emissions_g", "value"), "state, lyon/tickets does not add up"),
        (lambda d: line(d).update(contributions=[]), "state, lyon/tickets does not add up"),
        (lambda d: scale(line(d), "contributions", 0, "amount"), "amount times its terms"),
        (lambda d: scale(line(d), "cost", "value"), "state, lyon/tickets does not add up"),
        (lambda d: scale(d["state"], "emissions_g", "value"), "state does not add up"),
        (lambda d: scale(d["state"], "energy_kwh"), "state does not add up: .* kWh"),
        (lambda d: d["state"].update(energy_kwh=None), "state does not add up: .* kWh"),
        (lambda d: scale(d["state"], "cost", "value"), "state does not add up: .* EUR"),
        (lambda d: d["state"]["lines"].append(line(d)), "more than once"),
        (lambda d: d["state"]["terms"].pop(0), "no term"),
        (lambda d: d["state"]["lines"].pop(0), "state does not add up"),
        (lambda d: advice(d).update(kind="horoscope"), "kind"),
        (lambda d: d.pop("made_s"), "made_s"),
        (lambda d: d.update(surprise=1), "surprise"),
    ],
)
def test_changed_plans_are_refused(change, reason):
    document = json.loads(text())
    change(document)
    with pytest.raises(DocumentError, match=reason):
        from_json(json.dumps(document), name="plan.json")
