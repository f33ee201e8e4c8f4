"""Training energy and communication of federated learning, after Qiu et al., our reading.

Their equations were taken from independent implementations (grade C of our
specification), not from the printed text. The model charges the clients' training,
and for each transfer the router and the idle client; of a centralised training the
accelerators and the host, times the PUE of their data centre. It charges no server,
no waiting, no upload of training data and no hardware.

Source: X. Qiu et al., "A first look into the carbon footprint of federated learning",
arXiv 2102.07627; JMLR 24 (2023).
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from footprint.lifecycle.network import transfer_time
from footprint.units import J_PER_KWH

Numbers = TypeVar("Numbers", float, np.ndarray)


def training_energy(sessions: Numbers, local_s: float, power_w: float) -> Numbers:
    r"""Energy of the clients' training [kWh].

    .. math:: T = \sum_j \sum_i a_{ij} t_i e_i

    Parameters
    ----------
    sessions : float or ndarray
        How often a client took part, :math:`\sum_j a_{ij}` [1].
    local_s : float
        Its training in one round, all local epochs, :math:`t_i` [s].
    power_w : float
        Power of its hardware meanwhile, :math:`e_i` [W].
    """
    return sessions * (local_s * power_w / J_PER_KWH)


def communication_energy(
    sessions: Numbers,
    model_gb: float,
    *,
    down_mbps: float,
    up_mbps: float,
    router_w: float,
    idle_w: float,
) -> Numbers:
    r"""Energy of the clients' wide-area communication [kWh].

    .. math:: C = \sum_j \sum_i a_{ij} S \left(\frac{1}{D_i} + \frac{1}{U_i}\right)
        (e_r + e_{idle,i})

    Parameters
    ----------
    sessions : float or ndarray
        How often a client took part [1].
    model_gb : float
        Size of the model one way, S [GB].
    down_mbps, up_mbps : float
        Rates of its link, D and U [Mbit/s].
    router_w, idle_w : float
        Power of the router, and of the client while it only communicates [W].
    """
    transfer_s = transfer_time(model_gb, down_mbps) + transfer_time(model_gb, up_mbps)
    return sessions * (transfer_s * (router_w + idle_w) / J_PER_KWH)


def centralised_energy(train_s: float, power_w: float, pue: float) -> float:
    """Energy of a training in a data centre, accelerators and host [kWh].

    Parameters
    ----------
    train_s : float
        Time of the training [s].
    power_w : float
        Measured mean power of accelerators and host; a rated power is an upper bound [W].
    pue : float
        Overhead of the data centre [1]. Clients have none.
    """
    return pue * train_s * power_w / J_PER_KWH


def communication_share(training_kwh: float, communication_kwh: float) -> float:
    """Share of communication in the energy of a federated training [1]."""
    return communication_kwh / (training_kwh + communication_kwh)


def federated_wins_below(
    pue: float, centralised_g_per_kwh: float, federated_g_per_kwh: float
) -> float:
    r"""Ratio of energies below which federated training emits less [1].

    .. math:: \frac{E_{FL}}{E_C} < PUE \cdot \frac{c_{dc}}{c_{FL}}

    Parameters
    ----------
    pue : float
        Of the data centre; :math:`E_C` is its energy before that overhead [1].
    centralised_g_per_kwh, federated_g_per_kwh : float
        Grid intensity of the data centre, and of the clients weighted by their energy.
    """
    return pue * centralised_g_per_kwh / federated_g_per_kwh


def saving_of_smaller_updates(communication_share: float, size_ratio: float) -> float:
    r"""Emissions before over emissions after, if what is communicated gets smaller [1].

    .. math:: \frac{1}{1 - \phi + \phi / k}

    Parameters
    ----------
    communication_share : float
        Share of communication in the emissions before, :math:`\phi` [1].
    size_ratio : float
        Size before over size after, k; 4 for 8 instead of 32 bits [1].

    References
    ----------
    Form: Yousefpour et al., "Green Federated Learning", arXiv 2303.14604.
    """
    return 1 / (1 - communication_share + communication_share / size_ratio)
