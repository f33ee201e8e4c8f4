"""The spans of one training, opened and closed by the hooks of a trainer."""

from __future__ import annotations

import logging
import os
import weakref
from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from footprint.errors import UsageError
from footprint.measurement.span import Span
from footprint.measurement.tracker import Tracker
from footprint.model import Phase

log = logging.getLogger("footprint")


class Phases:
    """A tracker and the spans that are open in it, innermost last.

    Trainers call one hook where a phase begins and another where it ends, so a
    span cannot be a `with` block here. Every method but `start` does nothing
    unless the phases are going on, and in a process that was forked from ours.

    Parameters
    ----------
    tracker : Tracker
        Started and stopped here, unless it runs already.
    """

    def __init__(self, tracker: Tracker) -> None:
        self.tracker = tracker
        self._own = not tracker.running
        self._pid = 0
        self._open: list[tuple[Span, ExitStack]] = []

    def start(self) -> None:
        """Begin."""
        if self._own:
            self.tracker.start()
        self._pid = os.getpid()

    @property
    def going_on(self) -> bool:
        """Whether a phase can be entered."""
        return self._pid == os.getpid() and self.tracker.running

    @property
    def depth(self) -> int:
        """Number of open phases."""
        return len(self._open)

    @property
    def phase(self) -> Phase | None:
        """The innermost open phase."""
        return self._open[-1][0].phase if self._open else None

    def enter(self, phase: Phase, number: int | None = None) -> None:
        """Open a phase inside of the innermost one; `number` is the round."""
        if not self.going_on:
            return
        stack = ExitStack()
        self._open.append((stack.enter_context(self.tracker.span(phase, round=number)), stack))

    def leave(self, phase: Phase | None = None) -> None:
        """Close the innermost phase, if it is `phase`."""
        if self._open and phase in (None, self.phase):
            self.leave_to(self.depth - 1)

    def leave_to(self, depth: int, *, failed: bool = False) -> None:
        """Close the innermost phases until `depth` are left."""
        while self.going_on and self.depth > depth:
            span, stack = self._open.pop()
            span.failed |= failed
            stack.close()

    def stop(self, *, failed: bool = False) -> None:
        """Close everything; what is closed already stays as it is."""
        if self._pid == os.getpid() and self._open and not self.tracker.running:
            log.warning(
                "footprint: the tracker stopped before %d phase(s) of a callback ended; they "
                "are counted as phase 'other'",
                self.depth,
            )
            self._open.clear()
        if not self.going_on:
            return
        self.leave_to(0, failed=failed)
        self._pid = 0
        if self._own:
            self.tracker.stop(failed=failed)


class TrainingRecorder:
    """What the callbacks for all trainers have in common.

    Parameters
    ----------
    tracker : Tracker, optional
        Observe with this one. If it runs it is left running; else it is started
        and stopped with each training.
    epochs_are_rounds : bool
        Number the rounds of the journal by epochs. Set it to False in federated
        learning, where the round is that of the span around the training.
    every_process : bool
        Let every process of a distributed training write a journal, not only the
        main one.
    **options
        For a new `Tracker`, if none is given.

    Raises
    ------
    UsageError
        If a tracker is given and options for one too.
    """

    def __init__(
        self,
        tracker: Tracker | None = None,
        *,
        epochs_are_rounds: bool = True,
        every_process: bool = False,
        **options: Any,
    ) -> None:
        super().__init__()
        if tracker is not None and options:
            raise UsageError(
                f"A tracker was given, and options for another: {', '.join(options)}.",
                "Give these options to the tracker.",
            )
        self.tracker = tracker or Tracker(**options)
        self._epochs_are_rounds = epochs_are_rounds
        self._every_process = every_process
        self._fresh = True
        self._held = False
        self._phases = Phases(self.tracker)
        self._finalizer: weakref.finalize[[Phases], TrainingRecorder] | None = None

    def __enter__(self) -> Self:
        self._begin()
        self._held = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._held = False
        self._end(failed=error is not None)

    def _is_observed(self, *, main: bool, processes: int) -> bool:
        """Whether this process writes; the main one says so if others do not."""
        if self._every_process:
            return True
        if main and processes > 1:
            log.warning(
                "footprint records the main one of %d processes; give every_process=True "
                "to record them all",
                processes,
            )
        return main

    def _begin(self) -> None:
        """Start, unless started already."""
        if self._phases.going_on:
            return
        if not self._fresh and not self.tracker.running:
            # A tracker that has stopped closed its file.
            self.tracker = replace(self.tracker)
        self._fresh = False
        self._phases = Phases(self.tracker)
        self._phases.start()
        # Runs when the callback is collected, and before the interpreter ends: a
        # trainer that raised may call nothing at all.
        self._finalizer = weakref.finalize(self, _abandon, self._phases)

    def _end(self, *, failed: bool = False) -> None:
        """Close the training; the tracker stays if a `with` block holds it."""
        if self._held:
            self._phases.leave_to(0, failed=failed)
            return
        self._phases.stop(failed=failed)
        if self._finalizer is not None:
            self._finalizer.detach()

    def _round(self, epoch: int) -> int | None:
        return epoch if self._epochs_are_rounds else None


def _abandon(phases: Phases) -> None:
    """Close what a training left open when it died."""
    phases.stop(failed=phases.depth > 0)
