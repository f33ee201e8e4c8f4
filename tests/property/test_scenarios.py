"""Planned trainings: sums over rounds and clients against a loop over both."""

import itertools
import math
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from footprint.assessment import estimate
from footprint.breakevens import break_evens
from footprint.inventory import build_inventory
from footprint.manifest import read_manifest
from footprint.model import (
    Access,
    Architecture,
    ClientGroup,
    Coordinator,
    EmbodiedRule,
    Journal,
    LifeCycle,
    Phase,
    Role,
    Run,
    Study,
    Training,
)
from footprint.scenarios import estimate_study, plan_study, study_catalogue, study_settings
from footprint.sensitivity import compare_study, term_effects
from footprint.simulation.course import share_by, training_times
from footprint.simulation.rounds import round_duration
from tests.builders import activity

HOSPITALS = Path(__file__).parents[2] / "examples" / "manifests" / "ok" / "hospitals.toml"
TOLERANCE = 1e-9


@st.composite
def studies(draw):
    """Clients of two kinds, all chosen in every round: the expectation is what happens."""
    groups = tuple(
        ClientGroup(
            name=name,
            zone=draw(st.sampled_from(["FR", "DE", "PL"])),
            device=draw(st.sampled_from(["phone", "desktop", "server"])),
            power_w=draw(st.floats(1, 400)),
            idle_w=draw(st.floats(0.5, 50)),
            count=draw(st.integers(1, 4)),
            epoch_s=draw(st.floats(1, 600)),
            down_mbps=draw(st.floats(1, 500)),
            up_mbps=draw(st.floats(1, 500)),
        )
        for name in ("a", "b")
    )
    training = Training(
        rounds=draw(st.integers(1, 5)),
        clients_per_round=sum(group.count for group in groups),
        local_epochs=draw(st.integers(1, 3)),
        model_gb=draw(st.floats(1e-3, 1)),
        update_gb=draw(st.one_of(st.none(), st.floats(1e-4, 1))),
        runs=draw(st.integers(1, 3)),
        retrainings=draw(st.integers(0, 2)),
    )
    server = Coordinator(
        zone="DE",
        device="server",
        power_w=draw(st.floats(10, 300)),
        idle_w=draw(st.floats(0, 100)),
        aggregation_s=draw(st.floats(0.1, 60)),
        pue=1.2,
    )
    return Study(
        name="s",
        functional_unit="one model",
        year=2024,
        clients=groups,
        training=training,
        server=draw(st.one_of(st.none(), st.just(server))),
        network="fixed_core_access",
        draws=100,
    )


def loop(study):
    """Every client in every round of every training, one activity each."""
    training = study.training
    update_gb = training.model_gb if training.update_gb is None else training.update_gb

    def times(group):
        return (
            training.local_epochs * group.epoch_s,
            training.model_gb * 8000 / group.down_mbps,
            update_gb * 8000 / group.up_mbps,
        )

    slowest_s = max(sum(times(group)) for group in study.clients)
    found = []
    rounds = training.rounds * (training.runs + training.retrainings)
    for number in range(rounds):
        server = study.server
        if server is not None:
            for phase, duration_s, power_w in (
                (Phase.AGGREGATE, server.aggregation_s, server.power_w),
                (Phase.IDLE, slowest_s, server.idle_w),
            ):
                found.append(
                    activity(
                        actor="server",
                        role=Role.SERVER,
                        device=server.device,
                        zone=server.zone,
                        round=number % training.rounds + 1,
                        phase=phase,
                        duration_s=duration_s,
                        energy_kwh=power_w * duration_s / 3.6e6,
                    )
                )
        for group in study.clients:
            train_s, down_s, up_s = times(group)
            for client in range(group.count):
                about = {
                    "actor": f"{group.name}-{client}",
                    "device": group.device,
                    "zone": group.zone,
                    "round": number % training.rounds + 1,
                }
                for phase, duration_s, power_w, data_gb in (
                    (Phase.TRAIN, train_s, group.power_w, 0.0),
                    (Phase.DOWNLOAD, down_s, group.idle_w, training.model_gb),
                    (Phase.UPLOAD, up_s, group.idle_w, update_gb),
                    (Phase.WAIT, slowest_s - sum(times(group)), group.idle_w, 0.0),
                ):
                    found.append(
                        activity(
                            **about,
                            phase=phase,
                            duration_s=duration_s,
                            energy_kwh=power_w * duration_s / 3.6e6,
                            data_gb=data_gb,
                        )
                    )
    return Journal.of(Run("loop"), found)


