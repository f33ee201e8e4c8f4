"""What holds for all tests."""

import os

import pytest


@pytest.fixture(autouse=True, scope="session")
def no_calibration_of_this_machine(tmp_path_factory):
    """A calibration that the developer made would change energies; hide it from tests."""
    patch = pytest.MonkeyPatch()
    patch.setenv("XDG_CONFIG_HOME", os.fspath(tmp_path_factory.mktemp("config")))
    yield
    patch.undo()


@pytest.fixture
def one_torch_thread():
    """One thread: on a busy machine, threads that wait for each other cost more than they save."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
