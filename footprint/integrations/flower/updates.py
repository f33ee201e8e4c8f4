"""Gradients of a live training: what the updates of clients followed.

Nobody is asked for a gradient in a live run: only those who train tell theirs, by the model that
they send back. An update is the sum of the steps of a client, so clients that do more of them
have a longer one; learning rates and steps are not known to a server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from flwr.app import ArrayRecord, Message

from footprint.errors import UsageError
from footprint.scheduling.arrays import Array
from footprint.scheduling.candidates import Integers
from footprint.scheduling.gradients import GradientSource, project

_LONG, _SHORT = 4096, 256  # parameters from which on a gradient is shortened, and to what


class Updates:
    """Tells a scheduler the gradients that can be seen in a live run.

    Parameters
    ----------
    seed : int
        Of the projection, which is one for the whole run.

    Attributes
    ----------
    wanted : bool
        Whether a scheduler has asked; nothing is computed before.
    """

    def __init__(self, seed: int) -> None:
        self.wanted = False
        self._seed = seed
        self._model: dict[str, Array] = {}

    def gradients(self, clients: Integers, source: GradientSource) -> dict[int, Array]:
        """Answer that nobody can be asked; see `footprint.scheduling.base.Probes`.

        Raises
        ------
        UsageError
            If a scheduler wants gradients on the current model.
        """
        del clients
        if source is not GradientSource.STALE:
            raise UsageError(
                f"A live training has no {source} gradients: only updates of those who train are "
                "seen.",
                "Give the scheduler gradient='stale'.",
            )
        self.wanted = True
        return {}

    def begin(self, arrays: ArrayRecord) -> None:
        """Keep the model that a round begins with."""
        self._model = _floats(arrays) if self.wanted else {}

    def followed(self, replies: Iterable[Message], name: Callable[[int], str]) -> dict[str, Array]:
        """Give the model less each update that has its form, by client.

        Parameters
        ----------
        replies : iterable of Message
        name : callable
            Gives the name of a node's client.
        """
        if not self._model:
            return {}
        found = {}
        for reply in replies:
            if not reply.has_content():
                continue
            for record in reply.content.array_records.values():
                row = self._moved(record)
                if row is not None:
                    found[name(reply.metadata.src_node_id)] = row
        if not found:
            return {}
        rows = np.array(list(found.values()))
        if rows.shape[1] > _LONG:
            rows = project(rows, _SHORT, np.random.default_rng([self._seed, 2]))
        return dict(zip(found, rows, strict=True))

    def _moved(self, record: ArrayRecord) -> Array | None:
        after = _floats(record)
        if {key: a.shape for key, a in after.items()} != {
            key: a.shape for key, a in self._model.items()
        }:
            return None  # no update of this model, or only a part of one
        row = np.concatenate([(self._model[key] - after[key]).ravel() for key in self._model])
        return row if np.isfinite(row).all() else None


def _floats(record: ArrayRecord) -> dict[str, Array]:
    arrays = {key: array.numpy() for key, array in record.items()}
    return {
        key: array.astype(np.float64)
        for key, array in arrays.items()
        if np.issubdtype(array.dtype, np.floating)
    }
