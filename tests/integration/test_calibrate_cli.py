"""`footprint calibrate` with a real load and a meter that a known line drives."""

import json
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from footprint.cli.calibrate import calibrate
from footprint.errors import UsageError
from footprint.journal import JournalWriter, Process, SpanRecord, read_records
from footprint.journal.records import decode_line, encode_line
from footprint.measurement import calibration as calibration_room
from footprint.measurement.calibration import calibration_for
from footprint.measurement.processor import describe_machine
from footprint.model import Phase, Role, Run

INTERCEPT_W, SLOPE_W = 40.0, 15.0


@pytest.fixture(scope="module")
def app():
    app = typer.Typer()
    app.command()(calibrate)
    return app


@pytest.fixture(scope="module")
def journal(app, tmp_path_factory):
    """The journal of a real load on this machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("load"))
        result = CliRunner().invoke(app, ["--load", "2.5"], catch_exceptions=False)
        assert result.exit_code == 0
        assert "threads busy" in result.stderr
        assert "--wall FILE" in result.stderr
        return Path(result.stdout.strip()).resolve()


@pytest.fixture
def here(monkeypatch, tmp_path):
    """A machine with an id and a settings folder of its own."""
    (tmp_path / "machine-id").write_text("0123456789abcdef" * 2)
    token = calibration_room.machine_token(tmp_path / "machine-id")
    monkeypatch.setattr(calibration_room, "machine_token", lambda: token)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return token


@pytest.fixture
def stepped(tmp_path):
    """A journal of this machine under known loads: what else it does must not matter."""
    threads = describe_machine().threads
    path = tmp_path / "stepped.jsonl"
    writer = JournalWriter(path)
    writer.open()
    writer.header(Run("load"), describe_machine(), Process(1, 0, "token", "host"), "0")
    steps = np.repeat([0, threads / 2, threads], 10)  # busy threads in each second
    busy_s = [0.0, *np.cumsum(steps).tolist()]
    for second, busy in enumerate(busy_s):
        writer.sample(1.8e9 + second, {"cpu.host_busy_s": busy})
    ends = {"begin": {"cpu.host_busy_s": 0.0}, "end": {"cpu.host_busy_s": busy_s[-1]}}
    writer.span(SpanRecord(1, None, "a", Role.OTHER, Phase.OTHER, 1.8e9, 30.0, **ends))
    writer.close()
    return path


@pytest.fixture
def wall(stepped, tmp_path):
    """What a meter would have written that follows the line exactly."""
    (process,) = read_records([stepped]).processes
    time_s = np.array([sample.time_s for sample in process.samples])
    busy_s = np.array([sample.readings["cpu.host_busy_s"] for sample in process.samples])
    energy_wh = (INTERCEPT_W * (time_s - time_s[0]) + SLOPE_W * (busy_s - busy_s[0])) / 3600
    path = tmp_path / "plug.csv"
    lines = [f"{t:.6f},{e:.9f}" for t, e in zip(time_s, energy_wh, strict=True)]
    path.write_text("\n".join(["unix,energy_wh", *lines]))
    return path


def run(app, *arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_the_load_has_three_steps_and_samples(journal):
    (process,) = read_records([journal]).processes
    threads = process.machine.threads
    assert len(process.spans) == 1 + len({0, (threads + 1) // 2, threads})
    assert len(process.samples) >= 6
    assert process.machine == describe_machine()


def test_the_line_is_found_printed_and_stored(app, stepped, wall, here, tmp_path):
    result = run(app, stepped, "--wall", wall, "--window", "1")
    assert result.exit_code == 0, result.exception
    assert "W per busy thread" in result.stdout
    assert "the default model" in result.stdout
    stored = calibration_for(describe_machine(), here)
    assert stored.busy.intercept_w == pytest.approx(INTERCEPT_W, rel=0.1)
    assert stored.busy.slope == pytest.approx(SLOPE_W, rel=0.1)
    assert str(tmp_path / "config/footprint/calibration.json") in result.stdout
    assert here not in stepped.read_text()
    assert here not in result.stdout


def test_a_dry_run_stores_nothing(app, stepped, wall, here, tmp_path):
    result = run(app, stepped, "--wall", wall, "--window", "1", "--dry-run", "--json")
    assert result.exit_code == 0, result.exception
    summary = json.loads(result.stdout)
    assert summary["stored"] is None
    assert summary["tier"] == "D"
    assert summary["busy"]["slope"] == pytest.approx(SLOPE_W, rel=0.1)
    assert summary["full_load"]["model_low_w"] < summary["full_load"]["model_high_w"]
    assert not (tmp_path / "config").exists()


def test_the_line_of_another_machine_is_not_stored(app, stepped, wall, here, tmp_path):
    header, _, rest = stepped.read_text().partition("\n")
    record = decode_line(header.encode())
    record["machine"]["processor"] = "Another CPU"
    other = tmp_path / "other.jsonl"
    other.write_text(encode_line(record).decode() + rest)
    result = run(app, other, "--wall", wall, "--window", "1")
    assert isinstance(result.exception, UsageError)
    assert "Another CPU" in result.exception.message
    assert not (tmp_path / "config").exists()


def test_a_machine_without_an_id_stores_nothing(app, stepped, wall, here, monkeypatch):
    monkeypatch.setattr(calibration_room, "machine_token", lambda: None)
    result = run(app, stepped, "--wall", wall, "--window", "1")
    assert isinstance(result.exception, UsageError)
    assert "machine id" in result.exception.message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((), "neither a journal nor a load"), (("a.jsonl",), "no file of a wall meter")],
)
def test_what_is_missing_is_said_before_anything_runs(app, arguments, message):
    error = run(app, *arguments).exception
    assert isinstance(error, UsageError)
    assert message in error.message
    assert error.remedy
