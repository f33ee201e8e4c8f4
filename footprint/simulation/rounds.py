"""One round of a planned training: who is chosen, how long it takes, who waits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from footprint.lifecycle.network import transfer_time
from footprint.model import ClientGroup, Study


@dataclass(frozen=True, slots=True)
class Sessions:
    """What one client of a group does in a round, and how often that happens.

    Attributes
    ----------
    able : float
        Clients that can be chosen at a time [1].
    chosen, finished : float
        Sessions that begin, and that end with an update, in one round [1].
    training_s, down_s, up_s : float
        Of a session that ends with an update [s].
    """

    group: ClientGroup
    able: float
    chosen: float
    finished: float
    training_s: float
    down_s: float
    up_s: float

    @property
    def total_s(self) -> float:
        """Time of a session [s]."""
        return self.training_s + self.down_s + self.up_s


def round_sessions(study: Study) -> list[Sessions]:
    """Sessions of one round, by group: clients are chosen alike among those available."""
    training = study.training
    able = sum(group.count * group.availability for group in study.clients)
    wanted = training.clients_per_round * (1 + training.over_selection)
    found = []
    for group in study.clients:
        chosen = wanted * group.count * group.availability / able
        found.append(
            Sessions(
                group,
                group.count * group.availability,
                chosen,
                chosen * (1 - group.dropout),
                training.local_epochs * (group.epoch_s or 0.0),
                transfer_duration(training.model_gb, group.down_mbps),
                transfer_duration(update_volume(study), group.up_mbps),
            )
        )
    return found


def round_duration(study: Study) -> float:
    """Find the expected wall-clock of one round: its slowest client, and aggregation [s]."""
    slowest_s = expected_slowest(round_sessions(study))
    return slowest_s + ((study.server.aggregation_s or 0.0) if study.server is not None else 0.0)


def expected_slowest(sessions: Sequence[Sessions], given: Sessions | None = None) -> float:
    """Find the expected time of the slowest of those chosen in a round [s].

    Chosen without replacement among those available, so a group of which few are
    chosen delays few rounds. With `given`, one of its clients is chosen for certain.
    """
    able = sum(one.able for one in sessions)
    chosen = sum(one.chosen for one in sessions)
    least_s = 0.0
    if given is not None:
        able, chosen, least_s = able - 1, chosen - 1, given.total_s
    expected_s, slower, none_slower = 0.0, 0.0, 1.0
    for one in sorted(sessions, key=lambda one: -one.total_s):
        if one.total_s <= least_s:
            break
        slower += one.able
        none_yet = _chance_of_none(able, slower, chosen)
        expected_s += one.total_s * (none_slower - none_yet)
        none_slower = none_yet
    return expected_s + least_s * none_slower


def _chance_of_none(able: float, marked: float, chosen: float) -> float:
    """Chance that none of the marked ones is among those chosen (hypergeometric)."""
    if chosen <= 0 or marked <= 0:
        return 1.0
    left = able - marked
    if left < chosen * (1 - 1e-12):
        return 0.0
    return math.exp(
        math.lgamma(left + 1)
        - math.lgamma(max(left - chosen, 0.0) + 1)
        - math.lgamma(able + 1)
        + math.lgamma(max(able - chosen, 0.0) + 1)
    )


def update_volume(study: Study) -> float:
    """Size of the update that comes up [GB]."""
    update_gb = study.training.update_gb
    return study.training.model_gb if update_gb is None else update_gb


def transfer_duration(data_gb: float, rate_mbps: float | None) -> float:
    """Time of a transfer [s]."""
    # Only data centres may leave their rates out: their transfers take no time to speak of.
    return 0.0 if rate_mbps is None else transfer_time(data_gb, rate_mbps)
