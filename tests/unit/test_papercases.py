"""Paper cases: every shipped row, and the loader that reads them."""

import functools
import math
from pathlib import Path

import pytest

from footprint import _resources
from footprint.errors import ManifestError, PaperCaseError, UnitError, UsageError
from footprint.model import manifest_key
from footprint.papercases import Grade, Verdict, check_case, intensity_set, read_case, read_cases
from footprint.papercases.cases import Printed
from footprint.papercases.formulas import MODELS, known_inputs
from footprint.papercases.studies import STUDY

SHIPPED = read_cases([_resources.paper_cases()])
FIGURES = [
    pytest.param(case, row.name, figure, id=f"{case.id}-{row.name}-{figure}")
    for case in SHIPPED
    for row in case.rows
    for figure in row.printed
]


@functools.cache
def results_of(name):
    """Results of one shipped case, by row and figure."""
    (case,) = (case for case in SHIPPED if case.id == name)
    return {(result.row, result.figure): result for result in check_case(case)}


# --- what is shipped ---------------------------------------------------------------------


@pytest.mark.parametrize(("case", "row", "figure"), FIGURES)
def test_row(case, row, figure):
    result = results_of(case.id)[row, figure]
    assert result.verdict is result.expected, result


def test_the_cases_are_there():
    assert len(SHIPPED) >= 15
    assert {case.model for case in SHIPPED} == {*MODELS, STUDY}, "a model without a case"


def test_only_rows_of_verified_or_reported_figures_are_said_to_agree_with_a_paper():
    for result in (one for case in SHIPPED for one in results_of(case.id).values()):
        assert "reproduc" not in result.meaning
        if result.grade is Grade.RECONSTRUCTED:
            assert (
                result.meaning == "holds our own reading to itself, proves nothing about the paper"
            )


@pytest.mark.parametrize("model", MODELS)
def test_keys_of_a_model_are_not_ambiguous(model):
    """Without its unit, a name could stand for two."""
    names = {*MODELS[model], *(p for f in MODELS[model].values() for p in f.__annotations__)}
    names -= {"return"}
    assert len({manifest_key(name) for name in names}) == len(names)
    assert known_inputs(model)


# --- the loader ---------------------------------------------------------------------------

HEAD = """
id = "test"
grade = "V"
claim = "Nothing."
model = "{model}"

[source]
title = "A paper"
where = "A journal"
year = 2020
"""
WATTS = (
    HEAD.format(model="line")
    + """
[inputs]
base = "1.2 W"
slope = "1.53 W/Mbps"
users = 1

[[rows]]
name = "download"
inputs = { rate = "40 Mbps" }
printed = { power = "62 W" }
"""
)
QIU = (
    HEAD.format(model="qiu-federated")
    + """
[inputs]
rounds = 100
clients_per_round = 10
local = "30 s"
power = "7.5 W"
model = "1 MB"
down = "100 Mbps"
up = "20 Mbps"
router = "7.5 W"
idle = "2.5 W"
intensity = "70.927465 gCO2e/kWh"

[[rows]]
name = "France"
printed = { emissions = "4.53 gCO2e", energy = "0.0638 kWh" }
"""
)


@pytest.fixture
def write(tmp_path):
    def written(text):
        path = tmp_path / "case.toml"
        path.write_text(text)
        return path

    return written


@pytest.fixture
def check(write):
    def checked(text):
        return check_case(read_case(write(text)))

    return checked


def swapped(text, old, new):
    assert text.count(old) == 1
    return text.replace(old, new)


def test_a_right_figure_agrees(check):
    (result,) = check(WATTS)
    assert result.agrees
    assert not result.failed
    assert result.computed == pytest.approx(62.4)
    assert result.difference == pytest.approx(0.4 / 62)
    assert result.meaning == "agrees with the printed figure"


def test_a_wrong_figure_is_found(check):
    (result,) = check(swapped(WATTS, "62 W", "64 W"))
    assert result.agrees is False
    assert result.failed
    assert result.meaning == "differs from the printed figure"


def test_a_figure_is_compared_in_the_unit_that_is_printed(check):
    (result,) = check(swapped(WATTS, "62 W", "62400 mW"))
    assert result.agrees
    assert result.computed == pytest.approx(62_400)
    (result,) = check(swapped(WATTS, "62 W", "0.0624 kW"))
    assert result.agrees


