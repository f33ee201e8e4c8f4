"""Reading the manifest of a company, and refusing what cannot mean anything."""

from __future__ import annotations

import functools
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pydantic

from footprint.audit.deployments import Acquired, Deployment, Holding, ParticipantsTable
from footprint.errors import FactorError, ManifestError, ManifestIncomplete, UsageError
from footprint.factors import FactorCatalogue, load_catalogue
from footprint.model import AllocationRule, Category, SignalKind
from footprint.model.kinds import SignalMethod
from footprint.tables import explain, flatten, missing_keys, read_toml, written_keys

MANIFEST_NAME = "deployment.toml"
MOST_BYTES = 8 * 1024 * 1024
"""Size of a manifest beyond which it is no text that people wrote."""
MOST_INPUT_BYTES = 1024 * 1024 * 1024
"""Size of the journals of one run beyond which they belong into a ledger."""
_UNWRITTEN = {"origin", "digest", "outside", "declared"}
_PASSWORD = re.compile(r"(://[^:/@\s]*):\S*@")

Fault = tuple[str, str, str]
"""Key, what is wrong with it, and what to do."""


def read_deployment(path: Path | str, *, outside: bool = False) -> Deployment:
    """Read the manifest of a company.

    Parameters
    ----------
    path : path
        A TOML file, or the folder of one that is called ``deployment.toml``.
    outside : bool
        Whether it may name files and databases outside of its own folder.

    Raises
    ------
    ManifestError
        If it cannot be read or means nothing: says the file and the key, what was found
        and what is accepted.
    """
    path = Path(path)
    if path.is_dir():
        path = path / MANIFEST_NAME
    _require_size(path)
    tables = read_toml(path, ManifestError)
    for key in sorted(_UNWRITTEN & set(tables)):
        raise ManifestError(f"{path}, {key}: this key is unknown.", "Leave it out.")
    try:
        found: Deployment = _adapter().validate_python(tables)
    except pydantic.ValidationError as error:
        message, remedy = explain(path, error, Deployment, written_keys(Deployment) - _UNWRITTEN)
        keys = missing_keys(error)
        kind = ManifestIncomplete(message, remedy, keys) if keys else ManifestError(message, remedy)
        raise kind from error
    written = ((key, hide_password(value)) for key, value in flatten(tables, ("name",)))
    deployment = replace(
        found,
        origin=str(path),
        digest=hashlib.sha256(path.read_bytes()).hexdigest(),
        outside=outside,
        declared=tuple(written),
    )
    for key, message, remedy in _faults(deployment):
        raise ManifestError(f"{path}, {key}: {message}", remedy)
    return deployment


def hide_password(text: str) -> str:
    """Replace the password of a URL by stars."""
    return _PASSWORD.sub(r"\1:***@", text)


def _require_size(path: Path) -> None:
    try:
        size = path.stat().st_size
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise ManifestError(
            f"{path} cannot be read: {why}.", f"Name a manifest, or a folder with {MANIFEST_NAME}."
        ) from error
    if size > MOST_BYTES:
        raise ManifestError(
            f"{path} has {size:,} bytes; a manifest has at most {MOST_BYTES:,}.",
            "Put activities into journals or a ledger.",
        )


@functools.cache
def _adapter() -> pydantic.TypeAdapter[Deployment]:
    return pydantic.TypeAdapter(Deployment)


def locate(deployment: Deployment, name: str, key: str) -> Path:
    """Find a file that a manifest names.

    Raises
    ------
    ManifestError
        If it lies outside of the manifest's folder, and that was not allowed, or is missing.
    """
    folder = deployment.folder
    try:
        target = (folder / name).resolve()
        inside = target.is_relative_to(folder.resolve())
        exists = target.exists()
    except (OSError, ValueError) as error:
        raise ManifestError(
            f"{deployment.origin}, {key}: {name!r} is no name of a file: {error}.", "Correct it."
        ) from error
    if not inside and not deployment.outside:
        raise ManifestError(
            f"{deployment.origin}, {key}: {name!r} lies outside of the manifest's folder.",
            "Move it there, or allow it with --allow-outside if you trust the manifest.",
        )
    if not exists:
        raise ManifestError(
            f"{deployment.origin}, {key}: there is no {name!r}.",
            "Names are relative to the manifest.",
        )
    _require_input_size(deployment, target, name, key)
    return folder / name


