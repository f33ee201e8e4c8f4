"""Sparse training: which operand is sparse in which pass, and what is counted."""

import copy

import pytest
import torch
from torch import nn

from footprint.errors import UsageError
from footprint.learning import swat
from footprint.learning.flops import count_layers, count_updates, plan_work, total_work
from footprint.learning.layers import mean_momenta, spread_by_momentum, spread_sparsity
from footprint.learning.masks import exact, kept_count
from footprint.learning.networks import FourConvolutions, ResNet18, SmallConvolutional
from footprint.learning.sparse import SparseTraining


@pytest.fixture
def random():
    return torch.Generator().manual_seed(7)


def network():
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(8, 12, 3, stride=2, padding=1, dilation=1, groups=2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(12 * 4 * 4, 20),
        nn.ReLU(),
        nn.Linear(20, 5),
    )


def step(model, images):
    loss = nn.functional.cross_entropy(model(images), torch.arange(len(images)) % 5)
    loss.backward()
    return loss


def oracle(layer, inputs, gradient, sparsity):
    """Gradients by torch's own kernels, from operands that were masked beforehand."""

    def masked(x):
        ordered = x.abs().flatten().sort(descending=True).values
        bar = ordered[kept_count(x.numel(), 1 - exact(sparsity)) - 1]
        return x * (x.abs() >= bar)

    weight, activations = masked(layer.weight.detach()), masked(inputs.detach())

    def apply(x, w):
        bias = None if layer.bias is None else layer.bias.detach()
        if isinstance(layer, nn.Linear):
            return nn.functional.linear(x, w, bias)
        return nn.functional.conv2d(
            x, w, bias, layer.stride, layer.padding, layer.dilation, layer.groups
        )

    x = inputs.detach().requires_grad_()
    output = apply(x, weight)
    output.backward(gradient)
    w = layer.weight.detach().clone().requires_grad_()
    apply(activations, w).backward(gradient)
    return output.detach(), x.grad, w.grad


LAYERS = {
    "linear": (nn.Linear(30, 17), (6, 30)),
    "linear of sequences": (nn.Linear(12, 9, bias=False), (4, 5, 12)),
    "convolution": (nn.Conv2d(4, 6, 3, padding=1), (5, 4, 7, 7)),
    "strided groups": (
        nn.Conv2d(4, 6, 3, stride=2, dilation=2, groups=2, bias=False),
        (3, 4, 9, 9),
    ),
}


@pytest.mark.parametrize("sparsity", [0.5, 0.9])
@pytest.mark.parametrize("name", LAYERS)
def test_each_pass_uses_the_operand_that_the_rule_makes_sparse(name, sparsity, random):
    layer, shape = copy.deepcopy(LAYERS[name][0]), LAYERS[name][1]
    inputs = torch.randn(shape, generator=random, requires_grad=True)
    with torch.no_grad():
        gradient = torch.randn(layer(inputs).shape, generator=random)
    output, of_inputs, of_weight = oracle(layer, inputs, gradient, sparsity)
    SparseTraining(layer, sparsity, sparsity, dense=())
    got = layer(inputs)
    got.backward(gradient)
    torch.testing.assert_close(got, output)
    torch.testing.assert_close(inputs.grad, of_inputs)
    torch.testing.assert_close(layer.weight.grad, of_weight)
    if layer.bias is not None:
        dims = [
            d
            for d in range(gradient.dim())
            if d != (1 if gradient.dim() == 4 else -1) % gradient.dim()
        ]
        torch.testing.assert_close(layer.bias.grad, gradient.sum(dim=dims))


def test_no_sparsity_is_dense_training_bit_for_bit(random):
    images = torch.randn(10, 3, 8, 8, generator=random)
    dense = network()
    sparse = copy.deepcopy(dense)
    SparseTraining(sparse, 0, 0, dense=())
    for _ in range(3):
        for model in (dense, sparse):
            model.zero_grad()
            step(model, images)
            with torch.no_grad():
                for parameter in model.parameters():
                    parameter -= 0.1 * parameter.grad
        for (name, one), other in zip(dense.named_parameters(), sparse.parameters(), strict=True):
            assert torch.equal(one.grad, other.grad), name
            assert torch.equal(one, other), name


def test_gradient_of_weights_reaches_those_that_were_dropped(random):
    layer = nn.Linear(50, 40)
    SparseTraining(layer, 0.95, 0.5, dense=())
    layer(torch.randn(20, 50, generator=random)).square().sum().backward()
    assert layer.weight.grad.count_nonzero() == layer.weight.numel()


def test_kept_count_is_exact_for_each_tensor(random):
    values = torch.randn(41, 23, generator=random)  # distinct magnitudes
    for sparsity in (0.0, 0.1, 0.5, 0.9, 0.95, 0.999):
        kept = swat.keep(values, values.abs(), swat.find_threshold(values.abs(), sparsity))
        assert kept.count_nonzero() == kept_count(values.numel(), 1 - exact(sparsity)), sparsity


