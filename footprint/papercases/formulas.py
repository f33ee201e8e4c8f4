"""What can be recomputed: models by name, and a pure function for each of their figures.

The parameters of a function are inputs of the case, or other figures of the same model,
which are then computed from theirs. Units stand in the names, as everywhere; a file
writes the key without the unit (``power`` for ``power_w``) and the unit into the value.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from footprint.errors import UsageError
from footprint.lifecycle.federated import (
    centralised_energy,
    communication_energy,
    communication_share,
    federated_wins_below,
    saving_of_smaller_updates,
    training_energy,
)
from footprint.lifecycle.network import (
    equipment_energy_per_bit,
    equivalent_kwh_per_gb,
    last_hop_energy,
    nj_per_bit_to_kwh_per_gb,
    power_model_energy,
    transfer_energy,
)
from footprint.lifecycle.operational import operational_emissions
from footprint.model.scenario import Unit, manifest_key
from footprint.units import (
    BIT_PER_KBIT,
    MBIT_PER_GB,
    NJ_PER_J,
    S_PER_H,
    kwh_to_watts,
    watt_seconds_to_kwh,
)


def _sessions(rounds: float, clients_per_round: float) -> float:
    return rounds * clients_per_round


def _total(training_kwh: float, communication_kwh: float) -> float:
    return training_kwh + communication_kwh


def _emissions(energy_kwh: float, intensity_g_per_kwh: float) -> float:
    """Emissions of an energy that has the overhead of its building in it, if there is one."""
    return operational_emissions(energy_kwh, intensity_g_per_kwh, pue=1.0)


def _needed_ratio(
    emissions_ratio: float, pue: float, centralised_g_per_kwh: float, federated_g_per_kwh: float
) -> float:
    """Ratio of energies, FL over central, at which the emissions have the ratio that is given."""
    return emissions_ratio * federated_wins_below(pue, centralised_g_per_kwh, federated_g_per_kwh)


def _line_volume(transfer_s: float, rate_mbps: float) -> float:
    return transfer_s * rate_mbps / MBIT_PER_GB


def _line_power(base_w: float, slope_w_per_mbps: float, rate_mbps: float, users: float) -> float:
    """Mean power of a line, from its energy in an hour."""
    data_gb = _line_volume(S_PER_H, rate_mbps)
    line = {"base_w": base_w, "slope_w_per_mbps": slope_w_per_mbps, "users": users}
    return kwh_to_watts(power_model_energy(S_PER_H, data_gb, **line), S_PER_H)


def _line_intensity(energy_kwh: float, data_gb: float) -> float:
    return energy_kwh / data_gb


def _service(energy_kwh: float, datacentre_w: float, transfer_s: float) -> float:
    return energy_kwh + watt_seconds_to_kwh(datacentre_w, transfer_s)


def _per_bit(efficiency_kbit_per_j: float) -> float:
    return NJ_PER_J / BIT_PER_KBIT / efficiency_kbit_per_j


def _runtime_ratio(slower_s: float, faster_s: float) -> float:
    return slower_s / faster_s


def _share(part_g: float, whole_g: float) -> float:
    return part_g / whole_g


Formula = Callable[..., float]

MODELS: Mapping[str, Mapping[str, Formula]] = {
    # Qiu et al., our reading.
    "qiu-federated": {
        "sessions": _sessions,
        "training_kwh": training_energy,
        "communication_kwh": communication_energy,
        "communication_share": communication_share,
        "energy_kwh": _total,
        "emissions_g": _emissions,
    },
    "qiu-centralised": {"energy_kwh": centralised_energy, "emissions_g": _emissions},
    "qiu-ratio": {"energy_ratio": _needed_ratio},
    # Form of Wu et al.: time x power of the device, then of the router.
    "session": {
        "training_kwh": training_energy,
        "communication_kwh": last_hop_energy,
        "energy_kwh": _total,
    },
    "smaller-updates": {"saving": saving_of_smaller_updates},
    # Networks.
    "transfer": {"energy_kwh": transfer_energy},
    "line": {
        "data_gb": _line_volume,
        "power_w": _line_power,
        "energy_kwh": power_model_energy,
        "intensity_kwh_per_gb": _line_intensity,
        "service_kwh": _service,
    },
    "last-hop": {"intensity_kwh_per_gb": equivalent_kwh_per_gb},
    "equipment": {"equipment_nj_per_bit": equipment_energy_per_bit},
    "link-efficiency": {
        "energy_nj_per_bit": _per_bit,
        "intensity_kwh_per_gb": nj_per_bit_to_kwh_per_gb,
    },
    # Operation and shares.
    "operational": {"emissions_g": operational_emissions},
    "runtimes": {"ratio": _runtime_ratio},
    "budget": {"share": _share},
}

_UNITS = {
    "s": "s",
    "w": "W",
    "g": "gCO2e",
    "gb": "GB",
    "kwh": "kWh",
    "mbps": "Mbps",
    "gbps": "Gbps",
    "g_per_kwh": "gCO2e/kWh",
    "kwh_per_gb": "kWh/GB",
    "w_per_mbps": "W/Mbps",
    "nj_per_bit": "nJ/bit",
    "kbit_per_j": "kbit/J",
    "": "1",
}


def unit_of(name: str) -> str:
    """Canonical unit that a name of ours carries; ``"1"`` for a pure number."""
    return _UNITS[name.removeprefix(manifest_key(name)).removeprefix("_")]


@dataclass(frozen=True, slots=True)
class Figure:
    """A recomputed figure.

    Attributes
    ----------
    value : float or None
        In `unit`; None if inputs are missing.
    unit : str
    missing : tuple of str
        Keys of the inputs that a formula needs and nobody gave.
    """

    value: float | None
    unit: str
    missing: tuple[str, ...] = ()


def known_figures(model: str) -> dict[str, str]:
    """List the figures of a model: key in a file, and canonical unit."""
    return {manifest_key(name): unit_of(name) for name in MODELS[model]}


def known_inputs(model: str) -> dict[str, Unit]:
    """List the inputs of a model: key in a file, and how its value is read.

    A figure can be an input, too: where a paper prints the energy, say.
    """
    names = {name for formula in MODELS[model].values() for name in _parameters(formula)}
    at_least_one = {"pue", "users"}
    return {
        manifest_key(name): Unit(unit_of(name), minimum=1.0 if name in at_least_one else 0.0)
        for name in sorted(names)
    }


def compute_figure(model: str, key: str, given: Mapping[str, float]) -> Figure:
    """Compute one figure from inputs in canonical units, by their keys.

    Raises
    ------
    UsageError
        If the inputs are there, and it still has no value, as where one divides by 0.
    """
    formulas = {manifest_key(name): formula for name, formula in MODELS[model].items()}
    unit = known_figures(model)[key]
    missing = tuple(dict.fromkeys(_missing(formulas, key, given)))
    if missing:
        return Figure(None, unit, missing)
    try:
        value = float(_value(formulas, key, given))
    except ArithmeticError as error:
        raise UsageError(f"{key} cannot be computed: {error}.", "Check the inputs.") from error
    if not math.isfinite(value):
        raise UsageError(f"{key} cannot be computed: it is not finite.", "Check the inputs.")
    return Figure(value, unit)


# Every parameter counts, also those that have a default elsewhere: a case says what it takes.
def _parameters(formula: Formula) -> list[str]:
    return list(inspect.signature(formula).parameters)


def _missing(formulas: Mapping[str, Formula], key: str, given: Mapping[str, float]) -> list[str]:
    found = []
    for name in map(manifest_key, _parameters(formulas[key])):
        if name not in given:
            found += _missing(formulas, name, given) if name in formulas else [name]
    return found


def _value(formulas: Mapping[str, Formula], key: str, given: Mapping[str, float]) -> Any:
    arguments = {}
    for parameter in _parameters(formulas[key]):
        name = manifest_key(parameter)
        arguments[parameter] = given[name] if name in given else _value(formulas, name, given)
    return formulas[key](**arguments)
