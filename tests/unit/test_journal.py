"""Journals survive crashes, full disks and garbage, and say what they lost."""

import json
import os
import threading
from pathlib import Path

import pytest

from footprint.errors import JournalError
from footprint.journal import JournalWriter, Process, SpanRecord, read_records
from footprint.journal.records import decode_line, encode_line
from footprint.model import Architecture, Machine, Phase, Role, Run, Severity

MACHINE = Machine("Test CPU", 4, 1, 16.0, False, "Linux")
PROCESS = Process(12, 1, "token", "host", ("nvidia",))
RUN = Run("r", Architecture.FEDERATED, "one model")


def span(number=1, **changes):
    fields = {
        "id": number,
        "parent": None,
        "actor": "client-1",
        "role": Role.CLIENT,
        "phase": Phase.TRAIN,
        "start_s": 1.8e9 + number,
        "duration_s": 0.5,
        "begin": {"cpu.process_s": 1.0},
        "end": {"cpu.process_s": 1.4},
        **changes,
    }
    return SpanRecord(**fields)


def written(path, *spans):
    writer = JournalWriter(path)
    writer.open()
    writer.header(RUN, MACHINE, PROCESS, "0")
    for record in spans:
        writer.span(record)
    writer.close()
    return path


def codes(records):
    return [finding.code for finding in records.findings]


def test_what_is_written_is_read_back(tmp_path):
    first = span(1, round=3, zone="FR", device="desktop", sent_bytes=7, status="failed")
    second = span(2, parent=1, phase=Phase.UPLOAD, role=Role.SERVER, received_bytes=9)
    records = read_records([written(tmp_path / "a.jsonl", first, second)])
    assert records.processes[0].spans == (first, second)
    assert records.processes[0].machine == MACHINE
    assert records.processes[0].run == RUN
    assert records.processes[0].process == PROCESS
    assert records.findings == ()
    assert len(records.inputs[0].sha256) == 64


def test_a_torn_last_line_costs_only_itself(tmp_path):
    path = written(tmp_path / "a.jsonl", span(1), span(2))
    data = path.read_bytes()
    last = data.rstrip(b"\n").rfind(b"\n") + 1
    for cut in range(last + 1, len(data) - 1, 7):
        path.write_bytes(data[:cut])
        records = read_records([path])
        assert [s.id for s in records.processes[0].spans] == [1]
        assert codes(records) == ["journal-torn"]
        assert records.findings[0].severity is Severity.INFO


def test_garbage_lines_are_named_and_the_rest_counts(tmp_path):
    path = written(tmp_path / "a.jsonl", span(1), span(2), span(3))
    lines = path.read_bytes().split(b"\n")
    lines[2] = lines[2].replace(b'"cpu.process_s":1.4', b'"cpu.process_s":9.4')  # one digit flipped
    lines.insert(2, b"\xff\xfe garbage \x00")
    lines.insert(2, b"[" * 100_000)
    lines.insert(2, b"[1,2,3]")
    path.write_bytes(b"\n".join(lines))
    records = read_records([path])
    assert [s.id for s in records.processes[0].spans] == [1, 3]
    assert codes(records) == ["journal-line"] * 4
    assert {f.place for f in records.findings} == {f"a.jsonl:{n}" for n in (3, 4, 5, 6)}


@pytest.mark.parametrize(
    "change",
    [
        {"phase": "dance"},
        {"duration_s": -1},
        {"role": "king"},
        {"start_s": "now"},
        {"sent_bytes": -5},
        {"begin": 3},
        {"start_s": 1e400},
    ],
)
def test_a_wrong_field_makes_the_line_unusable_not_the_file(tmp_path, change):
    path = written(tmp_path / "a.jsonl", span(1))
    record = {"type": "span", "id": 2, "actor": "c", "role": "client", "phase": "train"}
    record |= {"start_s": 1.0, "duration_s": 1.0} | change
    body = json.dumps(record).replace("Infinity", "1e400")
    import zlib

    line = f'{body[:-1]},"crc":"{zlib.crc32(body.encode()):08x}"}}\n'
    with path.open("a") as file:
        file.write(line)
    records = read_records([path])
    assert [s.id for s in records.processes[0].spans] == [1]
    assert codes(records) == ["journal-line"]


