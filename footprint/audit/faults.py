"""What is wrong between keys of a manifest that are right each on its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from footprint.audit.deployments import Deployment
from footprint.audit.holdings import Acquired, Holding
from footprint.errors import UsageError
from footprint.model import Access, AllocationRule, Approach, Category, SignalKind
from footprint.model.kinds import SignalMethod
from footprint.networks import MODELS

_LEAST_DRAWS = 100

Fault = tuple[str, str, str]
"""Key, what is wrong with it, and what to do."""


def find_faults(deployment: Deployment) -> Iterable[Fault]:
    """Find what cannot mean anything."""
    yield from _period_faults(deployment)
    yield from _name_faults(deployment)
    yield from _reference_faults(deployment)
    yield from _run_faults(deployment)
    yield from _hardware_faults(deployment)
    yield from _method_faults(deployment)
    yield from _exclusion_faults(deployment)
    yield from _losses_faults(deployment)
    yield from _restatement_faults(deployment)
    yield from _approach_faults(deployment)


def _period_faults(deployment: Deployment) -> Iterable[Fault]:
    if deployment.period.end < deployment.period.start:
        yield "period.end", "it lies before the start.", "Exchange the two."


def _name_faults(deployment: Deployment) -> Iterable[Fault]:
    kinds = {
        "sites": [place.name for place in deployment.places],
        "silos": [silo.name for silo in deployment.silos],
        "hardware": [one.name for one in deployment.hardware],
        "instruments": [one.name for one in deployment.instruments],
        "generators": [one.name for site in deployment.sites for one in site.generators],
    }
    for key, names in kinds.items():
        for name, times in Counter(names).items():
            if times > 1:
                yield key, f"the name {name!r} is given {times} times.", "Name each once."
            if not name.strip():
                yield key, "a name is empty.", "Give each a name."


def _reference_faults(deployment: Deployment) -> Iterable[Fault]:
    places = {place.name for place in deployment.places}
    sites = {site.name for site in deployment.sites}
    own = {site.name for site in deployment.sites if site.holding is Holding.OWN}
    for number, silo in enumerate(deployment.silos, start=1):
        if silo.place not in places:
            yield f"silos[{number}].place", f"there is no place {silo.place!r}.", _known(places)
    for number, hardware in enumerate(deployment.hardware, start=1):
        if hardware.place not in places:
            key = f"hardware[{number}].place"
            yield key, f"there is no place {hardware.place!r}.", _known(places)
    for number, one in enumerate(deployment.instruments, start=1):
        for name in (*one.sites, *one.claims):
            if name not in sites:
                key = f"instruments[{number}].sites"
                yield key, f"there is no site {name!r}.", _known(sites)
            elif name not in own:
                yield (
                    f"instruments[{number}].sites",
                    f"{name!r} is no own site: its electricity is in nobody's scope 2 here.",
                    "Name own sites.",
                )
    for number, site in enumerate(deployment.sites, start=1):
        if site.generators and site.name not in own:
            yield (
                f"sites[{number}].generators",
                f"{site.name!r} is no own site: what it makes is in no scope 1 here.",
                "Leave them out; its grid factor stands for all of its electricity.",
            )


def _run_faults(deployment: Deployment) -> Iterable[Fault]:
    silos = {silo.name for silo in deployment.silos}
    for number, run in enumerate(deployment.runs, start=1):
        key = f"runs[{number}]"
        sources = [bool(run.journal), bool(run.ledger), bool(run.activities)]
        if sum(sources) != 1:
            found = "none" if not any(sources) else "more than one"
            yield (
                key,
                f"{run.name!r} names {found} of journal, ledger and activities.",
                "Name one of them.",
            )
        for part in ("recorded", "recorded_silo", "as_of"):
            if run.ledger is None and getattr(run, part) is not None:
                yield f"{key}.{part}", "it is of runs in a ledger.", "Leave it out."
        named = [("silo", run.silo)] if run.silo is not None else []
        named += [(f"actors.{actor}", silo) for actor, silo in run.actors.items()]
        named += [
            (f"activities[{place}].silo", activity.silo)
            for place, activity in enumerate(run.activities, start=1)
        ]
        for part, silo in named:
            if silo not in silos:
                yield f"{key}.{part}", f"there is no silo {silo!r}.", _known(silos)
        for place, activity in enumerate(run.activities, start=1):
            if activity.energy_kwh is not None and activity.rated_w is not None:
                yield (
                    f"{key}.activities[{place}].rated",
                    "there is an energy, too.",
                    "Keep the energy, which is better.",
                )
            if activity.stored_gb and not activity.kept_s:
                yield f"{key}.activities[{place}].kept", "this key is missing.", "Say how long."


def _hardware_faults(deployment: Deployment) -> Iterable[Fault]:
    for number, one in enumerate(deployment.hardware, start=1):
        if one.acquired is Acquired.BOUGHT and one.purchased is None:
            yield (
                f"hardware[{number}].purchased",
                "this key is missing.",
                "Say when it was bought, as 2024-06-30: its making counts in that year.",
            )
        if one.embodied_g is not None and not one.source:
            yield f"hardware[{number}].source", "this key is missing.", "Say whose figure it is."


def _method_faults(deployment: Deployment) -> Iterable[Fault]:
    draws = deployment.method.draws
    if draws is not None and 0 < draws < _LEAST_DRAWS:
        few = f"{draws} draws are too few."
        yield "method.draws", few, f"Use at least {_LEAST_DRAWS}, or 0 for central values alone."
    if deployment.method.network in MODELS:
        for number, silo in enumerate(deployment.silos, start=1):
            if silo.access is None:
                why = f"missing, and the network model {deployment.method.network!r} asks for it."
                yield f"silos[{number}].access", why, f"Say the kind of link: {', '.join(Access)}."
    try:
        signal = SignalKind.parse(deployment.method.signal)
    except UsageError as error:
        yield "method.signal", error.message, error.remedy
        return
    if signal.method is not SignalMethod.LOCATION:
        yield (
            "method.signal",
            f"{signal} is no location-based kind.",
            "Contracts are instruments and residual_mix; they never enter this figure.",
        )
    for number, group in enumerate(deployment.participants, start=1):
        if group.category not in (
            Category.USE_OF_SOLD,
            Category.DOWNSTREAM_LEASED,
            Category.SERVICES,
        ):
            yield f"participants[{number}].category", f"found {group.category}.", "3.1, 3.11, 3.13."
    partners = [site for site in deployment.sites if site.holding is Holding.PARTNER]
    rule = deployment.method.allocation
    if partners and rule is AllocationRule.DATA:
        kinds = {p.name for p in deployment.participants}
        for number, silo in enumerate(deployment.silos, start=1):
            if silo.records is None and silo.place not in kinds and silo.role == "client":
                yield (
                    f"silos[{number}].records",
                    "this key is missing, and partners' work is divided by data.",
                    "Say on how many records it trains, or choose another method.allocation.",
                )
        members = [silo for silo in deployment.silos if silo.place not in kinds]
        if not any(silo.records for silo in members):
            yield (
                "silos",
                "nobody has records, and partners' work is divided by data.",
                "Say on how many records each trains, or choose another method.allocation.",
            )
    for number, site in enumerate(deployment.sites, start=1):
        declared = site.reported_share is not None
        if site.holding is Holding.PARTNER and (rule is AllocationRule.DECLARED) != declared:
            yield (
                f"sites[{number}].reported_share",
                f"{'given' if declared else 'missing'}, and the allocation is {rule.value!r}.",
                "Partners' shares are declared, or follow from the rule.",
            )


def _known(names: Iterable[str]) -> str:
    return f"They are: {', '.join(sorted(names)) or 'none'}."


def _exclusion_faults(deployment: Deployment) -> Iterable[Fault]:
    for number, one in enumerate(deployment.exclusions, start=1):
        if one.covers and one.category is not Category.ENERGY_RELATED:
            yield (
                f"exclusions[{number}].covers",
                "what it covers is in category 3.3, and the exclusion is not.",
                'Add category = "3.3".',
            )


def _losses_faults(deployment: Deployment) -> Iterable[Fault]:
    for zone, one in deployment.upstream.losses.items():
        low = one.share if one.low is None else one.low
        high = one.share if one.high is None else one.high
        if not low <= one.share <= high:
            yield (
                f"upstream.losses.{zone}.share",
                f"{one.share:g} lies outside of its bounds, {low:g} to {high:g}.",
                "Correct low or high.",
            )


def _restatement_faults(deployment: Deployment) -> Iterable[Fault]:
    for number, one in enumerate(deployment.restatements, start=1):
        key, end = f"restatements[{number}]", deployment.period.end
        if one.year > end.year:
            yield (
                f"{key}.year",
                f"{one.year} lies after the period.",
                "Name a year that was stated.",
            )
        if one.date is not None and one.date.year < one.year:
            why = f"{one.date} lies before {one.year}, which was corrected."
            yield f"{key}.date", why, "Say when it was corrected."


def _approach_faults(deployment: Deployment) -> Iterable[Fault]:
    """Find keys of sites that another approach, or other sites, ask for: nothing heeds them."""
    approach = deployment.organisation.approach
    by_equity = approach is Approach.EQUITY
    for number, site in enumerate(deployment.sites, start=1):
        own = site.holding is Holding.OWN
        why = f"the approach is {approach.value!r}, which does not ask for it."
        if not own:
            why = f"{site.name!r} is no own site, and only those have it."
        if site.equity_share != 1 and not (own and by_equity):
            yield f"sites[{number}].equity_share", why, "Leave it out, or change the approach."
        if not site.controlled and not (own and not by_equity):
            yield f"sites[{number}].controlled", why, "Leave it out, or change the approach."
        if site.reported_share is not None and site.holding is not Holding.PARTNER:
            why = f"{site.name!r} is no site of a partner, and only those have it."
            remedy = "Leave it out; an own site has equity_share or controlled."
            yield f"sites[{number}].reported_share", why, remedy
