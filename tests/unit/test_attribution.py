"""Who used what: counters are shared without loss, and turned into energy."""

import os
import shutil
from dataclasses import replace

import pytest

from footprint.errors import UsageError
from footprint.factors import load_catalogue
from footprint.journal import (
    JournalWriter,
    Process,
    ProcessRecords,
    Sample,
    SpanRecord,
    WallLine,
    WallLines,
)
from footprint.measurement.accounts import share
from footprint.measurement.attribution import attribute, read_journal
from footprint.measurement.meter import TIER_BANDS
from footprint.measurement.power import energy_model
from footprint.measurement.processor import rated_power
from footprint.model import Basis, IdlePolicy, Machine, Phase, Role, Run, Severity, Tier
from footprint.units import J_PER_KWH, joules_to_kwh
from tests.builders import MACHINE

VIRTUAL = Machine("AMD EPYC", 2, 1, 24.0, True, "Linux")
KNOWN = Machine("Intel(R) Core(TM) i7-8650U CPU @ 1.90GHz", 8, 1, 16.0, False, "Linux")
IDLE_W, BUSY_W = 0.74, 3.5  # Cloud Carbon Footprint's averages of a cloud thread


def span(number, start, stop, *, parent=None, begin=None, end=None, **changes):
    fields = {
        "id": number,
        "parent": parent,
        "actor": f"actor-{number}",
        "role": Role.CLIENT,
        "phase": Phase.TRAIN,
        "start_s": start,
        "duration_s": stop - start,
        "begin": {"cpu.process_s": start} if begin is None else begin,
        "end": {"cpu.process_s": stop} if end is None else end,
        **changes,
    }
    return SpanRecord(**fields)


def process(*spans, machine=VIRTUAL, pid=10, parent_pid=1, host="h", accelerators=()):
    who = Process(pid, parent_pid, f"token-{pid}", host, accelerators)
    return ProcessRecords(Run("r"), machine, who, spans, f"{pid}.jsonl")


def attributed(*processes):
    models = [energy_model(p.machine, load_catalogue(), p.calibration) for p in processes]
    return attribute(processes, models)


def activities(*spans, **about):
    return attributed(process(*spans, **about)).activities


def codes(*spans, **about):
    return [f.code for f in attributed(process(*spans, **about)).findings]


def energy(found, **wanted):
    return sum(
        a.energy_kwh or 0.0
        for a in found
        if all(getattr(a, key) == value for key, value in wanted.items())
    )


def rapl(process_s, busy_s, package_j, **more):
    return {
        "cpu.process_s": process_s,
        "cpu.host_busy_s": busy_s,
        "rapl.package-0_uj": package_j * 1e6,
        **more,
    }


# --- sharing -----------------------------------------------------------------


def accounts(*spans):
    sharing = share([process(*spans)])
    return {key[1]: account for key, account in sharing.accounts.items()}


def test_a_child_takes_from_its_parent_what_it_holds():
    held = accounts(span(1, 0, 10), span(2, 2, 5, parent=1))
    assert held[1].counters["cpu.process_s"] == pytest.approx(7)
    assert held[2].counters["cpu.process_s"] == pytest.approx(3)
    assert held[1].reserved_s == pytest.approx(7)


def test_overlapping_spans_share_equally_and_say_so():
    spans = [span(1, 0, 10), span(2, 1, 5, parent=1), span(3, 3, 9, parent=1)]
    held = accounts(*spans)
    used = {number: a.counters["cpu.process_s"] for number, a in held.items()}
    assert used == pytest.approx({1: 2, 2: 3, 3: 5})
    assert held[2].reserved_s == pytest.approx(4)  # each actor holds its own device
    assert held[2].host_s == pytest.approx(3)  # but there is one host
    assert "overlap" in codes(*spans)


def test_an_actor_reserves_its_device_once_however_many_spans_it_has():
    spans = [span(n, 0, 10, parent=None, actor="one") for n in (1, 2, 3, 4)]
    assert sum(a.reserved_s for a in accounts(*spans).values()) == pytest.approx(10)


def test_a_counter_that_runs_backwards_is_left_out_and_reported():
    broken = span(1, 0, 10, begin={"cpu.process_s": 5.0}, end={"cpu.process_s": 2.0})
    assert accounts(broken)[1].counters == {}
    assert "counter-backwards" in codes(broken)


def test_the_jitter_of_the_hosts_clock_matters_beside_a_counter_only():
    begin, end = {"cpu.process_s": 0.0, "cpu.host_busy_s": 5.0}, {"cpu.process_s": 1.0}
    jitter = span(1, 0, 10, begin=begin, end={**end, "cpu.host_busy_s": 4.9})
    assert "counter-backwards" not in codes(jitter)


def test_a_span_without_duration_ends():
    assert accounts(span(1, 0, 10), span(2, 4, 4, parent=1))[1].counters[
        "cpu.process_s"
    ] == pytest.approx(10)


def test_a_reading_at_one_end_only_is_no_reading():
    held = accounts(span(1, 0, 10, begin={}, end={"cpu.process_s": 9.0}))
    assert "cpu.process_s" not in held[1].counters


# --- the model without a counter -----------------------------------------------


def test_processor_time_becomes_energy_by_the_power_of_a_thread():
    used, idle = activities(span(1, 0, 100, end={"cpu.process_s": 50.0}))
    assert used.energy_kwh == pytest.approx((BUSY_W - IDLE_W) * 50 / J_PER_KWH)
    assert idle.energy_kwh == pytest.approx(IDLE_W * 2 * 100 / J_PER_KWH)
    assert (used.phase, idle.phase) == (Phase.TRAIN, Phase.IDLE)
    assert (used.duration_s, idle.duration_s) == (100, 0)


