"""Write the tables as CSV files with TOML sidecars."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from factor_tables.tables import COLUMNS, Cells, Tables

VERSION = "2026.11.1"
COMPILED = "2026-11"

TITLES = {
    "grid/country": ("Grid intensity of countries and country groups",
                     "Yearly averages of the production mix, life-cycle."),
    "grid/subnational": ("Grid intensity of parts of countries",
                         "US states, Chinese provinces (direct) and Nordic bidding zones "
                         "(life-cycle). The national total of the USA stands with its states."),
    "grid/cloud_regions": ("Grid intensity of cloud regions",
                           "Location-based yearly averages; a proxy where the method says so."),
    "grid/generation": ("Intensity of generation by source",
                        "Medians of the IPCC, life-cycle, and direct emissions of plants."),
    "network/network_energy": ("Energy of data networks",
                               "kWh per GB by segment, and base and slope of power models."),
    "hardware/power": ("Power of hardware", "Rated, idle, maximum and mean powers."),
    "hardware/embodied": ("Embodied emissions of hardware", "Cradle to gate where not said."),
    "hardware/lifespans": ("Lifespans of hardware", "Times of service used by tools and makers."),
    "datacentre/pue": ("PUE of data centres", "By operator, and the average of the industry."),
    "datacentre/cloud_regions": ("Efficiency of cloud regions",
                                 "PUE, WUE and hourly carbon-free share per region and year."),
    "prices/electricity": ("Electricity prices", "US states by sector, part of the EU."),
    "prices/cloud": ("Cloud list prices", "Instances, data transfer and storage."),
    "prices/carbon": ("Carbon prices", "EU allowances and the US social cost of carbon."),
}  # fmt: skip


def _write_csv(path: Path, columns: list[str], rows: Iterator[Cells]) -> None:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.getvalue().encode())


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _sidecar(name: str, rows: list[Cells]) -> str:
    title, description = TITLES[name]
    licences = sorted({row["licence"] for row in rows})
    thanks = sorted({f"{row['source']} ({row['source_url']})" for row in rows})
    lines = [f"title = {_quote(title)}", f"description = {_quote(description)}",
             f'compiled = "{COMPILED}"', "licences = ["]  # fmt: skip
    lines += [f"    {_quote(licence)}," for licence in licences]
    lines += ["]", "attribution = ["]
    lines += [f"    {_quote(credit)}," for credit in thanks]
    lines += ["]", "", "[columns]"]
    lines += [f"{column} = {_quote(text)}" for column, text in COLUMNS.items()]
    return "\n".join(lines) + "\n"


def write(out: Tables, folder: Path) -> None:
    """Write all tables, rows sorted by id."""
    for name, table in sorted(out.files.items()):
        rows = [table[key] for key in sorted(table)]
        _write_csv(folder / f"{name}.csv", list(COLUMNS), iter(rows))
        (folder / f"{name}.toml").write_bytes(_sidecar(name, rows).encode())
    zones = (out.zones[key] for key in sorted(out.zones))
    _write_csv(folder / "grid/zones.csv", ["zone", "iso3", "name", "parent"], zones)
    excluded = ({"id": key, "reason": out.excluded[key]} for key in sorted(out.excluded))
    _write_csv(folder / "EXCLUDED.csv", ["id", "reason"], excluded)
    (folder / "VERSION").write_bytes(f"{VERSION}\n".encode())
