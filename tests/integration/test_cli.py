"""The whole path on the command line, and every bad input of a person."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.integration.conftest import CommandLine

BUSY = "import time; t=time.process_time()\nwhile time.process_time()-t<0.3: pass"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Two runs, tracked for real, and their assessments."""
    run = CommandLine(tmp_path_factory.mktemp("prepared"))
    for name, zone in (("central", "FR"), ("federated", "DE")):
        where = (f"--run={name}", f"--zone={zone}", "--device=laptop", f"--journal={name}")
        unit = "--functional-unit=one answer"
        run("track", *where, unit, "--", sys.executable, "-c", BUSY)
        run("estimate", name, "-o", f"{name}.json")
    return run.folder


@pytest.fixture
def runs(prepared, tmp_path):
    """A copy of the prepared folder, for one test to use up."""
    return CommandLine(shutil.copytree(prepared, tmp_path / "runs"))


def test_from_a_command_to_a_page(runs):
    done = runs("compare", "central.json", "federated.json", "-o", "comparison.json")
    assert "wrote comparison.json" in done.stderr
    assert "federated" in done.stdout
    comparison = json.loads((runs.folder / "comparison.json").read_text())
    for side in ("baseline", "candidate"):
        parts = [c["emissions_g"]["value"] for c in comparison[side]["contributions"]]
        assert sum(parts) == pytest.approx(comparison[side]["total_g"]["value"], rel=1e-9)
    page = runs("report", "comparison.json", "-o", "r.html").stdout.strip()
    assert page == "r.html"
    html = (runs.folder / page).read_text()
    assert not re.search(r'<(?:script|link|img|style)[^>]*(?:src|href)\s*=\s*"http', html)
    again = runs("report", "r.html", "-o", "again.html", "--json").stdout
    assert json.loads(again) == {"page": "again.html"}


def test_the_measured_energy_is_plausible(runs):
    result = json.loads(runs("estimate", "central", "--json").stdout)
    cpu_s = 0.3
    # A busy thread takes between 0.1 and 50 W on anything that runs this.
    train = [c for c in result["contributions"] if c["phase"] == "train"]
    used_kwh = sum(c["energy_kwh"] or 0 for c in train)
    assert 0.1 * cpu_s / 3.6e6 < used_kwh < 50 * cpu_s / 3.6e6


def test_json_is_on_stdout_and_everything_else_is_not(runs):
    done = runs("compare", "central.json", "federated.json", "--json", "-o", "c.html")
    assert json.loads(done.stdout)["format"] == "footprint-comparison"
    assert "wrote c.html" in done.stderr
    assert json.loads(runs("version", "--json").stdout)["version"]


def test_a_later_correction_needs_no_second_run(runs):
    def total(*options):
        done = runs("estimate", "central", *options, "--json")
        return json.loads(done.stdout)["total_g"]["value"]

    assert total("--zone", "FR=PL") > total()
    assert total("--device", "laptop=server") > total()
    assert total("--network", "mobile") == total()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["estimate", "nowhere"], 3, "There is no journal"),
        (["estimate", "central", "--zone", "FR=Atlantis"], 3, "Atlantis"),
        (["estimate", "central", "--device", "laptop=toaster"], 3, "toaster"),
        (["estimate", "central", "--network", "pigeon"], 3, "pigeon"),
        (["estimate", "central", "--signal", "nice"], 2, "average/location/life-cycle"),
        (["estimate", "central", "--pue", "0.5"], 2, "at least 1"),
        (["estimate", "central", "--zone", "FR", "--zone", "DE"], 2, "--zone"),
        (["estimate", "central", "--zone", "FR="], 2, "--zone"),
        (["estimate", "central", "-o", "x.xlsx"], 2, ".html"),
        (["estimate", "central", "--factors", "nowhere"], 3, "nowhere"),
        (["estimate", "central", "--draws", "3"], 2, "draws"),
        (["compare", "central.json", "nowhere.json"], 3, "nowhere.json"),
        (["report", "central", "-o", "r.html"], 3, "footprint estimate central"),
        (["report", "central.json", "-o", "r.json"], 2, ".html"),
        (["compare", "central", "central.json"], 3, "footprint estimate"),
        (["estimate", "central", "--zone", "FR=DE", "--zone", "FR=PL"], 2, "twice"),
        (["estimate", "central", "--draws", "99999999999"], 2, "draws"),
        (["track", "--zone", "france", "--", "true"], 3, "France"),
        (["track", "--device", "toaster", "--", "true"], 3, "laptop"),
        (["track", "--run", "a\nb", "--", "true"], 2, "name a run"),
        (["track", "--phase", "dance", "--", "true"], 2, "train"),
        (["track", "--", "no-such-command"], 2, "no-such-command"),
        (["estimate"], 2, "estimate --help"),
        (["nonsense"], 2, "nonsense"),
    ],
)
def test_bad_input_is_a_clear_error(runs, arguments, code, said):
    done = runs(*arguments, code=code)
    assert said in done.stderr
    assert done.stdout == ""


