"""What pages say of planned trainings, beyond phases and zones."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from footprint.documents import from_json, to_json
from footprint.manifest import read_manifest
from footprint.model import Architecture
from footprint.reporting.charts import draw
from footprint.reporting.shapes import RangeChart
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


def test_break_evens_are_multiples_of_the_plan(result, page):
    chart = figure(page, "break-even").chart
    drawn = [one for one in result.break_evens if one.value is not None]
    assert list(chart.marks) == pytest.approx([one.value / one.present for one in drawn])
    for low, mark, high in zip(chart.lows, chart.marks, chart.highs, strict=True):
        assert low <= mark <= high


def test_every_range_chart_can_be_drawn(page):
    charts = [one.chart for one in page.figures if isinstance(one.chart, RangeChart)]
    assert len(charts) == 2
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
