"""What an advisor knows of a company, and how it estimates an option."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from footprint.assessment import estimate
from footprint.audit.deployments import Deployment
from footprint.audit.holdings import SiloTable
from footprint.errors import ManifestError
from footprint.factors import FactorCatalogue
from footprint.inventory import build_inventory
from footprint.management.advisor.needs import Needs
from footprint.management.analytics import Analysis
from footprint.management.catalogue import DatasetEntry, SiloCatalogue
from footprint.model import (
    Activity,
    Assessment,
    Basis,
    Finding,
    InputFile,
    Inventory,
    Journal,
    Phase,
    Run,
    SignalKind,
    Tier,
)
from footprint.settings import Settings
from footprint.uncertainty import DEFAULT_DRAWS, DEFAULT_SEED
from footprint.units import watt_seconds_to_kwh


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """Everything that advice is made from.

    Attributes
    ----------
    deployment : Deployment
        Where silos stand, and on what.
    needs : Needs
    catalogues : mapping of str to SiloCatalogue
        By silo; a silo that is not in it said nothing.
    duplicates : Analysis or None
        Of all datasets; None if nobody asked.
    histograms : mapping of (str, str) to Analysis
        By dataset and column, on the grids that the needs name.
    factors : FactorCatalogue
    now_s : float
        For which the advice is made (Unix time [s]).
    findings : tuple of Finding
        Such as silos that did not answer.
    inputs : tuple of InputFile
    """

    deployment: Deployment
    needs: Needs
    catalogues: Mapping[str, SiloCatalogue]
    duplicates: Analysis | None = None
    histograms: Mapping[tuple[str, str], Analysis] = field(default_factory=dict)
    factors: FactorCatalogue
    now_s: float
    findings: tuple[Finding, ...] = ()
    inputs: tuple[InputFile, ...] = ()

    @property
    def seed(self) -> int:
        """Of all intervals."""
        seed = self.deployment.method.seed
        return DEFAULT_SEED if seed is None else seed

    @property
    def draws(self) -> int:
        """Of all intervals."""
        draws = self.deployment.method.draws
        return DEFAULT_DRAWS if draws is None else draws

    def silo(self, name: str, key: str) -> SiloTable:
        """Find a silo of the deployment.

        Raises
        ------
        ManifestError
            If there is none of that name; `key` says who asked for it.
        """
        for silo in self.deployment.silos:
            if silo.name == name:
                return silo
        known = ", ".join(sorted(silo.name for silo in self.deployment.silos))
        raise ManifestError(
            f"{self.needs.origin}, {key}: there is no silo {name!r} in {self.deployment.origin}.",
            f"Known: {known}.",
        )

    def zone(self, silo: str, key: str) -> str:
        """Grid zone of a silo."""
        place = self.silo(silo, key).place
        return next(one.zone for one in self.deployment.places if one.name == place)

    def pue(self, silo: str, key: str) -> float | None:
        """Overhead of the place of a silo; None takes the catalogue's."""
        place = self.silo(silo, key).place
        found = next(one for one in self.deployment.places if one.name == place)
        pue: float | None = getattr(found, "pue", None)
        return pue

    def holders(self, dataset: str) -> dict[str, DatasetEntry]:
        """Entries of a dataset by the silos that have it."""
        return {
            name: entry
            for name, catalogue in self.catalogues.items()
            for entry in catalogue.datasets
            if entry.id == dataset
        }

    def unread(self, dataset: str) -> list[str]:
        """List where it is not known whether a dataset is, or how much of it, by silo.

        These are the silos of the needs without a catalogue, and those whose entry of the dataset
        was left out of theirs.
        """
        named = {table.name for table in self.needs.silos}
        spoilt = {name for name, one in self.catalogues.items() if dataset in one.left_out}
        return sorted((named - set(self.catalogues)) | (spoilt - set(self.holders(dataset))))

    def medium(self, storage_class: str) -> str:
        """Subject of the ``power_per_gb`` factor of a storage class.

        Raises
        ------
        ManifestError
            If nobody said what the class is.
        """
        if storage_class in self.needs.media:
            return self.needs.media[storage_class]
        known = {f.subject for f in self.factors.factors.values() if f.quantity == "power_per_gb"}
        for subject in (storage_class, f"storage.{storage_class}"):
            if subject in known:
                return subject
        raise ManifestError(
            f"{self.needs.origin}, media: a silo keeps data on {storage_class!r}, and nothing says "
            "what that is.",
            f'Write media = {{ {storage_class!r} = "storage.hdd" }}; known: '
            f"{', '.join(sorted(known))}.",
        )

    def activity(self, silo: str, phase: Phase, *, key: str, **amounts: Any) -> Activity:
        """Declare something that a silo would do over the horizon.

        Parameters
        ----------
        silo, phase
        key : str
            Key of the manifest that it comes from, for errors.
        **amounts
            Fields of `Activity`; and ``power_w``, which with ``duration_s`` gives the energy.
        """
        table = self.silo(silo, key)
        power_w = amounts.pop("power_w", None)
        if power_w is not None:
            amounts["energy_kwh"] = watt_seconds_to_kwh(power_w, amounts["duration_s"])
        fields: dict[str, Any] = {
            "device": table.device,
            "duration_s": 0.0,
            "energy_kwh": None,
            "data_gb": 0.0,
            "basis": Basis.DECLARED,
            "access": table.access,
            "source": f"declared/{silo}/{phase.value}",
            **amounts,
        }
        fields.setdefault("tier", None if fields["energy_kwh"] is None else Tier.E)
        return Activity(
            actor=silo,
            role=table.role,
            zone=self.zone(silo, key),
            phase=phase,
            round=None,
            start_s=self.now_s,
            energy_low_kwh=None,
            energy_high_kwh=None,
            **fields,
        )

    def settings(self, **choices: Any) -> Settings:
        """Choices of every estimate: those of the deployment, and `choices` on top."""
        method = self.deployment.method
        names = [silo.name for silo in self.deployment.silos]
        pues = {name: self.pue(name, "silos") for name in names}
        base = Settings(
            network=method.network,
            pues={name: pue for name, pue in pues.items() if pue is not None},
            places={silo.name: silo.place for silo in self.deployment.silos},
            intensities={
                zone: one.intensity_g_per_kwh for zone, one in self.deployment.intensity.items()
            },
            medium=method.medium,
            replication=method.replication,
            prices=self.needs.prices,
            signal=SignalKind.parse(method.signal),
            seed=self.seed,
            draws=self.draws,
        )
        return replace(base, **choices)

    def assess(self, name: str, activities: Iterable[Activity], **choices: Any) -> Assessment:
        """Estimate an option.

        Parameters
        ----------
        name : str
        activities : iterable of Activity
            Over the horizon; none for doing nothing.
        **choices
            Fields of `Settings` in which this option differs.
        """
        journal = Journal.of(Run(name), list(activities))
        return self.estimate(build_inventory(journal), **choices)

    def estimate(self, inventory: Inventory, **choices: Any) -> Assessment:
        """Estimate what is in an inventory, as `assess` does.

        Of actors without a device `footprint.management.advisor.devices` tells, once for all
        options and with the place where a company declares it. The gap of the boundary stays.
        """
        found = estimate(inventory, self.settings(**choices), catalogue=self.factors)
        kept = tuple(one for one in found.findings if one.code != "device-missing")
        return replace(found, findings=kept)
