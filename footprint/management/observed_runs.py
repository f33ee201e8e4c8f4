"""Runs of the ledger, estimated as the options of an advice are: with their silos as actors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from footprint.assessment import estimate
from footprint.errors import DataError, LedgerError
from footprint.factors.intensity import IntensitySeries
from footprint.intensity_means import weigh_intensities
from footprint.inventory import build_inventory
from footprint.ledger import Ledger, ledger_journal, query, run_changes
from footprint.management.advisor.company import Company
from footprint.management.advisor.windows import read_intensities
from footprint.management.comparability import missing
from footprint.management.outcomes import Evidence
from footprint.model import Assessment, Finding, Journal


@dataclass(frozen=True, slots=True)
class Observed:
    """Runs, estimated as the silos that made them.

    `metered_s` is how long any of their activities with energy lasted; gaps are not in it [s].
    """

    assessment: Assessment
    evidence: tuple[Evidence, ...]
    findings: tuple[Finding, ...]
    metered_s: float


def observe(
    company: Company,
    ledger: Ledger,
    names: Sequence[str],
    side: str,
    *,
    silos: Sequence[str] = (),
    hourly: bool = False,
) -> Observed:
    """Estimate runs of a ledger as options are estimated: with their silos as actors.

    Parameters
    ----------
    company : Company
    ledger : Ledger
    names : sequence of str
        Of the runs.
    side : str
        ``"before"`` or ``"after"``.
    silos : sequence of str
        Only activities of these; none for all.
    hourly : bool
        Whether each kWh has the intensity of its hour, as series of the company say it.

    Raises
    ------
    LedgerError
        If the ledger has no such run, or nothing says in which silo an actor of it stood.
    """
    where: dict[str, Any] = {"silo": list(silos)} if silos else {}
    whole = ledger_journal(ledger, names, where=where)
    findings: list[Finding] = []
    journal, owners = _by_silo(company, ledger, names, whole, where, findings)
    settings = company.settings()
    if hourly:
        means = _intensities(company, journal, findings)
        settings = replace(settings, intensities={**settings.intensities, **means})
    assessment = estimate(build_inventory(journal), settings, catalogue=company.factors)
    spans = _spans(journal, owners)
    made_by = run_changes(ledger, names)
    evidence = tuple(
        Evidence(
            what="run",
            name=name,
            side=side,
            start_s=start_s,
            stop_s=stop_s,
            change=made_by.get(name),
        )
        for name, (start_s, stop_s) in spans.items()
    )
    return Observed(assessment, evidence, tuple(findings), _metered(journal))


def _metered(journal: Journal) -> float:
    """How long any activity with energy lasted: overlaps count once, gaps do not [s]."""
    columns = journal.columns
    pieces = sorted(
        (start_s, start_s + length_s)
        for start_s, length_s, kwh in zip(
            columns["start_s"], columns["duration_s"], columns["energy_kwh"], strict=True
        )
        if kwh is not None
    )
    metered_s, reached_s = 0.0, -math.inf
    for start_s, stop_s in pieces:
        metered_s += max(0.0, stop_s - max(start_s, reached_s))
        reached_s = max(reached_s, stop_s)
    return metered_s


def _spans(journal: Journal, owners: Sequence[str]) -> dict[str, tuple[float, float]]:
    """First start and last end of each run [s]."""
    spans: dict[str, tuple[float, float]] = {}
    columns = journal.columns
    for name, start_s, length_s in zip(
        owners, columns["start_s"], columns["duration_s"], strict=True
    ):
        first, last = spans.get(name, (start_s, start_s))
        spans[name] = min(first, start_s), max(last, start_s + length_s)
    return spans


def _by_silo(
    company: Company,
    ledger: Ledger,
    names: Sequence[str],
    whole: Journal,
    where: dict[str, Any],
    findings: list[Finding],
) -> tuple[Journal, list[str]]:
    """Read activities with their silos as actors, as options are estimated; and whose they are."""
    places = {
        silo.name: (silo, company.zone(silo.name, "silos")) for silo in company.deployment.silos
    }
    columns: dict[str, list[Any]] = {name: [] for name in whole.columns}
    owners: list[str] = []
    strangers: set[str] = set()
    elsewhere: set[tuple[str, str, str]] = set()
    for name, home, part in _parts(ledger, names, whole, where):
        for key, column in part.columns.items():
            columns[key].extend(column)
        for row in range(len(owners), len(owners) + len(part)):
            actor = columns["actor"][row]
            found = places.get(actor) or places.get(home or "")
            if found is None:
                strangers.add(str(actor))
                continue
            silo, zone = found
            if columns["zone"][row] not in (None, zone):
                elsewhere.add((silo.name, columns["zone"][row], zone))
            columns["actor"][row], columns["zone"][row] = silo.name, zone
            columns["device"][row] = columns["device"][row] or silo.device
            columns["access"][row] = columns["access"][row] or silo.access
        owners += [name] * len(part)
    if strangers:
        raise LedgerError(
            f"Nothing says in which silo {', '.join(sorted(strangers)[:5])} stood, so neither its "
            "place nor its overhead is known.",
            "Withdraw the run, and ingest it with --silo NAME, of a silo of the deployment.",
        )
    findings += [_moved(*one) for one in sorted(elsewhere)]
    return replace(whole, columns=columns), owners


def _parts(
    ledger: Ledger, names: Sequence[str], whole: Journal, where: dict[str, Any]
) -> list[tuple[str, str | None, Journal]]:
    """Read the activities of each run and silo apart: run, silo, journal."""
    pairs = [
        (name, home)
        for name in names
        for home in query(ledger, ["silo"], {**where, "run": [name]})["silo"].tolist()
    ]
    if len(pairs) == 1:  # it is read already
        return [(*pairs[0], whole)]
    return [
        (name, home, ledger_journal(ledger, name, where={"silo": home})) for name, home in pairs
    ]


def _moved(silo: str, said: str, zone: str) -> Finding:
    return Finding(
        "zone-differs",
        f"The run says that {silo!r} stands in {said!r}, the deployment says {zone!r}, which is "
        "taken.",
        remedy="Correct the one that is wrong.",
    )


def _intensities(company: Company, journal: Journal, findings: list[Finding]) -> dict[str, float]:
    """Intensity of the hours in which a job ran: what its schedule was chosen by."""
    means: dict[str, float] = {}
    columns = journal.columns
    # Data that moved is weighed by the mean of the year, as in the plan.
    used = {zone for zone, kwh in zip(columns["zone"], columns["energy_kwh"], strict=True) if kwh}
    for zone in sorted(zone for zone in used if zone):
        try:
            series = _read_zone(company, zone)
            found, notes = weigh_intensities(journal, [series], company.settings().signal)
        except DataError as error:
            findings.append(
                missing(
                    "intensity-missing",
                    f"What the hours of the run emitted in {zone!r} is not known: {error.message}",
                    f"Fetch the series, and name it in {company.needs.origin}, intensity-files.",
                )
            )
            continue
        means |= found
        findings += notes
    return means


def _read_zone(company: Company, zone: str) -> IntensitySeries:
    """Read one series, whatever is wrong with those of other zones."""
    name = company.needs.intensity_files.get(zone)
    if name is None:
        raise DataError("no file of its intensity is named.")
    needs = replace(company.needs, intensity_files={zone: name})
    return read_intensities(replace(company, needs=needs))[zone]
