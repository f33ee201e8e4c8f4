"""Manifests: the TOML files in which people describe a training that they plan."""

from __future__ import annotations

import functools
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pydantic

from footprint.errors import ManifestError, ManifestIncomplete, UnitError
from footprint.model import (
    Access,
    BoundaryRule,
    ClientGroup,
    Currency,
    Prices,
    Study,
)
from footprint.tables import (
    explain,
    flatten,
    merge_tables,
    missing_keys,
    read_toml,
    telling_steps,
    written_keys,
)
from footprint.units import parse_quantity

_MOST_EXTENDS = 10
# The page says these elsewhere.
_NOT_DECLARED = ("name", "functional_unit", "factors")


def read_manifest(path: Path | str) -> Study:
    """Read a manifest.

    Parameters
    ----------
    path : path
        A TOML file. ``extends = "other.toml"`` takes what that file says, where this
        one says nothing; tables are merged, lists replaced.

    Returns
    -------
    Study

    Raises
    ------
    ManifestError
        If it cannot be read or means nothing: says the file and the key, what was found
        and what is accepted.
    """
    path = Path(path)
    study = study_of(read_tables(path), path)
    return replace(study, digest=hashlib.sha256(path.read_bytes()).hexdigest())


def read_tables(path: Path) -> dict[str, Any]:
    """Read the tables of a manifest and of what it extends, unchecked."""
    return _load(path, ())


def study_of(tables: Mapping[str, Any], path: Path) -> Study:
    """Check the tables of a manifest, as `read_manifest` does.

    Parameters
    ----------
    tables : mapping
    path : Path
        For messages, and as the place that folders of factors are relative to.
    """
    written = tables
    tables = dict(tables)
    prices = tables.pop("prices", None)
    for key in sorted(_UNWRITTEN):
        if key in tables:
            raise ManifestError(f"{path}, {key}: this key is unknown.", "Leave it out.")
    _names(path, tables)
    try:
        study: Study = _adapter().validate_python(tables)
    except pydantic.ValidationError as error:
        raise _refused(_holder(path, telling_steps(error)), error) from error
    study = replace(study, origin=str(path), declared=tuple(flatten(written, _NOT_DECLARED)))
    if prices is not None:
        study = replace(study, prices=read_prices(path, prices))
    for key, message, remedy in _contradictions(study):
        raise ManifestError(f"{path}, {key}: {message}", remedy)
    missing = tuple(_missing(study))
    if missing:
        key, message, remedy = missing[0]
        keys = tuple(dict.fromkeys(key for key, _, _ in missing))
        raise ManifestIncomplete(f"{path}, {key}: {message}", remedy, keys)
    return study


@functools.cache
def _adapter() -> pydantic.TypeAdapter[Study]:
    return pydantic.TypeAdapter(Study)


def _load(path: Path, seen: tuple[Path, ...]) -> dict[str, Any]:
    if path.resolve() in seen:
        raise ManifestError(f"{path} extends itself.", "Break the circle of `extends`.")
    if len(seen) > _MOST_EXTENDS:
        raise ManifestError(f"{path} extends more than {_MOST_EXTENDS} files.", "Use fewer.")
    tables = read_toml(path, ManifestError)
    if "factors" in tables:
        # Relative to the file that names them.
        tables["factors"] = [str(path.parent / name) for name in _names(path, tables)]
    base = tables.pop("extends", None)
    if base is None:
        return tables
    if not isinstance(base, str):
        raise ManifestError(f"{path}, extends: found {base!r}, expected the name of a file.", "")
    extended = path.parent / base
    if not extended.is_file():
        raise ManifestError(
            f"{path}, extends: there is no file {extended}.", "The name is relative to this file."
        )
    return merge_tables(_load(extended, (*seen, path.resolve())), tables)


def _holder(path: Path, steps: Sequence[str | int]) -> Path:
    """File that says most of what stands at a path into tables: this one, or one it extends."""
    best, most = path, -1
    here: Path | None = path
    while here is not None and here.is_file():
        own = read_toml(here, ManifestError)
        node: Any = own
        depth = 0
        for step in steps:
            try:
                node = node[step]
            except (KeyError, IndexError, TypeError):
                break
            depth += 1
        if depth > most:
            best, most = here, depth
        base = own.get("extends")
        here = here.parent / base if isinstance(base, str) else None
    return best