def test_activations_are_compared_over_the_whole_batch(random):
    layer = nn.Linear(40, 3)
    inputs = torch.rand(2, 40, generator=random) + 1
    inputs[0] *= 100  # the first sample has all of the largest
    sparse = SparseTraining(layer, 0, 0.5, dense=())
    layer(inputs).backward(torch.ones(2, 3))
    expected = inputs[0].expand(3, 40)
    torch.testing.assert_close(layer.weight.grad, expected)
    assert sparse.work()[0].activation_density == 0.5


def test_ties_are_kept_and_zeros_count_as_zeros():
    values = torch.tensor([2.0, -2.0, 2.0, 1.0, 0.0])
    kept = swat.keep(values, values.abs(), swat.find_threshold(values.abs(), 0.8))
    assert kept.tolist() == [2.0, -2.0, 2.0, 0.0, 0.0]
    # After a rectifier the threshold can be 0: nothing is dropped, but zeros are no work.
    layer = nn.Linear(10, 2)
    sparse = SparseTraining(layer, 0, 0.5, dense=())
    layer(torch.tensor([[1.0, 2.0, *[0.0] * 8]])).sum().backward()
    assert sparse.work()[0].activation_density == pytest.approx(0.2)


def test_a_cached_threshold_drifts_and_the_drift_is_counted():
    layer = nn.Linear(100, 1, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.arange(1.0, 101.0))
    sparse = SparseTraining(layer, 0.9, 0, period=4, dense=())
    inputs = torch.ones(1, 100)
    outputs = []
    for _ in range(5):
        outputs.append(layer(inputs).item())
        with torch.no_grad():
            layer.weight += 10
    # Threshold 91 for four steps: 10, 20, 30, 40 weights reach it; then a new one: 10.
    assert outputs == [
        sum(range(91, 101)),
        sum(range(91, 111)),
        sum(range(91, 121)),
        sum(range(91, 131)),
        sum(range(131, 141)),
    ]
    assert sparse.work()[0].weight_density == pytest.approx((10 + 20 + 30 + 40 + 10) / 500)
    layer.eval()
    assert layer(inputs).item() == sum(range(141, 151))  # exact outside of training


def test_forgotten_thresholds_are_found_anew():
    layer = nn.Linear(10, 1, bias=False)
    sparse = SparseTraining(layer, 0.5, 0, period=100, dense=())
    with torch.no_grad():
        layer.weight.copy_(torch.arange(1.0, 11.0))
        layer.weight *= 1
    layer(torch.ones(1, 10))
    with torch.no_grad():
        layer.weight *= 0.01  # another client's model
    assert layer(torch.ones(1, 10)).item() == 0  # nothing reaches the old threshold
    sparse.forget_thresholds()
    assert layer(torch.ones(1, 10)).item() == pytest.approx(0.4)


def test_evaluation_uses_the_largest_weights_and_can_be_made_dense(random):
    model = network().eval()
    images = torch.randn(4, 3, 8, 8, generator=random)
    dense_answer = model(images)
    sparse = SparseTraining(model, 0.9, 0.9)
    sparse_answer = model(images)
    assert not torch.allclose(dense_answer, sparse_answer)
    with sparse.made_dense():
        assert torch.equal(model(images), dense_answer)
    assert torch.equal(model(images), sparse_answer)
    sparse.detach()
    assert torch.equal(model(images), dense_answer)
    assert [type(layer) for layer in model if hasattr(layer, "weight")] == [
        nn.Conv2d,
        nn.Conv2d,
        nn.Linear,
        nn.Linear,
    ]


def test_what_diverged_is_seen():
    layer = nn.Linear(10, 2)
    SparseTraining(layer, 0.9, 0.9, dense=())
    with torch.no_grad():
        layer.weight[0, 0] = float("nan")
    assert layer(torch.ones(1, 10)).isnan().any()


def test_state_and_copies_of_a_sparse_model_are_those_of_a_dense_one(random):
    model = network()
    names = list(model.state_dict())
    sparse = SparseTraining(model, 0.9, 0.9)
    assert list(model.state_dict()) == names
    assert sparse.sparse_parameters == {"2.weight", "5.weight"}
    other = copy.deepcopy(model)
    with torch.no_grad():
        other[2].weight.zero_()
    images = torch.randn(2, 3, 8, 8, generator=random)
    assert not torch.equal(model(images), other(images))