def test_memory_is_a_source_of_its_own():
    begin = {"cpu.process_s": 0.0, "memory.gb_s": 0.0}
    found = activities(
        span(1, 0, 100, begin=begin, end={"cpu.process_s": 0.0, "memory.gb_s": 200.0})
    )
    (memory,) = (a for a in found if a.source.startswith("memory-table"))
    assert memory.energy_kwh == pytest.approx(0.392 * 200 / J_PER_KWH)
    assert memory.tier is Tier.E
    assert sum(a.duration_s for a in found) == 100  # the time counts once


def test_an_unknown_virtual_processor_is_a_band_of_a_factor_of_two():
    used, *_ = activities(span(1, 0, 10))
    assert used.tier is Tier.E
    assert used.energy_low_kwh == pytest.approx(used.energy_kwh / 2)
    assert used.energy_high_kwh == pytest.approx(used.energy_kwh * 2)
    assert used.basis is Basis.MODELLED
    assert codes(span(1, 0, 10)) == ["processor-default"]


def test_a_virtual_machine_is_never_charged_a_whole_chip():
    slice_of_epyc = Machine("AMD EPYC 7763", 2, 1, 8.0, True, "Linux")
    assert rated_power("AMD EPYC 7763").value == 280
    assert energy_model(slice_of_epyc, load_catalogue()).busy_w < 5


def test_a_known_processor_is_taken_at_its_rated_power_and_the_register_shows_it():
    model = energy_model(KNOWN, load_catalogue())
    assert model.idle_w + model.busy_w == pytest.approx(15 / 8)
    assert model.tier is Tier.E
    assert codes(span(1, 0, 10), machine=KNOWN) == ["processor-table"]
    (rated,) = (r.factor for r in model.factors if r.factor.quantity == "power_tdp")
    assert rated.value == 15
    assert rated.source.licence == "MIT"


@pytest.mark.parametrize(
    ("name", "watts"),
    [
        ("Intel(R) Core(TM) i7-8650U CPU @ 1.90GHz", 15),
        ("12th Gen Intel(R) Core(TM) i7-12700K", 190),  # the table has its turbo power
        ("AMD Ryzen 9 5950X 16-Core Processor", 105),
        ("AMD Ryzen 7 5700G with Radeon Graphics", 65),
        ("Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz", 210),
    ],
)
def test_names_as_operating_systems_write_them_are_found(name, watts):
    assert rated_power(name).value == watts


@pytest.mark.parametrize("name", ["", "AMD EPYC", "Intel", "Quantum 9000", "Core i7"])
def test_only_a_full_name_matches(name):
    assert rated_power(name) is None


def test_an_unknown_processor_is_a_class_default():
    used, *_ = activities(span(1, 0, 10), machine=MACHINE)
    assert used.tier is Tier.F
    assert used.basis is Basis.DEFAULT
    assert used.energy_high_kwh == pytest.approx(used.energy_kwh * TIER_BANDS[Tier.F][1])


# --- counters ------------------------------------------------------------------


def test_a_counter_is_shared_by_processor_time():
    found = attributed(process(span(1, 0, 10, begin=rapl(0, 0, 0), end=rapl(3, 12, 40))))
    (used,) = found.activities
    assert used.energy_kwh == pytest.approx(joules_to_kwh(10))
    assert (used.tier, used.basis) == (Tier.B, Basis.MEASURED)
    assert used.energy_high_kwh == pytest.approx(1.05 * used.energy_kwh)
    (rest,) = found.findings
    assert rest.code == "unattributed"
    assert f"{joules_to_kwh(30):.3g} kWh" in rest.message


def test_energy_of_a_counter_does_not_depend_on_where_spans_are_cut():
    """Twenty seconds, busy in the first half only, neighbours in the second."""
    middle = rapl(9, 10, 80)
    begin, end = rapl(0, 0, 0), rapl(10, 20, 100)
    whole = activities(span(1, 0, 20, begin=begin, end=end))
    cut = activities(
        span(1, 0, 10, begin=begin, end=middle, actor="actor-1"),
        span(2, 10, 20, begin=middle, end=end, actor="actor-1"),
    )
    assert energy(cut) == pytest.approx(energy(whole))


def test_dram_counts_beside_the_package_and_replaces_the_model_of_memory():
    more = {"rapl.dram-0_uj": 0.0, "memory.gb_s": 0.0}
    end = {"rapl.dram-0_uj": 2e6, "memory.gb_s": 1e3}
    (used,) = activities(span(1, 0, 10, begin=rapl(0, 0, 0, **more), end=rapl(1, 1, 5, **end)))
    assert used.energy_kwh == pytest.approx(joules_to_kwh(7))


def test_modelled_memory_is_never_called_measured():
    begin, end = rapl(0, 0, 0, **{"memory.gb_s": 0.0}), rapl(1, 1, 5, **{"memory.gb_s": 1e3})
    found = activities(span(1, 0, 10, begin=begin, end=end))
    assert {a.source.split("/")[0]: a.tier for a in found} == {
        "rapl": Tier.B,
        "memory-table": Tier.E,
    }


