"""Figures of clients are refused where they cannot be; no forged one raises a total."""

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footprint.factors import load_catalogue
from footprint.integrations.flower.history import ClientHistory, Exchange
from footprint.integrations.flower.limits import MODEL_MARGIN, SOCKET_W, Limits
from footprint.integrations.flower.plausibility import check_record
from footprint.integrations.flower.record import ClientRecord
from footprint.integrations.flower.requests import Request
from footprint.integrations.flower.told import told_of
from footprint.model import Basis, Phase, Severity, Tier
from footprint.units import watt_seconds_to_kwh

BEGIN_S = 1.8e9
LIMITS = Limits(catalogue=load_catalogue())
KWH = 1e-6


def exchange(number=1, **changes):
    start_s = BEGIN_S + 60 * number
    return Exchange(
        **{
            "actor": "client-0",
            "round": number,
            "start_s": start_s,
            "stop_s": start_s + 10,
            **changes,
        }
    )


def record(number=1, **changes):
    """What an honest client tells of its message `number`, if all of its replies came."""
    fields = {
        "number": number,
        "phase": Phase.TRAIN,
        "start_s": BEGIN_S + 60 * number + 1,
        "duration_s": 5.0,
        "energy_kwh": KWH,
        "energy_low_kwh": KWH / 2,
        "energy_high_kwh": KWH * 2,
        "tier": Tier.E,
        "source": "cpu-table",
        "basis": Basis.MODELLED,
        "zone": "FR",
        "device": "laptop",
        "total_kwh": number * KWH,
        "finished": number,
        "failed": 0,
        "lost": 0,
        "token": "0123456789abcdef",
        **changes,
    }
    return ClientRecord(**fields)


def check(found, seen=None, at=None, limits=LIMITS):
    found = found.to_fields() if isinstance(found, ClientRecord) else found
    return check_record(found, seen or ClientHistory.of(BEGIN_S), at or exchange(), limits)


def forged(**changes):
    return record().to_fields() | changes


def after(*records):
    """The history after an exchange per record, all of which are accepted."""
    seen = ClientHistory.of(BEGIN_S)
    for one in records:
        verdict = check(one, seen, exchange(one.number))
        assert verdict.record is not None, verdict.findings
        seen = verdict.history
    return seen


def test_what_an_honest_client_tells_is_taken_as_it_is():
    verdict = check(record())
    assert verdict.record == record()
    assert verdict.findings == ()
    assert verdict.settled
    assert verdict.late_kwh is None


def test_a_record_is_told_in_scalars():
    assert all(type(v) in (int, float, str, bool) for v in record().to_fields().values())


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"energy_kwh": -KWH}, "energy_kwh"),
        ({"energy_kwh": 1e30, "energy_high_kwh": 1e30}, "energy_kwh"),
        ({"energy_kwh": math.nan}, "energy_kwh"),
        ({"energy_kwh": math.inf}, "energy_kwh"),
        ({"energy_kwh": 1.0, "energy_high_kwh": 1.0}, "energy_kwh"),
        ({"energy_kwh": "much"}, "energy_kwh"),
        ({"energy_kwh": True}, "energy_kwh"),
        ({"energy_kwh": [1.0]}, "energy_kwh"),
        ({"energy_high_kwh": 1e9}, "energy_high_kwh"),
        ({"energy_low_kwh": 1e-5}, "energy_kwh"),
        ({"idle_kwh": 1.0}, "idle_kwh"),
        ({"idle_kwh": -KWH}, "idle_kwh"),
        ({"duration_s": 3600.0}, "duration_s"),
        ({"duration_s": -1.0}, "duration_s"),
        ({"number": 0}, "number"),
        ({"number": 1.5}, "number"),
        ({"number": 10**9}, "number"),
        ({"number": 10**400}, "number"),
        ({"sent_bytes": -1}, "sent_bytes"),
        ({"phase": "dance"}, "phase"),
        ({"phase": "upload"}, "phase"),
        ({"basis": "declared"}, "basis"),
        ({"basis": "simulated"}, "basis"),
        ({"tier": "Z"}, "tier"),
        ({"version": 99}, "version"),
        ({"startup_kwh": KWH, "startup_low_kwh": 0.0, "startup_high_kwh": KWH}, "startup_kwh"),
    ],
)
def test_what_cannot_be_is_refused_with_field_and_range(changes, field):
    verdict = check(forged(**changes))
    assert verdict.record is None
    assert replace(verdict.history, refused=frozenset()) == ClientHistory.of(BEGIN_S)
    assert verdict.history.refused == {1}
    (finding,) = verdict.findings
    assert finding.code == "client-record"
    assert finding.severity is Severity.WARNING
    assert finding.place == "client-0"
    assert f"client-0, round 1: {field} is " in finding.message
    assert "expected " in finding.message


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("zone", "<script>alert(1)</script>"),
        ("zone", "XX-NOWHERE"),
        ("zone", "F\nR"),
        ("zone", "F" * 1000),
        ("zone", 7),
        ("device", "laptop; drop table"),
        ("device", "perpetuum"),
        ("token", "\x1b[2J"),
        ("problem", "x" * 65),
    ],
)
def test_a_bad_text_costs_only_itself(field, value):
    verdict = check(forged(**{field: value}))
    assert verdict.record == replace(record(), **{field: None})
    (finding,) = verdict.findings
    assert field in finding.message
    assert finding.message.isprintable()
    assert len(finding.message) < 300


