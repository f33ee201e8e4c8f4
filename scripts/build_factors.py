"""Make `emission_factors/` from a folder of reference tables.

    python scripts/build_factors.py SOURCE_FOLDER [--out emission_factors]

The reference tables are CSV files with the columns key, value, unit, low, high,
year, source, source_url, licence, note and some of their own. This script turns
them into the layout of docs/factors.md, leaves out what may not or should not be
shipped (each with its reason, into EXCLUDED.csv), and is deterministic: the same
tables give the same bytes. `uncertainty.toml` and `CHANGELOG.md` are kept by hand
and are not touched.

Needs pycountry (codecarbon brings it).
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable
from pathlib import Path

from factor_tables.files import write
from factor_tables.grid import (
    build_countries,
    build_regions,
    build_sources,
    build_subnational,
)
from factor_tables.hardware import build_embodied, build_lifespans, build_power
from factor_tables.network import build_network
from factor_tables.prices import (
    build_carbon_prices,
    build_cloud_prices,
    build_electricity,
    build_pue,
)
from factor_tables.tables import Cells, Tables

BUILDERS: dict[str, Callable[[list[Cells], Tables], None]] = {
    "grid_country_yearly": build_countries,
    "grid_subnational_yearly": build_subnational,
    "cloud_regions": build_regions,
    "energy_sources": build_sources,
    "network_energy": build_network,
    "hardware_power": build_power,
    "hardware_embodied": build_embodied,
    "lifespans": build_lifespans,
    "pue": build_pue,
    "electricity_prices": build_electricity,
    "cloud_prices": build_cloud_prices,
    "carbon_prices": build_carbon_prices,
}
NOT_USED = {
    "pedigree_matrix": "the factors of the matrix stand in footprint/factors/pedigree.py",
}


def build(source: Path) -> Tables:
    """Read the reference tables that are there and convert them."""
    out = Tables()
    found = [name for name in BUILDERS if (source / f"{name}.csv").is_file()]
    if not found:
        raise SystemExit(f"{source} holds none of {', '.join(BUILDERS)} (.csv)")
    for name in found:
        with (source / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            BUILDERS[name](list(csv.DictReader(file)), out)
    for name, reason in NOT_USED.items():
        if (source / f"{name}.csv").is_file():
            out.exclude(name, "*", reason)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path, help="folder of the reference tables")
    parser.add_argument("--out", type=Path, default=Path("emission_factors"))
    arguments = parser.parse_args()
    out = build(arguments.source)
    write(out, arguments.out)
    for name, table in sorted(out.files.items()):
        print(f"{len(table):5} {name}.csv")
    print(f"{len(out.zones):5} grid/zones.csv\n{len(out.excluded):5} excluded")


if __name__ == "__main__":
    main()
