"""Snapshot of every value that the built-in catalogue resolves to.

A difference here means that results of users move. If it is meant, regenerate with

    python tests/golden/test_factors.py --write

review the difference, and name it in emission_factors/CHANGELOG.md and under
"Changes to results" in the changelog of the package.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from footprint.errors import FactorNotFound
from footprint.factors import FactorCatalogue, load_catalogue

SNAPSHOT = Path(__file__).with_name("factors.json")


def _line(catalogue: FactorCatalogue, quantity: str, **query: object) -> str:
    try:
        found = catalogue.resolve(quantity, **query)  # type: ignore[arg-type]
    except FactorNotFound:
        return "not found"
    low, high, kind = catalogue.bounds(found.factor)
    codes = "".join(f", {finding.code}" for finding in found.findings)
    numbers = f"{found.factor.value:.8g} ({low:.8g} to {high:.8g}, {kind}) {found.factor.unit}"
    return f"{numbers} by {found.factor.id} ({found.resolved_by}{codes})"


def resolve_everything() -> dict[str, str]:
    catalogue = load_catalogue()
    lines = {
        f"grid_intensity in {zone}": _line(catalogue, "grid_intensity", zone=zone)
        for zone in catalogue.zones
    }
    for factor in catalogue.factors.values():
        query = {"zone": factor.zone, "subject": factor.subject, "signal": factor.signal}
        name = " ".join(filter(None, (factor.quantity, factor.subject)))
        place = f" in {factor.zone}" if factor.zone else ""
        signal = f" as {factor.signal}" if factor.signal else ""
        lines[name + place + signal] = _line(catalogue, factor.quantity, **query)
    return dict(sorted(lines.items()))


def test_resolved_values_are_those_of_the_snapshot():
    expected = json.loads(SNAPSHOT.read_text("utf-8"))
    found = resolve_everything()
    assert len(found) > 1000
    moved = {key for key in expected | found if expected.get(key) != found.get(key)}
    report = "\n".join(
        f"{key}\n  - {expected.get(key)}\n  + {found.get(key)}" for key in sorted(moved)
    )
    assert not moved, f"{len(moved)} resolved values differ:\n{report}"


if __name__ == "__main__" and "--write" in sys.argv:
    text = json.dumps(resolve_everything(), indent=0, ensure_ascii=False) + "\n"
    SNAPSHOT.write_text(text, "utf-8", newline="\n")