def test_the_text_of_a_finding_is_harmless():
    (finding,) = check(forged(**{"\x1b[31m<b>" * 40: 1})).findings
    assert finding.message.isascii()
    assert len(finding.message) < 300


def test_a_replay_is_refused():
    seen = after(record(1), record(2))
    verdict = check(record(2), seen, exchange(3))
    assert verdict.record is None
    assert "replay" in verdict.findings[0].message
    assert verdict.history == replace(seen, refused=frozenset({3}))


def test_a_wrong_clock_costs_only_the_start():
    verdict = check(forged(start_s=12.0))
    assert verdict.record == replace(record(), start_s=None)
    assert "start_s" in verdict.findings[0].message


def test_the_power_of_the_device_is_the_limit_where_it_is_known():
    pi_w = 7.0  # upper bound of the catalogue's power_max of edge.raspberry_pi_4
    most_kwh = watt_seconds_to_kwh(MODEL_MARGIN * pi_w, 5.0 + LIMITS.slack_s)
    bounds = {"energy_low_kwh": 0.0, "total_kwh": None, "device": "edge.raspberry_pi_4"}
    for factor, accepted in ((0.999, True), (1.001, False)):
        energy_kwh = factor * most_kwh
        found = record(energy_kwh=energy_kwh, energy_high_kwh=energy_kwh, **bounds)
        assert (check(found).record is not None) is accepted
    # What the server knows itself is not for the client to say.
    found = replace(found, device="server")
    assert check(found).record is not None
    assert check(found, at=exchange(device="edge.raspberry_pi_4")).record is None


def test_a_short_message_is_no_excuse_for_a_high_energy():
    """34 kW of a laptop for 0.105 s; and a message cannot take more than all of them did."""
    lie = {"energy_kwh": 1e-3, "energy_low_kwh": 1e-3, "energy_high_kwh": 1e-3}
    verdict = check(record(**lie, duration_s=0.105, total_kwh=None))
    assert verdict.record is None
    assert "up to 0.00021: 3680 W for that time" in verdict.findings[0].message
    small = {name: kwh / 10 for name, kwh in lie.items()}
    assert check(record(**small, total_kwh=None)).record is not None
    verdict = check(record(**small, total_kwh=7.7e-6))
    assert verdict.record is None
    assert "up to 7.7e-06, its own total_kwh" in verdict.findings[0].message


def test_a_number_that_cannot_be_is_told_one_that_could():
    (finding,) = check(forged(energy_kwh=-5.0)).findings
    # 3680 W for the 10 s of the exchange, 5 s that clocks may differ by, and 0.1 s.
    assert "expected 0 to 0.0154." in finding.message
    assert "expected 0 to 15." in check(forged(duration_s=math.nan)).findings[0].message


def test_what_we_simulate_draws_what_its_profile_says():
    watts = {"energy_kwh": 0.5, "energy_low_kwh": 0.4, "energy_high_kwh": 1e3, "total_kwh": None}
    ours = exchange(simulated=True)
    assert check(record(**watts, basis=Basis.SIMULATED), at=ours).record is not None
    # Whoever says that of itself is no simulation of ours, and one of ours says it.
    assert check(record(**watts, basis=Basis.SIMULATED)).record is None
    assert check(record(**watts), at=ours).record is None


