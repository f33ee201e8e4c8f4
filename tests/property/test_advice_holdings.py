"""Advice on data, applications and jobs flips where emissions computed by hand are equal."""

import math
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from footprint.management.advisor.advisory import advise
from footprint.management.advisor.applications import advise_applications
from footprint.management.advisor.datasets import advise_datasets
from footprint.management.advisor.needs import JobTable, Needs
from footprint.management.advisor.schedules import advise_schedules
from footprint.model import Advice, DecisionKind
from tests.managed_company import (
    CATALOGUE,
    DAY_S,
    GRIDS,
    NOW_S,
    PUES,
    YEAR_S,
    ZONES,
    application,
    dataset,
    duplicates,
    managed,
    network_kwh_per_gb,
)

STEP = 1e-9
FEW = settings(max_examples=12, deadline=None, phases=(Phase.explicit, Phase.generate))
COLD_DAYS = 180.0
NEEDS = Needs(
    horizon_s=YEAR_S,
    origin="management.toml",
    cold_after_s=COLD_DAYS * DAY_S,
    cold_medium="storage.hdd",
    media={"ssd": "storage.ssd", "hdd": "storage.hdd"},
    replication={"ssd": 1.0, "hdd": 1.0},
)
SILOS = st.sampled_from(sorted(GRIDS))


def number(low, high):
    return st.floats(low, high, allow_nan=False)


def per_copy(silo, gigabytes, medium, grid=None):
    """What one copy emits in a year: power of the medium, and the share of its making."""
    look = CATALOGUE.resolve
    power_w = look("power_per_gb", subject=f"storage.{medium}", year=2026).factor.value
    made_g = look("embodied_per_gb", subject=medium).factor.value
    life_s = look("lifespan", subject="storage").factor.value
    used_g = power_w * YEAR_S / 3.6e6 * PUES[silo] * (GRIDS[silo] if grid is None else grid)
    return gigabytes * (used_g + made_g * YEAR_S / life_s)


def only(found):
    """The one advice among what was found; None if nothing is to be done."""
    advice = [one for one in found if isinstance(one, Advice)]
    assert len(advice) <= 1
    return advice[0] if advice else None


def recommended(found):
    advice = only(found)
    return None if advice is None else advice.recommended


def turn(advice, quantity):
    (found,) = [one for one in advice.turning_points if one.quantity == quantity]
    return found


# --- datasets ---------------------------------------------------------------------------------


@given(SILOS, number(1, 5000), number(1, 2))
@FEW
def test_data_moves_to_a_colder_medium_unless_too_many_copies_are_kept_there(silo, size, kept):
    def found(copies):
        needs = replace(NEEDS, replication={"ssd": kept, "storage.hdd": copies})
        old = NOW_S - 2 * COLD_DAYS * DAY_S
        entry = dataset("x", size, storage_class="ssd", read_s=old)
        return list(advise_datasets(managed({silo: [entry]}, needs)))

    gigabytes = round(size * 1e9) / 1e9
    copies = kept * per_copy(silo, gigabytes, "ssd") / per_copy(silo, gigabytes, "hdd")
    assert recommended(found(copies * (1 - STEP))) == "tier down"
    assert recommended(found(copies * (1 + STEP))) is None
    point = turn(only(found(2.0)), "copies on storage.hdd")
    assert point.present == 2.0
    assert math.isclose(point.value, copies, rel_tol=STEP)
    assert point.option == "keep"


@given(SILOS, number(10, 1000))
@FEW
def test_data_is_cold_after_the_days_that_were_said(silo, cold_days):
    def found(days):
        needs = replace(NEEDS, cold_after_s=cold_days * DAY_S)
        entry = dataset("x", storage_class="ssd", read_s=NOW_S - days * DAY_S)
        return list(advise_datasets(managed({silo: [entry]}, needs)))

    # A clock of 1.8e9 s tells 2e-7 s apart.
    assert recommended(found(cold_days * (1 + 1e-6))) == "tier down"
    assert recommended(found(cold_days * (1 - 1e-6))) is None
    point = turn(only(found(2 * cold_days)), "time since the last read")
    assert math.isclose(point.value, cold_days, rel_tol=STEP)
    assert math.isclose(point.present, 2 * cold_days, rel_tol=STEP)


