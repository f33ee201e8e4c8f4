"""A company of two silos whose grids are round numbers, and plans for it, for tests of outcomes."""

from datetime import UTC, datetime

from footprint.audit import read_deployment
from footprint.audit.manifest import deployment_catalogue
from footprint.ledger import Reading, ingest
from footprint.management.advisor.company import Company
from footprint.management.advisor.needs import read_needs
from footprint.management.advisor.weighing import weigh
from footprint.management.catalogue import (
    ApplicationEntry,
    Column,
    ColumnKind,
    DatasetEntry,
    FileFormat,
    SiloCatalogue,
    hash_schema,
)
from footprint.model import AdvicePlan, DecisionKind, LifeCycle, Option, Phase
from footprint.settings import DEFAULT_NETWORK

NOW_S = datetime(2026, 11, 20, tzinfo=UTC).timestamp()
HOUR_S, DAY_S = 3600.0, 86_400.0
HORIZON_S = 365 * DAY_S
HORIZON_H = HORIZON_S / HOUR_S
_COLUMNS = (Column("a", ColumnKind.NUMBER),)
GRID = {"lyon": 50.0, "gdansk": 700.0}
"""Intensity of the grid of each silo [gCO2e/kWh]."""
PUE = {"lyon": 1.5, "gdansk": 2.0}
ZONE = {"lyon": "FR", "gdansk": "PL"}

DEPLOYMENT = """
name = "Test company"
[organisation]
name = "Test company"
approach = "operational control"
[period]
start = 2026-01-01
end = 2027-12-31
[method]
signal = "average/location/life-cycle"
draws = 400
[[sites]]
name = "Lyon depot"
zone = "FR"
pue = 1.5
[[sites]]
name = "Gdansk yard"
zone = "PL"
pue = 2.0
[[silos]]
name = "lyon"
place = "Lyon depot"
access = "fixed"
[[silos]]
name = "gdansk"
place = "Gdansk yard"
access = "fixed"
[intensity.FR]
intensity = "50 gCO2e/kWh"
year = 2026
source = "made up for tests"
[intensity.PL]
intensity = "700 gCO2e/kWh"
year = 2026
source = "made up for tests"
[[runs]]
name = "older"
activities = [{ silo = "lyon", duration = "1 h", energy = "1 kWh", tier = "A", meter = "m" }]
"""
NEEDS = """
horizon = "365 d"
today = 2026-11-20T00:00:00Z
media = { ssd = "storage.ssd", hdd = "storage.hdd" }
replication = { ssd = 2 }
[intensity-files]
FR = "fr.csv"
[[use-cases]]
name = "defects"
need = "model"
dataset = "scans"
trainings = 4
"""


def write_company(folder, needs=NEEDS):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "deployment.toml").write_text(DEPLOYMENT)
    (folder / "management.toml").write_text(needs)
    hours = [f"2026-11-{20 + day}T{hour:02}:00:00Z,{30 if hour < 6 else 90}"
             for day in range(10) for hour in range(24)]  # fmt: skip
    (folder / "fr.csv").write_text("\n".join(["start_utc,FR", *hours]) + "\n")
    return read_company(folder)


def read_company(folder):
    deployment = read_deployment(folder)
    return Company(
        deployment=deployment,
        needs=read_needs(folder),
        catalogues={},
        factors=deployment_catalogue(deployment),
        now_s=NOW_S,
    )


def use(company, silo, energy_kwh=None, phase=Phase.TRAIN, **amounts):
    return company.activity(silo, phase, key="test", energy_kwh=energy_kwh, **amounts)


def option(company, name, *activities, **choices):
    return Option(name=name, assessment=company.assess(name, activities, **choices))


def advise(kind, subject, now, then):
    return weigh(DecisionKind(kind), subject, [now, then], now.name, reason="1 g is less than 2 g.")


def plan_of(company, *advice, made_s=NOW_S):
    return AdvicePlan(
        company=company.deployment.name,
        made_s=made_s,
        horizon_s=company.needs.horizon_s,
        advice=advice,
        catalogue_version=company.factors.version,
        catalogue_digest=company.factors.digest,
        seed=company.seed,
        draws=company.draws,
        tool_version="test",
    )


