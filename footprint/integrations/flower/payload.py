"""What a message of Flower carries: bytes, objects, round, phase. Needs no import of Flower."""

from __future__ import annotations

import math
import os
from typing import Any

from footprint.integrations.flower.record import RECORD_NAME
from footprint.model import Phase

CHUNK_BYTES = int(os.environ.get("FLWR_PRIVATE_MAX_ARRAY_CHUNK_SIZE", "5242880"))
"""Largest part in which Flower sends an array [bytes]; its own constant and variable."""

_ROUND_KEY = "server-round"

CATALOGUE_QUERY = "query.footprint_catalogue"
ANALYSIS_QUERY = "query.footprint_analysis"
"""Queries of `footprint.management`, which silos compute for."""

_PHASES = {
    "train": Phase.TRAIN,
    "evaluate": Phase.EVALUATE,
    CATALOGUE_QUERY: Phase.EVALUATE,
    ANALYSIS_QUERY: Phase.EVALUATE,
}


def payload_bytes(content: Any) -> int:
    """Bytes of all records of a content, our own left out, as Flower counts them.

    The same on both sides of the network: neither sees what the protocol adds.
    """
    return sum(record_bytes(r) for name, r in content.items() if name != RECORD_NAME)


def record_bytes(record: Any) -> int:
    """Bytes of one record, as its `count_bytes` gives them."""
    try:
        return int(record.count_bytes())
    except (ValueError, IndexError):
        # Flower cannot count an empty text or list, which may well be sent.
        return sum(len(name) + _value_bytes(value) for name, value in record.items())


def _value_bytes(value: Any) -> int:
    if isinstance(value, list):
        return sum(map(_value_bytes, value))
    if isinstance(value, str | bytes):
        return len(value)
    return 1 if isinstance(value, bool) else 8


def count_objects(content: Any) -> int:
    """Objects in which Flower sends a message: each is a request of its own.

    The message, its content, each record, each array, and each part of an array.
    """
    arrays = [array for record in content.array_records.values() for array in record.values()]
    parts = sum(math.ceil(len(array.data) / CHUNK_BYTES) for array in arrays)
    return 2 + len(content) + len(arrays) + parts


def phase_of(message: Any) -> Phase:
    """Phase that a message asks for; types of Flower may have a name behind a point."""
    kind = message.metadata.message_type
    return _PHASES.get(kind, _PHASES.get(kind.partition(".")[0], Phase.OTHER))


def round_of(message: Any) -> int | None:
    """Round that a message names: in a record of its content, or as the name of its group."""
    if message.has_content():
        for record in message.content.config_records.values():
            value = record.get(_ROUND_KEY)
            if isinstance(value, int) and not isinstance(value, bool):
                return value
    group = str(message.metadata.group_id or "")
    return int(group) if group.isdecimal() and len(group) < _LONGEST else None


_LONGEST = 10
