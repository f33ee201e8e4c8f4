"""Catalogues of silos before and after a decision, and the time for which they say something."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from footprint.management.catalogue import (
    ApplicationEntry,
    DatasetEntry,
    SiloCatalogue,
    write_catalogue,
)
from footprint.management.comparability import missing
from footprint.management.outcomes import Evidence
from footprint.model import Advice, AdvicePlan, DecisionKind, Finding

Entry = DatasetEntry | ApplicationEntry
Series = Mapping[str, Sequence[SiloCatalogue]]
"""Catalogues by silo, oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueChoice:
    """What a person names and says about an outcome.

    Attributes
    ----------
    decided_s : float
        When it was approved: what was before is the last scan until then (Unix time [s]).
    before_s, after_s : float or None
        Take the last scans until these moments instead [s].
    entries : tuple of str
        ``SILO/NAME`` of what it is about, if its subject does not say it.
    others : tuple of str
        ``SILO/NAME`` of what came or grew since, looks like what went, and is something else.
    scale : bool
        Whether it stays until the end of the horizon as it was last seen.
    """

    decided_s: float
    before_s: float | None = None
    after_s: float | None = None
    entries: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    scale: bool = False


@dataclass(frozen=True, slots=True)
class ScanWindow:
    """The catalogues of a silo that matter: they count from `start_s` to `stop_s` [s]."""

    silo: str
    before: SiloCatalogue
    later: tuple[SiloCatalogue, ...]
    start_s: float
    stop_s: float

    @property
    def scans(self) -> tuple[SiloCatalogue, SiloCatalogue]:
        """The first catalogue and the last."""
        return self.before, (self.before, *self.later)[-1]

    @property
    def seen_s(self) -> float:
        """Until when anything is known [s]."""
        return self.later[-1].scanned_s if self.later else self.start_s

    def stretches(self) -> Iterator[tuple[SiloCatalogue, float]]:
        """Give each catalogue with the time for which it is the last one seen."""
        scans = (self.before, *self.later)
        for number, one in enumerate(scans):
            begin = max(self.start_s, one.scanned_s)
            end = scans[number + 1].scanned_s if number + 1 < len(scans) else self.stop_s
            yield one, max(0.0, min(end, self.stop_s) - begin)


def entries_of(advice: Advice, catalogue: SiloCatalogue) -> Sequence[Entry]:
    """Give what an advice can be about: datasets, or applications."""
    is_dataset = advice.kind is DecisionKind.DATASET
    return catalogue.datasets if is_dataset else catalogue.applications


def find_windows(
    plan: AdvicePlan,
    silos: Sequence[str],
    series: Series,
    choice: CatalogueChoice,
    findings: list[Finding],
) -> list[ScanWindow]:
    """Find what was seen of silos before a decision and since, over one time for all.

    Silos are cut to the time in which all of them were looked at: what one of them saved while
    nobody looked at the other may be what the other one spent.
    """
    windows = [
        window
        for silo in silos
        if (window := _window(plan, silo, series.get(silo, ()), choice, findings))
    ]
    if any(not window.later for window in windows):
        findings.append(_no_later(windows))
    start_s = max((one.start_s for one in windows), default=0.0)
    stop_s = max(start_s, min((one.stop_s for one in windows), default=0.0))
    short = [one.silo for one in windows if one.stop_s == stop_s]
    if len(short) < len(windows) and all(one.later for one in windows):
        findings.append(
            Finding(
                "scans-differ",
                f"Only {', '.join(map(repr, short))} limits the time that was looked at: other "
                "silos were catalogued later, and what was saved there since is not counted.",
                remedy=f"Catalogue and record {', '.join(short)} again.",
            )
        )
    return [replace(one, start_s=start_s, stop_s=stop_s) for one in windows]


def _window(
    plan: AdvicePlan,
    silo: str,
    catalogues: Sequence[SiloCatalogue],
    choice: CatalogueChoice,
    findings: list[Finding],
) -> ScanWindow | None:
    """Find what was seen of a silo before the decision and since; None without a before."""
    before, later = split_scans(plan, catalogues, choice)
    if before is None:
        findings.append(
            missing(
                "catalogue-before-missing",
                f"The ledger has no catalogue of {silo!r} from before it was decided.",
                "Enter the one that the plan was made from (footprint manage record), or choose "
                "another moment: --catalogue-before.",
            )
        )
        return None
    start_s = max(before.scanned_s, plan.made_s)
    seen_s = max(start_s, later[-1].scanned_s) if later else start_s
    end_s = plan.made_s + plan.horizon_s
    return ScanWindow(silo, before, later, start_s, end_s if choice.scale else seen_s)


def split_scans(
    plan: AdvicePlan, catalogues: Sequence[SiloCatalogue], choice: CatalogueChoice
) -> tuple[SiloCatalogue | None, tuple[SiloCatalogue, ...]]:
    """Give the last catalogue of before, and those since that count."""
    limit_s = choice.decided_s if choice.before_s is None else choice.before_s
    earlier = [one for one in catalogues if one.scanned_s <= limit_s]
    last_s = plan.made_s + plan.horizon_s
    if choice.after_s is not None:
        last_s = min(last_s, choice.after_s)
    before = earlier[-1] if earlier else None
    since_s = limit_s if before is None else before.scanned_s
    return before, tuple(one for one in catalogues if since_s < one.scanned_s <= last_s)


def _no_later(windows: Sequence[ScanWindow]) -> Finding:
    silos = ", ".join(repr(one.silo) for one in windows if not one.later)
    return missing(
        "catalogue-after-missing",
        f"The ledger has no catalogue of {silos} from after the decision, and within the horizon: "
        "nothing shows that it was carried out.",
        "Catalogue the silo again: footprint manage catalogue FOLDER -o catalogues.json, then "
        "footprint manage record catalogues.json. If management.toml fixes `today`, give --today.",
    )


def list_scans(windows: Sequence[ScanWindow]) -> Iterator[Evidence]:
    """Give the catalogues that an outcome rests on."""
    for window in windows:
        for side, one in (("before", window.before), *(("after", one) for one in window.later)):
            yield Evidence(
                what="catalogue",
                name=window.silo,
                side=side,
                start_s=one.scanned_s,
                stop_s=one.scanned_s,
                sha256=hashlib.sha256(write_catalogue(one)).hexdigest(),
            )
