"""Who used what: counters are shared without loss, and turned into energy."""

import pytest

from footprint.errors import UsageError
from footprint.factors import load_catalogue
from footprint.journal import JournalWriter, ProcessRecords, SpanRecord
from footprint.measurement.accounts import share_counters
from footprint.measurement.attribution import attribute, read_journal
from footprint.measurement.meter import TIER_BANDS
from footprint.measurement.power import energy_model
from footprint.measurement.processor import rated_power_w
from footprint.model import Basis, Machine, Phase, Role, Run, Tier
from footprint.units import J_PER_KWH, joules_to_kwh
from tests.builders import MACHINE

VIRTUAL = Machine("AMD EPYC", 2, 1, 24.0, True, "Linux")
KNOWN = Machine("Intel(R) Core(TM) i7-8650U CPU @ 1.90GHz", 8, 1, 16.0, False, "Linux")


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


def activities(*spans, machine=VIRTUAL, findings=None):
    process = ProcessRecords(Run("r"), machine, spans)
    model = energy_model(machine, load_catalogue())
    return attribute(process, model, [] if findings is None else findings)


def test_a_child_takes_from_its_parent_what_it_holds():
    accounts = share_counters([span(1, 0, 10), span(2, 2, 5, parent=1)], pytest.fail)
    assert accounts[1].counters["cpu.process_s"] == pytest.approx(7)
    assert accounts[2].counters["cpu.process_s"] == pytest.approx(3)
    assert accounts[1].reserved_s == pytest.approx(7)


def test_overlapping_spans_share_equally_and_say_so():
    findings = []
    accounts = share_counters(
        [span(1, 0, 10), span(2, 1, 5, parent=1), span(3, 3, 9, parent=1)], findings.append
    )
    used = {number: a.counters["cpu.process_s"] for number, a in accounts.items()}
    assert used == pytest.approx({1: 2, 2: 3, 3: 5})
    assert accounts[2].reserved_s == pytest.approx(4)  # each of them holds its own device
    assert accounts[2].host_s == pytest.approx(3)  # but there is one host
    assert [f.code for f in findings] == ["overlap"]


def test_a_counter_that_runs_backwards_is_left_out_and_reported():
    findings = []
    accounts = share_counters(
        [span(1, 0, 10, begin={"cpu.process_s": 5.0}, end={"cpu.process_s": 2.0})],
        findings.append,
    )
    assert accounts[1].counters["cpu.process_s"] == 0
    assert [f.code for f in findings] == ["counter-backwards"]


def test_a_span_without_duration_ends():
    accounts = share_counters([span(1, 0, 10), span(2, 4, 4, parent=1)], pytest.fail)
    assert accounts[1].counters["cpu.process_s"] == pytest.approx(10)


def test_processor_time_becomes_energy_by_the_power_of_a_thread():
    used, idle = activities(span(1, 0, 100, end={"cpu.process_s": 50.0}))
    # 3.5 W for a busy thread, 0.74 W for an idle one: Cloud Carbon Footprint's
    # averages, two threads.
    assert used.energy_kwh == pytest.approx((3.5 - 0.74) * 50 / J_PER_KWH)
    assert idle.energy_kwh == pytest.approx(0.74 * 2 * 100 / J_PER_KWH)
    assert (used.phase, idle.phase) == (Phase.TRAIN, Phase.IDLE)
    assert (used.duration_s, idle.duration_s) == (100, 0)


def test_memory_adds_power_per_gigabyte():
    counters = {"begin": {"cpu.process_s": 0.0, "memory.gb_s": 0.0}}
    used, _ = activities(
        span(1, 0, 100, **counters, end={"cpu.process_s": 0.0, "memory.gb_s": 200.0})
    )
    assert used.energy_kwh == pytest.approx(0.392 * 200 / J_PER_KWH)


def test_an_unknown_virtual_processor_is_a_band_of_a_factor_of_two():
    findings = energy_model(VIRTUAL, load_catalogue()).findings
    used, _ = activities(span(1, 0, 10))
    assert used.tier is Tier.E
    assert used.energy_low_kwh == pytest.approx(used.energy_kwh / 2)
    assert used.energy_high_kwh == pytest.approx(used.energy_kwh * 2)
    assert used.basis is Basis.MODELLED
    assert [f.code for f in findings] == ["processor-default"]


