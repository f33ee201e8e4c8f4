"""The report in a real browser, without a network."""

import re
import shutil
import subprocess
import zlib
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from footprint.audit import read_deployment, state
from footprint.comparison import rank
from footprint.manifest import read_manifest
from footprint.model import Phase
from footprint.pareto import curves_of
from footprint.reporting import write_report
from footprint.sensitivity import compare_study
from footprint.studies.manifest import read_study
from footprint.studies.study import study_methods
from footprint.trials.evaluation import evaluate_policies
from footprint.trials.manifest import read_plan
from tests.advice_plans import plan as advice
from tests.companies import stated
from tests.unit.test_reporting_samples import (
    FINDINGS,
    assessment,
    by_round,
    comparison,
    contribution,
    federated,
    hostile,
    term,
)

pytestmark = pytest.mark.browser


@cache
def plan():
    manifests = Path(__file__).parents[2] / "examples" / "manifests" / "ok"
    manifest = manifests / "digits.toml"
    curves = curves_of(manifest, manifests.parents[1] / "curves" / "digits.csv")
    return compare_study(replace(read_manifest(manifest), draws=200), curves=curves)


@cache
def evaluation():
    simulations = Path(__file__).parents[2] / "examples" / "simulations" / "ok"
    few = replace(read_plan(simulations / "two_grids.toml"), seeds=2, target=0.4)
    return evaluate_policies(few)


def evaluation_without_learner():
    simulations = Path(__file__).parents[2] / "examples" / "simulations" / "ok"
    return evaluate_policies(replace(read_plan(simulations / "under_the_sun.toml"), seeds=1))


def study():
    studies = Path(__file__).parents[2] / "examples" / "studies" / "ok"
    manifest = read_study(studies / "digits.toml")
    return study_methods(replace(manifest, seeds=2, rounds=5, method=manifest.method[:3]))


def statement():
    return state(read_deployment(Path(__file__).parents[2] / "examples" / "company"))


def ranking():
    return rank([plan().baseline, plan().candidate, plan().candidate])


def hostile_advice():
    return advice(lambda name: f"{name}</script><img src=x onerror=alert(1)>{60 * 'w'}")


