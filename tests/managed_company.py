"""Small companies for the tests of advice: silos, catalogues and needs without any files.

Grids, overheads and network are round numbers that are declared, so that what an option emits
can be computed by hand: see `GRIDS`, `PUES` and `network_kwh_per_gb`.
"""

from datetime import UTC, date, datetime

import numpy as np

from footprint.audit.deployments import (
    ActivityTable,
    Deployment,
    MethodTable,
    OrganisationTable,
    PeriodTable,
    RunTable,
)
from footprint.audit.holdings import SiloTable, SiteTable, SourcedIntensity
from footprint.factors import load_catalogue
from footprint.management.advisor.company import Company
from footprint.management.advisor.needs import Needs
from footprint.management.analytics import Analysis, Came, Coverage
from footprint.management.catalogue import (
    ApplicationEntry,
    Column,
    ColumnKind,
    DatasetEntry,
    FileFormat,
    SiloCatalogue,
    hash_schema,
)
from footprint.management.likeness import Likeness, Pair
from footprint.management.questions import Question, Statistic
from footprint.management.sketches import Estimate
from footprint.management.summaries import Grid, Histogram
from footprint.model import Access

NOW_S = datetime(2026, 11, 20, tzinfo=UTC).timestamp()
DAY_S = 86_400.0
YEAR_S = 365 * DAY_S
GRIDS = {"lyon": 50.0, "leipzig": 400.0, "gdansk": 700.0, "turin": 300.0}
"""Intensity of the grid of each silo [gCO2e/kWh]."""
PUES = {"lyon": 1.4, "leipzig": 1.5, "gdansk": 1.6, "turin": 1.0}
NETWORK = "fixed_core_access"
ZONES = {"lyon": "FR", "leipzig": "DE", "gdansk": "PL", "turin": "IT"}
CATALOGUE = load_catalogue()


def network_kwh_per_gb(year=2026):
    return CATALOGUE.resolve("network_energy", subject=NETWORK, year=year).factor.value


def dataset(name, gigabytes=1.0, rows=1000, columns=("a",), **changes):
    """Describe a dataset; `changes` are fields of `DatasetEntry`."""
    kinds = tuple(Column(column, ColumnKind.NUMBER) for column in columns)
    fields = {
        "schema_hash": hash_schema(kinds),
        "columns": kinds,
        "rows": rows,
        "size_bytes": round(gigabytes * 1e9),
        "format": FileFormat.PARQUET,
        "storage_class": "hdd",
        **changes,
    }
    return DatasetEntry(id=name, **fields)


def application(name, **changes):
    return ApplicationEntry(id=name, **changes)


def managed(datasets, needs=None, *, applications=None, device=None, runs=(), **rest):
    """Build a company.

    Parameters
    ----------
    datasets : mapping of str to sequence of DatasetEntry
        By silo, one of `GRIDS`.
    needs : Needs, optional
    applications : mapping of str to sequence of ApplicationEntry, optional
    device : str, optional
        Of every silo; without one no hardware is charged.
    runs : sequence of RunTable
    **rest
        Other fields of `Company`; ``draws`` (default 0) and ``prices`` go where they belong.
    """
    draws = rest.pop("draws", 0)
    applications = applications or {}
    told = {*datasets, *applications}
    catalogues = {
        name: SiloCatalogue(
            silo=name,
            zone=ZONES[name],
            scanned_s=NOW_S,
            datasets=tuple(datasets.get(name, ())),
            applications=tuple(applications.get(name, ())),
        )
        for name in GRIDS
        if name in told
    }
    fields = {
        "deployment": deployment(device, runs, draws),
        "needs": needs or Needs(horizon_s=YEAR_S, origin="management.toml"),
        "catalogues": catalogues,
        "factors": CATALOGUE,
        "now_s": NOW_S,
        **rest,
    }
    return Company(**fields)


def deployment(device=None, runs=(), draws=0):
    return Deployment(
        name="Test company",
        organisation=OrganisationTable(name="Test company", approach="operational control"),
        period=PeriodTable(start=date(2026, 1, 1), end=date(2026, 12, 31)),
        method=MethodTable(network=NETWORK, replication=2.0, draws=draws),
        sites=tuple(
            SiteTable(name=f"{name} site", zone=ZONES[name], pue=PUES[name]) for name in GRIDS
        ),
        silos=tuple(
            SiloTable(name=name, place=f"{name} site", device=device, access=Access.FIXED)
            for name in GRIDS
        ),
        intensity={
            ZONES[name]: SourcedIntensity(
                intensity_g_per_kwh=grid, year=2026, source="made up for tests"
            )
            for name, grid in GRIDS.items()
        },
        runs=tuple(runs),
        origin="deployment.toml",
    )


def declared_run(name, **energies_kwh):
    """Describe a run by the energy of each silo [kWh]."""
    activities = tuple(
        ActivityTable(silo=silo, energy_kwh=energy_kwh, meter=f"meter of {silo}", tier="A")
        for silo, energy_kwh in energies_kwh.items()
    )
    return RunTable(name=name, activities=activities)


def duplicates(*pairs):
    """Say which datasets share rows: (silo, dataset), (silo, dataset), share of the first."""
    found = tuple(
        Pair(
            first,
            second,
            Likeness.DUPLICATE if share == 1 else Likeness.CONTAINED,
            Estimate("jaccard", share, share, share),
            Estimate("containment", share, share, share),
        )
        for first, second, share in pairs
    )
    silos = sorted({place[0] for pair in pairs for place in pair[:2]})
    return Analysis(
        question=Question(id="duplicates", statistic=Statistic.DUPLICATES),
        coverage=tuple(Coverage(silo, Came.ANSWERED) for silo in silos),
        pairs=found,
    )


def histogram(name, column, values, grid, silos=("lyon", "turin")):
    """Count values as if silos had answered."""
    lower, upper, cells = grid
    return Analysis(
        question=Question(
            id="histogram",
            statistic=Statistic.HISTOGRAM,
            dataset=name,
            column=column,
            lower=lower,
            upper=upper,
            cells=cells,
        ),
        coverage=tuple(Coverage(silo, Came.ANSWERED) for silo in silos),
        rows=len(values),
        merged=Histogram.of(np.asarray(values, dtype=float), Grid(*grid)),
    )
