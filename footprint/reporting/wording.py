"""Sentences: the verdict and the names of things."""

from __future__ import annotations

import math

from footprint.documents import Estimate
from footprint.model import (
    Architecture,
    Assessment,
    Basis,
    Comparison,
    CostKind,
    IdlePolicy,
    Interval,
    LifeCycle,
    Phase,
    Ranking,
    Stage,
    Term,
    Tier,
    View,
)
from footprint.reporting.numbers import NBSP, Scale, bounds, clean, number, percent, share_of
from footprint.reporting.shapes import Scenario

INTERVAL = f"90{NBSP}% interval"

_MUCH_EMBODIED = 0.25
"""Share of a total from which on a reader is told what the making of devices hangs on."""

CATEGORY_NAMES: dict[str, str] = {
    Phase.SETUP: "start-up",
    Phase.LOAD: "data loading",
    Phase.TRAIN: "training",
    Phase.EVALUATE: "evaluation",
    Phase.SERIALISE: "serialisation",
    Phase.UPLOAD: "upload",
    Phase.DOWNLOAD: "download",
    Phase.AGGREGATE: "aggregation",
    Phase.WAIT: "waiting",
    Phase.IDLE: "idling",
    Phase.DATA_TRANSFER: "central data transfer",
    Phase.STORAGE: "storage",
    Phase.INFERENCE: "inference",
    Phase.OTHER: "other work",
    Stage.EMBODIED: "embodied",
}

STAGE_NAMES: dict[Stage, str] = {
    Stage.OPERATION: "operation: energy of the devices",
    Stage.NETWORK: "network: energy of moving the data",
    Stage.STORAGE: "storage: energy of keeping copied data",
    Stage.EMBODIED: "embodied: share of making the devices",
}

IDLE_NAMES: dict[IdlePolicy, str] = {
    IdlePolicy.BY_TIME: "idle power of the host is charged by time to the phases that are open",
    IdlePolicy.BY_RESERVATION: "idle power is charged in equal parts to actors with a device",
    IdlePolicy.NONE: "idle power is charged to nobody; it belongs to the machine",
}

VIEW_NAMES: dict[View, str] = {
    View.PROCESS: "the tracked processes, with idle power while they ran",
    View.MACHINE: "the whole machine, other processes included",
    View.MACHINE_LESS_IDLE: "the whole machine less its idle power",
}

TIER_NAMES: dict[Tier, str] = {
    Tier.A: "wall meter",
    Tier.B: "energy counter of the part itself",
    Tier.C: "integrated power sensor",
    Tier.D: "line calibrated on A or B",
    Tier.E: "table of rated power, scaled to our share",
    Tier.F: "default of a device class",
}

LIFE_CYCLE_NAMES: dict[LifeCycle, str] = {
    LifeCycle.COLLECT: "collection",
    LifeCycle.TRANSFER: "data transfer",
    LifeCycle.STORE: "storage",
    LifeCycle.PREPARE: "preparation",
    LifeCycle.EXPERIMENT: "experiments",
    LifeCycle.TRAIN: "training",
    LifeCycle.DEPLOY: "deployment",
    LifeCycle.INFER: "inference",
    LifeCycle.RETRAIN: "retraining",
    LifeCycle.RETIRE: "retirement",
}

COST_NAMES: dict[CostKind, str] = {
    CostKind.ELECTRICITY: "electricity",
    CostKind.INSTANCE: "rented instances",
    CostKind.EGRESS: "sending data out (egress)",
    CostKind.STORAGE: "storage",
    CostKind.STAFF: "people and compliance",
}

BREAK_EVEN_NAMES: dict[str, tuple[str, str]] = {
    "data_volume": ("raw data", "of all clients over the whole time; the centre copies its share"),
    "retention": ("retention", "time for which the copies are kept"),
    "rounds": ("rounds", "of the federated training"),
    "candidate_intensity": (
        "grid intensity of the federated plan",
        "mean, weighted by its energy; the grids of the other plan, those of its clients too, stay",
    ),
}
"""What a break-even is of, and a word on it."""

