"""The outcome of advice about datasets and applications: what later catalogues still show.

What a catalogue shows holds until the next one. So a dataset that is gone counts as kept until
the first scan without it: too little rather than too much is said to be saved. Our rule.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from footprint.errors import UsageError
from footprint.management.advisor.company import Company
from footprint.management.advisor.stored import copies_of
from footprint.management.catalogue import (
    ApplicationEntry,
    DatasetEntry,
    SiloCatalogue,
    write_catalogue,
)
from footprint.management.comparability import compare_inputs, missing, restrict
from footprint.management.outcomes import (
    Evidence,
    MeasuredOutcome,
    Portion,
    conclude,
)
from footprint.model import (
    Activity,
    Advice,
    AdvicePlan,
    DecisionKind,
    Finding,
    LifeCycle,
    Phase,
    Stage,
)
from footprint.units import S_PER_H, bytes_to_gb

_S_PER_DAY = 24 * S_PER_H
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
    scale : bool
        Whether it stays until the end of the horizon as it was last seen.
    """

    decided_s: float
    before_s: float | None = None
    after_s: float | None = None
    entries: tuple[str, ...] = ()
    scale: bool = False


@dataclass(frozen=True, slots=True)
class _Window:
    """The catalogues of a silo that matter, and for how long each one holds [s]."""

    silo: str
    before: SiloCatalogue
    later: tuple[SiloCatalogue, ...]
    start_s: float
    stop_s: float

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


def measure_catalogues(
    company: Company, plan: AdvicePlan, advice: Advice, series: Series, choice: CatalogueChoice
) -> MeasuredOutcome:
    """Measure what became of an advice from catalogues before and after.

    Parameters
    ----------
    company : Company
        For the places of its silos, and the choices of its estimates.
    plan : AdvicePlan
    advice : Advice
        Of it, about datasets or applications.
    series : mapping of str to sequence of SiloCatalogue
        What the ledger has, by silo, oldest first.
    choice : CatalogueChoice

    Raises
    ------
    UsageError
        If nothing says which datasets or applications it is about.
    """
    findings: list[Finding] = []
    chosen = _choose(advice, series, choice)
    windows = [
        window
        for silo in sorted({silo for silo, _ in chosen})
        if (window := _window(plan, silo, series.get(silo, ()), choice, findings))
    ]
    if any(not window.later for window in windows):
        findings.append(_no_later(windows))
    before, after = _portions(company, advice, windows, chosen, findings)
    findings += compare_inputs(company, plan, [one.assessment for one in (*before, *after)])
    after += _as_planned(advice, findings)
    looked_s = min((window.seen_s - window.start_s for window in windows), default=0.0)
    if choice.scale:
        findings.append(
            Finding(
                "stated",
                "Somebody said, and nothing checked, that it stays as it was last seen until the "
                "end of the horizon.",
            )
        )
    return conclude(
        plan,
        advice,
        before,
        after,
        findings,
        covered=max(0.0, looked_s) / plan.horizon_s,
        scaled=choice.scale,
        evidence=tuple(_evidence(windows)),
    )


def _choose(advice: Advice, series: Series, choice: CatalogueChoice) -> set[tuple[str, str]]:
    """Datasets or applications that an advice is about, by silo and name."""
    known = {
        (silo, entry.id)
        for silo, catalogues in series.items()
        for one in catalogues
        for entry in _entries(advice, one)
    }
    named = {f"{silo}/{name}": (silo, name) for silo, name in known}
    wanted = choice.entries or tuple(advice.subject.split(" + "))
    unknown = [entry for entry in wanted if entry not in named]
    if unknown:
        raise UsageError(
            f"No catalogue of the ledger has {unknown[0]!r}.",
            "Enter the catalogues of before and after, or name what it is about: --entry SILO/NAME"
            f"; known: {', '.join(sorted(named)[:20]) or 'none'}.",
        )
    return {named[entry] for entry in wanted}


def _entries(advice: Advice, catalogue: SiloCatalogue) -> Sequence[Entry]:
    is_dataset = advice.kind is DecisionKind.DATASET
    return catalogue.datasets if is_dataset else catalogue.applications


def _window(
    plan: AdvicePlan,
    silo: str,
    catalogues: Sequence[SiloCatalogue],
    choice: CatalogueChoice,
    findings: list[Finding],
) -> _Window | None:
    """Find what was seen of a silo before the decision and since; None without a before."""
    limit_s = choice.decided_s if choice.before_s is None else choice.before_s
    earlier = [one for one in catalogues if one.scanned_s <= limit_s]
    if not earlier:
        findings.append(
            missing(
                "catalogue-before-missing",
                f"The ledger has no catalogue of {silo!r} from before it was decided.",
                "Enter the one that the plan was made from (footprint manage record), or choose "
                "another moment: --catalogue-before.",
            )
        )
        return None
    before = earlier[-1]
    end_s = plan.made_s + plan.horizon_s
    last_s = end_s if choice.after_s is None else min(end_s, choice.after_s)
    later = tuple(one for one in catalogues if before.scanned_s < one.scanned_s <= last_s)
    start_s = max(before.scanned_s, plan.made_s)
    seen_s = max(start_s, later[-1].scanned_s) if later else start_s
    return _Window(silo, before, later, start_s, end_s if choice.scale else seen_s)


