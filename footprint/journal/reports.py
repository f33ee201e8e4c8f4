"""What a server saw of one request to one client, and what it was told about it.

A client that answers tells figures; one that does not is still seen: that it was asked,
for how long, and how many bytes went out to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from footprint.journal.values import at_least_zero, count, finite, optional
from footprint.model import Basis, Phase, ReplyStatus, Role, Tier


@dataclass(frozen=True, slots=True)
class Energy:
    """Energy with its 95 % bounds [kWh]."""

    kwh: float
    low_kwh: float
    high_kwh: float


@dataclass(frozen=True, slots=True)
class Told:
    """Figures of a client that a server accepted.

    Attributes
    ----------
    start_s : float
        Begin of the work (Unix time [s]).
    duration_s : float or None
        Time for which the client's device was at work [s]; None if nobody knows. It is at
        most that of the exchange.
    energy : Energy or None
        Of the work.
    setup_s : float
        Time of the client's process before its first work [s].
    setup : Energy or None
        Of that.
    idle : Energy or None
        Idle power of the client's device in both, which is in neither.
    basis : Basis
        Of these energies.
    tier : Tier or None
        Their quality.
    source : str
        What they come from.
    token : str or None
        Of the journal that the client's process wrote itself.
    settled : bool
        Whether what the client did before this is known to the server as well, the
        requests included to which no reply came.
    lost : int
        Processes of the client that died at work since it was asked last.
    contacts : int
        Of what came late: how many messages it is about; 0 if that is not known.
    worker : bool
        Whether the process is a worker of the server, in which clients are simulated by turns:
        its start is the server's.
    unmetered : int
        Messages without an energy figure since the client was asked last, which are in no
        total that it told.
    """

    start_s: float
    duration_s: float | None
    energy: Energy | None = None
    setup_s: float = 0.0
    setup: Energy | None = None
    idle: Energy | None = None
    basis: Basis = Basis.MEASURED
    tier: Tier | None = None
    source: str = ""
    token: str | None = None
    settled: bool = False
    lost: int = 0
    contacts: int = 0
    unmetered: int = 0
    worker: bool = False


@dataclass(frozen=True, slots=True)
class ReportRecord:
    """One request to one client, as the server saw it.

    Bytes are those over the client's link, as in a span: it receives the request and
    sends the reply.

    Attributes
    ----------
    actor : str
        Name of the client as far as it was known then.
    node : str
        What the framework calls it in this run; the same for all its requests.
    status : ReplyStatus
    start_s : float
        When it was asked (Unix time [s]).
    exchange_s : float
        From then on until the server had the replies, or stopped waiting [s].
    received_bytes, sent_bytes : int
        Content of the request and of the reply: measured.
    record_bytes : int
        Our own record in the reply: measured, and not part of `sent_bytes`.
    received_objects, sent_objects : int
        Objects of the framework that these were sent in.
    overhead_received_bytes, overhead_sent_bytes : int
        What the protocol adds on the wire, as a model gives it.
    connected_s : float or None
        For how long the client is known to have been connected and idle since the last
        report about it [s].
    polling_bytes : int
        What it moved in that time to ask for work, as a model gives it.
    wire : str
        Name of that model.
    own : bool
        Whether the request was one of ours, and none of the training.
    told : Told or None
        Figures of the client; None where there are none, or none that can be believed.
    """

    actor: str
    node: str
    role: Role
    phase: Phase
    status: ReplyStatus
    start_s: float
    exchange_s: float
    round: int | None = None
    zone: str | None = None
    device: str | None = None
    received_bytes: int = 0
    sent_bytes: int = 0
    record_bytes: int = 0
    received_objects: int = 0
    sent_objects: int = 0
    overhead_received_bytes: int = 0
    overhead_sent_bytes: int = 0
    connected_s: float | None = None
    polling_bytes: int = 0
    wire: str = ""
    own: bool = False
    told: Told | None = None


_COLUMNS = tuple(column.name for column in fields(ReportRecord))
_TOLD_COLUMNS = tuple(column.name for column in fields(Told))
_ENERGIES = ("energy", "setup", "idle")


def report_fields(record: ReportRecord) -> dict[str, Any]:
    """Fields of a report as they stand in a line; what says nothing is left out."""
    found = {name: getattr(record, name) for name in _COLUMNS}
    if record.told is not None:
        found["told"] = _told_fields(record.told)
    return {
        key: value
        for key, value in found.items()
        if not (value in (None, "") or (key in _ZEROS and value == 0))
    }


def _told_fields(told: Told) -> dict[str, Any]:
    # Not `asdict`, which copies all that it finds: this is done for every reply.
    found = {name: getattr(told, name) for name in _TOLD_COLUMNS}
    for name in _ENERGIES:
        energy = found[name]
        if energy is not None:
            found[name] = {
                "kwh": energy.kwh,
                "low_kwh": energy.low_kwh,
                "high_kwh": energy.high_kwh,
            }
    return found


def parse_report(record: Mapping[str, Any]) -> ReportRecord:
    """Read a report back.

    Raises
    ------
    KeyError, TypeError, ValueError
        If a field is missing or wrong.
    """
    return ReportRecord(
        actor=str(record["actor"]),
        node=str(record["node"]),
        role=Role(record["role"]),
        phase=Phase(record["phase"]),
        status=ReplyStatus(record["status"]),
        start_s=finite(record["start_s"]),
        exchange_s=at_least_zero(record.get("exchange_s", 0)),
        round=optional(int, record.get("round")),
        zone=optional(str, record.get("zone")),
        device=optional(str, record.get("device")),
        connected_s=optional(at_least_zero, record.get("connected_s")),
        wire=str(record.get("wire", "")),
        own=bool(record.get("own", False)),
        told=optional(_parse_told, record.get("told")),
        **{name: count(record.get(name, 0)) for name in _COUNTS},
    )


_COUNTS = (
    "received_bytes",
    "sent_bytes",
    "record_bytes",
    "received_objects",
    "sent_objects",
    "overhead_received_bytes",
    "overhead_sent_bytes",
    "polling_bytes",
)
_ZEROS = (*_COUNTS, "own")


def _parse_told(record: Mapping[str, Any]) -> Told:
    return Told(
        start_s=finite(record["start_s"]),
        duration_s=optional(at_least_zero, record["duration_s"]),
        energy=optional(_parse_energy, record["energy"]),
        setup_s=at_least_zero(record["setup_s"]),
        setup=optional(_parse_energy, record["setup"]),
        idle=optional(_parse_energy, record["idle"]),
        basis=Basis(record["basis"]),
        tier=optional(Tier, record["tier"]),
        source=str(record["source"]),
        token=optional(str, record["token"]),
        settled=bool(record["settled"]),
        lost=count(record["lost"]),
        contacts=count(record["contacts"]),
        unmetered=count(record["unmetered"]),
        worker=bool(record.get("worker", False)),
    )


def _parse_energy(record: Mapping[str, Any]) -> Energy:
    energy = Energy(*(at_least_zero(record[name]) for name in ("kwh", "low_kwh", "high_kwh")))
    if not energy.low_kwh <= energy.kwh <= energy.high_kwh:
        raise ValueError(f"{energy} does not lie within its bounds")
    return energy
