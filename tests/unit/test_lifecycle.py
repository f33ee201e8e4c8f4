"""Formulae against the check values of their sources."""

import numpy as np
import pytest

from footprint.errors import UsageError
from footprint.factors import load_catalogue
from footprint.lifecycle.embodied import embodied_share
from footprint.lifecycle.network import transfer_energy
from footprint.lifecycle.operational import operational_emissions
from footprint.units import parse_quantity


def s(text):
    return parse_quantity(text, "s")


def test_sci_check_value():
    """ISO/IEC 21031: 1,000 kg over 4 years, used for 1 h, gives 28.5 g."""
    emissions_g = embodied_share(parse_quantity("1000 kgCO2e", "gCO2e"), s("1 h"), s("4 year"))
    assert emissions_g == pytest.approx(28.5, abs=0.05)


def test_a_gpu_hour_carries_card_and_host():
    """An 8-GPU H100 server: 164 kg a card and 5,700 kg for the host, over 3 years."""
    card = embodied_share(164e3, s("1 h"), s("3 year"))
    host = embodied_share(5700e3, s("1 h"), s("3 year"), resource_share=1 / 8)
    assert card == pytest.approx(6.2, abs=0.05)
    assert host == pytest.approx(27.1, abs=0.05)


def test_a_slice_never_exceeds_its_share():
    assert embodied_share(1000e3, s("1 h"), s("4 year"), 0.25) == pytest.approx(
        1000e3 * (1 / (4 * 8766)) * 0.25
    )


@pytest.mark.parametrize("bad", [{"lifespan_s": 0.0}, {"lifespan_s": -1.0}, {"resource_share": 2}])
def test_impossible_shares_are_refused(bad):
    arguments = {"total_g": 1.0, "reserved_s": 1.0, "lifespan_s": 1.0} | bad
    with pytest.raises(UsageError):
        embodied_share(**arguments)


@pytest.mark.parametrize(
    ("path", "expected_kwh"),
    [("datacenter_to_datacenter", 10), ("fixed_core_access", 65), ("mobile", 1000)],
)
def test_the_network_model_decides_over_orders_of_magnitude(path, expected_kwh):
    """100 clients x 500 rounds x 2 x 100 MB, by named model."""
    data_gb = 100 * 500 * 2 * 0.1
    factor = load_catalogue().resolve("network_energy", subject=path).factor
    assert transfer_energy(data_gb, factor.value) == pytest.approx(expected_kwh)


def test_arrays_give_what_their_elements_give():
    energy = np.array([0.0, 1.0, 2.5])
    assert operational_emissions(energy, 100.0, 1.2) == pytest.approx([0, 120, 300])
    assert transfer_energy(energy, 0.5) == pytest.approx([0, 0.5, 1.25])
    assert embodied_share(10.0, energy, 5.0) == pytest.approx([0, 2, 5])
