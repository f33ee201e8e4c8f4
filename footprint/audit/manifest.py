"""Reading the manifest of a company, and refusing what cannot mean anything."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pydantic

from footprint.addresses import hide_secrets, publish_address, publish_path
from footprint.audit.deployments import Deployment
from footprint.audit.faults import find_faults
from footprint.errors import FactorError, ManifestError, ManifestIncomplete
from footprint.factors import FactorCatalogue, load_catalogue
from footprint.model import InputFile
from footprint.networks import MODELS
from footprint.tables import explain, flatten, missing_keys, read_toml, written_keys

MANIFEST_NAME = "deployment.toml"
MOST_BYTES = 8 * 1024 * 1024
"""Size of a manifest beyond which it is no text that people wrote."""
MOST_INPUT_BYTES = 1024 * 1024 * 1024
"""Size of the journals of one run beyond which they belong into a ledger."""
_FACTOR_SUFFIXES = (".csv", ".toml")
_UNWRITTEN = {"origin", "digest", "outside", "declared"}


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
    written = ((key, _published(key, value)) for key, value in flatten(tables, ("name",)))
    deployment = replace(
        found,
        origin=str(path),
        digest=hashlib.sha256(path.read_bytes()).hexdigest(),
        outside=outside,
        declared=tuple(written),
    )
    for key, message, remedy in find_faults(deployment):
        raise ManifestError(f"{path}, {key}: {message}", remedy)
    return deployment


def _published(key: str, value: str) -> str:
    """Write a value of the manifest as everybody may read it."""
    last = key.rpartition(".")[2]
    if last == "ledger":
        return publish_address(value)
    if last == "journal" or key.startswith("factors["):
        return publish_path(value)
    return hide_secrets(value)


def _require_size(path: Path) -> None:
    try:
        size = path.stat().st_size
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise ManifestError(
            f"{path} cannot be read: {why}.", f"Name a manifest, or a folder with {MANIFEST_NAME}."
        ) from error
    if not path.is_file():  # a pipe gives its text once, or never
        raise ManifestError(f"{path} is no plain file.", "Write the manifest into a file.")
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
        # A link in a folder may lead elsewhere, too.
        parts = sorted(target.rglob("*")) if target.is_dir() else []
        inside = all(one.resolve().is_relative_to(folder.resolve()) for one in (target, *parts))
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
    files = [one for one in (target, *parts) if not one.is_dir()]
    for one in files:
        if not one.is_file():
            raise ManifestError(
                f"{deployment.origin}, {key}: {one.name!r} is no plain file.", "Take it away."
            )
    _require_input_size(deployment, files, name, key)
    return folder / name


def locate_ledger(deployment: Deployment, url: str, key: str) -> str:
    """Find a database that a manifest names: one beside it, unless others are allowed.

    Raises
    ------
    ManifestError
        If it lies elsewhere, and that was not allowed, or is a file that is missing.
    """
    scheme, _, rest = url.partition(":///")
    if scheme == "sqlite" and rest:
        return f"sqlite:///{locate(deployment, rest, key)}"
    if not deployment.outside:
        raise ManifestError(
            f"{deployment.origin}, {key}: {publish_address(url)!r} lies outside of the manifest's "
            "folder.",
            "Write sqlite:///name.db, or allow it with --allow-outside if you trust the manifest.",
        )
    return url


def _require_input_size(deployment: Deployment, files: Iterable[Path], name: str, key: str) -> None:
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
    for key, check in _names(deployment, catalogue):
        try:
            check()
        except FactorError as error:
            raise ManifestError(
                f"{deployment.origin}, {key}: {error.message}", error.remedy
            ) from error
    return catalogue


def list_factor_files(deployment: Deployment) -> Iterator[InputFile]:
    """Give the files of factors that a deployment brings, as inputs."""
    for number, name in enumerate(deployment.factors, start=1):
        folder = locate(deployment, name, f"factors[{number}]")
        for file in sorted(folder.rglob("*")):
            if file.suffix in _FACTOR_SUFFIXES and file.is_file():
                known = f"{publish_path(name).rstrip('/')}/{file.relative_to(folder).as_posix()}"
                yield InputFile(known, hashlib.sha256(file.read_bytes()).hexdigest())


def _names(
    deployment: Deployment, catalogue: FactorCatalogue
) -> Iterator[tuple[str, Callable[[], object]]]:
    """List what a deployment names of the catalogue, and how to look it up."""
    find: Callable[[], object]
    for kind in ("sites", "clouds", "participants"):
        for number, place in enumerate(getattr(deployment, kind), start=1):
            # A missing region is a finding.
            if place.zone and place.zone not in deployment.intensity:
                find = functools.partial(catalogue.zones.find, place.zone)
                yield f"{kind}[{number}].zone", find
    for number, hardware in enumerate(deployment.hardware, start=1):
        find = functools.partial(catalogue.resolve, "lifespan", subject=hardware.device)
        if hardware.life_s is None:
            yield f"hardware[{number}].device", find
    for number, silo in enumerate(deployment.silos, start=1):
        if silo.device is not None:
            yield f"silos[{number}].device", functools.partial(catalogue.find_device, silo.device)
    network, medium = deployment.method.network, deployment.method.medium
    if network not in MODELS:
        find = functools.partial(catalogue.resolve, "network_energy", subject=network)
        yield "method.network", find
    yield "method.medium", functools.partial(catalogue.resolve, "power_per_gb", subject=medium)