@pytest.mark.parametrize(
    ("text", "half"),
    [
        ("0.02 W", 0.005),
        ("62 W", 0.5),
        ("62.0 W", 0.05),
        ("0.020 kWh", 0.0005),
        ("1e3 g", 500),
        ("1.5e-3", 0.00005),
        ("82.0 %", 0.05),
    ],
)
def test_the_last_printed_digit_says_how_far_a_figure_was_rounded(text, half):
    assert Printed.read(text).half_digit == pytest.approx(half, rel=1e-12)


@pytest.mark.parametrize("text", ["W", "about 5 W", "", "5 W 3", "nan W"])
def test_what_is_no_figure_is_refused(text):
    with pytest.raises(UnitError):
        Printed.read(text)


@pytest.mark.parametrize(
    ("printed", "agrees"),
    # 62.4 W: two per cent of what is printed, or half a unit in its last digit.
    [
        ("61.2 W", True),
        ("61.1 W", False),
        ("63.6 W", True),
        ("63.7 W", False),
        ("6e1 W", True),
        ("7e1 W", False),
    ],
)
def test_the_usual_tolerance_is_two_per_cent_or_half_a_digit(check, printed, agrees):
    (result,) = check(swapped(WATTS, "62 W", printed))
    assert result.agrees is agrees


def test_a_figure_at_the_edge_of_its_rounding_agrees(check):
    """1.15 is printed as 1.2: the difference of the two floats is above 0.05."""
    assert abs(1.2 - 1.15) > 0.05
    text = WATTS.replace("1.2 W", "0 W").replace("1.53 W", "1 W").replace("40 M", "1.15 M")
    (result,) = check(swapped(text, "62 W", "1.2 W"))
    assert result.agrees


def test_a_tolerance_of_its_own_never_asks_for_more_than_is_printed(check):
    exact = 'tolerance = { share = "0 %", why = "exact" }'
    (result,) = check(f"{WATTS}{exact}")
    assert result.agrees
    assert result.tolerance == 0.5
    (result,) = check(f"{WATTS}{exact}".replace("62 W", "62.3 W"))
    assert not result.agrees


def test_a_row_may_be_known_to_differ(check):
    known = 'expected = "differs"\nreason = "misprint"\n'
    (result,) = check(swapped(WATTS, "62 W", "74 W") + known)
    assert result.verdict is Verdict.DIFFERS
    assert not result.failed
    assert result.reason == "misprint"


def test_a_row_that_is_known_to_differ_fails_when_it_begins_to_agree(check):
    (result,) = check(WATTS + 'expected = "differs"\nreason = "misprint"\n')
    assert result.agrees
    assert result.failed
    assert "expects: differs" in result.meaning


def test_grades_decide_what_is_said(check):
    said = set()
    for grade in Grade:
        (right,) = check(swapped(WATTS, '"V"', f'"{grade}"'))
        (wrong,) = check(swapped(WATTS, '"V"', f'"{grade}"').replace("62 W", "70 W"))
        said |= {right.meaning, wrong.meaning}
        # An unconfirmed figure is no acceptance figure.
        assert wrong.failed is (grade is not Grade.UNCONFIRMED)
    assert len(said) == 8
    assert not [words for words in said if "reproduc" in words]


def test_a_row_may_have_a_grade_of_its_own(check):
    (result,) = check(WATTS + 'grade = "C"\n')
    assert result.grade is Grade.REPORTED


# --- recomputable, or not -------------------------------------------------------------------


@pytest.mark.parametrize(
    "key",
    [
        "rounds",
        "clients_per_round",
        "local",
        "power",
        "model",
        "down",
        "up",
        "router",
        "idle",
        "intensity",
    ],
)
def test_emissions_of_a_federation_need_every_input(check, key):
    """Recomputable if and only if all of them are printed."""
    complete = check(QIU)
    assert [result.agrees for result in complete] == [True, True]
    lines = [line for line in QIU.splitlines() if line.split(" =")[0] != key or "qiu" in line]
    emissions, energy = check("\n".join(lines))
    assert emissions.verdict is Verdict.NOT_RECOMPUTABLE
    assert emissions.missing == (key,)
    assert emissions.agrees is None
    assert not emissions.failed
    assert key in emissions.meaning
    # The energy does without the intensity.
    assert (energy.missing == ()) is (key == "intensity")


CENTRAL = (
    HEAD.format(model="qiu-centralised")
    + """
[inputs]
train = "1 h"
power = "300 W"
pue = 1.67
intensity = "70.927465 gCO2e/kWh"

[[rows]]
name = "France"
printed = { emissions = "35.53 gCO2e" }
"""
)