def test_a_virtual_machine_is_never_charged_a_whole_chip():
    slice_of_epyc = Machine("AMD EPYC 7763", 2, 1, 8.0, True, "Linux")
    assert rated_power_w("AMD EPYC 7763") == 280
    assert energy_model(slice_of_epyc, load_catalogue()).busy_w < 5


def test_a_known_processor_is_taken_at_its_rated_power():
    model = energy_model(KNOWN, load_catalogue())
    assert model.idle_w + model.busy_w == pytest.approx(15 / 8)
    assert model.findings == ()
    assert model.tier is Tier.E


@pytest.mark.parametrize("name", ["", "AMD EPYC", "Intel", "Quantum 9000", "Core i7"])
def test_only_a_full_name_matches(name):
    assert rated_power_w(name) is None


def test_an_unknown_processor_is_a_class_default():
    used, _ = activities(span(1, 0, 10), machine=MACHINE)
    assert used.tier is Tier.F
    assert used.basis is Basis.DEFAULT
    assert used.energy_high_kwh == pytest.approx(used.energy_kwh * TIER_BANDS[Tier.F][1])


def test_a_counter_is_shared_by_processor_time():
    findings = []
    begin = {"cpu.process_s": 0, "cpu.host_busy_s": 0, "rapl.package-0_uj": 0}
    end = {"cpu.process_s": 3, "cpu.host_busy_s": 12, "rapl.package-0_uj": 40e6}
    (used,) = activities(span(1, 0, 10, begin=begin, end=end), findings=findings)
    assert used.energy_kwh == pytest.approx(joules_to_kwh(10))
    assert (used.tier, used.basis) == (Tier.B, Basis.MEASURED)
    assert used.energy_high_kwh == pytest.approx(1.05 * used.energy_kwh)
    assert [f.code for f in findings] == ["unattributed"]
    assert f"{joules_to_kwh(30):.3g} kWh" in findings[0].message


def test_dram_counts_beside_the_package_and_replaces_the_model():
    zero = dict.fromkeys(
        ("cpu.process_s", "cpu.host_busy_s", "rapl.package-0_uj", "rapl.dram-0_uj", "memory.gb_s"),
        0.0,
    )
    end = {
        "cpu.process_s": 1,
        "cpu.host_busy_s": 1,
        "rapl.package-0_uj": 5e6,
        "rapl.dram-0_uj": 2e6,
        "memory.gb_s": 1e3,
    }
    (used,) = activities(span(1, 0, 10, begin=zero, end=end))
    assert used.energy_kwh == pytest.approx(joules_to_kwh(7))


def test_no_reading_is_none_and_never_zero():
    (used,) = activities(span(1, 0, 10, begin={}, end={}))
    assert used.energy_kwh is None
    assert used.energy_low_kwh is None
    assert used.duration_s == 10


def test_bytes_become_an_activity_of_their_own():
    moved = activities(span(1, 0, 10, phase=Phase.UPLOAD, sent_bytes=3e9, received_bytes=1e9))[-1]
    assert (moved.data_gb, moved.energy_kwh, moved.duration_s) == (4.0, None, 0.0)
    assert moved.basis is Basis.MEASURED


def write(path, run):
    writer = JournalWriter(path)
    writer.open()
    writer.header(run, VIRTUAL, "0")
    writer.span(span(1, 0, 10))
    writer.result("accuracy", 0.5)
    writer.close()


def test_journals_of_several_processes_are_added_up_and_it_is_said(tmp_path):
    write(tmp_path / "a.jsonl", Run("r"))
    write(tmp_path / "b.jsonl", Run("r"))
    journal = read_journal(tmp_path)
    assert len(journal) == 4
    assert journal.run.results == {"accuracy": 0.5}
    assert "journal-processes" in [f.code for f in journal.findings]
    assert {r.factor.quantity for r in journal.factors} == {
        "power_idle",
        "power_max",
        "power_per_gb",
    }


def test_journals_of_different_runs_are_refused(tmp_path):
    write(tmp_path / "a.jsonl", Run("one"))
    write(tmp_path / "b.jsonl", Run("two"))
    with pytest.raises(UsageError, match="one, two"):
        read_journal(tmp_path)
