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
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pycountry

VERSION = "2026.11.0"
COMPILED = "2026-11"
LIFE_CYCLE = "average/location/life-cycle"
DIRECT = "average/location/direct"
COLUMNS = {
    "id": "unique name of the row",
    "quantity": "what the value is; one of footprint.factors.QUANTITIES",
    "subject": "device, network segment or price; empty for a place as such",
    "zone": "place, a zone of grid/zones.csv; empty if the value belongs to no place",
    "valid_from": "first day that the value describes; empty if the source states none",
    "valid_to": "last day; empty for a fact that holds until it is replaced",
    "value": "number in `unit`",
    "unit": "unit of value, low and high",
    "low": "lower bound as the source gives it, or as the note says",
    "high": "upper bound, likewise",
    "signal": "kind of grid intensity: basis/method/scope; empty for all other quantities",
    "preferred": "yes on exactly one of the rows that answer the same query",
    "method": "how the value was made",
    "source": "where the value comes from",
    "source_url": "address of the source",
    "licence": "terms of the source",
    "note": "scope, conversions, known defects",
}

# The columns that the reference tables add to the common ten are read by name.
Cells = dict[str, str]


@dataclass
class Tables:
    """Everything that will be written."""

    files: dict[str, dict[str, Cells]] = field(default_factory=dict)
    zones: dict[str, Cells] = field(default_factory=dict)
    excluded: dict[str, str] = field(default_factory=dict)

    def add(self, file: str, row: Cells, **cells: str) -> None:
        """Add one factor; `row` gives value, unit, bounds, source, licence and note."""
        common = {name: row[name] for name in COLUMNS if name in row}
        common |= {name: _number(row[name]) for name in ("value", "low", "high")}
        new = dict.fromkeys(COLUMNS, "") | {"preferred": "yes"} | common | cells
        rows = self.files.setdefault(file, {})
        if any(new["id"] in others for others in self.files.values()):
            raise SystemExit(f"{row['key']}: the id {new['id']} stands there twice")
        rows[new["id"]] = new

    def add_zone(self, zone: str, name: str, parent: str = "", iso3: str = "") -> str:
        """Make a zone known (once) and return its id."""
        self.zones.setdefault(zone, {"zone": zone, "iso3": iso3, "name": name, "parent": parent})
        return zone

    def add_country(self, iso3: str, name: str = "") -> str:
        """Make a country known by its alpha-3 code and return its alpha-2 code."""
        if iso3 == "XKX":  # in use, but not in ISO 3166
            return self.add_zone("XK", "Kosovo", iso3="XKX")
        country = pycountry.countries.get(alpha_3=iso3)
        if country is None:
            raise SystemExit(f"{iso3!r} is not an alpha-3 country code")
        shown = name or getattr(country, "common_name", country.name)
        return self.add_zone(country.alpha_2, shown, iso3=iso3)

    def add_subdivision(self, zone: str) -> str:
        """Make a part of a country known, such as ``US-CA``."""
        country = pycountry.countries.get(alpha_2=zone.split("-")[0])
        part = pycountry.subdivisions.get(code=zone)
        self.add_country(country.alpha_3)
        return self.add_zone(zone, part.name if part else zone, parent=country.alpha_2)

    def exclude(self, file: str, key: str, reason: str) -> None:
        """Leave a row out, and say why."""
        self.excluded[f"{file}:{key}"] = reason


def _number(text: str) -> str:
    return f"{float(text):.10g}" if text else ""


def _span(year: str) -> Cells:
    return {"valid_from": f"{year}-01-01", "valid_to": f"{year}-12-31"} if year else {}


def _since(year: str) -> Cells:
    """Validity of a fact that holds until it is replaced."""
    return {"valid_from": f"{year}-01-01"} if year else {}


def _join(*parts: str) -> str:
    return "; ".join(part for part in parts if part)


def _yes(*, preferred: bool) -> str:
    return "yes" if preferred else "no"


# --- grid ------------------------------------------------------------------

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
            cells["note"] = _join(cells["note"], "bounds widened to the values of both sources, "
                                  "which differ by more than a factor of 1.5")  # fmt: skip
        first = source == "ember" or (row["country_iso3"] or row["country"], year) not in years
        out.add("grid/country", row, id=f"grid/{zone}/{year}/{source}", quantity="grid_intensity",
                zone=zone, signal=LIFE_CYCLE, preferred=_yes(preferred=first), **_span(year),
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
                quantity="grid_intensity", **_span(year), **cells)  # fmt: skip


# --- cloud regions ---------------------------------------------------------

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
            zone=zone, **_span(year), **cells)  # fmt: skip


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
            **_span(row["year"]))  # fmt: skip