def architecture(company, energies_kwh=(400.0, 40.0)):
    """One plan: train in Gdansk today, in Lyon from now on, four times in the horizon."""
    now = option(company, "centralise", use(company, "gdansk", energies_kwh[0]))
    then = option(company, "federate", use(company, "lyon", energies_kwh[1]))
    return plan_of(company, advise("architecture", "defects", now, then))


def enter(ledger, folder, run, *rows, silo=None):
    """Enter a run as a table: rows of silo, energy, hours after `NOW_S`, length [h], and more."""
    columns = ["actor", "role", "phase", "start_s", "duration_s", "energy_kwh", "data_gb",
               "stored_gb_h", "basis", "tier", "source", "silo"]  # fmt: skip
    lines = [",".join(columns)]
    for actor, energy_kwh, start_h, length_h, *more in rows:
        known = {
            "actor": actor,
            "role": "client",
            "phase": "train",
            "start_s": NOW_S + start_h * HOUR_S,
            "duration_s": length_h * HOUR_S,
            "energy_kwh": "" if energy_kwh is None else energy_kwh,
            "data_gb": 0.0,
            "stored_gb_h": 0.0,
            "basis": "measured",
            "tier": "A",
            "source": f"meter of {actor}",
            "silo": actor if silo is None else silo,
            **(more[0] if more else {}),
        }
        lines.append(",".join(str(known[name]) for name in columns))
    path = folder / f"{run}.csv"
    path.write_text("\n".join(lines) + "\n")
    return ingest(ledger, path, reading=Reading(run=run))


def network_kwh_per_gb(company):
    found = company.factors.resolve("network_energy", subject=DEFAULT_NETWORK, year=2026)
    return found.factor.value


def keeping_g(company, silo, gb_h, medium="storage.ssd", copies=2.0):
    """What keeping data emits, by hand: energy of the medium, and the share of its making."""

    def value(quantity, subject):
        return company.factors.resolve(quantity, subject=subject, year=2026).factor.value

    energy_kwh = gb_h * value("power_per_gb", medium) / 1000 * copies
    operation_g = energy_kwh * PUE[silo] * GRID[silo]
    kind, _, name = medium.partition(".")
    made_g = value("embodied_per_gb", name) * gb_h * HOUR_S / value("lifespan", kind) * copies
    return operation_g + made_g


def schedule(company):
    """A job of 2 h and 8 kWh in Lyon: at noon today, at night from now on."""
    now, then = (
        option(
            company,
            name,
            use(company, "lyon", 8.0, Phase.OTHER, duration_s=7200.0),
            intensities={"FR": grid},
        )
        for name, grid in (("now", 90.0), ("at night", 30.0))
    )
    return plan_of(company, advise("schedule", "nightly", now, then))


def dataset(name, gigabytes, storage_class="ssd"):
    return DatasetEntry(
        id=name,
        schema_hash=hash_schema(_COLUMNS),
        columns=_COLUMNS,
        rows=1000,
        size_bytes=round(gigabytes * 1e9),
        format=FileFormat.PARQUET,
        storage_class=storage_class,
    )


def scanned(silo, day, *entries):
    sorts = {DatasetEntry: "datasets", ApplicationEntry: "applications"}
    found = dict.fromkeys(sorts.values(), ())
    for one in entries:
        found[sorts[type(one)]] += (one,)
    return SiloCatalogue(silo=silo, scanned_s=NOW_S + day * DAY_S, **found)


def keeping(company, name, silo="lyon", gigabytes=0.0, medium="storage.ssd", copies=2.0):
    kept = use(
        company, silo, phase=Phase.STORAGE, stored_gb_h=gigabytes * HORIZON_H,
        life_cycle=LifeCycle.STORE,
    )  # fmt: skip
    return option(company, name, *([kept] if gigabytes else []), medium=medium, replication=copies)