@pytest.mark.parametrize(
    ("device", "known"),
    [
        ("laptop", True),
        ("edge.jetson_nano", True),
        ("gpu.a100", True),
        ("edge.zzz", False),
        ("gpu.x", False),
        ("laptopp", False),
        ("edge", False),  # of which the catalogue knows how long it lasts, and no more
        ("wifi", False),
        ("aws", False),
    ],
)
def test_a_device_class_has_a_power_or_is_made_of_something(device, known):
    assert LIMITS.knows_device(device) is known
    assert (check(record(device=device)).record.device is not None) is known


def test_a_device_without_a_known_power_may_draw_what_a_socket_gives():
    assert LIMITS.device_w("laptop") == LIMITS.device_w(None) == SOCKET_W
    assert Limits(power_w=100.0, catalogue=load_catalogue()).device_w("server") == 100.0


@pytest.mark.parametrize(("startup_s", "kept"), [(100.0, True), (1000.0, False)])
def test_a_process_is_not_older_than_the_run_by_much(startup_s, kept):
    startup = {"startup_s": startup_s}
    startup |= {"startup_kwh": KWH, "startup_low_kwh": KWH, "startup_high_kwh": KWH}
    verdict = check(record(total_kwh=2 * KWH, **startup))
    assert (verdict.record.startup_kwh == KWH) is kept
    assert (verdict.findings == ()) is kept
    # Either way the client's own total is what it says of both.
    assert verdict.settled
    assert verdict.history.accepted_kwh == pytest.approx((1 + kept) * KWH)


def test_energy_of_a_reply_that_never_came_is_recovered():
    seen = after(record(1), record(2))
    verdict = check(record(4, total_kwh=4.5 * KWH), seen, exchange(4))
    assert verdict.late_kwh == pytest.approx(1.5 * KWH)
    assert verdict.late_contacts == 1
    assert verdict.settled
    assert verdict.history.accepted_kwh == pytest.approx(4.5 * KWH)


def test_a_ledger_of_an_earlier_run_adds_nothing():
    """A client that was asked nothing yet, and tells of five messages."""
    found = record(6, total_kwh=6 * KWH, finished=5, lost=1)
    verdict = check(found, at=exchange(6, missing=0))
    assert verdict.record is not None
    assert (verdict.late_kwh, verdict.lost, verdict.findings) == (None, 0, ())
    assert verdict.history.accepted_kwh == KWH
    later = check(record(8, total_kwh=8 * KWH, finished=7, lost=1), verdict.history, exchange(8))
    assert later.late_kwh == pytest.approx(KWH)
    missing = check(record(8), verdict.history, exchange(8, missing=0))
    assert missing.late_kwh is None
    assert not missing.settled
    assert check(found, at=exchange(6, missing=5)).late_kwh == pytest.approx(5 * KWH)


def test_of_an_earlier_training_nothing_is_late():
    """Five contacts before, and one request that failed: they cannot be told apart."""
    for before, missing in ((5, 1), (5, 4), (900, 2)):
        number = before + missing + 1
        verdict = check(record(number), at=exchange(number, missing=missing))
        assert verdict.record == record(number)
        assert (verdict.late_kwh, verdict.settled, verdict.findings) == (None, False, ())
        assert verdict.history.accepted_kwh == KWH
        later = check(record(number + 1), verdict.history, exchange(number + 1, missing=missing))
        assert (later.late_kwh, later.settled, later.findings) == (None, False, ())
    # A late reply of what is ours counts; with all of them, everything is known.
    seen = check(record(7), at=exchange(7, missing=1)).history
    assert check(record(5), seen, exchange(8, missing=0)).record is None
    late = check(record(6), seen, exchange(8, missing=0))
    verdict = check(record(8), late.history, exchange(8, missing=0))
    assert (verdict.late_kwh, verdict.settled, verdict.findings) == (None, True, ())
    assert verdict.history.accepted_kwh == pytest.approx(3 * KWH)


