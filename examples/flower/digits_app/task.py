"""The task: scikit-learn's digits, split unevenly between the clients, and a small network."""

from functools import lru_cache

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from footprint.learning.partitions import dirichlet_partition

SEED = 1
SMALLEST = 2  # examples of each client at least


@lru_cache
def load_data():
    """Examples for training and for the test: 1,437 and 360 pictures of 8 x 8 points."""
    torch.set_num_threads(1)  # two threads that wait for each other cost more than they gain
    digits = load_digits()
    inputs = (digits.data / 16).astype("float32")
    return train_test_split(
        inputs, digits.target, test_size=0.2, stratify=digits.target, random_state=SEED
    )


@lru_cache
def split(partitions: int):
    """Numbers of each client's examples: few kinds of digits for each, by a Dirichlet draw."""
    _, _, targets, _ = load_data()
    rng = np.random.default_rng(SEED)
    return dirichlet_partition(targets, partitions, alpha=0.5, rng=rng, smallest=SMALLEST)


def load_partition(partition: int, partitions: int):
    """Examples of one client."""
    inputs, _, targets, _ = load_data()
    members = split(partitions)[partition]
    return torch.from_numpy(inputs[members]), torch.from_numpy(targets[members])


def load_test():
    """Examples that no client trains on."""
    _, inputs, _, targets = load_data()
    return torch.from_numpy(inputs), torch.from_numpy(targets)


def make_model() -> torch.nn.Module:
    """A network with one hidden layer: 4,810 weights."""
    torch.manual_seed(SEED)
    return torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))
