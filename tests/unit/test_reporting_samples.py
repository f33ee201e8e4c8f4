"""Results to report on, made by hand, and tests that they add up."""

import dataclasses
import math

import pytest

from footprint.model import (
    Architecture,
    Assessment,
    Basis,
    Boundary,
    CategoryDifference,
    Comparison,
    Contribution,
    Finding,
    IdlePolicy,
    InputFile,
    Interval,
    Phase,
    ResolvedBy,
    Role,
    Run,
    Severity,
    SignalKind,
    Source,
    Stage,
    Term,
    Tier,
    View,
)

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
UNIT = "model with 92 % test accuracy"

BOUNDARY = Boundary(
    stages=tuple(Stage),
    view=View.PROCESS,
    signal=SignalKind(),
    network_model="energy per byte, all devices on the path",
    idle_policy=IdlePolicy.BY_TIME,
    embodied_rule="share of the service life that the device was reserved",
    excluded=("cooling of client rooms", "design of the model"),
)


GRID = 56.04  # one intensity for all zones, so that amounts times terms come out


def interval(value, spread=0.4):
    return Interval(value, value * (1 - spread), value * (1 + spread))


def contribution(actor, phase, grams, *, zone="FR", stage=Stage.OPERATION, **rest):
    operation = stage is Stage.OPERATION
    values = {
        "role": Role.SERVER if actor == "server" else Role.CLIENT,
        "device": "desktop",
        "basis": Basis.MEASURED if phase is Phase.TRAIN and operation else Basis.MODELLED,
        "tier": Tier.B if operation else None,
        "amount": grams / GRID,
        "amount_unit": {"operation": "kWh", "network": "GB", "embodied": "s"}[stage.value],
        "terms": (f"grid/{zone or 'FR'}/2024/ember",),
        "energy_kwh": None if stage is Stage.EMBODIED else grams / GRID,
        **rest,
    }
    return Contribution(
        stage=stage, phase=phase, actor=actor, zone=zone, emissions_g=interval(grams), **values
    )


def term(place, **changes):
    values = Term(
        id=f"grid/{place}/2024/ember",
        quantity="grid_intensity",
        value=GRID,
        unit="gCO2e/kWh",
        low=44.8,
        high=67.2,
        bounds="default band",
        resolved_by=ResolvedBy.EXACT,
        requested="",
        zone=place,
        year=2024,
        source=Source("Yearly electricity data", "https://ember-energy.org/data", "CC-BY-4.0"),
        note="life-cycle, location-based",
    )
    return dataclasses.replace(values, **changes)


ATLAS = term(
    "DE",
    id="network/fixed",
    quantity="transfer_intensity",
    zone=None,
    year=None,
    value=0.000062,
    low=1e-6,
    high=2e-4,
    unit="kWh/GB",
    bounds="source",
    resolved_by=ResolvedBy.CLASS_DEFAULT,
    requested="network/mobile",
    source=Source("A study of networks", "javascript:alert(1)", ""),
)


def assessment(contributions, **changes):
    total = math.fsum(c.emissions_g.value for c in contributions)
    actors = {c.actor for c in contributions if c.role is Role.CLIENT}
    zones = {c.zone for c in contributions if c.zone}
    values = Assessment(
        run=Run("digits", Architecture.FEDERATED, UNIT, {"accuracy": 0.9312}),
        total_g=interval(total, 0.3),
        energy_kwh=math.fsum(c.energy_kwh or 0.0 for c in contributions),
        data_gb=0.0123,
        duration_s=1234.5,
        rounds=30,
        clients=len(actors),
        contributions=tuple(contributions),
        terms=(*(term(zone) for zone in sorted({"FR", "DE", *zones})), ATLAS),
        boundary=BOUNDARY,
        findings=(),
        inputs=(InputFile("digits/client-0.jsonl", "ab" * 32),),
        catalogue_version="2025.1.0",
        catalogue_digest="cd" * 32,
        seed=7,
        draws=10_000,
        tool_version="0.1.0",
    )
    return dataclasses.replace(values, **changes)


FINDINGS = (
    Finding(
        "zone-parent",
        "The grid intensity of FR stands in for FR-ARA.",
        Severity.WARNING,
        "Add a factor for FR-ARA to the catalogue.",
        "client-1",
    ),
    Finding(
        "zone-parent",
        "The grid intensity of DE stands in for DE-BY.",
        Severity.WARNING,
        "Add a factor for DE-BY to the catalogue.",
        "client-2",
    ),
    Finding(
        "meter-failed",
        "The counter of client-3 stopped after round 12.",
        Severity.ERROR,
        "Allow reading /sys/class/powercap, or give a device class.",
        "client-3",
    ),
    Finding("clock", "Clocks of the clients differ by 3 s.", Severity.INFO),
)


