"""Masked updates: exact counts, exact bytes, and what the server makes of them."""

import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest

from footprint.errors import DataError, UsageError
from footprint.learning.codecs import BLOCK_BYTES, HEADER_BYTES, decode, encode, shapes_of
from footprint.learning.compression import (
    Scheme,
    Uplink,
    aggregate,
    check_update,
    pack,
    union_density,
)
from footprint.learning.encodings import Encoding
from footprint.learning.masks import exact, kept_count, kept_density, largest
from footprint.learning.networks import FourConvolutions, ResNet18, SmallConvolutional
from footprint.learning.sparse import SparseTraining
from footprint.learning.states import arrays_of, load_arrays

CSR = Encoding("csr")


def round_of(network, dense=("first", "last"), seed=0):
    """A model before and after a training that moved every weight."""
    model = network()
    masked = SparseTraining(model, 0.9, 0.9, dense=dense).sparse_parameters
    before = arrays_of(model)
    rng = np.random.default_rng(seed)
    after = {
        name: (array + rng.normal(scale=0.01, size=array.shape)).astype(np.float32)
        for name, array in before.items()
    }
    return before, after, masked


def overhead(arrays):
    return HEADER_BYTES + BLOCK_BYTES * len(arrays)


def test_densities_are_exact():
    assert kept_density(0.95, 0.2) == Fraction(1, 4)  # 1 - 0.95 + 0.2 is above it in binary
    assert kept_density(0.9, 0.9) == kept_density(0.9, 1) == 1
    assert kept_count(18_432, kept_density(0.95, 0.2)) == 4_608
    assert kept_count(10, Fraction(1, 3)) == 4
    for bad in (-0.1, 1.1, float("nan"), float("inf"), "much"):
        with pytest.raises(UsageError):
            exact(bad)


def test_exactly_as_many_are_kept_whatever_the_ties():
    values = np.array([[3, -3, 1], [0, 3, -2]], dtype=np.float32)
    assert largest(values, 2).tolist() == [[True, True, False], [False, False, False]]
    assert largest(values, 4).tolist() == [[True, True, False], [False, True, True]]
    assert [largest(values, n).sum() for n in range(8)] == [0, 1, 2, 3, 4, 5, 6, 6]
    with pytest.raises(UsageError, match="diverged"):
        largest(np.array([1, np.nan]), 1)


@pytest.mark.parametrize(
    ("network", "sparsity", "ratio", "published"),
    [
        # Bytes of 8 d N + 4 N_dense, with d as a fraction.
        (FourConvolutions, 0.9, 0.1, 392_528),
        (FourConvolutions, 0.95, 0, 104_984),
        (FourConvolutions, 0.95, 0.1, 296_680),
        (FourConvolutions, 0.95, 0.2, 488_360),
        (SmallConvolutional, 0.95, 0.1, 510_152),
    ],
)
@pytest.mark.parametrize("scheme", ["top-weights", "diff-on-weights", "top-diff"])
def test_bytes_equal_the_formula(network, sparsity, ratio, published, scheme):
    before, after, masked = round_of(network)
    density = kept_density(sparsity, ratio)
    encoded = pack(Uplink(scheme, density, masked, CSR), before, after).encoded
    assert encoded.payload_bytes == published
    assert len(encoded.data) == published + overhead(after)
    for name in masked:
        assert encoded.nonzero[name] == kept_count(after[name].size, density), name


def test_bytes_of_other_encodings_equal_their_formulae():
    before, after, masked = round_of(FourConvolutions)
    sparse = sum(after[name].size for name in masked)
    whole = sum(array.size for array in after.values()) - sparse
    kept = sum(kept_count(after[name].size, Fraction(3, 20)) for name in masked)
    expected = {
        ("dense", "float32"): 4 * (sparse + whole),
        ("csr", "float32"): 8 * kept + 4 * whole,
        ("csr", "float16"): 6 * kept + 2 * whole,
        ("csr", "int8"): 5 * kept + whole + 4 * 14,
        ("bitmap", "float32"): sparse // 8 + 4 * kept + 4 * whole,
        ("bitmap", "int8"): sparse // 8 + kept + whole + 4 * 14,
        ("smallest", "float32"): sparse // 8 + 4 * kept + 4 * whole,
        ("dense", "int8"): sparse + whole + 4 * 14,
    }
    for (positions, values), count in expected.items():
        uplink = Uplink("top-weights", Fraction(3, 20), masked, Encoding(positions, values))
        encoded = pack(uplink, before, after).encoded
        assert encoded.payload_bytes == count, (positions, values)
        assert len(encoded.data) == count + overhead(after)
    # 8-bit updates of the whole model: the published 241,954 bytes.
    assert expected["dense", "int8"] == 241_954