@given(SILOS, number(10, 3000), st.sampled_from(["ssd", "hdd"]))
@FEW
def test_data_is_deleted_once_it_need_not_be_kept(silo, retention, medium):
    def found(days):
        entry = dataset(
            "x",
            storage_class=medium,
            written_s=NOW_S - days * DAY_S,
            read_s=NOW_S - 2 * COLD_DAYS * DAY_S,
            retention_days=retention,
        )
        others = {silo: [application("reader", datasets=("y",))]}
        return list(advise_datasets(managed({silo: [entry]}, NEEDS, applications=others)))

    before = {"ssd": "tier down", "hdd": None}[medium]
    assert recommended(found(retention * (1 + 1e-6))) == "delete"
    assert recommended(found(retention * (1 - 1e-6))) == before
    point = turn(only(found(2 * retention)), "time since the last write")
    assert math.isclose(point.value, retention, rel_tol=STEP)
    assert point.option == (before or "keep")
    if before:  # seen from the other side, too
        point = turn(only(found(retention / 2)), "time since the last write")
        assert math.isclose(point.value, retention, rel_tol=STEP)
        assert point.option == "delete"


@given(
    st.permutations(sorted(GRIDS)),
    number(1, 5000),
    number(1, 5000),
    st.sampled_from(["hdd", "ssd"]),
)
@FEW
def test_of_two_copies_the_one_on_the_cleaner_grid_stays(silos, size, other_size, medium):
    one, other = silos[:2]
    size, other_size = (round(gb * 1e9) / 1e9 for gb in (size, other_size))
    pairs = duplicates(((one, "x"), (other, "x"), 1))

    def found(grid):
        company = managed(
            {
                # On an ssd it is cold: it stays on the other medium, if it stays.
                one: [dataset("x", size, storage_class=medium, read_s=NOW_S - YEAR_S)],
                other: [dataset("x", other_size)],
            },
            NEEDS,
            duplicates=pairs,
        )
        intensity = dict(company.deployment.intensity)
        zone = ZONES[one]
        intensity[zone] = replace(intensity[zone], intensity_g_per_kwh=grid)
        deployment = replace(company.deployment, intensity=intensity)
        return list(advise_datasets(replace(company, deployment=deployment)))

    other_g = per_copy(other, other_size, "hdd")
    made_g = per_copy(one, size, "hdd", grid=0.0)
    grid = (other_g - made_g) / (per_copy(one, size, "hdd", grid=1.0) - made_g)
    assume(grid > 1)
    cleaner, dirtier = (
        {
            each.subject: each.recommended
            for each in found(grid * factor)
            if isinstance(each, Advice)
        }
        for factor in (1 - STEP, 1 + STEP)
    )
    assert (cleaner[f"{other}/x"], dirtier[f"{one}/x"]) == ("deduplicate", "deduplicate")
    way = {"hdd": "keep", "ssd": "tier down"}[medium]
    assert cleaner.get(f"{one}/x", "keep") == way
    (dirtier,) = [each for each in found(grid * (1 + STEP)) if isinstance(each, Advice)]
    point = turn(dirtier, f"grid intensity of {ZONES[one]}")
    assert math.isclose(point.value, grid, rel_tol=STEP)
    assert point.option == way
    reads = turn(dirtier, f"data read in {one} over the horizon")
    network_g_per_gb = network_kwh_per_gb() * GRIDS[other]
    kept_g = per_copy(one, size, "hdd", grid=grid * (1 + STEP))
    assert math.isclose(reads.value, kept_g / network_g_per_gb, rel_tol=STEP)


# --- applications -----------------------------------------------------------------------------


@given(number(1, 90), number(1, 1e4), st.integers(1, 10**6))
@FEW
def test_an_application_is_unused_up_to_the_calls_that_were_said(period, energy, calls):
    a_month = calls / period * 365.25 / 12

    def found(limit):
        entry = application("x", calls=calls, period_days=period, energy_kwh=energy)
        needs = replace(NEEDS, unused_calls=limit)
        return list(advise_applications(managed({}, needs, applications={"turin": [entry]})))

    assert recommended(found(a_month * (1 + STEP))) == "retire"
    assert recommended(found(a_month * (1 - STEP))) is None
    advice = only(found(2 * a_month))
    point = turn(advice, "calls a month")
    assert math.isclose(point.present, a_month, rel_tol=STEP)
    assert math.isclose(point.value, 2 * a_month, rel_tol=STEP)
    emitted = energy * YEAR_S / (period * DAY_S) * PUES["turin"] * GRIDS["turin"]
    assert math.isclose(advice.saving_g.value, emitted, rel_tol=STEP)