def test_a_missing_zone_is_an_error_with_the_way_out(footprint):
    footprint("track", "--journal=j", "--", "true")
    done = footprint("estimate", "j", code=2)
    assert "--zone FR" in done.stderr
    done = footprint("estimate", "j", "--zone", "FR")
    assert "device" in done.stdout  # and the missing device is a warning


def test_different_boundaries_are_refused(runs):
    runs("estimate", "federated", "--network", "mobile", "-o", "other.json")
    done = runs("compare", "central.json", "other.json", code=2)
    assert "network model" in done.stderr


def test_a_journal_with_garbage_gives_what_is_left(runs):
    (path,) = (runs.folder / "central").glob("*.jsonl")
    path.write_bytes(path.read_bytes() + b"\xff garbage\n" + b'{"type":"span","id":9,"act')
    done = runs("estimate", "central", "--json")
    result = json.loads(done.stdout)
    assert {"journal-line", "journal-torn"} <= {f["code"] for f in result["findings"]}
    assert result["total_g"]["value"] > 0


def test_a_hostile_name_stays_text(footprint):
    name = "<script>alert(1)</script>[red]&\u202e"
    footprint(
        "track", "--journal=j", "--zone=FR", "--device=laptop", f"--actor={name}", "--", "true"
    )
    done = footprint("estimate", "j", "-o", "p.html")
    assert "<script>alert" not in (footprint.folder / "p.html").read_text()
    assert done.stdout


def test_track_keeps_the_exit_code_and_the_output(footprint):
    script = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(7)"
    done = footprint("track", "--journal=j", "--", sys.executable, "-c", script, code=7)
    assert done.stdout == "out\n"
    assert "err" in done.stderr


def test_track_counts_the_command_and_its_children(footprint):
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BUSY!r}])"
    done = footprint("track", "--json", "--journal=j", "--", sys.executable, "-c", child)
    summary = json.loads(done.stderr.splitlines()[-1])
    assert summary["exit_code"] == 0
    assert summary["energy_low_kwh"] < summary["energy_kwh"] < summary["energy_high_kwh"]
    line = next(
        json.loads(text)
        for text in (footprint.folder / summary["journal"]).read_text().splitlines()
        if '"type":"span"' in text and '"train"' in text
    )
    assert line["end"]["cpu.children_s"] - line["begin"]["cpu.children_s"] >= 0.3
    assert summary["energy_kwh"] > 0.3 * (3.5 - 0.74) / 3.6e6 / 30  # whatever the machine


DAEMON = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:  # its parent ends, and so nobody here waits for it
        t = time.process_time()
        while time.process_time() - t < 0.6: pass
        open("done", "w").close()
        time.sleep(float(sys.argv[1]))
    os._exit(0)
