"""What a report says: wording, digits, and that its numbers are the result's."""

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint.model import Architecture, Finding, Interval, Phase, Run, Severity
from footprint.reporting import charts, drawing
from footprint.reporting.charts import draw
from footprint.reporting.numbers import MINUS, Scale, clean, exact, number, percent, signed
from footprint.reporting.shapes import GroupedChart, LineChart, StackedChart, WaterfallChart
from footprint.reporting.view import view
from tests.unit.test_reporting_samples import (
    FINDINGS,
    UNIT,
    assessment,
    by_round,
    centralised,
    comparison,
    contribution,
    federated,
    term,
)


def plain(text):
    return text.replace("\N{NO-BREAK SPACE}", " ")


def figure(page, kind):
    return next(item for item in page.figures if isinstance(item.chart, kind))


def card(page, label, group=0):
    return next(c for c in page.groups[group].cards if c.label == label)


# --- verdict -------------------------------------------------------------------


def test_verdict_of_one_run():
    verdict = plain(view(federated()).verdict)
    assert verdict == f"Federated run “digits” emits 90 mg CO₂e (90 % interval 63–116) per {UNIT}."


def test_verdict_in_micrograms_and_tonnes():
    assert "90 µg CO₂e" in plain(view(federated(1e-3)).verdict)
    assert "90 kg CO₂e" in plain(view(federated(1e6)).verdict)
    assert "9.0 t CO₂e" in plain(view(federated(1e8)).verdict)


RUN, CENTRAL = "federated run “digits”", "centralised run “digits-central”"


@pytest.mark.parametrize(
    ("ratio", "scale", "wanted"),
    [
        (
            (0.8, 1.2),
            1.0,
            f"The {RUN} emits more than the {CENTRAL}: 1.54 times",
        ),
        (
            (0.8, 1.2),
            0.1,
            f"The {RUN} emits less than the {CENTRAL}: 0.154 times",
        ),
        (
            (0.5, 1.5),
            1.0,
            f"No clear difference: the {RUN} emits 1.5 times",
        ),
        ((0.5, 9.0), 0.5, "No clear difference: "),
    ],
)
def test_verdict_names_who_emits_more(ratio, scale, wanted):
    page = view(comparison(candidate=federated(scale), ratio=ratio))
    assert plain(page.verdict).startswith(wanted)
    assert page.verdict.endswith(f" per {UNIT}.")


@pytest.mark.parametrize(
    ("lower", "wanted"),
    [(0, "in none of"), (1, "in all of"), (0.0004, "in < 1 % of"), (0.25, "in 25 % of")],
)
def test_share_of_draws(lower, wanted):
    remark = plain(view(comparison(lower=lower)).remarks[0])
    assert f"emits less {wanted} 10,000 paired draws" in remark


def test_baseline_without_emissions():
    page = view(comparison(baseline=assessment([]), ratio=(1, 1)))
    assert "no ratio exists" in page.verdict
    assert page.ratio is None
    assert card(page, "Ratio").value == "–"


def test_two_runs_without_emissions():
    page = view(comparison(baseline=assessment([]), candidate=assessment([]), ratio=(1, 1)))
    assert page.verdict.startswith("Neither ")
    assert page.figures == ()


def test_runs_of_one_name_stay_apart():
    run = Run("digits", Architecture.FEDERATED, "")
    page = view(comparison(centralised(run=run), federated(run=run)))
    assert "candidate (federated run" in page.verdict
    assert "baseline (federated run" in page.verdict
    assert "candidate total" in figure(page, StackedChart).caption


def test_missing_functional_unit_is_said():
    page = view(federated(run=Run("digits")))
    assert "No functional unit was declared" in page.remarks[0]
    assert card(page, "Per functional unit").value == "–"
    assert card(page, "Per functional unit").note == "none declared"


# --- cards ---------------------------------------------------------------------


def test_cards():
    page = view(federated(2.0))
    rounds = card(page, "Per round")
    assert (rounds.value, rounds.unit, rounds.note) == ("6.0", "mg CO₂e", "30\xa0rounds")
    assert plain(card(page, "Total").measured) == "67 % from metered energy"
    assert card(page, "Energy").interval == ""


def test_missing_rounds_are_not_zero():
    page = view(federated(rounds=0, clients=3))
    assert card(page, "Per round").value == "–"
    assert card(page, "Per round").note == "no rounds recorded"


