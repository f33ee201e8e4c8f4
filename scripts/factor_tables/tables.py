"""The tables that are being built: factors, zones, and what was left out."""

from __future__ import annotations

from dataclasses import dataclass, field

import pycountry

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
        common |= {name: number(row[name]) for name in ("value", "low", "high")}
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


def number(text: str) -> str:
    return f"{float(text):.10g}" if text else ""


def year_span(year: str) -> Cells:
    return {"valid_from": f"{year}-01-01", "valid_to": f"{year}-12-31"} if year else {}


def since(year: str) -> Cells:
    """Validity of a fact that holds until it is replaced."""
    return {"valid_from": f"{year}-01-01"} if year else {}


def join(*parts: str) -> str:
    return "; ".join(part for part in parts if part)


def yes(*, preferred: bool) -> str:
    return "yes" if preferred else "no"