def test_what_a_counter_did_not_see_is_modelled():
    """The counter fails in the first of two phases; the process goes on for 80 s."""
    spans = (
        span(1, 0, 100, begin=rapl(0, 0, 0), end={"cpu.process_s": 100.0}),
        span(2, 10, 20, parent=1, begin=rapl(10, 10, 100), end=rapl(20, 20, 200)),
        span(3, 20, 90, parent=1, end={"cpu.process_s": 90.0}),
    )
    found = activities(*spans)
    counted = [a for a in found if a.tier is Tier.B]
    assert energy(counted) == pytest.approx(joules_to_kwh(200))
    modelled = [a for a in found if a.tier is Tier.E and a.phase is not Phase.IDLE]
    assert energy(modelled) == pytest.approx((BUSY_W - IDLE_W) * 80 / J_PER_KWH)
    assert energy(found, phase=Phase.IDLE) == pytest.approx(IDLE_W * 2 * 80 / J_PER_KWH)
    assert sum(a.duration_s for a in found) == pytest.approx(100)


def test_a_counter_without_the_hosts_clock_belongs_to_the_process_alone():
    begin, end = rapl(0, 0, 0), rapl(2, 0, 10)
    del begin["cpu.host_busy_s"], end["cpu.host_busy_s"]
    assert energy(activities(span(1, 0, 10, begin=begin, end=end))) == pytest.approx(
        joules_to_kwh(10)
    )


def test_no_reading_is_none_and_never_zero():
    (used,) = activities(span(1, 0, 10, begin={}, end={}))
    assert used.energy_kwh is None
    assert used.energy_low_kwh is None
    assert used.duration_s == 10


def test_bytes_become_an_activity_of_their_own():
    found = activities(span(1, 0, 10, phase=Phase.UPLOAD, sent_bytes=3e9, received_bytes=1e9))
    (moved,) = (a for a in found if a.data_gb)
    assert (moved.data_gb, moved.energy_kwh, moved.duration_s) == (4.0, None, 0.0)
    assert moved.basis is Basis.MEASURED


# --- calibrated on a wall meter ------------------------------------------------

BUSY_LINE = WallLine(50.0, 10.0, 0.05, 2.0)
GAP_LINE = WallLine(40.0, 1.2, 0.05, 100.0)


def calibrated(*spans, counters=()):
    lines = WallLines("2026-11-01", BUSY_LINE, GAP_LINE if counters else None, counters)
    return attributed(replace(process(*spans), calibration=lines))


def test_a_calibrated_machine_follows_its_own_line():
    begin = {"cpu.process_s": 0.0, "memory.gb_s": 0.0}
    found = calibrated(
        span(1, 0, 100, begin=begin, end={"cpu.process_s": 50.0, "memory.gb_s": 500.0})
    )
    used = energy(found.activities, phase=Phase.TRAIN)
    assert used == pytest.approx(joules_to_kwh(10.0 * 50))  # memory is in the line
    assert energy(found.activities, phase=Phase.IDLE) == pytest.approx(joules_to_kwh(50.0 * 100))
    assert {a.tier for a in found.activities} == {Tier.D}
    assert found.activities[0].energy_high_kwh == pytest.approx(1.05 * used)
    assert [f.code for f in found.findings] == ["calibrated"]


def test_the_gap_to_the_wall_is_a_line_of_its_own():
    """100 s at 30 W on the counter: the wall gives 40 W + 1.2 x 30 W = 76 W."""
    counter = "rapl.package-0_uj"
    found = calibrated(
        span(1, 0, 100, begin=rapl(0, 0, 0), end=rapl(50, 50, 3000)), counters=(counter,)
    ).activities
    counted = energy([a for a in found if a.tier is Tier.B])
    gap = [a for a in found if a.source.startswith("wall-gap")]
    assert counted == pytest.approx(joules_to_kwh(3000))
    assert energy(gap) == pytest.approx(joules_to_kwh(7600 - 3000))
    assert gap[0].energy_high_kwh - gap[0].energy_kwh == pytest.approx(joules_to_kwh(0.05 * 7600))


def test_a_line_beyond_the_load_that_it_was_fitted_on_is_said():
    def found(package_j):
        end = rapl(50, 50, package_j)
        spans = (span(1, 0, 100, begin=rapl(0, 0, 0), end=end),)
        return [f.code for f in calibrated(*spans, counters=("rapl.package-0_uj",)).findings]

    assert "calibration-exceeded" not in found(100 * 100.0)
    assert "calibration-exceeded" in found(100 * 150.0)


def test_a_line_over_other_counters_is_not_used():
    found = calibrated(
        span(1, 0, 100, begin=rapl(0, 0, 0), end=rapl(50, 50, 3000)),
        counters=("rapl.package-1_uj",),
    ).activities
    assert not [a for a in found if a.source.startswith("wall-gap")]


# --- several processes -----------------------------------------------------------


def test_processes_of_one_host_share_its_idle_power_and_an_actor_its_device():
    one = attributed(process(span(1, 0, 3600, actor="c"))).activities
    several = [process(span(1, 0, 3600, actor="c"), pid=pid) for pid in (1, 2, 3, 4)]
    four = attributed(*several).activities
    assert energy(four, phase=Phase.IDLE) == pytest.approx(energy(one, phase=Phase.IDLE))
    assert sum(a.duration_s for a in four) == pytest.approx(3600)
    assert energy(four, phase=Phase.TRAIN) == pytest.approx(4 * energy(one, phase=Phase.TRAIN))


def test_idle_power_follows_the_policy():
    """One actor with three threads, another with one."""
    spans = [span(n, 0, 100, actor="a") for n in (1, 2, 3)] + [span(4, 0, 100, actor="b")]
    models = [energy_model(VIRTUAL, load_catalogue())]

    def idle(policy):
        found = attribute([process(*spans)], models, policy).activities
        return [energy(found, actor=actor, phase=Phase.IDLE) for actor in ("a", "b")]

    whole = joules_to_kwh(IDLE_W * 2 * 100)
    assert idle(IdlePolicy.BY_TIME) == pytest.approx([whole * 3 / 4, whole / 4])
    assert idle(IdlePolicy.BY_RESERVATION) == pytest.approx([whole / 2, whole / 2])
    assert idle(IdlePolicy.NONE) == [0, 0]


