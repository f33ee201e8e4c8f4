"""Where a model answers: at one of several silos, or at those who ask.

Our rule: the option with the lowest emissions over the horizon. All bring the same answers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from footprint.errors import ManifestError
from footprint.lifecycle.breakeven import line_through
from footprint.management.advisor.company import Company
from footprint.management.advisor.needs import ServingTable
from footprint.management.advisor.turning import find_turns
from footprint.management.advisor.weighing import weigh
from footprint.model import (
    Activity,
    Advice,
    DecisionKind,
    Finding,
    LifeCycle,
    Option,
    Phase,
    Severity,
)
from footprint.networks import fits_link
from footprint.units import format_number, format_quantity

AT_CLIENTS = "at the clients"


def advise_servings(company: Company) -> Iterator[Advice | Finding]:
    """Advise on every model that answers.

    Yields
    ------
    Advice
        Of one model.
    Finding
        Why there is none.

    Raises
    ------
    ManifestError
        If a table names what does not exist.
    """
    for number, table in enumerate(company.needs.servings, start=1):
        yield _advise(company, table, f"servings[{number}]")


def _advise(company: Company, table: ServingTable, key: str) -> Advice | Finding:
    names = _names(table)
    if not names:
        raise ManifestError(
            f"{company.needs.origin}, {key}: {table.name!r} can answer nowhere.",
            "Name silos; or clients, with client-energy and model.",
        )
    current = names[0] if table.current is None else table.current
    if current not in names:
        raise ManifestError(
            f"{company.needs.origin}, {key}.current: found {current!r}.",
            f"Use one of: {', '.join(names)}.",
        )
    if len(names) < 2 or not table.calls:
        return Finding(
            "serving-undecided",
            f"Where {table.name!r} answers is not weighed: "
            + ("nobody asks it." if len(names) > 1 else f"{current} is the only place."),
            severity=Severity.INFO,
            remedy="Give calls." if len(names) > 1 else "Name further silos, or client-energy.",
            place=key,
        )
    options = [
        Option(name=name, assessment=company.assess(name, _serve(company, table, key, name)))
        for name in names
    ]
    draft = weigh(DecisionKind.SERVING, table.name, options, current, reason="")
    never, lines = replace(table, calls=0.0), {}
    for one in options:
        zero = company.assess(one.name, _serve(company, never, key, one.name), draws=0)
        lines[one.name] = line_through(
            0.0, zero.total_g.value, table.calls, one.assessment.total_g.value
        )
    chosen = draft.recommended
    return replace(
        draft,
        reason=_reason(table, options, chosen),
        turning_points=tuple(find_turns("answers", "1", table.calls, lines, chosen)),
        conditions=tuple(_conditions(table, current, chosen)),
        findings=(*draft.findings, *_findings(company, table, key)),
    )


def _names(table: ServingTable) -> list[str]:
    """List where a model can answer."""
    at_clients = table.clients and table.client_energy_kwh is not None and table.model_gb
    return [*dict.fromkeys(table.silos), *([AT_CLIENTS] if at_clients else [])]


def _serve(company: Company, table: ServingTable, key: str, name: str) -> Iterator[Activity]:
    """Plan all answers of the horizon; clients ask alike."""
    if name == AT_CLIENTS:
        yield from _serve_clients(company, table, key)
        return
    yield company.activity(
        name,
        Phase.INFERENCE,
        key=key,
        energy_kwh=table.calls * table.energy_kwh,
        life_cycle=LifeCycle.INFER,
        # One figure, wherever it answers: its error is the same.
        source=f"declared/{table.name}/answer",
    )
    # If nobody said who asks, what moves is in no option: the network would stand in another grid
    # in each of them, though the same people ask. A client that is the silo itself moves nothing.
    for client in table.clients:
        if client != name:
            yield company.activity(
                client,
                Phase.DOWNLOAD,
                key=key,
                data_gb=table.calls / len(table.clients) * table.query_gb,
                life_cycle=LifeCycle.INFER,
            )


def _serve_clients(company: Company, table: ServingTable, key: str) -> Iterator[Activity]:
    for client in table.clients:
        yield company.activity(
            client,
            Phase.INFERENCE,
            key=key,
            energy_kwh=table.calls / len(table.clients) * (table.client_energy_kwh or 0.0),
            life_cycle=LifeCycle.INFER,
            source=f"declared/{table.name}/answer of a client",
        )
        yield company.activity(
            client,
            Phase.DOWNLOAD,
            key=key,
            data_gb=table.releases * table.model_gb,
            life_cycle=LifeCycle.DEPLOY,
        )


def _reason(table: ServingTable, options: list[Option], chosen: str) -> str:
    ordered = sorted(options, key=lambda one: (one.net_g, one.name != chosen))
    emits = ", ".join(
        f"{one.name} {format_quantity('emissions', one.assessment.total_g.value)}"
        for one in ordered
    )
    text = f"{format_number(table.calls)} answers emit: {emits}."
    if chosen == AT_CLIENTS:
        moved_gb = table.releases * table.model_gb * len(table.clients)
        text += f" {format_quantity('data', moved_gb)} of models move to the clients."
    return text


def _conditions(table: ServingTable, current: str, chosen: str) -> Iterator[str]:
    if chosen == current:
        return
    if chosen == AT_CLIENTS:
        yield f"The devices of {', '.join(table.clients)} can run the model, and may hold it."
    else:
        yield f"{chosen} may see the questions, and answers fast enough."


def _findings(company: Company, table: ServingTable, key: str) -> Iterator[Finding]:
    network = company.deployment.method.network
    links = [(name, company.silo(name, key).access) for name in table.clients]
    other = [f"{name} ({access})" for name, access in links if not fits_link(network, access)]
    if other and (table.query_gb or table.model_gb):
        yield Finding(
            "link-ignored",
            f"{table.name!r}: what moves to and from {', '.join(other)} is counted by {network}, "
            "as the deployment says of all links.",
            remedy='Write network = "by-access" under [method] to count each link as what it is.',
            place=key,
        )
    if table.query_gb and not table.clients:
        yield Finding(
            "askers-unknown",
            f"{table.name!r}: who asks is not known, so the questions' way through the network is "
            "counted nowhere; it emits the same wherever the answers come from.",
            severity=Severity.INFO,
            remedy="Name the clients: silos of the deployment that ask.",
            place=key,
        )
    if table.clients and AT_CLIENTS not in _names(table):
        needed = [
            name
            for name, value in (
                ("client-energy", table.client_energy_kwh is not None),
                ("model", bool(table.model_gb)),
            )
            if not value
        ]
        yield Finding(
            "option-unknown",
            f"{table.name!r}: answering at the clients is not weighed; its estimate lacks "
            f"{', '.join(needed)}.",
            severity=Severity.INFO,
            remedy="Add these keys if clients can answer themselves.",
            place=key,
        )