@given(studies())
@settings(max_examples=30, deadline=None)
def test_sums_equal_a_loop_over_rounds_and_clients(study):
    chosen = study_settings(study, Architecture.FEDERATED)
    planned = estimate(build_inventory(plan_study(study, Architecture.FEDERATED)), chosen)
    looped = estimate(build_inventory(loop(study)), chosen)
    assert planned.total_g.value == pytest.approx(looped.total_g.value, rel=TOLERANCE)
    assert planned.energy_kwh == pytest.approx(looped.energy_kwh, rel=TOLERANCE)
    assert planned.data_gb == pytest.approx(looped.data_gb, rel=TOLERANCE)
    assert planned.duration_s == pytest.approx(looped.duration_s, rel=TOLERANCE)
    assert planned.rounds == looped.rounds
    assert planned.clients == looped.clients


@st.composite
def partial_studies(draw):
    """Some clients are away, more are chosen than are wanted, and some of those drop out."""
    study = draw(studies())
    groups = tuple(
        replace(
            group,
            count=count,
            availability=draw(st.integers(1, count)) / count,
            dropout=draw(st.sampled_from([0.0, 0.25, 0.5, 1.0])),
        )
        for group in study.clients
        for count in (draw(st.integers(1, 4)),)
    )
    able = round(sum(group.count * group.availability for group in groups))
    chosen = draw(st.integers(1, able))
    wanted = draw(st.integers(1, chosen))
    training = replace(
        study.training,
        clients_per_round=wanted,
        over_selection=chosen / wanted - 1,
        dropout_work=draw(st.sampled_from([0.0, 0.5, 1.0])),
        waiting=draw(st.booleans()),
    )
    return replace(study, clients=groups, training=training)


def expected(study):
    """Seconds and gigabytes over all rounds: the mean over every selection that can happen."""
    training = study.training
    update_gb = training.model_gb if training.update_gb is None else training.update_gb
    able = [
        (group, epoch_s + group_down_s + group_up_s, epoch_s, group_down_s, group_up_s)
        for group in study.clients
        for epoch_s in (training.local_epochs * group.epoch_s,)
        for group_down_s in (training.model_gb * 8000 / group.down_mbps,)
        for group_up_s in (update_gb * 8000 / group.up_mbps,)
        for _ in range(round(group.count * group.availability))
    ]
    chosen = round(training.clients_per_round * (1 + training.over_selection))
    selections = list(itertools.combinations(able, chosen))
    rounds = training.rounds * (training.runs + training.retrainings)
    found = defaultdict(float)
    for selection in selections:
        share = rounds / len(selections)
        slowest_s = max(whole_s for _, whole_s, *_ in selection)
        found["server", Phase.IDLE] += share * slowest_s
        for group, whole_s, train_s, down_s, up_s in selection:
            stays = 1 - group.dropout
            worked = stays + group.dropout * training.dropout_work
            found[group.name, Phase.TRAIN] += share * worked * train_s
            found[group.name, Phase.DOWNLOAD] += share * down_s
            found[group.name, Phase.UPLOAD] += share * stays * up_s
            found[group.name, "gb"] += share * (training.model_gb + stays * update_gb)
            if training.waiting:
                found[group.name, Phase.WAIT] += share * stays * (slowest_s - whole_s)
    return found


@given(partial_studies())
@settings(max_examples=60, deadline=None)
def test_sums_equal_the_mean_over_every_selection(study):
    planned = defaultdict(float)
    for one in plan_study(study, Architecture.FEDERATED).activities():
        planned[one.actor, one.phase] += one.duration_s
        planned[one.actor, "gb"] += one.data_gb
    for key, amount in expected(study).items():
        if key != ("server", Phase.IDLE) or study.server is not None:
            assert planned[key] == pytest.approx(amount, rel=1e-7, abs=1e-7), key


@given(
    st.sampled_from(list(LifeCycle)),
    st.integers(1, 6),
    st.integers(0, 4),
    st.integers(1, 300_000),
    st.sampled_from([Architecture.CENTRALISED, Architecture.FEDERATED]),
)
@settings(max_examples=100, deadline=None)
def test_what_is_done_never_falls_and_all_is_done_in_the_end(
    stage, refreshes, retrainings, rounds, architecture
):
    """Also where a training takes longer than the project lasts."""
    study = read_manifest(HOSPITALS)
    study = replace(
        study,
        storage=replace(study.storage, refreshes=refreshes),
        training=replace(study.training, retrainings=retrainings, rounds=rounds),
    )
    _, trained_s = training_times(study, architecture)
    times_s = np.linspace(0, max(study.storage.horizon_s, trained_s), 50)
    shares = [share_by(study, architecture, stage, at_s) for at_s in times_s]
    assert all(0 <= share <= 1 for share in shares)
    assert shares == sorted(shares)
    assert shares[-1] == 1


