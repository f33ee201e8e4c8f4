"""What a publication says beyond the inputs of a formula, for those who have it at hand.

Two records, for the two kinds of paper behind this package. All of their keys are
optional: what nobody found printed stays away. Nothing here is computed with; tables of
results are rows of the case.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from footprint.model.scenario import STRICT, Amount, Count, Gigabytes, Rate, Seconds, Share, Watts


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """A figure as it is printed, with its unit, and what the paper cites for it."""

    value: str
    source: str | None = None
    date: str | None = None

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Rates of clients in one country [Mbit/s], and the date of the speed test behind them."""

    down_mbps: Rate | None = None
    up_mbps: Rate | None = None
    source: str | None = None
    date: str | None = None

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardware:
    """Power of a device [W], and how it was measured: rail monitor, wall meter, library."""

    power_w: Watts | None = None
    idle_w: Watts | None = None
    measured: str | None = None

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundsToTarget:
    """Rounds that one set-up of a data set needed."""

    rounds: Count
    partition: str | None = None
    strategy: str | None = None
    local_epochs: Count | None = None

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """One task: model, clients, target, and what it took.

    Attributes
    ----------
    epoch : mapping of str to float
        Time of one local epoch, by device [s].
    """

    model: str | None = None
    parameters: Count | None = None
    pool: Count | None = None
    clients_per_round: Amount | None = None
    partition: str | None = None
    target_accuracy: Share | None = None
    optimiser: str | None = None
    rounds_to_target: tuple[RoundsToTarget, ...] = ()
    epoch: Mapping[str, Seconds] = field(default_factory=dict)

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationalRecord:
    """What a paper on the operation of federated training has to say to be recomputed.

    Attributes
    ----------
    equations : mapping of str to str
        By what they give.
    pue_in_federated : str
        Whether PUE multiplies anything there.
    intensities, links, devices, datasets : mapping
        By country, country, device and data set.
    hardware_in_transfer : str
        Whether the power of the hardware enters the term of the network, and how often.
    centralised_power : str
        How the power of accelerators and processors was measured.
    communication_share : str
        As printed, where it is no row.
    optimisation : str
        The problem that joins accuracy and emissions.
    """

    equations: Mapping[str, str] = field(default_factory=dict)
    pue_in_federated: str | None = None
    intensities: Mapping[str, Stated] = field(default_factory=dict)
    router_w: Watts | None = None
    idle_w: Watts | None = None
    hardware_in_transfer: str | None = None
    links: Mapping[str, Link] = field(default_factory=dict)
    devices: Mapping[str, Hardware] = field(default_factory=dict)
    centralised_power: str | None = None
    datasets: Mapping[str, Dataset] = field(default_factory=dict)
    communication_share: str | None = None
    optimisation: str | None = None

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """A rented machine: its type, and its price by the hour, with currency and date."""

    kind: str
    price: str
    date: str | None = None

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class UseCase:
    """One use case: what was trained, on how much, where and how long."""

    name: str
    task: str | None = None
    model: str | None = None
    silos: Count | None = None
    data_gb: Gigabytes | None = None
    rounds: Count | None = None
    duration_s: Seconds | None = None
    hardware: str | None = None

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class LifeCycleRecord:
    """What a paper on the life cycle has to say to be recomputed.

    Attributes
    ----------
    stages : tuple of str
        In its own words.
    emission_equations, cost_equations : mapping of str to str
        By architecture.
    transfer, storage : Stated
        Energy or emissions per gigabyte.
    prices : mapping of str to Stated
        By what is paid for, such as egress per gigabyte.
    intensities : mapping of str to Stated
        By region.
    management_parts, management_flow : tuple of str, str
        Of the management system.
    claims : tuple of str
        Sentences with figures.
    """

    stages: tuple[str, ...] = ()
    emission_equations: Mapping[str, str] = field(default_factory=dict)
    cost_equations: Mapping[str, str] = field(default_factory=dict)
    transfer: Stated | None = None
    storage: Stated | None = None
    currency: str | None = None
    prices: Mapping[str, Stated] = field(default_factory=dict)
    instances: tuple[Instance, ...] = ()
    use_cases: tuple[UseCase, ...] = ()
    intensities: Mapping[str, Stated] = field(default_factory=dict)
    management_parts: tuple[str, ...] = ()
    management_flow: str | None = None
    claims: tuple[str, ...] = ()

    __pydantic_config__ = STRICT