def sampled(readings, *spans, pid=10):
    samples = tuple(Sample(time_s, reading) for time_s, reading in readings)
    return replace(process(*spans, pid=pid), samples=samples)


def views(*processes, policy=IdlePolicy.BY_TIME):
    models = [energy_model(VIRTUAL, load_catalogue()) for _ in processes]
    return attribute(processes, models, policy)


def test_idle_power_of_a_counter_is_that_of_samples_without_load():
    """30 s at 10 W idle, then 30 s at 40 W, all of it ours."""
    readings = [
        (float(s), rapl(0, max(0, s - 30), 10 * min(s, 30) + 40 * max(0, s - 30)))
        for s in range(61)
    ]
    one = sampled(readings, span(1, 0, 60, begin=rapl(0, 0, 0), end=rapl(30, 30, 1500)))
    for policy, idle_j, rest_j in ((IdlePolicy.BY_TIME, 600, 0), (IdlePolicy.NONE, 0, 600)):
        found = views(one, policy=policy)
        assert energy(found.activities, phase=Phase.IDLE) == pytest.approx(joules_to_kwh(idle_j))
        assert energy(found.activities, phase=Phase.TRAIN) == pytest.approx(joules_to_kwh(900))
        assert energy(found.others, phase=Phase.IDLE) == pytest.approx(joules_to_kwh(rest_j))


def test_a_steady_load_is_not_taken_for_the_idle_machine():
    readings = [(float(s), rapl(0, 2.0 * s, 100.0 * s)) for s in range(61)]
    busy = sampled(readings, span(1, 0, 60, begin=rapl(0, 0, 0), end=rapl(120, 120, 6000)), pid=1)
    waits = process(span(1, 0, 60, begin=rapl(0, 0, 0), end=rapl(0, 120, 6000)), pid=2)
    found = views(busy, waits).activities
    assert energy(found, phase=Phase.IDLE) == 0
    assert energy(found) == pytest.approx(joules_to_kwh(6000))


def test_a_long_pause_makes_no_energy_negative():
    readings = [(float(s), rapl(0, 1.0 * s, 50.0 * s)) for s in range(25)]
    readings.append((1024.0, rapl(0, 26.0, 6200.0)))
    one = sampled(readings, span(1, 0, 1024, begin=rapl(0, 0, 0), end=rapl(24, 26, 6200)))
    found = views(one)
    for activity in (*found.activities, *found.others):
        assert 0 <= activity.energy_low_kwh <= activity.energy_kwh <= activity.energy_high_kwh
    total = energy([*found.activities, *found.others])
    assert total == pytest.approx(joules_to_kwh(6200))


def test_samplers_of_several_folders_see_the_host_once():
    def client(pid):
        readings = [(float(s), rapl(0, 2.0 * s, 100.0 * s)) for s in range(11)]
        return sampled(
            readings, span(1, 0, 10, begin=rapl(0, 0, 0), end=rapl(5, 20, 1000)), pid=pid
        )

    found = views(*(client(pid) for pid in (1, 2, 3, 4)))
    assert energy([*found.activities, *found.others]) == pytest.approx(joules_to_kwh(1000))


def gpu(energy_j, own_s=None, busy_s=None):
    reading = {"cpu.process_s": 0.0, "nvml.gpu-0_mj": energy_j * 1e3}
    if own_s is not None:
        reading |= {"nvml.gpu-0-own_s": own_s, "nvml.gpu-0-busy_s": busy_s}
    return reading


def test_a_gpu_is_shared_by_the_time_of_its_kernels():
    def client(pid, own_s, parent_pid=1):
        one = span(1, 0, 10, begin=gpu(0, 0, 0), end=gpu(1000, own_s, 10))
        return process(one, pid=pid, parent_pid=parent_pid)

    found = views(client(2, 6), client(3, 3))
    used = [a.energy_kwh for a in found.activities if a.source.startswith("nvml")]
    assert used == pytest.approx([joules_to_kwh(600), joules_to_kwh(300)])
    # A launcher counts the kernels of its children; those with a journal are theirs.
    family = views(client(2, 9), client(3, 9, parent_pid=2))
    used = [a.energy_kwh for a in family.activities if a.source.startswith("nvml")]
    assert used == pytest.approx([0, joules_to_kwh(900)])


def test_a_gpu_used_in_turn_is_not_split_and_one_used_together_is():
    def client(pid, start):
        return process(span(1, start, start + 10, begin=gpu(0), end=gpu(1000)), pid=pid)

    def used(*clients):
        found = views(*clients)
        severities = {f.severity for f in found.findings if f.code == "gpu-split"}
        return energy([a for a in found.activities if a.source.startswith("nvml")]), severities

    in_turn, severities_in_turn = used(client(2, 0), client(3, 10))
    assert in_turn == pytest.approx(joules_to_kwh(2000))
    assert severities_in_turn == {Severity.INFO}  # untracked ones may have used it, too
    together, severities_together = used(client(2, 0), client(3, 0))
    assert together == pytest.approx(joules_to_kwh(1000))
    assert severities_together == {Severity.WARNING}


def nvml(found, **wanted):
    return energy([a for a in found if a.source.startswith("nvml")], **wanted)


