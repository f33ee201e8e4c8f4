"""Power, embodied emissions and lifespans of hardware."""

from __future__ import annotations

from statistics import NormalDist

from factor_tables.tables import (
    Cells,
    Tables,
    join,
    since,
    yes,
)

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
                method=POWER_METHODS[kind], **since(row["year"]))  # fmt: skip


# The sheets give the 5th and 95th percentile; bounds here are 95 % bounds.
PERCENTILES = "5th and 9"
TO_95 = NormalDist().inv_cdf(0.975) / NormalDist().inv_cdf(0.95)

EMBODIED_METHODS = {
    "median": "median of product sheets, all phases but use; bounds: their 5th and 95th "
    "percentiles, widened to the 2.5th and 97.5th of a log-normal",
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
    if key.startswith("iot_block."):
        return "a whole table taken through an AGPL-3.0 file, and no calculation here uses it"
    if "/cm2" in row["unit"] or "/mm2" in row["unit"] or key.split(":")[0].endswith(".base"):
        return "a term of a formula over die area, which no calculation here uses"
    if row["unit"] == "kgCO2e/kg":
        return "per mass of the part, which no calculation here uses"
    if key == "gpu.a100_share_of_server:embodied:chien_2023":
        return "mixes the card with a share of its host: would count the host twice"
    return ""


def _widened(row: Cells) -> Cells:
    """Row with 95 % bounds, where the source gives the 5th and 95th percentile."""
    if PERCENTILES not in row["note"]:
        return row
    value = float(row["value"])
    low, high = (value * (float(row[end]) / value) ** TO_95 for end in ("low", "high"))
    return row | {"low": f"{low:.4g}", "high": f"{high:.4g}"}


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
            out.add("hardware/embodied", _widened(row), id=f"{quantity}/{subject}/{source}",
                    quantity=quantity, subject=subject, unit=row["unit"].replace("/unit", ""),
                    preferred=yes(preferred=row is best[0]), **since(row["year"]),
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
                    quantity="lifespan", preferred=yes(preferred=preferred),
                    method="assumed time of service", note=join(row["note"], remark),
                    **since(row["year"]))  # fmt: skip
