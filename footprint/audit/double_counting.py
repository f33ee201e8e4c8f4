"""Checks that nothing is counted twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from footprint.audit.books import Use
from footprint.audit.holdings import Acquired, Holding
from footprint.audit.runs import RunRecord
from footprint.audit.statement import Audited
from footprint.factors import FactorCatalogue
from footprint.model import Finding, Severity, SignalKind, Stage
from footprint.model.kinds import SignalScope


def check_run_twice(audited: Audited, _catalogue: FactorCatalogue) -> Iterator[Finding]:
    """No run is counted twice: by name, by file, or by its name in a ledger."""
    names = Counter(record.table.name for record in audited.records)
    yield from _declared_alike(audited)
    twice = {
        (one.table.name, other.table.name): "the same records"
        for one, other in _sharing(audited.records)
        if one.table.name != other.table.name
    }
    for name, times in names.items():
        if times > 1:
            twice[(name, name)] = "the same name"
    for (one, other), why in twice.items():
        yield Finding(
            "run-twice",
            f"{one!r} and {other!r} have {why}: their energy counts twice.",
            Severity.ERROR,
            "Name each run once.",
            other,
        )


def _sharing(records: Iterable[RunRecord]) -> Iterator[tuple[RunRecord, RunRecord]]:
    """Give pairs of runs that hold records in common; the first such partner of each."""
    known: dict[str, list[RunRecord]] = {}
    for record in records:
        keys = [file.sha256 for file in record.inventory.inputs]
        if record.ledger:
            keys.append(f"{record.ledger} {_recorded(record)}")
        found = (o for key in keys for o in known.get(key, ()) if _share_records(o, record))
        first = next(found, None)
        if first is not None:
            yield first, record
        for key in keys:
            known.setdefault(key, []).append(record)


def _share_records(one: RunRecord, other: RunRecord) -> bool:
    """Whether two runs that have a file or a name in common have records in common."""
    if not (one.ledger and other.ledger):
        return True  # a journal is of one run
    if one.ledger == other.ledger:
        # One table may hold many runs, and a ledger takes each row of it once.
        silos = one.table.recorded_silo, other.table.recorded_silo
        return _recorded(one) == _recorded(other) and (None in silos or silos[0] == silos[1])
    rows = one.inventory.inputs[-1].sha256, other.inventory.inputs[-1].sha256
    return rows[0] == rows[1] or _recorded(one) == _recorded(other)


def _recorded(record: RunRecord) -> str:
    return record.table.recorded or record.table.name


def _declared_alike(audited: Audited) -> Iterator[Finding]:
    """Find runs of other names that declare the same energy at the same time and place."""
    seen: dict[tuple[object, ...], str] = {}
    for record in audited.records:
        table = record.table
        if not any(one.energy_kwh or one.rated_w for one in table.activities):
            continue
        known = seen.setdefault((record.first, table.activities), table.name)
        if known != table.name:
            yield Finding(
                "run-alike",
                f"{known!r} and {table.name!r} declare the same work from {record.first}. One "
                "of them may be the other.",
                Severity.WARNING,
                "Leave one out; if they are two, give each its own start or meter.",
                table.name,
            )


def check_cloud_scope(audited: Audited, _catalogue: FactorCatalogue) -> Iterator[Finding]:
    """Electricity of a cloud is not in scope 2."""
    for site in audited.deployment.sites:
        if ":" in site.zone and site.holding is Holding.OWN:
            yield Finding(
                "cloud-in-scope-2",
                f"{site.name!r} is an own site in the cloud region {site.zone}: its electricity "
                "is the provider's scope 2, and category 3.1 or 3.8 here.",
                Severity.ERROR,
                "Write it as [[clouds]].",
                site.name,
            )


def check_cloud_hardware(audited: Audited, _catalogue: FactorCatalogue) -> Iterator[Finding]:
    """Hardware in a cloud is its provider's: nobody else bought it."""
    clouds = {cloud.name for cloud in audited.deployment.clouds}
    for one in audited.deployment.hardware:
        if one.place in clouds and one.acquired is Acquired.BOUGHT:
            yield Finding(
                "hardware-in-cloud",
                f"{one.name!r} was bought, and stands in the cloud {one.place!r}: its making is in "
                "category 3.2, and in the service as well.",
                Severity.ERROR,
                'Rented rooms are [[sites]] with holding = "rented"; what a provider owns is no '
                "purchase.",
                one.name,
            )


def check_cloud_twice(audited: Audited, _catalogue: FactorCatalogue) -> Iterator[Finding]:
    """One run does not enter the same figure for an own site and for a cloud."""
    places = {silo.name: silo.place for silo in audited.deployment.silos}
    clouds = {cloud.name for cloud in audited.deployment.clouds}
    for record in audited.records:
        figures: dict[tuple[object, ...], set[str]] = {}
        for line in record.inventory.lines:
            if line.energy_kwh:
                key = (line.energy_kwh, line.source, line.phase, line.duration_s)
                figures.setdefault(key, set()).add(places[line.actor])
        for (energy_kwh, *_), found in figures.items():
            if found & clouds and found - clouds:
                yield Finding(
                    "energy-in-two-scopes",
                    f"{record.table.name!r} has the same {energy_kwh:.6g} kWh of one source in "
                    f"{' and '.join(sorted(found))}: once as purchased service, once as own.",
                    Severity.ERROR,
                    "Keep the one whose bill it is.",
                    record.table.name,
                )


def check_fuel_twice(audited: Audited, _catalogue: FactorCatalogue) -> Iterator[Finding]:
    """Count the making of the fuel once: not in scope 2 and in category 3.3."""
    signal = SignalKind.parse(audited.statement.signal)
    fuel = [line for line in audited.statement.lines if line.component == Use.FUEL.value]
    if signal.scope is SignalScope.LIFE_CYCLE and fuel:
        yield Finding(
            "fuel-twice",
            "The upstream of the fuel is in the life-cycle factors of scope 2, and in category "
            "3.3 again.",
            Severity.ERROR,
            "Leave [upstream.fuel] out, or take direct intensities.",
            ", ".join(dict.fromkeys(line.place for line in fuel)),
        )


def check_embodied(audited: Audited, _catalogue: FactorCatalogue) -> Iterator[Finding]:
    """No device is charged both in the year of purchase and by use."""
    lines = audited.statement.lines
    bought = {
        (line.place, (line.device or "").partition(".")[0]): line.device
        for line in lines
        if line.purchase_g is not None
    }
    # What a run used before the same device was bought is the making of another one.
    registered = {(one.place, one.device) for one in audited.deployment.hardware}
    for line in lines:
        if (line.place, line.device) in registered:
            continue
        kind = (line.device or "").partition(".")[0]
        by_use = line.location_g is not None or line.amortised_g is not None
        is_making = line.stage is Stage.EMBODIED and by_use and line.run
        if is_making and (line.place, kind) in bought and kind != "storage":
            yield Finding(
                "purchase-and-amortised",
                f"{line.device!r} in {line.place!r} is charged by the hours of {line.run!r}, and "
                f"{bought[(line.place, kind)]!r} there in the year of purchase.",
                Severity.ERROR,
                "Name the same device class in [[hardware]] and in the silo.",
                line.id,
            )
