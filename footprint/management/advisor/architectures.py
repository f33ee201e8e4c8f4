"""Centralise, federate, only count and summarise, or do not train: one advice per use case.

Our rule. An option that meets the need brings the points that the company expects, and may
emit what the company says that these are worth; the best has the lowest emissions less that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from footprint.errors import ManifestError
from footprint.lifecycle.breakeven import Line, line_through
from footprint.management.advisor.company import Company
from footprint.management.advisor.needs import Need, UseCaseTable
from footprint.management.advisor.overlaps import (
    condition_overlaps,
    doubt_overlaps,
    silos_by_samples,
)
from footprint.management.advisor.trainings import (
    ask,
    centralise,
    copied_gb,
    federate,
    missing_for_asking,
    missing_for_centre,
    missing_for_federating,
)
from footprint.management.advisor.turning import find_turns
from footprint.management.advisor.unread import condition_unread, missing_of
from footprint.management.advisor.use_cases import UseCase, list_use_cases
from footprint.management.advisor.weighing import weigh
from footprint.model import (
    Activity,
    Advice,
    Assessment,
    DecisionKind,
    Finding,
    Option,
    Severity,
    TurningPoint,
)
from footprint.units import H_PER_MONTH, S_PER_H, format_quantity

NOT_TRAIN, ANALYTICS, FEDERATE, CENTRALISE = (
    "do not train",
    "analytics only",
    "federate",
    "centralise",
)
_NO_MODEL = "counts and sketches are no model"
_NOT_MOVABLE = "the raw data may not be copied to one place"
_NEEDED = "it is done today, and nobody said what a point of it may cost"


def advise_architectures(company: Company) -> Iterator[Advice | Finding]:
    """Advise on every use case.

    Yields
    ------
    Advice
        Of one use case.
    Finding
        Why there is none.

    Raises
    ------
    ManifestError
        If a use case names what does not exist.
    """
    for use in list_use_cases(company):
        yield use if isinstance(use, Finding) else advise_use_case(use)


def advise_use_case(use: UseCase) -> Advice | Finding:
    """Advise on one use case; a finding says why there is no advice."""
    table = use.table
    if table.current not in _PLANS:
        raise ManifestError(
            f"{use.company.needs.origin}, {use.key}.current: found {table.current!r}.",
            f"Use one of: {', '.join(_PLANS)}.",
        )
    missing = {
        FEDERATE: missing_for_federating(use) or _missing_partners(use),
        CENTRALISE: missing_for_centre(use),
    }
    if table.need is Need.STATISTICS:
        missing[ANALYTICS] = missing_for_asking(use)
    worth_g = _worth(table)
    options = [
        Option(
            name=name,
            assessment=_assess(use, name),
            barrier=_barrier(use, name, worth_g),
            gain=table.points if meets(table, name) else 0.0,
            worth_g=worth_g if meets(table, name) else 0.0,
        )
        for name in _PLANS
        if not missing.get(name)
    ]
    if worth_g is None and not meets(table, table.current):
        return _no_worth(use)
    few = sum(not option.barrier for option in options) < 2
    if few or all(option.name != table.current for option in options):
        return _undecided(use, missing)
    draft = weigh(DecisionKind.ARCHITECTURE, table.name, options, table.current, reason="")
    return replace(
        draft,
        certainty=None if _rests_on_unknown(use, draft.recommended) else draft.certainty,
        reason=_reason(use, options, draft.recommended),
        turning_points=tuple(_turns(use, options, draft.recommended)),
        conditions=tuple(_conditions(use, draft.recommended)),
        findings=(*draft.findings, *_findings(use, options, missing)),
    )


def _missing_partners(use: UseCase) -> list[str]:
    """Name the silos that may have the data too, where all but one could not be read."""
    company, dataset = use.company, use.table.dataset
    return missing_of(company, dataset, company.unread(dataset)) if len(use.holders) == 1 else []


def _rests_on_unknown(use: UseCase, chosen: str) -> bool:
    """Whether a choice rests on what no draw holds.

    Rows outside of samples, a coordinator, or silos that could not be read.
    """
    if chosen != NOT_TRAIN and use.company.unread(use.table.dataset):
        return True  # and with them training would emit more
    if chosen == CENTRALISE:
        return bool(silos_by_samples(use))
    return chosen == FEDERATE and use.table.centre is None


_PLANS: Mapping[str, Callable[[UseCase], Iterable[Activity]]] = {
    NOT_TRAIN: lambda _: (),
    ANALYTICS: ask,
    FEDERATE: federate,
    CENTRALISE: centralise,
}


def meets(table: UseCaseTable, name: str) -> bool:
    """Whether an option meets the need of a use case."""
    return name in (FEDERATE, CENTRALISE) or (name == ANALYTICS and table.need is Need.STATISTICS)


def _worth(table: UseCaseTable) -> float | None:
    """Emissions that meeting the need may cost over the horizon [gCO2e]."""
    if table.points is None or table.worth_g is None:
        return None
    return table.points * table.worth_g


def _barrier(use: UseCase, name: str, worth_g: float | None) -> str:
    table = use.table
    if name == ANALYTICS and table.need is Need.MODEL:
        return _NO_MODEL
    if name == FEDERATE and len(use.holders) == 1:
        return f"only {use.silos[0]} has the data"
    if name == CENTRALISE and not table.movable and copied_gb(use, sure_only=True):
        return table.barrier or _NOT_MOVABLE
    if name == NOT_TRAIN and worth_g is None:
        return _NEEDED
    return ""


def _assess(use: UseCase, name: str, **choices: int) -> Assessment:
    prices = use.company.needs.prices
    staff = {}
    if prices is not None:
        staff = {FEDERATE: prices.staff_federated, CENTRALISE: prices.staff_centralised}
    return use.company.assess(name, _PLANS[name](use), staff=staff.get(name, 0.0), **choices)


def _turns(use: UseCase, options: list[Option], chosen: str) -> Iterator[TurningPoint]:
    """Find where the choice changes; emissions are linear in each of these quantities."""
    possible = [option for option in options if not option.barrier]
    for quantity, unit, present, without in _quantities(use):
        if present:
            lines = {}
            for one in possible:
                zero_g = _assess(without, one.name, draws=0).total_g.value
                line = line_through(0.0, zero_g, present, one.assessment.total_g.value)
                lines[one.name] = replace(line, fixed=line.fixed - (one.worth_g or 0.0))
            for turn in find_turns(quantity, unit, present, lines, chosen):
                # Of rounds there is one at least.
                if unit != "round" or turn.value >= 1:
                    yield turn
    points, worth_g = use.table.points, use.table.worth_g
    if points and worth_g is not None:
        lines = {
            one.name: Line(one.assessment.total_g.value, -(one.gain or 0.0)) for one in possible
        }
        yield from find_turns("emissions that a point may cost", "gCO2e", worth_g, lines, chosen)


def _quantities(use: UseCase) -> Iterator[tuple[str, str, float, UseCase]]:
    """Name what a choice hangs on: unit, present value, and the use case without any of it."""
    empty = {silo: replace(entry, size_bytes=0) for silo, entry in use.holders.items()}
    yield "data copied to the centre", "GB", copied_gb(use), replace(use, holders=empty)
    needs = use.company.needs
    months = needs.horizon_s / S_PER_H / H_PER_MONTH
    company = replace(use.company, needs=replace(needs, horizon_s=0.0))
    yield "time for which copies are kept", "month", months, replace(use, company=company)
    table = replace(use.table, rounds=0)
    yield "rounds of one training", "round", float(use.table.rounds), replace(use, table=table)


def _reason(use: UseCase, options: list[Option], chosen: str) -> str:
    table = use.table
    ways = sorted(
        (one for one in options if not one.barrier and meets(table, one.name)),
        key=lambda one: one.assessment.total_g.value,
    )
    emits = [f"{one.name} emits {_emissions(one.assessment.total_g.value)}" for one in ways]
    text = "Over the horizon " + ", ".join(emits)
    if table.points is not None and table.worth_g is not None:
        worth = _emissions(table.points * table.worth_g)
        points = f"{table.points:.3g} point{'s' * (table.points != 1)}"
        text += f"; what that brings ({points}) may cost {worth}"
    text += ". "
    if table.need is Need.STATISTICS and chosen == ANALYTICS:
        text += "Counts and sketches are enough. "
    if chosen == CENTRALISE:
        moved_gb = copied_gb(use)
        if moved_gb:
            text += f"{format_quantity('data', moved_gb)} move to {table.centre}. "
        else:
            start = "By its samples, all" if copied_gb(use, sure_only=True) else "All"
            text += f"{start} of it is at {table.centre} already. "
    for one in options:
        if one.barrier and meets(table, one.name):
            text += f"Not possible: {one.name}, because {one.barrier}. "
    return text.strip()


def _emissions(grams: float) -> str:
    return format_quantity("emissions", grams)


def _conditions(use: UseCase, chosen: str) -> Iterator[str]:
    if chosen == FEDERATE:
        yield (
            "Federated training reaches the quality of a central one: both are taken to bring the "
            "same points, and a small run would show it."
        )
    if chosen == CENTRALISE:
        yield from condition_overlaps(use)
    if chosen == CENTRALISE and copied_gb(use, sure_only=True):
        legal = sorted({entry.legal for entry in use.holders.values() if entry.legal})
        under = f" ({'; '.join(legal)})" if legal else ""
        yield f"{use.table.dataset}{under} may be copied to {use.table.centre}."
    yield from condition_unread(use.company, use.table.dataset)


def _findings(
    use: UseCase, options: list[Option], missing: Mapping[str, list[str]]
) -> Iterator[Finding]:
    for name, keys in missing.items():
        if keys and not (name == FEDERATE and len(use.holders) == 1):
            yield Finding(
                "option-unknown",
                f"{use.table.name!r}: {name} is not weighed; its estimate lacks {', '.join(keys)}.",
                severity=Severity.INFO if _is_aside(use, name) else Severity.WARNING,
                remedy="Add what is missing if it is to be weighed.",
                place=use.key,
            )
    if any(one.name == CENTRALISE for one in options):
        yield from doubt_overlaps(use)
    if any(one.name == FEDERATE for one in options) and use.table.centre is None:
        yield Finding(
            "coordinator-unknown",
            f"{use.table.name!r}: what coordinates the silos is not known and not counted.",
            remedy="Name the centre.",
            place=use.key,
        )


def _is_aside(use: UseCase, name: str) -> bool:
    """Whether hardly anybody would choose an option: training, where counts are enough."""
    return use.table.need is Need.STATISTICS and name != ANALYTICS


def _no_worth(use: UseCase) -> Finding:
    needed = [
        name
        for name, value in (("points", use.table.points), ("worth", use.table.worth_g))
        if value is None
    ]
    return Finding(
        "worth-unknown",
        f"Whether {use.table.name!r} is worth its emissions cannot be weighed: nobody said what it "
        "brings, or what a point of it may cost.",
        severity=Severity.INFO,
        remedy=f"Add {' and '.join(needed)}.",
        place=use.key,
    )


def _undecided(use: UseCase, missing: Mapping[str, list[str]]) -> Finding:
    lacks = "; ".join(f"{name} lacks {', '.join(keys)}" for name, keys in missing.items() if keys)
    return Finding(
        "use-case-unknown",
        f"{use.table.name!r} cannot be weighed: {lacks or 'only one option is possible'}.",
        remedy="Add what is missing." if lacks else "Say what else could be done.",
        place=use.key,
    )