@pytest.mark.parametrize("key", ["train", "power", "pue", "intensity"])
def test_emissions_of_a_data_centre_need_every_input(check, key):
    assert check(CENTRAL)[0].agrees
    (result,) = check("\n".join(ln for ln in CENTRAL.splitlines() if not ln.startswith(f"{key} =")))
    assert result.missing == (key,)


def test_a_printed_energy_stands_in_for_what_it_is_made_of(check):
    text = CENTRAL.replace('train = "1 h"', 'energy = "0.501 kWh"').replace('power = "300 W"', "")
    (result,) = check(text)
    assert result.agrees


# --- what is wrong is said, with its place ----------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "message", "remedy"),
    [
        ('claim = "Nothing."', "", "case.toml, claim: this key is missing", "Add it"),
        ("claim =", "clam =", "clam: this key is unknown", "Did you mean 'claim'"),
        ('"line"', '"lines"', "model: 'lines' is unknown", "Did you mean 'line'"),
        ('"V"', '"X"', "grade: found 'X', expected one of 'V'", ""),
        ("rate =", "rates =", "rows[1].inputs.rates: 'rates' is unknown", "Did you mean 'rate'"),
        ("slope =", "slop =", "case.toml, inputs.slop: 'slop' is unknown", "Did you mean 'slope'"),
        ("{ power", "{ watts", "rows[1].printed.watts: 'watts' is unknown", "power"),
        ('"40 Mbps"', '"40 W"', "rows[1].inputs.rate: '40 W' is in watt", "as text"),
        ('"40 Mbps"', "40", "rows[1].inputs.rate: 40 has no unit", "as text"),
        ("users = 1", "users = 0.5", "inputs.users: 0.5 is out of range", ""),
        ('"62 W"', "62", "rows[1].printed.power: found 62, expected text", "in quotes"),
        ('"62 W"', '"62 Wh"', "rows[1].printed.power: '1 Wh' is in", ""),
        ('"62 W"', '"some 62 W"', "rows[1].printed.power: 'some 62 W' is not a quantity", ""),
        ('{ power = "62 W" }', "{}", "rows[1].printed: nothing is printed", "Add a figure"),
        ("[[rows]]", "[rows]", "rows: found a table, expected a list", "[[rows]]"),
        ('name = "download"', "", "rows[1].name: this key is missing", "Add it"),
        ("name =", 'expected = "differs"\nname =', "rows[1].reason: this key is missing", "why"),
        ("name =", 'tolerance = { share = "3 %" }\nname =', "rows[1].tolerance.why: this", "Add"),
        ("name =", "sigma = 2\nname =", "rows[1].sigma: this key is unknown", "tolerance"),
        ("[source]", "origin = 'x'\n[source]", "origin: this key is unknown", "Leave"),
        ("[source]", "[source", "is not TOML", ""),
    ],
)
def test_errors_name_the_file_and_the_key(write, old, new, message, remedy):
    with pytest.raises(PaperCaseError) as error:
        read_case(write(swapped(WATTS, old, new)))
    assert "case.toml" in error.value.message
    assert message in error.value.message
    assert remedy in error.value.remedy


def test_a_figure_that_is_an_input_proves_nothing_and_is_refused(write):
    text = swapped(QIU, "rounds = 100", 'energy = "0.0638 kWh"')
    with pytest.raises(PaperCaseError, match=r"rows\[1\].printed.energy: the same is an input"):
        read_case(write(text))


def test_two_rows_have_two_names(write):
    again = WATTS[WATTS.index("[[rows]]") :]
    with pytest.raises(PaperCaseError, match=r"rows\[1\].name: 'download' is given twice"):
        read_case(write(WATTS + again))


def test_a_figure_without_a_value_is_an_error(check):
    text = swapped(WATTS, '"62 W"', '"62 kWh/GB"').replace("{ power", "{ intensity")
    with pytest.raises(PaperCaseError, match="row 'download': intensity cannot be computed"):
        check(text.replace('rate = "40 Mbps"', 'rate = "0 Mbps", transfer = "1 h"'))


def test_two_cases_have_two_ids(tmp_path):
    for name in ("a.toml", "b.toml"):
        (tmp_path / name).write_text(WATTS)
    with pytest.raises(PaperCaseError, match=r"b.toml, id: 'test' is also that of .*a.toml"):
        read_cases([tmp_path])


def test_a_folder_without_cases_is_an_error(tmp_path):
    with pytest.raises(PaperCaseError, match="holds no paper case"):
        read_cases([tmp_path])


