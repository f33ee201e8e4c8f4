"""Grid intensities of countries, their parts, and cloud regions."""

from __future__ import annotations

import re

import pycountry

from factor_tables.tables import (
    DIRECT,
    LIFE_CYCLE,
    Cells,
    Tables,
    join,
    since,
    year_span,
    yes,
)

DOUBTFUL_COUNTRIES = {
    "CAF:2022:ember": "the value is 0, which no life-cycle intensity can be",
    "LBN:2023:ember": "equals the value of the USA of the same year; 599 for Lebanon in 2022",
    "ESH:2009:owid": "dates from 2009",
}
CONFLICTING_COUNTRIES = {"DJI", "FLK", "GRL", "LBR", "PAN", "SLV"}


def build_countries(rows: list[Cells], out: Tables) -> None:
    kept = []
    for row in rows:
        if row["key"] in DOUBTFUL_COUNTRIES:
            out.exclude("grid_country_yearly", row["key"], DOUBTFUL_COUNTRIES[row["key"]])
        else:
            kept.append(row)
    # Ember names come with remarks in brackets; the plain ones read better.
    names = {r["country_iso3"]: r["country"] for r in kept if r["preferred"] == "no"}
    years = {(r["country_iso3"] or r["country"], r["year"]) for r in kept if "ember" in r["key"]}
    for row in kept:
        place, year, source = row["key"].split(":")
        if row["country_iso3"]:
            zone = out.add_country(row["country_iso3"], names.get(place, ""))
        else:
            zone = out.add_zone(place.upper(), row["country"])
        cells = {"note": row["note"].split("; ")[-1]}
        if place in CONFLICTING_COUNTRIES:
            values = sorted(float(r["value"]) for r in kept if r["country_iso3"] == place)
            cells |= {"low": f"{values[0]:.10g}", "high": f"{values[-1]:.10g}"}
            cells["note"] = join(cells["note"], "bounds widened to the values of both sources, "
                                  "which differ by more than a factor of 1.5")  # fmt: skip
        first = source == "ember" or (row["country_iso3"] or row["country"], year) not in years
        out.add("grid/country", row, id=f"grid/{zone}/{year}/{source}", quantity="grid_intensity",
                zone=zone, signal=LIFE_CYCLE, preferred=yes(preferred=first), **year_span(year),
                method="average of the production mix, life-cycle; imports not included",
                **cells)  # fmt: skip


def build_subnational(rows: list[Cells], out: Tables) -> None:
    for row in rows:
        place, year, source = row["key"].split(":")
        cells: Cells = {"signal": DIRECT}
        if source == "egrid":
            zone = out.add_country("USA") if place == "US-TOTAL" else out.add_subdivision(place)
            cells["method"] = "average output rate of the generators, direct, before grid losses"
            cells["note"] = row["note"].split("; ")[0]
        elif source == "mee":
            zone = out.add_subdivision(place)
            cells["unit"] = "gCO2e/kWh"
            cells["method"] = "average with transfers between provinces, direct; CO2 only"
            cells["note"] = "published as gCO2/kWh: other greenhouse gases are not in the value"
        else:
            country = pycountry.countries.get(alpha_2=place[:2])
            out.add_country(country.alpha_3)
            name = f"{country.name}, bidding zone {place}"
            zone = out.add_zone(f"{place[:2]}-{place}", name, parent=place[:2])
            cells |= {"signal": LIFE_CYCLE, "method": "average of the production mix, life-cycle "
                      "factors of codecarbon (not the IPCC medians)"}  # fmt: skip
        short = source.split("-")[0]
        out.add("grid/subnational", row, id=f"grid/{zone}/{year}/{short}", zone=zone,
                quantity="grid_intensity", **year_span(year), **cells)  # fmt: skip


# The reference tables leave the country of these Azure regions open.
REGION_COUNTRIES = {"China": "CHN", "Finland": "FIN", "Saudi": "SAU", "Sweden": "SWE", "US": "USA"}
PROVIDERS = {"aws": "AWS", "azure": "Azure", "gcp": "Google Cloud"}
CHANGED_METHOD = {"europe-west6", "europe-west9", "europe-north1"}
METHOD_CHANGE = ("bounds widened to the values of 2021 to 2024: the series at least halves between "
                 "two years, which points to a change of method")  # fmt: skip