def test_bytes_of_the_published_network_fit_the_published_files():
    before, after, masked = round_of(ResNet18, dense=("first", "last", "pointwise"))
    files_mb = {0.05: 5.9, 0.1: 10.1, 0.15: 14.4, 0.2: 18.7, 0.25: 23.0, 0.3: 27.3}
    for density, file_mb in files_mb.items():
        encoded = pack(Uplink("top-weights", density, masked, CSR), before, after).encoded
        assert 0 < file_mb - len(encoded.data) / 1e6 < 0.75, density


def test_above_half_the_dense_form_is_used_and_said():
    before, after, masked = round_of(FourConvolutions)
    for density, form in ((0.45, "csr"), (0.55, "dense"), (1, "dense")):
        encoded = pack(Uplink("top-weights", density, masked, CSR), before, after).encoded
        assert {encoded.positions[name] for name in masked} == {form}, density


def test_a_mask_ratio_of_the_sparsity_is_full_upload_bit_for_bit():
    before, after, masked = round_of(FourConvolutions)
    full = pack(Uplink(), before, after).encoded.data
    uplink = Uplink(Scheme.TOP_WEIGHTS, kept_density(0.9, 0.9), masked, CSR)
    assert pack(uplink, before, after).encoded.data == full
    sent = [decode(full, shapes_of(before))] * 2
    mean = aggregate(uplink.scheme, before, sent, [1, 3])
    assert all(np.array_equal(mean[name], after[name]) for name in after)
    # The schemes of differences agree up to rounding.
    for scheme in ("diff-on-weights", "top-diff"):
        data = pack(Uplink(scheme, 1, masked, CSR), before, after).encoded.data
        answer = aggregate(scheme, before, [decode(data, shapes_of(before))], [1])
        for name in after:
            np.testing.assert_allclose(answer[name], after[name], rtol=0, atol=1e-6)


def vectors(scheme, density):
    before = {"w": np.array([10, -4, 1, 0.5], np.float32), "b": np.array([1], np.float32)}
    after = {"w": np.array([10.5, -4, 3, 0], np.float32), "b": np.array([2], np.float32)}
    data = pack(Uplink(scheme, density, frozenset("w"), CSR), before, after).encoded.data
    return before, decode(data, shapes_of(before))


def test_each_scheme_sends_what_it_says():
    sent = {scheme: vectors(scheme, 0.5)[1]["w"].tolist() for scheme in Scheme}
    assert sent == {
        "full": [10.5, -4, 3, 0],
        "top-weights": [10.5, -4, 0, 0],
        "diff-on-weights": [0.5, 0, 0, 0],  # the second of the largest did not change
        "top-diff": [0.5, 0, 2, 0],  # of equals the first
    }
    # What is not masked is sent whole.
    assert vectors("top-weights", 0.5)[1]["b"].tolist() == [2]
    assert vectors("top-diff", 0.5)[1]["b"].tolist() == [1]


def test_zeros_count_in_the_average():
    before, sent = vectors("top-weights", 0.25)
    nothing = {name: np.zeros_like(array) for name, array in before.items()}
    mean = aggregate("top-weights", before, [sent, *[nothing] * 9], [1] * 10)
    assert mean["w"].tolist() == pytest.approx([1.05, 0, 0, 0])
    before, sent = vectors("top-diff", 0.25)
    mean = aggregate("top-diff", before, [sent, nothing], [3, 1])
    assert mean["w"].tolist() == [10, -4, 2.5, 0.5]  # untouched weights keep their value


def test_errors_that_were_fed_back_reach_the_server_in_the_end():
    rng = np.random.default_rng(4)
    model = {"w": np.zeros(64, np.float32)}
    change = {"w": rng.normal(size=64).astype(np.float32)}
    for encoding in (Encoding("csr"), Encoding("bitmap", "int8"), Encoding("csr", "float16")):
        uplink = Uplink("top-diff", Fraction(1, 8), frozenset("w"), encoding, feedback=True)
        received, residual = np.zeros(64), None
        for rounds in range(1, 9):
            packet = pack(uplink, model, change, residual=residual, rng=rng)
            residual = packet.residual
            received += decode(packet.encoded.data, shapes_of(model))["w"]
            # Nothing is lost: what was sent and what is kept add up to what was wanted.
            np.testing.assert_allclose(
                received + residual["w"], rounds * change["w"], rtol=0, atol=1e-4
            )
    without = Uplink("top-diff", Fraction(1, 8), frozenset("w"))
    assert pack(without, model, change).residual is None
    with pytest.raises(UsageError, match="feed back"):
        Uplink("top-weights", 0.5, frozenset("w"), feedback=True)