# --- life cycles, through a manifest ----------------------------------------------------------

LIFE_CYCLE = Path(_resources.paper_cases() / "cao_reconstructed.toml").read_text()


def test_a_row_replaces_inputs_of_a_manifest(check):
    row = """
[[rows]]
name = "twice the rounds"
inputs = { training = { rounds = 100 } }
printed = { federated_network = "15.3958 gCO2e" }
"""
    (result,) = (one for one in check(LIFE_CYCLE + row) if one.row == "twice the rounds")
    assert result.agrees


def test_a_wrong_figure_of_a_life_cycle_is_found(check):
    results = check(swapped(LIFE_CYCLE, "2569.6948", "2569.6958"))
    assert [result.figure for result in results if result.failed] == ["centralised_storage"]


def test_a_manifest_that_lacks_inputs_is_not_recomputable(check):
    text = swapped(LIFE_CYCLE, "rounds = 50\n", "").replace('epoch = "576 s"\n', "")
    for result in check(text):
        assert result.missing == ("training.rounds",)
    for result in check(LIFE_CYCLE.replace('epoch = "576 s"\n', "")):
        assert result.missing == ("clients[1].epoch", "clients[2].epoch", "clients[3].epoch")


def test_a_manifest_without_a_centre_or_prices_lacks_these(check):
    start, end = LIFE_CYCLE.index("[inputs.centralised]"), LIFE_CYCLE.index("[inputs.storage]")
    missing = {r.figure: r.missing for r in check(LIFE_CYCLE[:start] + LIFE_CYCLE[end:])}
    assert missing["centralised_use"] == ("centralised",)
    assert missing["federated_use"] == ()
    start, end = LIFE_CYCLE.index("[inputs.prices]"), LIFE_CYCLE.index("[inputs.intensity]")
    missing = {r.figure: r.missing for r in check(LIFE_CYCLE[:start] + LIFE_CYCLE[end:])}
    assert missing["federated_cost"] == ("prices",)


def test_a_manifest_that_is_wrong_is_an_error(write):
    with pytest.raises(ManifestError, match=r"case.toml, rows\[1\], training.rounds: 'many'"):
        read_case(write(swapped(LIFE_CYCLE, "rounds = 50", 'rounds = "many"')))
    with pytest.raises(PaperCaseError, match="federated_sum' is unknown"):
        read_case(write(swapped(LIFE_CYCLE, "federated_use =", "federated_sum =")))


def test_money_is_compared_in_its_own_currency(check):
    with pytest.raises(PaperCaseError, match=r"row 'money, federated', federated_cost: .*EUR"):
        check(swapped(LIFE_CYCLE, "74.79 USD", "74.79 EUR"))


# --- records ------------------------------------------------------------------------------------

OPERATIONAL = """
[operational]
pue_in_federated = "no"
router = "1 W"
idle = "1 W"
hardware_in_transfer = "once"
centralised_power = "library, mean of accelerators and processors"
communication_share = "12 %"
optimisation = "text"
[operational.equations]
training = "text"
communication = "text"
[operational.intensities.FR]
value = "1.0 gCO2e/kWh"
source = "text"
[operational.links.FR]
down = "1 Mbps"
up = "1 Mbps"
source = "text"
date = "2020-01"
[operational.devices.board]
power = "1 W"
idle = "1 W"
measured = "rail monitor"
[operational.datasets.CIFAR10]
model = "text"
parameters = 1
pool = 1
clients_per_round = 1
partition = "text"
target_accuracy = "1 %"
optimiser = "text"
epoch = { board = "1 s" }
[[operational.datasets.CIFAR10.rounds_to_target]]
partition = "IID"
strategy = "FedAvg"
local_epochs = 1
rounds = 1
"""
LIFE = """
[life_cycle]
stages = ["text"]
transfer = { value = "1 kWh/GB", source = "text" }
storage = { value = "1 kWh/GB", source = "text" }
currency = "EUR"
management_parts = ["text"]
management_flow = "text"
claims = ["saves 1 %"]
[life_cycle.emission_equations]
federated = "text"
centralised = "text"
[life_cycle.cost_equations]
federated = "text"
centralised = "text"
[life_cycle.prices]
egress = { value = "1 EUR/GB", source = "text", date = "2020-01" }
[[life_cycle.instances]]
kind = "text"
price = "1 EUR/h"
date = "2020-01"
[[life_cycle.use_cases]]
name = "text"
task = "text"
model = "text"
silos = 1
data = "1 GB"
rounds = 1
duration = "1 h"
hardware = "text"
[life_cycle.intensities.FR]
value = "1 gCO2e/kWh"
source = "text"
"""