def test_more_contacts_than_are_missing_add_nothing():
    seen = after(record(1))
    verdict = check(record(5), seen, exchange(5, missing=2))
    assert (verdict.late_kwh, verdict.settled) == (None, False)
    assert "up to 4: 2 replies are missing" in verdict.findings[0].message
    verdict = check(record(4), seen, exchange(5, missing=2))
    assert verdict.late_kwh == pytest.approx(2 * KWH)


@pytest.mark.parametrize("missing", [None, 0, 1])
@pytest.mark.parametrize("changes", [{}, {"number": None}, {"number": 1}, {"version": 99}])
def test_refused_energy_does_not_come_with_the_next_reply(missing, changes):
    lie_kwh = 0.01
    lie = {"energy_kwh": lie_kwh, "energy_high_kwh": lie_kwh, "total_kwh": lie_kwh + KWH}
    refused = check(record(2).to_fields() | lie | changes, after(record(1)), exchange(2))
    assert refused.record is None
    found = record(3, total_kwh=lie_kwh + 2 * KWH)
    verdict = check(found, refused.history, exchange(3, missing=missing))
    assert verdict.record == found
    assert (verdict.late_kwh, verdict.settled) == (None, False)
    assert verdict.history.accepted_kwh == pytest.approx(2 * KWH)


def test_after_a_first_record_was_refused_not_all_is_known():
    refused = check(forged(version=99))
    verdict = check(record(2), refused.history, exchange(2, missing=0))
    assert (verdict.late_kwh, verdict.settled, verdict.findings) == (None, False, ())
    assert verdict.history.accepted_kwh == KWH


def divided(number, total_setup_kwh, total_idle_kwh, **changes):
    """A record whose ledger says how much of its total was start-up and idle power."""
    totals = {"total_setup_kwh": total_setup_kwh, "total_idle_kwh": total_idle_kwh}
    return record(number, **totals, **changes)


def test_late_energy_is_divided_as_the_ledger_says():
    seen = after(divided(1, 0.0, 0.0))
    late = divided(3, 0.6 * KWH, 0.3 * KWH, total_kwh=3.5 * KWH)
    verdict = check(late, seen, exchange(3))
    assert verdict.late_kwh == pytest.approx(1.5 * KWH)
    assert verdict.late_setup_kwh == pytest.approx(0.6 * KWH)
    assert verdict.late_idle_kwh == pytest.approx(0.3 * KWH)
    # Own start-up and idle power are not late.
    own = {"startup_s": 2.0, "startup_kwh": KWH, "startup_low_kwh": KWH, "startup_high_kwh": KWH}
    own |= {"idle_kwh": KWH / 2, "total_kwh": 6.5 * KWH}
    late = divided(5, 1.7 * KWH, 0.9 * KWH, **own)
    verdict = check(late, verdict.history, exchange(5))
    assert verdict.late_kwh == pytest.approx(0.5 * KWH)
    assert verdict.late_setup_kwh == pytest.approx(0.1 * KWH)
    assert verdict.late_idle_kwh == pytest.approx(0.1 * KWH)


def test_late_energy_that_does_not_add_up_is_not_divided():
    late = divided(3, 5.0 * KWH, 0.0, total_kwh=3.5 * KWH)
    verdict = check(late, after(record(1)), exchange(3))
    assert verdict.late_kwh == pytest.approx(1.5 * KWH)
    assert (verdict.late_setup_kwh, verdict.late_idle_kwh) == (0.0, 0.0)
    assert "not divided" in verdict.findings[0].message


def test_a_reply_that_comes_after_its_energy_was_recovered_counts_nothing():
    seen = after(record(1), record(3))
    assert seen.closed == {2}
    verdict = check(record(2), seen, exchange(4))
    assert (verdict.record, verdict.findings) == (None, ())
    assert verdict.history == seen


def test_a_late_reply_counts_if_its_energy_was_not_recovered():
    seen = after(record(1), record(3, total_kwh=None))
    assert seen.skipped == {2}
    verdict = check(record(2), seen, exchange(4))
    assert verdict.record is not None
    after_all = check(record(4), verdict.history, exchange(5))
    assert after_all.late_kwh is None
    assert after_all.history.accepted_kwh == pytest.approx(4 * KWH)