@pytest.mark.parametrize("structure", ["channel", "filter"])
def test_structure_keeps_whole_kernels_or_filters(structure, random):
    layer = nn.Conv2d(8, 10, 3)
    SparseTraining(layer, 0.7, 0, dense=(), structure=structure)
    kept = layer.choice.keep(torch.ones(1), layer.weight.detach(), training=False)[0]
    alive = kept.abs().sum(dim=(2, 3) if structure == "channel" else (1, 2, 3)) > 0
    whole = layer.weight.detach() * alive.reshape(*alive.shape, *[1] * (4 - alive.dim()))
    assert torch.equal(kept, whole)
    assert alive.sum() == kept_count(alive.numel(), 1 - exact(0.7))


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"weight_sparsity": 1.0}, "leaves nothing"),
        ({"weight_sparsity": -0.1}, "no share"),
        ({"weight_sparsity": float("nan")}, "no share"),
        ({"weight_sparsity": {"nowhere": 0.5}}, "nowhere"),
        ({"dense": ("nowhere",)}, "nowhere"),
        ({"dense": ("0", "2", "5", "7")}, "No layer"),
        ({"period": 0}, "period"),
        ({"structure": "rows"}, "rows"),
    ],
)
def test_what_cannot_mean_anything_is_refused_and_changes_nothing(arguments, word):
    model = network()
    with pytest.raises(UsageError, match=word):
        SparseTraining(model, **{"weight_sparsity": 0.9, "activation_sparsity": 0.9, **arguments})
    assert type(model[2]) is nn.Conv2d


def test_layers_that_are_not_understood_are_refused():
    class Odd(nn.Linear):
        def forward(self, inputs):
            return super().forward(inputs) * 2

    for layer in (Odd(3, 3), nn.Conv2d(2, 2, 3, padding="same"), nn.LazyLinear(4)):
        with pytest.raises(UsageError, match="dense"):
            SparseTraining(layer, 0.5, 0.5, dense=())
    model = network()
    SparseTraining(model, 0.5, 0.5)
    with pytest.raises(UsageError, match="detach"):
        SparseTraining(model, 0.5, 0.5)


def published_layers():
    model = ResNet18()
    layers = count_layers(model, torch.zeros(1, 3, 32, 32))
    modules = dict(model.named_modules())
    sparse = [
        layer.name
        for number, layer in enumerate(layers)
        if number and getattr(modules[layer.name], "kernel_size", None) == (3, 3)
    ]
    return model, layers, sparse


def test_networks_have_the_published_sizes():
    model, layers, sparse = published_layers()
    assert sum(p.numel() for p in model.parameters()) == 11_173_962
    assert sum(layer.weights for layer in layers if layer.name in sparse) == 10_985_472
    macs = sum(layer.macs for layer in layers if layer.name in sparse)
    assert macs / 1e6 == pytest.approx(547.36, abs=0.005)
    rest = sum(layer.macs for layer in layers if layer.name not in sparse)
    assert rest / 1e6 == pytest.approx(8.07, abs=0.005)


@pytest.mark.parametrize(
    ("sparsity", "three", "two"), [(0.7, 69.0, 69.1), (0.9, 88.7, 88.8), (0.95, 93.6, 93.7)]
)
def test_reductions_of_the_published_network(sparsity, three, two):
    _, layers, sparse = published_layers()
    planned = plan_work(layers, dict.fromkeys(sparse, sparsity), sparsity)
    assert 100 * total_work(planned).reduction == pytest.approx(three, abs=0.05)
    least = total_work(planned, input_layer_passes=2)
    assert 100 * least.reduction == pytest.approx(two, abs=0.05)


def test_sparse_training_chooses_the_layers_of_the_publication():
    model, _, sparse = published_layers()
    training = SparseTraining(model, 0.9, 0.9, dense=("first", "last", "pointwise"))
    assert training.sparse_parameters == {f"{name}.weight" for name in sparse}


@pytest.mark.parametrize(
    ("network", "parameters", "masked"),
    [(FourConvolutions, 241_898, 239_616), (SmallConvolutional, 417_482, 414_208)],
)
def test_small_networks_have_the_sizes_of_the_experiments(network, parameters, masked):
    model = network()
    assert sum(p.numel() for p in model.parameters()) == parameters
    sparse = SparseTraining(model, 0.9, 0.9)
    state = model.state_dict()
    assert sum(state[name].numel() for name in sparse.sparse_parameters) == masked
    assert sum(p.numel() for p in FourConvolutions(0.5).parameters()) == 61_050


def test_counted_work_is_that_of_the_realised_densities(random):
    model = FourConvolutions()
    sparse = SparseTraining(model, 0.9, 0.9, period=1)
    images = torch.randn(4, 1, 28, 28, generator=random)
    nn.functional.cross_entropy(model(images), torch.arange(4)).backward()
    nominal = total_work(
        plan_work(count_layers_of(images), dict.fromkeys(("3", "6", "9"), 0.9), 0.9)
    )
    work = total_work(sparse.work())
    assert work.dense_macs == nominal.dense_macs
    # Rectified activations have zeros of their own, but no more than nine in ten.
    assert work.macs == pytest.approx(nominal.macs, rel=1e-3)
    first, *_, last = sparse.work()
    assert (first.needs_input_gradient, last.needs_input_gradient) == (False, True)
    assert (first.sparse, first.weight_density, first.activation_density) == (False, 1, 1)
    assert work.compared == sum(2 * n for n in (18_432, 73_728, 147_456)) + 2 * 4 * (
        32 * 14 * 14 + 64 * 7 * 7 + 128 * 4 * 4
    )


