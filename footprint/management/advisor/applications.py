"""Keep, retire or merge applications.

Our own rules; docs/management.md has them as a table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from footprint.management.advisor.company import Company
from footprint.management.advisor.merging import advise_merging
from footprint.management.advisor.phrases import days, grams, listed, missing
from footprint.management.advisor.running import Running, list_running, run
from footprint.management.advisor.weighing import weigh
from footprint.model import Advice, DecisionKind, Finding, Option, Severity, TurningPoint
from footprint.units import S_PER_DAY, format_number

KEEP, RETIRE = "keep", "retire"
CALLS, USE = "calls a month", "time since the last use"
"""Rules by which an application is unused, and what they look at."""


def advise_applications(company: Company) -> Iterator[Advice | Finding]:
    """Advise on applications that nobody uses, and on those that do the work of another.

    One that is to stay as it is gives no advice, and is counted in a finding.
    """
    running = list_running(company)
    yield from _on_unsaid(company, running)
    readers = Counter(name for one in running for name in set(one.entry.datasets))
    used: list[Running] = []
    given = 0
    for one in running:
        doubt = _contradiction(one)
        rules = () if doubt else _idle_rules(company, one)
        if doubt:
            yield Finding(
                "application-contradicts",
                f"{one.name} {doubt}. Nothing is advised about it.",
                remedy="Look at how its silo counts.",
                place=one.name,
            )
        elif not rules:
            used.append(one)
        elif one.entry.energy_kwh is None:
            yield missing(
                "application-energy-unknown",
                f"{_idle(company, one, rules)} Nobody said what it uses:",
                [one.name],
                'Write energy = "3 kWh" of its period into the declaration of the silo.',
            )
        elif (advice := _advise_retiring(company, one, rules, readers)).changes:
            given += 1
            yield advice
    for found in advise_merging(company, used):
        given += isinstance(found, Advice)
        yield found
    if len(running) > given:
        yield Finding(
            "applications-kept",
            f"Nothing is to be done about {len(running) - given:,} of {len(running):,} "
            "applications.",
            Severity.INFO,
        )


def _on_unsaid(company: Company, running: Sequence[Running]) -> Iterator[Finding]:
    unsaid = [
        one.name
        for one in running
        if one.entry.calls is None
        and one.entry.used_s is None
        # What was said, and is not believed, is a finding already.
        and one.entry.id not in company.catalogues[one.silo].left_out
    ]
    if unsaid:
        yield missing(
            "use-unknown",
            "Nobody said how often these are called, nor when they were last used:",
            unsaid,
            "Write calls and period, or used, into the declarations of the silos.",
        )


def _contradiction(one: Running) -> str:
    """Say where the calls and the last use of an application cannot both be true."""
    calls, used_s = one.entry.calls, one.entry.used_s
    if calls is None or used_s is None or one.period_s is None:
        return ""
    ago_s = one.scanned_s - used_s
    if bool(calls) == (ago_s <= one.period_s):
        return ""
    return (
        f"has {calls:,} calls in {days(one.period_s)}, and was last used {days(ago_s)} before they "
        "were counted"
    )


def _idle_rules(company: Company, one: Running) -> tuple[str, ...]:
    """Give the rules by which an application is unused."""
    calls, cold_s, used_s = one.calls_a_month, company.needs.cold_after_s, one.entry.used_s
    few = calls is not None and calls <= company.needs.unused_calls
    long_ago = None not in (used_s, cold_s) and company.now_s - (used_s or 0.0) > (cold_s or 0.0)
    return tuple(rule for rule, holds in ((CALLS, few), (USE, long_ago)) if holds)


def _idle(company: Company, one: Running, rules: Sequence[str]) -> str:
    parts = []
    if CALLS in rules and one.calls_a_month is not None:
        most = format_number(company.needs.unused_calls)
        few = f"{format_number(one.calls_a_month)} calls a month (up to {most} count as none)"
        parts.append(f"has {few if one.entry.calls else 'no calls'}")
    if USE in rules and one.entry.used_s is not None:
        parts.append(f"was last used {days(company.now_s - one.entry.used_s)} ago")
    return f"{one.name} {' and '.join(parts)}."


def _advise_retiring(
    company: Company, one: Running, rules: Sequence[str], readers: Mapping[str, int]
) -> Advice:
    """Weigh retiring an application; `readers` counts those of each dataset."""
    options = [
        Option(name=KEEP, assessment=run(company, f"{one.name}: {KEEP}", [(one, 1.0)])),
        Option(name=RETIRE, assessment=run(company, f"{one.name}: {RETIRE}", [])),
    ]
    advice = weigh(DecisionKind.APPLICATION, one.name, options, KEEP, reason="")
    emitted = grams(options[0].assessment.total_g.value)
    conditions = [f"Nobody needs it: ask {one.entry.owner or 'whoever answers for it'}."]
    alone = sorted(name for name in set(one.entry.datasets) if readers[name] == 1)
    if alone:
        conditions.append(f"Nobody else reads {listed(alone)}: decide what becomes of the data.")
    return replace(
        advice,
        reason=f"{_idle(company, one, rules)} It emits {emitted} in "
        f"{days(company.needs.horizon_s)}.",
        conditions=tuple(conditions),
        turning_points=tuple(_find_turn(company, one, rules)),
    )


def _find_turn(company: Company, one: Running, rules: Sequence[str]) -> Iterator[TurningPoint]:
    """Say when it counts as used; a call is a use, too."""
    needs, used_s = company.needs, one.entry.used_s
    if CALLS in rules and one.calls_a_month is not None:
        ends, unit = (one.calls_a_month, needs.unused_calls), "1"
    elif used_s is not None and needs.cold_after_s is not None:
        ends, unit = ((company.now_s - used_s) / S_PER_DAY, needs.cold_after_s / S_PER_DAY), "d"
    else:
        return
    present, value = ends
    yield TurningPoint(quantity=rules[0], unit=unit, present=present, value=value, option=KEEP)