def _no_later(windows: Sequence[_Window]) -> Finding:
    silos = ", ".join(repr(one.silo) for one in windows if not one.later)
    return missing(
        "catalogue-after-missing",
        f"The ledger has no catalogue of {silos} from after the decision, and within the horizon: "
        "nothing shows that it was carried out.",
        "Catalogue the silo again: footprint manage catalogue FOLDER -o catalogues.json, then "
        "footprint manage record catalogues.json",
    )


def _evidence(windows: Sequence[_Window]) -> Iterator[Evidence]:
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


def _portions(
    company: Company,
    advice: Advice,
    windows: Sequence[_Window],
    chosen: set[tuple[str, str]],
    findings: list[Finding],
) -> tuple[list[Portion], list[Portion]]:
    """Estimate what would have been as it was, and what was."""
    sides: tuple[_Amounts, _Amounts] = defaultdict(float), defaultdict(float)
    for window in windows:
        wanted = {name for silo, name in chosen if silo == window.silo}
        total_s = window.stop_s - window.start_s
        _add(sides[0], window.silo, _known(advice, window.before, wanted, findings), total_s)
        for one, held_s in window.stretches():
            _add(sides[1], window.silo, _known(advice, one, wanted, findings), held_s)
    return (
        _estimate(company, advice, sides[0], "as it was"),
        _estimate(company, advice, sides[1], "as it was seen since"),
    )


_Amounts = dict[tuple[str, str], float]
"""GB h by silo and storage class, or kWh by silo and application."""


def _known(
    advice: Advice, catalogue: SiloCatalogue, wanted: set[str], findings: list[Finding]
) -> Iterator[tuple[str, float]]:
    """Give what is drawn per hour: GB by storage class, kWh by application."""
    for entry in _entries(advice, catalogue):
        if entry.id not in wanted:
            continue
        if isinstance(entry, DatasetEntry):
            if entry.storage_class is None:
                findings.append(_unsaid(catalogue, entry, "what it is kept on"))
                continue
            yield entry.storage_class, bytes_to_gb(entry.size_bytes)
        elif entry.energy_kwh is None or entry.period_days is None:
            findings.append(_unsaid(catalogue, entry, "its energy"))
        else:
            yield entry.id, entry.energy_kwh * S_PER_H / (entry.period_days * _S_PER_DAY)


def _unsaid(catalogue: SiloCatalogue, entry: Entry, what: str) -> Finding:
    return missing(
        "catalogue-incomplete",
        f"The catalogue of {catalogue.silo!r} does not say {what}: {entry.id!r}.",
        "Declare it in the silo.toml of the silo, and catalogue it again.",
    )


def _add(amounts: _Amounts, silo: str, rates: Iterator[tuple[str, float]], held_s: float) -> None:
    for name, per_hour in rates:
        amounts[silo, name] += per_hour * held_s / S_PER_H


def _estimate(company: Company, advice: Advice, amounts: _Amounts, name: str) -> list[Portion]:
    """Estimate amounts as the options were: one estimate for each storage class."""
    if advice.kind is DecisionKind.APPLICATION:
        activities = [
            company.activity(
                silo,
                Phase.INFERENCE,
                key=f"silos.{silo}",
                energy_kwh=energy_kwh,
                life_cycle=LifeCycle.INFER,
                source=f"declared/{silo}/{application}",
            )
            for (silo, application), energy_kwh in sorted(amounts.items())
        ]
        return [Portion(name=name, assessment=company.assess(name, activities))]
    kept: dict[str, list[Activity]] = defaultdict(list)
    for (silo, storage_class), gb_h in sorted(amounts.items()):
        kept[storage_class].append(
            company.activity(
                silo,
                Phase.STORAGE,
                key=f"silos.{silo}",
                stored_gb_h=gb_h,
                life_cycle=LifeCycle.STORE,
            )
        )
    return [
        Portion(
            name=f"{name}, on {storage_class}",
            assessment=company.assess(
                f"{name}, on {storage_class}",
                activities,
                medium=company.medium(storage_class),
                replication=copies_of(company, storage_class),
            ),
        )
        for storage_class, activities in kept.items()
    ]


def _as_planned(advice: Advice, findings: list[Finding]) -> list[Portion]:
    """Take from the plan what carrying it out emits, such as moving data: no catalogue shows it."""
    option = advice.option(advice.recommended)
    shown = (Phase.STORAGE, Phase.INFERENCE)
    kept = [
        one
        for one in option.assessment.contributions
        if one.phase not in shown and one.stage is not Stage.STORAGE
    ]
    if not kept:
        return []
    part = restrict(option.assessment, kept)
    findings.append(
        Finding(
            "as-planned",
            f"What carrying it out emits was not measured; {part.total_g.value:.3g} gCO2e are "
            "taken off as the plan has it.",
        )
    )
    return [Portion(name="carrying it out, as planned", assessment=part)]
