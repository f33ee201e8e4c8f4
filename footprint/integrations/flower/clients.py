"""A virtual client: what a message takes of its time and energy, and what it did before."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from flwr.app import Message, MetricRecord

from footprint.errors import UsageError
from footprint.integrations.flower.payload import (
    count_objects,
    payload_bytes,
    phase_of,
    round_of,
)
from footprint.integrations.flower.profiles import NodeProfile
from footprint.integrations.flower.record import ClientRecord
from footprint.integrations.flower.requests import Wasted
from footprint.model import Basis

SOURCE = "profile"
"""Source of simulated energy; reports name the device class beside it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a message.

    Attributes
    ----------
    end_s : float
        When the client was done with it, or lost it (Unix time [s]).
    whole : bool
        Whether it came to the end.
    used : Wasted
        What it took, whether that was for nothing or not.
    """

    end_s: float
    whole: bool
    used: Wasted


@dataclass(frozen=True, slots=True)
class _Course:
    """Times of a message [s]; `work_s` is None if nobody knows the work."""

    start_s: float
    down_s: float
    work_s: float | None
    up_s: float

    @property
    def whole_s(self) -> float:
        return self.down_s + (self.work_s or 0.0) + self.up_s

    def received(self, spent_s: float) -> float:
        """Share of the message that was there after some time [1]."""
        return 1.0 if spent_s >= self.down_s else spent_s / self.down_s

    def sent(self, spent_s: float) -> float:
        """Share of the reply that was sent after some time [1]."""
        sending_s = spent_s - self.down_s - (self.work_s or 0.0)
        return 0.0 if sending_s <= 0 else min(1.0, sending_s / self.up_s) if self.up_s else 1.0


@dataclass(slots=True)
class VirtualClient:
    """One node of a simulation.

    Attributes
    ----------
    partition : int
    profile : NodeProfile
    seed : int
        Of its draws, with its partition and the number of the message.
    work_key : str
        Metric of a reply that counts the units of work.
    """

    partition: int
    profile: NodeProfile
    seed: int = 0
    work_key: str = "num-examples"
    _busy_until_s: float = -math.inf
    _begun: int = 0
    _finished: int = 0
    _failed: int = 0
    _lost: int = 0
    _total_kwh: float = 0.0
    _busy: list[tuple[float, float]] = field(default_factory=list)

    def free_at(self, time_s: float) -> float:
        """When it can begin with a message that is sent at `time_s` (Unix time [s])."""
        return max(time_s, self._busy_until_s)

    def is_free(self, time_s: float) -> bool:
        """Whether it would begin with a message at once."""
        return self.free_at(time_s) == time_s and self._away_at(time_s) > time_s

    def idle_s(self, since_s: float, until_s: float) -> float:
        """For how long it was there and had nothing to do between two times [s].

        Times before those that were asked for once are forgotten.
        """
        self._busy = [(begin_s, end_s) for begin_s, end_s in self._busy if end_s > since_s]
        there_s = self.profile.available_s(since_s, until_s)
        return max(0.0, there_s - sum(_overlap_s(b, e, since_s, until_s) for b, e in self._busy))

    def takes(self, message: Message, sent_s: float) -> bool:
        """Whether a message gets through to it before its life ends."""
        start_s = self.free_at(sent_s)
        return start_s < sent_s + message.metadata.ttl and self._away_at(start_s) > start_s

    def settle(self, message: Message, reply: Message | None, sent_s: float) -> Outcome:
        """Take note of a message that it took, and say what that cost.

        Parameters
        ----------
        message : Message
        reply : Message or None
            What its handler really said; None if nothing ever came.
        sent_s : float
            When the message was sent (Unix time [s]).

        Raises
        ------
        UsageError
            If a reply does not say how much work there was, and the profile asks.
        """
        self._begun += 1
        slowness, dies, share = self._draw()
        device = self.profile.device
        work_s = device.duration_s(message.metadata.message_type, self._units(message, reply))
        course = _Course(
            self.free_at(sent_s),
            device.download_s(_size(message)),
            None if work_s is None else work_s * slowness,
            device.upload_s(_size(reply)),
        )
        lost_s = course.start_s + course.whole_s * share if dies else math.inf
        end_s = min(course.start_s + course.whole_s, lost_s, self._away_at(course.start_s))
        whole = reply is not None and end_s == course.start_s + course.whole_s and not dies
        self._busy_until_s = end_s
        self._busy.append((course.start_s, end_s))
        spent_s = end_s - course.start_s
        received, sent = (1.0, 1.0) if whole else (course.received(spent_s), course.sent(spent_s))
        used = Wasted(
            self._charge(course, end_s, message, reply, whole=whole, moved=(received, sent)),
            _objects(message, received),
            _objects(reply, sent),
        )
        return Outcome(end_s, whole, used)

    def _away_at(self, time_s: float) -> float:
        """When it goes away that is there at `time_s`; `time_s` itself if it is away."""
        until_s = self.profile.available_until(time_s)
        return time_s if until_s is None else until_s

    def _draw(self) -> tuple[float, bool, float]:
        """Factor on the working time, whether it dies, and after which share of its time."""
        spread, dying = self.profile.device.spread, self.profile.drop_probability
        if spread == 0 and dying == 0:
            return 1.0, False, 1.0
        # Neither the order of replies nor what other clients do may change a draw.
        rng = np.random.default_rng((self.seed, self.partition, self._begun))
        slowness = math.exp(spread * rng.standard_normal())
        return slowness, bool(rng.random() < dying), float(rng.random())

    def _units(self, message: Message, reply: Message | None) -> float | None:
        """Work behind a reply; None if it holds an error, or nobody asks."""
        kind = message.metadata.message_type
        if reply is None or not reply.has_content():
            return None
        for metrics in reply.content.values():
            if isinstance(metrics, MetricRecord):
                units = metrics.get(self.work_key)
                if isinstance(units, int | float):
                    return float(units)
        if self.profile.device.duration_s(kind) is not None:
            return None
        raise UsageError(
            f"The reply of partition {self.partition} to {kind!r} has no metric "
            f"{self.work_key!r}, and its profile takes time per unit of work.",
            "Let the client report it, name another work_key, or give a fixed time.",
        )

    def _charge(
        self,
        course: _Course,
        end_s: float,
        message: Message,
        reply: Message | None,
        *,
        whole: bool,
        moved: tuple[float, float],
    ) -> ClientRecord:
        spent_s = end_s - course.start_s
        energies: tuple[float | None, ...] = (None, None, None)
        if course.work_s is not None:
            active_s = min(max(0.0, spent_s - course.down_s), course.work_s)
            energies = self.profile.device.energy_kwh(active_s, spent_s - active_s)
            self._total_kwh += energies[0] or 0.0
        failed = whole and reply is not None and reply.has_error()
        self._finished += whole and not failed
        self._failed += failed
        self._lost += not whole
        return ClientRecord(
            number=self._begun,
            phase=phase_of(message),
            round=round_of(message),
            start_s=course.start_s,
            duration_s=spent_s,
            energy_kwh=energies[0],
            energy_low_kwh=energies[1],
            energy_high_kwh=energies[2],
            source=SOURCE,
            basis=Basis.SIMULATED,
            zone=self.profile.zone,
            device=self.profile.device.device,
            partition=self.partition,
            received_bytes=round(_size(message) * moved[0]),
            sent_bytes=round(_size(reply) * moved[1]),
            total_kwh=self._total_kwh,
            finished=self._finished,
            failed=self._failed,
            lost=self._lost,
            problem=None if course.work_s is not None else "nobody knows how much work it was",
        )


def _size(message: Message | None) -> int:
    """Payload of a message [bytes]; an error counts as none."""
    return payload_bytes(message.content) if message and message.has_content() else 0


def _objects(message: Message | None, moved: float) -> int:
    """Objects that moved of a message, if this share of it did; an error counts as none."""
    if message is None or not message.has_content():
        return 0
    return round(count_objects(message.content) * moved)


def _overlap_s(begin_s: float, end_s: float, since_s: float, until_s: float) -> float:
    return max(0.0, min(end_s, until_s) - max(begin_s, since_s))
