"""Use cases, with the silos that have their data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from footprint.management.advisor.company import Company
from footprint.management.advisor.needs import UseCaseTable
from footprint.management.advisor.phrases import listed
from footprint.management.catalogue import DatasetEntry
from footprint.model import Finding

EVERY_OTHER = "*"
"""Key of a table by silo for all that it does not name."""


@dataclass(frozen=True, slots=True)
class UseCase:
    """A use case with the silos that have its data.

    Attributes
    ----------
    company : Company
    table : UseCaseTable
    key : str
        Of the table, for errors and findings.
    holders : mapping of str to DatasetEntry
        Entries of its dataset by silo; not empty.
    """

    company: Company
    table: UseCaseTable
    key: str
    holders: Mapping[str, DatasetEntry]

    @property
    def silos(self) -> list[str]:
        """Names of the silos that have its data."""
        return sorted(self.holders)


def list_use_cases(company: Company) -> Iterator[UseCase | Finding]:
    """Bring the use cases together with the silos that have their data.

    Yields
    ------
    UseCase
    Finding
        If no silo has it.

    Raises
    ------
    ManifestError
        If a use case names a silo that does not exist.
    """
    for number, table in enumerate(company.needs.use_cases, start=1):
        use = UseCase(company, table, f"use-cases[{number}]", company.holders(table.dataset))
        for name, by_silo in (
            ("epoch", table.epoch_s),
            ("power", table.power_w),
            ("idle", table.idle_w),
            ("scan", table.scan_s),
        ):
            for silo in by_silo.keys() - {EVERY_OTHER}:
                company.silo(silo, f"{use.key}.{name}")
        yield (use if use.holders else _nobody(use))


def _nobody(use: UseCase) -> Finding:
    table, unread = use.table, use.company.unread(use.table.dataset)
    remedy = "Declare it under this id in the silo.toml of the silos that have it."
    if unread:
        remedy = f"First make {listed(unread)} readable. {remedy}"
    return Finding(
        "dataset-missing",
        f"No catalogue{' that could be read' * bool(unread)} has the dataset {table.dataset!r}: "
        f"there is no advice on {table.name!r}.",
        remedy=remedy,
        place=use.key,
    )


def of_silo(table: Mapping[str, float], silo: str) -> float | None:
    """Give what a table says of a silo."""
    return table.get(silo, table.get(EVERY_OTHER))
