"""Manifests of small companies, for the tests of audits."""

import copy
import json
from datetime import date

from footprint.audit import read_deployment, state

CLEAN = {
    "name": "Test company",
    "organisation": {
        "name": "Test company",
        "approach": "operational control",
        "goal": "Test.",
        "audience": "Testers.",
    },
    "period": {"start": date(2026, 1, 1), "end": date(2026, 12, 31)},
    "base_year": {"year": 2024, "total": "100 kgCO2e"},
    "functional_unit": {"name": "model", "count": 2},
    "method": {"signal": "average/location/direct", "draws": 200},
    "retention": {"data": "a year", "models": "a year"},
    "intensity": {
        "FR": {"intensity": "50 gCO2e/kWh", "year": 2026, "source": "made up"},
        "DE": {"intensity": "60 gCO2e/kWh", "year": 2026, "source": "made up"},
        "aws:eu-west-3": {"intensity": "50 gCO2e/kWh", "year": 2026, "source": "made up"},
    },
    "residual_mix": {
        "FR": {"intensity": "80 gCO2e/kWh", "year": 2026, "source": "made up"},
        "DE": {"intensity": "700 gCO2e/kWh", "year": 2026, "source": "made up"},
    },
    "sites": [
        {"name": "A", "zone": "FR", "pue": 1.2},
        {"name": "B", "zone": "DE", "pue": 1.0},
    ],
    "clouds": [{"name": "C", "zone": "aws:eu-west-3", "pue": 1.1}],
    "silos": [
        {"name": "a", "place": "A", "device": "server", "records": 100},
        {"name": "b", "place": "B", "device": "gpu", "records": 100},
        {"name": "c", "place": "C", "role": "server", "device": "server.rack_base", "records": 0},
    ],
    "hardware": [
        {
            "name": "servers",
            "place": "A",
            "device": "server",
            "purchased": date(2025, 6, 1),
            "idle": "0 W",
        },
        {
            "name": "cards",
            "place": "B",
            "device": "gpu",
            "purchased": date(2025, 6, 1),
            "idle": "0 W",
        },
    ],
    "instruments": [
        {
            "name": "wind",
            "kind": "ppa",
            "market": "FR",
            "vintage": 2026,
            "energy": "500 kWh",
            "intensity": "10 gCO2e/kWh",
            "certificate": "ONE",
            "source": "made up",
        }
    ],
    "exclusions": [{"what": "dust", "reason": "small", "estimate": "10 gCO2e"}],
    "runs": [
        {
            "name": "r",
            "activities": [
                {
                    "silo": "a",
                    "duration": "6000 h",
                    "energy": "1000 kWh",
                    "tier": "A",
                    "meter": "meter of A",
                },
                {
                    "silo": "b",
                    "duration": "6000 h",
                    "energy": "1000 kWh",
                    "tier": "A",
                    "meter": "meter of B",
                },
            ],
        }
    ],
}
"""A company in which the checks find nothing."""


def company(folder, change=None, **tables):
    """Write a manifest into a folder: the clean one, with tables replaced, then changed."""
    manifest = copy.deepcopy(CLEAN) | tables
    if change is not None:
        change(manifest)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "deployment.toml"
    text = "".join(f"{json.dumps(key)} = {toml(value)}\n" for key, value in manifest.items())
    path.write_text(text, encoding="utf-8")
    return path


def toml(value):
    """Write a value on one line of TOML."""
    if isinstance(value, dict):
        pairs = ", ".join(f"{json.dumps(key)} = {toml(one)}" for key, one in value.items())
        return f"{{{pairs}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, date):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False)


def stated(folder, change=None, **tables):
    """State a small company."""
    return state(read_deployment(company(folder, change, **tables)))


def total_g(statement, name):
    """Give a total [gCO2e]; 0 if there is none."""
    found = statement.total(name)
    return 0.0 if found is None else found.emissions_g.value
