"""Plans, proposals, decisions and outcomes, as the ledger keeps them."""

from __future__ import annotations

from dataclasses import dataclass

from footprint.model import Interval
from footprint.model.kinds import Vocabulary


class DecisionStatus(Vocabulary):
    """What a person decided about an advice."""

    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class PlanRecord:
    """A plan as the ledger keeps it.

    `change` entered it, None if nothing did yet; `is_new` says whether that was just now.
    """

    company: str
    made_s: float
    sha256: str
    document: str
    change: int | None = None
    is_new: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One advice, and what it promises. Fields as in `footprint.model.Advice`."""

    company: str
    advice: str
    kind: str
    subject: str
    current: str
    recommended: str
    saving_g: float
    saving_low_g: float
    saving_high_g: float
    saving_kwh: float | None
    saving_cost: float | None = None
    currency: str | None = None

    @property
    def promised_g(self) -> Interval:
        """Saving that was promised [gCO2e]."""
        return Interval(self.saving_g, self.saving_low_g, self.saving_high_g)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeRecord:
    """What was measured of a decision; None if something is missing, which the document says."""

    measured_g: Interval | None
    measured_kwh: float | None
    document: str
    made_s: float = 0.0
    change: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a person decided.

    Attributes
    ----------
    proposal : Proposal
    plan : str
        SHA-256 of the plan that it stands in.
    plan_made_s : float
        Time that the plan was made for (Unix time [s]).
    status : DecisionStatus
    author, reason : str
        As they were given.
    made_s : float
        When it was entered (Unix time [s]).
    change : int
    superseded_by : int or None
        Change that put another decision in its place.
    outcome : OutcomeRecord or None
        The last one; None if nothing was measured yet.
    is_new : bool
        Whether it was entered just now.
    """

    proposal: Proposal
    plan: str
    plan_made_s: float
    status: DecisionStatus
    author: str
    reason: str
    made_s: float
    change: int
    superseded_by: int | None = None
    outcome: OutcomeRecord | None = None
    is_new: bool = False
