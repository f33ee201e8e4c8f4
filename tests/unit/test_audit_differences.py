"""Why two statements differ: causes are right, and the parts add up."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from footprint.audit import explain, read_deployment, state
from footprint.documents import from_json, to_json
from footprint.errors import DocumentError, UsageError
from footprint.model import Cause
from footprint.model.statement_lines import TOTALS
from tests.companies import stated, total_g

EXAMPLE = Path(__file__).parents[2] / "examples" / "company"
COLUMNS = (
    "id,quantity,subject,zone,valid_from,valid_to,value,unit,low,high,signal,preferred,method,"
    "source,source_url,licence,note"
)


def causes(found):
    return {cause for cause, value in found.by_cause().items() if abs(value) > 1e-6}


def assert_adds_up(found):
    parts = math.fsum(change.difference_g for change in found.changes)
    scale = max(abs(found.old_g), abs(found.new_g), 1.0)
    assert parts == pytest.approx(found.difference_g, abs=1e-9 * scale)


def test_a_later_factor_is_named_with_what_it_changes(tmp_path):
    """The grid of Poland gets a figure of 2026, in a folder of factors of our own."""
    old = state(read_deployment(EXAMPLE))
    folder = tmp_path / "company"
    (folder / "own" / "grid").mkdir(parents=True)
    (folder / "journals").symlink_to(EXAMPLE / "journals")
    text = (
        (EXAMPLE / "deployment.toml")
        .read_text()
        .replace('assurance = ""', 'assurance = ""\nfactors = ["own"]')
    )
    (folder / "deployment.toml").write_text(text)
    row = (
        "grid/PL/2026/test,grid_intensity,,PL,2026-01-01,2026-12-31,550,gCO2e/kWh,,,"
        "average/location/life-cycle,yes,made up,a test,https://example.org,none,"
    )
    (folder / "own" / "grid" / "poland.csv").write_text(f"{COLUMNS}\n{row}\n")
    new = state(read_deployment(folder, outside=True))
    *_, own = new.reproduce.inputs
    assert own.name == "own/grid/poland.csv"
    found = explain(old, new)
    assert_adds_up(found)
    assert causes(found) == {Cause.FACTOR}
    changed = [one for one in found.changes if abs(one.difference_g) > 1e-6]
    assert [one.what for one in changed] == ["grid/PL/2024/ember -> grid/PL/2026/test"]
    energies = [
        line.energy_kwh
        for line in old.lines
        if line.place == "Gdansk yard" and line.stage in ("operation", "network")
    ]
    expected = math.fsum(energies) * (550 - 615.05)
    assert changed[0].difference_g == pytest.approx(expected, rel=2e-3)
    assert any(note.startswith("factor catalogue") for note in found.notes)


def test_more_energy_is_activity(tmp_path):
    def more(manifest):
        manifest["runs"][0]["activities"][1]["energy"] = "1500 kWh"

    found = explain(stated(tmp_path / "a"), stated(tmp_path / "b", more))
    assert_adds_up(found)
    assert causes(found) == {Cause.ACTIVITY}
    assert found.difference_g == pytest.approx(500 * 60)


def test_a_new_run_is_structure(tmp_path):
    def more(manifest):
        work = {"silo": "b", "energy": "100 kWh", "tier": "A", "duration": "1 h"}
        manifest["runs"].append({"name": "s", "activities": [work]})

    found = explain(stated(tmp_path / "a"), stated(tmp_path / "b", more))
    assert_adds_up(found)
    assert causes(found) == {Cause.STRUCTURE}
    back = explain(stated(tmp_path / "b", more), stated(tmp_path / "a"))
    assert back.difference_g == -found.difference_g
    assert_adds_up(back)


def test_a_place_that_moves_is_structure(tmp_path):
    def moved(manifest):
        manifest["sites"][1]["zone"] = "FR"

    found = explain(stated(tmp_path / "a"), stated(tmp_path / "b", moved))
    assert_adds_up(found)
    assert causes(found) == {Cause.STRUCTURE}


def test_a_contract_changes_the_market_based_total_alone(tmp_path):
    old, new = stated(tmp_path / "a", instruments=[]), stated(tmp_path / "b")
    for total in ("location", "sci"):
        found = explain(old, new, total)
        assert all(abs(change.difference_g) < 1e-6 for change in found.changes)
    found = explain(old, new, "market")
    assert_adds_up(found)
    assert found.difference_g == pytest.approx(500 * (10 - 80))
    assert any("wind" in change.what for change in found.changes)


@pytest.mark.parametrize(
    ("change", "expected_g"),
    [
        (lambda m: m.update(instruments=[]), 500 * 70),
        (lambda m: m["instruments"][0].update(energy="600 kWh"), 100 * -70),
        (lambda m: m["instruments"][0].update(sites=["B"], market="DE"), 500 * 70 - 500 * 690),
    ],
)
def test_a_contract_is_structure_where_the_energy_is_the_same(tmp_path, change, expected_g):
    found = explain(stated(tmp_path / "a"), stated(tmp_path / "b", change), "market")
    assert_adds_up(found)
    assert causes(found) == {Cause.STRUCTURE}
    assert found.difference_g == pytest.approx(expected_g)


def test_more_overhead_under_a_contract_is_factor_and_structure(tmp_path):
    """1200 kWh become 1500; the contract covers 500 of either, the mix the rest."""
    new = stated(tmp_path / "b", lambda m: m["sites"][0].update(pue=1.5))
    found = explain(stated(tmp_path / "a"), new, "market")
    assert_adds_up(found)
    parts = found.by_cause()
    assert causes(found) == {Cause.FACTOR, Cause.STRUCTURE}
    mean = (80_000 - 56_000) / math.log(80 / 56)
    assert parts[Cause.FACTOR] == pytest.approx((5000 + mean) * math.log(1.25))
    assert found.difference_g == pytest.approx(300 * 80)


def test_more_energy_under_a_contract_is_activity_and_structure(tmp_path):
    def more(manifest):
        manifest["runs"][0]["activities"][0]["energy"] = "1250 kWh"

    found = explain(stated(tmp_path / "a"), stated(tmp_path / "b", more), "market")
    assert_adds_up(found)
    mean = (80_000 - 56_000) / math.log(80 / 56)
    activity_g = found.by_cause()[Cause.ACTIVITY]
    assert activity_g == pytest.approx((5000 + mean) * math.log(1.25))


def test_a_generator_takes_the_place_of_the_grid_without_more_activity(tmp_path):
    def made(manifest):
        generator = {"name": "g", "energy": "200 kWh", "source": "made up"}
        manifest["sites"][0]["generators"] = [generator | {"intensity": "900 gCO2e/kWh"}]

    found = explain(stated(tmp_path / "a"), stated(tmp_path / "b", made))
    assert_adds_up(found)
    assert causes(found) == {Cause.STRUCTURE}
    assert found.difference_g == pytest.approx(200 * (900 - 50))


def two_meters(*energies):
    def change(manifest):
        work = manifest["runs"][0]["activities"][1]
        manifest["runs"][0]["activities"] = [
            {**work, "energy": f"{energy} kWh", "meter": f"meter {energy}"} for energy in energies
        ]

    return change


def test_the_order_of_the_activities_of_a_silo_changes_nothing(tmp_path):
    old, new = (
        stated(tmp_path / "a", two_meters(10, 1000)),
        stated(tmp_path / "b", two_meters(1000, 10)),
    )
    for total in ("location", "market", "sci"):
        assert explain(old, new, total).changes == ()


def test_a_silo_named_like_a_contract_is_itself(tmp_path):
    def named(swapped):
        def change(manifest):
            manifest["silos"][0]["name"] = "wind"
            manifest["runs"][0]["activities"][0]["silo"] = "wind"
            if swapped:
                manifest["instruments"][0]["energy"] = "600 kWh"

        return change

    found = explain(stated(tmp_path / "a", named(False)), stated(tmp_path / "b", named(True)))
    assert all(abs(change.difference_g) < 1e-6 for change in found.changes)


def test_other_losses_are_a_factor(tmp_path):
    def lost(share):
        table = {"share": share, "source": "made up"}
        return lambda manifest: manifest.update(upstream={"losses": {"FR": table}})

    found = explain(stated(tmp_path / "a", lost(0.2)), stated(tmp_path / "b", lost(0.1)))
    assert_adds_up(found)
    assert [(one.cause, one.what) for one in found.changes] == [(Cause.FACTOR, "losses/FR")]
    assert found.difference_g == pytest.approx(1200 * 50 * (1 / 9 - 1 / 4))


def test_a_longer_life_is_a_factor_that_divides(tmp_path):
    """Twice the life halves what the year has of the making."""

    def lives(years):
        def change(manifest):
            for one in manifest["hardware"]:
                one |= {"life": f"{years} year", "embodied": "500 kgCO2e", "source": "made up"}

        return change

    found = explain(stated(tmp_path / "a", lives(4)), stated(tmp_path / "b", lives(8)), "amortised")
    assert_adds_up(found)
    assert causes(found) == {Cause.FACTOR}
    assert found.difference_g == pytest.approx(-0.5 * found.old_g)
    assert all("lifespan" in one.what or "life" in one.what for one in found.changes)


def test_a_figure_that_is_no_product_is_refused(tmp_path):
    old = stated(tmp_path / "a")
    new = stated(tmp_path / "b", lambda m: m["sites"][1].update(pue=1.1))
    lines = []
    for line in new.lines:
        if line.place == "B" and line.location_g is not None:
            figure = replace(line.location_g, value=line.location_g.value * 1.01)
            line = replace(line, location_g=figure)
        lines.append(line)
    with pytest.raises(DocumentError, match="parts of its difference"):
        explain(old, replace(new, lines=tuple(lines)))


def test_another_allocation_is_structure(tmp_path):
    def shared(share):
        def change(manifest):
            manifest["method"]["allocation"] = "declared"
            partner = {"name": "P", "zone": "DE", "holding": "partner", "pue": 1.0}
            manifest["sites"].append({**partner, "reported_share": share})
            manifest["silos"].append({"name": "p", "place": "P"})
            work = {"silo": "p", "energy": "100 kWh", "tier": "A"}
            manifest["runs"][0]["activities"].append(work)

        return change

    old, new = stated(tmp_path / "a", shared(0.2)), stated(tmp_path / "b", shared(0.5))
    found = explain(old, new)
    assert_adds_up(found)
    assert causes(found) == {Cause.STRUCTURE}
    assert found.difference_g == pytest.approx(0.3 * 100 * 60)


def test_another_network_model_is_method(tmp_path):
    def moves(manifest):
        manifest["runs"][0]["activities"][0]["data"] = "10 TB"

    def other(manifest):
        moves(manifest)
        manifest["method"]["network"] = "mobile"

    found = explain(stated(tmp_path / "a", moves), stated(tmp_path / "b", other))
    assert_adds_up(found)
    assert causes(found) == {Cause.METHOD}
    assert any(note.startswith("network model") for note in found.notes)


def test_factor_and_activity_at_once_leave_no_rest(tmp_path):
    def both(manifest):
        manifest["intensity"]["DE"]["intensity"] = "90 gCO2e/kWh"
        manifest["runs"][0]["activities"][1]["energy"] = "400 kWh"

    found = explain(stated(tmp_path / "a"), stated(tmp_path / "b", both))
    assert_adds_up(found)
    parts = found.by_cause()
    assert parts[Cause.FACTOR] > 0 > parts[Cause.ACTIVITY]
    # Logarithmic mean of 60,000 and 36,000 g, by hand.
    mean = (36_000 - 60_000) / math.log(36_000 / 60_000)
    assert parts[Cause.FACTOR] == pytest.approx(mean * math.log(90 / 60))


@pytest.mark.parametrize("value", ["0 gCO2e/kWh", "60 gCO2e/kWh"])
def test_a_factor_of_nothing_is_explained_too(tmp_path, value):
    def change(manifest):
        manifest["intensity"]["DE"]["intensity"] = value

    for one, other in ((None, change), (change, None)):
        found = explain(stated(tmp_path / "a", one), stated(tmp_path / "b", other))
        assert_adds_up(found)
        assert causes(found) <= {Cause.FACTOR}


def test_a_statement_does_not_differ_from_itself(tmp_path):
    statement = stated(tmp_path)
    for total in TOTALS:
        found = explain(statement, statement, total)
        assert (found.difference_g, found.changes, found.notes) == (0.0, (), ())


def test_an_unknown_total_is_refused(tmp_path):
    statement = stated(tmp_path)
    with pytest.raises(UsageError, match="no total 'scope 4'"):
        explain(statement, statement, "scope 4")


@given(
    first=st.floats(0, 1e4, allow_subnormal=False),
    second=st.floats(0, 1e4, allow_subnormal=False),
    grid=st.floats(0.5, 900),
    pue=st.floats(1, 2.5),
    contract=st.floats(1, 5e3),
)
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_parts_add_up_whatever_changes(tmp_path, first, second, grid, pue, contract):
    def change(manifest):
        manifest["method"]["draws"] = 0
        manifest["runs"][0]["activities"][0]["energy"] = f"{first!r} kWh"
        manifest["runs"][0]["activities"][1]["energy"] = f"{second!r} kWh"
        manifest["intensity"]["DE"]["intensity"] = f"{grid!r} gCO2e/kWh"
        manifest["sites"][0]["pue"] = pue
        manifest["instruments"][0]["energy"] = f"{contract!r} kWh"

    old = stated(tmp_path / "a", lambda manifest: manifest["method"].update(draws=0))
    new = stated(tmp_path / "b", change)
    for total in ("location", "market", "sci"):
        found = explain(old, new, total)
        assert_adds_up(found)
        assert found.new_g == total_g(new, total)
    assert json.dumps([c.difference_g for c in found.changes], allow_nan=False)


def test_another_rule_of_allocation_is_method(tmp_path):
    def by(rule):
        def change(manifest):
            manifest["method"]["allocation"] = rule
            manifest["sites"].append({"name": "P", "zone": "DE", "holding": "partner", "pue": 1.0})
            manifest["silos"].append(
                {"name": "p", "place": "P", "device": "server", "records": 600}
            )
            manifest["runs"][0]["activities"].append(
                {"silo": "p", "duration": "100 h", "energy": "50 kWh", "tier": "A"}
            )

        return change

    # By data the coordinator has a quarter, by halves a half.
    old, new = stated(tmp_path / "a", by("data share")), stated(tmp_path / "b", by("equal"))
    found = explain(old, new)
    assert_adds_up(found)
    assert causes(found) == {Cause.METHOD}
    assert found.difference_g == pytest.approx(0.25 * 50 * 60)


def renamed(work=None):
    """Give the run another name, as that of another year; and another thing to do, or none."""

    def change(manifest):
        manifest["runs"][0]["name"] = "next"
        if work is not None:
            work(manifest["runs"][0]["activities"])

    return change


def test_runs_silos_and_hardware_of_other_names_are_no_difference(tmp_path):
    def other_names(manifest):
        renamed()(manifest)
        for one in manifest["silos"] + manifest["hardware"]:
            one["name"] += "2"
        for work in manifest["runs"][0]["activities"]:
            work["silo"] += "2"
            work["meter"] += "2"

    old, new = stated(tmp_path / "a"), stated(tmp_path / "b", other_names)
    for total in TOTALS:
        assert explain(old, new, total).changes == ()
    runs = explain(old, new).runs
    assert [(one.name, one.old_g is None, one.new_g is None) for one in runs] == [
        ("r", False, True),
        ("next", True, False),
    ]
    assert runs[0].old_g == pytest.approx(1200 * 50 + 1000 * 60)


def test_a_renamed_example_of_many_runs_is_no_difference(tmp_path):
    folder = tmp_path / "company"
    folder.mkdir()
    (folder / "journals").symlink_to(EXAMPLE / "journals")
    first, _, runs = (EXAMPLE / "deployment.toml").read_text().partition("# --- runs: measured -")
    runs, _, last = runs.partition("# --- what is left out,")
    runs = runs.replace('\nname = "', '\nname = "again, ')
    (folder / "deployment.toml").write_text(f"{first}#{runs}# {last}")
    old, new = state(read_deployment(EXAMPLE)), state(read_deployment(folder, outside=True))
    assert not {line.run for line in old.lines if line.run} & {line.run for line in new.lines}
    for total in ("location", "market", "sci"):
        found = explain(old, new, total)
        assert_adds_up(found)
        assert all(abs(one.difference_g) < 1e-6 for one in found.changes)


def test_more_energy_in_a_run_of_another_name_is_activity(tmp_path):
    """Two runs take the place of one; what both did at a place is one sum."""

    def two(manifest):
        renamed()(manifest)
        work = {"silo": "b", "energy": "500 kWh", "tier": "A", "phase": "evaluate"}
        manifest["runs"].append({"name": "further", "activities": [work]})

    found = explain(stated(tmp_path / "a"), stated(tmp_path / "b", two))
    assert_adds_up(found)
    assert causes(found) == {Cause.ACTIVITY}
    (change,) = found.changes
    assert (change.old, change.new, change.unit) == (1000, 1500, "kWh")
    assert found.difference_g == pytest.approx(500 * 60)
    assert [one.name for one in found.runs] == ["r", "next", "further"]


def test_a_run_that_came_is_one_line(tmp_path):
    def more(manifest):
        work = {"energy": "100 kWh", "tier": "A", "duration": "1 h", "data": "1 TB"}
        places = [work | {"silo": name} for name in ("a", "b", "c")]
        manifest["runs"].append({"name": "s", "activities": places})

    found = explain(stated(tmp_path / "a"), stated(tmp_path / "b", more))
    assert [one.what for one in found.changes] == ["new: run s"]
    assert_adds_up(found)
    assert found.runs[0].new_g == pytest.approx(found.difference_g)


@pytest.mark.parametrize(("old", "new"), [(5e-324, 1e-320), (1e-320, 5e-324), (3e-310, 2e-308)])
def test_energies_too_small_for_all_their_digits_are_explained(tmp_path, old, new):
    def used(energy):
        def change(manifest):
            manifest["method"]["draws"] = 0
            for work in manifest["runs"][0]["activities"]:
                work["energy"] = f"{energy!r} kWh"
            manifest["sites"][0]["pue"] = 1.7
            manifest["intensity"]["DE"]["intensity"] = "0.3 gCO2e/kWh"

        return change

    one, other = stated(tmp_path / "a", used(old)), stated(tmp_path / "b", used(new))
    for total in ("location", "market", "sci"):
        found = explain(one, other, total)
        assert_adds_up(found)
        assert causes(found) == set()
    for statement in (one, other):
        assert from_json(to_json(statement)).totals == statement.totals


@given(
    energies=st.lists(st.floats(0, 1e4, allow_subnormal=False), min_size=1, max_size=4),
    silos=st.lists(st.sampled_from("abc"), min_size=4, max_size=4),
    generator=st.floats(1, 2e3),
)
@settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_parts_add_up_when_runs_take_the_place_of_others(tmp_path, energies, silos, generator):
    def change(manifest):
        manifest["method"]["draws"] = 0
        manifest["runs"] = [
            {
                "name": f"n{i}",
                "activities": [{"silo": s, "energy": f"{e!r} kWh", "duration": "1 h"}],
            }
            for i, (e, s) in enumerate(zip(energies, silos, strict=False))
        ]
        made = {"name": "g", "energy": f"{generator!r} kWh", "source": "made up"}
        manifest["sites"][0]["generators"] = [made | {"intensity": "900 gCO2e/kWh"}]

    old = stated(tmp_path / "a", lambda manifest: manifest["method"].update(draws=0))
    new = stated(tmp_path / "b", change)
    for one, other in ((old, new), (new, old)):
        for total in ("location", "market", "sci", "amortised"):
            assert_adds_up(explain(one, other, total))


def meters(*energies):
    """Let the silo b have a meter for each energy, each with a name of its own."""

    def change(manifest):
        work = manifest["runs"][0]["activities"][1]
        manifest["runs"][0]["activities"] = [
            {**work, "energy": f"{energy} kWh", "meter": f"meter {number}"}
            for number, energy in enumerate(energies)
        ]

    return change


@pytest.mark.parametrize("total", ["location", "market", "sci"])
def test_one_of_two_meters_that_reads_more_is_activity(tmp_path, total):
    old, new = stated(tmp_path / "a", meters(10, 1000)), stated(tmp_path / "b", meters(1000, 1000))
    found = explain(old, new, total)
    assert_adds_up(found)
    assert causes(found) == {Cause.ACTIVITY}
    assert found.difference_g == pytest.approx(990 * (700 if total == "market" else 60))


def stores(**method):
    def change(manifest):
        manifest["method"] |= method
        stored = {"silo": "b", "stored": "1000 TB", "kept": "1000 h"}
        manifest["runs"][0]["activities"].append(stored)

    return change


@pytest.mark.parametrize("method", [{"medium": "storage.ssd"}, {"replication": 3.0}])
@pytest.mark.parametrize("total", ["location", "sci"])
def test_another_medium_and_more_copies_are_method(tmp_path, method, total):
    old, new = stated(tmp_path / "a", stores()), stated(tmp_path / "b", stores(**method))
    found = explain(old, new, total)
    assert_adds_up(found)
    assert causes(found) == {Cause.METHOD}
    assert abs(found.difference_g) > 1


def other_signal(manifest):
    """Take life-cycle intensities, which are other ones, and a contract of another one."""
    manifest["method"]["signal"] = "average/location/life-cycle"
    for one in manifest["intensity"].values():
        one["intensity"] = "90 gCO2e/kWh"
    manifest["instruments"][0]["intensity"] = "20 gCO2e/kWh"


def test_another_signal_is_method_for_the_grid_and_not_for_a_contract(tmp_path):
    old, new = stated(tmp_path / "a"), stated(tmp_path / "b", other_signal)
    found = explain(old, new, "location")
    assert_adds_up(found)
    assert causes(found) == {Cause.METHOD}
    assert found.difference_g == pytest.approx(1200 * 40 + 1000 * 30)
    found = explain(old, new, "market")
    assert_adds_up(found)
    assert [(one.cause, one.what) for one in found.changes] == [
        (Cause.FACTOR, "supply/contract/wind")
    ]
    assert found.difference_g == pytest.approx(500 * 10)


@pytest.mark.parametrize("total", ["amortised", "sci"])
def test_less_of_a_device_is_activity(tmp_path, total):
    def part(manifest):
        manifest["hardware"][0]["share"] = 0.25

    for one, other in ((None, part), (part, None)):
        found = explain(stated(tmp_path / "a", one), stated(tmp_path / "b", other), total)
        assert_adds_up(found)
        (change,) = found.changes
        assert change.cause is Cause.ACTIVITY
        assert "share of the device" in change.what
        assert sorted((change.old, change.new)) == [0.25, 1]


def test_uses_whose_names_meet_are_two_changes(tmp_path):
    def work(more):
        def change(manifest):
            manifest["method"]["draws"] = 0
            names = (("r", "x / y"), ("r / x", "y"))
            manifest["silos"] = [{"name": silo, "place": "B"} for _, silo in names]
            manifest["runs"] = [
                {"name": run, "activities": [{"silo": silo, "energy": f"{kwh + more} kWh"}]}
                for (run, silo), kwh in zip(names, (10, 500), strict=True)
            ]

        return change

    found = explain(stated(tmp_path / "a", work(0)), stated(tmp_path / "b", work(10)))
    assert_adds_up(found)
    assert len({change.what for change in found.changes}) == 1
    assert sorted((one.old, one.new) for one in found.changes) == [(10, 20), (500, 510)]


def test_a_change_says_how_many_lines_of_the_statement_it_touches(tmp_path):
    """Of the silo b, whose two meters have a line each, the grid is another."""

    def other(manifest):
        meters(10, 1000)(manifest)
        manifest["intensity"]["DE"]["intensity"] = "90 gCO2e/kWh"

    old, new = stated(tmp_path / "a", meters(10, 1000)), stated(tmp_path / "b", other)
    (change,) = explain(old, new).changes
    assert change.lines == sum(line.place == "B" and line.run == "r" for line in new.lines) == 2


def partner(energy, share=0.25):
    def change(manifest):
        manifest["method"]["allocation"] = "declared"
        site = {"name": "P", "zone": "DE", "holding": "partner", "pue": 1.0}
        manifest["sites"].append(site | {"reported_share": share})
        manifest["silos"].append({"name": "p", "place": "P"})
        work = {"silo": "p", "energy": f"{energy} kWh", "tier": "A"}
        manifest["runs"][0]["activities"].append(work)

    return change


def test_what_partners_report_is_beside_what_they_reported(tmp_path):
    """The functional unit holds both parts of a partner's work: each is a use of its own."""
    old, new = stated(tmp_path / "a", partner(100)), stated(tmp_path / "b", partner(150))
    found = explain(old, new, "sci")
    assert_adds_up(found)
    assert [(one.cause, one.old, one.new) for one in found.changes] == [
        (Cause.ACTIVITY, 100, 150)
    ] * 2
    parts = sorted(one.difference_g for one in found.changes)
    assert parts == pytest.approx([0.25 * 50 * 60, 0.75 * 50 * 60])
    # What others report no longer is no less of what the company does.
    moved = explain(old, stated(tmp_path / "c", partner(100, 0.6)), "outside")
    (change,) = moved.changes
    assert (change.old, change.new) == (0.75, 0.4)


def test_more_units_are_a_note_since_no_total_sees_them(tmp_path):
    old = stated(tmp_path / "a")
    new = stated(tmp_path / "b", lambda m: m["functional_unit"].update(count=4))
    found = explain(old, new, "sci")
    assert found.changes == ()
    assert "functional unit: 2 x model -> 4 x model" in found.notes
    sci = f"{old.sci.intensity_g.value:.6g} -> {old.sci.intensity_g.value / 2:.6g} gCO2e per model"
    assert f"Software Carbon Intensity: {sci}" in found.notes
    without = stated(tmp_path / "c", lambda m: m.pop("functional_unit"))
    assert "functional unit: 2 x model -> none" in explain(old, without).notes
