"""Datasets where they lie: medium, copies, readers, and what keeping them emits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from footprint.errors import ManifestError
from footprint.management.advisor.company import Company
from footprint.management.catalogue import DatasetEntry
from footprint.management.likeness import Place
from footprint.model import Assessment, LifeCycle, Phase
from footprint.units import S_PER_H, bytes_to_gb


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A dataset of a silo, on its medium.

    Attributes
    ----------
    medium : str
        Subject of a ``power_per_gb`` factor.
    copies : float
        That are kept of it there [1].
    readers : tuple of str
        Applications of this silo that read it.
    others : tuple of str
        Applications of other silos that read what has its id: parts of it, or all.
    uses : tuple of str
        Use cases and retrainings of the company that are about its id.
    """

    silo: str
    entry: DatasetEntry
    medium: str
    copies: float
    readers: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()

    @property
    def place(self) -> Place:
        """Silo and dataset."""
        return self.silo, self.entry.id

    @property
    def name(self) -> str:
        """How messages call it."""
        return "/".join(self.place)

    @property
    def wanted(self) -> tuple[str, ...]:
        """Who needs what has its id, and could take it from another silo."""
        return (*self.others, *self.uses)

    @property
    def size_gb(self) -> float:
        """One copy of it [GB]."""
        return bytes_to_gb(self.entry.size_bytes)


def list_stored(company: Company) -> Iterator[Stored]:
    """Give all datasets whose medium is known, by silo and name.

    `footprint.management.doubts` says of which it is not.
    """
    readers, uses = _list_readers(company), _list_uses(company)
    for silo, catalogue in sorted(company.catalogues.items()):
        for entry in sorted(catalogue.datasets, key=lambda one: one.id):
            stored = place(company, silo, entry)
            if stored is None:
                continue
            by_silo = readers[entry.id]
            away = [name for name in sorted(by_silo) if name != silo]
            yield replace(
                stored,
                readers=tuple(by_silo.get(silo, ())),
                others=tuple(one for name in away for one in by_silo[name]),
                uses=tuple(uses.get(entry.id, ())),
            )


def place(company: Company, silo: str, entry: DatasetEntry) -> Stored | None:
    """Find out on what a dataset lies, and how often; None if nobody said what that is."""
    if entry.storage_class is None:
        return None
    try:
        medium = company.medium(entry.storage_class)
    except ManifestError:
        return None
    copies = copies_of(company, entry.storage_class)
    return Stored(silo=silo, entry=entry, medium=medium, copies=copies)


def copies_of(company: Company, storage_class: str) -> float:
    """Give the copies that are kept in a storage class: those of the deployment, or others [1]."""
    return company.needs.replication.get(storage_class, company.deployment.method.replication)


def _list_readers(company: Company) -> dict[str, dict[str, list[str]]]:
    """Applications by dataset and silo."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for silo, catalogue in sorted(company.catalogues.items()):
        for application in sorted(catalogue.applications, key=lambda one: one.id):
            for dataset in dict.fromkeys(application.datasets):
                found[dataset][silo].append(f"{silo}/{application.id}")
    return found


def _list_uses(company: Company) -> dict[str, list[str]]:
    """Use cases and retrainings by dataset."""
    needs = company.needs
    found: dict[str, list[str]] = defaultdict(list)
    for case in sorted(needs.use_cases, key=lambda one: one.name):
        found[case.dataset].append(f"the use case {case.name}")
    for table in sorted(needs.retrainings, key=lambda one: (one.model, one.column)):
        for dataset in dict.fromkeys((table.before, table.now)):
            found[dataset].append(f"the retraining of {table.model}")
    return {name: list(dict.fromkeys(found[name])) for name in found}


def keep(
    company: Company,
    stored: Stored,
    what: str = "keep",
    *,
    medium: str | None = None,
    copies: float | None = None,
    **choices: Any,
) -> Assessment:
    """Estimate keeping a dataset over the horizon.

    Parameters
    ----------
    company : Company
    stored : Stored
    what : str
        Name of the option.
    medium : str, optional
        To keep it on; default: where it is.
    copies : float, optional
        To keep there.
    **choices
        Fields of `Settings`.
    """
    activity = company.activity(
        stored.silo,
        Phase.STORAGE,
        key=f"silos.{stored.silo}",
        stored_gb_h=stored.size_gb * company.needs.horizon_s / S_PER_H,
        life_cycle=LifeCycle.STORE,
    )
    return company.assess(
        f"{stored.name}: {what}",
        [activity],
        medium=medium or stored.medium,
        replication=stored.copies if copies is None else copies,
        **choices,
    )


def cold_copies(company: Company) -> float:
    """Give the copies that are kept of what lies on the cold medium [1].

    Raises
    ------
    ManifestError
        If storage classes that stand for this medium keep different numbers.
    """
    needs = company.needs
    if needs.cold_medium is not None and needs.cold_medium in needs.replication:
        return needs.replication[needs.cold_medium]
    classes = [name for name, medium in needs.media.items() if medium == needs.cold_medium]
    found = {copies_of(company, name) for name in classes}
    if len(found) > 1:
        raise ManifestError(
            f"{needs.origin}, replication: the classes {', '.join(sorted(classes))} are all "
            f"{needs.cold_medium!r}, and keep different numbers of copies.",
            f'Say which number holds for cold data: replication = {{ "{needs.cold_medium}" = 2 }}.',
        )
    return found.pop() if found else company.deployment.method.replication