def count_layers_of(images):
    return count_layers(FourConvolutions(), images)


def test_evaluation_and_updates_are_counted_apart(random):
    model = FourConvolutions()
    sparse = SparseTraining(model, 0.9, 0.9)
    images = torch.randn(4, 1, 28, 28, generator=random)
    model.eval()
    with torch.no_grad():
        model(images)
    with pytest.raises(UsageError, match="No training step"):
        total_work(sparse.work())
    dense = sum(layer.macs for layer in count_layers_of(images))
    evaluation = sum(layer.evaluation_macs for layer in sparse.work())
    assert 0.1 * dense < evaluation < 0.2 * dense  # the first layer is dense
    assert count_updates(model, 3, momentum=True, weight_decay=False) == 3 * 2 * 241_898


def test_densities_on_a_layer_that_runs_twice_in_a_step(random):
    shared = nn.Linear(10, 10)
    model = nn.Sequential(shared, nn.ReLU(), shared)
    sparse = SparseTraining(model, 0.5, 0, dense=(), period=1)
    model(torch.randn(3, 10, generator=random)).sum().backward()
    (work,) = sparse.work()
    assert (work.macs, work.weight_density) == (2 * 3 * 100, 0.5)


def test_sparsity_is_spread_by_the_size_of_kernels():
    model = ResNet18()
    dense = ("first", "last", "pointwise")
    spread = spread_sparsity(model, 0.9, dense=dense)
    modules = dict(model.named_modules())
    sizes = {name: modules[name].weight.numel() for name in spread}
    kept = sum((1 - share) * sizes[name] for name, share in spread.items())
    assert kept == (1 - exact(0.9)) * 10_985_472  # as a whole, exactly

    def scale(name):  # the same for every layer that is not full
        return (1 - spread[name]) * sizes[name] / sum(modules[name].weight.shape)

    assert len({scale(name) for name, share in spread.items() if share}) == 1
    assert min(spread.values()) < 0.7
    sparse = SparseTraining(model, spread, 0.9, dense=dense)
    assert sparse.weight_sparsity == spread


def test_small_layers_are_full_before_large_ones_keep_more():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(100, 100), nn.Linear(3, 40))
    spread = spread_sparsity(model, 0.9, dense=())
    assert spread["0"] == 0
    total = 4 + 10_000 + 120
    kept = sum((1 - spread[str(n)]) * size for n, size in enumerate((4, 10_000, 120)))
    assert kept == exact(0.1) * total
    assert spread_sparsity(model, 0, dense=()) == {"0": 0, "1": 0, "2": 0}
    for sparsity, named in ((1, ()), (0.5, ("0", "1", "2"))):
        with pytest.raises(UsageError):
            spread_sparsity(model, sparsity, dense=named)


def test_densities_follow_momentum_and_keep_the_whole(random):
    model = FourConvolutions()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    assert mean_momenta(model, optimiser) == {}
    model(torch.rand(4, 1, 28, 28, generator=random)).square().sum().backward()
    optimiser.step()
    momenta = mean_momenta(model, optimiser)
    assert momenta["3"] == pytest.approx(float(model[3].weight.grad.abs().mean()))
    sizes = {name: dict(model.named_modules())[name].weight.numel() for name in "369"}
    found = spread_by_momentum(model, 0.9, {"3": 2.0, "6": 1.0, "9": 1.0})
    assert list(found) == ["3", "6", "9"]
    kept = {name: 1 - share for name, share in found.items()}
    assert sum(kept[name] * size for name, size in sizes.items()) == exact(0.1) * sum(
        sizes.values()
    )
    assert kept["3"] == 2 * kept["6"] == 2 * kept["9"]
    # A layer keeps all of its weights at most; the others share the rest.
    crowded = spread_by_momentum(model, 0.9, {"3": 1000.0, "6": 1.0, "9": 0.0})
    assert crowded["3"] == 0
    assert 0 < crowded["6"] < crowded["9"] < 1
    SparseTraining(model, found, 0.9)
    for wrong in ({"3": 1.0}, {"3": 0.0, "6": 0.0, "9": 0.0}, {"3": float("nan"), "6": 1, "9": 1}):
        with pytest.raises(UsageError, match="no momentum"):
            spread_by_momentum(FourConvolutions(), 0.9, wrong)