RULES: dict[str, str] = {
    "life-cycle": "everything of the life cycle that was recorded or declared",
    "training": "experiments and training alone, with their network and hardware",
    "qiu": "training of the clients and their last hop to the network, against the training in "
    "a data centre with its overhead (after Qiu et al., our reading)",
    "by-access": "average energy per volume of data, by the kind of link",
    "last-hop": "power of the router at the client's end for the time of a transfer "
    "(after Qiu et al., our reading)",
    "per-bit": "energy per bit of each device on the path (form after Yousefpour et al.; the "
    "numbers of routers are our choice)",
    "power": "power of the line for the time of a transfer, and what traffic adds (Malmodin 2020)",
    "power-marginal": "what traffic adds to the power of networks, alone (Malmodin 2020)",
    "active_hours": "share of the time for which the device works in its life",
    "marginal": "nothing for devices of end users, which exist anyway; else wall-clock",
    "active-share-missing": "missing: how much of its life a device works, for some actors",
    "price-missing": "missing: the price of electricity of some places",
    "sci_wall_clock": "share of the device's life for which it was reserved (SCI, wall-clock)",
    "waiting": "waiting for other participants, unless it was recorded as a phase",
    "supply_losses": "power supply losses, fans and boards that the meter does not see",
    "end_user_overhead": "cooling and displays of end-user devices",
    "network_equipment": "making network equipment, and energy beyond the named intensity",
    "repetition": "how much a repeated run would differ: each is a single run",
    "device-missing": "missing: making the hardware of actors without a known device",
    "embodied-unknown": "missing: making devices without a known footprint",
    "client-unmeasured": "missing: what clients used that told no figures",
    "client-unmetered": "missing: what clients used for messages without an energy figure",
    "reply-refused": "missing: what clients used whose figures cannot be believed",
    "unmetered": "missing: activities without an energy figure",
    "organisation": "staff, buildings, and the development of the training code",
}
"""Sentences for the codes of a boundary."""

PLAN_RULES: dict[str, str] = {
    "waiting": "waiting, unless the manifest charges it",
    "supply_losses": "power supply losses, fans and boards that the declared powers leave out",
    "repetition": "how much the training will differ from its plan",
}
"""The same, where nothing was measured."""

_RUN_KINDS = {
    Architecture.FEDERATED: "federated ",
    Architecture.CENTRALISED: "centralised ",
    Architecture.OTHER: "",
}


def capitalise(text: str) -> str:
    """Raise the first letter and leave the rest as it is."""
    return text[:1].upper() + text[1:]


def category_name(category: str) -> str:
    """Name a phase, or ``embodied``, in words."""
    return CATEGORY_NAMES.get(category, clean(category).replace("_", " "))


def is_plan(assessment: Assessment) -> bool:
    """Whether all of it was declared, so that no meter has anything to say."""
    parts = assessment.contributions
    return bool(parts) and all(part.basis is Basis.DECLARED for part in parts)


def plan_rule(code: str) -> str:
    """Put a code of the boundary of a plan into words."""
    return PLAN_RULES.get(code) or measured_rule(code)


def measured_rule(code: str) -> str:
    """Put a code of a boundary into words; a code of a later release stays as it is."""
    kind, _, path = code.partition("/")
    if kind == "average":
        return f"average energy per volume of data: {clean(path)}"
    return RULES.get(code, clean(code))


def comparison_title(result: Comparison) -> str:
    """Title of the page of a comparison; two architectures of one study share a name."""
    candidate, baseline = (clean(a.run.name) for a in (result.candidate, result.baseline))
    if candidate != baseline:
        return f"{candidate} compared with {baseline}"
    kinds = (result.candidate.run.architecture, result.baseline.run.architecture)
    return f"{candidate}: {kinds[0].value} compared with {kinds[1].value}"


def run_label(assessment: Assessment) -> str:
    """Name a run or a plan, such as ``'federated run “digits”'``."""
    name = clean(assessment.run.name)
    noun = "plan" if is_plan(assessment) else "run"
    kind = f"{_RUN_KINDS[assessment.run.architecture]}{noun}"
    # A run called "federated" is the federated run.
    return f"{kind} “{name}”" if name and f"{name} {noun}" != kind else kind


def emits(assessment: Assessment) -> str:
    """Give the verb: a plan has emitted nothing yet."""
    return "would emit" if is_plan(assessment) else "emits"


def run_name(assessment: Assessment) -> str:
    """Name of a run; what kind it is, if nobody named it."""
    return clean(assessment.run.name) or run_label(assessment)