@given(SILOS, SILOS, number(1e-6, 1), st.integers(10, 10**6), st.integers(10, 10**6))
@FEW
def test_the_application_that_emits_less_for_a_call_takes_the_calls_of_both(
    one, other, kwh_per_call, calls, other_calls
):
    same = {"models": ("m",), "datasets": ("d",), "period_days": 30.0}

    def found(energy_kwh):
        mine = application("a", calls=calls, energy_kwh=energy_kwh * calls, **same)
        theirs = application("b", calls=other_calls, energy_kwh=kwh_per_call * other_calls, **same)
        both = {one: [mine, theirs]} if one == other else {one: [mine], other: [theirs]}
        return list(advise_applications(managed({}, NEEDS, applications=both)))

    # Per call: e PUE c of one equals that of the other.
    equal = kwh_per_call * PUES[other] * GRIDS[other] / (PUES[one] * GRIDS[one])
    assert recommended(found(equal * (1 - STEP))) == f"merge into {one}/a"
    assert recommended(found(equal * (1 + STEP))) == f"merge into {other}/b"
    advice = only(found(equal / 2))
    point = turn(advice, f"energy of a call of {one}/a")
    assert math.isclose(point.value, equal, rel_tol=STEP)
    assert point.option == f"merge into {other}/b"
    rate = YEAR_S / (30 * DAY_S) * other_calls * PUES[one] * GRIDS[one]
    assert math.isclose(advice.saving_g.value, rate * (equal - equal / 2), rel_tol=1e-6)


# --- schedules --------------------------------------------------------------------------------

HOURS = {"DE": (400.0, 300.0), "FR": (50.0, 30.0)}
"""At most hours, and at noon."""
START = datetime(2026, 11, 21, tzinfo=UTC)
NOON = range(11, 14)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    folder = tmp_path_factory.mktemp("company")
    rows = ["start_utc,DE,FR"]
    for hour in range(48):
        values = [str(HOURS[zone][hour % 24 in NOON]) for zone in ("DE", "FR")]
        rows.append(f"2026-11-{21 + hour // 24}T{hour % 24:02d}:00:00Z,{','.join(values)}")
    (folder / "hourly.csv").write_text("\n".join(rows))
    return folder / "management.toml"


def planned(manifest, **changes):
    job = {
        "name": "job",
        "silos": ("leipzig", "lyon"),
        "duration_s": 7200.0,
        "power_w": 1000.0,
        "after": START,
        "before": START.replace(day=22),
        **changes,
    }
    needs = Needs(
        horizon_s=YEAR_S,
        origin=str(manifest),
        intensity_files={"DE": "hourly.csv", "FR": "hourly.csv"},
        jobs=(JobTable(**job),),
    )
    return only(advise_schedules(managed({}, needs)))


AT_HOME, AWAY = "leipzig from 2026-11-21 11:00 UTC", "lyon from 2026-11-21 11:00 UTC"


def saved_by_moving(power_w, duration_s):
    """What the job emits less at noon in Lyon than at noon in Leipzig, without the network."""
    each = [PUES[silo] * HOURS[ZONES[silo]][1] for silo in ("leipzig", "lyon")]
    return power_w * duration_s / 3.6e6 * (each[0] - each[1])


@given(power=number(10, 1e5), hours=st.integers(1, 3))
@FEW
def test_a_job_goes_to_another_place_unless_too_much_data_goes_with_it(manifest, power, hours):
    duration_s = hours * 3600.0
    limit_gb = saved_by_moving(power, duration_s) / (network_kwh_per_gb() * GRIDS["leipzig"])
    job = {"power_w": power, "duration_s": duration_s}
    less, more = (planned(manifest, moved_gb=limit_gb * f, **job) for f in (1 - STEP, 1 + STEP))
    assert (less.recommended, more.recommended) == (AWAY, AT_HOME)
    for advice in (less, more):
        point = turn(advice, "data that the job needs")
        assert math.isclose(point.value, limit_gb, rel_tol=STEP)
        assert {advice.recommended, point.option} == {AWAY, AT_HOME}
    nothing = turn(planned(manifest, **job), "data that the job needs")
    assert nothing.present == 0
    assert math.isclose(nothing.value, limit_gb, rel_tol=STEP)


@given(moved=number(1, 1e5), hours=st.integers(1, 3))
@FEW
def test_a_job_goes_to_another_place_if_its_power_is_worth_the_network(manifest, moved, hours):
    duration_s = hours * 3600.0
    network_g = moved * network_kwh_per_gb() * GRIDS["leipzig"]
    limit_w = network_g / saved_by_moving(1.0, duration_s)
    job = {"moved_gb": moved, "duration_s": duration_s}
    less, more = (planned(manifest, power_w=limit_w * f, **job) for f in (1 - STEP, 1 + STEP))
    assert (less.recommended, more.recommended) == (AT_HOME, AWAY)
    for advice in (less, more):
        assert math.isclose(turn(advice, "power of the job").value, limit_w, rel_tol=STEP)
    # Held against midnight in Leipzig, when it would begin.
    at_once_g = limit_w * (1 + STEP) * duration_s / 3.6e6 * PUES["leipzig"] * HOURS["DE"][0]
    noon_g = limit_w * duration_s / 3.6e6 * PUES["lyon"] * HOURS["FR"][1]
    assert math.isclose(more.saving_g.value, at_once_g - noon_g - network_g, rel_tol=1e-6)


