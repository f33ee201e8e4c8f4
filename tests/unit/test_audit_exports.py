"""Other forms of a statement: the same figures, and names that stay names."""

import csv
import io
import json
import math
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import date
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import pytest
import yaml
from typer.testing import CliRunner

from footprint.audit.exports import SUFFIXES, Form, export_statement
from footprint.audit.exports.amounts import decimal_text, kilograms, tonnes
from footprint.audit.exports.cells import neutralise, write_csv
from footprint.audit.exports.esrs import tabulate_esrs
from footprint.audit.exports.ghg_protocol import CATEGORIES, tabulate_scopes
from footprint.audit.exports.impact import frame_impact
from footprint.audit.exports.products import record_product
from footprint.cli.audit import app
from footprint.documents import from_json, to_json, write_document
from footprint.errors import DocumentError, ManifestError, MissingExtra, UsageError
from footprint.model import Category, Standard
from footprint.model.products import DeclaredUnit
from footprint.model.statement_lines import TOTALS
from tests.companies import company, stated, total_g

DATA = Path(__file__).parents[1] / "data"
FORMULA = "=cmd|' /C calc'!A0"
SCRIPT = "<script>alert(1)</script>"
QUERY = "x'); DROP TABLE lines;--"
LINK = "Größe 東京 | [click](javascript:alert) `x` *y*"
PRODUCT = {
    "name": "A model",
    "description": "Finds things.",
    "ids": ["urn:pact:example.org:product-id:1"],
    "company_ids": ["urn:pact:example.org:company-id:1"],
    "created": date(2027, 2, 1),
    "unit": "piece",
    "characterisation": ["AR5", "AR6"],
    "standards": ["GHGP-Product", "ISO14067"],
    "fossil_share": 1,
}


def enrich(manifest):
    """Add a generator, a purchase, a restatement, an unsized exclusion, a cloud at work."""
    manifest["sites"][0]["generators"] = [
        {"name": "diesel", "energy": "100 kWh", "intensity": "900 gCO2e/kWh", "source": "made up"}
    ]
    manifest["hardware"][1]["purchased"] = date(2026, 3, 1)
    manifest["exclusions"].append({"what": "noise", "reason": "nobody knows"})
    manifest["restatements"] = [
        {"what": "base", "year": 2024, "old": "101 kgCO2e", "new": "100 kgCO2e"}
        | {"cause": "error", "reason": "a typing error"}
    ]
    manifest["organisation"]["net_revenue"] = "2e6 EUR"
    manifest["runs"][0]["activities"].append(
        {"silo": "c", "duration": "300 h", "energy": "40 kWh", "data": "3 TB"}
    )
    manifest["upstream"] = {"losses": {"FR": {"share": 0.05, "source": "made up"}}}


def name_badly(manifest):
    """Give everything that people name a name that some reader may run."""
    enrich(manifest)
    manifest["organisation"]["name"] = LINK
    manifest["sites"][0]["name"] = FORMULA
    manifest["silos"][0] |= {"name": QUERY, "place": FORMULA}
    manifest["hardware"][0] |= {"name": "@SUM(1)", "place": FORMULA}
    manifest["instruments"][0]["name"] = "-2+3"
    manifest["sites"][0]["generators"][0]["name"] = "=1*process.exit(3)"
    manifest["exclusions"][0]["what"] = SCRIPT
    manifest["restatements"][0] |= {"what": SCRIPT, "reason": LINK}
    manifest["runs"][0]["name"] = SCRIPT
    manifest["runs"][0]["activities"][0] |= {"silo": QUERY, "meter": "0o17"}


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return stated(tmp_path_factory.mktemp("plain"), enrich, product=PRODUCT)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    product = PRODUCT | {"name": FORMULA, "description": SCRIPT}
    return stated(tmp_path_factory.mktemp("hostile"), name_badly, product=product)


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def grams(value_t):
    return float(Decimal(value_t).scaleb(6))


# --- the document itself ------------------------------------------------------