def scenarios_of(result: Estimate) -> tuple[Scenario, ...]:
    """List the runs of a result, baseline first, each with what to call it."""
    if isinstance(result, Assessment):
        return (Scenario("", run_label(result), "", result, result.total_g.width),)
    if isinstance(result, Ranking):
        return tuple(
            Scenario(f"scenario {place}", label, label, one, one.total_g.width)
            for place, (label, one) in enumerate(
                zip(ranking_labels(result), result.scenarios, strict=True), start=1
            )
        )
    pair = (("baseline", result.baseline), ("candidate", result.candidate))
    kinds = {assessment.run.architecture for _, assessment in pair}
    telling = len(kinds) == 2 and Architecture.OTHER not in kinds
    return tuple(
        Scenario(
            role,
            run_label(a),
            a.run.architecture.value if telling else role,
            a,
            _telling_width(a.total_g.width, result.difference_g.value),
        )
        for role, a in pair
    )


def _telling_width(width: float, difference: float) -> float:
    """Width with which totals are written so that their difference shows."""
    return (
        min(width, 10.0 ** (1 + math.floor(math.log10(abs(difference))))) if difference else width
    )


def per_unit(assessment: Assessment) -> str:
    """Return ``' per <functional unit>'``, or nothing if nobody said."""
    unit = clean(assessment.run.functional_unit).strip()
    return f" per {unit}" if unit else ""


def assessment_verdict(assessment: Assessment) -> str:
    """Say in one sentence what a run emits."""
    total = assessment.total_g
    scale = Scale.of("emissions", [total.value])
    amount = f"{scale.text(total.value, total.width)}{NBSP}{scale.unit.replace(' ', NBSP)}"
    ends = scale.range(total)
    interval = f" ({INTERVAL} {ends})" if ends else ""
    who = f"{capitalise(run_label(assessment))} {emits(assessment)}"
    return f"{who} {amount}{interval}{per_unit(assessment)}."


def comparison_verdict(result: Comparison) -> str:
    """Say in one sentence how much the candidate emits beside the baseline."""
    baseline, candidate = run_label(result.baseline), run_label(result.candidate)
    if baseline == candidate:
        baseline, candidate = f"baseline ({baseline})", f"candidate ({candidate})"
    unit = per_unit(result.candidate) or per_unit(result.baseline)
    ratio = result.ratio
    if not has_ratio(result):
        return _difference_verdict(result, baseline, candidate, unit)
    verb = emits(result.candidate)
    times = f"{number(ratio.value, ratio.width)} times"
    low, high = number(ratio.low, ratio.width), number(ratio.high, ratio.width)
    interval = f"{INTERVAL} {bounds(low, high)}"
    if ratio.low <= 1 <= ratio.high or float(number(ratio.value).replace(",", "")) == 1:
        return (
            f"No clear difference: the {candidate} {verb} {times} as much as the {baseline}"
            f" ({interval}){unit}."
        )
    which = "more" if ratio.value > 1 else "less"
    than = f"The {candidate} {verb} {which} than the {baseline}"
    return f"{than}: {times} as much ({interval}){unit}."


def ranking_title(result: Ranking) -> str:
    """Title of the page of a ranking."""
    names = dict.fromkeys(clean(one.run.name) for one in result.scenarios)
    return f"{len(result.scenarios)} scenarios compared: {', '.join(names)}"


def ranking_labels(result: Ranking) -> tuple[str, ...]:
    """Name the scenarios of a ranking; those of one name go by their number, too."""
    labels = [run_label(one) for one in result.scenarios]
    return tuple(
        f"{label} (scenario {place})" if labels.count(label) > 1 else label
        for place, label in enumerate(labels, start=1)
    )


def ranking_verdict(result: Ranking) -> str:
    """Say in one sentence which scenario emits least, and how much that is beside the first."""
    totals = [one.total_g.value for one in result.scenarios]
    labels = ranking_labels(result)
    place = totals.index(min(totals))
    best = result.scenarios[place]
    scale = Scale.of("emissions", [best.total_g.value])
    amount = f"{scale.quantity(best.total_g)}{per_unit(best)}"
    if min(totals) == max(totals):
        return f"All {len(totals)} scenarios emit the same: {amount}."
    least = f"Of {len(totals)} scenarios the {labels[place]} {emits(best)} least: {amount}"
    if place == 0:
        return f"{least}; it is the baseline."
    ratio = result.differences[place - 1].ratio
    low, high = number(ratio.low, ratio.width), number(ratio.high, ratio.width)
    times = f"{number(ratio.value, ratio.width)} times as much as the baseline, the {labels[0]}"
    clear = "" if ratio.high < 1 else ", no clear difference"
    return f"{least}, {times} ({INTERVAL} {bounds(low, high)}{clear})."


