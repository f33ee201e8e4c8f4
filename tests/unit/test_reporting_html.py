"""The page as a file: escaping, embedding, assets."""

import json
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plotly.offline import get_plotlyjs

from footprint.documents import from_json, to_json
from footprint.errors import DocumentError, FootprintError
from footprint.reporting import extract_document, render_report, write_report
from footprint.reporting.embedding import DOCUMENT_ID, digest, escape_json
from tests.unit.test_reporting_samples import (
    FINDINGS,
    HOSTILE,
    assessment,
    comparison,
    federated,
    hostile,
)


class Outline(HTMLParser):
    """Collect elements with their attributes, and the text of script blocks."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.blocks, self._block = [], {}, None
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag == "script":
            self._block = dict(attrs).get("id", f"script-{len(self.blocks)}")
            self.blocks[self._block] = ""

    def handle_endtag(self, tag):
        if tag == "script":
            self._block = None

    def handle_data(self, data):
        if self._block is not None:
            self.blocks[self._block] += data

    def count(self, tag):
        return sum(name == tag for name, _ in self.elements)


def render(result, assets="directory", **options):
    return render_report(result, assets=assets, **options)


RESULTS = {
    "assessment": federated(findings=FINDINGS),
    "comparison": comparison(),
    "hostile": hostile(),
    "hostile comparison": comparison(hostile(), federated(40.0)),
    "empty": assessment([], rounds=0),
}


@pytest.mark.parametrize("assets", ["inline", "directory"])
@pytest.mark.parametrize("name", RESULTS)
def test_nothing_is_loaded_from_the_network(name, assets):
    outline = Outline(render(RESULTS[name], assets))
    for tag, attributes in outline.elements:
        address = attributes.get("src") or attributes.get("href") or ""
        if tag != "a":
            assert "//" not in address, (tag, address)
        assert not address.lower().startswith("javascript:")
    assert outline.count("img") == outline.count("iframe") == 0


@pytest.mark.parametrize("name", RESULTS)
def test_scripts_are_ours_alone(name):
    outline = Outline(render(RESULTS[name], "inline"))
    figures = outline.count("figure")
    # The library if there is a chart, our script, the result, one block per chart.
    assert outline.count("script") == figures + 2 + bool(figures)
    assert not any(
        attribute.startswith("on") for _, attributes in outline.elements for attribute in attributes
    )


def test_hostile_names_are_text():
    page = render(hostile())
    assert HOSTILE not in page
    assert "&lt;/script&gt;&lt;script&gt;alert(1)" in page
    chart = json.loads(Outline(page).blocks["chart-zones"])
    labels = chart["layout"]["yaxis"]["ticktext"]
    # plotly reads markup in labels, so they hold entities, which it shows as characters.
    assert not any("<" in label for label in labels)
    assert "<script" not in json.dumps(chart)


@pytest.mark.parametrize("name", RESULTS)
def test_embedded_document_round_trips(name):
    result = RESULTS[name]
    page = render(result)
    assert extract_document(page) == to_json(result, compact=True)
    assert json.loads(Outline(page).blocks[DOCUMENT_ID]) == json.loads(to_json(result))


@given(st.text())
def test_any_text_round_trips_through_a_block(text):
    document = json.dumps({"x": text}, ensure_ascii=False)
    block = (
        f'<script type="application/json" id="{DOCUMENT_ID}"'
        f' data-sha256="{digest(document)}">{escape_json(document)}</script>'
    )
    assert extract_document(block) == document
    assert not re.search("[<>&\u2028\u2029]", escape_json(document))


def test_escaped_separators_round_trip():
    document = json.dumps({"x": "\u2028 \\u003c <"})
    block = (
        f'<script type="application/json" id="{DOCUMENT_ID}"'
        f' data-sha256="{digest(document)}">{escape_json(document)}</script>'
    )
    assert extract_document(block) == document


def test_changed_document_is_noticed():
    page = render(federated())
    with pytest.raises(DocumentError, match="does not match its digest"):
        extract_document(page.replace('"seed":7', '"seed":8'))
    with pytest.raises(DocumentError, match="no embedded result"):
        extract_document("<html></html>")


@pytest.mark.parametrize("name", ["assessment", "comparison"])
def test_the_page_is_a_pure_rendering(name):
    result = RESULTS[name]
    page = render(result, command="footprint estimate run/")
    text = extract_document(page)
    again = render_report(
        from_json(text),
        assets="directory",
        command="footprint estimate run/",
    )
    assert again == page


@pytest.mark.parametrize("name", RESULTS)
def test_figures_are_complete_without_a_script(name):
    page = render(RESULTS[name])
    outline = Outline(page)
    assert outline.count("figure") == outline.count("figcaption")
    for figure in re.findall(r"<figure>.*?</figure>", page, flags=re.DOTALL):
        assert "<table" in figure
        assert "<details>" in figure
    assert outline.count("h1") == 1
    assert outline.count("table") == outline.count("caption")
    assert all("scope" in attributes for tag, attributes in outline.elements if tag == "th")
    identifiers = [a["id"] for _, a in outline.elements if "id" in a]
    assert len(identifiers) == len(set(identifiers))
    targets = {a["href"][1:] for t, a in outline.elements if t == "a" and a["href"][0] == "#"}
    missing = targets - set(identifiers)
    assert not missing


def test_command_and_versions_are_shown():
    page = render(federated(), command="footprint estimate 'a b' <c>")
    assert "footprint estimate &#39;a b&#39; &lt;c&gt;" in page
    for text in ("2025.1.0", "cd" * 32, "ab" * 32, "digits/client-0.jsonl", "10,000"):
        assert text in page


def test_library_stands_once_in_the_head():
    page = render(comparison(), "inline")
    head, _, body = page.partition("</head>")
    assert get_plotlyjs() in head
    assert len(body) < 100_000
    assert len(page.encode()) < 5_000_000


def test_cdn_has_an_integrity_digest():
    outline = Outline(render(federated(), "cdn"))
    ((_, attributes),) = [e for e in outline.elements if e[0] == "script" and "src" in e[1]]
    assert attributes["src"].startswith("https://cdn.plot.ly/plotly-")
    assert attributes["integrity"].startswith("sha256-")


def test_directory_shares_one_library(tmp_path):
    result = federated()
    options = {"assets": "directory"}
    first = write_report(result, tmp_path / "sub" / "a.html", **options)
    library = first.with_name("plotly.min.js")
    written = library.stat().st_mtime_ns
    write_report(result, first.with_name("b.html"), **options)
    assert library.stat().st_mtime_ns == written
    assert first.stat().st_size < 100_000
    library.write_text("old")
    write_report(result, first, **options)
    assert library.read_text(encoding="utf-8") == get_plotlyjs()


def bundle(path, *types):
    """Stand in for a plotly.js build: what matters is how it registers its traces."""
    traces = ";".join(f'x={{moduleType:"trace",name:"{name}"}}' for name in types)
    path.write_text(f"var s='</script><!--';{traces}", encoding="utf-8")
    return str(path)


def test_bundle_of_our_own_is_put_inside(tmp_path):
    page = render(comparison(), bundle(tmp_path / "own.js", "bar", "scatter", "waterfall"))
    assert r"var s='<\/script><\!--'" in page


def test_bundle_without_waterfall_fails(tmp_path):
    path = bundle(tmp_path / "basic.js", "bar", "scatter", "pie")
    with pytest.raises(FootprintError, match=r"'basic.js' cannot draw waterfall"):
        render(comparison(), path)
    render(federated(), path)  # no waterfall on the page of one run


def test_full_library_passes_as_a_bundle(tmp_path):
    path = tmp_path / "plotly.js"
    path.write_text(get_plotlyjs(), encoding="utf-8")
    assert render(comparison(), str(path)) == render(comparison(), "inline")


def test_page_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DocumentError, match="cannot be written"):
        write_report(federated(), tmp_path / "file" / "a.html")


def test_unknown_assets_name_the_choices(tmp_path):
    with pytest.raises(FootprintError, match="inline, directory, cdn"):
        render(federated(), str(tmp_path / "nothing.js"))