def _names(path: Path, tables: Mapping[str, Any]) -> list[str]:
    names = tables.get("factors", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ManifestError(
            f"{path}, factors: found {names!r}, expected a list of folders.",
            'Write factors = ["my-factors"].',
        )
    return names


# Where the file lies is nothing to write into it.
_UNWRITTEN = {"origin", "digest", "declared"}


def _refused(path: Path, error: pydantic.ValidationError) -> ManifestError:
    known = written_keys(Study) - _UNWRITTEN | {"extends"}
    message, remedy = explain(path, error, Study, known)
    keys = missing_keys(error)
    return ManifestIncomplete(message, remedy, keys) if keys else ManifestError(message, remedy)


_PRICES = {
    "electricity": ("electricity_per_kwh", "kWh"),
    "egress": ("egress_per_gb", "GB"),
    "storage": ("storage_per_gb_month", "GB/month"),
    "carbon": ("carbon_per_g", "gCO2e"),
    "staff_federated": ("staff_federated", ""),
    "staff_centralised": ("staff_centralised", ""),
}
"""Field and unit of each price, by its key."""


def read_prices(path: Path, table: Any) -> Prices:
    """Read prices; all of them must be in the one currency that the table names."""
    if not isinstance(table, dict):
        raise ManifestError(f"{path}, prices: found {table!r}, expected a table.", "")
    table = dict(table)
    code = table.pop("currency", None)
    if code not in tuple(Currency):
        raise ManifestError(
            f"{path}, prices.currency: found {code!r}, expected one of {', '.join(Currency)}.",
            "Name the currency of all prices; two currencies are never mixed.",
        )
    values: dict[str, Any] = {"currency": Currency(code)}
    if "consumer" in table:
        values["consumer"] = str(table.pop("consumer"))
    instances = table.pop("instances", {})
    if not isinstance(instances, dict):
        raise ManifestError(f"{path}, prices.instances: found {instances!r}, expected a table.", "")
    values["instances_per_h"] = {
        name: _price(path, f"prices.instances.{name}", text, code, "h")
        for name, text in instances.items()
    }
    for key, text in table.items():
        if key not in _PRICES:
            known = ", ".join(["currency", "consumer", "instances", *_PRICES])
            raise ManifestError(f"{path}, prices.{key}: this key is unknown.", f"Known: {known}.")
        name, per = _PRICES[key]
        values[name] = _price(path, f"prices.{key}", text, code, per)
    return Prices(**values)


def _price(path: Path, key: str, text: Any, currency: str, per: str) -> float:
    unit = f"{currency}/{per}" if per else currency
    try:
        value = parse_quantity(str(text), unit)
    except UnitError as error:
        raise ManifestError(
            f"{path}, {key}: {error.message}",
            f"Write it in {unit}; convert other currencies by hand, with the date.",
        ) from error
    if value < 0:
        raise ManifestError(f"{path}, {key}: found {text!r}, expected at least 0.", "")
    return value


def _contradictions(study: Study) -> Iterable[tuple[str, str, str]]:
    """Find what is wrong between keys that are right each on its own."""
    names = Counter(group.name for group in study.clients)
    for name, times in names.items():
        if times > 1:
            yield "clients", f"the name {name!r} is given to {times} groups.", "Name each once."
        if name in ("server", "centre"):
            yield "clients", f"a group cannot be called {name!r}.", "The sites have these names."
    if not names:
        yield "clients", "there is no client group.", "Add [[clients]] tables."
    for group in study.clients:
        if group.line_users != 1 and group.access is not Access.FIXED:
            yield (
                "clients.line_users",
                f"{group.name!r} has no fixed line to share.",
                "Leave it out: figures of mobile networks are per user.",
            )
    able = sum(group.count * group.availability for group in study.clients)
    wanted = study.training.clients_per_round * (1 + study.training.over_selection)
    if wanted > able * (1 + 1e-9):
        yield (
            "training.clients_per_round",
            f"{wanted:g} clients are chosen in each round, of which {able:g} are available.",
            "Choose fewer, or add clients.",
        )
    if all(group.dropout == 1 for group in study.clients):
        yield "clients", "every client drops out: there is no model.", "Lower a dropout."
    zones = {site.zone for _, site in study_sites(study)} | {work.zone for work in study.work}
    for zone in study.intensity:
        if zone not in zones:
            yield (
                f"intensity.{zone}",
                f"nothing is in the zone {zone!r}.",
                f"Zones here are: {', '.join(sorted(zones))}.",
            )
    if study.boundary is BoundaryRule.QIU and study.network != "last-hop":
        yield (
            "network",
            f"found {study.network!r}; the boundary 'qiu' charges the last hop.",
            'Write network = "last-hop", or choose another boundary.',
        )
    centre = study.centralised
    if centre is not None and centre.home is not None and centre.home not in names:
        yield (
            "centralised.home",
            f"found {centre.home!r}, expected the name of a client group.",
            f"They are: {', '.join(names)}.",
        )
    known = study.prices.instances_per_h if study.prices else {}
    for key, site in study_sites(study):
        if site.instance is not None and study.prices and site.instance not in known:
            yield (
                f"{key}.instance",
                f"{site.instance!r} has no price.",
                f'Add [prices.instances] {site.instance} = "... {study.prices.currency}/h".',
            )


def study_sites(study: Study) -> list[tuple[str, Any]]:
    """Sites of a study, each with the key under which it stands in its manifest."""
    sites: list[tuple[str, Any]] = [
        (f"clients[{number}]", group) for number, group in enumerate(study.clients, start=1)
    ]
    sites += [("server", study.server)] if study.server else []
    return sites + ([("centralised", study.centralised)] if study.centralised else [])


def _missing(study: Study) -> Iterable[tuple[str, str, str]]:
    """Find what a formula needs and the file lacks: nothing of it is guessed."""
    absent = "this key is missing."
    for key, site in study_sites(study):
        if site.power_w is None:
            yield f"{key}.power", absent, "Say what it draws in use, as '7.5 W'."
        if site.dedicated and not study.storage.horizon_s:
            why = f"this key is missing: {key} is reserved for it."
            yield "storage.horizon", why, "Say how long the project lasts, as '12 month'."
        if site.dedicated and site.idle_w is None:
            yield f"{key}.idle", absent, "It is on all the time: say what it draws at rest."
        if site.device is None and site.pue is None and not isinstance(site, ClientGroup):
            yield f"{key}.pue", absent, "Say its pue, or its device: is it in a data centre?"
    if study.server is not None:
        if study.server.aggregation_s is None:
            yield "server.aggregation", absent, "Say how long it works in each round, as '5 s'."
        if study.server.idle_w is None:
            yield "server.idle", absent, "Say what it draws while clients work; '0 W' if it is off."
    for number, group in enumerate(study.clients, start=1):
        yield from _missing_of(study, f"clients[{number}]", group)
    copied = study.centralised is not None and study.centralised.copied_share > 0
    if copied and any(group.data_gb for group in study.clients):
        kept = study.storage
        if not kept.horizon_s:
            yield "storage.horizon", absent, "Say how long the copied data is kept, as '12 month'."
        if kept.medium is None:
            yield "storage.medium", absent, "Say what it is kept on: storage.hdd or storage.ssd."
        if kept.replication is None:
            yield "storage.replication", absent, "Say how many copies the service keeps: 1 to 6."
    serving = study.deployment
    if serving.inferences and not serving.at_clients and serving.query_gb is None:
        yield "deployment.query", absent, "Say what one query and its answer take, as '20 kB'."
    if study.deployment.inferences and study.deployment.energy_kwh is None:
        yield "deployment.energy", absent, "Say what one inference takes, as '0.3 Wh'."


def _missing_of(study: Study, key: str, group: ClientGroup) -> Iterable[tuple[str, str, str]]:
    absent = "this key is missing."
    if group.epoch_s is None:
        yield f"{key}.epoch", absent, "Say how long one local epoch takes, as '30 s'."
    rates = {"down": group.down_mbps, "up": group.up_mbps}
    if group.access is not Access.DATACENTRE and None in rates.values():
        missing = next(name for name, rate in rates.items() if rate is None)
        hint = "Say how fast its link is, as '20 Mbps'; rates are never guessed."
        yield f"{key}.{missing}", absent, hint
    waits = study.training.waiting and len(study.clients) > 1
    if group.idle_w is None and (waits or any(rates.values())):
        hint = "Say what it draws while it transfers or waits, as '2 W'."
        yield f"{key}.idle", absent, hint
