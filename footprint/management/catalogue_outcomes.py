"""The outcome of advice about datasets and applications: what later catalogues still show.

What a catalogue shows holds until the next one. So a dataset that is gone counts as kept until
the first scan without it: too little rather than too much is said to be saved. Our rule.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from footprint.errors import UsageError
from footprint.management.advisor.company import Company
from footprint.management.advisor.stored import copies_of
from footprint.management.catalogue import DatasetEntry, SiloCatalogue
from footprint.management.comparability import compare_inputs, missing, restrict
from footprint.management.deeds import check_done
from footprint.management.folders import publish_findings
from footprint.management.namesakes import find_namesakes
from footprint.management.outcomes import MeasuredOutcome, Portion, conclude
from footprint.management.scan_windows import (
    CatalogueChoice,
    Entry,
    ScanWindow,
    Series,
    entries_of,
    find_windows,
    list_scans,
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
from footprint.units import S_PER_DAY, S_PER_H, bytes_to_gb


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
    windows = find_windows(plan, sorted({silo for silo, _ in chosen}), series, choice, findings)
    findings += find_namesakes(plan, advice, windows, series, choice, chosen)
    before: list[Portion] = []
    after: list[Portion] = []
    # While nobody has looked again, nothing is known to be as it was, nor to be another way.
    is_seen = bool(windows) and all(window.later for window in windows)
    if is_seen:
        findings += check_done(company, advice, windows, chosen, is_said=bool(choice.entries))
        before, after = _portions(company, advice, windows, chosen, findings)
        after += _as_planned(advice, findings)
    findings += compare_inputs(company, plan, [one.assessment for one in (*before, *after)])
    looked_s = min((window.seen_s - window.start_s for window in windows), default=0.0)
    if choice.scale and is_seen:
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
        publish_findings(company.needs, findings),
        covered=max(0.0, looked_s) / plan.horizon_s,
        scaled=choice.scale and is_seen,
        evidence=tuple(list_scans(windows)),
    )


def _choose(advice: Advice, series: Series, choice: CatalogueChoice) -> set[tuple[str, str]]:
    """Datasets or applications that an advice is about, by silo and name."""
    known = {
        (silo, entry.id)
        for silo, catalogues in series.items()
        for one in catalogues
        for entry in entries_of(advice, one)
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


def _portions(
    company: Company,
    advice: Advice,
    windows: Sequence[ScanWindow],
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
    for entry in entries_of(advice, catalogue):
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
            yield entry.id, entry.energy_kwh * S_PER_H / (entry.period_days * S_PER_DAY)


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