def test_the_document_holds_the_whole_statement(hostile):
    assert hostile.product is not None
    assert from_json(to_json(hostile)) == hostile


def test_equal_statements_give_the_same_bytes(hostile):
    again = from_json(to_json(hostile))
    for form in Form:
        for suffix in SUFFIXES[form] or ("",):
            texts = export_statement(hostile, form, suffix)
            assert texts == export_statement(again, form, suffix)
            for text in texts.values():
                assert "\r" not in text
                assert text.encode().decode() == text


# --- CSV ----------------------------------------------------------------------


def test_columns_of_lines_add_up_to_the_totals_of_the_statement(plain):
    lines = rows(export_statement(plain, Form.CSV)["lines.csv"])
    own = [line for line in lines if line["category"] != "outside"]

    def added(chosen, *columns):
        return math.fsum(float(line[column] or 0) for line in chosen for column in columns)

    assert added(own, "location_g", "purchase_g") == total_g(plain, "location")
    assert added(own, "purchase_g") == total_g(plain, "purchase") > 0
    assert added(own, "amortised_g") == total_g(plain, "amortised") > 0
    by_market = [line["market_g"] or line["location_g"] or line["purchase_g"] or 0 for line in own]
    assert math.fsum(map(float, by_market)) == total_g(plain, "market")
    for scope, total in (("1", "scope 1"), ("2", "scope 2 location"), ("3", "scope 3")):
        chosen = [line for line in own if line["scope"] == scope]
        assert added(chosen, "location_g", "purchase_g") == total_g(plain, total) > 0
    scope_2 = [line for line in own if line["scope"] == "2"]
    assert added(scope_2, "market_g") == total_g(plain, "scope 2 market")


def test_what_is_missing_is_empty_and_no_line_has_both_kinds_of_hardware(plain):
    lines = rows(export_statement(plain, Form.CSV)["lines.csv"])
    for line in lines:
        known = [line[f"{name}_g"] != "" for name in ("location", "purchase", "amortised")]
        assert sum(known) == 1
    assert {line["market_g"] == "" for line in lines} == {True, False}
    sizes = [one["estimate_g"] for one in rows(export_statement(plain, Form.CSV)["exclusions.csv"])]
    assert "10" in sizes
    assert "" in sizes


def test_csv_keeps_every_digit_of_the_register(plain):
    found = rows(export_statement(plain, Form.CSV)["register.csv"])
    assert [(one["id"], float(one["value"])) for one in found] == [
        (one.id, one.value) for one in plain.register
    ]
    totals = rows(export_statement(plain, Form.CSV)["totals.csv"])
    assert [float(one["emissions_g"]) for one in totals] == [
        one.emissions_g.value for one in plain.totals
    ]


@pytest.mark.parametrize(
    "text",
    [FORMULA, "+1", "-1", "@x", "\t=1", "\r=1", "\n=1", "  =1", "＝1", "＋1", "－1", "＠x", "\0=1"],
)
def test_what_a_spreadsheet_may_run_begins_with_a_quote(text):
    assert neutralise(text) == f"'{text}"
    cell = list(csv.reader(io.StringIO(write_csv(["name"], [[text]]), newline="")))[1][0]
    assert cell[0] == "'"


@pytest.mark.parametrize("text", ["", "site", "1=1", "a-b", " a", "'x", "Größe", "(=1)"])
def test_what_it_does_not_run_stays_as_it_is(text):
    assert neutralise(text) == text


def test_no_cell_of_a_hostile_statement_can_be_run_and_none_is_lost(hostile):
    texts = [*export_statement(hostile, Form.CSV).values()]
    texts += [
        next(iter(export_statement(hostile, form, ".csv").values()))
        for form in (Form.GHG, Form.ESRS)
    ]
    cells = [cell for text in texts for row in csv.reader(io.StringIO(text)) for cell in row]
    runnable = [c for c in cells if c[:1] in tuple("=+-@") and not re.fullmatch(r"-[\d.e+-]+", c)]
    assert runnable == []
    for name in (FORMULA, "-2+3"):
        assert f"'{name}" in cells
    for name in (QUERY, SCRIPT):
        assert name in cells


