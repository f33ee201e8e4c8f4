"""From the activities of a journal to the lines of an inventory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from footprint.model import (
    DEFAULTS,
    Access,
    Basis,
    Inventory,
    InventoryLine,
    Journal,
    LifeCycle,
    Phase,
    Role,
    Tier,
)

_KEYS = (
    "actor",
    "role",
    "device",
    "zone",
    "phase",
    "basis",
    "tier",
    "source",
    "resource_share",
    "life_cycle",
    "access",
    "instance",
)
_ENERGIES = ("energy_kwh", "energy_low_kwh", "energy_high_kwh")
_SHORT = 1000  # of fewer values, a dictionary is faster than pandas
_NOTHING = {"transfer_s": 0.0, "stored_gb_h": 0.0}
_SUMS = ("duration_s", *_ENERGIES, "data_gb", "transfer_s", "stored_gb_h")


def build_inventory(journal: Journal, *, by_round: bool = False) -> Inventory:
    """Sum activities that differ in nothing that an estimate looks at.

    Parameters
    ----------
    journal : Journal
        Activities as columns.
    by_round : bool
        Keep the rounds apart, one line each.

    Returns
    -------
    Inventory
        Energy in kWh, data in GB, time in s. The sums of its lines equal those
        of the journal. A line of which nothing is metered has energy None.

    Notes
    -----
    Group keys are turned into integers and summed with `numpy.bincount`, which is
    faster than a group-by over several columns (`benchmarks/path.py`).
    """
    columns = journal.columns
    keys = [key for key in _KEYS if key in columns]
    groups = _group(columns, [*keys, "year", *(["round"] if by_round else [])])
    energy = _floats(columns["energy_kwh"])
    is_known = ~np.isnan(energy)
    # A sum of bounds of which one is unknown is unknown.
    is_bounded = ~np.isnan(_floats(columns["energy_low_kwh"]))
    is_bounded &= ~np.isnan(_floats(columns["energy_high_kwh"]))
    sums = {
        name: groups.sum(np.nan_to_num(_floats(columns[name]))) for name in _SUMS if name in columns
    }
    sums["activities"] = groups.sum(np.ones(len(energy)))
    sums["metered"] = groups.sum(is_known)
    sums["unbounded"] = groups.sum(is_known & ~is_bounded)
    sums["unmetered"] = groups.sum(~is_known & (_floats(columns["duration_s"]) > 0))
    lines = tuple(
        _line(
            {**DEFAULTS, **row},
            {**_NOTHING, **{name: float(column[index]) for name, column in sums.items()}},
        )
        for index, row in enumerate(groups.rows)
    )
    return Inventory(
        run=journal.run,
        lines=lines,
        rounds=_distinct(columns["round"]) if journal.rounds is None else journal.rounds,
        clients=(
            # Who was there, and never asked, took no part.
            len(
                {
                    line.actor
                    for line in lines
                    if line.role is Role.CLIENT and line.phase is not Phase.WAIT
                }
            )
            if journal.clients is None
            else journal.clients
        ),
        view=journal.view,
        idle_policy=journal.idle_policy,
        factors=journal.factors,
        catalogue_digest=journal.catalogue_digest,
        findings=journal.findings,
        inputs=journal.inputs,
    )


def _line(row: Mapping[str, Any], sums: Mapping[str, float]) -> InventoryLine:
    known = sums["metered"] > 0
    bounded = known and sums["unbounded"] == 0
    return InventoryLine(
        actor=str(row["actor"]),
        role=Role(row["role"]),
        device=row["device"],
        zone=row["zone"],
        phase=Phase(row["phase"]),
        year=int(row["year"]),
        basis=Basis(row["basis"]),
        tier=None if row["tier"] is None else Tier(row["tier"]),
        source=str(row["source"]),
        duration_s=sums["duration_s"],
        energy_kwh=sums["energy_kwh"] if known else None,
        energy_low_kwh=sums["energy_low_kwh"] if bounded else None,
        energy_high_kwh=sums["energy_high_kwh"] if bounded else None,
        data_gb=sums["data_gb"],
        activities=int(sums["activities"]),
        unmetered=int(sums["unmetered"]),
        round=None if row.get("round") is None else int(row["round"]),
        resource_share=row["resource_share"],
        life_cycle=LifeCycle(row["life_cycle"]),
        access=None if row["access"] is None else Access(row["access"]),
        transfer_s=sums["transfer_s"],
        stored_gb_h=sums["stored_gb_h"],
        instance=row["instance"],
    )


@dataclass(frozen=True, slots=True)
class _Groups:
    """Activities that belong to one line each: the keys of the lines, and who is in which."""

    rows: list[dict[str, Any]]
    member: np.ndarray[Any, Any]

    def sum(self, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return np.bincount(self.member, weights=values, minlength=len(self.rows))


def _group(columns: Mapping[str, Any], keys: list[str]) -> _Groups:
    codes: list[np.ndarray[Any, Any]] = []
    values: list[list[Any]] = []
    for key in keys:
        code, value = _factorise(_year(columns["start_s"]) if key == "year" else columns[key])
        codes.append(code)
        values.append(value)
    # Numbered in order of first appearance, so that results are stable.
    member, found = pd.factorize(_composite(codes, [len(value) for value in values]))
    first = np.zeros(len(found), dtype=np.int64)
    first[member[::-1]] = np.arange(len(member))[::-1]
    rows = [
        {key: value[code[index]] for key, code, value in zip(keys, codes, values, strict=True)}
        for index in first
    ]
    return _Groups(rows, member)


def _floats(column: Any) -> np.ndarray[Any, Any]:
    """Column as floats, with NaN for None."""
    return np.asarray(column, dtype=np.float64)


def _year(start_s: Any) -> np.ndarray[Any, Any]:
    seconds = _floats(start_s).astype("datetime64[s]")
    years: np.ndarray[Any, Any] = seconds.astype("datetime64[Y]").astype(np.int64) + 1970
    return years


def _factorise(column: Any) -> tuple[np.ndarray[Any, Any], list[Any]]:
    """Integer codes of a column, and the values that they stand for."""
    if isinstance(column, pd.Categorical):
        words = [*column.categories, None]
        return np.where(column.codes < 0, len(words) - 1, column.codes), words
    if isinstance(column, list) and len(column) < _SHORT:
        places: dict[Any, int] = {}
        code = np.array([places.setdefault(value, len(places)) for value in column], dtype=np.int64)
        return code, list(places)
    array = column if isinstance(column, np.ndarray) else np.asarray(column, dtype=object)
    code, values = pd.factorize(array, use_na_sentinel=False)
    return code, [None if pd.isna(value) else value for value in values]


def _composite(codes: list[np.ndarray[Any, Any]], sizes: list[int]) -> np.ndarray[Any, Any]:
    group = np.zeros(len(codes[0]), dtype=np.int64)
    span = 1
    for code, size in zip(codes, sizes, strict=True):
        if span * size > np.iinfo(np.int64).max // 2:
            group, found = pd.factorize(group)
            span = len(found)
        group = group * size + code
        span *= size
    return group


def _distinct(column: Any) -> int:
    return int(pd.unique(pd.Series(_floats(column)).dropna()).size)