def test_a_record_holds_what_a_paper_on_operation_says(write):
    record = read_case(write(WATTS + OPERATIONAL)).operational
    assert record.links["FR"].down_mbps == 1
    assert record.datasets["CIFAR10"].target_accuracy == 0.01
    assert record.datasets["CIFAR10"].rounds_to_target[0].strategy == "FedAvg"
    assert record.datasets["CIFAR10"].epoch == {"board": 1}
    assert unfilled(record) == []


def test_a_record_holds_what_a_paper_on_the_life_cycle_says(write):
    record = read_case(write(WATTS + LIFE)).life_cycle
    assert math.isclose(record.use_cases[0].duration_s, 3600)
    assert unfilled(record) == []


def unfilled(record):
    """Fields that the text above leaves empty: a record has none that it does not show."""
    return [name for name in record.__slots__ if not getattr(record, name)]


def test_a_paper_without_recomputable_rows_is_still_a_record(write):
    bare = WATTS[: WATTS.index("[inputs]")]
    case = read_case(write(bare + OPERATIONAL))
    assert check_case(case) == ()


@pytest.mark.parametrize(
    ("old", "new", "message", "remedy"),
    [
        ('up = "1 Mbps"', 'upp = "1 Mbps"', "operational.links.FR.upp: this key", "'up'"),
        (
            'strategy = "FedAvg"',
            'stategy = "FedAvg"',
            "operational.datasets.CIFAR10.rounds_to_target[1].stategy: this key is unknown",
            "Did you mean 'strategy'",
        ),
        ('down = "1 Mbps"', 'down = "1 W"', "operational.links.FR.down: '1 W'", ""),
        (
            'epoch = { board = "1 s" }',
            "epoch = { board = 1 }",
            "epoch.board: 1 has no unit",
            "text",
        ),
    ],
)
def test_errors_in_a_record_name_the_key_however_deep(write, old, new, message, remedy):
    with pytest.raises(PaperCaseError) as error:
        read_case(write(WATTS + swapped(OPERATIONAL, old, new)))
    assert message in error.value.message
    assert remedy in error.value.remedy


# --- which intensities --------------------------------------------------------------------


def names(**printed):
    return [one.name for one in intensity_set(printed)]


def test_printed_grams_tell_which_intensities_are_behind_them():
    """Centralised rows: the energy is the same, so grams have the ratio of intensities."""
    energy_kwh = 0.501
    for name, intensities in (
        ("Brander 2011", {"CN": 974.624913, "FR": 70.927465, "US": 547.096737}),
        ("second set", {"CN": 974.6, "FR": 79.0, "US": 574.1}),
    ):
        grams = {z: f"{value * energy_kwh:.4g} gCO2e" for z, value in intensities.items()}
        for over, under in (("CN", "US"), ("CN", "FR"), ("US", "FR"), ("FR", "CN")):
            assert names(**{over: grams[over], under: grams[under]}) == [name]


def test_grams_of_other_intensities_have_no_set():
    assert names(CN="550 gCO2e", FR="51.0 gCO2e") == []


def test_too_few_digits_cannot_tell():
    """5 g may be 4.5 to 5.5 g: both ratios lie within."""
    assert names(CN="5 gCO2e", US="3 gCO2e") == ["Brander 2011", "second set"]
    assert names(CN="17.8 gCO2e", US="10.0 gCO2e") == ["Brander 2011"]


def test_grams_and_kilograms_mix():
    assert names(CN="1.7814 kgCO2e", US="1000.0 gCO2e") == ["Brander 2011"]


def test_intensities_rounded_to_four_digits_are_still_known():
    """Somebody who wrote 0.0709 kg/kWh, and many digits of grams."""
    assert names(CN=f"{974.6 * 0.501:.6f} gCO2e", FR=f"{70.9 * 0.501:.6f} gCO2e") == [
        "Brander 2011"
    ]


@pytest.mark.parametrize(
    "printed",
    [
        {"CN": "5.0 gCO2e"},
        {"CN": "5.0 gCO2e", "US": "3.0 gCO2e", "FR": "1.0 gCO2e"},
        {"CN": "5.0 gCO2e", "DE": "3.0 gCO2e"},
        {"CN": "5.0 gCO2e", "US": "0 gCO2e"},
    ],
)
def test_a_ratio_takes_two_known_zones_and_digits(printed):
    with pytest.raises(UsageError):
        intensity_set(printed)
