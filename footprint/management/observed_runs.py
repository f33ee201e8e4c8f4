"""Runs of the ledger, estimated as the options of an advice are: with their silos as actors."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from footprint.assessment import UNKNOWN_ENERGY, estimate
from footprint.errors import LedgerError, UsageError
from footprint.inventory import build_inventory
from footprint.ledger import Ledger, ledger_journal, query, run_changes
from footprint.management.advisor.company import Company
from footprint.management.job_intensities import weigh_hours
from footprint.management.outcomes import Evidence
from footprint.model import Assessment, Finding, Journal, Phase
from footprint.settings import Settings
from footprint.units import format_quantity

Span = tuple[float, float]
"""Start and end [s]."""


@dataclass(frozen=True, slots=True)
class Observed:
    """Runs, estimated as the silos that made them.

    Attributes
    ----------
    assessment : Assessment
    evidence : tuple of Evidence
    findings : tuple of Finding
    metered : mapping of str to tuple of Span
        When a meter showed anything, by silo; sorted.
    spent_kwh : mapping of (str, str, Phase) to float
        Energy that is known, by run, silo and phase [kWh].
    unmetered : tuple of (str, Phase)
        Silos and phases of activities that took time and have no energy.
    began_s : mapping of str to float
        When each run began that did more than to move data (Unix time [s]).
    """

    assessment: Assessment
    evidence: tuple[Evidence, ...]
    findings: tuple[Finding, ...]
    metered: Mapping[str, Sequence[Span]]
    spent_kwh: Mapping[tuple[str, str, Phase], float]
    unmetered: tuple[tuple[str, Phase], ...]
    began_s: Mapping[str, float]

    def metered_s(self, silos: Collection[str]) -> float:
        """How long each of `silos` was metered: the least of them, all together if none is named.

        Overlaps count once, gaps do not [s].
        """
        if not silos:
            return _length_s(sorted(span for spans in self.metered.values() for span in spans))
        return min(_length_s(self.metered.get(silo, ())) for silo in silos)


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
    UsageError
        If none of `silos` did anything.
    """
    findings: list[Finding] = []
    journal, owners = _by_silo(company, ledger, names, findings)
    others = None
    if silos:
        journal, owners, others = _split(journal, owners, silos)
    spans, counted = _spans(journal, owners), _without_sending(journal)
    settings = company.settings()
    if hourly:
        settings = weigh_hours(company, counted, settings, findings)
    if others is not None:
        findings.append(_left_out(company, others, settings, silos))
    made_by = run_changes(ledger, names)
    return Observed(
        estimate(build_inventory(counted), settings, catalogue=company.factors),
        tuple(
            Evidence(
                what="run",
                name=name,
                side=side,
                start_s=start_s,
                stop_s=stop_s,
                change=made_by.get(name),
            )
            for name, (start_s, stop_s) in spans.items()
        ),
        tuple(findings),
        **_meters(counted, owners),
    )


def _split(
    journal: Journal, owners: Sequence[str], silos: Sequence[str]
) -> tuple[Journal, list[str], Journal | None]:
    """Keep what some silos did; and give what others did, if anything."""
    actors = journal.columns["actor"]
    kept = [row for row, actor in enumerate(actors) if actor in silos]
    if not kept:
        raise UsageError(
            f"Nothing of {', '.join(dict.fromkeys(owners))} was done by {', '.join(silos)}.",
            f"Leave --silo out, or name one of: {', '.join(sorted(set(actors)))}.",
        )
    rest = [row for row, actor in enumerate(actors) if actor not in silos]
    others = _rows(journal, rest) if rest else None
    return _rows(journal, kept), [owners[row] for row in kept], others


def _rows(journal: Journal, rows: Sequence[int]) -> Journal:
    columns = {name: [column[row] for row in rows] for name, column in journal.columns.items()}
    return replace(journal, columns=columns, rounds=None, clients=None)


def _left_out(
    company: Company, others: Journal, settings: Settings, silos: Sequence[str]
) -> Finding:
    """Say what is not counted because a person named the silos that are."""
    found = estimate(build_inventory(_without_sending(others)), settings, catalogue=company.factors)
    is_part = not UNKNOWN_ENERGY.isdisjoint(found.boundary.gaps)
    unknown = " (at least: not all of their energy is known)" if is_part else ""
    return Finding(
        "stated",
        f"Somebody said, and nothing checked, that only what {', '.join(silos)} did belongs to it: "
        f"{format_quantity('emissions', found.total_g.value)}{unknown} of "
        f"{', '.join(sorted(set(others.columns['actor'])))} are left out.",
    )


def _without_sending(journal: Journal) -> Journal:
    """Take moving data as plans do: its energy is that of the network, by its bytes."""
    columns = journal.columns
    sent = [
        phase == Phase.DATA_TRANSFER and kwh is None and data_gb > 0
        for phase, kwh, data_gb in zip(
            columns["phase"], columns["energy_kwh"], columns["data_gb"], strict=True
        )
    ]
    lengths = columns["duration_s"]
    counted = [0.0 if skip else one for skip, one in zip(sent, lengths, strict=True)]
    return replace(journal, columns={**columns, "duration_s": counted})


def _meters(journal: Journal, owners: Sequence[str]) -> dict[str, Any]:
    """Sum up what meters showed: the last fields of `Observed`."""
    metered: dict[str, list[Span]] = defaultdict(list)
    spent: dict[tuple[str, str, Phase], float] = defaultdict(float)
    unmetered: set[tuple[str, Phase]] = set()
    began: dict[str, float] = {}
    names = ("actor", "phase", "start_s", "duration_s", "energy_kwh")
    rows = zip(*(journal.columns[name] for name in names), strict=True)
    for owner, (silo, phase, start_s, length_s, kwh) in zip(owners, rows, strict=True):
        if kwh is not None:
            spent[owner, silo, Phase(phase)] += kwh
        elif length_s:
            unmetered.add((silo, Phase(phase)))
        if phase != Phase.DATA_TRANSFER:
            began[owner] = min(began.get(owner, start_s), start_s)
        if kwh:  # a meter that shows nothing is no better than none
            metered[silo].append((start_s, start_s + length_s))
    return {
        "metered": {silo: sorted(spans) for silo, spans in metered.items()},
        "spent_kwh": dict(spent),
        "unmetered": tuple(sorted(unmetered)),
        "began_s": began,
    }


def _length_s(spans: Sequence[Span]) -> float:
    """Sum the time in sorted spans: overlaps count once, gaps do not [s]."""
    length_s, reached_s = 0.0, -math.inf
    for start_s, stop_s in spans:
        length_s += max(0.0, stop_s - max(start_s, reached_s))
        reached_s = max(reached_s, stop_s)
    return length_s


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
    findings: list[Finding],
) -> tuple[Journal, list[str]]:
    """Read activities with their silos as actors, as options are estimated; and whose they are."""
    whole = ledger_journal(ledger, names)
    places = {
        silo.name: (silo, company.zone(silo.name, "silos")) for silo in company.deployment.silos
    }
    columns: dict[str, list[Any]] = {name: [] for name in whole.columns}
    owners: list[str] = []
    strangers: set[str] = set()
    elsewhere: set[tuple[str, str, str]] = set()
    for name, home, part in _parts(ledger, names, whole):
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
    ledger: Ledger, names: Sequence[str], whole: Journal
) -> list[tuple[str, str | None, Journal]]:
    """Read the activities of each run and silo apart: run, silo, journal."""
    pairs = [
        (name, home)
        for name in names
        for home in query(ledger, ["silo"], {"run": [name]})["silo"].tolist()
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
