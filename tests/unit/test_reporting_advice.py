"""How advice is shown: the page, the terminal, and names that mean harm."""

import io
import json
import re
from dataclasses import replace
from functools import cache

import pytest
from rich.console import Console
from typer.testing import CliRunner

from footprint.cli.main import app
from footprint.documents import from_json, to_json, write_document
from footprint.errors import UsageError
from footprint.management.advisor.weighing import weigh
from footprint.model import DecisionKind, Interval
from footprint.reporting import extract_document, render_report
from footprint.reporting.advice import view_plan
from footprint.reporting.advice_words import say_money
from footprint.reporting.numbers import NBSP, Scale
from footprint.reporting.terminal import print_result
from tests.advice_plans import company, options, plan
from tests.unit.test_reporting_html import Outline

SCRIPT = "</script><script>alert(1)</script>"
STEERING = "\x1b[31m\x1b]0;owned\x07\u202e"


def hostile(name):
    return f"{name}{SCRIPT}{STEERING}"


@cache
def usual():
    return plan()


@cache
def harmful():
    return plan(hostile)


def seen(page):
    """Text of a page as a reader sees it, in one line."""
    body = re.sub(r"<script.*?</script>|<style.*?</style>", "", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", body)).replace(NBSP, " ")


def printed(result, width):
    console = Console(file=io.StringIO(), width=width)
    print_result(result, console)
    return console.file.getvalue().replace(NBSP, " ")


def test_decisions_stand_by_saving_and_what_stays_comes_last():
    page = view_plan(usual())
    titles = [decision.title for decision in page.decisions]
    assert [title.split(" ", 1)[1] for title in titles] == [
        "defects: centralise → federate",
        "leipzig/wheel-scans: keep → tier down",
        "gdansk/gate-counts: keep → delete",
        "nightly: now at leipzig → at night at lyon",
        "delay-board: at the centre → at the clients",
        "turin/seat-finder: keep → retire",
        "delays: keep → retrain",
        "defects: without gdansk (as today)",
    ]
    by_title = {one.title.split(" ", 1)[1]: one for one in page.decisions}
    assert by_title["gdansk/gate-counts: keep → delete"].irreversible
    assert by_title["gdansk/gate-counts: keep → delete"].conditions


def test_equal_savings_stand_by_certainty():
    one = usual().advice[0]
    sure, unsure = replace(one, id="a", certainty=0.6), replace(one, id="b", certainty=0.9)
    page = view_plan(plan(advice=(sure, unsure)))
    assert [row[-1].text for row in page.summary.rows] == [f"90{NBSP}%", f"60{NBSP}%"]


def test_lines_are_amount_times_factors():
    # 60 kWh at a PUE of 1.5 on a grid of 400 gCO2e/kWh.
    page = view_plan(usual())
    retrain = next(one for one in page.decisions if one.kind == "Retraining")
    (options,), lines = retrain.tables, retrain.lines
    row = next(row for row in lines.rows if row[0].text == "retrain")
    assert row[2].text == "60 kWh"
    assert row[2].sub[1:] == (
        "× 1.5 (pue/declared/leipzig site)",
        "× 400 gCO₂e/kWh (grid/DE/declared)",
    )
    assert (row[3].text, lines.columns[3].unit) == ("36", "kg CO₂e")
    best = options.rows[0]
    assert best[0].text == "retrain"
    assert [cell.text for cell in best[-3:]] == ["1.5", "90.0", "−54.0"]


@cache
def small():
    return company(draws=100)


def simple(name, before, after, gain=None, **changes):
    """A decision of two options: kWh in Lyon today, and kWh there instead."""
    found = small()
    options_ = options(found, today={"lyon": before}, other={"lyon": after} if after else {})
    options_[1] = replace(options_[1], gain=gain, worth_g=gain and 1e6)
    made = weigh(DecisionKind.ARCHITECTURE, name, options_, "today", reason="A test.")
    return replace(made, id=name, **changes)


def of(*advice, **changes):
    return view_plan(plan(advice=advice, company="C", **changes))


def cards(page):
    return {card.label: card for group in page.groups for card in group.cards}


def grams(kwh, silo="lyon"):
    """Emissions of an option, as its own lines have them."""
    (made,) = options(company(draws=0), x={silo: kwh})
    return made.assessment.total_g.value


def test_only_what_stands_alone_is_added():
    whole = simple("a", 100.0, 40.0)
    part = simple("b", 100.0, 10.0, part_of="a")
    more = simple("c", 10.0, 15.0, gain=1.0)
    page = of(part, more, whole)
    saved, added = grams(60.0), grams(5.0)
    text = page.verdict.replace(NBSP, " ")
    assert f"1 change would save {emissions(saved)}, and 1 change would emit" in text
    assert f"would emit {emissions(added)} more, because it brings more" in text
    assert text.endswith("; 1 change is part of another decision, and not added.")
    found = cards(page)
    assert emissions(saved).startswith(found["Could be saved: emissions"].value + " ")
    assert emissions(added).startswith(found["Would be added"].value + " ")
    assert found["Could be saved: emissions"].note == (
        f"of 1{NBSP}change, each alone; of what is trained or planned, which is not in today's sums"
    )
    assert (found["Changes advised"].value, found["Cannot be undone"].value) == ("3", "0")
    saved_kwh = whole.saving_kwh
    assert found["Could be saved: electricity"].value == Scale.of("energy", [saved_kwh]).text(
        saved_kwh
    )


def test_savings_of_what_lies_here_are_told_from_those_of_what_is_planned():
    trained = simple("a", 100.0, 40.0)
    stored = replace(simple("b", 30.0, 10.0), kind=DecisionKind.DATASET)
    asked = replace(simple("c", 15.0, 10.0), kind=DecisionKind.APPLICATION)
    found = cards(of(trained, stored, asked))
    kwh = found["Could be saved: electricity"]
    # With the overhead of the building, 1.4.
    assert (kwh.value, kwh.unit) == ("119", "kWh")
    assert kwh.note == "35.0 of what lies here, 84.0 of what is trained or planned"
    assert cards(of(stored))["Could be saved: electricity"].note == "of what lies here"
    money = found["Could be saved: money"]
    assert (money.value, money.note) == (
        "23.8", "7.00 of what lies here, 16.8 of what is trained or planned",
    )  # fmt: skip


def test_a_sum_of_money_says_of_how_many_changes_it_is():
    priced = simple("a", 100.0, 40.0)
    unpriced = replace(simple("b", 30.0, 10.0), saving_cost=None, currency=None)
    note = cards(of(priced, unpriced))["Could be saved: money"].note
    assert note.startswith(f"of 1{NBSP}change; of 1 it is not known; ")
    unmetered = replace(priced, saving_kwh=None)
    note = cards(of(unpriced, unmetered))["Could be saved: electricity"].note
    assert note.startswith(f"of 1{NBSP}change; of 1 it is not known; ")


def emissions(value):
    scale = Scale.of("emissions", [value])
    return f"{scale.text(value)} {scale.unit}"


def test_what_is_part_of_a_decision_stands_below_it():
    small, large = simple("small", 20.0, 10.0), simple("large", 100.0, 40.0)
    part = simple("part", 1000.0, 10.0, part_of="small")
    inner = simple("inner", 30.0, 29.0, part_of="part")
    lost = simple("lost", 50.0, 1.0, part_of="elsewhere")
    page = of(lost, inner, part, small, large)
    assert [one.title.partition(":")[0] for one in page.decisions] == [
        "1. large", "2. lost", "3. small", "4. part", "5. inner",
    ]  # fmt: skip
    by_title = {one.title.partition(":")[0]: one.saving for one in page.decisions}
    assert by_title["4. part"].endswith(
        "Part of the architecture of small: not added to the others."
    )
    assert "Part of elsewhere, which is not in this plan" in by_title["2. lost"]
    assert page.summary.rows[3][0].sub == ("part of the architecture of small",)
    assert [row[0].text for row in page.savings.table.rows][-1] == "5. inner"
    assert "part of another decision" in page.savings.caption


def test_a_part_of_what_stays_keeps_its_number():
    stays = simple("stays", 10.0, 20.0)
    part = simple("part", 30.0, 20.0, part_of="stays")
    other = replace(simple("other", 10.0, 20.0), id="zz")
    page = of(stays, part, other)
    drawn = [row[0].text for row in page.savings.table.rows]
    assert [one.title.partition(":")[0] for one in page.decisions if "→" in one.title] == drawn
    assert f"C: 1{NBSP}change is part of another decision, and not added." in page.verdict


def test_why_more_is_emitted():
    barred = simple("a", 10.0, 20.0, gain=1.0)
    options_ = (replace(barred.options[0], barrier="a law"), barred.options[1])
    barred = replace(barred, options=options_)
    brings = simple("b", 10.0, 15.0, gain=1.0)
    for advice, why in (
        ((barred,), "more, because what is done today is barred over"),
        ((brings,), "more, because it brings more over"),
        ((brings, barred), "because they bring more, or what is done today is barred over"),
        ((brings, replace(brings, id="c")), "more, because they bring more over"),
    ):
        assert why in of(*advice).verdict.replace(NBSP, " ")


@pytest.mark.parametrize(
    ("made", "draws", "why"),
    [
        ((9.0, 0.0, None), 100, "one option emits nothing"),
        ((9.0, 4.0, None), 100, "what is not drawn decides"),
        ((9.0, 4.0, 0.5), 0, "nothing was drawn"),
    ],
)
@pytest.mark.parametrize("width", [60, 130])
def test_a_robustness_that_is_not_known_is_a_dash_with_its_reason(made, draws, why, width):
    advice = replace(simple("a", *made[:2]), certainty=made[2])
    made = plan(advice=(advice,), draws=draws)
    page = view_plan(made)
    assert (page.summary.rows[0][-1].text, page.summary.rows[0][-1].sub) == ("–", (why,))
    assert f"Robust to the factors: – ({why})." in page.decisions[0].saving
    assert why in re.sub(r"[\s│]+", " ", printed(made, width))
    barred = replace(advice.options[0], barrier="a law")
    alone = replace(advice, options=(barred, advice.options[1]), certainty=None)
    if draws:
        assert "(nothing else is possible)" in of(alone).decisions[0].saving


def test_robustness_holds_nothing_of_what_is_not_drawn():
    page = of(replace(simple("a", 9.0, 4.0), certainty=0.6))
    assert page.summary.rows[0][-1].text == f"60{NBSP}%"
    assert page.summary.rows[0][-1].sub == ()
    assert f"Robust to the factors: 60{NBSP}%." in page.decisions[0].saving
    weak = of(replace(simple("a", 9.0, 4.0), certainty=0.2)).decisions[0].saving
    assert f"20{NBSP}%: in most draws another option is better." in weak
    assert "holds nothing of what is not drawn" in page.summary.note
    text = seen(render_report(plan(), assets="directory"))
    assert "ertainty" not in text.split("Reproduce")[0]


def test_changes_that_emit_more_are_said_to():
    decision = next(one for one in view_plan(usual()).decisions if one.kind == "Retraining")
    assert re.match(
        r"Emits 34 kg CO₂e \(\d+–\d+\) more; 85.5 kWh more;", decision.saving.replace(NBSP, " ")
    )
    assert "1 change would emit 34.2 kg CO₂e more" in view_plan(usual()).verdict.replace(NBSP, " ")


def test_page_says_what_lies_where_and_when_it_was_read():
    text = seen(render_report(usual(), assets="directory"))
    assert "5 datasets (5.27 TB) and 2 applications in 4 silos" in text
    assert "read 2026-11-18 2 days ago written 2026-10-21" in text
    assert "kept until 2026-06-03" in text
    assert "Made for 2026-11-20 00:00 UTC" in text
    assert "2 of them have no estimate" in text
    silos = view_plan(usual()).places.table
    turin = next(row for row in silos.rows if row[0].text == "turin")
    # Neither of its entries has an estimate: that is not 0.
    assert [cell.text for cell in turin[4:]] == ["–", "–", "–"]


def test_every_factor_of_every_line_is_in_the_register():
    made = usual()
    page = view_plan(made)
    listed = {row[0].text for row in page.factors.rows}
    used = {
        name.removeprefix("1/")
        for advice in made.advice
        for option in advice.options
        for part in option.assessment.contributions
        for name in part.terms
    }
    used |= {
        n.removeprefix("1/")
        for line in made.state.lines
        for c in line.contributions
        for n in c.terms
    }
    assert used <= listed


@pytest.mark.parametrize("make", [usual, harmful])
def test_page_holds_the_plan_and_is_drawn_from_it_alone(make):
    page = render_report(make(), assets="directory", command="footprint manage advise company/")
    text = extract_document(page)
    assert text == to_json(make(), compact=True)
    again = render_report(
        from_json(text), assets="directory", command="footprint manage advise company/"
    )
    assert again == page


def test_markup_in_names_is_text():
    outline = Outline(render_report(harmful(), assets="directory"))
    page = render_report(harmful(), assets="directory")
    assert SCRIPT not in page
    assert "\x1b" not in page
    assert "\u202e" not in outline.blocks["chart-savings"]
    # The library, our script, the result, and a block for each of two charts.
    assert outline.count("script") == 5
    assert "&lt;/script&gt;&lt;script&gt;alert(1)" in page
    for chart in ("chart-savings", "chart-places"):
        assert "<script" not in json.dumps(json.loads(outline.blocks[chart]))
    assert not any(key.startswith("on") for _, attributes in outline.elements for key in attributes)


def test_links_of_the_contents_lead_somewhere():
    outline = Outline(render_report(usual(), assets="directory"))
    ids = {attributes["id"] for _, attributes in outline.elements if "id" in attributes}
    links = [attributes["href"] for tag, attributes in outline.elements if tag == "a"]
    inner = {link[1:] for link in links if link.startswith("#")}
    assert "decision-8" in inner
    assert inner <= ids


@pytest.mark.parametrize("width", [60, 130])
def test_terminal_says_every_decision_with_its_reason(width):
    text = printed(usual(), width)
    flat = re.sub(r"\s+", " ", text)
    for advice in usual().advice:
        assert advice.subject in flat
        assert advice.reason.replace("CO2e", "CO₂e") in flat
    assert "Condition: Ask the owner, station, whether it may go." in flat
    assert flat.count("This cannot be undone.") == 2
    assert "The silo 'amsterdam' has no catalogue." in flat
    assert max(map(len, text.splitlines())) <= width


@pytest.mark.parametrize("width", [60, 130])
def test_terminal_is_not_steered(width):
    text = printed(harmful(), width)
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "\u202e" not in text


def test_plan_of_nothing_still_says_why():
    empty = plan(advice=(), state=None, inputs=(), declared=())
    page = view_plan(empty)
    assert "no decision could be advised on" in page.verdict
    assert page.figures == ()
    assert "The silo 'amsterdam' has no catalogue." in seen(
        render_report(empty, assets="directory").replace("&#39;", "'")
    )
    assert "no decision could be advised on" in printed(empty, 80).replace("\n", " ")


@pytest.mark.parametrize(
    ("cost", "shown"),
    [
        (Interval(2340.0, 2340.0 - 1e-9, 2340.0 + 1e-9), "2,340 EUR"),
        (Interval(128.04, 128.01, 128.12), "128 EUR"),
        (Interval(2e-5, 1e-5, 3e-5), "< 0.01 EUR"),
        (Interval(-2e-5, -3e-5, -1e-5), "> −0.01 EUR"),
        (Interval(0.0, -3.0, 4.0), "0 EUR (−3.0 to 4.0)"),
        (Interval(0.0, 0.0, 0.0), "0 EUR"),
    ],
)
def test_money_has_the_digits_that_it_supports(cost, shown):
    assert say_money(cost, "EUR").replace(NBSP, " ") == shown


def test_ends_that_are_both_too_small_to_write_are_left_out():
    scale = Scale.of("emissions", [90_000.0])
    tiny = Interval(-0.1, -0.2, -0.05)
    assert scale.text(tiny.value, tiny.width)[0] in "<>"
    assert scale.range(tiny) == ""
    assert scale.range(Interval(-0.1, -90.0, 90.0)) != ""


def test_doing_nothing_uses_nothing():
    delete = next(one for one in view_plan(usual()).decisions if "delete" in one.title)
    (options,), lines = delete.tables, delete.lines
    assert [cell.text for cell in options.rows[0]] == ["delete", "0", "0", f"0{NBSP}EUR"]
    assert lines.note == "Without a line, as nothing is done: delete."


def test_times_that_no_calendar_has_are_still_shown():
    for made_s in (1e18, -1e18):
        assert "Unix time" in seen(render_report(plan(made_s=made_s), assets="directory"))


def test_without_draws_nothing_is_certain():
    page = view_plan(plan(draws=0))
    assert {row[-1].text for row in page.summary.rows} == {"–"}


def test_nothing_to_change_is_said():
    stays = replace(usual().advice[6], saving_g=Interval(0.0, 0.0, 0.0))
    assert "what is done today is best" in view_plan(plan(advice=(stays,))).verdict


def test_commands_take_a_plan_or_say_why_not(tmp_path):
    made = write_document(usual(), tmp_path / "plan.json")
    page = tmp_path / "plan.html"
    runner = CliRunner()
    done = runner.invoke(app, ["report", str(made), "-o", str(page), "--assets", "directory"])
    assert done.exit_code == 0
    again = tmp_path / "again.html"
    command = ["report", str(page), "-o", str(again), "--assets", "directory"]
    assert runner.invoke(app, command).exit_code == 0
    assert extract_document(again.read_text()) == to_json(usual(), compact=True)
    for command, reason in (
        (["compare", str(made), str(made)], "is a plan of advice"),
        (["audit", "diff", str(made), str(made)], "is no statement"),
    ):
        refused = runner.invoke(app, command).exception
        assert isinstance(refused, UsageError)
        assert reason in refused.message
        assert refused.remedy