# How each result is made, which takes a while, and how many figures its page has.
RESULTS = {
    "assessment": (lambda: federated(findings=FINDINGS), 3),
    "comparison": (comparison, 4),
    "hostile": (hostile, 3),
    "hostile comparison": (lambda: comparison(hostile(), federated(40.0)), 4),
    "plan": (plan, 10),
    "evaluation": (evaluation, 5),
    "evaluation without learner": (evaluation_without_learner, 3),
    "study": (study, 4),
    "statement": (statement, 4),
    "rounds": (lambda: by_round(150), 4),
    "compared rounds": (lambda: comparison(by_round(8), by_round(5)), 5),
    "ranking": (ranking, 5),
    "hostile advice": (hostile_advice, 2),
}


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Write each result as one self-contained page."""
    folder = tmp_path_factory.mktemp("pages")
    return {
        name: write_report(make(), folder / f"{name.replace(' ', '-')}.html")
        for name, (make, _) in RESULTS.items()
    }


def figures_of(dom):
    return re.findall(r"<figure>.*?</figure>", dom, flags=re.DOTALL)


def console(log):
    return [line for line in log.splitlines() if "CONSOLE" in line]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", RESULTS)
def test_every_figure_is_drawn(chromium, pages, name, dark):
    dom, log = chromium(pages[name], "--dump-dom", dark=dark)
    figures = figures_of(dom)
    assert len(figures) == RESULTS[name][1]
    for figure in figures:
        assert "could not be drawn" not in figure
        assert 'class="main-svg"' in figure
        bars = re.findall(r'<g class="point[^"]*"><path d="M[^"]{8,}"', figure)
        bars += re.findall(r'class="sankey-link"', figure)
        bars += re.findall(r'<path class="point"[^>]* d="M[^"]{8,}"', figure)
        bars += re.findall(r'<path class="js-line" d="M[^"]{8,}"', figure)
        assert bars, figure[:400]
    ink = "rgb(229, 232, 235)" if dark else "rgb(26, 31, 37)"
    assert f"fill: {ink}" in figures[0]
    assert console(log) == []


def test_hostile_names_run_nothing(chromium, pages):
    dom, log = chromium(pages["hostile"], "--dump-dom")
    # An executed alert would end up as a dialog in the log, an element in the DOM.
    assert "<img" not in dom
    assert "<script>alert" not in dom
    assert "dialog" not in log.lower()
    labels = re.findall(r'<g class="ytick"><text[^>]*>(.*?)</text>', dom)
    assert [label for label in labels if label.startswith("&lt;/script&gt;")]


def test_markup_in_labels_is_shown_not_obeyed(chromium, tmp_path):
    # plotly knows these tags and entities, and would set the name in bold.
    name = "<b>Z</b>&lt;%{x}"
    result = assessment([contribution("a", Phase.TRAIN, 1.0, zone=name)])
    page = write_report(result, tmp_path / "page.html")
    dom, _ = chromium(page, "--dump-dom")
    labels = re.findall(r'<g class="ytick"><text[^>]*>(.*?)</text>', dom)
    assert "&lt;b&gt;Z&lt;/b&gt;&amp;lt;%{x}" in labels
    assert not [label for label in labels if "<b" in label]


def test_shared_library_beside_the_page(chromium, tmp_path):
    result = comparison()
    page = write_report(result, tmp_path / "page.html", assets="directory")
    dom, log = chromium(page, "--dump-dom")
    assert all('class="main-svg"' in figure for figure in figures_of(dom))
    assert console(log) == []


def test_missing_library_is_said_on_the_page(chromium, tmp_path):
    result = comparison()
    page = write_report(result, tmp_path / "page.html", assets="directory")
    (tmp_path / "plotly.min.js").unlink()
    dom, _ = chromium(page, "--dump-dom")
    for figure in figures_of(dom):
        assert "The chart could not be drawn" in figure
        assert "<details open" in figure


def hostile_evaluation():
    result = evaluation()
    name = "</script><img src=x onerror=alert(1)>" + "w" * 60
    first = replace(result.policies[0], name=name)
    return replace(result, policies=(first, *result.policies[1:]), baseline=name)


def hostile_comparison():
    terms = tuple(term(f"zone-{i}") for i in range(3))
    return comparison(hostile(), federated(40.0, terms=terms))


def hostile_statement(folder):
    name = "<img src=x onerror=alert(1)>" + 300 * "W"

    def change(manifest):
        manifest["organisation"]["name"] = manifest["functional_unit"]["name"] = name
        manifest["sites"][0]["name"] = manifest["silos"][0]["place"] = name
        manifest["hardware"][0]["place"] = name
        manifest["runs"][0]["name"] = name
        manifest["instruments"][0]["vintage"] = 2020

    return stated(folder, change)


@pytest.mark.parametrize(
    "make", [hostile_comparison, hostile_evaluation, hostile_statement, hostile_advice]
)
def test_narrow_page_does_not_overflow(chromium, make, tmp_path):
    # Windows have a least width; a frame has none. The probe writes what it sees.
    result = make(tmp_path / "company") if make is hostile_statement else make()
    page = write_report(result, tmp_path / "page.html")
    frame = tmp_path / "frame.html"
    frame.write_text(
        '<iframe src="page.html" width="360" height="800"></iframe><p id="seen"></p><script>'
        "onload=()=>setTimeout(()=>{const d=document.querySelector('iframe').contentDocument;"
        "for(const one of d.querySelectorAll('details'))one.open=true;"
        "seen.textContent=`${d.documentElement.scrollWidth}/${d.documentElement.clientWidth}`"
        "},2000)</script>"
    )
    assert page.exists()
    dom, _ = chromium(frame, "--dump-dom", "--allow-file-access-from-files")
    wide, narrow = map(int, re.search(r'id="seen">(\d+)/(\d+)<', dom).groups())
    assert 300 < narrow <= 360
    assert wide == narrow


def test_print_has_pages_text_and_open_tables(chromium, pages, tmp_path):
    target = tmp_path / "page.pdf"
    chromium(pages["comparison"], f"--print-to-pdf={target}", dark=True)
    data = target.read_bytes()
    assert len(re.findall(rb"/Type\s*/Page\b", _inflated(data))) > 1
    reader = shutil.which("pdftotext")
    if reader is None:
        pytest.skip("pdftotext is not installed: the text of the printed page was NOT TESTED")
    text = subprocess.run([reader, target, "-"], capture_output=True, check=True).stdout.decode()
    words = " ".join(text.split())
    assert "No clear difference: the federated run “digits” emits 1.5 times as much" in words
    assert "Candidate minus baseline, by phase" in words
    assert "2 actors of the baseline" in words


def _inflated(data):
    """A PDF with its compressed streams opened, as far as they are plain deflate."""
    parts = [data]
    for match in re.finditer(rb"stream\r?\n(.*?)endstream", data, flags=re.DOTALL):
        try:
            parts.append(zlib.decompress(match[1]))
        except zlib.error:
            continue
    return b"\n".join(parts)