# --- the whole plan ---------------------------------------------------------------------------


@st.composite
def companies(draw):
    """Build a company: some datasets are old, cold, read, or copies of each other."""
    times = st.one_of(st.none(), number(1, 2000).map(lambda days: NOW_S - days * DAY_S))
    held = {}
    for silo in GRIDS:
        names = draw(st.lists(st.sampled_from("abcd"), unique=True, max_size=4))
        held[silo] = [
            dataset(
                name,
                draw(number(0, 1000)),
                storage_class=draw(st.sampled_from(["ssd", "hdd", "tape", None])),
                read_s=draw(times),
                written_s=draw(times),
                retention_days=draw(st.one_of(st.none(), number(0, 1000))),
            )
            for name in names
        ]
    places = [(silo, entry.id) for silo, entries in held.items() for entry in entries]
    pairs = []
    if len(places) > 1:
        two = st.lists(st.sampled_from(places), min_size=2, max_size=2, unique=True).map(sorted)
        chosen = draw(st.lists(two, max_size=6, unique_by=tuple))
        pairs = [(*pair, draw(st.sampled_from([1, 1, 0.5]))) for pair in chosen]
    running = {
        silo: [
            application(
                name,
                models=("m",),
                datasets=tuple(draw(st.lists(st.sampled_from("abcd"), unique=True, max_size=2))),
                calls=draw(st.integers(0, 100)),
                period_days=30.0,
                energy_kwh=draw(number(0, 100)),
            )
            for name in draw(st.lists(st.sampled_from("uvw"), unique=True, max_size=2))
        ]
        for silo in GRIDS
    }
    return managed(held, NEEDS, applications=running, duplicates=duplicates(*pairs), draws=100)


def reversed_company(company):
    """The same company, with everything in another order."""
    catalogues = {
        silo: replace(
            one,
            datasets=one.datasets[::-1],
            applications=tuple(
                replace(app, datasets=app.datasets[::-1]) for app in one.applications[::-1]
            ),
        )
        for silo, one in reversed(company.catalogues.items())
    }
    pairs = tuple(
        replace(pair, first=pair.second, second=pair.first)
        if pair.likeness.value == "duplicate"
        else pair
        for pair in company.duplicates.pairs[::-1]
    )
    deployment = company.deployment
    return replace(
        company,
        catalogues=catalogues,
        duplicates=replace(company.duplicates, pairs=pairs),
        deployment=replace(deployment, silos=deployment.silos[::-1], sites=deployment.sites[::-1]),
    )


@given(companies())
@settings(FEW, max_examples=30)
def test_a_plan_does_not_depend_on_any_order(company):
    plan = advise(company)
    assert plan == advise(reversed_company(company))
    savings = [one.saving_g.value for one in plan.advice]
    assert savings == sorted(savings, reverse=True)


@given(companies())
@settings(FEW, max_examples=30)
def test_what_a_plan_saves_on_data_is_what_is_emitted_less(company):
    plan = advise(company, [DecisionKind.DATASET])
    assert max(Counter(one.subject for one in plan.advice).values(), default=1) == 1
    before, after, stays = [], [], set()
    chosen = {one.subject: one.recommended for one in plan.advice}
    for silo, catalogue in company.catalogues.items():
        for entry in catalogue.datasets:
            name, size = f"{silo}/{entry.id}", entry.size_bytes / 1e9
            if entry.storage_class in ("ssd", "hdd"):
                before.append(per_copy(silo, size, entry.storage_class))
                way = chosen.get(name, "keep")
                after.append(
                    {"keep": before[-1], "tier down": per_copy(silo, size, "hdd")}.get(way, 0.0)
                )
                stays |= {(silo, entry.id)} if way in ("keep", "tier down") else set()
            else:
                assert name not in chosen
    saved = math.fsum(one.saving_g.value for one in plan.advice)
    assert math.isclose(saved, math.fsum(before) - math.fsum(after), rel_tol=1e-9, abs_tol=1e-6)
    # One copy of what is deduplicated stays, and nothing goes that somebody reads there.
    pairs = [
        {pair.first, pair.second}
        for pair in company.duplicates.pairs
        if pair.likeness.value == "duplicate"
    ]
    for one in plan.advice:
        place = tuple(one.subject.split("/"))
        if one.recommended == "deduplicate":
            assert any(place in pair and (pair - {place}) <= stays for pair in pairs)
        if one.recommended in ("deduplicate", "delete"):
            assert one.irreversible
            assert one.conditions
            silos = [place[0]] if one.recommended == "deduplicate" else company.catalogues
            for silo in silos:
                readers = company.catalogues[silo].applications
                assert not any(place[1] in reader.datasets for reader in readers)
