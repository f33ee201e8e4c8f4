"""A callback for the Trainer of Lightning.

.. code-block:: python

    callback = FootprintCallback(run="digits", zone="FR", device="desktop")
    Trainer(max_epochs=3, callbacks=[callback]).fit(model, data)

The training is a span of phase ``train``; each epoch is a span inside it whose
round is the epoch, counted from 1. Validations, the sanity check among them, and
tests are spans of phase ``evaluate``, predictions of phase ``inference``; a
checkpoint belongs to the phase that it is written in. The file is closed after each of ``fit``,
``validate``, ``test`` and ``predict``, and when one of them raises: then open spans
have status ``failed``. To have several of them in one file, give a tracker that
runs, or use the callback as a context manager.

Both names of the package serve, ``lightning`` and ``pytorch_lightning``; the one
that the program has imported already is taken. Importing this module raises
`MissingExtra` if neither is installed.
"""

# ruff: noqa: ARG002 - the trainer sets the signatures of its hooks

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from footprint.errors import MissingExtra
from footprint.integrations.training import TrainingRecorder
from footprint.model import Phase

if TYPE_CHECKING:
    Callback = object
elif "pytorch_lightning" in sys.modules and "lightning.pytorch" not in sys.modules:
    from pytorch_lightning import Callback
else:
    try:
        from lightning.pytorch import Callback
    except ImportError:
        try:
            from pytorch_lightning import Callback
        except ImportError as error:
            raise MissingExtra.of("lightning", "FootprintCallback for Lightning") from error

# Depth of `Phases` inside of the training.
_TRAINING = 1


class FootprintCallback(TrainingRecorder, Callback):
    """Track what a Lightning Trainer does. Parameters as in `TrainingRecorder`."""

    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """Start."""
        if self._is_observed(main=trainer.is_global_zero, processes=trainer.world_size):
            self._begin()

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Open the training."""
        self._phases.leave_to(0)
        self._phases.enter(Phase.TRAIN)

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        """Open an epoch."""
        self._phases.leave_to(_TRAINING)
        self._phases.enter(Phase.TRAIN, self._round(trainer.current_epoch + 1))

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Close an epoch."""
        self._phases.leave_to(_TRAINING)

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """Close the training."""
        self._phases.leave_to(0)

    def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
        """Open a validation or a test."""
        self._phases.enter(Phase.EVALUATE)

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Close a validation or a test."""
        self._phases.leave(Phase.EVALUATE)

    on_test_start = on_validation_start
    on_test_end = on_validation_end

    def on_predict_start(self, trainer: Any, pl_module: Any) -> None:
        """Open a prediction."""
        self._phases.enter(Phase.INFERENCE)

    def on_predict_end(self, trainer: Any, pl_module: Any) -> None:
        """Close a prediction."""
        self._phases.leave(Phase.INFERENCE)

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """Close everything as failed."""
        self._end(failed=True)

    def teardown(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """Close everything."""
        self._end()
