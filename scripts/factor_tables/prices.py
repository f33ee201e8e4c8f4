"""PUE of data centres, and prices."""

from __future__ import annotations

from factor_tables.tables import (
    Cells,
    Tables,
    join,
    year_span,
    yes,
)


def build_pue(rows: list[Cells], out: Tables) -> None:
    for row in rows:
        if row["key"] in ("colocation_equinix:2023", "industry_average:2022"):
            out.exclude("pue", row["key"], "cites a weak page")
            continue
        subject = row["key"].split(":")[0]
        kind = "survey" if subject == "industry_average" else "figure of the source"
        out.add("datacentre/pue", row, id="/".join(filter(None, ("pue", subject, row["year"]))),
                quantity="pue", subject=subject, method=kind, **year_span(row["year"]))  # fmt: skip


def build_electricity(rows: list[Cells], out: Tables) -> None:
    for row in rows:
        place, sector, period = row["key"].split(":")
        if row["key"] in ("CYP:non_household:2024S1", "SWE:non_household:2024S1"):
            out.exclude("electricity_prices", row["key"], "rests on a secondary page")
            continue
        cells = year_span(period[:4])
        if period.endswith("S1"):
            cells["valid_to"] = f"{period[:4]}-06-30"
        elif period.endswith("S2"):
            cells["valid_from"] = f"{period[:4]}-07-01"
        if place.startswith("US-"):
            zone = out.add_subdivision(place)
            cells |= {"method": "average revenue per kWh sold", "note": ""}
        else:
            group = out.add_zone("EU", "EU") if place == "EU27" else ""
            zone = group or out.add_country(place)
            cells["method"] = "statistical average of half a year"
        other = row["key"].replace("S1", "S2")
        later = period.endswith("S1") and any(r["key"] == other for r in rows)
        out.add("prices/electricity", row, id=f"electricity/{zone}/{period}/{sector}", zone=zone,
                quantity=f"electricity_price_{row['unit'][:3].lower()}", subject=sector,
                preferred=yes(preferred=not later), **cells)  # fmt: skip


def build_cloud_prices(rows: list[Cells], out: Tables) -> None:
    for row in rows:
        key = row["key"]
        if row["provider"] == "lambda":
            out.exclude("cloud_prices", key, "licence of the price catalogue not checked")
            continue
        if key == "gcp:egress_internet_premium:1-10TB":
            out.exclude("cloud_prices", key, "the page labels it with another tier")
            continue
        subject = ".".join(part for part in key.split(":") if part != "on_demand")
        kind, unit = {
            "USD/hour": ("instance", "USD/h"),
            "USD/GB": ("transfer", "USD/GB"),
            "USD/GB-month": ("storage", "USD/GB/month"),
        }[row["unit"]]
        out.add("prices/cloud", row, id=f"cloud/{subject}/{row['year']}", unit=unit,
                quantity=f"cloud_price_{kind}_usd", subject=subject, method="list price",
                **year_span(row["year"]))  # fmt: skip


def build_carbon_prices(rows: list[Cells], out: Tables) -> None:
    for row in rows:
        subject, *rest = row["key"].split(":")
        if row["key"] == "eu_ets:year_end:2021":
            out.exclude("carbon_prices", row["key"], "cites a weak page")
            continue
        if subject == "ipcc":
            out.exclude("carbon_prices", row["key"], "quoted by an encyclopedia page; not a price")
            continue
        cells = year_span(row["year"])
        date = rest[-1] if "-" in rest[-1] else ""
        if date:
            cells = {"valid_from": date, "valid_to": date}
        name = "/".join([subject, date or row["year"], *rest[:-1]])
        unit = row["unit"]
        note = row["note"]
        if unit.startswith("USD"):
            note = join(note, "in USD of 2020" if "USD2020" in unit else "", "per tonne of CO2")
            unit = "USD/tCO2e"
        first = subject != "eu_ets" or rest[0] == "auction_average"
        method = {"market": "market price", "social cost": "social cost of emissions"}[row["kind"]]
        out.add("prices/carbon", row, id=f"carbon/{name}", subject=subject, unit=unit, note=note,
                quantity=f"carbon_price_{unit[:3].lower()}", method=method,
                preferred=yes(preferred=first), **cells)  # fmt: skip