def test_a_gpu_is_split_only_while_others_could_use_it():
    """One process for 20 s at 100 W, another in the second half of it."""
    first = span(1, 0, 20, begin=gpu(0), end=gpu(2000))
    second = span(1, 10, 20, begin=gpu(0), end=gpu(1000))
    # The first says in the middle what it has seen so far: the split is at edges.
    halves = (
        replace(first, duration_s=10, end=gpu(1000)),
        span(2, 10, 20, begin=gpu(1000), end=gpu(2000)),
    )
    found = views(process(*halves, pid=2), process(second, pid=3)).activities
    used = [a.energy_kwh for a in found if a.source.startswith("nvml")]
    assert used == pytest.approx([joules_to_kwh(j) for j in (1000, 500, 500)])
    whole = views(process(first, pid=2), process(second, pid=3)).activities
    assert nvml(whole) == pytest.approx(nvml(found))


def test_what_others_used_of_a_gpu_is_in_the_view_of_the_machine():
    one = process(span(1, 0, 10, begin=gpu(0, 0, 0), end=gpu(1000, 3, 10)))
    found = views(one)
    assert nvml(found.activities) == pytest.approx(joules_to_kwh(300))
    assert nvml(found.others) == pytest.approx(joules_to_kwh(700))
    assert "unattributed" in {f.code for f in found.findings}


def test_a_gpu_that_nobody_used_is_idle_power():
    one = process(span(1, 0, 10, begin=gpu(0, 0, 0), end=gpu(300, 0, 0)))
    charged = views(one)
    assert nvml(charged.activities, phase=Phase.IDLE) == pytest.approx(joules_to_kwh(300))
    assert "gpu-split" not in {f.code for f in charged.findings}
    to_nobody = views(one, policy=IdlePolicy.NONE)
    assert nvml(to_nobody.activities) == 0
    assert nvml(to_nobody.others) == pytest.approx(joules_to_kwh(300))


def test_a_process_is_charged_only_gpus_that_it_may_use():
    def client(pid, gpus):
        begin = {**gpu(0), "nvml.gpu-1_mj": 0.0}
        end = {**gpu(1000), "nvml.gpu-1_mj": 5e5}
        one = process(span(1, 0, 10, begin=begin, end=end), pid=pid)
        return replace(one, process=replace(one.process, gpus=gpus))

    found = views(client(2, ("0",)), client(3, ()))
    assert nvml(found.activities) == pytest.approx(joules_to_kwh(1000))
    assert nvml(found.others) == pytest.approx(joules_to_kwh(500))


def test_shares_of_a_gpu_never_come_to_more_than_all_of_it():
    """Two drivers' samples that promise 80 % each."""
    clients = [
        process(span(1, 0, 10, begin=gpu(0, 0, 0), end=gpu(1000, 8, 10)), pid=pid) for pid in (2, 3)
    ]
    found = views(*clients)
    assert nvml([*found.activities, *found.others]) == pytest.approx(joules_to_kwh(1000))


def test_kernels_of_two_processes_in_turn_are_charged_at_the_power_of_their_time():
    """One computes in the first half at 700 W, the other in the second at 100 W."""
    low, high = gpu(0, 0, 0), gpu(40_000, 50, 100)

    def client(pid, own_s):
        middle = gpu(35_000, 50 if own_s == "first" else 0, 50)
        end = gpu(40_000, 50, 100)
        spans = (span(1, 0, 50, begin=low, end=middle), span(2, 50, 100, begin=middle, end=end))
        return process(*spans, pid=pid)

    assert high["nvml.gpu-0-busy_s"] == 100
    found = views(client(2, "first"), client(3, "second"))
    used = [a.energy_kwh for a in found.activities if a.source.startswith("nvml")]
    assert used == pytest.approx([joules_to_kwh(j) for j in (35_000, 0, 0, 5_000)])
    assert nvml(found.others) == pytest.approx(0, abs=1e-12)


def test_a_process_that_came_later_takes_nothing_of_what_was_before():
    """The first one draws 100 W for 10 s; then both could, and nobody does."""
    first = process(span(1, 0, 20, begin=gpu(0), end=gpu(1000)), pid=2)
    first = replace(
        first, samples=tuple(Sample(float(t), gpu(min(100 * t, 1000))) for t in range(21))
    )
    second = process(span(1, 10, 20, begin=gpu(0), end=gpu(0)), pid=3)
    found = views(first, second)
    used = [a.energy_kwh for a in found.activities if a.source.startswith("nvml")]
    assert used == pytest.approx([joules_to_kwh(1000), 0])


def test_what_is_known_of_a_gpu_is_not_cut_by_what_is_guessed():
    known = process(span(1, 0, 10, begin=gpu(0, 0, 0), end=gpu(1000, 10, 10)), pid=2)
    guessed = process(span(1, 0, 10, begin=gpu(0), end=gpu(1000)), pid=3)
    found = views(known, guessed)
    used = [a.energy_kwh for a in found.activities if a.source.startswith("nvml")]
    assert used == pytest.approx([joules_to_kwh(1000), 0], abs=1e-12)


def test_a_launcher_does_not_share_the_gpu_of_its_child():
    launcher = process(span(1, 0, 10, begin=gpu(0), end=gpu(1000)), pid=2)
    child = process(span(1, 0, 10, begin=gpu(0), end=gpu(1000)), pid=3, parent_pid=2)
    found = views(launcher, child).activities
    used = [a.energy_kwh for a in found if a.source.startswith("nvml")]
    assert used == pytest.approx([joules_to_kwh(1000)])


def test_an_idle_gpu_is_idle_power_in_the_rest_as_well():
    one = process(span(1, 0, 10, begin=gpu(0, 0, 0), end=gpu(300, 0, 0)))
    rest = views(one, policy=IdlePolicy.NONE).others
    assert nvml(rest, phase=Phase.IDLE) == pytest.approx(joules_to_kwh(300))


