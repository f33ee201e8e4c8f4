"""What pages say of planned trainings, beyond phases and zones."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from footprint.comparison import compare, rank
from footprint.documents import from_json, to_json
from footprint.errors import UsageError
from footprint.manifest import read_manifest
from footprint.model import Architecture, Interval, LearningCurve, Stage
from footprint.reporting.charts import draw
from footprint.reporting.shapes import GroupedChart, RangeChart
from footprint.reporting.view import view
from footprint.scenarios import estimate_study
from footprint.sensitivity import compare_study

HOSPITALS = Path(__file__).parents[2] / "examples" / "manifests" / "ok" / "hospitals.toml"


@pytest.fixture(scope="module")
def result():
    return compare_study(replace(read_manifest(HOSPITALS), draws=500))


@pytest.fixture(scope="module")
def page(result):
    return view(result)


def figure(page, name):
    return next(one for one in page.figures if one.id == name)


def test_the_first_sentence_names_winner_ratio_interval_and_unit(result, page):
    assert f"{result.ratio.value:.2f} times" in page.verdict
    assert "90" in page.verdict
    assert "interval" in page.verdict
    assert result.baseline.run.functional_unit in page.verdict
    assert page.title == "hospitals: federated compared with centralised"


def test_where_devices_are_most_of_it_their_lifespans_are_said_to_have_no_bounds(result):
    plan = result.candidate
    assert not any("lifespan" in remark for remark in view(plan).remarks)
    devices = tuple(c for c in plan.contributions if c.stage is Stage.EMBODIED)
    total_g = math.fsum(c.emissions_g.value for c in devices)
    alone = replace(
        plan, contributions=devices, total_g=Interval(total_g, total_g / 2, total_g * 2)
    )
    assert any("100 % of the total" in r.replace("\xa0", " ") for r in view(alone).remarks)
    bounded = tuple(
        replace(t, low=t.value / 2) if t.quantity == "lifespan" else t for t in alone.terms
    )
    assert not any("lifespan" in r for r in view(replace(alone, terms=bounded)).remarks)


def test_two_totals_are_written_so_that_their_difference_shows(result, page):
    """101.06 and 99.01 kg: as 100 and 99 they would not differ by 2."""
    totals = [group.cards[0].value for group in page.groups[1:]]
    foot = [cell.text for cell in figure(page, "differences").table.foot[1:3]]
    phases = [cell.text for cell in figure(page, "phases").table.foot[1::2]]
    assert totals == foot == phases
    shown = float(totals[1]) - float(totals[0])
    assert shown == pytest.approx(result.difference_g.value / 1000, abs=1)


def test_a_document_keeps_everything(result):
    assert from_json(to_json(result)) == result


def test_stages_costs_and_networks_show_what_the_result_holds(result, page):
    stages = figure(page, "life-cycle")
    totals = [math.fsum(series.values) for series in stages.chart.series]
    wanted = [a.total_g.value for a in (result.baseline, result.candidate)]
    assert totals[0] / totals[1] == pytest.approx(wanted[0] / wanted[1])
    costs = figure(page, "costs")
    assert costs.chart.unit == "EUR"
    bills = [a.bill.total.value for a in (result.baseline, result.candidate)]
    assert [math.fsum(s.values) for s in costs.chart.series] == pytest.approx(bills)
    assert "not in it" in costs.table.note
    networks = figure(page, "networks")
    assert len(networks.chart.rows) == len(result.alternatives)


def test_bars_of_the_sensitivity_start_at_the_estimate_and_are_sorted(page):
    chart = figure(page, "sensitivity").chart
    widths = [abs(a - b) for a, b in zip(chart.lows, chart.highs, strict=True)]
    assert widths == sorted(widths, reverse=True)
    for low, high in zip(chart.lows, chart.highs, strict=True):
        assert min(low, high) <= chart.centre <= max(low, high)
    shares = [row[-1].share for row in figure(page, "sensitivity").table.rows]
    assert math.fsum(shares) == pytest.approx(1)


def test_lines_of_the_break_even_meet_where_the_table_says(result, page):
    chart = figure(page, "break-even").chart
    (mark,) = (at for at, text in chart.marks if text == "both emit the same")
    assert mark in [one.value for one in result.break_evens]
    baseline, candidate = chart.lines
    there = [np.interp(mark, line.xs, line.ys) for line in (baseline, candidate)]
    assert there[0] == pytest.approx(there[1])
    for line in chart.lines:
        for low, value, high in zip(line.lows, line.ys, line.highs, strict=True):
            assert low <= value <= high


def test_the_course_ends_at_the_totals_and_never_falls(result, page):
    course = next(one for one in result.trajectories if one.quantity == "time")
    for side, assessment in (
        (course.baseline, result.baseline),
        (course.candidate, result.candidate),
    ):
        values = [one.value for one in side]
        assert values == sorted(values)
        assert values[-1] == pytest.approx(assessment.total_g.value)
        # What is copied is there on the first day, what is trained takes its time.
        assert 0 < values[1] < values[-1]
    assert course.at[-1] == pytest.approx(12.0, rel=1e-3)
    chart = figure(page, "time").chart
    assert len(draw(chart)["data"]) == 4  # two lines, each with its band


def test_learning_curves_are_drawn_with_the_choices_that_nothing_beats(result):
    slow = LearningCurve("training.local_epochs=1", (0.3, 0.6), (1.0, 2.0), (9.0, 18.0))
    fast = LearningCurve("training.local_epochs=5", (0.7, 0.71), (3.0, 6.0), (20.0, 40.0))
    bad = LearningCurve("training.local_epochs=50", (0.3, 0.6), (30.0, 60.0), (90.0, 180.0))
    drawn = figure(view(replace(result, curves=(slow, fast, bad))), "learning")
    *lines, front = drawn.chart.lines
    assert [line.name for line in lines] == ["local_epochs=1", "local_epochs=5", "local_epochs=50"]
    assert len(front.xs) == 4
    assert "2 hold choices" in drawn.caption
    assert draw(drawn.chart)["layout"]["xaxis"]["type"] == "log"


def test_a_ranking_is_sorted_and_every_scenario_is_in_every_figure(result):
    ranking = rank([result.baseline, result.candidate, result.candidate])
    page = view(ranking)
    assert page.kind == "ranking"
    chart = page.figures[0].chart
    values = [one.value for one in chart.intervals]
    assert values == sorted(values)
    assert len(draw(chart)["data"][0]["x"]) == 3
    # Two of them are the same: both are lowest wherever the baseline is not.
    assert ranking.lowest[0] + ranking.lowest[1] == pytest.approx(1)
    assert ranking.lowest[1] == ranking.lowest[2]
    for one in page.figures[1:]:
        if isinstance(one.chart, GroupedChart):
            assert len(one.chart.series) == 3
    assert from_json(to_json(ranking)) == ranking


def test_the_page_of_a_plan_speaks_of_no_meter(page):
    said = str([page.groups, page.boundary])
    assert "meter" not in said
    assert "tracked processes" not in said
    declared = {row[0].text: row[1].text for row in page.inputs[1].rows}
    assert declared["clients.krakow.power"] == "350 W"


def test_every_range_chart_can_be_drawn(page):
    charts = [one.chart for one in page.figures if isinstance(one.chart, RangeChart)]
    assert charts
    for chart in charts:
        drawn = draw(chart)
        assert len(drawn["data"]) == 2
        assert all(len(trace["y"]) == len(chart.rows) for trace in drawn["data"])


def test_a_plan_has_no_figures_per_round(result, page):
    labels = [card.label for group in page.groups for card in group.cards]
    assert "Per round" not in labels
    assert "Cost" in labels
    assert "Price of the emissions" in labels


def test_a_page_of_one_architecture_has_stages_costs_and_sensitivity():
    study = replace(read_manifest(HOSPITALS), draws=500)
    page = view(estimate_study(study, Architecture.CENTRALISED))
    assert {one.id for one in page.figures} >= {"life-cycle", "costs", "sensitivity"}


def test_flows_keep_what_flows_through_them(result, page):
    chart = figure(page, "flows").chart
    entering, leaving = {}, {}
    for source, target, value in zip(chart.sources, chart.targets, chart.values, strict=True):
        leaving[source] = leaving.get(source, 0.0) + value
        entering[target] = entering.get(target, 0.0) + value
    middle = set(entering) & set(leaving)
    assert middle
    for node in middle:
        assert entering[node] == pytest.approx(leaving[node])
    drawn = draw(chart)
    assert drawn["data"][0]["type"] == "sankey"
    totals = sum(a.total_g.value for a in (result.baseline, result.candidate))
    ends = sum(value for node, value in entering.items() if node not in middle)
    starts = sum(value for node, value in leaving.items() if node not in middle)
    assert ends == pytest.approx(starts)
    assert starts == pytest.approx(totals / 1e3)  # in kilograms


@pytest.fixture(scope="module")
def three(result):
    """Three scenarios of known order: the candidate's emissions times 3, 1 and 2."""

    def scaled(name, factor):
        parts = tuple(
            replace(
                part,
                amount=factor * part.amount,
                emissions_g=Interval(
                    *(
                        factor * end
                        for end in (
                            part.emissions_g.value,
                            part.emissions_g.low,
                            part.emissions_g.high,
                        )
                    )
                ),
            )
            for part in result.candidate.contributions
        )
        total = Interval(
            *(
                factor * end
                for end in (
                    result.candidate.total_g.value,
                    result.candidate.total_g.low,
                    result.candidate.total_g.high,
                )
            )
        )
        run = replace(result.candidate.run, name=name)
        return replace(result.candidate, run=run, contributions=parts, total_g=total)

    return rank([scaled("dear", 3.0), scaled("cheap", 1.0), scaled("middle", 2.0)])