def _require_input_size(deployment: Deployment, target: Path, name: str, key: str) -> None:
    files = target.glob("*.jsonl") if target.is_dir() else [target]
    size = sum(file.stat().st_size for file in files)
    if size > MOST_INPUT_BYTES:
        raise ManifestError(
            f"{deployment.origin}, {key}: {name!r} holds {size:,} bytes; at most "
            f"{MOST_INPUT_BYTES:,} are read.",
            "Put the run into a ledger (footprint ledger ingest).",
        )


def deployment_catalogue(deployment: Deployment) -> FactorCatalogue:
    """Load the factors of a deployment: the built-in ones, and those of its folders.

    Raises
    ------
    ManifestError
        If a place is in a zone that they do not know, and that no intensity is declared for.
    """
    folders = tuple(
        locate(deployment, name, f"factors[{number}]")
        for number, name in enumerate(deployment.factors, start=1)
    )
    catalogue = load_catalogue(folders)
    for key, zone in _zones(deployment):
        if zone in deployment.intensity:
            continue
        try:
            catalogue.zones.find(zone)
        except FactorError as error:
            raise ManifestError(
                f"{deployment.origin}, {key}: {error.message}", error.remedy
            ) from error
    return catalogue


def _zones(deployment: Deployment) -> Iterator[tuple[str, str]]:
    for kind in ("sites", "clouds", "participants"):
        for number, place in enumerate(getattr(deployment, kind), start=1):
            if place.zone:  # a missing region is a finding
                yield f"{kind}[{number}].zone", place.zone


def _faults(deployment: Deployment) -> Iterable[Fault]:
    yield from _period_faults(deployment)
    yield from _name_faults(deployment)
    yield from _reference_faults(deployment)
    yield from _run_faults(deployment)
    yield from _hardware_faults(deployment)
    yield from _method_faults(deployment)


def _period_faults(deployment: Deployment) -> Iterable[Fault]:
    if deployment.period.end < deployment.period.start:
        yield "period.end", "it lies before the start.", "Exchange the two."


def _name_faults(deployment: Deployment) -> Iterable[Fault]:
    kinds = {
        "sites": [place.name for place in deployment.places],
        "silos": [silo.name for silo in deployment.silos],
        "hardware": [one.name for one in deployment.hardware],
        "instruments": [one.name for one in deployment.instruments],
        "generators": [one.name for site in deployment.sites for one in site.generators],
    }
    for key, names in kinds.items():
        for name, times in Counter(names).items():
            if times > 1:
                yield key, f"the name {name!r} is given {times} times.", "Name each once."
            if not name.strip():
                yield key, "a name is empty.", "Give each a name."
    if not deployment.runs:
        yield "runs", "there is no run.", "Add [[runs]] tables."


def _reference_faults(deployment: Deployment) -> Iterable[Fault]:
    places = {place.name for place in deployment.places}
    sites = {site.name for site in deployment.sites}
    for number, silo in enumerate(deployment.silos, start=1):
        if silo.place not in places:
            yield f"silos[{number}].place", f"there is no place {silo.place!r}.", _known(places)
    for number, hardware in enumerate(deployment.hardware, start=1):
        if hardware.place not in places:
            key = f"hardware[{number}].place"
            yield key, f"there is no place {hardware.place!r}.", _known(places)
    for number, one in enumerate(deployment.instruments, start=1):
        for name in (*one.sites, *one.claims):
            if name not in sites:
                key = f"instruments[{number}].sites"
                yield key, f"there is no site {name!r}.", _known(sites)


