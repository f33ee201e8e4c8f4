"""What FedZero's public code does otherwise, for a comparison side by side.

References
----------
github.com/dos-group/fedzero, commit 1c8ae6a3. Re-implemented from a description; nothing
here is copied.
"""

from __future__ import annotations

import numpy as np

from footprint.scheduling.fedzero.blocklist import Blocklist, release_probability
from footprint.scheduling.fedzero.problem import Flags, Floats, Indices


class AuthorsBlocklist(Blocklist):
    """A blocklist that behaves as that of the public code.

    - Only last participants that are available now are blocked; if there are none, nobody
      draws either.
    - Asking again within a round blocks them again and draws again. Each time adds a copy
      of the client to a list, a release removes one copy: a client with copies left stays.
    - The list is changed while it is walked through: whoever follows a removed copy is skipped.
    - Discarded work counts as a participation.
    """

    def __init__(self, clients: int, *, alpha: float = 1.0, exclusion: float = 1.0) -> None:
        super().__init__(clients, alpha=alpha, exclusion=exclusion, level="cycles")
        self._copies: list[int] = []

    def record(self, accepted: Indices, discarded: Indices | None = None) -> None:
        """Count a round that has ended, discarded work included."""
        super().record(accepted, discarded)
        if discarded is not None:
            self.participations[discarded] += 1

    def update(
        self, now_s: float, available: Flags, utility: Floats, rng: np.random.Generator
    ) -> Flags:
        """Block and release before a selection; as `Blocklist.update`, at every call."""
        level = self._reference.update(now_s, self.participations, available)
        last = self._last[self._last < len(utility)]
        participants = last[available[last]]
        if len(participants):
            threshold = np.quantile(utility[participants], self._exclusion)
            self._copies += participants[utility[participants] <= threshold].tolist()
            chance = release_probability(self.participations, level, self._alpha, self._form)
            for client in self._copies:  # skips as the original does
                if rng.random() <= chance[client]:
                    self._copies.remove(client)
        self.blocked[:] = False
        self.blocked[self._copies] = True
        return self.blocked.copy()
