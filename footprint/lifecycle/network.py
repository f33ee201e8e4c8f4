"""Energy of moving data, by four models that do not agree.

Which one is used decides many a comparison, so it stands in every result. They answer
different questions: `transfer_energy` and `per_bit_energy` share out what a network uses
anyway; `last_hop_energy` charges what stands at the client's end while it transfers;
`power_model_energy` can do either. Never add two of them: the access hop is in each.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from footprint.errors import UsageError
from footprint.units import J_PER_KWH, MBIT_PER_GB, NJ_PER_J, S_PER_H, WH_PER_KWH

Numbers = TypeVar("Numbers", float, np.ndarray)


def transfer_energy(data_gb: Numbers, transfer_kwh_per_gb: float) -> Numbers:
    r"""Energy of a network for a volume of data, by average intensity.

    .. math:: E = D \cdot \epsilon

    An allocational figure: the network's yearly energy over its yearly traffic.
    It answers "what share of the network is ours", not "what would be saved by
    sending less": the power of networks hardly follows their traffic.

    Parameters
    ----------
    data_gb : float or ndarray
        Volume, D [GB].
    transfer_kwh_per_gb : float
        Average intensity of the network path [kWh/GB].

    Returns
    -------
    float or ndarray
        Energy, E [kWh].

    References
    ----------
    Form and caution: J. Malmodin, "The power consumption of mobile and fixed
    network data services", Electronics Goes Green 2020.
    """
    return data_gb * transfer_kwh_per_gb


def transfer_time(data_gb: Numbers, rate_mbps: float) -> Numbers:
    """Time that a link needs for a volume of data [s].

    Parameters
    ----------
    data_gb : float or ndarray
        Volume [GB]; 1 GB is 8,000 Mbit.
    rate_mbps : float
        Rate of the link, above 0 [Mbit/s].

    Raises
    ------
    UsageError
        If the rate is not positive.
    """
    if not rate_mbps > 0:
        raise UsageError(f"The rate of a link must be positive, not {rate_mbps} Mbit/s.")
    return data_gb * (MBIT_PER_GB / rate_mbps)


def last_hop_energy(transfer_s: Numbers, equipment_w: float) -> Numbers:
    r"""Energy of the equipment at the client's end for the time of a transfer.

    .. math:: E = t \cdot P, \quad t = S (1/D + 1/U)

    Nothing beyond the router is charged: some 10 to 100 times less than an average
    intensity.

    Parameters
    ----------
    transfer_s : float or ndarray
        Time of the transfer, t [s].
    equipment_w : float
        Power of the router, P [W]; the client's own power is an activity of its own.

    Returns
    -------
    float or ndarray
        Energy, E [kWh].

    References
    ----------
    After Qiu et al., arXiv 2102.07627, our reading (wide-area communication).
    """
    return transfer_s * (equipment_w / J_PER_KWH)


def power_model_energy(
    transfer_s: Numbers,
    data_gb: Numbers,
    *,
    base_w: float,
    slope_w_per_mbps: float,
    users: float = 1.0,
) -> Numbers:
    r"""Energy of an access network, by the power that it draws.

    .. math:: E = \frac{P_0}{n} t + s \cdot D

    The base is there whether anybody sends or not: without it (`base_w` 0) the result is
    marginal, with it attributional.

    Parameters
    ----------
    transfer_s : float or ndarray
        Time for which the line is charged, t [s].
    data_gb : float or ndarray
        Volume, D [GB].
    base_w : float
        Power of a line without traffic, :math:`P_0` [W].
    slope_w_per_mbps : float
        Power that traffic adds, s [W per Mbit/s], which is energy per volume.
    users : float
        Who share the base, n [1].

    Returns
    -------
    float or ndarray
        Energy, E [kWh].

    References
    ----------
    J. Malmodin, "The power consumption of mobile and fixed network data services",
    Electronics Goes Green 2020.
    """
    base_kwh = transfer_s * (base_w / users / J_PER_KWH)
    return base_kwh + data_gb * slope_kwh_per_gb(slope_w_per_mbps)


def slope_kwh_per_gb(slope_w_per_mbps: float) -> float:
    """Energy that a volume adds: 1 W per Mbit/s is 1 J per Mbit, whatever the rate [kWh/GB]."""
    return slope_w_per_mbps * MBIT_PER_GB / J_PER_KWH


def per_bit_energy(data_gb: Numbers, path_nj_per_bit: float) -> Numbers:
    """Energy of the equipment on a path, bit by bit [kWh].

    Parameters
    ----------
    data_gb : float or ndarray
        Volume [GB].
    path_nj_per_bit : float
        Sum over the equipment that a bit passes, each as often as it does [nJ/bit].

    References
    ----------
    Form: Yousefpour et al., "Green Federated Learning", arXiv 2303.14604.
    """
    return data_gb * nj_per_bit_to_kwh_per_gb(path_nj_per_bit)


def nj_per_bit_to_kwh_per_gb(energy_nj_per_bit: float) -> float:
    """Convert energy per bit [nJ/bit] to energy per volume [kWh/GB]."""
    return energy_nj_per_bit / NJ_PER_J * MBIT_PER_GB * 1e6 / J_PER_KWH


def equipment_energy_per_bit(
    idle_w: float, max_w: float, capacity_gbps: float, utilisation: float = 0.2
) -> float:
    r"""Energy per bit of a switch or router [nJ/bit].

    .. math:: \epsilon = \frac{P_{idle}}{U C} + \frac{P_{max} - P_{idle}}{C}

    Parameters
    ----------
    idle_w, max_w : float
        Power without traffic, and at full capacity [W].
    capacity_gbps : float
        Capacity, C [Gbit/s].
    utilisation : float
        Mean load, U [1]. 0.2 was inferred from the printed figures.

    References
    ----------
    Jalali et al., IEEE JSAC 34(5), 2016; reproduces the three energies that a
    simulator's constants carry to 1 %.
    """
    return idle_w / (utilisation * capacity_gbps) + (max_w - idle_w) / capacity_gbps


def equivalent_kwh_per_gb(equipment_w: float, rate_mbps: float) -> float:
    """Energy per volume of equipment that is charged for the time of a transfer [kWh/GB].

    Parameters
    ----------
    equipment_w : float
        Its power [W].
    rate_mbps : float
        Rate of the link [Mbit/s].
    """
    return equipment_w * transfer_time(1.0, rate_mbps) / S_PER_H / WH_PER_KWH
