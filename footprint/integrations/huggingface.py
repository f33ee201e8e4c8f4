"""A callback for the Trainer of Hugging Face transformers.

.. code-block:: python

    callback = FootprintCallback(run="finetune", zone="FR", device="server-gpu")
    with callback:
        Trainer(model, arguments, train_dataset=data, callbacks=[callback]).train()

The training is a span of phase ``train``; each epoch is a span inside it whose
round is the epoch, counted from 1. Evaluations are spans of phase ``evaluate``,
checkpoints of phase ``other``. The file is closed when the training ends.

The Trainer calls no hook when a training raises. Inside of a `with` block the
open spans are closed there and then, with status ``failed``. Without one they
are closed when the callback is collected, when the next training begins or when
the interpreter ends, whichever is first: the time until then counts as training.
A `with` block also covers evaluations and predictions outside of a training.

Importing this module raises `MissingExtra` if transformers is not installed.
"""

# ruff: noqa: ARG002 - the trainer sets the signatures of its hooks

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from footprint.errors import MissingExtra
from footprint.integrations.training import TrainingRecorder
from footprint.model import Phase

if TYPE_CHECKING:
    TrainerCallback = object
else:
    try:
        from transformers import TrainerCallback
    except ImportError as error:
        raise MissingExtra.of("huggingface", "FootprintCallback for Trainer") from error

# Depths of `Phases`: inside of the training, and inside of an epoch.
_TRAINING, _EPOCH = 1, 2


class FootprintCallback(TrainingRecorder, TrainerCallback):
    """Track what a Trainer does. Parameters as in `TrainingRecorder`."""

    _epoch = 0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Open the training."""
        if not self._is_observed(main=state.is_world_process_zero, processes=args.world_size):
            return
        if self._phases.phase is not None:
            self._end(failed=True)  # an earlier training raised
        self._epoch = int(state.epoch or 0)
        self._begin()
        self._phases.enter(Phase.TRAIN)
        if getattr(args, "eval_on_start", False):
            self._phases.enter(Phase.EVALUATE)

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Open an epoch. The one before lasts until here: it was evaluated and saved."""
        if self._phases.depth >= _TRAINING:
            self._epoch += 1
            self._phases.leave_to(_TRAINING)
            self._phases.enter(Phase.TRAIN, self._round(self._epoch))

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Close what stood between two steps."""
        self._phases.leave_to(_EPOCH)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Open what the Trainer will do before the next step."""
        if self._phases.depth == _EPOCH:
            if control.should_evaluate:
                self._phases.enter(Phase.EVALUATE)
            elif control.should_save:
                self._phases.enter(Phase.OTHER)

    on_epoch_end = on_step_end

    def on_prediction_step(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Open an evaluation that nothing announced, after its first batch."""
        if self._phases.phase is not Phase.EVALUATE:
            self._phases.enter(Phase.EVALUATE)

    def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Close an evaluation; a checkpoint may follow."""
        self._phases.leave(Phase.EVALUATE)
        if self._phases.depth == _EPOCH and (control.should_save or args.save_strategy == "best"):
            self._phases.enter(Phase.OTHER)

    def on_predict(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Close a prediction."""
        self._phases.leave(Phase.EVALUATE)

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Close a checkpoint."""
        self._phases.leave(Phase.OTHER)

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Close everything."""
        self._end()
