"""Sparse federated training of handwritten digits, from local steps to bytes and back."""

import numpy as np
import pytest
import torch
from torch import nn

from footprint.learning.codecs import decode, encode, shapes_of
from footprint.learning.compression import Uplink, aggregate, pack
from footprint.learning.encodings import Encoding
from footprint.learning.masks import kept_density
from footprint.learning.partitions import dirichlet_partition
from footprint.learning.sparse import SparseTraining
from footprint.learning.states import arrays_of, load_arrays
from footprint.learning.widths import average_overlaps, narrow

CLIENTS, ROUNDS = 3, 10


@pytest.fixture(scope="module")
def digits():
    datasets = pytest.importorskip("sklearn.datasets")
    loaded = datasets.load_digits()
    inputs = torch.from_numpy(loaded.data.astype(np.float32) / 16)
    targets = torch.from_numpy(loaded.target.astype(np.int64))
    parts = dirichlet_partition(loaded.target[:1400], CLIENTS, 1.0, np.random.default_rng(2))
    return inputs, targets, [torch.from_numpy(part) for part in parts]


def network(hidden=64):
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Linear(64, hidden),
        nn.ReLU(),
        nn.Linear(hidden, hidden),
        nn.ReLU(),
        nn.Linear(hidden, 10),
    )


def train(model, inputs, targets, rng):
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    model.train()
    for batch in torch.split(torch.from_numpy(rng.permutation(len(inputs))), 32):
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(inputs[batch]), targets[batch]).backward()
        optimiser.step()


@torch.no_grad()
def accuracy(model, inputs, targets):
    model.eval()
    return float((model(inputs[1400:]).argmax(dim=1) == targets[1400:]).float().mean())


def federate(digits, model, uplink, sparse=None):
    inputs, targets, parts = digits
    rng = np.random.default_rng(3)
    state, sent, residuals = arrays_of(model), [], {}
    for _ in range(ROUNDS):
        down = encode(state, Encoding("smallest"))
        answers = []
        for client, part in enumerate(parts):
            received = decode(down.data, shapes_of(state))
            load_arrays(model, received)
            if sparse:
                sparse.forget_thresholds()
            train(model, inputs[part], targets[part], rng)
            trained = arrays_of(model)
            packet = pack(uplink, received, trained, residual=residuals.get(client), rng=rng)
            residuals[client] = packet.residual
            sent.append(len(packet.encoded.data))
            answers.append(decode(packet.encoded.data, shapes_of(state)))
        state = aggregate(uplink.scheme, state, answers, [len(part) for part in parts])
    load_arrays(model, state)
    return accuracy(model, inputs, targets), np.mean(sent)


def test_the_schemes_learn_and_send_less(digits):
    dense, whole = federate(digits, network(), Uplink())
    assert dense > 0.85
    for scheme in ("top-weights", "diff-on-weights", "top-diff"):
        model = network()
        sparse = SparseTraining(model, 0.8, 0.8)
        uplink = Uplink(
            scheme, kept_density(0.8, 0.1), sparse.sparse_parameters, Encoding("bitmap")
        )
        found, sent = federate(digits, model, uplink, sparse)
        assert found > 0.75, scheme  # guessing gives 0.1
        assert sent < 0.7 * whole, scheme  # the masked layer is under half of the model
    everything = frozenset(arrays_of(network()))
    found, sent = federate(
        digits, network(), Uplink("top-diff", 1, everything, Encoding("dense", "int8"))
    )
    assert found > 0.75
    assert sent < 0.26 * whole
    uplink = Uplink("top-diff", 0.1, everything, Encoding("csr"), feedback=True)
    found, sent = federate(digits, network(), uplink)
    assert found > 0.75
    assert sent < 0.22 * whole


def test_wide_and_narrow_clients_learn_one_model(digits):
    inputs, targets, parts = digits
    rng = np.random.default_rng(3)
    wide, slim = network(), network(32)
    state = arrays_of(wide)
    shapes = shapes_of(arrays_of(slim))
    for _ in range(ROUNDS):
        answers = []
        for client, part in enumerate(parts):
            model = wide if client % 2 else slim
            load_arrays(model, state if model is wide else narrow(state, shapes))
            train(model, inputs[part], targets[part], rng)
            answers.append(arrays_of(model))
        state = average_overlaps(state, answers, [len(part) for part in parts])
    load_arrays(wide, state)
    assert accuracy(wide, inputs, targets) > 0.75
