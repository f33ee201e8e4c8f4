"""The energy of a span in its own process is what its journal gives afterwards."""

import math
from dataclasses import replace

import pytest

import footprint as fp
from footprint.journal import Process, ProcessRecords, SpanRecord
from footprint.measurement import tally as tally_module
from footprint.measurement.tally import prepare_model, tally_span
from footprint.measurement.tracker import Tracker
from footprint.model import Basis, Phase, Role, Run, Tier
from footprint.units import joules_to_kwh
from tests.builders import MACHINE

READ = {"cpu.process_s": 1.0, "cpu.host_busy_s": 5.0, "rapl.package-0_uj": 0.0}


def span(**changes):
    fields = {
        "id": 1,
        "parent": 7,
        "actor": "client-0",
        "role": Role.CLIENT,
        "phase": Phase.TRAIN,
        "start_s": 1e9,
        "duration_s": 10.0,
        "begin": READ,
        "end": {"cpu.process_s": 3.0, "cpu.host_busy_s": 9.0, "rapl.package-0_uj": 80e6},
        **changes,
    }
    return SpanRecord(**fields)


PROCESS = ProcessRecords(
    Run("r"), MACHINE, Process(1, 0, "token", "host", tiers={"rapl": Tier.B}), ()
)


def test_a_counter_is_shared_by_processor_time():
    """Half of what the host was busy with was ours; 80 J went into its package."""
    found = tally_span(PROCESS, span())
    assert found.energy_kwh == pytest.approx(joules_to_kwh(40))
    assert (found.basis, found.tier, found.source) == (Basis.MEASURED, Tier.B, "rapl")
    assert found.low_kwh < found.energy_kwh < found.high_kwh


def test_without_a_counter_it_is_a_model_and_says_so():
    times = {"cpu.process_s": 1.0}
    found = tally_span(PROCESS, span(begin=times, end={"cpu.process_s": 3.0}))
    assert found.basis is Basis.DEFAULT  # the processor is in no table
    assert found.tier is Tier.F
    assert found.source == "cpu-table"


def test_what_nothing_measured_has_no_energy():
    found = tally_span(PROCESS, span(begin={}, end={}))
    assert (found.energy_kwh, found.tier, found.source) == (None, None, "")


def test_it_is_what_the_journal_gives_for_a_process_alone(tmp_path):
    with Tracker("r", journal=tmp_path) as tracker:
        with tracker.span("train") as outer:
            sum(range(500_000))
            with tracker.span("evaluate"):
                sum(range(500_000))
        found = tally_span(tracker.process, outer.written)
    # Less the span around it, which is what the process did besides.
    used = [a for a in fp.read_journal(tmp_path).activities() if a.phase is not Phase.OTHER]
    read_kwh = math.fsum(a.energy_kwh for a in used if a.phase is not Phase.IDLE)
    idle_kwh = math.fsum(a.energy_kwh for a in used if a.phase is Phase.IDLE)
    assert found.energy_kwh == pytest.approx(read_kwh)
    assert 0 < found.idle_kwh <= idle_kwh  # that of the span around it is in there
    assert found.total_kwh == found.energy_kwh + found.idle_kwh


def test_a_model_is_remembered_for_the_next_process(tmp_path, monkeypatch):
    memo = tmp_path / "folder" / "model.json"

    def fresh(machine=MACHINE):
        monkeypatch.setattr(tally_module, "_models", {})
        return prepare_model(machine, None, memo)

    chosen = fresh()
    assert memo.is_file()
    monkeypatch.setattr(tally_module, "load_catalogue", None)  # must not be needed again
    known = fresh()
    assert replace(chosen, findings=(), factors=(), memory_factors=()) == known
    assert tally_span(PROCESS, span()).energy_kwh > 0
    with pytest.raises(TypeError):
        fresh(replace(MACHINE, threads=64))  # another machine is chosen anew


@pytest.mark.parametrize("content", ["", "[]", '{"digest": "other"}', "\x00" * 50])
def test_a_broken_memo_is_written_again(tmp_path, monkeypatch, content):
    memo = tmp_path / "model.json"
    memo.write_text(content)
    monkeypatch.setattr(tally_module, "_models", {})
    prepare_model(MACHINE, None, memo)
    assert "busy_w" in memo.read_text()


def test_a_memo_that_cannot_be_written_costs_nothing_else(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(tally_module, "_models", {})
    assert prepare_model(MACHINE, None, tmp_path / "file" / "model.json").busy_w > 0
