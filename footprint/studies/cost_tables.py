"""Measured costs of training methods: a `CostTable` of a network on this machine.

Time is processor time of one thread for all that a client computes in a round: reading the
message, training, making the answer; plain and by a method in turns, on the same batches. Its
bounds are the smallest and the largest of the turns' ratios. Bytes are those of the encoder's
output. Where no meter is read, energy is that time times a constant power, so its ratio
is that of the times: it is labelled ``modelled_from_time``.

Accuracy lost at equal rounds cannot be measured in a step: `losses_of` takes it from the results of
two federated trainings, pair by pair.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from footprint.errors import MissingExtra, UsageError
from footprint.learning.clients import Answer, LocalPlan, MethodTrainer
from footprint.learning.codecs import decode
from footprint.learning.rounds import one_thread
from footprint.learning.states import arrays_of
from footprint.model.method_costs import CostFigure, CostTable, Kind, MethodCost
from footprint.model.methods import TrainingMethod
from footprint.scheduling.spreads import mean_interval

try:
    import torch
    from torch import Tensor
except ImportError as error:
    raise MissingExtra.of("torch", "Measuring training methods") from error

_RATE = 1e-3  # small, so that what is timed does not diverge
_DIGITS = 4  # more than any of these figures is good for
_LEAST_S = 0.15  # of a turn: clocks of processors may tick in 10 ms


@one_thread()
def measure_costs(
    make: Callable[[float], torch.nn.Module],
    methods: Sequence[TrainingMethod],
    data: tuple[Tensor, Tensor],
    losses: Mapping[str, CostFigure],
    *,
    about: Mapping[str, str],
    plan: LocalPlan | None = None,
    turns: int = 7,
) -> CostTable:
    """Measure a table of costs on this machine.

    Parameters
    ----------
    make : callable
        Makes the network for a width within 0 and 1.
    methods : sequence of TrainingMethod
        The first is plain training.
    data : tuple of Tensor
        Inputs and labels of a client, as many as it would have.
    losses : mapping of str to CostFigure
        Accuracy that each other method loses at equal rounds [percentage points].
    about : mapping of str to str
        ``network``, ``device``, ``conditions`` and ``source`` of the table.
    plan : LocalPlan, optional
    turns : int

    Raises
    ------
    UsageError
        If a method lacks its loss, or the table would say nothing.
    """
    for method in methods[1:]:
        if method.name not in losses:
            raise UsageError(
                f"Nobody says what accuracy the method {method.name!r} loses.",
                "Train by it and by the reference, and give losses_of both.",
            )
    trainers = [MethodTrainer(make, method, plan or LocalPlan()) for method in methods]
    plain = trainers[0]
    model = arrays_of(make(1.0))
    messages = {trainer: trainer.encode_model(model).data for trainer in trainers}
    whole = _message_bytes(plain, messages[plain], data)
    found = [MethodCost(methods[0])]
    for trainer in trainers[1:]:
        ratios = ratios_in_turns(
            partial(_train, plain, messages[plain], data),
            partial(_train, trainer, messages[trainer], data),
            turns,
        )
        spread = (statistics.median(ratios), min(ratios), max(ratios))
        up, down = (
            _figure(one / all_of, one / all_of, one / all_of)
            for one, all_of in zip(
                _message_bytes(trainer, messages[trainer], data), whole, strict=True
            )
        )
        method = trainer.method
        found.append(
            MethodCost(
                method,
                _figure(*spread),
                _figure(*spread, Kind.MODELLED_FROM_TIME),
                up,
                down,
                losses[method.name],
            )
        )
    return CostTable(**about, costs=tuple(found))


def ratios_in_turns(
    plain: Callable[[], object], other: Callable[[], object], turns: int
) -> list[float]:
    """Processor time of a call over that of a plain one, turn by turn [1]."""
    calls = (plain, other)
    times = []
    for call in calls:
        _spend(call, 1)
        times.append(max(1, round(_LEAST_S / max(_spend(call, 2), 1e-6))))
    found = []
    for _ in range(turns):
        spent = [_spend(call, count) for call, count in zip(calls, times, strict=True)]
        found.append(spent[1] / spent[0])
    return found


def losses_of(
    plain: Mapping[int, float], other: Mapping[int, float], *, share: float = 1.0
) -> CostFigure:
    """Accuracy that a method loses against plain training, seed by seed [percentage points].

    Parameters
    ----------
    plain, other : mapping of int to float
        Accuracy after the same rounds, by seed [1].
    share : float
        Of the clients of each round that trained by the method, beside others that trained plainly;
        what was lost is taken to grow with it. Methods that are to be mixed must be measured so: a
        width that serves all may harm a round of several.

    Returns
    -------
    CostFigure
        Mean over the seeds that both ran, and its 95 % confidence interval.

    Raises
    ------
    UsageError
        If there are fewer than two such seeds, or the share is none.
    """
    seeds = sorted(set(plain) & set(other))
    if len(seeds) < 2 or not 0 < share <= 1:
        raise UsageError(
            f"A loss of accuracy over {len(seeds)} seed(s), at a share of {share}, has no bounds.",
            "Run two or more, with a share above 0 and up to 1.",
        )
    mean, low, high = mean_interval([100 * (plain[one] - other[one]) / share for one in seeds])
    assert low is not None
    assert high is not None
    return _figure(mean, low, high)


def _figure(value: float, low: float, high: float, kind: Kind = Kind.MEASURED) -> CostFigure:
    return CostFigure(round(value, _DIGITS), round(low, _DIGITS), round(high, _DIGITS), kind)


def _train(trainer: MethodTrainer, message: bytes, data: tuple[Tensor, Tensor]) -> Answer:
    """Do all that a client computes in a round."""
    trainer.receive(decode(message, trainer.shapes))
    trainer.train(*data, rate=_RATE, rng=np.random.default_rng(0))
    return trainer.answer(np.random.default_rng(1))


def _message_bytes(
    trainer: MethodTrainer, message: bytes, data: tuple[Tensor, Tensor]
) -> tuple[int, int]:
    """Bytes up, and down while nothing of the model is 0 yet."""
    return len(_train(trainer, message, data).encoded.data), len(message)


def _spend(call: Callable[[], object], times: int) -> float:
    start = time.process_time()
    for _ in range(times):
        call()
    return (time.process_time() - start) / times