@pytest.mark.parametrize(
    "changes",
    [
        {"total_kwh": 1e-3},  # more than it told, and no message is missing
        {"total_kwh": 1.5e-6},  # less than it told
        {"finished": 0, "failed": 2},  # fewer than before
        {"finished": 7},  # not the number of messages
        {"lost": None},
    ],
)
def test_an_inconsistent_ledger_adds_nothing(changes):
    verdict = check(record(2, **changes), after(record(1)), exchange(2))
    assert verdict.record is not None
    assert not verdict.settled
    assert verdict.late_kwh is None
    assert verdict.history.accepted_kwh == pytest.approx(2 * KWH)
    assert "What came late is not known" in verdict.findings[0].message


def test_one_lie_in_the_ledger_is_forgiven_and_never_paid():
    seen = after(record(1))
    verdict = check(record(2, total_kwh=1e9), seen, exchange(2))
    assert verdict.late_kwh is None
    verdict = check(record(4, total_kwh=1e9 + 2.5 * KWH), verdict.history, exchange(4))
    assert (verdict.late_kwh or 0.0) <= 2 * KWH
    assert verdict.history.accepted_kwh < 10 * KWH


def test_messages_that_died_are_counted():
    found = record(3, finished=2, lost=1, total_kwh=2 * KWH)
    verdict = check(found, after(record(1)), exchange(3))
    assert (verdict.lost, verdict.settled, verdict.late_kwh) == (1, True, None)


def test_missing_messages_without_a_figure_are_told_and_settle_nothing():
    seen = after(record(1, unmetered=0))
    ours = record(3, total_kwh=2 * KWH, finished=3, unmetered=1)
    verdict = check(ours, seen, exchange(3, missing=1))
    assert (verdict.record.number, verdict.unmetered) == (3, 1)
    told = told_of(verdict.record, verdict, Request("", 1, Phase.TRAIN, 3, BEGIN_S, 0, 0))
    assert (told.unmetered, told.settled) == (1, False)
    metered = check(replace(ours, unmetered=0, total_kwh=3 * KWH), seen, exchange(3, missing=1))
    assert told_of(metered.record, metered, Request("", 1, Phase.TRAIN, 3, BEGIN_S, 0, 0)).settled
    # Its own message is known to have no figure; all before it is known.
    own = record(2, energy_kwh=None, energy_low_kwh=None, energy_high_kwh=None, unmetered=1)
    verdict = check(replace(own, total_kwh=KWH), seen, exchange(2))
    assert told_of(verdict.record, verdict, Request("", 1, Phase.TRAIN, 2, BEGIN_S, 0, 0)).settled


@pytest.mark.parametrize("count", [4, -1, 1.5])
def test_a_number_of_messages_without_a_figure_that_cannot_be_is_not_believed(count):
    verdict = check(forged(number=3, finished=3, total_kwh=3 * KWH, unmetered=count), after())
    assert any("unmetered" in finding.message for finding in verdict.findings)
    assert verdict.unmetered == 0


def test_simulated_figures_are_taken_only_of_clients_that_we_simulate():
    simulated = forged(basis="simulated")
    assert check(simulated).record is None
    assert check(simulated, at=exchange(simulated=True)).record is not None


ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.floats(0, 1e-3),
    st.text(max_size=80),
    st.binary(max_size=8),
    st.lists(st.floats(), max_size=3),
    st.sampled_from(["train", "FR", "laptop", "measured", "E"]),
)
NAMES = st.sampled_from(
    [*sorted(record().to_fields()), "startup_s", "startup_kwh", "idle_kwh", "nonsense"]
)
FORGERIES = st.lists(
    st.tuples(
        st.dictionaries(NAMES, ANYTHING, max_size=6),
        st.integers(1, 12),  # number that it claims
        st.floats(0.0, 100.0),  # when the next request goes out
        st.floats(0.0, 100.0),  # how long the reply takes
    ),
    max_size=12,
)