def federated(scale=1.0, clients=8, **changes):
    """A federated run; `scale` is about its total in grams times 20."""
    parts = []
    for index in range(clients):
        name, zone = f"client-{index}", ("FR", "DE", "PL")[index % 3]
        parts += [
            contribution(name, Phase.TRAIN, 0.0030 * scale * (1 + index % 4), zone=zone),
            contribution(name, Phase.EVALUATE, 0.0004 * scale, zone=zone),
            contribution(name, Phase.UPLOAD, 0.0011 * scale, zone=zone, stage=Stage.NETWORK),
            contribution(name, Phase.DOWNLOAD, 0.0009 * scale, zone=zone, stage=Stage.NETWORK),
            contribution(name, Phase.TRAIN, 0.0012 * scale, zone=None, stage=Stage.EMBODIED),
        ]
    parts.append(contribution("server", Phase.AGGREGATE, 0.0008 * scale, basis=Basis.DEFAULT))
    return assessment(parts, **changes)


def by_round(rounds=8, scale=1.0, **changes):
    """A federated run whose rounds were kept apart; each emits a little less than the last."""
    parts = [contribution("client-0", Phase.SETUP, 0.004 * scale)]
    for number in range(1, rounds + 1):
        grams = 0.003 * scale * (1 + 1 / number)
        parts += [
            contribution(f"client-{number % 3}", Phase.TRAIN, grams, round=number),
            contribution("server", Phase.AGGREGATE, 0.0005 * scale, round=number),
        ]
    return assessment(parts, **{"rounds": rounds} | changes)


def centralised(scale=1.0, **changes):
    parts = [
        contribution("server", Phase.TRAIN, 0.031 * scale, tier=Tier.E),
        contribution("server", Phase.EVALUATE, 0.001 * scale, tier=Tier.E),
        contribution("client-0", Phase.DATA_TRANSFER, 0.022 * scale, stage=Stage.NETWORK),
        contribution("server", Phase.TRAIN, 0.004 * scale, zone=None, stage=Stage.EMBODIED),
    ]
    run = Run("digits-central", Architecture.CENTRALISED, UNIT, {"accuracy": 0.9344})
    return assessment(parts, **{"run": run, "rounds": 0, "clients": 1, "seed": 8} | changes)


def comparison(baseline=None, candidate=None, ratio=(0.6, 1.6), lower=0.034, findings=()):
    """A comparison; `ratio` gives the ends of its interval over the central value."""
    baseline, candidate = baseline or centralised(), candidate or federated()
    sums = []
    for side in (baseline, candidate):
        sums.append({})
        for part in side.contributions:
            value = sums[-1].get(part.category, 0.0) + part.emissions_g.value
            sums[-1][part.category] = value
    names = dict.fromkeys([*sums[0], *sums[1]])
    base, other = baseline.total_g.value, candidate.total_g.value
    quotient = other / base if base else math.inf
    return Comparison(
        baseline=baseline,
        candidate=candidate,
        difference_g=Interval(other - base, other * 0.8 - base * 1.2, other * 1.2 - base * 0.8),
        ratio=Interval(quotient, quotient * ratio[0], quotient * ratio[1]),
        candidate_lower=lower,
        categories=tuple(
            CategoryDifference(
                name,
                sums[0].get(name, 0.0),
                sums[1].get(name, 0.0),
                interval(sums[1].get(name, 0.0) - sums[0].get(name, 0.0))
                if sums[1].get(name, 0.0) >= sums[0].get(name, 0.0)
                else Interval(
                    sums[1].get(name, 0.0) - sums[0].get(name, 0.0),
                    1.4 * (sums[1].get(name, 0.0) - sums[0].get(name, 0.0)),
                    0.6 * (sums[1].get(name, 0.0) - sums[0].get(name, 0.0)),
                ),
            )
            for name in names
        ),
        findings=findings,
        seed=7,
        draws=10_000,
    )


def hostile():
    """An assessment whose every free text tries to break out of the page."""
    parts = [
        contribution(HOSTILE, Phase.TRAIN, 2.0, zone=HOSTILE, device=HOSTILE),
        contribution("server", Phase.AGGREGATE, 1.0),
    ]
    return assessment(
        parts,
        run=Run(HOSTILE, Architecture.FEDERATED, HOSTILE, {HOSTILE: 1.0}),
        terms=(
            term(HOSTILE),
            term("FR"),
            term(
                "FR",
                id=HOSTILE,
                requested=HOSTILE,
                note=HOSTILE,
                bounds=HOSTILE,
                source=Source(HOSTILE, f'https://example.org/"{HOSTILE}', HOSTILE),
            ),
        ),
        findings=(Finding(HOSTILE, HOSTILE, Severity.WARNING, HOSTILE, HOSTILE),),
        inputs=(InputFile(HOSTILE, HOSTILE),),
        boundary=dataclasses.replace(BOUNDARY, excluded=(HOSTILE,), network_model=HOSTILE),
        tool_version=HOSTILE,
    )


@pytest.mark.parametrize("result", [federated(), centralised(), hostile()])
def test_samples_add_up(result):
    total = math.fsum(c.emissions_g.value for c in result.contributions)
    assert total == pytest.approx(result.total_g.value)


def test_sample_comparison_adds_up():
    result = comparison()
    total = math.fsum(c.difference_g.value for c in result.categories)
    assert total == pytest.approx(result.difference_g.value)