# --- tables -------------------------------------------------------------------


def test_every_figure_of_the_scope_table_is_one_of_the_statement(plain):
    table = tabulate_scopes(plain)
    known = {tonnes(end) for t in plain.totals for end in (t.emissions_g.value, t.emissions_g.low)}
    known |= {tonnes(total.emissions_g.high) for total in plain.totals}
    known |= {tonnes(plain.base_year.total_g), tonnes(plain.restatements[0].new_g)}
    figures = [cell for row in table.rows for cell in row[1:4] if cell is not None]
    assert len(figures) > 25
    assert set(figures) <= known


def test_scopes_add_up_to_each_total_by_its_own_method(plain):
    found = {row[0]: row[1] for row in tabulate_scopes(plain).rows}
    one, three = found["Scope 1"], found["Scope 3, total"]
    for method, total in (("location", "scope 2 by location"), ("market", "scope 2 by market")):
        two = found[f"Scope 2, {method}-based"]
        assert float(one + two + three) == pytest.approx(
            float(found[f"Scopes 1 to 3, {total}"]), rel=1e-12
        )
    assert found["Scope 2, location-based"] != found["Scope 2, market-based"]
    parts = [value for name, value in found.items() if ", category " in name and value is not None]
    assert float(sum(parts)) == pytest.approx(float(three), rel=1e-12)


def test_categories_without_a_line_are_named_and_empty(plain):
    found = {row[0]: row[1] for row in tabulate_scopes(plain).rows}
    for number, name in enumerate(CATEGORIES, start=1):
        known = plain.total(f"3.{number}") is not None
        assert (found[f"Scope 3, category {number}: {name}"] is not None) is known
    assert len(CATEGORIES) == 15
    assert all(int(one.value[2:]) <= 15 for one in Category if one.scope == "3")


def test_esrs_rows_are_totals_of_the_statement_by_paragraph(plain):
    found = {}
    for row in tabulate_esrs(plain).rows:
        found.setdefault(row[1], []).append(row[3])
    for paragraph, total in {
        "48 a": "scope 1",
        "49 a": "scope 2 location",
        "49 b": "scope 2 market",
        "52 a": "location",
        "52 b": "market",
    }.items():
        assert [grams(value) for value in found[paragraph]] == [total_g(plain, total)]
    assert grams(found["51"][0]) == total_g(plain, "scope 3")
    assert float(sum(found["51"][1:])) == pytest.approx(float(found["51"][0]), rel=1e-12)
    per_euro = [float(value) for value in found["53"]]
    assert per_euro == pytest.approx(
        [total_g(plain, name) / 1e6 / 2e6 for name in ("location", "market")]
    )


def test_esrs_leaves_open_what_the_statement_does_not_know(tmp_path, plain):
    with_fuel = {row[2]: row for row in tabulate_esrs(plain).rows}
    own = "Total energy consumption related to own operations"
    assert with_fuel[own][3] is None
    assert "fuel" in with_fuel[own][5]
    for source in ("fossil", "nuclear", "renewable"):
        assert with_fuel[f"Total energy consumption from {source} sources"][3] is None
    clean = stated(tmp_path)
    without = {row[2]: row for row in tabulate_esrs(clean).rows}
    assert float(without[own][3]) == pytest.approx(2.2)  # A: 1000 kWh x 1.2; B: 1000 kWh
    assert not [row for row in without.values() if row[1] == "53"]
    assert any("net_revenue" in note for note in tabulate_esrs(clean).notes)