def test_eight_bits_by_chance_are_unbiased():
    values = {"w": np.linspace(-1, 1, 40, dtype=np.float32)}
    rng = np.random.default_rng(1)
    shapes = shapes_of(values)
    encoding = Encoding("dense", "int8")
    mean = np.mean(
        [decode(encode(values, encoding, rng=rng).data, shapes)["w"] for _ in range(4000)], axis=0
    )
    # A single rounding errs by up to a step of 1/127; the mean of 4,000 by far less.
    assert np.abs(mean - values["w"]).max() < 5 * (1 / 127) / 2 / 4000**0.5


def test_a_sparse_model_travels_down_in_its_smallest_form():
    before, after, masked = round_of(FourConvolutions)
    uplink = Uplink("top-weights", 0.1, masked, CSR)
    sent = decode(pack(uplink, before, after).encoded.data, shapes_of(before))
    model = aggregate(uplink.scheme, before, [sent], [1])
    down = encode(model, Encoding("smallest"), sparse=masked)
    assert {down.positions[name] for name in masked} == {"bitmap"}
    assert down.payload_bytes < 0.15 * 967_592
    back = decode(down.data, shapes_of(before))
    assert all(np.array_equal(back[name], model[name]) for name in model)
    # After a scheme of differences the model is dense, and nothing is saved.
    model = aggregate("top-diff", before, [sent], [1])
    assert encode(model, Encoding("smallest"), sparse=masked).payload_bytes == 967_592


def test_answers_that_would_harm_the_model_are_refused():
    model = {"w": np.zeros(3, np.float32)}
    good = {"w": np.ones(3, np.float32)}
    for bad in ({"w": np.full(3, np.inf, np.float32)}, {"w": np.ones(2, np.float32)}, {}):
        with pytest.raises(DataError, match="Answer 1"):
            aggregate("full", model, [good, bad], [1, 1])
        with pytest.raises(DataError, match="Leave"):
            check_update(bad, model, "An answer")
    for weights in ([], [0, 0], [1], [1, -1], [1, float("nan")], [1, float("inf")]):
        with pytest.raises(UsageError):
            aggregate("full", model, [good, good], weights)


def test_what_cannot_mean_anything_is_refused():
    model = {"w": np.zeros(3, np.float32)}
    with pytest.raises(UsageError, match="Schemes are"):
        Uplink("half")
    with pytest.raises(UsageError, match="Positions are"):
        Encoding("rows")
    with pytest.raises(UsageError, match="share"):
        Uplink("top-diff", 1.5)
    with pytest.raises(UsageError, match="nowhere"):
        pack(Uplink("top-diff", 0.5, frozenset({"nowhere"})), model, model)
    with pytest.raises(UsageError, match="other tensors"):
        pack(Uplink(), model, {"v": np.zeros(3, np.float32)})
    with pytest.raises(UsageError, match="float64"):
        encode({"w": np.zeros(3)}, Encoding())
    with pytest.raises(UsageError, match="finite"):
        encode({"w": np.array([np.nan], np.float32)}, Encoding("dense", "int8"))
    with pytest.raises(UsageError, match="float16"):
        encode({"w": np.array([1e6], np.float32)}, Encoding("dense", "float16"))


def test_union_of_masks():
    masks = [np.array([True, False, False, False]), np.array([True, True, False, False])]
    assert union_density(masks) == 0.5
    with pytest.raises(UsageError):
        union_density([])


def test_weights_go_out_of_a_module_and_back():
    model, other = ResNet18(), ResNet18()
    arrays = arrays_of(model)
    assert not any("num_batches" in name for name in arrays)
    load_arrays(other, arrays)
    again = arrays_of(other)
    assert all(np.array_equal(arrays[name], again[name]) for name in arrays)
    arrays["0.weight"] += 1  # a copy: the module does not change
    assert not np.array_equal(arrays["0.weight"], arrays_of(model)["0.weight"])
    with pytest.raises(UsageError, match="not those"):
        load_arrays(FourConvolutions(), arrays)


def test_a_server_needs_no_torch_to_read_messages():
    names = ("codecs", "compression", "encodings", "masks", "savings", "widths")
    code = "import sys\n" + "".join(f"import footprint.learning.{name}\n" for name in names)
    code += "assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