# --- network ---------------------------------------------------------------

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
        cells = {"preferred": _yes(preferred=key not in NETWORK_SECOND)}
        cells["unit"] = row["unit"].replace("W/line", "W").replace("W/user", "W")
        if row["unit"] in ("W/line", "W/user"):
            cells["note"] = _join(f"per {row['unit'][2:]}", row["note"])
        if quantity == "power_average":
            out.add("hardware/power", row, id=f"power/{subject}/{source}", quantity=quantity,
                    subject=subject, method="mean power in use", **_since(row["year"]),
                    **cells)  # fmt: skip
            continue
        kind = {"network_power_base": "/base", "network_power_slope": "/slope"}.get(quantity, "")
        out.add("network/network_energy", row, id=f"network/{subject}{kind}/{source}",
                quantity=quantity, subject=subject, **_span(row["year"]), **cells,
                method=f"{row['model']} model; {row['segment']}")  # fmt: skip


# --- hardware --------------------------------------------------------------

POWER_METHODS = {
    "tdp": "rated thermal design power",
    "idle": "power at no load",
    "max": "power at full load",
    "average": "mean power in use",
    "per_gb": "power per capacity, whether used or not",
}


def _power_fault(key: str, note: str) -> str:
    if key.startswith("gpu.a10g:"):
        return "150 W is the rating of the A10; the idle and maximum rows follow from it"
    if "SUSPECT" in note:
        return "an outlier of its source: 8 times the idle power of the generation before"
    if note.startswith("placeholder"):
        return "a copy of another processor's row: no measurement exists"
    if key in ("edge.smartphone:battery_wh", "edge.smartphone:charge_energy"):
        return "an energy of a battery, not a power"
    return ""


def build_power(rows: list[Cells], out: Tables) -> None:
    for row in rows:
        subject, kind = row["key"].split(":")[:2]
        reason = _power_fault(row["key"], row["note"])
        if reason:
            out.exclude("hardware_power", row["key"], reason)
            continue
        kind = {"idle_measured": "idle", "power": "average", "power_per_tb": "per_gb",
                "power_per_gb": "per_gb"}.get(kind, kind)  # fmt: skip
        if row["note"].startswith("average draw"):
            kind = "average"
        # Green Algorithms gives one figure for memory of any type.
        subject = "memory" if subject == "memory.ddr" else subject
        out.add("hardware/power", row, id=f"power/{subject}/{kind}", quantity=f"power_{kind}",
                subject=subject, unit=row["unit"].replace("Wh/TBh", "W/TB"),
                method=POWER_METHODS[kind], **_since(row["year"]))  # fmt: skip


EMBODIED_METHODS = {
    "median": "median of product sheets, all phases but use",
    "pcf": "product carbon footprint of the maker",
    "nvidia_pcf": "product carbon footprint of the maker, per GPU",
    "falk_2025": "life-cycle assessment with a teardown",
    "boavizta_2.5": "bottom-up model of dies, memory and board",
    "act": "bottom-up model of semiconductor making",
}


def _embodied_fault(row: Cells) -> str:
    key = row["key"]
    if "ademe" in key:
        return "terms of ADEME Base Empreinte not checked"
    if ":boavizta_2.5" in key and row["preferred"] != "only source":
        return "computed with an AGPL-3.0 program, and not the only source for a common GPU"
    if key == "monitor.any:embodied:median":
        return "357 kg against 65 kg in another source"
    if "power_supply.hsl" in key:
        return "the steps of the source are not in order (4.43, 0.104, 4.64, 4.99 kg)"
    if "/cm2" in row["unit"] or "/mm2" in row["unit"] or key.split(":")[0].endswith(".base"):
        return "a term of a formula over die area, which no calculation here uses"
    if row["unit"] == "kgCO2e/kg":
        return "per mass of the part, which no calculation here uses"
    if key == "gpu.a100_share_of_server:embodied:chien_2023":
        return "mixes the card with a share of its host: would count the host twice"
    return ""


def build_embodied(rows: list[Cells], out: Tables) -> None:
    kept: dict[tuple[str, str], list[tuple[Cells, str]]] = {}
    for row in rows:
        reason = _embodied_fault(row)
        if reason:
            out.exclude("hardware_embodied", row["key"], reason)
            continue
        subject, *rest = row["key"].split(":")
        quantity = "embodied_per_gb" if row["unit"].endswith("/GB") else "embodied"
        subject = subject.removesuffix(".any").removesuffix(".per_gb")
        # The median of the sheets stands beside single figures: name it as what it is.
        name = {"median": "pcf_median", "embodied": "pirson_bol", "r740": "dell_r740"}
        source = name.get(rest[-1], rest[-1])
        kept.setdefault((quantity, subject), []).append((row, source))
    ranks = ("yes", "only source", "fallback", "weak", "no")
    for (quantity, subject), group in kept.items():
        best = min(group, key=lambda item: ranks.index(item[0]["preferred"]))
        for row, source in group:
            last = row["key"].split(":")[-1]
            out.add("hardware/embodied", row, id=f"{quantity}/{subject}/{source}",
                    quantity=quantity, subject=subject, unit=row["unit"].replace("/unit", ""),
                    preferred=_yes(preferred=row is best[0]), **_since(row["year"]),
                    method=EMBODIED_METHODS.get(last, "figure of the source"))  # fmt: skip