def test_ratios_and_shares_of_a_ranking_stand_at_their_scenario(three):
    assert [one.ratio.value for one in three.differences] == pytest.approx([1 / 3, 2 / 3])
    # They are multiples of each other, in every draw.
    assert three.lowest == (0.0, 1.0, 0.0)
    assert [one.candidate_lower for one in three.differences] == [1.0, 1.0]
    page = view(three)
    assert page.verdict.startswith("Of 3 scenarios the federated plan “cheap” would emit least")
    assert "0.333 times" in page.verdict
    assert "no clear difference" not in page.verdict
    caption = page.figures[0].caption
    assert caption.startswith("Federated plan “cheap” would emit least, federated plan “dear” most")
    rows = {row[0].text: row for row in page.figures[0].table.rows}
    assert rows["Federated plan “middle”"][3].text.startswith("0.667")
    assert rows["Federated plan “cheap”"][5].text.startswith("100")
    assert rows["Federated plan “dear”"][3].text == "baseline"
    assert "in 100" in page.remarks[0]


def test_scenarios_of_one_name_are_told_apart(result):
    page = view(rank([result.baseline, result.candidate, result.candidate]))
    rows = [row[0].text for row in page.figures[0].table.rows]
    assert len(set(rows)) == 3
    assert view(rank([result.baseline] * 3)).verdict.startswith("All 3 scenarios emit the same")


