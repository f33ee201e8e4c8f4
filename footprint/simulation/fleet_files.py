"""Fleets from CSV files: our own form, and the client table of FedZero."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from footprint.errors import DataError, UsageError
from footprint.simulation.arrays import Floats, Labels
from footprint.simulation.fleet import Fleet
from footprint.simulation.hardware import (
    BATCH,
    LEAST_EPOCHS,
    MOST_EPOCHS,
    find_class,
    find_size,
)
from footprint.simulation.trace_files import load_table

if TYPE_CHECKING:
    import pandas as pd

_NECESSARY = ("units_per_s", "energy_per_unit_ws", "least_units", "most_units")
_OPTIONAL = ("samples", "idle_w", "down_mbps", "up_mbps")


def read_fleet(path: Path | str, domains: Sequence[str]) -> Fleet:
    """Read a fleet.

    Parameters
    ----------
    path : path
        CSV with a row per client. Columns: `id`, `domain` (a name), `units_per_s`,
        `energy_per_unit_ws`, `least_units`, `most_units`; and where they are known `samples`,
        `device`, `idle_w`, `dropout`, `down_mbps`, `up_mbps`, which may have empty cells.
    domains : sequence of str
        Names of the power domains, in the order of the supply.

    Raises
    ------
    DataError
        If a column is missing or unknown, or a cell holds no number or no such domain.
    """
    table = load_table(path)
    known = {"id", "domain", "device", "dropout", *_NECESSARY, *_OPTIONAL}
    names = [str(name) for name in table.columns]
    missing = [name for name in ("id", "domain", *_NECESSARY) if name not in names]
    unknown = [name for name in names if name not in known]
    if missing or unknown:
        wrong = f"lacks the column {missing[0]!r}" if missing else f"has a column {unknown[0]!r}"
        raise DataError(f"{path} {wrong}.", f"Columns are: {', '.join(sorted(known))}.")
    places = {name: number for number, name in enumerate(domains)}
    given = [str(name) for name in table["domain"]]
    strangers = sorted(set(given) - set(places))
    if strangers:
        raise DataError(
            f"{path}: there is no power domain {strangers[0]!r}.",
            f"They are: {', '.join(domains[:12])}.",
        )
    columns: dict[str, Any] = {}
    for name in (*_NECESSARY, *_OPTIONAL, "dropout"):
        if name in names:
            columns[name] = _numbers(table, name, path)
    for name in (*_NECESSARY, "dropout"):
        if name in columns and np.isnan(columns[name]).any():
            row = int(np.argmax(np.isnan(columns[name])))
            raise DataError(f"{path}: row {row + 2} has no {name!r}.")
    if "device" in names:
        columns["devices"] = _words(table["device"])
    ids = _words(table["id"].astype(str))
    return Fleet.of(ids=ids, domain=np.array([places[name] for name in given]), **columns)


def read_fedzero_clients(
    path: Path | str, task: str, samples: npt.ArrayLike | Callable[[int], Floats]
) -> Fleet:
    """Read the client table of FedZero.

    Parameters
    ----------
    path : path
        CSV with the columns `power_domain` (number of the domain's column in the solar files,
        from 0) and `size` (small, mid or large), and a row per client. `client_id` may name them.
    task : str
        One of `hardware.SIZES`.
    samples : array_like or callable
        Training samples of each client, which the file does not hold; or what deals them to
        a number of clients.

    Raises
    ------
    DataError
        If the file is not of this form.
    UsageError
        If there is no such task or hardware class, or samples do not fit.
    """
    table = load_table(path)
    missing = [name for name in ("power_domain", "size") if name not in table.columns]
    if missing:
        raise DataError(f"{path} lacks the column {missing[0]!r}.", "Read it with read_fleet.")
    dealt = samples(len(table)) if callable(samples) else samples
    owned = np.asarray(dealt, dtype=np.float64)
    if owned.shape != (len(table),) or not (owned >= 1).all():
        raise UsageError(f"{len(table)} clients need as many numbers of samples, of 1 or more.")
    size = find_size(task)
    classes = [find_class(str(name)) for name in table["size"]]
    epoch = np.ceil(owned / BATCH)
    names = table["client_id"] if "client_id" in table.columns else range(len(table))
    return Fleet.of(
        ids=_words([f"client-{name}" for name in names]),
        domain=_numbers(table, "power_domain", path).astype(np.int64),
        units_per_s=np.array([one.units_per_s(size) for one in classes]),
        energy_per_unit_ws=np.array([one.energy_per_unit_ws(size) for one in classes]),
        least_units=LEAST_EPOCHS * epoch,
        most_units=MOST_EPOCHS * epoch,
        samples=owned,
        devices=_words([one.device for one in classes]),
    )


def spread_samples(total: int, clients: int, seed: int, *, spread: float = 0.5) -> Floats:
    """Deal samples to clients unevenly, where no partition is given.

    Sizes are log-normal with this standard deviation of the logarithm, and add up to about the
    total; everybody has at least a batch. An invention for trials, not FedZero's partition.
    """
    drawn = np.random.default_rng(seed).lognormal(0.0, spread, clients)
    samples: Floats = np.maximum(np.rint(drawn / drawn.sum() * total), float(BATCH))
    return samples


def deal_samples(
    total: int, clients: int, classes: int, seed: int, *, concentration: float = 0.5
) -> Floats:
    """Deal samples to clients class by class, by a Dirichlet distribution over the clients.

    Parameters
    ----------
    total, clients, classes, seed : int
    concentration : float
        Above 0; the smaller, the more uneven.

    Returns
    -------
    ndarray of shape (clients,)
        They add up to the total, but for those who would have none: they get one.

    References
    ----------
    The split of the image data sets in FedZero's evaluation: github.com/dos-group/fedzero, commit
    1c8ae6a3. With other random numbers, so sizes are alike and not the same.
    """
    if not (clients >= 1 and classes >= 1 and concentration > 0):
        raise UsageError(
            f"{total} samples of {classes} class(es) cannot be dealt to {clients} client(s) with "
            f"a concentration of {concentration}."
        )
    rng = np.random.default_rng(seed)
    edges = np.arange(classes + 1, dtype=np.int64) * total // classes
    sizes = edges[1:] - edges[:-1]
    shares = rng.dirichlet(np.full(clients, concentration), size=classes)
    dealt: Floats = rng.multinomial(sizes, shares).sum(axis=0).astype(np.float64)
    return np.maximum(dealt, 1.0)


def _numbers(table: pd.DataFrame, name: str, path: Path | str) -> Floats:
    import pandas as pd

    column = table[name]
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)
    for row in np.flatnonzero(np.isnan(numbers) & column.notna().to_numpy()):
        raise DataError(f"{path}: row {row + 2}, column {name!r}: {column.iloc[row]!r} is none.")
    return numbers


def _words(column: Any) -> Labels:
    words = np.empty(len(column), dtype=object)
    words[:] = [
        None if word is None or (isinstance(word, float) and math.isnan(word)) else str(word)
        for word in column
    ]
    return words
