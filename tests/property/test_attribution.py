"""Properties of attribution on arbitrary trees of spans."""

import math
from dataclasses import replace
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from footprint.factors import load_catalogue
from footprint.journal import Process, ProcessRecords, Sample, SpanRecord
from footprint.measurement.accounts import share
from footprint.measurement.attribution import attribute
from footprint.measurement.power import energy_model
from footprint.model import Phase, Role, Run
from footprint.units import UJ_PER_J, joules_to_kwh
from tests.builders import MACHINE

COUNTERS = ("cpu.process_s", "rapl.package-0_uj")
STOP_S = 100.0


def reading(time_s):
    # Counters that grow unevenly, so that time alone would not explain them.
    return {
        "cpu.process_s": time_s + math.sin(time_s) / 2,
        "cpu.host_busy_s": 2 * time_s + math.sin(time_s),
        "rapl.package-0_uj": 1e6 * time_s**2,
    }


def span(number, parent, start, stop):
    return SpanRecord(
        number,
        parent,
        f"actor-{number}",
        Role.CLIENT,
        Phase.TRAIN,
        start,
        stop - start,
        reading(start),
        reading(stop),
    )


def process(spans, pid=1):
    who = Process(pid, 0, str(pid), "host")
    return ProcessRecords(Run("r"), MACHINE, who, tuple(spans))


@st.composite
def trees(draw):
    """A root span with children anywhere inside it, overlapping or not."""
    spans = [span(1, None, 0.0, STOP_S)]
    for number in range(2, draw(st.integers(1, 8)) + 2):
        parent = draw(st.sampled_from(spans))
        low, high = parent.start_s, parent.start_s + parent.duration_s
        ends = sorted(draw(st.tuples(*[st.floats(low, high)] * 2)))
        spans.append(span(number, parent.id, ends[0], ends[1]))
    return spans


def cut_leaf(spans, data):
    """The same spans, one of the innermost cut in two."""
    parents = {s.parent for s in spans}
    leaf = data.draw(st.sampled_from([s for s in spans if s.id not in parents]))
    cut = leaf.start_s + leaf.duration_s * data.draw(st.floats(0.1, 0.9))
    stop = leaf.start_s + leaf.duration_s
    first = replace(leaf, duration_s=cut - leaf.start_s, end=reading(cut))
    second = replace(leaf, id=99, start_s=cut, duration_s=stop - cut, begin=reading(cut))
    return [*(s for s in spans if s is not leaf), first, second]


def used(spans):
    model = energy_model(MACHINE, load_catalogue())
    return attribute([process(spans)], [model])


def by_actor(spans):
    sums = {}
    for activity in used(spans).activities:
        energy, duration = sums.get(activity.actor, (0.0, 0.0))
        sums[activity.actor] = (energy + activity.energy_kwh, duration + activity.duration_s)
    return sums


@given(trees(), st.integers(1, 3))
def test_nothing_is_lost_and_nothing_counted_twice(spans, processes):
    sharing = share([process(spans, pid) for pid in range(processes)])
    for name in COUNTERS:
        seen = math.fsum(a.counters[name] for a in sharing.accounts.values())
        wanted = processes * (reading(STOP_S)[name] - reading(0.0)[name])
        assert math.isclose(seen, wanted, rel_tol=1e-9)
    host_s = math.fsum(a.host_s for a in sharing.accounts.values())
    assert math.isclose(host_s, STOP_S, rel_tol=1e-9)


@given(trees())
def test_a_span_never_holds_more_than_its_own_edges_saw(spans):
    accounts = share([process(spans)]).accounts
    for one in spans:
        for name in COUNTERS:
            held = accounts[0, one.id].counters[name]
            assert held <= one.end[name] - one.begin[name] + 1e-6


@given(trees())
@settings(deadline=None)
def test_accounts_and_the_rest_add_up_to_the_host(spans):
    """The counter's energy is ours or, as the finding says, that of others."""
    model = energy_model(MACHINE, load_catalogue())
    found = attribute([process(spans)], [model])
    ours = math.fsum(a.energy_kwh for a in found.activities if a.source.startswith("rapl"))
    host = joules_to_kwh(reading(STOP_S)["rapl.package-0_uj"] / UJ_PER_J)
    share_of_time = reading(STOP_S)["cpu.process_s"] / reading(STOP_S)["cpu.host_busy_s"]
    assert math.isclose(ours, host * share_of_time, rel_tol=1e-9)
    (rest,) = (f for f in found.findings if f.code == "unattributed")
    assert f"{host - ours:.3g} kWh" in rest.message


@given(trees(), st.data())
@settings(deadline=None)
def test_cutting_a_span_in_two_changes_nothing(spans, data):
    before, after = by_actor(spans), by_actor(cut_leaf(spans, data))
    assert before.keys() == after.keys()
    scale = joules_to_kwh(STOP_S**2)
    for actor, (energy, duration) in before.items():
        assert math.isclose(after[actor][0], energy, rel_tol=1e-6, abs_tol=1e-9 * scale)
        assert math.isclose(after[actor][1], duration, rel_tol=1e-6, abs_tol=1e-6)


RISE_W, BUSY = 40.0, 1.5


def seen(process_s, time_s, start_s, *, reads):
    """Readings of a host of constant power, counted from `start_s` by one process."""
    counters = {"cpu.process_s": process_s}
    if reads:
        since_s = time_s - start_s
        counters |= {
            "cpu.host_busy_s": BUSY * time_s,
            "rapl.package-0_uj": UJ_PER_J * RISE_W * since_s,
        }
    return counters


@st.composite
def fleets(draw):
    """Processes that come and go; some read the counters, some sample them, with gaps."""
    found = []
    for pid in range(draw(st.integers(1, 5))):
        start, stop = sorted(
            draw(st.tuples(*[st.integers(0, 1000)] * 2).filter(lambda t: t[0] != t[1]))
        )
        reads = draw(st.booleans())
        cuts = [
            start,
            *sorted(draw(st.sets(st.integers(start, stop), max_size=3)) - {start, stop}),
            stop,
        ]
        spans = [
            SpanRecord(
                number,
                None,
                f"actor-{pid}",
                Role.CLIENT,
                Phase.TRAIN,
                a,
                b - a,
                seen(0.1 * (a - start), a, start, reads=reads),
                seen(0.1 * (b - start), b, start, reads=reads),
            )
            for number, (a, b) in enumerate(pairwise(cuts), start=1)
        ]
        at = draw(st.sets(st.integers(start, stop), max_size=6)) if reads else ()
        samples = [Sample(t, seen(0.0, t, start, reads=True)) for t in sorted(at)]
        found.append(replace(process(spans, pid), samples=tuple(samples)))
    return found


def union_s(processes):
    moments = {
        second
        for one in processes
        if "rapl.package-0_uj" in one.spans[0].begin
        for span_ in one.spans
        for second in range(int(span_.start_s), int(span_.start_s + span_.duration_s))
    }
    return len(moments)


@given(fleets())
@settings(deadline=None)
def test_whoever_samples_the_host_is_counted_once_and_whole(processes):
    """The energy of a host of constant power is that power times the time that was read."""
    models = [energy_model(MACHINE, load_catalogue()) for _ in processes]
    found = attribute(processes, models)
    counted = math.fsum(
        a.energy_kwh for a in (*found.activities, *found.others) if a.source.startswith("rapl")
    )
    assert math.isclose(
        counted, joules_to_kwh(RISE_W * union_s(processes)), rel_tol=1e-9, abs_tol=1e-15
    )
