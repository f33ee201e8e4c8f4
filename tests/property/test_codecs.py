"""Codecs: what went in comes out, and hostile bytes do no harm."""

import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from footprint.errors import DataError
from footprint.learning.codecs import BLOCK_BYTES, HEADER_BYTES, decode, encode, shapes_of
from footprint.learning.encodings import Encoding, Positions, Values, count_bytes

NUMBERS = st.floats(width=32, allow_nan=True, allow_infinity=True) | st.just(0.0)
FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False) | st.just(0.0)
SMALL = st.floats(-65504, 65504, width=32) | st.just(0.0)


def tensors(numbers):
    shapes = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)
    arrays = hnp.arrays(np.float32, shapes, elements=numbers)
    return st.dictionaries(st.text(max_size=4), arrays, max_size=4)


positions = st.sampled_from(Positions)
SLOW = [HealthCheck.too_slow]  # of a busy machine


@settings(deadline=None, suppress_health_check=SLOW)
@given(tensors(NUMBERS), positions, st.data())
def test_full_values_come_back_exactly(arrays, form, data):
    sparse = data.draw(st.none() | st.sets(st.sampled_from(sorted(arrays)))) if arrays else None
    encoded = encode(arrays, Encoding(form), sparse=sparse)
    back = decode(encoded.data, shapes_of(arrays))
    assert back.keys() == arrays.keys()
    for name, array in arrays.items():
        assert back[name].dtype == np.float32
        np.testing.assert_array_equal(back[name], array)  # shapes, and not-a-numbers, too
    assert len(encoded.data) == HEADER_BYTES + BLOCK_BYTES * len(arrays) + encoded.payload_bytes
    counted = sum(
        count_bytes(array.size, encoded.nonzero[name], encoded.positions[name], Values.FLOAT32)
        for name, array in arrays.items()
    )
    assert encoded.payload_bytes == counted


@settings(deadline=None, suppress_health_check=SLOW)
@given(tensors(FINITE), positions, st.none() | st.integers(0, 9))
def test_eight_bits_err_by_a_step_at_most(arrays, form, seed):
    rng = None if seed is None else np.random.default_rng(seed)
    back = decode(encode(arrays, Encoding(form, "int8"), rng=rng).data, shapes_of(arrays))
    for name, array in arrays.items():
        most = np.abs(array).max(initial=0).astype(np.float64)
        step = most / 127
        error = np.abs(back[name].astype(np.float64) - array.astype(np.float64)).max(initial=0)
        # A step is a float32 itself: relative 2^-23, and 2^-149 where numbers end.
        assert error <= step * (0.5 if rng is None else 1) + most * 2.0**-22 + 127 * 2.0**-149
        assert np.isfinite(back[name]).all()


@settings(deadline=None, suppress_health_check=SLOW)
@given(tensors(SMALL), positions)
def test_half_precision_errs_by_its_rounding_at_most(arrays, form):
    back = decode(encode(arrays, Encoding(form, "float16")).data, shapes_of(arrays))
    for name, array in arrays.items():
        exact = array.astype(np.float64)
        assert (np.abs(back[name] - exact) <= np.abs(exact) * 2.0**-11 + 2.0**-25).all()


MODEL = {
    "a": np.array([[0, 1.5, 0], [2, 0, 0], [0, 0, -3]], np.float32),
    "b": np.arange(5, dtype=np.float32),
    "c": np.zeros(20, np.float32),
}
SHAPES = shapes_of(MODEL)
MESSAGES = [encode(MODEL, Encoding(form, values)).data for form in Positions for values in Values]


def sealed(body, layout=MESSAGES[0][4:8]):
    """A message whose checksum is right, whatever it says."""
    return b"FPT1" + layout + struct.pack("<I", zlib.crc32(body)) + body


@settings(deadline=None, suppress_health_check=SLOW)
@given(st.binary(max_size=200))
def test_garbage_is_refused(data):
    with pytest.raises(DataError):
        decode(data, SHAPES)


@settings(deadline=None, suppress_health_check=SLOW)
@given(st.sampled_from(MESSAGES), st.data())
def test_a_changed_or_torn_message_is_noticed(message, data):
    at = data.draw(st.integers(0, len(message) - 1))
    flipped = bytearray(message)
    flipped[at] ^= data.draw(st.integers(1, 255))
    for bad in (bytes(flipped), message[:at], message + b"\0"):
        with pytest.raises(DataError):
            decode(bad, SHAPES)


@settings(max_examples=300, deadline=None, suppress_health_check=SLOW)
@given(st.sampled_from(MESSAGES), st.data())
def test_a_forged_message_gives_tensors_of_the_model_or_a_clear_error(message, data):
    body = bytearray(message[HEADER_BYTES:])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at] = data.draw(st.integers(0, 255))
    del body[data.draw(st.integers(0, len(body))) :]
    body += data.draw(st.binary(max_size=8))
    try:
        arrays = decode(sealed(bytes(body)), SHAPES)
    except DataError:
        return
    assert shapes_of(arrays) == SHAPES


def block(code, count, payload=b""):
    return struct.pack("<BI", code, count) + payload


def test_claims_that_cannot_be_are_refused():
    shapes = {"w": (9,)}
    layout = encode({"w": np.ones(9, np.float32)}, Encoding()).data[4:8]
    values, indices = b"\0" * 36, np.arange(9, dtype="<u4")
    step = np.array([np.nan, np.inf, -1], "<f4")
    claims = {
        "unknown form": block(0x03, 9, values),
        "unknown values": block(0x30, 9, values),
        "more values than entries": block(0x01, 10, b"\0" * 80),
        "billions of values": block(0x01, 2**32 - 1),
        "fewer values than a dense tensor has": block(0x00, 8, b"\0" * 32),
        "an index beyond the end": block(0x01, 1, np.array([9], "<u4").tobytes() + b"\0" * 4),
        "an index twice": block(0x01, 2, np.array([3, 3], "<u4").tobytes() + b"\0" * 8),
        "indices backwards": block(0x01, 9, indices[::-1].tobytes() + values),
        "bits beyond the end": block(0x02, 1, b"\0\2" + b"\0" * 4),
        "more bits than values": block(0x02, 1, b"\3\0" + b"\0" * 4),
        **{f"a step of {one}": block(0x20, 9, one.tobytes() + b"\0" * 9) for one in step},
    }
    for claim, body in claims.items():
        with pytest.raises(DataError) as caught:
            decode(sealed(body, layout), shapes)
        assert "'w'" in caught.value.message, claim
    with pytest.raises(DataError, match="follow the last"):
        decode(sealed(block(0x00, 9, values) + b"\0", layout), shapes)


def test_a_small_message_cannot_take_much_memory():
    shapes = {"w": (1000, 1000), "v": (10,)}
    layout = encode({n: np.zeros(s, np.float32) for n, s in shapes.items()}, Encoding("csr"))
    forged = sealed(block(0x01, 0) + block(0x01, 2**32 - 1), layout.data[4:8])
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="claims"):
            decode(forged, shapes)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2 * 4_000_000  # of the model itself, not of the claim


def test_a_message_for_another_model_is_refused():
    data = encode(MODEL, Encoding()).data
    for other in ({**SHAPES, "b": (6,)}, {"a": SHAPES["a"]}, {**SHAPES, "d": (1,)}, {}):
        with pytest.raises(DataError, match="other tensors"):
            decode(data, other)
    # The order in which a side names its tensors does not matter.
    assert decode(data, dict(reversed(SHAPES.items()))).keys() == SHAPES.keys()
