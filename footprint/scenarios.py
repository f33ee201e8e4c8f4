"""From a manifest to assessments: the federated training, and the centralised one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from footprint.assessment import estimate
from footprint.errors import FactorError, FactorNotFound, ManifestError, UsageError
from footprint.factors import FactorCatalogue, load_catalogue
from footprint.inventory import build_inventory
from footprint.manifest import study_sites
from footprint.model import Architecture, Assessment, Journal, Site, Study
from footprint.networks import MODELS
from footprint.settings import Settings
from footprint.simulation.analytic import CENTRE, SERVER, plan_centralised, plan_federated
from footprint.uncertainty import DEFAULT_DRAWS, DEFAULT_SEED


def study_catalogue(study: Study) -> FactorCatalogue:
    """Load the factors of a study: the built-in ones, and those of its folders.

    Raises
    ------
    ManifestError
        If the study names a zone, device, network or medium that they do not know.
    """
    catalogue = load_catalogue(tuple(Path(folder) for folder in study.factors))
    check_names(study, catalogue)
    return catalogue


def check_names(study: Study, catalogue: FactorCatalogue) -> None:
    """Refuse a study that names what a catalogue does not know.

    Raises
    ------
    ManifestError
        Says which key.
    """
    for key, found, check in _names(study, catalogue):
        try:
            check()
        except FactorError as error:
            raise ManifestError(
                f"{study.origin or study.name}, {key}: found {found!r}. {error.message}",
                error.remedy,
            ) from error


def _names(
    study: Study, catalogue: FactorCatalogue
) -> Iterator[tuple[str, str, Callable[[], object]]]:
    """List what a study names, and how to look it up."""
    look_up = catalogue.resolve
    for key, site in study_sites(study):
        if site.zone not in study.intensity:
            yield f"{key}.zone", site.zone, partial(catalogue.zones.find, site.zone)
        if site.device is not None:
            yield f"{key}.device", site.device, partial(_find_device, catalogue, site.device)
        if site.host is not None:
            yield f"{key}.host", site.host, partial(_find_device, catalogue, site.host)
    for number, work in enumerate(study.work, start=1):
        if work.zone not in study.intensity:
            yield f"work[{number}].zone", work.zone, partial(catalogue.zones.find, work.zone)
    if study.network not in MODELS:
        yield "network", study.network, partial(look_up, "network_energy", subject=study.network)
    medium = study.storage.medium
    if medium is not None:
        yield "storage.medium", medium, partial(look_up, "power_per_gb", subject=medium)


def _find_device(catalogue: FactorCatalogue, device: str) -> None:
    """Look a device class up; devices whose name holds the word are named, none is taken.

    Raises
    ------
    FactorNotFound
        If the catalogue does not know it.
    """
    try:
        catalogue.resolve("lifespan", subject=device)
    except FactorNotFound as error:
        made = {f.subject for f in catalogue.factors.values() if f.quantity == "embodied"}
        near = sorted(subject for subject in made if device.casefold() in subject)
        hint = f"Did you mean {', '.join(near[:5])}? " if near else ""
        raise FactorNotFound(
            f"There is no device class {device!r} in the factor catalogue.",
            f"{hint}{error.remedy}",
        ) from error


def plan_study(study: Study, architecture: Architecture) -> Journal:
    """Say what a study would do in one architecture.

    Raises
    ------
    UsageError
        If the study does not describe that architecture.
    """
    if architecture is Architecture.FEDERATED:
        return plan_federated(study)
    if architecture is not Architecture.CENTRALISED:
        raise UsageError(
            f"A manifest does not describe the architecture {architecture.value!r}.",
            "Use federated or centralised.",
        )
    if study.centralised is None:
        raise UsageError(
            f"{study.name!r} has no centralised training.", "Add a [centralised] table."
        )
    return plan_centralised(study, study.centralised)


def study_actors(study: Study) -> dict[str, Site]:
    """Sites of a study by the names of their actors."""
    sites: dict[str, Site] = {group.name: group for group in study.clients}
    if study.server is not None:
        sites[SERVER] = study.server
    if study.centralised is not None:
        sites[CENTRE] = study.centralised
    return sites


def study_settings(study: Study, architecture: Architecture) -> Settings:
    """Choices of an estimate, as a study makes them."""
    sites = study_actors(study)
    staff = 0.0
    if study.prices is not None:
        federated = architecture is Architecture.FEDERATED
        staff = study.prices.staff_federated if federated else study.prices.staff_centralised
    return Settings(
        network=study.network,
        pues={name: site.pue for name, site in sites.items() if site.pue is not None},
        router_w=study.router_w,
        line_users={group.name: group.line_users for group in study.clients},
        intensities=study.intensity,
        # A manifest that stores something names both.
        medium=study.storage.medium or "",
        replication=study.storage.replication or 1.0,
        billed_copies=study.storage.billed_copies,
        embodied=study.embodied,
        active_shares=_active_shares(sites),
        boundary=study.boundary,
        prices=study.prices,
        staff=staff,
        seed=DEFAULT_SEED if study.seed is None else study.seed,
        draws=DEFAULT_DRAWS if study.draws is None else study.draws,
    )


def _active_shares(sites: Mapping[str, Site]) -> dict[str, float]:
    """Part of its life in which the device of each actor works.

    What was bought for this alone is charged for its whole time, working or not.
    """
    shares = {name: site.active_share for name, site in sites.items() if site.active_share}
    return shares | {name: 1.0 for name, site in sites.items() if site.dedicated}


def estimate_study(
    study: Study,
    architecture: Architecture = Architecture.FEDERATED,
    *,
    catalogue: FactorCatalogue | None = None,
) -> Assessment:
    """Estimate a study in one architecture.

    Parameters
    ----------
    study : Study
    architecture : Architecture
    catalogue : FactorCatalogue, optional
        Default: `study_catalogue`.

    Returns
    -------
    Assessment

    Raises
    ------
    UsageError
        If the study does not describe that architecture.
    FactorNotFound
        If a zone, device or network is not in the catalogue.
    """
    catalogue = catalogue or study_catalogue(study)
    inventory = build_inventory(plan_study(study, architecture))
    assessment = estimate(inventory, study_settings(study, architecture), catalogue=catalogue)
    return replace(assessment, declared=study.declared)