def test_esrs_counts_the_electricity_of_own_sites_alone_and_what_contracts_met_of_it(tmp_path):
    """A cloud's is its provider's; of 900 kWh that are claimed A used but 500."""

    def change(manifest):
        work = {"silo": "c", "duration": "300 h", "energy": "40 kWh"}
        manifest["runs"][0]["activities"].append(work)
        manifest["instruments"][0] |= {"energy": "900 kWh", "claims": {"A": "900 kWh"}}
        manifest["runs"][0]["activities"][0]["energy"] = "500 kWh"
        manifest["sites"][0]["pue"] = 1.0

    statement = stated(tmp_path, change)
    assert statement.total("location").energy_kwh > 1540
    assert statement.instruments[0].claimed_kwh == 900
    found = {row[2]: row[3] for row in tabulate_esrs(statement).rows}
    assert float(found["Purchased electricity of own sites"]) == pytest.approx(1.5)
    covered = found["Purchased electricity that contracts and certificates cover"]
    assert float(covered) == pytest.approx(0.5)


class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.text = [], ""

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize("form", [Form.GHG, Form.ESRS])
def test_hostile_names_are_text_in_pages_and_in_markdown(hostile, form):
    page = Page()
    page.feed(next(iter(export_statement(hostile, form, ".html").values())))
    assert not {"script", "img", "a"} & set(page.tags)
    assert LINK in page.text
    text = next(iter(export_statement(hostile, form, ".md").values()))
    assert "<script" not in text
    assert re.search(r"(?<!\\)\[", text.replace("[tCO2e]", "").replace("[MWh]", "")) is None
    bars = {
        len(re.findall(r"(?<!\\)\|", line)) for line in text.splitlines() if line.startswith("|")
    }
    assert len(bars) == 1


# --- PACT ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def pact():
    schema = json.loads((DATA / "pact-3.0.schema.json").read_text())
    kind = jsonschema.Draft202012Validator
    kind.check_schema(schema)
    return kind(schema, format_checker=kind.FORMAT_CHECKER)


def test_a_product_record_has_the_shape_that_pact_publishes(plain, hostile, pact):
    for statement in (plain, hostile):
        text = export_statement(statement, Form.PACT)["pact.json"]
        pact.validate(json.loads(text))
        assert json.loads(text) == record_product(statement)


def test_the_schema_refuses_what_pact_refuses(plain, pact):
    for change in (
        {"companyIds": []},
        {"id": "7"},
        {"created": "2027-02-01"},
        {"precedingPfIds": ["x"]},
        {"status": "Final"},
        {"productName": "x"},
    ):
        with pytest.raises(jsonschema.ValidationError):
            pact.validate(record_product(plain) | change)


def test_a_product_carries_the_functional_unit_to_the_last_digit(plain):
    pcf = record_product(plain)["pcf"]
    for name in ("pcfExcludingBiogenicUptake", "pcfIncludingBiogenicUptake", "fossilGhgEmissions"):
        assert Decimal(pcf[name]) == kilograms(plain.sci.intensity_g.value)
    assert pcf["referencePeriodStart"] == "2026-01-01T00:00:00Z"
    assert pcf["referencePeriodEnd"] == "2027-01-01T00:00:00Z"  # exclusive
    exempt = 100 * 10 / (total_g(plain, "sci") + 10)
    assert float(pcf["exemptedEmissionsPercent"]) == pytest.approx(exempt)
    assert "noise: nobody knows (not sized)" in pcf["exemptedEmissionsDescription"]
    sources = pcf["secondaryEmissionFactorSources"]
    assert {"name": "made up", "version": "2026 (declared in the manifest)"} in sources


def test_no_contract_is_in_a_product_and_more_of_it_changes_nothing(tmp_path, plain):
    without = stated(tmp_path, enrich, product=PRODUCT, instruments=[], residual_mix={})
    one, other = record_product(plain)["pcf"], record_product(without)["pcf"]
    name = "pcfExcludingBiogenicUptake"
    assert float(one[name]) == pytest.approx(float(other[name]), rel=1e-12)


def test_shares_and_scores_of_a_product_are_weighted_by_emissions(plain):
    lines = [(line, f.value) for line in plain.lines for _, f in line.figures("sci")]
    whole = sum(weight for _, weight in lines)
    metered = sum(weight for line, weight in lines if line.quality.value == "measured")
    pcf = record_product(plain)["pcf"]
    assert float(pcf["primaryDataShare"]) == pytest.approx(100 * metered / whole)
    assert 0 < float(pcf["primaryDataShare"]) < 100
    temporal = sum(weight * line.pedigree.temporal for line, weight in lines) / whole
    assert float(pcf["dqi"]["temporalDQR"]) == pytest.approx(temporal)