@settings(max_examples=300, deadline=None)
@given(FORGERIES, st.booleans())
def test_no_forged_record_raises_a_total_above_what_the_client_can_draw(forgeries, honest_ledger):
    seen = ClientHistory.of(BEGIN_S)
    now_s = BEGIN_S
    for changes, number, pause_s, elapsed_s in forgeries:
        start_s, now_s = now_s + pause_s, now_s + pause_s + elapsed_s
        at = exchange(start_s=start_s, stop_s=now_s)
        honest = record(number, duration_s=elapsed_s, start_s=start_s)
        fields = honest.to_fields() | ({} if honest_ledger else {"total_kwh": 1.0}) | changes
        verdict = check(fields, seen, at)
        assert verdict.history.accepted_kwh >= seen.accepted_kwh
        told = verdict.record
        late_kwh = verdict.late_kwh or 0.0
        if told is not None and told.energy_kwh is not None:
            longest_s = elapsed_s + LIMITS.exchange_s + LIMITS.slack_s
            assert 0 <= told.energy_low_kwh <= told.energy_kwh <= told.energy_high_kwh
            assert told.energy_kwh <= watt_seconds_to_kwh(SOCKET_W, longest_s)
        added_kwh = (told.used_kwh or 0.0) + late_kwh if told is not None else 0.0
        assert verdict.history.accepted_kwh == pytest.approx(seen.accepted_kwh + added_kwh)
        seen = verdict.history
    run_s = now_s - BEGIN_S + LIMITS.startup_s + LIMITS.exchange_s + LIMITS.slack_s
    assert seen.accepted_kwh <= watt_seconds_to_kwh(SOCKET_W, run_s) * (1 + 1e-9)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["came", "missed", "failed"]), max_size=20))
def test_whatever_gets_lost_an_honest_client_is_counted_once(fates):
    """Replies that came, and later totals, add up to what the client used."""
    seen = ClientHistory.of(BEGIN_S)
    total_kwh = failed = 0.0
    counted_kwh = 0.0
    for number, fate in enumerate(fates, start=1):
        total_kwh += number * KWH
        failed += fate == "failed"
        if fate != "came":
            continue
        found = record(
            number,
            energy_kwh=number * KWH,
            energy_high_kwh=2 * number * KWH,
            total_kwh=total_kwh,
            finished=number - int(failed),
            failed=int(failed),
        )
        verdict = check(found, seen, exchange(number))
        assert verdict.findings == ()
        counted_kwh += verdict.record.energy_kwh + (verdict.late_kwh or 0.0)
        assert counted_kwh == pytest.approx(total_kwh)
        seen = verdict.history


FATES = st.lists(
    st.sampled_from(["came", "missed", "unreached", "refused", "unreadable"]), max_size=20
)


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 6), FATES)
def test_only_energy_of_requests_that_are_missing_is_ever_late(before, fates):
    """A ledger goes on from an earlier training; replies are lost, or refused."""
    seen = ClientHistory.of(BEGIN_S)
    counted_kwh = ours_kwh = 0.0
    number, missing = before, 0
    total_kwh = before * 1000 * KWH  # of the earlier training
    was_refused = False
    for at, fate in enumerate(fates, start=1):
        if fate == "unreached":  # the client never saw it
            missing += 1
            continue
        number += 1
        used_kwh = at * KWH
        total_kwh += used_kwh
        found = record(
            number,
            start_s=BEGIN_S + 60 * at + 1,
            energy_kwh=used_kwh,
            energy_high_kwh=2 * used_kwh,
            total_kwh=total_kwh,
        )
        if fate == "missed":
            missing += 1
            ours_kwh += used_kwh
            continue
        fields = found.to_fields()
        if fate != "came":
            total_kwh += 1e-3
            lie = {"energy_kwh": 1.0, "total_kwh": total_kwh}
            fields |= lie | ({"number": "none"} if fate == "unreadable" else {})
        verdict = check(fields, seen, exchange(at, missing=missing))
        seen = verdict.history
        if fate != "came":
            assert verdict.record is None
            was_refused = True
            continue
        assert verdict.record == found
        ours_kwh += used_kwh
        counted_kwh += used_kwh + (verdict.late_kwh or 0.0)
        assert seen.accepted_kwh == pytest.approx(counted_kwh)
        if "unreached" not in fates:
            # Exact where every missing request did reach the client.
            assert counted_kwh <= ours_kwh * (1 + 1e-6)
        if not was_refused and before == 0:
            assert counted_kwh == pytest.approx(ours_kwh, rel=1e-6)
        if was_refused:
            assert not verdict.settled
        if verdict.settled:
            missing = 0
