"""Contributions before their intervals are known."""

from __future__ import annotations

from dataclasses import dataclass

from footprint.model import (
    Basis,
    Contribution,
    Interval,
    InventoryLine,
    Stage,
)
from footprint.uncertainty import Sampler


@dataclass(frozen=True, slots=True)
class Draft:
    """A contribution before its interval is known."""

    line: InventoryLine
    stage: Stage
    amount: float
    amount_unit: str
    terms: tuple[str, ...]
    emissions_g: float
    energy_kwh: float | None

    def finish(self, sampler: Sampler) -> Contribution:
        """Contribution with the interval that the draws of its terms give."""
        line, value = self.line, self.emissions_g
        ratio = sampler.ratio_interval(self.terms)
        tracked = (
            self.stage is Stage.EMBODIED
            and line.tier is not None
            and line.basis is not Basis.DECLARED
        )
        return Contribution(
            stage=self.stage,
            phase=line.phase,
            actor=line.actor,
            role=line.role,
            device=line.device,
            zone=line.zone,
            # The amount of an embodied share is time, which a tracker measures
            # whatever the energy of the line is.
            basis=Basis.MEASURED if tracked else line.basis,
            tier=line.tier if self.stage is Stage.OPERATION else None,
            amount=self.amount,
            amount_unit=self.amount_unit,
            terms=self.terms,
            emissions_g=Interval(value, value * ratio.low, value * ratio.high),
            energy_kwh=self.energy_kwh,
            round=line.round,
            life_cycle=line.life_cycle,
        )
