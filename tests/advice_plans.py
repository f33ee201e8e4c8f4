"""A plan of advice with one decision of each kind, weighed by hand: tests of how it is shown."""

import dataclasses

from footprint._version import __version__
from footprint.management.advisor.needs import Needs
from footprint.management.advisor.state import state_of
from footprint.management.advisor.weighing import weigh
from footprint.model import (
    AdvicePlan,
    Currency,
    DecisionKind,
    Finding,
    InputFile,
    LifeCycle,
    Option,
    Phase,
    Prices,
    Severity,
    TurningPoint,
)
from tests.managed_company import DAY_S, NOW_S, YEAR_S, application, dataset, managed

PRICES = Prices(
    currency=Currency.EUR,
    electricity_per_kwh=0.2,
    egress_per_gb=0.08,
    storage_per_gb_month=0.02,
)


def company(prices=PRICES, draws=200, rename=str):
    """Four silos; `rename` is done to every name that a silo gives."""
    needs = Needs(
        horizon_s=YEAR_S,
        prices=prices,
        media={"cold": "storage.hdd"},
        replication={"ssd": 2.0},
        origin="management.toml",
    )
    wheels = {"written_s": NOW_S - 30 * DAY_S, "read_s": NOW_S - 2 * DAY_S, "storage_class": "ssd"}
    old = {"written_s": NOW_S - 900 * DAY_S, "retention_days": 730.0, "owner": rename("station")}
    return managed(
        {
            "lyon": [
                dataset(rename("wheel-scans"), 4000, 80_000, **wheels, legal=rename("contract")),
                dataset(rename("tickets"), 20, 5_000_000, owner=rename("sales")),
            ],
            "leipzig": [dataset(rename("wheel-scans"), 900, 20_000, **wheels)],
            "gdansk": [dataset(rename("gate-counts"), 300, 9_000, **old)],
            "turin": [dataset(rename("door-events"), 50, 700, storage_class=None)],
        },
        needs,
        applications={
            "lyon": [
                application(
                    rename("delay-board"),
                    calls=90_000,
                    period_days=30.0,
                    energy_kwh=40.0,
                    used_s=NOW_S - DAY_S,
                )
            ],
            "turin": [application(rename("seat-finder"), calls=0, period_days=30.0)],
        },
        draws=draws,
    )


def options(found, **kwh):
    """Options by the energy that a silo uses for each [kWh]; none for doing nothing."""
    made = []
    for name, places in kwh.items():
        activities = [
            found.activity(silo, Phase.TRAIN, key="test", energy_kwh=energy, duration_s=3600.0)
            for silo, energy in places.items()
        ]
        name = name.replace("_", " ")
        made.append(Option(name=name, assessment=found.assess(name, activities)))
    return made


def storing(found, name, silo, gigabytes, medium="storage.ssd"):
    """Option of storing something for the horizon."""
    stored = found.activity(
        silo,
        Phase.STORAGE,
        key="test",
        stored_gb_h=gigabytes * YEAR_S / 3600,
        life_cycle=LifeCycle.STORE,
    )
    return Option(name=name, assessment=found.assess(name, [stored], medium=medium))


def decide(found, rename=str):
    """Make one decision of each kind, and one to leave something as it is."""
    nothing = Option(name="delete", assessment=found.assess("delete", []))
    kept = storing(found, "keep", "gdansk", 300)
    cold = storing(found, "tier down", "gdansk", 300, "storage.hdd")
    barred = dataclasses.replace(nothing, barrier="its retention is not known")
    old, new = options(found, keep={"leipzig": 3.0}, retrain={"leipzig": 60.0})
    better = dataclasses.replace(new, gain=1.5, worth_g=90_000.0)
    return (
        weigh(
            DecisionKind.DATASET,
            rename("gdansk/gate-counts"),
            [kept, nothing],
            "keep",
            reason=rename("Its retention is over since 170 days, and nothing reads it."),
            conditions=("Ask the owner, station, whether it may go.",),
            irreversible=True,
        ),
        weigh(
            DecisionKind.DATASET,
            "leipzig/wheel-scans",
            [storing(found, "keep", "leipzig", 900), cold, barred],
            "keep",
            reason="Not read for 200 days; a disk draws half as much per GB.",
        ),
        weigh(
            DecisionKind.ARCHITECTURE,
            "defects",
            options(found, centralise={"gdansk": 90.0}, federate={"lyon": 60.0, "leipzig": 30.0}),
            "centralise",
            reason="Two of three silos stand in cleaner grids.",
            turning_points=(
                TurningPoint(
                    quantity="intensity of the grid of gdansk",
                    unit="gCO2e/kWh",
                    present=700.0,
                    value=180.25,
                    option="centralise",
                ),
            ),
        ),
        weigh(
            DecisionKind.APPLICATION,
            "turin/seat-finder",
            options(found, keep={"turin": 4.0}, retire={}),
            "keep",
            reason="0 calls a month.",
            irreversible=True,
            conditions=("Nobody uses it.",),
        ),
        weigh(
            DecisionKind.RETRAINING,
            "delays",
            [old, better],
            "keep",
            reason="Drift of 0.4 costs 1.5 points, which may cost 90 kgCO2e.",
            findings=(Finding("drift", "Only 2 of 3 silos answered.", Severity.WARNING),),
        ),
        weigh(
            DecisionKind.SCHEDULE,
            "nightly",
            options(found, now_at_leipzig={"leipzig": 12.0}, at_night_at_lyon={"lyon": 12.0}),
            "now at leipzig",
            reason="The grid of FR is cleaner at every hour.",
        ),
        weigh(
            DecisionKind.COHORT,
            "defects",
            options(found, without_gdansk={"lyon": 1.0}, all_silos={"lyon": 1.0, "gdansk": 0.5}),
            "without gdansk",
            reason="gdansk is not worth its grams.",
        ),
        weigh(
            DecisionKind.SERVING,
            "delay-board",
            options(found, at_the_centre={"leipzig": 5.0}, at_the_clients={"lyon": 5.5}),
            "at the centre",
            reason="The clients stand in cleaner grids.",
        ),
    )


def plan(rename=str, prices=PRICES, draws=200, **changes):
    """Make the plan; `rename` is done to names, and `changes` are fields of `AdvicePlan`."""
    found = company(prices, draws, rename)
    fields = {
        "company": rename("Nowhere Rail (fictional)"),
        "made_s": NOW_S,
        "horizon_s": YEAR_S,
        "advice": decide(found, rename),
        "state": state_of(found),
        "findings": (
            Finding(
                "silo-silent",
                f"The silo {rename('amsterdam')!r} has no catalogue.",
                Severity.WARNING,
                "Start its agent.",
            ),
        ),
        "inputs": (InputFile("management.toml", "0" * 64),),
        "catalogue_version": found.factors.version,
        "catalogue_digest": found.factors.digest,
        "seed": found.seed,
        "draws": draws,
        "tool_version": __version__,
        "declared": (("horizon", "12 month"), ("silos.lyon.folder", rename("silos/lyon"))),
        **changes,
    }
    return AdvicePlan(**fields)
