"""Energy of data networks."""

from __future__ import annotations

from factor_tables.tables import (
    Cells,
    Tables,
    join,
    since,
    year_span,
    yes,
)

NETWORK_EXCLUDED = {
    "datacenter:swd_v4": "a data centre, not a network; not for computing workloads",
    "network_embodied:swd_v4": "embodied emissions written as energy: a grid factor does not fit",
    "screen_power:carbon_trust": "screens belong to the user's own activity, not to training",
    "telecom_site_pue": "the same value stands in pue.csv",
}
NETWORK_POWER = {
    "fixed_line_base": ("network_power_base", "fixed_line"),
    "fixed_line_slope": ("network_power_slope", "fixed_line"),
    "fixed_core_base": ("network_power_base", "fixed_core"),
    "core_slope": ("network_power_slope", "core"),
    "mobile_4g_base": ("network_power_base", "mobile_4g"),
    "mobile_4g_slope": ("network_power_slope", "mobile_4g"),
    "fixed_access_line_power": ("network_power_base", "fixed_access_line"),
    "submarine_link": ("network_power_slope", "submarine"),
    "home_router_power": ("power_average", "home_router"),
    "wifi_router_power": ("power_average", "home_router"),
}
NETWORK_SECOND = {"mobile:eu_ict_2020", "mobile_4g_ran:dense_urban", "mobile_5g_ran:dense_urban",
                  "wifi_router_power:mytton"}  # fmt: skip


def build_network(rows: list[Cells], out: Tables) -> None:
    for row in rows:
        key = row["key"]
        if key in NETWORK_EXCLUDED:
            out.exclude("network_energy", key, NETWORK_EXCLUDED[key])
            continue
        name, source = key.split(":")
        quantity, subject = NETWORK_POWER.get(name, ("network_energy", name))
        subject = {"network": "all_networks"}.get(subject, subject)
        cells = {"preferred": yes(preferred=key not in NETWORK_SECOND)}
        cells["unit"] = row["unit"].replace("W/line", "W").replace("W/user", "W")
        if row["unit"] in ("W/line", "W/user"):
            cells["note"] = join(f"per {row['unit'][2:]}", row["note"])
        if quantity == "power_average":
            out.add("hardware/power", row, id=f"power/{subject}/{source}", quantity=quantity,
                    subject=subject, method="mean power in use", **since(row["year"]),
                    **cells)  # fmt: skip
            continue
        kind = {"network_power_base": "/base", "network_power_slope": "/slope"}.get(quantity, "")
        out.add("network/network_energy", row, id=f"network/{subject}{kind}/{source}",
                quantity=quantity, subject=subject, **year_span(row["year"]), **cells,
                method=f"{row['model']} model; {row['segment']}")  # fmt: skip
