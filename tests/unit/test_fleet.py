"""Fleets: hardware classes, files, and figures that cannot be."""

import numpy as np
import pytest

from footprint.errors import DataError, UsageError
from footprint.simulation.fleet import Fleet
from footprint.simulation.fleet_files import read_fedzero_clients, read_fleet, spread_samples
from footprint.simulation.hardware import CLASSES, SIZES

# Batches per minute and Ws per batch as the reference code computes them (dos-group/fedzero,
# commit 1c8ae6a3), to two decimals and more: small, mid, large.
TABLE = {
    "cifar10": ((10.980, 382.51), (38.340, 469.48), (74.220, 565.89)),
    "cifar100": ((7.320, 573.77), (25.560, 704.23), (49.480, 848.83)),
    "tiny_imagenet": ((7.843, 535.52), (27.386, 657.28), (53.014, 792.24)),
    "shakespeare": ((7.320, 573.77), (25.560, 704.23), (49.480, 848.83)),
    "speech": ((5.779, 726.78), (20.179, 892.02), (39.063, 1075.18)),
}


@pytest.mark.parametrize("task", TABLE)
def test_hardware_classes_have_the_published_figures(task):
    for one, (per_minute, energy_ws) in zip(CLASSES.values(), TABLE[task], strict=True):
        assert 60 * one.units_per_s(SIZES[task]) == pytest.approx(per_minute, abs=5e-4)
        assert one.energy_per_unit_ws(SIZES[task]) == pytest.approx(energy_ws, abs=5e-3)


@pytest.mark.parametrize(("name", "power_w"), [("small", 70), ("mid", 300), ("large", 700)])
def test_full_load_is_the_same_for_every_task(name, power_w):
    for size in SIZES.values():
        one = CLASSES[name]
        assert one.units_per_s(size) * one.energy_per_unit_ws(size) == pytest.approx(power_w)


def fleet(**changes):
    columns = {
        "domain": np.array([0, 1]),
        "units_per_s": [1.0, 2.0],
        "energy_per_unit_ws": [100.0, 200.0],
        "least_units": [10.0, 10.0],
        "most_units": [50.0, 50.0],
        **changes,
    }
    return Fleet.of(**columns)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"units_per_s": [1.0, 0.0]}, "'client-1' has the units_per_s 0"),
        ({"energy_per_unit_ws": [-1.0, 1.0]}, "'client-0' has the energy_per_unit_ws"),
        ({"most_units": [5.0, 50.0]}, "'client-0' has the most_units 5"),
        ({"least_units": [np.nan, 1.0]}, "'client-0' has the least_units nan"),
        ({"dropout": np.array([0.0, 1.5])}, "'client-1' has the dropout"),
        ({"idle_w": np.array([-1.0, 0.0])}, "'client-0' has the idle_w"),
        ({"domain": np.array([0, -1])}, "'client-1' has the domain"),
        ({"samples": np.array([1.0])}, "2 has 1 values of samples"),
        ({"ids": np.array(["a", "a"], dtype=object)}, "one id"),
        ({"message_gb": -1.0}, "size of 0 or more"),
    ],
)
def test_a_fleet_that_cannot_be_is_an_error(changes, what):
    with pytest.raises(UsageError, match=what):
        fleet(**changes)


def test_a_transfer_takes_its_time_and_none_where_no_rate_is_known():
    two = fleet(down_mbps=np.array([8.0, np.nan]), up_mbps=np.array([4.0, 1.0]))
    two = two.with_messages(0.01, 0.005)
    assert two.download_s(np.array([0, 1])).tolist() == [10.0, 0.0]
    assert two.upload_s(np.array([0, 1])).tolist() == [10.0, 40.0]


OWN = (
    "id,domain,units_per_s,energy_per_unit_ws,least_units,most_units,samples,device,idle_w\n"
    "a,Zürich,0.5,100,10,50,1000,laptop,5\n"
    "b,Oslo,0.25,200,20,100,,,\n"
)


def test_a_fleet_is_read_from_a_file(tmp_path):
    path = tmp_path / "fleet.csv"
    path.write_text(OWN, encoding="utf-8")
    found = read_fleet(path, ["Oslo", "Zürich"])
    assert found.ids.tolist() == ["a", "b"]
    assert found.domain.tolist() == [1, 0]
    assert found.devices.tolist() == ["laptop", None]
    assert found.samples[0] == 1000
    assert np.isnan(found.samples[1])
    assert np.isnan(found.idle_w[1])
    assert found.dropout.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("Oslo", "Bergen", "no power domain 'Bergen'"),
        ("most_units", "most", "lacks the column 'most_units'"),
        ("idle_w", "idle", "has a column 'idle'"),
        ("0.25", "slow", "row 3, column 'units_per_s': 'slow'"),
        ("0.25", "", "row 3 has no 'units_per_s'"),
    ],
)
def test_what_is_wrong_in_a_fleet_file_is_said(tmp_path, old, new, what):
    path = tmp_path / "fleet.csv"
    path.write_text(OWN.replace(old, new), encoding="utf-8")
    with pytest.raises(DataError, match=what):
        read_fleet(path, ["Oslo", "Zürich"])


CLIENTS = "client_id,power_domain,fairness_group,size\n0,4,B,large\n1,3,A,mid\n2,7,A,small\n"


def test_the_client_table_of_fedzero_is_read(tmp_path):
    path = tmp_path / "clients.csv"
    path.write_text(CLIENTS)
    found = read_fedzero_clients(path, "cifar100", [101, 95, 10])
    assert found.domain.tolist() == [4, 3, 7]
    assert found.ids.tolist() == ["client-0", "client-1", "client-2"]
    assert found.least_units.tolist() == [11, 10, 1]  # batches of 10, rounded up
    assert found.most_units.tolist() == [55, 50, 5]
    assert 60 * found.units_per_s[0] == pytest.approx(49.48)
    with pytest.raises(UsageError, match="3 clients need"):
        read_fedzero_clients(path, "cifar100", [101, 95])
    with pytest.raises(UsageError, match="no task 'mnist'"):
        read_fedzero_clients(path, "mnist", [101, 95, 10])
    path.write_text(CLIENTS.replace("mid", "medium"))
    with pytest.raises(UsageError, match="no hardware class 'medium'"):
        read_fedzero_clients(path, "cifar100", [101, 95, 10])


def test_samples_are_dealt_unevenly_and_add_up():
    samples = spread_samples(50_000, 100, seed=1)
    assert samples.sum() == pytest.approx(50_000, abs=100)
    assert samples.min() >= 10
    assert samples.std() > 100