def test_the_identifier_follows_the_content(plain):
    first = record_product(plain)
    other = replace(plain, product=replace(plain.product, preceding=(first["id"],)))
    second = record_product(other)
    assert second["precedingPfIds"] == [first["id"]]
    assert second["id"] != first["id"]
    assert record_product(other)["id"] == second["id"]


def test_a_country_is_named_only_if_all_work_was_there(plain):
    assert "geographyCountry" not in record_product(plain)["pcf"]
    moved = tuple(replace(line, zone="FR") for line in plain.lines)
    assert record_product(replace(plain, lines=moved))["pcf"]["geographyCountry"] == "FR"
    cloud = tuple(replace(line, zone="aws:eu-west-3") for line in plain.lines)
    assert "geographyCountry" not in record_product(replace(plain, lines=cloud))["pcf"]


def test_a_part_that_is_not_fossil_is_said(plain):
    record = record_product(replace(plain, product=replace(plain.product, fossil_share=0.75)))
    pcf = record["pcf"]
    assert Decimal(pcf["fossilGhgEmissions"]) == Decimal("0.75") * Decimal(
        pcf["pcfExcludingBiogenicUptake"]
    )
    assert "not fossil" in record["comment"]


def test_without_a_product_or_a_functional_unit_there_is_no_record(plain):
    with pytest.raises(DocumentError) as caught:
        record_product(replace(plain, product=None))
    assert "[product]" in caught.value.remedy
    with pytest.raises(DocumentError) as caught:
        record_product(replace(plain, sci=None))
    assert "[functional_unit]" in caught.value.remedy


@pytest.mark.parametrize(
    ("start", "end"),
    [("2026-12-31", ""), ("", "2030-01-02"), ("2028-01-01", "2027-06-01"), ("2030-01-01", "")],
)
def test_a_validity_that_pact_does_not_accept_is_refused(plain, start, end):
    product = replace(plain.product, valid_from=start, valid_to=end)
    with pytest.raises(DocumentError, match="valid from"):
        record_product(replace(plain, product=product))


def test_a_validity_that_pact_accepts_is_written(plain):
    product = replace(plain.product, valid_from="2027-01-01", valid_to="2030-01-01")
    record = record_product(replace(plain, product=product))
    assert record["validityPeriodStart"] == "2027-01-01T00:00:00Z"
    assert record["validityPeriodEnd"] == "2030-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"ids": ["gtin:1"]}, "a URN"),
        ({"company_ids": ["urn:x:"]}, "a URN"),
        ({"preceding": ["7"]}, "a UUID"),
        ({"characterisation": ["6"]}, "assessment report"),
        ({"unit": "kilogram"}, "piece"),
        ({"standards": ["mine"]}, "GHGP-Product"),
        ({"fossil_share": 2}, "from 0 to 1"),
        ({"name": " "}, "some text"),
    ],
)
def test_a_manifest_says_what_is_wrong_with_its_product(tmp_path, change, said):
    with pytest.raises(ManifestError) as caught:
        stated(tmp_path, product=PRODUCT | change)
    assert said in str(caught.value)
    assert f"product.{next(iter(change))}" in caught.value.message


def test_a_manifest_says_what_its_product_lacks(tmp_path):
    with pytest.raises(ManifestError, match=r"product\.company_ids: this key is missing"):
        stated(tmp_path, product={k: v for k, v in PRODUCT.items() if k != "company_ids"})


def test_decimals_have_no_exponent():
    assert decimal_text(1.5e-9) == "0.0000000015"
    assert decimal_text(2e22) == "20000000000000000000000"
    assert decimal_text(100.0) == "100"
    assert decimal_text(0.0) == "0"


# --- Impact Framework ---------------------------------------------------------


