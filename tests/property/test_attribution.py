"""Properties of attribution on arbitrary trees of spans."""

import math
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from footprint.journal import SpanRecord
from footprint.measurement.accounts import share_counters
from footprint.model import Phase, Role

COUNTERS = ("cpu.process_s", "rapl.package-0_uj")


def reading(time_s):
    # Counters that grow unevenly, so that time alone would not explain them.
    return {"cpu.process_s": time_s + math.sin(time_s) / 2, "rapl.package-0_uj": time_s**2}


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


@st.composite
def processes(draw):
    """A root span with children anywhere inside it, overlapping or not."""
    spans = [span(1, None, 0.0, 100.0)]
    for number in range(2, draw(st.integers(1, 8)) + 2):
        parent = draw(st.sampled_from(spans))
        low, high = parent.start_s, parent.start_s + parent.duration_s
        ends = sorted(draw(st.tuples(*[st.floats(low, high)] * 2)))
        spans.append(span(number, parent.id, ends[0], ends[1]))
    return spans


def totals(spans):
    accounts = share_counters(spans, lambda finding: None).values()
    return {name: math.fsum(a.counters[name] for a in accounts) for name in COUNTERS}


@given(processes())
def test_nothing_is_lost_and_nothing_counted_twice(spans):
    seen = totals(spans)
    for name in COUNTERS:
        assert math.isclose(seen[name], reading(100.0)[name] - reading(0.0)[name], rel_tol=1e-9)


@given(processes())
def test_a_span_never_holds_more_than_its_own_edges_saw(spans):
    accounts = share_counters(spans, lambda finding: None)
    for one in spans:
        for name in COUNTERS:
            assert accounts[one.id].counters[name] <= one.end[name] - one.begin[name] + 1e-6


@given(processes(), st.data())
def test_cutting_a_span_in_two_changes_nothing(spans, data):
    parents = {s.parent for s in spans}
    leaf = data.draw(st.sampled_from([s for s in spans if s.id not in parents]))
    cut = leaf.start_s + leaf.duration_s * data.draw(st.floats(0.1, 0.9))
    stop = leaf.start_s + leaf.duration_s
    first = replace(leaf, duration_s=cut - leaf.start_s, end=reading(cut))
    second = replace(leaf, id=99, start_s=cut, duration_s=stop - cut, begin=reading(cut))
    before = share_counters(spans, lambda finding: None)
    after = share_counters(
        [*(s for s in spans if s is not leaf), first, second], lambda finding: None
    )
    for other in spans:
        for name in COUNTERS:
            held = after[other.id].counters[name]
            if other is leaf:
                held += after[99].counters[name]
            assert math.isclose(held, before[other.id].counters[name], rel_tol=1e-6, abs_tol=1e-6)
