"""When devices are held: what a journal says, and how much of it there is at once."""

import numpy as np
import pytest

from footprint.audit.occupancy import Occupancy, occupancies, overlap
from footprint.model import Activity, Basis, Journal, Phase, Role, Run

HOUR = 3600.0


def held(*rows):
    start_h, end_h, devices = np.asarray(rows, dtype=np.float64).T
    return Occupancy("a", "server", True, start_h * HOUR, end_h * HOUR, devices)


@pytest.mark.parametrize(
    ("rows", "there", "excess_h", "taken_h", "peak"),
    [
        # One after the other, touching.
        ([(0, 10, 1), (10, 20, 1)], [(-np.inf, 1)], 0, 20, 1),
        ([(0, 10, 1), (5, 15, 1)], [(-np.inf, 1)], 5, 20, 2),
        ([(0, 10, 1), (5, 15, 1)], [(-np.inf, 2)], 0, 20, 2),
        # A second one is bought at hour 8.
        ([(0, 10, 1), (5, 15, 1)], [(0, 1), (8, 1)], 3, 20, 2),
        # What ran before the first one was bought ran on another.
        ([(0, 10, 1), (5, 15, 1)], [(10, 1)], 0, 5, 1),
        ([(0, 10, 0.5), (0, 10, 0.5)], [(-np.inf, 1)], 0, 10, 1),
        ([(0, 10, 4)], [(-np.inf, 1)], 30, 40, 4),
        ([], [(0, 1)], 0, 0, 0),
    ],
)
def test_what_is_held_at_once_is_compared_with_what_is_there(rows, there, excess_h, taken_h, peak):
    found = overlap([held(row) for row in rows], [(since * HOUR, more) for since, more in there])
    assert found == pytest.approx((excess_h * HOUR, taken_h * HOUR, peak))


def test_device_time_before_a_moment_is_a_share_of_all():
    one = held((0, 10, 1), (5, 15, 3))
    # 7 h of the one and 2 h of three, of 10 h and 30 h.
    assert one.share_before(7 * HOUR) == pytest.approx((7 + 6) / 40)
    assert (one.share_before(0.0), one.share_before(99 * HOUR)) == (0.0, 1.0)


def test_a_journal_is_taken_apart_by_silo_class_and_work():
    def activity(actor, phase, device=None, share=None):
        return Activity(
            actor=actor,
            role=Role.CLIENT,
            device=device,
            zone=None,
            phase=phase,
            round=None,
            start_s=HOUR,
            duration_s=8 * HOUR,
            energy_kwh=None,
            energy_low_kwh=None,
            energy_high_kwh=None,
            data_gb=0.0,
            basis=Basis.DECLARED,
            tier=None,
            source="x",
            resource_share=share,
        )

    activities = [
        activity("one", Phase.TRAIN),
        activity("two", Phase.TRAIN, share=0.5),
        activity("two", Phase.IDLE),
        activity("two", Phase.TRAIN, device="gpu"),
    ]
    journal = Journal.of(Run("r"), activities)
    found = list(occupancies(journal, lambda _: "a", {"a": "server"}, [4, 1, 1, 1]))
    kinds = {(one.device, one.works): one for one in found}
    assert set(kinds) == {("server", True), ("server", False), ("gpu", True)}
    work = kinds["server", True]
    # Eight hours of four devices are two by the clock.
    assert list(work.end_s) == [3 * HOUR, 9 * HOUR]
    assert list(work.devices) == [4, 0.5]
