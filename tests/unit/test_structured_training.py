"""Paths that really save: filters, widths, frozen supports; and kinds of saving kept apart."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from footprint.errors import DataError, UsageError
from footprint.learning.flops import count_layers, plan_work, total_work
from footprint.learning.frozen import FrozenLinear, FrozenSupport
from footprint.learning.masks import exact, kept_count, largest
from footprint.learning.networks import FourConvolutions, SmallConvolutional
from footprint.learning.savings import Amount, Kind, Savings, save
from footprint.learning.states import arrays_of, load_arrays
from footprint.learning.structured import FilterTraining
from footprint.learning.widths import average_overlaps, narrow


@pytest.fixture
def random():
    return torch.Generator().manual_seed(5)


def gradients(model, images):
    model.zero_grad()
    model(images).square().sum().backward()
    return {name: parameter.grad.clone() for name, parameter in model.named_parameters()}


@pytest.mark.parametrize("sparsity", [0, 0.5, 0.8])
def test_filters_that_are_kept_compute_as_if_the_others_were_zero(sparsity, random):
    model = SmallConvolutional()
    images = torch.randn(3, 1, 28, 28, generator=random)
    masked = copy.deepcopy(model)
    dropped = {}
    with torch.no_grad():
        for name in ("3", "7"):
            weight = masked.get_submodule(name).weight
            norms = weight.abs().flatten(1).sum(dim=1).numpy()
            keep = largest(norms, kept_count(len(norms), 1 - exact(sparsity)))
            dropped[name] = torch.from_numpy(~keep)
            weight[dropped[name]] = 0
    expected = masked(images)
    training = FilterTraining(model, sparsity, ["3", "7"])
    torch.testing.assert_close(model(images), expected)
    of_masked = gradients(masked, images)
    for name, gradient in gradients(model, images).items():
        layer, kind = name.split(".")
        if layer in dropped and kind == "weight":
            of_masked[name][dropped[layer]] = 0  # a dropped filter learns nothing
        torch.testing.assert_close(gradient, of_masked[name], rtol=1e-4, atol=1e-4)
    training.detach()
    assert {type(layer) for layer in model if hasattr(layer, "weight")} == {nn.Conv2d, nn.Linear}


def test_filters_are_chosen_anew_when_asked():
    layer = nn.Linear(4, 4, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.diag(torch.tensor([4.0, 3.0, 2.0, 1.0])))
    training = FilterTraining(nn.Sequential(layer), 0.5, ["0"])
    ones = torch.ones(1, 4)
    assert layer(ones).tolist() == [[4, 3, 0, 0]]
    with torch.no_grad():
        layer.weight[3, 3] = 9
    assert layer(ones).tolist() == [[4, 3, 0, 0]]
    training.choose()
    assert layer(ones).tolist() == [[4, 0, 0, 9]]


def test_filters_of_layers_that_cannot_be_narrowed_are_refused():
    model = nn.Sequential(nn.Conv2d(4, 4, 3, groups=2), nn.ReLU(), nn.Linear(3, 3))
    for layers, sparsity in ((["0"], 0.5), (["1"], 0.5), (["9"], 0.5), ([], 0.5), (["2"], 1)):
        with pytest.raises(UsageError):
            FilterTraining(model, sparsity, layers)


@pytest.mark.parametrize("shape", [(6, 50), (2, 3, 50)])
def test_a_frozen_support_computes_as_if_the_others_were_zero(shape, random):
    layer = nn.Linear(50, 40)
    mask = torch.from_numpy(largest(layer.weight.detach().numpy(), 400))
    masked = copy.deepcopy(layer)
    with torch.no_grad():
        masked.weight *= mask
    model = nn.Sequential(layer)
    support = FrozenSupport(model, 0.8, least_weights=1)
    assert isinstance(model[0], FrozenLinear)
    inputs = torch.randn(shape, generator=random, requires_grad=True)
    gradient = torch.randn(*shape[:-1], 40, generator=random)
    expected = masked(inputs)
    expected.backward(gradient)
    of_inputs, inputs.grad = inputs.grad, None
    got = model(inputs)
    got.backward(gradient)
    torch.testing.assert_close(got, expected)
    torch.testing.assert_close(inputs.grad, of_inputs)
    torch.testing.assert_close(model[0].values.grad, masked.weight.grad[mask])
    torch.testing.assert_close(model[0].bias.grad, masked.bias.grad)
    # A step, and back: the kept weights have learnt, the others are as they were.
    before = layer.weight.detach().clone()
    torch.optim.SGD(model.parameters(), lr=0.1).step()
    support.thaw()
    assert model[0] is layer
    torch.testing.assert_close(layer.weight[mask], before[mask] - 0.1 * masked.weight.grad[mask])
    assert torch.equal(layer.weight[~mask], before[~mask])


def test_only_large_linear_layers_are_frozen(random):
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 1000), nn.Linear(1000, 3))
    names = [name for name, _ in model.named_parameters()]
    images = torch.randn(2, 1, 4, 4, generator=random)
    dense = model(images)
    support = FrozenSupport(model, 0, least_weights=5000)
    assert [type(layer) for layer in model][2:] == [FrozenLinear, nn.Linear]
    torch.testing.assert_close(model(images), dense)
    support.thaw()
    assert [name for name, _ in model.named_parameters()] == names
    assert torch.equal(model(images), dense)
    with pytest.raises(UsageError, match="large"):
        FrozenSupport(model, 0.9)
    with pytest.raises(UsageError, match="leaves nothing"):
        FrozenSupport(model, 1, least_weights=1)


def test_narrow_models_are_parts_of_the_wide_one():
    wide, half = FourConvolutions(), FourConvolutions(0.5)
    arrays = arrays_of(wide)
    shapes = {name: array.shape for name, array in arrays_of(half).items()}
    part = narrow(arrays, shapes)
    load_arrays(half, part)
    assert part["3.weight"].shape == (32, 16, 3, 3)
    assert np.array_equal(part["3.weight"], arrays["3.weight"][:32, :16])
    part["3.weight"] += 1  # a copy
    assert not np.array_equal(part["3.weight"], arrays["3.weight"][:32, :16])
    with pytest.raises(UsageError, match="no part"):
        narrow(part, {name: array.shape for name, array in arrays.items()})
    with pytest.raises(UsageError, match="other tensors"):
        narrow(arrays, {"w": (1,)})


def test_widths_are_averaged_where_they_overlap():
    before = {"w": np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]], np.float32)}
    one = {"w": np.array([[10]], np.float32)}
    two = {"w": np.array([[20, 30], [40, 50]], np.float32)}
    mean = average_overlaps(before, [one, two], [1, 3])
    assert mean["w"].tolist() == [[17.5, 30, 3], [40, 50, 6], [7, 8, 9]]
    # All of one width: the plain average.
    mean = average_overlaps(before, [before, {"w": before["w"] + 4}], [1, 1])
    np.testing.assert_array_equal(mean["w"], before["w"] + 2)
    # A client without samples has no say.
    assert average_overlaps(before, [one, before], [0, 1])["w"][0, 0] == 1


def test_answers_that_do_not_fit_are_refused():
    before = {"w": np.zeros((2, 2), np.float32)}
    for bad in (np.zeros((3, 1)), np.zeros(2), np.full((1, 1), np.nan)):
        with pytest.raises(DataError, match="Answer 0"):
            average_overlaps(before, [{"w": bad.astype(np.float32)}], [1])
    with pytest.raises(DataError, match="other tensors"):
        average_overlaps(before, [{"v": before["w"]}], [1])
    for weights in ([], [0], [-1], [float("nan")]):
        with pytest.raises(UsageError):
            average_overlaps(before, [before], weights)


def test_half_the_width_is_about_a_quarter_of_the_work():
    images = torch.zeros(1, 1, 28, 28)
    wide, half = (
        sum(layer.macs for layer in count_layers(FourConvolutions(width), images))
        for width in (1, 0.5)
    )
    assert 0.25 < half / wide < 0.3


def test_plans_name_layers_that_exist():
    layers = count_layers(FourConvolutions(), torch.zeros(1, 1, 28, 28))
    with pytest.raises(UsageError, match="nowhere"):
        plan_work(layers, {"nowhere": 0.5}, 0.5)
    with pytest.raises(UsageError, match="passes"):
        total_work(layers, input_layer_passes=1)
    assert total_work(layers).reduction == 0


def test_kinds_of_saving_are_never_added():
    measured = Amount(3.0, "kwh", Kind.MEASURED)
    assert (measured + Amount(1.0, "kwh", Kind.MEASURED)).value == 4
    others = (
        Amount(1.0, "kwh", Kind.MODELLED_FROM_TIME),
        Amount(1.0, "kwh", Kind.THEORETICAL_FLOPS),
        Amount(1.0, "kwh", Kind.PROJECTED, "a sparse accelerator"),
        Amount(1.0, "cpu_s", Kind.MEASURED),
    )
    for other in others:
        with pytest.raises(UsageError, match="side by side"):
            measured + other
        with pytest.raises(UsageError, match="side by side"):
            save(measured, other)
    one, other = (Amount(1.0, "kwh", Kind.PROJECTED, text) for text in ("this", "that"))
    with pytest.raises(UsageError):
        one + other
    for arguments in ((Kind.PROJECTED, ""), (Kind.MEASURED, "an accelerator")):
        with pytest.raises(UsageError, match="assumption"):
            Amount(1.0, "kwh", *arguments)
    with pytest.raises(UsageError):
        Amount(float("nan"), "kwh", Kind.MEASURED)


def test_a_saving_that_was_not_realised_is_negative():
    dense, sparse = (Amount(value, "cpu_s", Kind.MEASURED) for value in (0.5, 0.75))
    savings = Savings(measured=save(sparse, dense), theoretical_flops=0.94)
    assert savings.measured == -0.5
    assert savings.realisation == pytest.approx(-0.5 / 0.94)
    assert Savings(None, 0.9).realisation is None
    assert Savings(0.1, 0.0).realisation is None
    with pytest.raises(UsageError, match="not measured"):
        Savings(0.1, 0.9, measured_as=Kind.THEORETICAL_FLOPS)
    with pytest.raises(UsageError, match="assumption"):
        Savings(0.1, 0.9, projected=0.5)
