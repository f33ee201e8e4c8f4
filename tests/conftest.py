"""What holds for all tests."""

import os

import pytest

# On a busy machine, threads of torch and numpy that wait for each other cost far more than they
# save. Set before any of them is loaded, and for the processes that tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True, scope="session")
def no_calibration_of_this_machine(tmp_path_factory):
    """A calibration that the developer made would change energies; hide it from tests."""
    patch = pytest.MonkeyPatch()
    patch.setenv("XDG_CONFIG_HOME", os.fspath(tmp_path_factory.mktemp("config")))
    yield
    patch.undo()