@pytest.fixture(scope="module")
def hospitals():
    return replace(read_manifest(HOSPITALS), draws=500)


SCALED = {
    "data_volume": lambda s, x, of: replace(
        s, clients=tuple(replace(g, data_gb=g.data_gb * x / of) for g in s.clients)
    ),
    "retention": lambda s, x, of: replace(
        s, storage=replace(s.storage, horizon_s=s.storage.horizon_s * x / of)
    ),
}


@pytest.mark.parametrize("quantity", SCALED)
def test_break_evens_are_where_a_solver_finds_them(hospitals, quantity):
    catalogue = study_catalogue(hospitals)
    found = {one.quantity: one for one, _ in break_evens(hospitals, catalogue)}[quantity]

    def difference(x):
        scaled = SCALED[quantity](hospitals, x, found.present)
        totals = [estimate_study(scaled, a, catalogue=catalogue).total_g.value for a in BOTH]
        return totals[1] - totals[0]

    assert found.value == pytest.approx(brentq(difference, 0, 100 * found.present), rel=1e-6)
    assert found.low < found.value < found.high


BOTH = (Architecture.CENTRALISED, Architecture.FEDERATED)


def test_the_break_even_of_rounds_is_where_it_says(hospitals):
    catalogue = study_catalogue(hospitals)
    found = {one.quantity: one for one, _ in break_evens(hospitals, catalogue)}["rounds"]
    signs = []
    for rounds in (math.floor(found.value), math.ceil(found.value)):
        training = replace(hospitals.training, rounds=rounds)
        totals = [
            estimate_study(replace(hospitals, training=training), a, catalogue=catalogue)
            for a in BOTH
        ]
        signs.append(totals[1].total_g.value > totals[0].total_g.value)
    assert signs == [False, True]


def test_at_the_break_even_intensity_both_emit_the_same(hospitals):
    """All clients on one grid of that intensity, and the server, too."""
    catalogue = study_catalogue(hospitals)
    found = {one.quantity: one for one, _ in break_evens(hospitals, catalogue)}[
        "candidate_intensity"
    ]
    central, _ = (estimate_study(hospitals, a, catalogue=catalogue) for a in BOTH)
    zones = {group.zone for group in hospitals.clients}
    even = replace(hospitals, intensity=dict.fromkeys(zones, found.value))
    federated = estimate_study(even, catalogue=catalogue)
    assert federated.total_g.value == pytest.approx(central.total_g.value, rel=1e-9)


def test_differences_by_stage_and_by_phase_add_up(hospitals):
    result = compare_study(hospitals)
    for parts in (result.stages, result.categories):
        total = math.fsum(part.difference_g.value for part in parts)
        assert total == pytest.approx(result.difference_g.value, rel=TOLERANCE)
    assert {part.category for part in result.stages} >= {"transfer", "store", "train", "infer"}
    bills = [a.bill for a in (result.baseline, result.candidate)]
    for bill in bills:
        assert math.fsum(c.cost.value for c in bill.costs) == pytest.approx(bill.total.value)
    difference = bills[1].total.value - bills[0].total.value
    assert result.cost_difference.value == pytest.approx(difference)


def test_a_term_at_its_bounds_moves_the_result_as_far_as_it_says(hospitals):
    """Against an estimate with that very factor."""
    result = compare_study(hospitals)
    effects = {effect.term.id: effect for effect in term_effects(result)}
    effect = effects["network/fixed_core_access/carbon_trust"]
    moved = [
        part.emissions_g.value
        for part in result.baseline.contributions
        if effect.term.id in part.terms
    ]
    kept = [
        part.emissions_g.value
        for part in result.candidate.contributions
        if effect.term.id in part.terms
    ]
    ratio = effect.term.high / effect.term.value
    shift = (ratio - 1) * (math.fsum(kept) - math.fsum(moved))
    assert effect.at_high_g == pytest.approx(result.difference_g.value + shift)
    assert math.fsum(e.variance_share for e in effects.values()) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(
    ("change", "grows"),
    [
        (lambda s: replace(s, training=replace(s.training, rounds=2 * s.training.rounds)), True),
        (lambda s: replace(s, training=replace(s.training, runs=8)), True),
        (lambda s: replace(s, training=replace(s.training, model_gb=1.0)), True),
        (lambda s: replace(s, training=replace(s.training, waiting=False)), False),
        (lambda s: replace(s, embodied=EmbodiedRule.MARGINAL), None),
        (lambda s: replace(s, deployment=replace(s.deployment, inferences=0.0)), False),
    ],
)
def test_more_work_emits_more(hospitals, change, grows):
    before, after = (estimate_study(s).total_g.value for s in (hospitals, change(hospitals)))
    if grows is None:  # servers are no devices of end users
        assert after == before
    else:
        assert (after > before) is grows


