"""The control group meter against fake trees, with real files and processes."""

import os
import subprocess
import sys

import pytest

from footprint.errors import MeterAbsent, MeterError
from footprint.measurement.cgroup import CgroupMeter


def fake_cgroup(root, pids=None, usage_us=1_000_000):
    """A group that holds this process; gives the arguments of the meter."""
    membership = root / "self-cgroup"
    membership.write_text("1:name=systemd:/\n0::/run.scope\n")
    group = root / "run.scope"
    group.mkdir()
    (group / "cgroup.procs").write_text("".join(f"{pid}\n" for pid in pids or [os.getpid()]))
    set_usage(root, usage_us)
    return root, membership


def set_usage(root, usage_us):
    (root / "run.scope" / "cpu.stat").write_text(f"usage_usec {usage_us}\nuser_usec 7\n")


@pytest.fixture
def child():
    code = "import sys; sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as process:
        yield process.pid
        process.stdin.close()


def test_time_counts_from_the_start_in_seconds(tmp_path):
    meter = CgroupMeter(*fake_cgroup(tmp_path))
    assert meter.tier is None
    assert meter.read().counters == {"usage_s": 0}
    set_usage(tmp_path, 3_500_000)
    assert meter.read().counters == {"usage_s": 2.5}


def test_children_are_ours_also_in_groups_inside(tmp_path, child):
    arguments = fake_cgroup(tmp_path)
    inside = tmp_path / "run.scope" / "worker"
    inside.mkdir()
    (inside / "cgroup.procs").write_text(f"{child}\n")
    assert CgroupMeter(*arguments).read().counters == {"usage_s": 0}


@pytest.mark.parametrize("stranger", [os.getppid(), 0])
def test_a_group_that_is_shared_is_not_ours(tmp_path, stranger):
    arguments = fake_cgroup(tmp_path, [os.getpid(), stranger])
    with pytest.raises(MeterAbsent, match="shared with 1 process") as caught:
        CgroupMeter(*arguments)
    assert "systemd-run" in caught.value.remedy


def test_others_that_join_later_are_an_error(tmp_path, child):
    meter = CgroupMeter(*fake_cgroup(tmp_path))
    members = tmp_path / "run.scope" / "cgroup.procs"
    members.write_text(f"{os.getpid()}\n{child}\n")  # ours
    meter.read()
    members.write_text(f"{os.getpid()}\n{os.getppid()}\n")
    with pytest.raises(MeterError, match="joined"):
        meter.read()


def test_a_child_that_the_system_adopts_stays_ours(tmp_path, monkeypatch, child):
    import psutil

    meter = CgroupMeter(*fake_cgroup(tmp_path, [os.getpid(), child]))
    monkeypatch.setattr(psutil.Process, "ppid", lambda _: 1)
    assert meter.read().counters == {"usage_s": 0}


@pytest.mark.parametrize("lines", ["4:memory:/x\n1:cpu:/\n", "0::/elsewhere\n"])
def test_no_cgroup_v2_is_absence(tmp_path, lines):
    root, membership = fake_cgroup(tmp_path)
    membership.write_text(lines)
    with pytest.raises(MeterAbsent, match="cgroup v2"):
        CgroupMeter(root, membership)


def test_no_control_groups_at_all(tmp_path):
    with pytest.raises(MeterAbsent):
        CgroupMeter(tmp_path, tmp_path / "nothing")


def test_a_broken_counter_is_an_error_not_a_zero(tmp_path):
    meter = CgroupMeter(*fake_cgroup(tmp_path))
    (tmp_path / "run.scope" / "cpu.stat").write_text("nr_periods 0\n")
    with pytest.raises(MeterError, match="cannot be read"):
        meter.read()
