"""What advice has to say where a silo, or one of its datasets, could not be read."""

from __future__ import annotations

from collections.abc import Iterator

from footprint.management.advisor.company import Company
from footprint.management.advisor.phrases import listed


def condition_unread(company: Company, *datasets: str) -> Iterator[str]:
    """Say who is not in what is known of datasets, and may have them.

    Parameters
    ----------
    company : Company
    *datasets : str
        That a decision is about.
    """
    by_silo: dict[str, list[str]] = {}
    for dataset in dict.fromkeys(datasets):
        for silo in company.unread(dataset):
            by_silo.setdefault(silo, []).append(dataset)
    for silo, names in sorted(by_silo.items()):
        if silo in company.catalogues:
            whole = listed([f"{silo}/{name}" for name in names])
            yield (
                f"Nothing of {whole} is in this advice, because it could not be read: make it "
                "readable, and advise anew."
            )
        else:
            yield (
                f"{silo} is not in this advice: it could not be read. Make it readable, and "
                f"advise anew, unless it has nothing of {listed(names)}."
            )


def missing_of(company: Company, dataset: str, silos: list[str]) -> list[str]:
    """Name what an estimate lacks of silos that could not be read; empty if they all could."""
    unread = [silo for silo in silos if silo in company.unread(dataset)]
    return [f"what {listed(unread)} has of {dataset} (not readable)"] if unread else []