def ranking_remarks(result: Ranking) -> tuple[str, ...]:
    """Say how sure the verdict is, and what nobody said."""
    remarks = []
    if result.draws:
        share, place = max((share, -place) for place, share in enumerate(result.lowest))
        alike = result.lowest.count(share) - 1
        named = ranking_labels(result)[-place]
        draws = f"{result.draws:,} paired draws"
        also = f"; {alike} other(s) are as often the lowest" if alike else ""
        remarks.append(f"None emits less than the {named} in {percent(share)} of {draws}{also}.")
    return (*remarks, *life_remark(*result.scenarios), *unit_remark(*result.scenarios))


def term_label(term: Term) -> str:
    """Name a term in words, such as ``'grid intensity FR 2024'``."""
    _, _, rest = term.id.partition("/")
    quantity = term.quantity.replace("_", " ")
    parts = clean(rest).replace("_", " ").split("/")
    if term.quantity == "grid_intensity" and term.zone:
        parts = [clean(term.zone), *([str(term.year)] if term.year else [])]
    elif len(parts) > 1 and parts[0] != "declared":
        parts = parts[:-1]  # the last one names the source
    named = " ".join(part for part in parts if part != "declared")
    return f"{quantity}: {named}" if named else quantity


def has_ratio(result: Comparison) -> bool:
    """Whether the candidate can be divided by the baseline."""
    return result.baseline.total_g.value > 0 and math.isfinite(result.ratio.value)


def _difference_verdict(result: Comparison, baseline: str, candidate: str, unit: str) -> str:
    """Compare where the baseline emits nothing, so that no ratio exists."""
    difference = result.difference_g
    scale = Scale.of("emissions", [difference.value])
    if difference.value == 0:
        return f"Neither the {candidate} nor the {baseline} emits anything{unit}."
    size = Interval(difference.value, difference.low, difference.high)
    amount = scale.quantity(size)
    who = f"The {candidate} {emits(result.candidate)}"
    return f"{who} {amount} and the {baseline} nothing{unit}, so that no ratio exists."


def comparison_remarks(result: Comparison) -> tuple[str, ...]:
    """Say how sure the verdict is, and what nobody said."""
    label = run_label(result.candidate)
    draws = f"{result.draws:,} paired draws"
    if not result.draws:
        share = f"at the central values: {'yes' if result.candidate_lower else 'no'}; nothing drawn"
    elif result.candidate_lower <= 0:
        share = f"in none of {draws}"
    elif result.candidate_lower >= 1:
        share = f"in all of {draws}"
    else:
        share = f"in {percent(result.candidate_lower)} of {draws}"
    equal = result.difference_g.value == 0 and result.difference_g.width == 0
    remarks = [
        "The two are equal in every draw."
        if equal
        else f"The candidate ({label}) emits less {share}."
    ]
    if not has_ratio(result):
        remarks.append("The baseline has no emissions; check that nothing is missing from it.")
    pair = (result.candidate, result.baseline)
    return (*remarks, *life_remark(*pair), *unit_remark(*pair))


def life_remark(*assessments: Assessment) -> tuple[str, ...]:
    """Say so where much hangs on lifespans, which have no bounds: they are rules, not estimates."""
    shares = [
        share_of(
            sum(c.emissions_g.value for c in one.contributions if c.stage is Stage.EMBODIED),
            one.total_g.value,
        )
        for one in assessments
        if any(term.quantity == "lifespan" and term.low == term.high for term in one.terms)
    ]
    most = max(shares, default=0.0)
    if not most >= _MUCH_EMBODIED:
        return ()
    of = "the total" if len(assessments) == 1 else "a total"
    return (
        f"Making the devices is {'up to ' if len(assessments) > 1 else ''}{percent(most)} of {of}. "
        "The lifespans that it is spread over are rules, outside of the intervals: half of one "
        "doubles its part.",
    )


def unit_remark(*assessments: Assessment) -> tuple[str, ...]:
    """Say so where no run has a functional unit."""
    if any(per_unit(assessment) for assessment in assessments):
        return ()
    return ("No functional unit was declared, so that these are totals of whole runs.",)