# Reference class -> our classes, the name of the source, and what to add to the note.
LIFESPANS: dict[str, list[tuple[str, str, str]]] = {
    "server_component:boavizta": [("gpu", "boavizta", ""), ("cpu", "boavizta", "")],
    "ai_server:ecologits": [("gpu", "ecologits", "stated for a server with GPUs")],
    "ai_server:scope3": [("gpu", "scope3", "stated for a server with GPUs")],
    "smartphone:boavizta": [("phone", "boavizta", "")],
    "smartphone:pcf_median": [("phone", "pcf_median", "median of the lifetimes the makers state")],
    "laptop_professional:boavizta": [("laptop", "boavizta", "")],
    "internet_box:boavizta": [("home_router", "boavizta", "")],
    "iot:boavizta": [
        ("iot", "boavizta", ""),
        (
            "edge",
            "boavizta_iot",
            "stated for IoT devices; none is known for single-board computers",
        ),
    ],
}
# Where several rows give a lifespan: the sheets from which the embodied medians
# come, else the most cited tool.
LIFESPAN_PREFERRED = {"server": "ccf", "gpu": "ecologits", "phone": "pcf_median",
                      "laptop": "pcf_median", "monitor": "pcf_median",
                      "home_router": "pcf_median"}  # fmt: skip


def build_lifespans(rows: list[Cells], out: Tables) -> None:
    for row in rows:
        subject, source = row["key"].split(":")
        for name, short, remark in LIFESPANS.get(row["key"], [(subject, source, "")]):
            preferred = LIFESPAN_PREFERRED.get(name, short) == short
            out.add("hardware/lifespans", row, id=f"lifespan/{name}/{short}", subject=name,
                    quantity="lifespan", preferred=_yes(preferred=preferred),
                    method="assumed time of service", note=_join(row["note"], remark),
                    **_since(row["year"]))  # fmt: skip


# --- data centres and prices -----------------------------------------------


def build_pue(rows: list[Cells], out: Tables) -> None:
    for row in rows:
        if row["key"] in ("colocation_equinix:2023", "industry_average:2022"):
            out.exclude("pue", row["key"], "cites a weak page")
            continue
        subject = row["key"].split(":")[0]
        kind = "survey" if subject == "industry_average" else "figure of the source"
        out.add("datacentre/pue", row, id="/".join(filter(None, ("pue", subject, row["year"]))),
                quantity="pue", subject=subject, method=kind, **_span(row["year"]))  # fmt: skip


def build_electricity(rows: list[Cells], out: Tables) -> None:
    for row in rows:
        place, sector, period = row["key"].split(":")
        if row["key"] in ("CYP:non_household:2024S1", "SWE:non_household:2024S1"):
            out.exclude("electricity_prices", row["key"], "rests on a secondary page")
            continue
        cells = _span(period[:4])
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
                preferred=_yes(preferred=not later), **cells)  # fmt: skip


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
                **_span(row["year"]))  # fmt: skip


def build_carbon_prices(rows: list[Cells], out: Tables) -> None:
    for row in rows:
        subject, *rest = row["key"].split(":")
        if row["key"] == "eu_ets:year_end:2021":
            out.exclude("carbon_prices", row["key"], "cites a weak page")
            continue
        if subject == "ipcc":
            out.exclude("carbon_prices", row["key"], "quoted by an encyclopedia page; not a price")
            continue
        cells = _span(row["year"])
        date = rest[-1] if "-" in rest[-1] else ""
        if date:
            cells = {"valid_from": date, "valid_to": date}
        name = "/".join([subject, date or row["year"], *rest[:-1]])
        unit = row["unit"]
        note = row["note"]
        if unit.startswith("USD"):
            note = _join(note, "in USD of 2020" if "USD2020" in unit else "", "per tonne of CO2")
            unit = "USD/tCO2e"
        first = subject != "eu_ets" or rest[0] == "auction_average"
        method = {"market": "market price", "social cost": "social cost of emissions"}[row["kind"]]
        out.add("prices/carbon", row, id=f"carbon/{name}", subject=subject, unit=unit, note=note,
                quantity=f"carbon_price_{unit[:3].lower()}", method=method,
                preferred=_yes(preferred=first), **cells)  # fmt: skip


# --- files -----------------------------------------------------------------

BUILDERS: dict[str, Callable[[list[Cells], Tables], None]] = {
    "grid_country_yearly": build_countries,
    "grid_subnational_yearly": build_subnational,
    "cloud_regions": build_regions,
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
    "energy_sources": "no calculation here uses intensities by generation source",
    "pedigree_matrix": "no calculation here uses pedigree scores",
}
TITLES = {
    "grid/country": ("Grid intensity of countries and country groups",
                     "Yearly averages of the production mix, life-cycle."),
    "grid/subnational": ("Grid intensity of parts of countries",
                         "US states, Chinese provinces (direct) and Nordic bidding zones "
                         "(life-cycle). The national total of the USA stands with its states."),
    "grid/cloud_regions": ("Grid intensity of cloud regions",
                           "Location-based yearly averages; a proxy where the method says so."),
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