def test_clients_that_drop_out_are_charged_and_upload_nothing(hospitals):
    groups = tuple(replace(group, dropout=0.5) for group in hospitals.clients)
    before, after = estimate_study(hospitals), estimate_study(replace(hospitals, clients=groups))

    def energy(result, phase):
        return math.fsum(c.energy_kwh or 0.0 for c in result.contributions if c.phase is phase)

    assert energy(after, Phase.TRAIN) == pytest.approx(energy(before, Phase.TRAIN))
    assert energy(after, Phase.UPLOAD) == pytest.approx(energy(before, Phase.UPLOAD) / 2)
    half = replace(hospitals.training, dropout_work=0.5)
    worked = estimate_study(replace(hospitals, clients=groups, training=half))
    assert energy(worked, Phase.TRAIN) == pytest.approx(0.75 * energy(before, Phase.TRAIN))


def test_what_is_dedicated_is_reserved_for_the_whole_horizon(hospitals):
    groups = tuple(replace(group, dedicated=True) for group in hospitals.clients)
    result = estimate_study(replace(hospitals, clients=groups))
    reserved = math.fsum(
        c.amount for c in result.contributions if c.amount_unit == "s" and c.actor != "server"
    )
    count = sum(group.count for group in hospitals.clients)
    assert reserved == pytest.approx(count * hospitals.storage.horizon_s)


def test_a_datacentre_link_needs_no_rates(hospitals):
    groups = tuple(
        replace(g, access=Access.DATACENTRE, down_mbps=None, up_mbps=None)
        for g in hospitals.clients
    )
    result = estimate_study(replace(hospitals, clients=groups))
    assert not [
        c for c in result.contributions if c.phase is Phase.UPLOAD and c.stage == "operation"
    ]


def test_waiting_is_that_of_the_clients_that_are_chosen():
    """One slow client among many delays few rounds; against drawn rounds."""
    groups = tuple(
        ClientGroup(
            name=name, zone="FR", device="phone", power_w=3.0, idle_w=1.0, count=count,
            epoch_s=epoch_s, access=Access.DATACENTRE,
        )
        for name, count, epoch_s in (("quick", 60, 10.0), ("middle", 30, 30.0), ("slow", 3, 400.0))
    )  # fmt: skip
    training = Training(rounds=1, clients_per_round=10, model_gb=0.0)
    study = Study(
        name="s", functional_unit="", year=2024, clients=groups, training=training,
        network="fixed_core_access", draws=0,
    )  # fmt: skip
    planned = plan_study(study, Architecture.FEDERATED)
    rng = np.random.default_rng(3)
    times = np.repeat([g.epoch_s for g in groups], [g.count for g in groups])
    turns = 20_000
    drawn = np.array([rng.permutation(times)[:10] for _ in range(turns)])
    waited = np.mean(np.sum(drawn.max(axis=1, keepdims=True) - drawn, axis=1))
    found = math.fsum(a.duration_s for a in planned.activities() if a.phase is Phase.WAIT)
    assert found == pytest.approx(waited, rel=0.02)
    assert round_duration(study) == pytest.approx(np.mean(drawn.max(axis=1)), rel=0.02)


def test_no_draws_give_central_values_alone(hospitals):
    result = compare_study(replace(hospitals, draws=0))
    drawn = compare_study(hospitals)
    assert result.difference_g.value == pytest.approx(drawn.difference_g.value)
    assert result.difference_g.width == 0
    values = [one.value for one in result.break_evens]
    assert values == pytest.approx([one.value for one in drawn.break_evens])
    assert [e.variance_share for e in term_effects(result)] == [0.0] * len(term_effects(result))


def test_unlike_hardware_has_errors_of_its_own(hospitals):
    """Two plans that name a site alike: what was declared differently errs apart."""
    other = tuple(replace(g, power_w=1.3 * g.power_w) for g in hospitals.clients)
    one = estimate_study(hospitals)
    two = estimate_study(replace(hospitals, clients=other))
    energies = [{t.id for t in a.terms if t.quantity == "energy_error"} for a in (one, two)]
    assert not {i for i in energies[0] & energies[1] if "450W" in i or "350W" in i}