def test_a_ranking_uses_the_fewest_draws_and_needs_two(result):
    few = replace(result.candidate, draws=100)
    ranking = rank([result.baseline, result.candidate, few])
    assert ranking.draws == 100
    alone = compare(replace(result.baseline, draws=100), result.candidate)
    assert ranking.differences[0].ratio == alone.ratio
    for scenarios in ([], [result.baseline]):
        with pytest.raises(UsageError):
            rank(scenarios)
    none = rank([replace(result.baseline, draws=0), result.candidate, few])
    assert not [remark for remark in view(none).remarks if "draws" in remark]


def test_findings_of_a_ranking_name_their_scenario(result):
    other = replace(result.candidate, catalogue_digest="0" * 64)
    findings = rank([result.baseline, result.candidate, other]).findings
    assert [f.message.startswith("Scenario 3 ") for f in findings] == [True]


def test_who_leads_in_the_end_is_who_emits_less(result):
    caption = figure(view(result), "time").caption
    lower = result.candidate.total_g.value < result.baseline.total_g.value
    assert f"the {'federated' if lower else 'centralised'} training has emitted less" in caption
    chart = figure(view(result), "time").chart
    ends = {line.name: line.ys[-1] for line in chart.lines}
    assert (ends["Candidate"] < ends["Baseline"]) == lower


def test_a_break_even_of_a_handful_of_draws_has_no_interval(result):
    rare = tuple(replace(one, exists=0.001) for one in result.break_evens)
    table = figure(view(replace(result, break_evens=rare)), "break-even").table
    assert {row[3].text for row in table.rows} == {"–"}


def test_a_plan_made_in_python_speaks_of_no_meter(result):
    plain = replace(result.candidate, declared=())
    assert "meter" not in str([view(plain).groups, view(plain).boundary])