# --- time that nobody sampled ------------------------------------------------------


def test_a_process_that_cannot_read_the_counter_is_attributed_by_one_that_can():
    reads = process(span(1, 0, 100, begin=rapl(0, 0, 0), end=rapl(10, 50, 1000)), pid=1)
    cannot = process(
        span(1, 0, 100, begin={"cpu.process_s": 0.0}, end={"cpu.process_s": 30.0}), pid=2
    )
    found = views(reads, cannot)
    ours = energy([a for a in found.activities if a.source.startswith("rapl")])
    assert ours == pytest.approx(joules_to_kwh(800))
    assert energy([*found.activities, *found.others]) == pytest.approx(joules_to_kwh(1000))
    assert {a.tier for a in found.activities} == {Tier.B}


def test_edges_fill_in_where_nobody_sampled():
    """The sampler is killed after 10 s; another process goes on at twice the power."""
    first = sampled(
        [(float(s), rapl(0, s, 10 * s)) for s in range(11)],
        span(1, 0, 10, begin=rapl(0, 0, 0), end=rapl(10, 10, 100)),
        pid=1,
    )
    # It began at 5 s, when the counter stood at 50 J for the first one.
    second = process(
        span(1, 5, 10, begin=rapl(0, 0, 0), end=rapl(0, 5, 50)),
        span(2, 10, 30, begin=rapl(0, 5, 50), end=rapl(20, 25, 450)),
        pid=2,
    )
    found = views(first, second)
    assert energy([*found.activities, *found.others]) == pytest.approx(joules_to_kwh(500))
    assert "host-unread" not in {f.code for f in found.findings}


def test_a_clock_that_was_set_moves_no_process_against_another(tmp_path):
    """Two processes at the same time; the second began after the clock was set by 100 s."""
    for pid, set_s in ((1, 0.0), (2, 100.0)):
        writer = JournalWriter(tmp_path / f"{pid}.jsonl")
        writer.open()
        who = Process(pid, 0, f"token-{pid}", "host", clock_s=1e9 + set_s)
        writer.header(Run("r"), VIRTUAL, who, "0")
        writer.span(span(1, set_s, set_s + 10, actor="one"))
        writer.close()
    journal = read_journal(tmp_path)
    # One actor reserved its device for ten seconds, not twice.
    assert journal.total("duration_s") == pytest.approx(10)


def test_children_that_nobody_waited_for_are_in_the_control_group():
    begin = {"cpu.process_s": 0.0, "cpu.children_s": 0.0, "cgroup.usage_s": 0.0}
    end = {"cpu.process_s": 1.0, "cpu.children_s": 2.0, "cgroup.usage_s": 9.0}
    found = attributed(process(span(1, 0, 10, begin=begin, end=end))).activities
    used_s = energy(found, phase=Phase.TRAIN) * J_PER_KWH / (BUSY_W - IDLE_W)
    assert used_s == pytest.approx(9)


def idle_then_busy(stop_s=60, *, own):
    """Samples of a host at 10 W idle for half of the time, then at 40 W."""
    half = stop_s / 2
    return [
        (
            float(s),
            rapl(0, max(0.0, s - half) if own else 0, 10 * min(s, half) + 40 * max(0, s - half)),
        )
        for s in range(stop_s + 1)
    ]


@pytest.mark.parametrize("policy", IdlePolicy)
def test_accounts_and_the_rest_add_up_under_every_idle_policy(policy):
    """One actor has three spans and a process that reads nothing; another has one."""
    readings = idle_then_busy(own=True)
    reads = sampled(
        readings,
        span(1, 0, 60, begin=rapl(0, 0, 0), end=rapl(10, 30, 1500), actor="a"),
        pid=1,
    )
    blind = process(
        *(
            span(n, 0, 90, begin={"cpu.process_s": 0.0}, end={"cpu.process_s": 2.0}, actor="b")
            for n in (1, 2)
        ),
        pid=2,
    )
    found = views(reads, blind, policy=policy)
    counted = [a for a in (*found.activities, *found.others) if a.source.startswith("rapl")]
    assert energy(counted) == pytest.approx(joules_to_kwh(1500))


def test_idle_power_of_a_process_without_processor_time_is_charged_to_it():
    """Its meter counts a GPU alone; beside it one that reads the host."""
    reads = sampled(
        idle_then_busy(own=True),
        span(1, 0, 60, begin=rapl(0, 0, 0), end=rapl(30, 30, 1500)),
        pid=1,
    )
    begin, end = {"nvml.gpu-0_mj": 0.0}, {"nvml.gpu-0_mj": 0.0}
    blind = process(span(1, 0, 60, begin=begin, end=end), pid=2)
    found = views(reads, blind)
    counted = [a for a in (*found.activities, *found.others) if a.source.startswith("rapl")]
    assert energy(counted) == pytest.approx(joules_to_kwh(1500))
    assert energy(found.activities, phase=Phase.IDLE) == pytest.approx(joules_to_kwh(600))


def test_a_host_whose_load_is_not_known_is_not_taken_for_idle():
    """Full load for a minute; the processor's meter is lost halfway."""
    readings = [(float(s), rapl(0, 2.0 * s, 100.0 * s)) for s in range(31)]
    readings += [(float(s), {"rapl.package-0_uj": 100e6 * s}) for s in range(31, 61)]
    busy = sampled(
        readings,
        span(1, 0, 30, begin=rapl(0, 0, 0), end=rapl(60, 60, 3000)),
        span(2, 30, 60, begin=rapl(60, 60, 3000), end={"rapl.package-0_uj": 6e9}),
    )
    found = views(busy)
    assert energy([*found.activities, *found.others], phase=Phase.IDLE) == 0
    assert energy([*found.activities, *found.others]) == pytest.approx(joules_to_kwh(6000))