@pytest.fixture(scope="module")
def framework():
    schema = json.loads((DATA / "impact-framework-1.1.schema.json").read_text())
    kind = jsonschema.Draft202012Validator
    kind.check_schema(schema)
    return kind(schema)


def components(manifest):
    for group in manifest["tree"]["children"].values():
        yield from group["children"].items()


def manifest_of(statement, total):
    texts = export_statement(statement, Form.IMPACT, total=total)
    return yaml.safe_load(texts["impact-framework.yml"])


@pytest.mark.parametrize("total", ["location", "market", "purchase", "amortised", "sci"])
def test_a_manifest_computes_one_total_line_by_line(plain, hostile, framework, total):
    for statement in (plain, hostile):
        manifest = manifest_of(statement, total)
        framework.validate(manifest)
        assert manifest == frame_impact(statement, total)
        wanted = {
            line.id: figure.value for line in statement.lines for _, figure in line.figures(total)
        }
        found = {name: one["outputs"][0]["carbon"] for name, one in components(manifest)}
        assert found == pytest.approx(wanted, rel=1e-12)
        whole = manifest["tree"]["aggregated"]["carbon"]
        assert whole == pytest.approx(total_g(statement, total), rel=1e-12)


@pytest.mark.parametrize("total", ["location", "outside", "sci"])
def test_a_manifest_computes_the_share_of_a_partner_and_the_rest(tmp_path, framework, total):
    def change(manifest):
        manifest["method"]["allocation"] = "declared"
        site = {"name": "P", "zone": "DE", "holding": "partner", "pue": 1.0}
        manifest["sites"].append(site | {"reported_share": 0.25})
        manifest["silos"].append({"name": "p", "place": "P"})
        work = {"silo": "p", "energy": "100 kWh", "tier": "A"}
        manifest["runs"][0]["activities"].append(work)

    statement = stated(tmp_path, change)
    manifest = manifest_of(statement, total)
    framework.validate(manifest)
    whole = manifest["tree"]["aggregated"]["carbon"]
    assert whole == pytest.approx(total_g(statement, total), rel=1e-12)
    shares = {0.75} if total == "outside" else {1, 0.25} | ({0.75} if total == "sci" else set())
    assert {one["inputs"][0]["reported-share"] for _, one in components(manifest)} == shares


def test_a_manifest_is_of_the_whole_period_with_its_last_day(plain):
    manifest = manifest_of(plain, "location")
    shared = manifest["tree"]["defaults"]
    assert shared["timestamp"] == "2026-01-01T00:00:00.000Z"
    assert shared["duration"] == 365 * 24 * 3600


def test_the_functional_unit_is_divided_by_in_its_own_total_alone(plain):
    manifest = manifest_of(plain, "sci")
    assert manifest["tree"]["aggregated"]["sci"] == pytest.approx(
        plain.sci.intensity_g.value, rel=1e-12
    )
    assert "sci" not in manifest_of(plain, "location")["tree"]["aggregated"]


def test_what_people_named_is_nowhere_that_the_framework_evaluates(hostile):
    manifest = manifest_of(hostile, "market")
    for _, one in components(manifest):
        for row in (*one["inputs"], *one["outputs"]):
            words = [value for key, value in row.items() if key != "timestamp"]
            assert all(isinstance(value, (int, float)) for value in words)
    settings = json.dumps(manifest["initialize"])
    for name in (FORMULA, QUERY, SCRIPT, "-2+3", "0o17"):
        assert name not in settings
    assert any(SCRIPT in name for name, _ in components(manifest))


def test_every_text_of_a_manifest_is_quoted(hostile):
    text = export_statement(hostile, Form.IMPACT)["impact-framework.yml"]
    nodes = [event for event in yaml.parse(text) if isinstance(event, yaml.ScalarEvent)]
    plain_words = {node.value for node in nodes if node.style is None}
    assert len(nodes) > 100
    for word in plain_words:
        assert isinstance(yaml.safe_load(word), (int, float)), word
    assert "&id" not in text


