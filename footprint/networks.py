"""Network contributions, by the one model that an estimate chose."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from footprint.drafts import Draft
from footprint.errors import UsageError
from footprint.lifecycle.network import last_hop_energy, transfer_energy
from footprint.model import Access, InventoryLine, Phase, Stage, Term
from footprint.register import Register
from footprint.settings import Settings
from footprint.units import J_PER_KWH

BY_ACCESS = "by-access"
LAST_HOP = "last-hop"
PER_BIT = "per-bit"
POWER = "power"
POWER_MARGINAL = "power-marginal"

_AVERAGE = {
    Access.FIXED: "fixed_core_access",
    Access.MOBILE_4G: "mobile",
    Access.MOBILE_5G: "mobile_5g_ran",
    Access.DATACENTRE: "datacenter_to_datacenter",
}
# What a bit passes on its way, and how often. The numbers of routers are our choice.
_EDGE, _CORE = ("equipment.edge_router", 2), ("equipment.core_router", 4)
_PATHS = {
    Access.FIXED: (("equipment.ethernet_switch", 1), _EDGE, _CORE),
    Access.MOBILE_4G: (_EDGE, _CORE),
    Access.DATACENTRE: (_EDGE, _CORE),
}
_BASE_STATION = {
    Phase.UPLOAD: "equipment.lte_base_station_up",
    Phase.DATA_TRANSFER: "equipment.lte_base_station_up",
    Phase.DOWNLOAD: "equipment.lte_base_station_down",
}
# Power models: base power of a line, and what traffic adds to it.
_POWERS = {
    Access.FIXED: ("fixed_line", ("fixed_line",)),
    Access.MOBILE_4G: ("mobile_4g", ("mobile_4g", "core")),
    Access.DATACENTRE: (None, ("core",)),
}


def draft_network(
    line: InventoryLine, settings: Settings, register: Register, grid: Term
) -> Iterator[Draft]:
    """Draft what moving the data of a line contributes.

    Raises
    ------
    UsageError
        If the model needs the kind of link, and nobody named it, or has no figures for it.
    FactorNotFound
        If the model is a subject that the catalogue does not have.
    """
    draft = MODELS.get(settings.network)
    if draft is None:
        yield _volume(line, register, grid, settings.network)
    else:
        yield from draft(line, settings, register, grid)


def network_model(network: str) -> str:
    """Name of a network model, as boundaries hold it."""
    return network if network in MODELS else f"average/{network}"


def _by_access(
    line: InventoryLine, settings: Settings, register: Register, grid: Term
) -> Iterator[Draft]:
    yield _volume(line, register, grid, _AVERAGE[_access(line, settings, _AVERAGE)])


def _per_bit(
    line: InventoryLine, settings: Settings, register: Register, grid: Term
) -> Iterator[Draft]:
    access = _access(line, settings, _PATHS)
    path = list(_PATHS[access])
    if access is Access.MOBILE_4G:
        path.append((_BASE_STATION.get(line.phase, _BASE_STATION[Phase.DOWNLOAD]), 1))
    for subject, times in path:
        yield _volume(line, register, grid, subject, times)


def _last_hop(
    line: InventoryLine, settings: Settings, register: Register, grid: Term
) -> Iterator[Draft]:
    """Only what stands at the client's end; a data centre has no such router."""
    if _access(line, settings, Access) is Access.DATACENTRE:
        register.report_gap(
            "network-uncharged",
            f"The network model 'last-hop' charges nothing for the data of {line.actor!r}: there "
            "is no router of a client in a data centre.",
            "Use an average, or per-bit, for traffic between data centres.",
        )
        return
    if settings.router_w is None:
        router = register.look_up("power_average", subject="home_router", year=line.year)
    else:
        like = {"subject": "home_router"}
        router = register.declared(
            "router/declared", "power_average", settings.router_w, unit="W", like=like
        )
    yield _timed(line, grid, router)


def _power(
    line: InventoryLine, settings: Settings, register: Register, grid: Term
) -> Iterator[Draft]:
    base = _POWERS[_access(line, settings, _POWERS)][0]
    if base is not None:
        power = register.look_up("network_power_base", subject=base, year=line.year)
        # The base power of a mobile network is given per user already.
        fixed = line.access is Access.FIXED
        users = settings.line_users.get(line.actor, 1.0) if fixed else 1.0
        yield _timed(line, grid, power, users, register)
    yield from _power_marginal(line, settings, register, grid)


def _power_marginal(
    line: InventoryLine, settings: Settings, register: Register, grid: Term
) -> Iterator[Draft]:
    for subject in _POWERS[_access(line, settings, _POWERS)][1]:
        slope = register.look_up("network_power_slope", subject=subject, year=line.year)
        energy_kwh = transfer_energy(line.data_gb, slope.value)
        yield _draft(line, line.data_gb, "GB", slope, grid, energy_kwh)


MODELS: dict[str, Callable[[InventoryLine, Settings, Register, Term], Iterator[Draft]]] = {
    BY_ACCESS: _by_access,
    LAST_HOP: _last_hop,
    PER_BIT: _per_bit,
    POWER: _power,
    POWER_MARGINAL: _power_marginal,
}
"""Models beside the average intensities, which are named by their subject."""


def fits_link(model: str, access: Access | None) -> bool:
    """Whether a model counts a link as what it is: a single average is that of one kind."""
    return model in MODELS or access is None or _AVERAGE[access] == model


def _access(line: InventoryLine, settings: Settings, known: object) -> Access:
    if line.access is None:
        raise UsageError(
            f"The network model {settings.network!r} asks for the kind of link of {line.actor!r}.",
            f"Say it with --access: {', '.join(Access)}. Or use an average (--network).",
        )
    if line.access not in known:  # type: ignore[operator]
        raise UsageError(
            f"The network model {settings.network!r} has no figures for {line.access.value!r} "
            f"links, such as that of {line.actor!r}.",
            "Use another model.",
        )
    return line.access


def _volume(
    line: InventoryLine, register: Register, grid: Term, subject: str, times: int = 1
) -> Draft:
    path = register.look_up("network_energy", subject=subject, year=line.year)
    volume_gb = line.data_gb * times
    return _draft(line, volume_gb, "GB", path, grid, transfer_energy(volume_gb, path.value))


def _timed(
    line: InventoryLine,
    grid: Term,
    power: Term,
    users: float = 1.0,
    register: Register | None = None,
) -> Draft:
    """Power for the time of a transfer; that of a line that several share, in equal parts."""
    energy_kwh = last_hop_energy(line.transfer_s, power.value)
    draft = _draft(line, line.transfer_s / J_PER_KWH, "1000 h", power, grid, energy_kwh)
    if users == 1 or register is None:
        return draft
    shared = register.declared(f"line-users/declared/{line.actor}", "line_users", users)
    return replace(
        draft,
        terms=(*draft.terms, f"1/{shared.id}"),
        emissions_g=draft.emissions_g / users,
        energy_kwh=energy_kwh / users,
    )


def _draft(
    line: InventoryLine, amount: float, unit: str, path: Term, grid: Term, energy_kwh: float
) -> Draft:
    return Draft(
        line,
        Stage.NETWORK,
        amount,
        unit,
        (path.id, grid.id),
        # Our choice: no overhead of sites on top. Averages of whole networks hold it; the
        # figures per bit and of lines are those of bare equipment.
        energy_kwh * grid.value,
        energy_kwh,
    )