def test_samples_of_one_moment_break_nothing():
    """A beat and the end of the tracker, within a millisecond, beside another sampler."""
    one = sampled(
        [(0.0, rapl(0, 0, 0)), (10.0, rapl(0, 10, 1000)), (10.0004, rapl(0, 10, 1000))],
        span(1, 0, 10, begin=rapl(0, 0, 0), end=rapl(10, 10, 1000)),
        pid=1,
    )
    other = sampled(
        [(0.0, rapl(0, 0, 0)), (10.0004, rapl(0, 10, 1000)), (14.0, rapl(0, 14, 1400))],
        span(1, 0, 14, begin=rapl(0, 0, 0), end=rapl(0, 14, 1400)),
        pid=2,
    )
    found = views(one, other)
    assert energy([*found.activities, *found.others]) == pytest.approx(
        joules_to_kwh(1400), rel=1e-3
    )


def test_process_numbers_of_two_containers_mean_nothing_to_each_other():
    """Each has a process 1 that waited for children of its own."""
    begin = {"cpu.process_s": 0.0, "cpu.children_s": 0.0}
    end = {"cpu.process_s": 0.0, "cpu.children_s": 10.0}
    parent = process(span(1, 0, 10, begin=begin, end=end), pid=1)
    parent = replace(parent, process=replace(parent.process, namespace="a"))
    stranger = process(span(1, 0, 10, end={"cpu.process_s": 10.0}), pid=7, parent_pid=1)
    stranger = replace(stranger, process=replace(stranger.process, namespace="b"))
    used_s = energy(attributed(parent, stranger).activities, phase=Phase.TRAIN)
    assert used_s * J_PER_KWH / (BUSY_W - IDLE_W) == pytest.approx(20)


def test_a_child_that_nobody_waited_for_yet_is_not_taken_from_its_parent():
    begin = {"cpu.process_s": 0.0, "cpu.children_s": 0.0}
    parent = process(
        span(1, 0, 10, begin=begin, end={"cpu.process_s": 0.0, "cpu.children_s": 5.0}), pid=10
    )
    goes_on = process(span(1, 2, 20, end={"cpu.process_s": 12.0}), pid=11, parent_pid=10)
    used_s = energy(attributed(parent, goes_on).activities, phase=Phase.TRAIN)
    assert used_s * J_PER_KWH / (BUSY_W - IDLE_W) == pytest.approx(15)


def test_a_run_that_began_after_a_sleep_keeps_its_own_date(tmp_path):
    """The clock that processes share stands still while a machine sleeps."""
    for pid, start_s, slept_s in ((1, 0.0, 0.0), (2, 108_000.0, 50_000.0)):
        writer = JournalWriter(tmp_path / f"{pid}.jsonl")
        writer.open()
        who = Process(pid, 0, f"token-{pid}", "host", clock_s=1e9 + slept_s)
        writer.header(Run("r"), VIRTUAL, who, "0")
        writer.span(span(1, start_s, start_s + 10, actor="one"))
        writer.close()
    starts = {activity.start_s for activity in read_journal(tmp_path).activities()}
    assert starts == {0.0, 108_000.0}


def test_time_in_which_nobody_read_the_counter_is_modelled_and_said():
    reads = process(span(1, 0, 10, begin=rapl(0, 0, 0), end=rapl(10, 10, 100)), pid=1)
    cannot = process(
        span(1, 0, 10, begin={"cpu.process_s": 0.0}, end={"cpu.process_s": 0.0}),
        span(2, 10, 40, begin={"cpu.process_s": 0.0}, end={"cpu.process_s": 30.0}),
        pid=2,
    )
    found = views(reads, cannot)
    counted = energy([a for a in found.activities if a.source.startswith("rapl")])
    assert counted == pytest.approx(joules_to_kwh(100))
    modelled = energy([a for a in found.activities if a.tier is Tier.E], phase=Phase.TRAIN)
    assert modelled == pytest.approx(joules_to_kwh((BUSY_W - IDLE_W) * 30))
    (finding,) = (f for f in found.findings if f.code == "host-unread")
    assert "For 30 s of 40 s" in finding.message
    assert finding.severity is Severity.WARNING


def test_a_gpu_counts_without_processor_time():
    one = span(1, 0, 10, begin={"nvml.gpu-0_mj": 0.0}, end={"nvml.gpu-0_mj": 1e6})
    found = views(process(one)).activities
    assert energy(found) == pytest.approx(joules_to_kwh(1000))


def test_a_tracked_child_is_not_counted_by_its_parent_again():
    begin = {"cpu.process_s": 0.0, "cpu.children_s": 0.0}
    parent = process(
        span(1, 0, 10, begin=begin, end={"cpu.process_s": 1.0, "cpu.children_s": 6.0}), pid=10
    )
    child = process(
        span(1, 2, 8, begin={"cpu.process_s": 0.0}, end={"cpu.process_s": 4.0}),
        pid=11,
        parent_pid=10,
    )
    used_s = energy(attributed(parent, child).activities, phase=Phase.TRAIN)
    used_s *= J_PER_KWH / (BUSY_W - IDLE_W)
    # 1 s of the parent, 4 s of the tracked child, 2 s of children without a journal.
    assert used_s == pytest.approx(7)