os.wait()
while not os.path.exists("done"): time.sleep(0.01)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux hands orphans on")
@pytest.mark.parametrize("stays_s", [0, 3])
def test_a_command_that_goes_to_the_background_is_counted_and_said(footprint, stays_s):
    where = ("--run=r", "--journal=j", "--zone=FR", "--device=laptop")
    command = ("--", sys.executable, "-c", DAEMON, str(stays_s))
    done = footprint("track", *where, *command)
    (path,) = (footprint.folder / "j").glob("*.jsonl")
    line = next(
        json.loads(text)
        for text in path.read_text().splitlines()
        if '"type":"span"' in text and '"train"' in text
    )
    # of 0.6 s: Linux counts user and system time in steps of 10 ms each, and rounds down
    assert line["end"]["cpu.children_s"] - line["begin"]["cpu.children_s"] >= 0.5
    assert ("still run" in done.stderr) == bool(stays_s)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux hands orphans on")
def test_a_command_that_forks_a_lot_leaves_no_zombies(footprint):
    script = (
        "import os, subprocess, time\n"
        "for n in range(30): subprocess.run(['sh', '-c', 'sleep 0.01 &'])\n"
        "time.sleep(2.5)\n"
        "import psutil\n"
        "of = psutil.Process().parent().children()\n"
        "print(sum(p.status() == 'zombie' for p in of))\n"
    )
    done = footprint("track", "--journal=j", "--", sys.executable, "-c", script)
    assert int(done.stdout) < 10


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_reaches_the_command_and_the_journal_is_whole(footprint, number):
    script = "import time; print('ready', flush=True); time.sleep(60)"
    track = [sys.executable, "-m", "footprint", "track"]
    where = ["--journal=j", "--zone=FR", "--device=laptop"]
    process = subprocess.Popen(
        [*track, *where, "--", sys.executable, "-c", script],
        cwd=footprint.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Whoever runs the tests under nohup has a hang-up ignored, and we would inherit that.
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    )
    try:
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.1)
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 128 + number, errors
    result = json.loads(footprint("estimate", "j", "--json").stdout)
    found = {f["code"] for f in result["findings"]}
    assert "truncated" not in found
    assert "phase-failed" in found
    assert result["total_g"]["value"] > 0


def test_help_has_examples(footprint):
    for command in ("track", "estimate", "compare", "report"):
        text = footprint(command, "--help").stdout
        assert f"footprint {command}" in text
    assert "Exit codes" in footprint("--help").stdout


def test_debug_shows_the_traceback(footprint):
    done = subprocess.run(
        [sys.executable, "-m", "footprint", "--debug", "estimate", "nowhere"],
        cwd=footprint.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" in done.stderr
    assert done.returncode != 0


def test_a_result_that_cannot_be_written_is_an_error_without_a_traceback(runs):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "footprint", "estimate", "central", "--json"],
            cwd=runs.folder,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 3
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unwritable_journal_does_not_change_the_exit_code(footprint):
    (footprint.folder / "file").write_text("")
    script = "import sys; print('ran'); sys.exit(5)"
    done = footprint("track", "--journal=file/below", "--", sys.executable, "-c", script, code=5)
    assert done.stdout == "ran\n"
    assert "lost" in done.stderr


def test_the_memory_of_the_command_counts(footprint):
    script = "import time; x = bytearray(400_000_000); time.sleep(0.8)"
    done = footprint("track", "--json", "--journal=j", "--", sys.executable, "-c", script)
    path = footprint.folder / json.loads(done.stderr.splitlines()[-1])["journal"]
    line = next(
        json.loads(text)
        for text in path.read_text().splitlines()
        if '"type":"span"' in text and '"train"' in text
    )
    held = line["end"]["memory.gb_s"] - line["begin"]["memory.gb_s"]
    assert 0.15 < held < 1.0  # 0.4 GB for some 0.8 s, and the interpreters


def test_defaults_of_the_command_line_are_those_of_the_library():
    from footprint import settings
    from footprint.cli import results

    assert results.DEFAULT_NETWORK == settings.DEFAULT_NETWORK


