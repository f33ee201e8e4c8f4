"""Tensors as the bytes that travel, and back. The same codec serves both directions.

A sparse form that would take more bytes than the dense one is replaced by it, and
`Encoded.positions` says so.

Names and shapes do not travel: both sides know the model. A message is

.. code-block:: text

    4 bytes  magic      4 bytes  CRC-32 of names and shapes      4 bytes  CRC-32 of what follows
    per tensor, in the order of names:  1 byte form, 4 bytes count of values,
        for csr the indices, for bitmap the bits; for int8 the step; the values

all little-endian. Nothing in a message can make the reader allocate more than the
model itself takes. The sign of a zero is not kept by the sparse forms.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from footprint.errors import DataError, UsageError
from footprint.learning.encodings import (
    FORMS,
    INDEX,
    KINDS,
    STEP,
    TYPES,
    Encoding,
    Positions,
    Values,
    count_bytes,
)

Array = np.ndarray[Any, Any]
Arrays = Mapping[str, Array]
Shapes = Mapping[str, tuple[int, ...]]

MAGIC = b"FPT1"
_HEADER = struct.Struct("<4sII")
_BLOCK = struct.Struct("<BI")
HEADER_BYTES = _HEADER.size
BLOCK_BYTES = _BLOCK.size
# Steps of an 8-bit value on each side of 0.
_LEVELS = 127


@dataclass(frozen=True, slots=True)
class Encoded:
    """A message.

    Attributes
    ----------
    data : bytes
        All that travels; `len` of it are the bytes to report.
    payload_bytes : int
        Values, indices, bits and steps: what published formulae count.
    positions : dict of str to Positions
        The form that each tensor really got.
    nonzero : dict of str to int
        Entries of each tensor that are not 0.
    """

    data: bytes
    payload_bytes: int
    positions: dict[str, Positions]
    nonzero: dict[str, int]


def encode(
    arrays: Arrays,
    encoding: Encoding,
    *,
    sparse: Collection[str] | None = None,
    rng: np.random.Generator | None = None,
) -> Encoded:
    """Turn tensors into a message.

    Parameters
    ----------
    arrays : mapping of str to ndarray of float32
    encoding : Encoding
    sparse : collection of str, optional
        Tensors that get `encoding.positions`; the others are dense. All, if left out.
    rng : numpy.random.Generator, optional
        Rounds 8-bit values up or down by chance, without bias; to the nearest, if left out.

    Raises
    ------
    UsageError
        If a tensor is no float32, or holds what the values cannot say.
    """
    blocks: list[bytes] = []
    payload = 0
    forms: dict[str, Positions] = {}
    nonzero: dict[str, int] = {}
    for name in sorted(arrays):
        flat = _flat(name, arrays[name])
        kept = int(np.count_nonzero(flat))
        asked = encoding.positions if sparse is None or name in sparse else Positions.DENSE
        form = _choose(asked, flat.size, kept, encoding.values)
        block = _write(name, flat, form, encoding.values, rng)
        blocks.append(block)
        payload += len(block) - BLOCK_BYTES
        forms[name], nonzero[name] = form, kept
    body = b"".join(blocks)
    shapes = {name: arrays[name].shape for name in arrays}
    header = _HEADER.pack(MAGIC, _digest(shapes), zlib.crc32(body))
    return Encoded(header + body, payload, forms, nonzero)


def decode(data: bytes, shapes: Shapes) -> dict[str, Array]:
    """Tensors of a message, as float32.

    Parameters
    ----------
    data : bytes
        From anywhere; nothing of it is trusted.
    shapes : mapping of str to tuple of int
        Of the model that both sides know.

    Raises
    ------
    DataError
        If the message is torn, changed, of another model, or says what cannot be.
    """
    if len(data) < HEADER_BYTES:
        raise DataError(f"{len(data)} bytes are too few for a message of tensors.", _ASK_AGAIN)
    magic, layout, checksum = _HEADER.unpack_from(data)
    if magic != MAGIC:
        raise DataError(f"A message of tensors begins with {MAGIC!r}, not {magic!r}.", _ASK_AGAIN)
    if layout != _digest(shapes):
        raise DataError(
            "The message was written for a model with other tensors.",
            "Give both sides the same model.",
        )
    body = memoryview(data)[HEADER_BYTES:]
    if zlib.crc32(body) != checksum:
        raise DataError("The message was torn or changed on its way.", _ASK_AGAIN)
    reader = _Reader(body)
    arrays = {name: reader.tensor(name, shapes[name]) for name in sorted(shapes)}
    if reader.rest:
        raise DataError(f"{reader.rest} bytes follow the last tensor.", _ASK_AGAIN)
    return arrays


def shapes_of(arrays: Arrays) -> dict[str, tuple[int, ...]]:
    """Shape of each tensor."""
    return {name: array.shape for name, array in arrays.items()}


_ASK_AGAIN = "Drop this message, or ask for it again."


def _digest(shapes: Shapes) -> int:
    text = "\n".join(f"{name!r} {tuple(map(int, shapes[name]))}" for name in sorted(shapes))
    return zlib.crc32(text.encode())


def _flat(name: str, array: Array) -> Array:
    if array.dtype != np.float32:
        raise UsageError(
            f"Tensor {name!r} is of type {array.dtype}, not float32.",
            "Leave it out, or convert it.",
        )
    if array.size > np.iinfo(INDEX).max:
        raise UsageError(f"Tensor {name!r} has {array.size} entries, too many for its indices.")
    return array.reshape(-1)


def _choose(asked: Positions, size: int, kept: int, values: Values) -> Positions:
    """Form that is used: the one asked for, unless the dense one is smaller."""
    offered = FORMS if asked is Positions.SMALLEST else (Positions.DENSE, asked)
    return min(offered, key=lambda form: count_bytes(size, kept, form, values))


def _write(
    name: str, flat: Array, form: Positions, values: Values, rng: np.random.Generator | None
) -> bytes:
    where = b""
    chosen = flat
    if form is not Positions.DENSE:
        alive = flat != 0  # what is not a number stays
        chosen = flat[alive]
        if form is Positions.CSR:
            where = np.flatnonzero(alive).astype(INDEX).tobytes()
        else:
            where = np.packbits(alive, bitorder="little").tobytes()
    code = FORMS.index(form) | KINDS.index(values) << 4
    return _BLOCK.pack(code, chosen.size) + where + _write_values(name, chosen, values, rng)


def _write_values(
    name: str, chosen: Array, values: Values, rng: np.random.Generator | None
) -> bytes:
    if values is Values.FLOAT32:
        return chosen.astype(TYPES[values]).tobytes()
    if not np.isfinite(chosen).all():
        raise UsageError(
            f"Tensor {name!r} is not finite; {values} cannot say so.", "Do not send this update."
        )
    if values is Values.FLOAT16:
        limit = float(np.finfo(np.float16).max)
        if np.abs(chosen).max(initial=0.0) > limit:
            raise UsageError(
                f"Tensor {name!r} holds values above {limit:.0f}, the most of float16.",
                "Send float32 or int8.",
            )
        return chosen.astype(TYPES[values]).tobytes()
    step, levels = _quantise(chosen, rng)
    return step.tobytes() + levels.tobytes()


def _quantise(chosen: Array, rng: np.random.Generator | None) -> tuple[Array, Array]:
    """Step of float32, and a multiple of it for each value, within 127 on both sides."""
    most = float(np.abs(chosen).max(initial=0.0))
    step = np.asarray(most / _LEVELS, dtype=STEP)
    if float(step) * _LEVELS < most:  # rounded down: the largest would not fit
        step = np.asarray(np.nextafter(step, np.float32(np.inf)), dtype=STEP)
    scaled = chosen.astype(np.float64) / (float(step) or 1.0)
    whole = np.rint(scaled) if rng is None else np.floor(scaled)
    if rng is not None:
        whole += rng.random(scaled.shape) < scaled - whole
    return step, np.clip(whole, -_LEVELS, _LEVELS).astype(TYPES[Values.INT8])


class _Reader:
    """Walks over the body of a message and checks each claim before it is believed."""

    def __init__(self, body: memoryview) -> None:
        self._body = body
        self._at = 0

    @property
    def rest(self) -> int:
        return len(self._body) - self._at

    def tensor(self, name: str, shape: tuple[int, ...]) -> Array:
        size = prod(shape)
        code, count = _BLOCK.unpack(self._take(name, BLOCK_BYTES))
        form_code, kind_code = code & 0x0F, code >> 4
        if form_code >= len(FORMS) or kind_code >= len(KINDS):
            raise DataError(f"Tensor {name!r} has the unknown form {code}.", _ASK_AGAIN)
        form, values = FORMS[form_code], KINDS[kind_code]
        if count > size or (form is Positions.DENSE and count != size):
            raise DataError(f"Tensor {name!r} of {size} entries claims {count} values.", _ASK_AGAIN)
        where = self._where(name, form, size, count)
        chosen = self._values(name, values, count)
        if where is None:
            return chosen.reshape(shape)
        flat = np.zeros(size, dtype=np.float32)
        flat[where] = chosen
        return flat.reshape(shape)

    def _where(self, name: str, form: Positions, size: int, count: int) -> Array | None:
        if form is Positions.DENSE:
            return None
        if form is Positions.CSR:
            raw = self._take(name, count * INDEX.itemsize)
            indices = np.frombuffer(raw, dtype=INDEX).astype(np.int64)
            if count and (indices[-1] >= size or (np.diff(indices) <= 0).any()):
                raise DataError(f"The indices of tensor {name!r} are out of order.", _ASK_AGAIN)
            return indices
        bits = np.frombuffer(self._take(name, -(-size // 8)), dtype=np.uint8)
        alive = np.unpackbits(bits, bitorder="little")
        if alive[size:].any() or int(alive.sum()) != count:
            raise DataError(f"The bits of tensor {name!r} do not fit its values.", _ASK_AGAIN)
        return alive[:size].astype(bool)

    def _values(self, name: str, values: Values, count: int) -> Array:
        step = 1.0
        if values is Values.INT8:
            step = float(np.frombuffer(self._take(name, STEP.itemsize), dtype=STEP)[0])
            if not (np.isfinite(step) and step >= 0):
                raise DataError(f"The step of tensor {name!r} is {step}.", _ASK_AGAIN)
        raw = self._take(name, count * TYPES[values].itemsize)
        found = np.frombuffer(raw, dtype=TYPES[values])
        if values is not Values.INT8:
            return found.astype(np.float32)
        limit = float(np.finfo(np.float32).max)
        scaled: Array = np.clip(found * np.float64(step), -limit, limit).astype(np.float32)
        return scaled

    def _take(self, name: str, count: int) -> memoryview:
        if count > self.rest:
            raise DataError(f"The message ends within tensor {name!r}.", _ASK_AGAIN)
        self._at += count
        return self._body[self._at - count : self._at]