def test_a_total_that_is_not_there_is_refused(plain):
    with pytest.raises(UsageError, match="no total 'everything'"):
        frame_impact(plain, "everything")
    missing = next(name for name in TOTALS if plain.total(name) is None)
    with pytest.raises(UsageError, match="No line"):
        frame_impact(plain, missing)


def test_a_missing_library_says_what_to_install(plain, monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(MissingExtra, match=r"footprint\[audit\]"):
        export_statement(plain, Form.IMPACT)
    assert export_statement(plain, Form.CSV)


@pytest.mark.skipif(
    shutil.which("if-run") is None,
    reason="if-run is not on the PATH (npm install @grnsft/if): the tool itself was NOT TESTED",
)
@pytest.mark.parametrize("total", ["market", "sci"])
def test_the_framework_itself_computes_the_same_to_the_digit(hostile, tmp_path, total):
    path, again = tmp_path / "manifest.yml", tmp_path / "again.yaml"
    text = export_statement(hostile, Form.IMPACT, total=total)["impact-framework.yml"]
    path.write_text(text, encoding="utf-8")
    done = subprocess.run(
        ["if-run", "-m", path, "-o", again], capture_output=True, text=True, timeout=120
    )
    assert again.exists(), done.stdout + done.stderr
    found = yaml.safe_load(again.read_text(encoding="utf-8"))
    assert found["execution"]["status"] == "success"
    assert found["tree"] == yaml.safe_load(text)["tree"]


# --- command line -------------------------------------------------------------


def test_the_command_writes_each_form(plain, tmp_path):
    source = write_document(plain, tmp_path / "statement.json")

    def run(*words):
        return CliRunner().invoke(app, ["export", str(source), *map(str, words)])

    for form in Form:
        for suffix in SUFFIXES[form] or ("",):
            target = tmp_path / f"{form.value}{suffix}"
            done = run("--format", form.value, "-o", target, "--json")
            assert done.exit_code == 0, done.output
            texts = export_statement(plain, form, suffix)
            files = [Path(name) for name in json.loads(done.stdout)["files"]]
            assert [file.read_text(encoding="utf-8") for file in files] == list(texts.values())
    assert run("--format", "ghg").stdout == export_statement(plain, Form.GHG, ".md")["ghg.md"]
    for words in (
        ["--format", "csv"],
        ["--format", "csv", "-o", tmp_path / "lines.csv"],
        ["--format", "ghg", "-o", tmp_path / "x.txt"],
        ["--format", "nothing"],
    ):
        assert isinstance(run(*words).exception, UsageError)
    assert not (tmp_path / "x.txt").exists()


def test_the_command_wants_a_statement_and_says_how_to_make_one(tmp_path):
    path = company(tmp_path)
    done = CliRunner().invoke(app, ["export", str(path), "--format", "ghg"])
    assert isinstance(done.exception, UsageError)
    assert f"footprint audit {path} -o statement.json" in done.exception.remedy


def test_words_of_pact_are_those_of_its_schema(pact):
    pcf = pact.schema["$defs"]["carbonFootprint"]["properties"]
    assert set(DeclaredUnit) < set(pcf["declaredUnitOfMeasurement"]["enum"])
    assert set(Standard) == set(pcf["crossSectoralStandards"]["items"]["enum"])


# --- a statement with errors --------------------------------------------------


def test_every_form_says_that_the_statement_has_errors(plain, tmp_path):
    def enlarge(manifest):
        enrich(manifest)
        manifest["exclusions"][0]["estimate"] = "500 kgCO2e"

    wrong = stated(tmp_path, enlarge, product=PRODUCT)
    for form, suffixes in SUFFIXES.items():
        for suffix in suffixes or ("",):
            texts = [export_statement(one, form, suffix).values() for one in (plain, wrong)]
            said = ["cut-off-exceeded" in " ".join(one) for one in texts]
            assert said == [False, True], (form, suffix)


def test_the_boundary_of_a_product_is_not_called_cradle_to_gate_with_its_use(plain):
    boundary = record_product(plain)["pcf"]["boundaryProcessesDescription"]
    assert "use of the product" in boundary
    assert "gate" not in boundary
