"""Spans of a run of a study, as its journal holds them: all of them, and their times."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from footprint.errors import JournalError
from footprint.journal import TRUNCATED, SpanRecord, read_records
from footprint.model import Phase, Role
from footprint.studies.plan import StudyPlan
from footprint.studies.runs import Record

COMPUTING = (Phase.DOWNLOAD, Phase.TRAIN, Phase.SERIALISE)
"""What a client computes: it reads the model, trains, and makes its answer."""
_CPU = "cpu.process_s"
_LOSSES = {"journal-lost", "journal-line", "journal-torn"}


def whole_spans(plan: StudyPlan, record: Record) -> list[SpanRecord]:
    """Read the spans of a run, all of them: less of a journal would look like a saving.

    Raises
    ------
    JournalError
        If a line is missing or torn, or bytes are not those that were sent.
    """
    records = read_records([record.journal])
    spans = [span for one in records.processes for span in one.spans]
    trained = plan.rounds * plan.clients_per_round
    expected = {
        **{(Role.CLIENT, phase): trained for phase in COMPUTING},
        (Role.SERVER, Phase.SERIALISE): plan.rounds,
        (Role.SERVER, Phase.AGGREGATE): plan.rounds,
        (Role.SERVER, Phase.EVALUATE): len(record.accuracy),
    }
    found = Counter((span.role, span.phase) for span in spans)
    moved = sum(span.sent_bytes + span.received_bytes for span in spans)
    is_whole = (
        not _LOSSES & {finding.code for finding in records.findings}
        and not any(span.status == TRUNCATED for span in spans)
        and any(span.parent is None for span in spans)
        and all(found[kind] == count for kind, count in expected.items())
        and moved == sum(record.up_bytes) + sum(record.down_bytes)
    )
    if not is_whole:
        raise JournalError(
            f"The journal {record.journal.name!r} does not hold all of the run: lines are missing.",
            "Was the disk full? Make room, or name another folder for journals.",
        )
    return spans


def times_of(spans: Sequence[SpanRecord]) -> tuple[float, float | None, float | None]:
    """Wall-clock, and processor time of all and of what clients compute [s].

    None without a counter of processor time.
    """
    whole = [span for span in spans if span.parent is None]
    training = [span for span in spans if span.role is Role.CLIENT and span.phase in COMPUTING]

    def spent(some: Sequence[SpanRecord]) -> float | None:
        if not all(_CPU in span.begin and _CPU in span.end for span in some):
            return None
        return math.fsum(span.end[_CPU] - span.begin[_CPU] for span in some)

    return math.fsum(span.duration_s for span in whole), spent(whole), spent(training)
