"""The planner, the network models and the catalogue, against figures of the literature.

The printed figures themselves stand in `examples/papers`, one file per source, and are
recomputed by `test_papercases.py`. Here they are held against the rest of the package.
"""

from dataclasses import replace

import pytest

from footprint import _resources
from footprint.assessment import estimate
from footprint.factors import load_catalogue
from footprint.inventory import build_inventory
from footprint.lifecycle.network import equivalent_kwh_per_gb, nj_per_bit_to_kwh_per_gb
from footprint.manifest import read_manifest, study_of
from footprint.model import Access, Architecture, BoundaryRule, Stage
from footprint.papercases import read_case
from footprint.scenarios import estimate_study
from footprint.settings import Settings
from footprint.units import parse_quantity
from tests.builders import journal, moved

CASES = _resources.paper_cases()


def rows_with(case, figure):
    """Rows of a case that print a figure, each with its inputs."""
    found = [(case.inputs_of(row), row) for row in case.rows if figure in row.printed]
    assert found
    return found


# --- Qiu et al., our reading: the planner gives what the formulae give ------------------

QIU = """
name = "qiu"
functional_unit = "one model"
year = 2024
network = "last-hop"
router = "7.5 W"
boundary = "qiu"

[training]
rounds = 100
clients_per_round = 10
model = "{model}"

[[clients]]
name = "devices"
count = 10
zone = "FR"
device = "edge"
power = "7.5 W"
idle = "2.5 W"
epoch = "30 s"
down = "100 Mbps"
up = "20 Mbps"

[server]
zone = "FR"
power = "100 W"
idle = "10 W"
pue = 1.2
aggregation = "10 s"

[centralised]
zone = "FR"
power = "300 W"
training = "1 h"
pue = {pue}

[intensity]
FR = "{intensity}"
"""


def qiu(tmp_path, model="46.758048 MB", pue=1.67, intensity="70.927465 gCO2e/kWh"):
    path = tmp_path / "study.toml"
    path.write_text(QIU.format(model=model, pue=pue, intensity=intensity))
    return read_manifest(path)


def test_a_plan_emits_what_the_formulae_of_qiu_say(tmp_path):
    for given, row in rows_with(read_case(CASES / "qiu_federated.toml"), "emissions"):
        result = estimate_study(qiu(tmp_path, given["model"], intensity=given["intensity"]))
        expected = parse_quantity(row.printed["emissions"], "gCO2e")
        assert result.total_g.value == pytest.approx(expected, rel=1e-6), row.name


def test_a_centralised_plan_emits_what_the_formulae_of_qiu_say(tmp_path):
    for given, row in rows_with(read_case(CASES / "qiu_centralised.toml"), "emissions"):
        study = qiu(tmp_path, pue=given["pue"], intensity=given["intensity"])
        result = estimate_study(study, Architecture.CENTRALISED)
        expected = parse_quantity(row.printed["emissions"], "gCO2e")
        assert result.total_g.value == pytest.approx(expected, rel=1e-6), row.name


def test_the_qiu_boundary_charges_what_that_model_does_and_nothing_else(tmp_path):
    plain = qiu(tmp_path)
    parts = estimate_study(plain).contributions
    assert {(p.stage, p.phase.value) for p in parts} == {
        (Stage.OPERATION, "train"),
        (Stage.OPERATION, "upload"),
        (Stage.OPERATION, "download"),
        (Stage.NETWORK, "upload"),
        (Stage.NETWORK, "download"),
    }
    assert {p.actor for p in parts} == {"devices"}
    wider = estimate_study(replace(plain, boundary=BoundaryRule.LIFE_CYCLE))
    assert wider.total_g.value > estimate_study(plain).total_g.value


# --- Cao, reconstructed -------------------------------------------------------------


def test_silos_pay_for_instances_egress_and_the_electricity_of_their_server():
    case = read_case(CASES / "cao_reconstructed.toml")
    bill = estimate_study(study_of(case.inputs, case.origin)).bill
    assert {cost.kind.value for cost in bill.costs} == {"instance", "egress", "electricity"}


# --- networks ------------------------------------------------------------------------


def test_a_last_hop_is_worth_its_energy_per_bit():
    """10 W at 20 Mbit/s is 0.5 uJ/bit."""
    assert nj_per_bit_to_kwh_per_gb(500) == pytest.approx(equivalent_kwh_per_gb(10, 20))


@pytest.mark.parametrize(
    ("network", "access", "kwh"),
    [
        ("power-marginal", "fixed", 1.1),
        ("datacenter_to_datacenter", None, 10),
        ("by-access", "datacentre", 10),
        ("power-marginal", "mobile_4g", 34),  # 33 without the core's share
        ("fixed_core_access", None, 65),
        ("by-access", "fixed", 65),
        ("all_networks", None, 590),
        ("internet_end_to_end", None, 600),
        ("mobile", None, 1000),
        ("by-access", "mobile_4g", 1000),
    ],
)
def test_ten_terabytes_by_named_model(network, access, kwh):
    """100 clients x 500 rounds x 2 x 100 MB: three orders of magnitude between the models."""
    access = None if access is None else Access(access)
    what = journal(moved(100 * 500 * 2 * 0.1, access=access, start_s=1.58e9))  # in 2020
    result = estimate(build_inventory(what), Settings(network=network, draws=100))
    assert result.energy_kwh == pytest.approx(kwh, rel=0.02)
    assert result.boundary.network_model in (network, f"average/{network}")


@pytest.mark.parametrize(
    ("case", "row", "key", "quantity", "subject"),
    [
        ("carbon_trust_2021", "network", "transfer", "network_energy", "fixed_core_access"),
        ("carbon_trust_2021", "router", "transfer", "network_energy", "home_router"),
        ("malmodin_2020", "one hour at 4 Mbit/s", "base", "network_power_base", "fixed_line"),
    ],
)
def test_the_catalogue_has_the_constant_of_the_case(case, row, key, quantity, subject):
    case = read_case(CASES / f"{case}.toml")
    (given,) = (case.values_of(one) for one in case.rows if one.name == row)
    factor = load_catalogue().resolve(quantity, subject=subject).factor
    assert factor.value == pytest.approx(given[key])