def _run_faults(deployment: Deployment) -> Iterable[Fault]:
    silos = {silo.name for silo in deployment.silos}
    for number, run in enumerate(deployment.runs, start=1):
        key = f"runs[{number}]"
        sources = [bool(run.journal), bool(run.ledger), bool(run.activities)]
        if sum(sources) != 1:
            found = "none" if not any(sources) else "more than one"
            yield (
                key,
                f"{run.name!r} names {found} of journal, ledger and activities.",
                "Name one of them.",
            )
        named = [("silo", run.silo)] if run.silo is not None else []
        named += [(f"actors.{actor}", silo) for actor, silo in run.actors.items()]
        named += [
            (f"activities[{place}].silo", activity.silo)
            for place, activity in enumerate(run.activities, start=1)
        ]
        for part, silo in named:
            if silo not in silos:
                yield f"{key}.{part}", f"there is no silo {silo!r}.", _known(silos)
        for place, activity in enumerate(run.activities, start=1):
            if activity.energy_kwh is not None and activity.rated_w is not None:
                yield (
                    f"{key}.activities[{place}].rated",
                    "there is an energy, too.",
                    "Keep the energy, which is better.",
                )
            if activity.stored_gb and not activity.kept_s:
                yield f"{key}.activities[{place}].kept", "this key is missing.", "Say how long."


def _hardware_faults(deployment: Deployment) -> Iterable[Fault]:
    for number, one in enumerate(deployment.hardware, start=1):
        if one.acquired is Acquired.BOUGHT and one.purchased is None:
            yield (
                f"hardware[{number}].purchased",
                "this key is missing.",
                "Say when it was bought, as 2024-06-30: its making counts in that year.",
            )
        if one.embodied_g is not None and not one.source:
            yield f"hardware[{number}].source", "this key is missing.", "Say whose figure it is."


def _method_faults(deployment: Deployment) -> Iterable[Fault]:
    try:
        signal = SignalKind.parse(deployment.method.signal)
    except UsageError as error:
        yield "method.signal", error.message, error.remedy
        return
    if signal.method is not SignalMethod.LOCATION:
        yield (
            "method.signal",
            f"{signal} is no location-based kind.",
            "Contracts are instruments and residual_mix; they never enter this figure.",
        )
    for number, group in enumerate(deployment.participants, start=1):
        if group.category not in (
            Category.USE_OF_SOLD,
            Category.DOWNSTREAM_LEASED,
            Category.SERVICES,
        ):
            yield f"participants[{number}].category", f"found {group.category}.", "3.1, 3.11, 3.13."
    partners = [site for site in deployment.sites if site.holding is Holding.PARTNER]
    rule = deployment.method.allocation
    if partners and rule is AllocationRule.DATA:
        kinds = {p.name for p in deployment.participants}
        for number, silo in enumerate(deployment.silos, start=1):
            if silo.records is None and silo.place not in kinds and silo.role == "client":
                yield (
                    f"silos[{number}].records",
                    "this key is missing, and partners' work is divided by data.",
                    "Say on how many records it trains, or choose another method.allocation.",
                )
    for number, site in enumerate(deployment.sites, start=1):
        declared = site.reported_share is not None
        if site.holding is Holding.PARTNER and (rule is AllocationRule.DECLARED) != declared:
            yield (
                f"sites[{number}].reported_share",
                f"{'given' if declared else 'missing'}, and the allocation is {rule.value!r}.",
                "Partners' shares are declared, or follow from the rule.",
            )


def _known(names: Iterable[str]) -> str:
    return f"They are: {', '.join(sorted(names)) or 'none'}."


def is_participants(deployment: Deployment, place: str) -> bool:
    """Whether a place is a group of participants."""
    return any(isinstance(one, ParticipantsTable) for one in deployment.places if one.name == place)