def test_meters_say_what_can_be_read_here(footprint):
    found = {m["meter"]: m for m in json.loads(footprint("meters", "--json").stdout)}
    assert found["cpu"]["state"] == "readable"
    # What is counted with where no counter is, and how to do better.
    assert found["model"]["tier"] in {"D", "E", "F"}
    assert "footprint calibrate" in found["model"]["remedy"]
    assert all(m["state"] == "readable" or m["message"] for m in found.values())
    assert "cpu" in footprint("meters").stdout


def test_live_shows_phases_while_the_command_runs(footprint):
    script = "import time; t=time.time()\nwhile time.time()-t<1.5: pass"
    where = ("--zone=DE", "--device=laptop", "--journal=j")
    done = footprint("track", "--live", *where, "--", sys.executable, "-c", script)
    assert "so far" in done.stderr
    assert "train" in done.stderr
    assert "CO2e" in done.stderr
    assert "EUR" in done.stderr


def test_files_of_other_tools_are_estimated_like_ours(runs):
    (runs.folder / "emissions.csv").write_text(
        "timestamp,project_name,run_id,duration,emissions,cpu_energy,gpu_energy,ram_energy,"
        "energy_consumed,country_iso_code\n"
        "2026-01-01T10:00:00,digits,abc,3600,0.5,0.1,0,0.02,0.12,CAN\n"
    )
    options = ("--from", "codecarbon", "--zone", "FR", "--device", "laptop", "--json")
    result = json.loads(runs("estimate", "emissions.csv", *options).stdout)
    assert result["energy_kwh"] == pytest.approx(0.12)
    assert {c["zone"] for c in result["contributions"]} == {"FR"}
    checked = json.loads(
        runs("estimate", "central", "--cross-check", "emissions.csv", "--json").stdout
    )
    assert any("codecarbon" in f["message"] for f in checked["findings"])
    runs("estimate", "emissions.csv", "--from", "excel", code=2)


def test_views_can_be_chosen(runs):
    def total(view):
        done = runs("estimate", "central", "--view", view, "--json")
        return json.loads(done.stdout)["total_g"]["value"]

    assert total("process") <= total("machine")
    assert total("machine-less-idle") < total("machine")
    done = runs("estimate", "central", "--view", "moon", code=2)
    assert "machine" in done.stderr


def test_a_tracker_inside_of_a_tracked_command_is_not_counted_twice(footprint):
    """Through a shell, which is neither the one nor the other."""
    (footprint.folder / "train.py").write_text(
        "import time, footprint as fp\n"
        "with fp.Tracker('r', journal='j', zone='FR', device='laptop') as tracker:\n"
        "    with tracker.span('train', actor='inner'):\n"
        "        t = time.process_time()\n"
        "        while time.process_time() - t < 1.0: pass\n"
    )
    command = ("sh", "-c", f"{sys.executable} train.py; true")
    where = ("--run=r", "--journal=j", "--zone=FR", "--device=laptop")
    footprint("track", *where, "--", *command)
    result = json.loads(footprint("estimate", "j", "--json").stdout)
    used = {}
    for part in result["contributions"]:
        if part["stage"] == "operation" and part["phase"] == "train":
            used[part["actor"]] = used.get(part["actor"], 0.0) + part["energy_kwh"]
    assert used["inner"] > 2 * used["client"]  # which keeps the start of the interpreter


def test_trackers_of_one_process_that_cannot_share_a_journal_are_said(footprint):
    (footprint.folder / "nested.py").write_text(
        "import footprint as fp\n"
        "with fp.Tracker('r', journal='j/a'), fp.Tracker('r', journal='j/b'): pass\n"
    )
    subprocess.run([sys.executable, "nested.py"], cwd=footprint.folder, check=True)
    done = footprint("estimate", "j", "--zone", "FR", "--device", "laptop", "--json")
    assert "trackers-nested" in {f["code"] for f in json.loads(done.stdout)["findings"]}