def test_findings_name_what_the_figures_do_not_hold():
    assert "accelerator-unmetered" in codes(span(1, 0, 1), accelerators=("nvidia",))
    assert "virtual-server" in codes(span(1, 0, 1, device="server"))
    assert "phase-failed" in codes(span(1, 0, 2), span(2, 0, 1, parent=1, status="failed"))
    assert "truncated" in codes(span(2, 0, 1, parent=1))
    odd = {"begin": {"cpu.process_s": 0.0, "x.y_mj": 0.0}, "end": {"cpu.process_s": 1, "x.y_mj": 1}}
    assert "counter-unused" in codes(span(1, 0, 1, **odd))


def write(path, run, *, token="t", start=0, host=None):
    writer = JournalWriter(path)
    writer.open()
    writer.header(run, VIRTUAL, Process(10, 1, token, host), "0")
    writer.span(span(1, start, start + 10))
    writer.result("accuracy", 0.5)
    writer.close()


def test_journals_of_several_processes_are_added_up_and_it_is_said(tmp_path):
    write(tmp_path / "a.jsonl", Run("r"), token="a")
    write(tmp_path / "b.jsonl", Run("r"), token="b", start=5)
    journal = read_journal(tmp_path)
    assert len(journal) == 4
    assert journal.run.results == {"accuracy": 0.5}
    (found,) = (f for f in journal.findings if f.code == "journal-processes")
    assert found.severity is Severity.INFO
    assert {r.factor.quantity for r in journal.factors} == {"power_idle", "power_max"}


def test_a_run_repeated_into_the_same_folder_is_a_warning(tmp_path):
    write(tmp_path / "a.jsonl", Run("r"), token="a")
    write(tmp_path / "b.jsonl", Run("r"), token="b", start=500)
    (found,) = (f for f in read_journal(tmp_path).findings if f.code == "journal-processes")
    assert found.severity is Severity.WARNING


def test_a_copy_of_a_journal_counts_once(tmp_path):
    write(tmp_path / "a.jsonl", Run("r"))
    alone = read_journal(tmp_path).total("energy_kwh")
    shutil.copy(tmp_path / "a.jsonl", tmp_path / "b.jsonl")
    text = (tmp_path / "a.jsonl").read_bytes()
    (tmp_path / "c.jsonl").write_bytes(text + text)
    journal = read_journal(tmp_path)
    assert journal.total("energy_kwh") == pytest.approx(alone)
    copies = [f.place for f in journal.findings if f.code == "journal-copy"]
    assert copies == ["b.jsonl", "c.jsonl"]


def test_journals_of_different_runs_are_refused(tmp_path):
    write(tmp_path / "a.jsonl", Run("one"), token="a")
    write(tmp_path / "b.jsonl", Run("two"), token="b")
    with pytest.raises(UsageError, match="one, two"):
        read_journal(tmp_path)


def test_a_counter_that_stands_still_counts_nothing():
    """As some virtual machines have it: the table is used, and it is said."""
    still = process(span(1, 0, 100, begin=rapl(0, 0, 50), end=rapl(100, 100, 50)))
    found = views(still)
    assert {a.tier for a in found.activities} == {Tier.E}
    assert energy(found.activities, phase=Phase.TRAIN) == pytest.approx(
        (BUSY_W - IDLE_W) * 100 / J_PER_KWH
    )


def test_a_process_without_phases_is_said_and_its_samples_count():
    """Killed before its first heartbeat, beside one that cannot read the counter."""
    killed = sampled([(float(s), rapl(0, s, 10 * s)) for s in range(11)], pid=1)
    blind = process(span(1, 0, 10, end={"cpu.process_s": 5.0}), pid=2)
    found = views(killed, blind)
    assert "truncated" in {f.code for f in found.findings}
    counted = energy([a for a in found.activities if a.source.startswith("rapl")])
    assert counted == pytest.approx(joules_to_kwh(50))


def test_what_waits_for_a_tracked_command_reserves_no_device():
    launcher = process(span(1, 0, 10, actor="client"), pid=1)
    inner = process(span(1, 2, 9, actor="inner"), pid=2)
    who = replace(inner.process, parent_token=launcher.process.token)
    found = attributed(launcher, replace(inner, process=who)).activities
    durations = {}
    for activity in found:
        durations[activity.actor] = durations.get(activity.actor, 0.0) + activity.duration_s
    assert durations == pytest.approx({"client": 3, "inner": 7})


@pytest.mark.parametrize("machine", [VIRTUAL, MACHINE])
def test_the_view_of_the_machine_does_not_hang_on_the_idle_policy(tmp_path, machine):
    write_path = tmp_path / "a.jsonl"
    writer = JournalWriter(write_path)
    writer.open()
    writer.header(Run("r"), machine, Process(10, 1, "t", "h"), "0")
    writer.span(span(1, 0, 100, end={"cpu.process_s": 50.0, "memory.gb_s": 10.0}))
    writer.close()
    totals = {
        policy: read_journal(tmp_path, view="machine", idle_policy=policy).total("energy_kwh")
        for policy in IdlePolicy
    }
    assert len({round(total, 12) for total in totals.values()}) == 1
    # All of its memory draws power, held or not.
    memory_kwh = joules_to_kwh(0.392 * machine.memory_gb * 100)
    assert totals[IdlePolicy.NONE] > memory_kwh


def test_what_cannot_be_read_is_said_and_the_rest_counts(tmp_path):
    write(tmp_path / "a.jsonl", Run("r"))
    (tmp_path / "b.jsonl").symlink_to(tmp_path / "gone")
    (tmp_path / "c.jsonl").mkdir()
    os.mkfifo(tmp_path / "d.jsonl")
    found = read_journal(tmp_path).findings
    assert [f.place for f in found if f.code == "journal-unreadable"] == ["b.jsonl"]