def test_a_newer_format_is_refused_with_the_way_out(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(encode_line({"type": "header", "format": "footprint-journal", "version": 99}))
    with pytest.raises(JournalError, match="version 99"):
        read_records([path])


@pytest.mark.parametrize("content", [b"", b"hello\n", b'{"a":1}\n', b"\x00" * 100])
def test_a_file_without_spans_is_an_error(tmp_path, content):
    path = tmp_path / "a.jsonl"
    path.write_bytes(content)
    with pytest.raises(JournalError, match="No usable span"):
        read_records([path])


def test_missing_paths_and_empty_folders_are_errors(tmp_path):
    with pytest.raises(JournalError, match="There is no journal"):
        read_records([tmp_path / "none"])
    with pytest.raises(JournalError, match="holds no journal"):
        read_records([tmp_path])


def test_a_file_of_another_version_does_not_hide_the_others(tmp_path):
    written(tmp_path / "a.jsonl", span(1))
    newer = {"type": "header", "format": "footprint-journal", "version": 99}
    (tmp_path / "b.jsonl").write_bytes(encode_line(newer))
    records = read_records([tmp_path])
    assert len(records.processes) == 1
    (found,) = records.findings
    assert (found.code, found.severity) == ("journal-format", Severity.ERROR)
    assert found.place == "b.jsonl:1"


@pytest.mark.parametrize(
    "change",
    [{"threads": "x"}, {"threads": 0}, {"threads": -4}, {"threads": [1]}, {"memory_gb": -1}],
)
def test_an_impossible_machine_is_refused(tmp_path, change):
    path = written(tmp_path / "a.jsonl", span(1))
    first, rest = path.read_bytes().split(b"\n", 1)
    header = decode_line(first)
    header["machine"] |= change
    path.write_bytes(encode_line(header) + rest)
    with pytest.raises(JournalError, match="No usable span"):
        read_records([path])


def test_a_repeated_span_counts_once_and_is_reported(tmp_path):
    path = written(tmp_path / "a.jsonl", span(1), span(1))
    records = read_records([path])
    assert len(records.processes[0].spans) == 1
    assert codes(records) == ["journal-line"]


def test_a_byte_order_mark_is_no_garbage(tmp_path):
    path = written(tmp_path / "a.jsonl", span(1))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read_records([path]).findings == ()


def test_a_headless_file_is_reported_and_others_still_count(tmp_path):
    good = written(tmp_path / "a.jsonl", span(1))
    bad = tmp_path / "b.jsonl"
    bad.write_bytes(b"".join(good.read_bytes().splitlines(keepends=True)[1:]))
    records = read_records([tmp_path])
    assert len(records.processes) == 1
    assert codes(records) == ["journal-headless"]


def test_a_full_disk_loses_lines_but_never_raises():
    writer = JournalWriter(Path("/dev/full"))
    writer.open()
    writer.header(RUN, MACHINE, PROCESS, "0")
    writer.span(span(1))
    writer.close()
    assert writer.lost_lines == 2
    assert "No space left" in writer.first_error


def test_an_impossible_folder_loses_lines_but_never_raises(tmp_path):
    (tmp_path / "file").write_text("")
    writer = JournalWriter(tmp_path / "file" / "a.jsonl")
    writer.open()
    writer.span(span(1))
    writer.close()
    assert writer.lost_lines == 2
    assert writer.first_error


def test_a_line_after_a_torn_one_stands_on_its_own(tmp_path, monkeypatch):
    import os

    path = tmp_path / "a.jsonl"
    writer = JournalWriter(path)
    writer.open()
    writer.header(RUN, MACHINE, PROCESS, "0")
    real = os.write
    for number, cut in enumerate((20, -1, -2), start=1):
        monkeypatch.setattr(os, "write", lambda fd, data, cut=cut: real(fd, data[:cut]))
        writer.span(span(number))
    monkeypatch.undo()
    writer.span(span(4))
    writer.close()
    records = read_records([path])
    assert 4 in [s.id for s in records.processes[0].spans]
    assert writer.lost_lines == 3


def test_lines_do_not_name_the_host(tmp_path):
    import getpass
    import platform

    text = written(tmp_path / "a.jsonl", span(1)).read_text()
    for secret in (platform.node(), getpass.getuser(), str(tmp_path)):
        assert len(secret) < 3 or secret not in text


def test_a_decoded_line_equals_the_record():
    record = {"type": "x", "text": 'quotes " and \n and µ', "crc_like": ',"crc":"'}
    assert decode_line(encode_line(record)) == record


def test_a_thread_does_not_overtake_the_header(tmp_path, monkeypatch):
    """A header that is tried again comes before what other threads write meanwhile."""
    writer = JournalWriter(tmp_path / "a.jsonl")
    writer.header(RUN, MACHINE, PROCESS, "0")  # there is no file yet
    writer.open()
    begun, other_done = threading.Event(), threading.Event()
    write = os.write

    def slow(descriptor, line):
        if b'"header"' in line:
            begun.set()
            other_done.wait(0.5)  # where a lock keeps the other thread out, it never comes
        return write(descriptor, line)

    def other():
        begun.wait(30)
        writer.span(span(2))
        other_done.set()

    monkeypatch.setattr(os, "write", slow)
    thread = threading.Thread(target=other)
    thread.start()
    writer.span(span(1))
    thread.join(30)
    writer.close()
    records = read_records([tmp_path / "a.jsonl"])
    assert {found.id for found in records.processes[0].spans} == {1, 2}
    assert records.findings == ()