def test_stages_that_nothing_else_describes_are_work(hospitals):
    both = compare_study(hospitals)
    stages = {one.category: one for one in both.stages}
    assert stages["prepare"].baseline_g == stages["prepare"].candidate_g > 0
    assert stages["retire"].baseline_g > stages["retire"].candidate_g == 0
    without = compare_study(replace(hospitals, work=()))
    added = sum(stages[name].baseline_g for name in ("prepare", "retire"))
    assert both.baseline.total_g.value == pytest.approx(without.baseline.total_g.value + added)


def test_a_disk_filled_for_its_whole_life_is_charged_whole(hospitals):
    """9 TB in one copy for five years, the life of a disk: 9,000 GB at 2.2 g each."""
    kept = replace(hospitals.storage, horizon_s=5 * 8766 * 3600.0, replication=1.0)
    study = replace(hospitals, storage=kept)
    result = estimate_study(study, Architecture.CENTRALISED)
    made = [c for c in result.contributions if c.device == "storage.hdd" and c.stage == "embodied"]
    assert math.fsum(c.emissions_g.value for c in made) == pytest.approx(9000 * 2.2, rel=1e-6)
    federated = estimate_study(study)
    assert not [c for c in federated.contributions if c.device == "storage.hdd"]


@pytest.mark.parametrize(("users", "base_w"), [(1, 18.0), (2, 9.0), (3, 6.0), (4, 4.5)])
def test_a_shared_line_is_charged_in_parts(hospitals, users, base_w):
    """Malmodin 2020: baseline per user of a line that several share."""
    groups = tuple(replace(g, line_users=users) for g in hospitals.clients)
    study = replace(hospitals, clients=groups, network="power", draws=0)
    marginal = replace(study, network="power-marginal")
    with_base, without = (
        math.fsum(c.energy_kwh for c in estimate_study(s).contributions if c.stage == "network")
        for s in (study, marginal)
    )
    seconds = math.fsum(
        a.transfer_s for a in plan_study(study, Architecture.FEDERATED).activities()
    )
    assert (with_base - without) * 3.6e6 / seconds == pytest.approx(base_w)


def test_mobile_networks_are_given_per_user(hospitals):
    groups = tuple(replace(g, access=Access.MOBILE_4G) for g in hospitals.clients)
    one, four = (
        replace(
            hospitals,
            clients=tuple(replace(g, line_users=users) for g in groups),
            network="power",
            draws=0,
        )
        for users in (1, 4)
    )
    assert estimate_study(one).total_g == estimate_study(four).total_g


def test_a_medium_of_unknown_making_is_said_and_can_be_compared(hospitals):
    study = replace(hospitals, storage=replace(hospitals.storage, medium="memory"))
    result = compare_study(study)
    assert "medium-embodied-unknown" in {f.code for f in result.baseline.findings}


def test_a_declared_overhead_is_as_uncertain_as_an_operators(hospitals):
    terms = {t.id: t for t in estimate_study(hospitals).terms}
    pue = terms["pue/declared/krakow"]
    assert (pue.low, pue.high) == pytest.approx((1.4, 1.6))


def test_a_card_carries_its_share_of_the_host(hospitals):
    """Over 3 years at full use 6.2 g an hour for an H100, and 27.1 g of its host's 5,700 kg."""
    card = {"device": "gpu.h100_sxm5_80gb", "host": "server.p5_host_without_gpu"}
    centre = replace(hospitals.centralised, **card, host_share=1 / 8)
    result = estimate_study(replace(hospitals, centralised=centre), Architecture.CENTRALISED)
    made = {}
    for part in result.contributions:
        if part.stage == "embodied" and part.actor == "centre":
            made[part.device] = made.get(part.device, 0.0) + part.emissions_g.value
    hours = hospitals.training.runs * centre.training_s / 3600
    lifespans = {t.id: t.value for t in result.terms if t.quantity == "lifespan"}
    years = {i: value / 3600 / 8766 for i, value in lifespans.items()}
    assert made[card["device"]] / hours == pytest.approx(6.24, rel=0.01)
    host_years = next(y for i, y in years.items() if "server" in i)
    assert made[card["host"]] / hours == pytest.approx(5700e3 / 8 / host_years / 8766, rel=0.01)
    plain = estimate_study(hospitals, Architecture.CENTRALISED)
    assert result.energy_kwh == pytest.approx(plain.energy_kwh)
    assert result.bill.total.value == pytest.approx(plain.bill.total.value)