def build_regions(rows: list[Cells], out: Tables) -> None:
    states = {
        row["key"].split(":grid")[0]: match[1]
        for row in rows
        if (match := re.search(r"eGRID2023 state ([A-Z]{2}) ", row["source"]))
    }
    countries = {(r["provider"], r["region"]): r["country_iso3"] for r in rows if r["country_iso3"]}
    for row in rows:
        reason = _region_fault(row)
        if reason:
            out.exclude("cloud_regions", row["key"], reason)
            continue
        key = f"{row['provider']}:{row['region']}"
        iso3 = countries.get((row["provider"], row["region"]), "")
        iso3 = iso3 or REGION_COUNTRIES[row["location"].split()[0]]
        parent = out.add_country(iso3)
        if key in states:
            parent = out.add_subdivision(f"US-{states[key]}")
        zone = out.add_zone(key, f"{PROVIDERS[row['provider']]} {row['location']}", parent=parent)
        if row["metric"] == "grid_intensity":
            _add_region_grid(row, zone, rows, out)
        else:
            _add_region_facility(row, zone, out)


def _region_fault(row: Cells) -> str:
    if row["region"] == "asiapacific":
        return "a geography, not a region"
    if row["metric"] == "grid_intensity" and float(row["value"]) == 0:
        return "the value is 0, which no grid intensity can be"
    if row["metric"] == "wue" and row["provider"] == "aws" and row["year"] in ("2022", "2023"):
        return "a mean of the whole fleet repeated for every region"
    if row["metric"] == "wue" and float(row["value"]) == 0:
        return "a 0 that cannot be told from a missing value"
    return ""


def _add_region_grid(row: Cells, zone: str, rows: list[Cells], out: Tables) -> None:
    year = row["year"]
    cells = {
        "signal": LIFE_CYCLE,
        "method": "national average as a proxy of the region",
        "note": "the value of the country: regions of one country share its error",
    }
    if "eGRID" in row["source"]:
        cells |= {"signal": DIRECT, "method": "state average as a proxy of the region, direct",
                  "note": "data centres sit on a balancing authority, not on a state"}  # fmt: skip
    elif row["provider"] == "gcp" and int(year) <= 2020:
        cells["method"] = "average of the grid of the region, published as life-cycle"
        cells["note"] = "never to be joined with the values from 2021 on, which are direct"
    elif row["provider"] == "gcp":
        cells["signal"] = DIRECT
        cells["method"] = "average of the grid of the region, published as gross operational"
        cells["note"] = ""
        if row["region"] in CHANGED_METHOD:
            series = sorted(
                float(r["value"])
                for r in rows
                if r["region"] == row["region"]
                and r["metric"] == "grid_intensity"
                and int(r["year"]) > 2020
            )
            cells |= {"low": f"{series[0]:.10g}", "high": f"{series[-1]:.10g}"}
            cells["note"] = METHOD_CHANGE
    out.add("grid/cloud_regions", row, id=f"grid/{zone}/{year}", quantity="grid_intensity",
            zone=zone, **year_span(year), **cells)  # fmt: skip


def _add_region_facility(row: Cells, zone: str, out: Tables) -> None:
    quantity = {"cfe_hourly": "cfe_share"}.get(row["metric"], row["metric"])
    name = {"cfe_share": "cfe"}.get(quantity, quantity)
    method = {
        "cfe_share": "hourly matched, with purchases of the provider (market)",
        "pue": "annual mean of the region, reported by the provider",
        "wue": "water used on site, reported by the provider",
    }[quantity]
    note = ""
    if not row["year"]:
        method = "mean of a geography, reported by the provider"
        note = "Americas and EMEA 1.16, Asia-Pacific 1.28; the year is not stated"
    if quantity == "cfe_share":
        note = "a market instrument: never in a location-based total"
    out.add("datacentre/cloud_regions", row, id=f"{name}/{zone}/{row['year'] or 'geography'}",
            quantity=quantity, zone=zone, method=method, note=note,
            **year_span(row["year"]))  # fmt: skip


SOURCES = {
    "biomass_dedicated": "biomass.dedicated",
    "biomass_cofiring": "biomass.cofiring",
    "solar_pv_utility": "solar.pv_utility",
    "solar_pv_rooftop": "solar.pv_rooftop",
    "csp": "solar.csp",
    "wind_onshore": "wind.onshore",
    "wind_offshore": "wind.offshore",
}


def build_sources(rows: list[Cells], out: Tables) -> None:
    for row in rows:
        name, kind, *maker = row["key"].split(":")
        if kind == "codecarbon":
            out.exclude("energy_sources", row["key"], "for comparison only: mixed vintages")
        elif maker or name == "unknown":
            out.exclude("energy_sources", row["key"], "a choice of its maker, not a measurement")
        else:
            subject = SOURCES.get(name, name)
            direct = kind == "direct"
            out.add("grid/generation", row, id=f"generation/{subject}/{kind}",
                    quantity="generation_intensity", subject=subject, **since(row["year"]),
                    signal=DIRECT if direct else LIFE_CYCLE,
                    method="direct emissions of the plant" if direct
                    else "life-cycle; of the IPCC: median of studies")  # fmt: skip