def test_single_actor():
    page = view(assessment([contribution("laptop", Phase.TRAIN, 3.0)]))
    assert page.actors[0].caption.startswith("1\xa0actor,")
    assert page.actors[0].note == ""
    assert "followed by" not in figure(page, StackedChart).caption


def test_many_actors_are_cut_and_counted():
    result = federated(clients=200)
    table = view(result).actors[0]
    assert len(table.rows) == 50
    assert plain(table.note).startswith("151 more actors, together ")


# --- warnings ------------------------------------------------------------------


def test_findings_are_grouped_gravest_first():
    warnings = view(federated(findings=FINDINGS)).warnings
    assert [(w.severity, w.code, w.count) for w in warnings] == [
        ("error", "meter-failed", 1),
        ("warning", "zone-parent", 2),
        ("info", "clock", 1),
    ]
    assert len(warnings[1].remedies) == 2
    assert warnings[1].places == ("client-1", "client-2")


def test_finding_of_both_runs_counts_once():
    shared = (Finding("x", "same", Severity.WARNING),)
    page = view(
        comparison(centralised(findings=shared), federated(findings=shared), findings=shared)
    )
    assert [(w.count, w.runs) for w in page.warnings] == [(1, "baseline and candidate")]


def test_many_messages_are_cut_and_counted():
    many = tuple(Finding("x", f"message {i}", place=f"p{i}") for i in range(30))
    (warning,) = view(federated(findings=many)).warnings
    assert (len(warning.messages), warning.more_messages, warning.more_places) == (3, 27, 18)


def test_no_findings():
    assert view(federated()).warnings == ()


# --- charts show the result's numbers --------------------------------------------


@given(scale=st.floats(1e-6, 1e9), clients=st.integers(1, 30))
def test_charts_add_up_to_the_total(scale, clients):
    result = federated(scale, clients)
    page = view(result)
    total = result.total_g.value
    for kind in (StackedChart, GroupedChart):
        drawn = figure(page, kind).chart
        divisor = Scale.of("emissions", [total]).divisor
        assert drawn.unit == Scale.of("emissions", [total]).unit
        assert math.fsum(v for s in drawn.series for v in s.values) * divisor == pytest.approx(
            total
        )


def test_waterfall_leads_from_baseline_to_candidate():
    result = comparison()
    chart = figure(view(result), WaterfallChart).chart
    assert math.fsum(chart.values[:-1]) == pytest.approx(chart.values[-1])
    assert chart.values[0] * 1e-3 == pytest.approx(result.baseline.total_g.value)
    assert chart.rows[0] == "Baseline"
    assert chart.rows[-1] == "Candidate"


def test_captions_agree_with_the_data():
    result = federated()
    train = sum(c.emissions_g.value for c in result.contributions if c.category == "train")
    share = round(100 * train / result.total_g.value)
    caption = plain(figure(view(result), StackedChart).caption)
    assert caption.startswith(f"Training is {share} % of the total, followed by embodied with 11 %")
    both = view(comparison(candidate=result))
    assert plain(figure(both, StackedChart).caption).startswith(
        f"Training is 53 % of the centralised total; training is {share} % of the federated total."
    )
    assert "largest single difference is training: +29 mg" in plain(
        figure(both, WaterfallChart).caption
    )


def test_equal_categories_stay_in_the_table():
    page = view(comparison(federated(), federated()))
    item = figure(page, WaterfallChart)
    assert item.chart.rows == ("Baseline", "Candidate")
    assert len(item.table.rows) == 6
    assert "No category differs" in item.caption


def test_many_zones_are_folded_in_the_chart_only():
    parts = [contribution("a", Phase.TRAIN, 1.0 + i, zone=f"Z{i}") for i in range(40)]
    item = figure(view(assessment(parts)), GroupedChart)
    assert item.chart.rows[-1] == "20 others"
    assert len(item.table.rows) == 40


# --- tables ----------------------------------------------------------------------


def test_factors_are_listed_once():
    page = view(comparison())
    assert len(page.factors.rows) == 4
    links = [row[3].href for row in page.factors.rows]
    assert links.count("https://ember-energy.org/data") == 3
    assert links.count("") == 1, "a script address must not become a link"


def test_factor_of_one_run_says_so():
    page = view(comparison(candidate=federated(terms=(term("FR"),))))
    subs = {row[0].text: row[0].sub for row in page.factors.rows}
    assert "baseline only" in subs["grid/DE/2024/ember"]
    assert "baseline only" not in subs["grid/FR/2024/ember"]


