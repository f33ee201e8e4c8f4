"""The runs of a deployment: from journals, ledgers and declared figures to inventories."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import partial
from urllib.parse import urlsplit

from footprint.addresses import publish_address, publish_path
from footprint.audit.deployments import Deployment
from footprint.audit.holdings import SiloTable
from footprint.audit.manifest import locate, locate_ledger
from footprint.audit.occupancy import Occupancy, occupancies
from footprint.audit.run_tables import ActivityTable, RunTable
from footprint.errors import ManifestError
from footprint.factors import FactorCatalogue
from footprint.inventory import build_inventory
from footprint.measurement.attribution import read_journal
from footprint.model import (
    ACTIVITY_COLUMNS,
    Activity,
    Basis,
    InputFile,
    Inventory,
    InventoryLine,
    Journal,
    Role,
    Run,
    Tier,
)
from footprint.model.scenario import LARGEST
from footprint.units import S_PER_H, watt_seconds_to_kwh

_LAST_S = datetime.max.replace(tzinfo=UTC).timestamp()
_MOMENT_S = 1e-3
_PORTS = {"postgresql": 5432}
RATED = "rated power"
"""Beginning of the source of an energy that is nothing but rated power times time."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run of a deployment, with what it used.

    Attributes
    ----------
    table : RunTable
    inventory : Inventory
        Its actors are silos.
    first, last : date
        On which the first of its activities began, and the last one (UTC).
    until : date
        On which they were over, by their time.
    held : tuple of Occupancy
        When it held the devices of which silo.
    ledger : str
        That it lies in, by one name however the manifest writes it; empty if in none.
    """

    table: RunTable
    inventory: Inventory
    first: date
    last: date
    until: date
    held: tuple[Occupancy, ...]
    ledger: str = ""


def read_runs(deployment: Deployment, catalogue: FactorCatalogue) -> tuple[RunRecord, ...]:
    """Read every run of a deployment.

    Raises
    ------
    ManifestError
        If there is no run, a file is missing or outside of the folder, or an actor belongs to no
        silo.
    JournalError
        If a journal holds nothing that can be read.
    """
    if not deployment.runs:
        raise ManifestError(
            f"{deployment.origin}, runs: there is no run, so there is nothing to audit.",
            "Add [[runs]] tables.",
        )
    silos = {silo.name: silo for silo in deployment.silos}
    records = []
    for number, run in enumerate(deployment.runs, start=1):
        journal = _journal(deployment, run, f"runs[{number}]", catalogue)
        inventory = build_inventory(journal)
        _require_numbers(deployment, run, inventory, f"runs[{number}]")
        silo_of = partial(_silo_of, deployment, run, key=f"runs[{number}]")
        lines = tuple(_of_silo(line, silos[silo_of(line.actor)], run) for line in inventory.lines)
        inventory = replace(inventory, lines=lines)
        classes = {name: silo.device for name, silo in silos.items()}
        # Of several devices the journal holds the time of all.
        side_by_side = [table.devices for table in run.activities] or None
        held = tuple(occupancies(journal, silo_of, classes, side_by_side))
        ledger = _ledger_name(deployment, run)
        records.append(RunRecord(run, inventory, *_days(run, journal), held, ledger))
    return tuple(records)


def _days(run: RunTable, journal: Journal) -> tuple[date, date, date]:
    """Days on which the first activity and the last one began, and on which all were over."""
    began, took = journal.columns["start_s"], journal.columns["duration_s"]
    if run.activities:  # of several devices the journal holds the time of all
        took = [table.duration_s for table in run.activities]
    # What ends at midnight has nothing of the next day.
    ends = (start + max(0.0, length - _MOMENT_S) for start, length in zip(began, took, strict=True))
    over = max(ends)
    return _day(min(began)), _day(max(began)), _day(over)


def _day(moment_s: float) -> date:
    if moment_s >= _LAST_S:
        return date.max
    return datetime.fromtimestamp(float(moment_s), UTC).date()


def _journal(
    deployment: Deployment, run: RunTable, key: str, catalogue: FactorCatalogue
) -> Journal:
    if run.journal is not None:
        path = locate(deployment, run.journal, f"{key}.journal")
        journal = read_journal(path, catalogue=catalogue)
        folder = f"{publish_path(run.journal).rstrip('/')}/" if path.is_dir() else ""
        named = tuple(replace(file, name=f"{folder}{file.name}") for file in journal.inputs)
        return replace(journal, inputs=named)
    if run.ledger is not None:
        return _from_ledger(deployment, run, run.ledger, f"{key}.ledger")
    start = deployment.period.start if run.start is None else run.start
    activities = [_declared(activity, start) for activity in run.activities]
    return Journal.of(Run(run.name), activities)


def _declared(table: ActivityTable, start: date) -> Activity:
    energy_kwh, tier, source = table.energy_kwh, table.tier, table.meter
    if table.rated_w is not None:
        energy_kwh = watt_seconds_to_kwh(table.rated_w, table.device_time_s)
        tier, source = table.tier or Tier.E, f"{RATED}/{table.device or table.silo}"
    return Activity(
        actor=table.silo,
        role=Role.OTHER,
        device=table.device,
        zone=None,
        phase=table.phase,
        round=None,
        start_s=datetime(start.year, start.month, start.day, tzinfo=UTC).timestamp(),
        duration_s=table.device_time_s,
        energy_kwh=energy_kwh,
        energy_low_kwh=None,
        energy_high_kwh=None,
        data_gb=table.data_gb,
        basis=Basis.DECLARED,
        tier=tier if energy_kwh is not None else None,
        source=source or f"declared/{table.silo}",
        resource_share=table.share,
        stored_gb_h=table.stored_gb * table.kept_s / S_PER_H,
    )


def _from_ledger(deployment: Deployment, run: RunTable, url: str, key: str) -> Journal:
    from footprint.ledger import ledger_journal, open_ledger

    with open_ledger(locate_ledger(deployment, url, key), read_only=True) as ledger:
        name = run.recorded or run.name
        silos = None if run.recorded_silo is None else [run.recorded_silo]
        journal = ledger_journal(ledger, runs=[name], silos=silos, as_of=run.as_of)
    where = "" if run.recorded_silo is None else f" of {run.recorded_silo}"
    when = "" if run.as_of is None else f", as of change {run.as_of}"
    address = publish_address(run.ledger or "")
    rows = InputFile(f"{address}, run {name}{where}{when}", _digest(journal))
    return replace(journal, inputs=(*journal.inputs, rows))


def _require_numbers(deployment: Deployment, run: RunTable, inventory: Inventory, key: str) -> None:
    """Refuse sums that no figure can be calculated from."""
    for line in inventory.lines:
        for name in ("energy_kwh", "energy_high_kwh", "data_gb", "duration_s", "stored_gb_h"):
            value = getattr(line, name)
            if value is not None and not abs(value) <= LARGEST:
                raise ManifestError(
                    f"{deployment.origin}, {key}: {run.name!r} has {name} {value:.6g} of "
                    f"{line.actor!r}, beyond any quantity that can be calculated with.",
                    "Correct the records of the run.",
                )


def _ledger_name(deployment: Deployment, run: RunTable) -> str:
    """Name the ledger of a run by what no way of writing its address changes."""
    if run.ledger is None:
        return ""
    scheme, _, rest = run.ledger.partition(":///")
    if scheme == "sqlite" and rest:
        return f"sqlite:///{(deployment.folder / rest).resolve()}"
    url = urlsplit(run.ledger)
    kind = url.scheme.partition("+")[0]
    host, port = (url.hostname or "").casefold(), url.port or _PORTS.get(kind)
    return f"{kind}://{host}:{port}{url.path}?{url.query}"


def _digest(journal: Journal) -> str:
    """Digest of all activities: a corrected ledger has the same source files, and other rows."""
    found = hashlib.sha256()
    for name in ACTIVITY_COLUMNS:
        column = journal.columns.get(name, ())
        words = "\x1f".join("\x00" if value is None else str(value) for value in column)
        found.update(f"{name}\x1e{words}\x1e".encode("utf-8", "surrogatepass"))
    return found.hexdigest()


def _silo_of(deployment: Deployment, run: RunTable, actor: str, *, key: str) -> str:
    names = {silo.name for silo in deployment.silos}
    silo = run.actors.get(actor) or (actor if actor in names else run.silo)
    if silo is None:
        raise ManifestError(
            f"{deployment.origin}, {key}.actors: the actor {actor!r} of {run.name!r} belongs to no "
            "silo.",
            f"Map it in actors, or name a silo for the whole run: {', '.join(sorted(names))}.",
        )
    return silo


def _of_silo(line: InventoryLine, silo: SiloTable, run: RunTable) -> InventoryLine:
    life_cycle = line.life_cycle if run.life_cycle is None else run.life_cycle
    return replace(
        line,
        actor=silo.name,
        role=silo.role,
        device=line.device or silo.device,
        access=line.access or silo.access,
        life_cycle=life_cycle,
    )
