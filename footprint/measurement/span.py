"""A phase that is going on, and what a journal keeps of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from footprint.journal import SpanRecord
from footprint.model import Phase, Role

if TYPE_CHECKING:
    from footprint.measurement.recorder import Recorder


Edge = tuple[float, dict[str, float]]
"""A moment (Unix time [s]) and what the meters said then."""


@dataclass(slots=True)
class Span:
    """A phase that is going on. Add the bytes that it moves to its counters.

    Attributes
    ----------
    sent_bytes, received_bytes : int
        Bytes over the network link of this span's actor. Count each transfer at
        one of its two ends only.
    failed : bool
        Set it if the phase failed without an exception.
    """

    id: int
    parent: int | None
    actor: str
    role: Role
    phase: Phase
    round: int | None
    zone: str | None
    device: str | None
    start_s: float
    begin: dict[str, float]
    resource_share: float | None = None
    node: str | None = None
    sent_bytes: int = 0
    received_bytes: int = 0
    failed: bool = False
    outer: Span | None = None
    owner: Recorder | None = None
    closed: bool = False
    end: Edge | None = None
    """Time and readings at its end, if they need not be read."""
    written: SpanRecord | None = None
    """What the journal holds of it, once it has ended."""


def record_of(span: Span) -> SpanRecord:
    """Take down a span as it stands now, without its end."""
    return SpanRecord(
        id=span.id,
        parent=span.parent,
        actor=span.actor,
        role=span.role,
        phase=span.phase,
        start_s=span.start_s,
        duration_s=0.0,
        begin=span.begin,
        end={},
        # Counts may come as numpy numbers, which JSON does not know.
        round=None if span.round is None else int(span.round),
        zone=None if span.zone is None else str(span.zone),
        device=None if span.device is None else str(span.device),
        resource_share=span.resource_share,
        node=span.node,
        sent_bytes=_count(span.sent_bytes),
        received_bytes=_count(span.received_bytes),
    )


def is_count(value: Any) -> bool:
    """Whether a number of bytes can be used."""
    try:
        return int(value) >= 0
    except (TypeError, ValueError, OverflowError):
        return False


def _count(value: Any) -> int:
    """Bytes as a whole number; what is none counts nothing, and is said where it ends."""
    return int(value) if is_count(value) else 0