def test_boundary_names_what_is_out():
    result = federated()
    inside = dataclasses.replace(result.boundary, stages=result.boundary.stages[:1])
    (table,) = view(federated(boundary=inside)).boundary
    rows = {row[0].text: [row[1].text, *row[1].sub] for row in table.rows}
    assert len(rows["Counted"]) == 1
    assert "embodied: share of making the devices" in rows["Left out"]
    assert "cooling of client rooms" in rows["Left out"]


def test_different_boundaries_are_both_shown():
    result = federated()
    other = dataclasses.replace(result.boundary, excluded=())
    assert len(view(comparison(candidate=federated(boundary=other))).boundary) == 2


# --- numbers -----------------------------------------------------------------------


def test_numbers():
    assert number(-1.5) == f"{MINUS}1.50"
    assert number(math.inf) == "∞"
    assert exact(6.2e-5) == "6.2×10⁻⁵"
    assert [plain(percent(s)) for s in (0, 0.001, 0.5, 0.999, 1)] == [
        "0 %",
        "< 1 %",
        "50 %",
        "> 99 %",
        "100 %",
    ]
    assert percent(math.nan) == "–"
    assert [signed(t) for t in ("0", "0.2", f"{MINUS}1")] == ["0", "+0.2", f"{MINUS}1"]
    assert clean("a\n\u202eb") == "a \ufffdb"


def test_tiny_cells_of_a_column_show_a_bound():
    scale = Scale.of("emissions", [5000.0, 1e-9])
    assert plain(scale.text(1e-9)) == "< 0.0001"
    assert scale.text(0.0) == "0"


def test_negative_ends_need_a_word():
    assert Scale.of("emissions", [2.0]).range(Interval(1, -1, 3)) == f"{MINUS}1.0 to 3.0"


# --- drawing -------------------------------------------------------------------------


def test_every_category_has_its_own_look():
    looks = list(drawing.CATEGORY_STYLES.values())
    assert len(set(looks)) == len(looks)
    assert set(drawing.CATEGORY_STYLES) == {*Phase, "embodied"}
    reserved = {drawing.BLUE, drawing.VERMILLION}
    assert not reserved & {colour for colour, _ in looks}


def test_waterfall_sets_its_three_colours():
    drawn = charts.draw(figure(view(comparison()), WaterfallChart).chart)
    (trace,) = drawn["data"]
    for part in ("increasing", "decreasing", "totals"):
        assert trace[part]["marker"]["color"].startswith("#")
    assert charts.trace_types([drawn]) == {"waterfall"}


def test_template_is_lean():
    drawn = charts.draw(figure(view(federated()), StackedChart).chart)
    assert "data" not in drawn["layout"]["template"]


# --- by round --------------------------------------------------------------------


def rounds_of(page):
    return next((item for item in page.figures if item.id == "rounds"), None)


def test_rounds_that_were_kept_apart_are_drawn_and_add_up():
    result = by_round(8)
    found = rounds_of(view(result))
    (line,) = found.chart.lines
    assert isinstance(found.chart, LineChart)
    assert line.xs == tuple(map(float, range(1, 9)))
    # In milligrams: what a round emits, and 4 mg of start-up in none of them.
    assert math.fsum(line.ys) == pytest.approx(1e3 * result.total_g.value - 4)
    assert [row[0].text for row in found.table.rows] == [
        *map(str, range(1, 9)),
        "Outside of rounds",
    ]
    assert "from 3.9 mg CO₂e in round 8 to 6.5 mg CO₂e in round 1" in plain(found.caption)
    assert "of its emissions belong to no round" in plain(found.caption)


@pytest.mark.parametrize(("rounds", "step"), [(2, 1), (8, 1), (50, None)])
def test_no_round_is_a_fraction(rounds, step):
    drawn = draw(rounds_of(view(by_round(rounds))).chart)
    assert drawn["layout"]["xaxis"].get("dtick") == step


def test_no_figure_where_rounds_were_added_up_or_there_is_one():
    assert rounds_of(view(federated())) is None
    assert rounds_of(view(by_round(1))) is None


def test_many_rounds_are_all_drawn_and_not_all_listed():
    found = rounds_of(view(by_round(150)))
    assert len(found.chart.lines[0].xs) == 150
    assert len(found.table.rows) == 101
    assert plain(found.table.note).startswith("50 more rounds")


def test_only_the_side_that_kept_rounds_apart_has_a_line():
    page = view(comparison(centralised(), by_round(4)))
    found = rounds_of(page)
    assert [line.name for line in found.chart.lines] == ["Candidate"]
    assert "has no rounds that were kept apart" in found.caption
