"""Analyses over silos, against the same figures of all rows in one place."""

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest

from footprint.errors import UsageError
from footprint.management.analytics import Came, Reply, merge_answers
from footprint.management.answers import SPENT
from footprint.management.declaration import read_silo
from footprint.management.likeness import Likeness, compare_schemas, measure_drift
from footprint.management.questions import Question, Statistic
from footprint.management.scanning import scan_silo
from footprint.management.summaries import QuantileSketch
from tests.management_silos import (
    COUNTRIES,
    ROWS,
    Company,
    answers,
    declare,
    make_company,
    write,
)

NOW_S = 4e9


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    return make_company(tmp_path_factory.mktemp("company"))


def ask(statistic, column=None, **more):
    dataset = None if statistic == "duplicates" else "bookings"
    return Question(
        **{"id": "q1", "statistic": Statistic(statistic), "dataset": dataset, "column": column}
        | more
    )


FARES = {"lower": 0.0, "upper": 2000.0, "cells": 4000}
QUESTIONS = [
    ask("rows"),
    ask("distinct", "customer"),
    ask("quantiles", "fare", **FARES),
    ask("histogram", "fare", lower=0.0, upper=1000.0, cells=20),
    ask("frequent", "country"),
    ask("frequent", "customer"),
    ask("duplicates"),
]


@pytest.fixture(scope="module")
def catalogues(company):
    return {name: scan_silo(read_silo(folder), NOW_S) for name, folder in company.folders.items()}


@pytest.fixture(scope="module")
def honest(company):
    """What silos answer, by statistic."""
    asked = {str(question.statistic): question for question in QUESTIONS[1:3]}
    return {name: (question, answers(company, question)) for name, question in asked.items()}


def changed(reply, part=None, **head):
    """A reply whose head says something else."""
    document = json.loads(reply.head) | head
    if part is not None:
        document["parts"][0].update(part)
    return Reply(json.dumps(document), reply.sketches)


def test_rows_are_counted(company):
    found = merge_answers(ask("rows"), answers(company, ask("rows")))
    assert found.rows == 3 * ROWS
    assert found.answered == 3
    assert [(one.low, one.value, one.high) for one in found.estimates] == [(12000,) * 3]
    sizes = [(folder / "bookings.csv").stat().st_size for folder in company.folders.values()]
    assert found.raw_bytes == sum(sizes)


def test_a_distinct_count_is_within_two_percent(company):
    question = ask("distinct", "customer")
    (found,) = merge_answers(question, answers(company, question)).estimates
    exact = len(np.unique(company.customers))
    assert found.value == pytest.approx(exact, rel=0.02)
    assert found.low <= exact <= found.high


def test_quantiles_are_within_one_percent_of_rank(company):
    ranks = (0.05, 0.25, 0.5, 0.75, 0.95)
    question = ask("quantiles", "fare", ranks=ranks, **FARES)
    found = merge_answers(question, answers(company, question)).estimates
    exact = np.sort(company.fares)
    for rank, estimate in zip(ranks, found, strict=True):
        assert abs(np.searchsorted(exact, estimate.value) / len(exact) - rank) < 0.01


def test_a_histogram_bounds_every_cell(company):
    question = ask("histogram", "fare", lower=0.0, upper=1000.0, cells=20)
    found = merge_answers(question, answers(company, question)).estimates
    edges = [-np.inf, *np.linspace(0, 1000, 21), np.inf]
    counts = np.histogram(company.fares, edges)[0]
    for estimate, count in zip(found[:22], counts, strict=True):
        assert estimate.low <= count <= estimate.high
    # What silos tell only together is counted exactly.
    sums = {one.name: one.value for one in found[22:]}
    (last,) = (name for name in sums if name.endswith(", inf) in all"))
    lower = float(last[1:].partition(",")[0])
    assert sums[last] == (company.fares >= lower).sum()
    assert lower < 1000


def test_frequent_values_are_named_only_where_many_share_them(company):
    question = ask("frequent", "country")
    found = merge_answers(question, answers(company, question))
    named = {found.labels[one.name]: one for one in found.estimates}
    # Gibraltar has 8 rows in each silo; if Andorra were told, so would these.
    assert set(named) == set(COUNTRIES[:2])
    for country, estimate in named.items():
        assert estimate.low <= (company.countries == country).sum() <= estimate.high


def test_values_of_a_column_that_no_silo_allows_have_no_names(company):
    question = ask("frequent", "customer", minimum_rows=1)
    found = merge_answers(question, answers(company, question))
    assert found.labels == {}


def test_no_value_of_a_record_is_in_what_is_sent(company):
    raw = [
        cell.encode()
        for folder in company.folders.values()
        for line in (folder / "bookings.csv").read_text().splitlines()[1:]
        for cell in line.split(",")[:2]
    ]
    fares = [float(cell) for cell in raw[1::2]]
    raw += [np.array(fare, dtype=kind).tobytes() for fare in fares for kind in ("<f8", "<f4")]
    needles = {cell for cell in raw if len(cell) > 3}
    for question in QUESTIONS:
        for reply in answers(company, question).values():
            sent = b"\n".join([reply.head.encode(), *reply.sketches])
            # Every run of bytes as long as a needle, against all needles of that length.
            for length in {len(needle) for needle in needles}:
                assert not runs(sent, length) & needles, question.statistic
    line = (company.folders["nice"] / "bookings.csv").read_bytes().splitlines()[1]
    assert any(runs(line, len(needle)) & needles for needle in needles)  # it would be found


def runs(data, length):
    return {data[k : k + length] for k in range(len(data) - length + 1)}


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: f"{q.statistic}-{q.column}")
def test_the_order_of_silos_does_not_matter(company, question):
    replies = answers(company, question)
    results = [
        merge_answers(question, dict(order)) for order in itertools.permutations(replies.items())
    ]
    assert all(result == results[0] for result in results)
    assert not results[0].refused


def test_planted_duplicates_are_found_across_silos_and_none_is_invented(tmp_path):
    company = make_company(tmp_path)
    question = ask("duplicates")
    assert merge_answers(question, answers(company, question)).pairs == ()

    lines = (company.folders["madrid"] / "bookings.csv").read_text().splitlines()
    nice, lisbon = company.folders["nice"], company.folders["lisbon"]
    write(nice, "copy", [lines[0], *lines[:0:-1]])  # in another order
    write(nice, "near", [lines[0], *lines[41:]])  # 99 %
    write(lisbon, "part", lines[:401])
    write(lisbon, "half", lines[:2001] + [line + "x" for line in lines[2001:]])
    declare(nice, "nice", ["bookings", "copy", "near"])
    declare(lisbon, "lisbon", ["bookings", "part", "half"])
    found = merge_answers(question, answers(company, question)).pairs
    kinds = {frozenset((pair.first[1], pair.second[1])): pair.likeness for pair in found}
    duplicates = {pair for pair, kind in kinds.items() if kind is Likeness.DUPLICATE}
    assert duplicates == set(
        map(frozenset, itertools.combinations(("bookings", "copy", "near"), 2))
    )
    contained = {(p.first[1], p.second[1]) for p in found if p.likeness is Likeness.CONTAINED}
    # The first 400 rows: all of them in two datasets, 360 in the one that lacks the first 40.
    assert contained >= {("part", "bookings"), ("part", "copy")}
    assert not any("half" in pair and kinds[pair] is Likeness.DUPLICATE for pair in kinds)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"minimum_rows": ROWS + 1}, "0 of 3 silos can be used"),
        ({"minimum_silos": 4}, "3 of 3 silos can be used"),
    ],
)
def test_a_cohort_below_the_minimum_is_refused(company, more, why):
    question = ask("rows", **more)
    found = merge_answers(question, answers(company, question))
    assert found.refused.startswith(why)
    assert (found.rows, found.estimates, found.merged) == (None, (), None)


def test_a_silo_keeps_its_own_minimum_whatever_is_asked(tmp_path):
    company = make_company(tmp_path)
    declare(company.folders["nice"], "nice", ["bookings"], top="minimum-rows = 5000")
    question = ask("distinct", "customer", minimum_rows=1)
    replies = answers(company, question)
    assert replies["nice"].sketches == ()
    found = merge_answers(question, replies)
    assert {one.silo: one.came for one in found.coverage}["nice"] is Came.REFUSED
    assert found.rows == 2 * ROWS


def test_late_and_refusing_silos_are_said_and_not_counted(company):
    question = ask("rows")
    replies = answers(company, question) | {"oslo": Came.LATE, "paris": Came.FAILED}
    found = merge_answers(question, replies)
    came = {one.silo: one.came for one in found.coverage}
    assert (came["oslo"], came["paris"]) == (Came.LATE, Came.FAILED)
    assert found.answered == 3
    assert found.rows == 3 * ROWS


@pytest.mark.parametrize(
    "forge",
    [
        lambda r: Reply("", ()),
        lambda r: Reply("{" * 10_000, r.sketches),
        lambda r: Reply(r.head, ()),
        lambda r: Reply(r.head, r.sketches * 2),
        lambda r: Reply(r.head, (b"\xff" * len(r.sketches[0]),)),
        lambda r: Reply(r.head, (r.sketches[0][:-8],)),
        lambda r: changed(r, silo="lisbon"),
        lambda r: changed(r, analysis="q2"),
        lambda r: changed(r, reason="\x1b[2J"),
        lambda r: changed(r, parts=[]),
        lambda r: changed(r, {"rows": 10}),
        lambda r: changed(r, {"rows": 10**12}),
        lambda r: changed(r, {"rows": 10**15}),
        lambda r: changed(r, {"rows": -5}),
        lambda r: changed(r, {"rows": 1500}),
        lambda r: changed(r, {"least": 1}),
        lambda r: changed(r, {"dataset": "salaries"}),
        lambda r: changed(r, {"size_bytes": None}),
        lambda r: changed(r, {"labels": [["zz", "x"]]}),
        lambda r: changed(r, {"more": 1}),
    ],
)
@pytest.mark.parametrize("statistic", ["distinct", "quantiles"])
def test_a_forged_answer_is_left_out_and_poisons_nothing(honest, catalogues, statistic, forge):
    question, replies = honest[statistic]
    check_forged(question, replies, catalogues, forge)


@pytest.mark.parametrize("key", [None, "0" * 16, "x"])
def test_hashes_without_the_common_key_are_left_out(honest, catalogues, key):
    question, replies = honest["distinct"]
    check_forged(question, replies, catalogues, lambda reply: changed(reply, key_id=key))


def check_forged(question, replies, catalogues, forge):
    found = merge_answers(question, replies | {"madrid": forge(replies["madrid"])}, catalogues)
    came = {one.silo: one for one in found.coverage}
    assert came["madrid"].came is Came.FORGED
    assert came["madrid"].reason.isprintable()
    others = {name: reply for name, reply in replies.items() if name != "madrid"}
    without = merge_answers(question, others, catalogues)
    assert found.answered == 2
    assert found.estimates == without.estimates
    assert found.rows == without.rows


@pytest.mark.parametrize("rows", [19, 3999, 4100, 10**6, 10**13])
@pytest.mark.parametrize("epsilon", [None, 1.0])
def test_a_histogram_of_other_rows_than_it_says_is_forged(tmp_path, rows, epsilon):
    company = make_company(tmp_path)
    for name, folder in company.folders.items():
        declare(folder, name, ["bookings"], top='epsilon-limit = 1\nexact = ["histogram"]')
    question = ask("histogram", "fare", lower=0.0, upper=1000.0, cells=2, epsilon=epsilon)
    replies = answers(company, question)
    if rows == json.loads(replies["madrid"].head)["parts"][0]["rows"]:
        rows += 1  # noise happened to be just that
    found = merge_answers(
        question, replies | {"madrid": changed(replies["madrid"], {"rows": rows})}
    )
    assert [one.came for one in found.coverage].count(Came.FORGED) == 1


def test_a_noisy_count_is_held_against_the_catalogue(company, catalogues):
    question = ask("rows", epsilon=1.0)
    part = {"dataset": "bookings", "missing": None, "size_bytes": None}
    head = json.loads(answers(company, ask("rows"))["nice"].head)
    head["parts"][0].update(part)
    came = []
    for rows in (4000, 4030, 9000):
        head["parts"][0]["rows"] = rows
        found = merge_answers(question, {"nice": Reply(json.dumps(head), (b"",))}, catalogues)
        came.append(found.coverage[0].came)
    assert came == [Came.ANSWERED, Came.ANSWERED, Came.FORGED]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: f"{q.statistic}-{q.column}")
def test_a_damaged_answer_never_stops_an_analysis(company, catalogues, question):
    honest = answers(company, question)
    head, sketch = honest["madrid"].head.encode(), honest["madrid"].sketches[0]
    rng = np.random.default_rng(8)
    forged = 0
    for _ in range(60):
        parts = [bytearray(head), bytearray(sketch)]
        part = parts[int(rng.integers(2)) if sketch else 0]
        for place in rng.integers(len(part), size=3):
            part[place] = rng.integers(256)
        reply = Reply(parts[0].decode("utf-8", "surrogateescape"), (bytes(parts[1]),))
        found = merge_answers(question, honest | {"madrid": reply}, catalogues)
        forged += [one.came for one in found.coverage].count(Came.FORGED)
        assert 2 * ROWS <= found.rows <= 4 * ROWS  # at most what its catalogue allows
    assert forged > 10


def test_hashes_of_two_questions_under_one_id_cannot_be_joined(company):
    heads = [
        answers(company, ask("frequent", "country", minimum_rows=rows))["nice"].head
        for rows in (20, 21, 20)
    ]
    one, other, again = ({h for h, _ in json.loads(head)["parts"][0]["labels"]} for head in heads)
    assert one
    assert not one & other
    assert one == again


def test_silos_with_another_secret_are_left_out_and_a_tie_refuses_all(company):
    question = ask("distinct", "customer")
    ours, theirs = answers(company, question), answers(company, question, "s" * 32)
    found = merge_answers(question, ours | {"nice": theirs["nice"]})
    assert [one.came for one in found.coverage] == [Came.ANSWERED, Came.ANSWERED, Came.FORGED]
    tied = merge_answers(question, {"lisbon": ours["lisbon"], "nice": theirs["nice"]})
    assert tied.refused
    assert all(one.came is Came.FORGED for one in tied.coverage)
    nobody = merge_answers(question, answers(company, question, None))
    assert {one.came for one in nobody.coverage} == {Came.REFUSED}


def test_noise_is_paid_for_and_refused_when_it_is_spent(tmp_path):
    company = make_company(tmp_path)
    for name, folder in company.folders.items():
        declare(folder, name, ["bookings"], top="epsilon-limit = 1.5")
    question = ask("rows", epsilon=0.5)
    for _ in range(3):
        found = merge_answers(question, answers(company, question))
        (estimate,) = found.estimates
        assert abs(estimate.value - 3 * ROWS) < 200  # 1 in 10^40 draws is farther
        assert estimate.high - estimate.low >= 2
        assert found.raw_bytes is None
    found = merge_answers(question, answers(company, question))
    assert "spent" in found.coverage[0].reason
    assert found.refused
    spent = (company.folders["nice"] / SPENT).read_text().splitlines()
    assert [json.loads(line)["epsilon"] for line in spent] == [0.5] * 3


def test_a_silo_without_a_limit_says_so_and_one_with_too_little_left_what_is_left(tmp_path):
    company = make_company(tmp_path)
    declare(company.folders["nice"], "nice", ["bookings"], top="epsilon-limit = 0.7")
    question = ask("rows", epsilon=0.5, minimum_silos=1)
    first, second = (merge_answers(question, answers(company, question)) for _ in range(2))
    assert (first.answered, first.refused) == (1, "")
    reasons = {one.silo: one.reason for one in second.coverage}
    for name in ("lisbon", "madrid"):
        assert reasons[name].startswith("This silo has no epsilon-limit")
        assert not (company.folders[name] / "epsilon.jsonl").exists()
    assert "0.7 for all questions, 0.5 is spent; this one needs 0.5." in reasons["nice"]


def test_without_a_result_no_count_is_told_and_what_was_spent_is(tmp_path):
    company = make_company(tmp_path)
    declare(company.folders["nice"], "nice", ["bookings"], top="epsilon-limit = 1")
    question = ask("rows", epsilon=0.4)
    found = merge_answers(question, answers(company, question))
    assert found.refused == (
        "1 of 3 silos can be used; at least 2 must. An epsilon of 0.4 is spent all the same, "
        "by nice."
    )
    assert [one.rows for one in found.coverage] == [None] * 3
    question = ask("rows", epsilon=0.4, minimum_rows=10 * ROWS)
    found = merge_answers(question, answers(company, question))
    (reason,) = [one.reason for one in found.coverage if one.silo == "nice"]
    assert "an epsilon of 0.4 was spent on it" in reason


def test_a_limit_of_epsilon_leaves_no_exact_answer_beside_it(tmp_path):
    company = make_company(tmp_path)
    for name, folder in company.folders.items():
        declare(folder, name, ["bookings"], top='epsilon-limit = 1\nexact = ["distinct"]')
    for question in QUESTIONS:
        found = merge_answers(question, answers(company, question))
        if question.statistic is Statistic.DISTINCT:
            assert found.answered == 3
            continue
        assert all("noise alone" in one.reason for one in found.coverage)
        assert all(reply.sketches == () for reply in answers(company, question).values())
    assert merge_answers(ask("rows", epsilon=0.5), answers(company, ask("rows", epsilon=0.5))).rows


def salaries(folder, top=950_900.0):
    """One silo of 100 people, one of whom earns most by far."""
    paid = [f"p{k},{30_000 + 100 * k},{'no' if k else 'yes'}" for k in range(99)]
    folder.mkdir()
    write(folder, "staff", ["person,salary,ill", *paid, f"p99,{top},no"])
    (folder / "silo.toml").write_text(
        'name = "oslo"\n[[datasets]]\nid = "staff"\npath = "staff.csv"\n'
    )
    return Company({"oslo": folder}, np.array([]), np.array([]), np.array([]))


def ask_staff(statistic, column, **more):
    return ask(statistic, column, **{"dataset": "staff", "minimum_silos": 1} | more)


@pytest.mark.parametrize("statistic", ["histogram", "quantiles"])
@pytest.mark.parametrize(("upper", "cells"), [(1e5, 1), (945_312, 1), (953_125, 2), (1e6, 1000)])
def test_nobody_finds_the_salary_of_one_person_by_moving_the_grid(
    tmp_path, statistic, upper, cells
):
    question = ask_staff(
        statistic, "salary", lower=0.0, upper=upper, cells=cells, ranks=(0.5, 0.999)
    )
    told = []
    for name, top in (("rich", 950_900.0), ("poor", 39_800.0)):
        company = salaries(tmp_path / name, top)
        told.append(merge_answers(question, answers(company, question)).estimates)
    assert told[0] == told[1]
    last = next(one for one in told[0][::-1] if not one.name.endswith("in all"))
    assert last.value is None
    assert last.high is None or last.high - last.low >= 20


def test_one_person_with_another_value_is_not_counted(tmp_path):
    found = {}
    for value in ("yes", "no"):
        company = salaries(tmp_path / value)
        path = company.folders["oslo"] / "staff.csv"
        path.write_text(path.read_text().replace(",yes", f",{value}"))
        distinct, frequent = (ask_staff(name, "ill") for name in ("distinct", "frequent"))
        (count,) = merge_answers(distinct, answers(company, distinct)).estimates
        named = merge_answers(frequent, answers(company, frequent)).estimates
        found[value] = count, named
        assert count.low <= len({"no", value}) <= count.high
    assert found["yes"][0] == found["no"][0]
    assert found["yes"][1] == ()  # 99 of 100 would tell of the one


@pytest.mark.parametrize("few", [0, 1, 19])
def test_how_many_rows_lack_a_value_is_told_only_if_they_are_many(tmp_path, few):
    company = salaries(tmp_path / "x")
    path = company.folders["oslo"] / "staff.csv"
    path.write_text(path.read_text() + "".join(f"q{k},,no\n" for k in range(few)))
    question = ask_staff("distinct", "salary")
    (part,) = json.loads(answers(company, question)["oslo"].head)["parts"]
    assert (part["rows"], part["missing"]) == (100, 0)


def test_a_few_rows_that_two_datasets_share_are_not_told(tmp_path):
    company = make_company(tmp_path)
    lines = (company.folders["madrid"] / "bookings.csv").read_text().splitlines()
    nice = company.folders["nice"]
    old = (nice / "bookings.csv").read_text().splitlines()
    question = ask("duplicates", similarity=1e-6)
    for shared, pairs in ((19, 0), (20, 1)):
        write(nice, "bookings", [*old, *lines[1 : shared + 1]])
        assert len(merge_answers(question, answers(company, question)).pairs) == pairs


def test_noise_is_never_free(company):
    found = answers(company, ask("rows", epsilon=0.5))
    assert all(not reply.sketches for reply in found.values())  # no limit is declared


def test_a_noisy_histogram_keeps_its_rows(tmp_path):
    company = make_company(tmp_path)
    for name, folder in company.folders.items():
        declare(folder, name, ["bookings"], top="epsilon-limit = 5")
    question = ask("histogram", "fare", lower=0.0, upper=1000.0, cells=4, epsilon=1.0)
    found = merge_answers(question, answers(company, question))
    exact = np.histogram(company.fares, [-np.inf, 0, 250, 500, 750, 1000, np.inf])[0]
    for estimate, count in zip(found.estimates, exact, strict=True):
        assert abs(estimate.value - count) < 150
    assert found.rows == sum(one.value for one in found.estimates)


def test_drift_is_that_of_the_cells(company):
    question = ask("quantiles", "fare", minimum_silos=1, **FARES)
    replies = answers(company, question)
    one, other = (
        merge_answers(question, {name: replies[name]}).merged for name in ("lisbon", "nice")
    )
    drift = measure_drift(one, other)
    first, second = np.sort(company.fares[:ROWS]), np.sort(company.fares[2 * ROWS :])
    every = np.concatenate([first, second])
    cdfs = [np.searchsorted(part, every, side="right") / ROWS for part in (first, second)]
    exact = np.abs(cdfs[0] - cdfs[1]).max()
    assert exact > 0.2
    assert drift.ks.low - 0.005 <= exact <= drift.ks.high + 0.005  # what a cell of 0.5 hides
    assert measure_drift(one, one).ks.value == 0
    counts = ask("histogram", "fare", lower=0.0, upper=1000.0, cells=4, minimum_silos=1)
    replies = answers(company, counts)
    one, other = (
        merge_answers(counts, {name: replies[name]}).merged for name in ("lisbon", "nice")
    )
    # The groups that both tell: nobody is below 0, and few are above 1000.
    starts = np.intersect1d(one.starts, other.starts)
    assert 2 < len(starts) < 6
    sums = (np.add.reduceat(part.counts, starts) + 0.5 for part in (one, other))
    p, q = (part / part.sum() for part in sums)
    assert measure_drift(one, other).psi == pytest.approx(((p - q) * np.log(p / q)).sum())
    with pytest.raises(UsageError):
        measure_drift(one, QuantileSketch.of(company.fares, one.grid))
    with pytest.raises(UsageError, match="refused"):
        measure_drift(None, None)


def test_datasets_with_the_same_columns_are_found(company):
    catalogues = [scan_silo(read_silo(folder), NOW_S) for folder in company.folders.values()]
    found = compare_schemas(catalogues, 0.5)
    assert len(found) == 3
    assert all(share == 1 for _, _, share in found)
    assert found[0][:2] == (("lisbon", "bookings"), ("madrid", "bookings"))


@pytest.mark.parametrize(
    "change",
    [
        {"id": "Q 1"},
        {"id": "../x"},
        {"dataset": None},
        {"column": "fare"},
        {"minimum_rows": 0},
        {"minimum_silos": 0},
        {"epsilon": -1.0},
        {"statistic": Statistic.DISTINCT, "column": "a", "epsilon": 1.0},
        {"statistic": Statistic.DISTINCT},
        {"statistic": Statistic.QUANTILES, "column": "fare"},
        {"statistic": Statistic.QUANTILES, "column": "fare", "ranks": (0.5, 1.5)} | FARES,
    ],
)
def test_a_question_that_means_nothing_is_refused(change):
    with pytest.raises(UsageError):
        replace(ask("rows"), **change)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"dataset": "salaries"}, "no such dataset"),
        ({"statistic": Statistic.DISTINCT, "column": "salary"}, "no such column"),
        ({"statistic": Statistic.QUANTILES, "column": "country"} | FARES, "no numbers"),
    ],
)
def test_a_silo_says_why_it_does_not_answer(company, change, reason):
    question = replace(ask("rows"), **change)
    found = merge_answers(question, answers(company, question))
    assert all(reason in one.reason for one in found.coverage)
    assert found.refused


def test_a_file_that_broke_is_a_refusal_without_its_content(tmp_path):
    company = make_company(tmp_path)
    write(company.folders["nice"], "bookings", ["customer,fare,country", "ana@example.org,1"])
    replies = answers(company, ask("rows"))
    assert "data" in replies["nice"].head
    assert "ana@" not in replies["nice"].head
    assert merge_answers(ask("rows"), replies).answered == 2


def sample_silo(folder, rows=400_000):
    """Declare the bookings of a silo as a sample of more."""
    path = folder / "silo.toml"
    old = 'path = "bookings.csv"\n'
    path.write_text(path.read_text().replace(old, f'{old}size = "2 TB"\nrows = {rows}\n'))


def test_of_samples_rows_are_declared_and_the_rest_is_said_to_be_of_a_sample(tmp_path):
    company = make_company(tmp_path)
    sample_silo(company.folders["nice"])
    scanned = {name: scan_silo(read_silo(f), NOW_S) for name, f in company.folders.items()}
    rows, customers = ask("rows"), ask("distinct", "customer")
    counted = merge_answers(rows, answers(company, rows), scanned)
    assert counted.rows == 400_000 + 2 * ROWS
    assert counted.raw_bytes > 2e12  # to count them all, all would have to move
    assert not any(one.sampled for one in counted.coverage)
    found = merge_answers(customers, answers(company, customers), scanned)
    assert {one.silo: (one.rows, one.sampled) for one in found.coverage} == {
        "lisbon": (ROWS, False),
        "madrid": (ROWS, False),
        "nice": (ROWS, True),
    }
    assert found.raw_bytes < 1e6


def test_a_sample_with_more_rows_than_its_catalogue_has_sampled_is_forged(tmp_path):
    company = make_company(tmp_path)
    sample_silo(company.folders["nice"])
    scanned = {name: scan_silo(read_silo(f), NOW_S) for name, f in company.folders.items()}
    question = ask("frequent", "country")
    honest = answers(company, question)
    # Far below the rows of the whole, and still more than the sample can have.
    for part, words in (
        ({"rows": 3 * ROWS}, f"says {ROWS:,}"),
        ({"sampled": False}, "what is a sample"),
    ):
        forged = honest | {"nice": changed(honest["nice"], part)}
        coverage = merge_answers(question, forged, scanned).coverage
        assert {one.silo: one.came for one in coverage}["nice"] is Came.FORGED
        assert words in coverage[-1].reason


def test_duplicates_that_were_found_on_samples_say_so(tmp_path):
    company = make_company(tmp_path)
    nice, lisbon = company.folders["nice"], company.folders["lisbon"]
    lines = (company.folders["madrid"] / "bookings.csv").read_text().splitlines()
    write(nice, "bookings", [lines[0], *lines[:0:-1]])
    write(lisbon, "copy", lines)
    declare(lisbon, "lisbon", ["bookings", "copy"])
    sample_silo(nice)
    question = ask("duplicates")
    pairs = merge_answers(question, answers(company, question)).pairs
    found = {(pair.first, pair.second): pair.sampled for pair in pairs}
    whole = ("lisbon", "copy"), ("madrid", "bookings")
    assert found.pop(whole) is False
    assert len(found) == 2
    assert all(found.values())


def test_a_similarity_of_one_takes_only_what_is_the_same(tmp_path):
    company = make_company(tmp_path)
    lines = (company.folders["madrid"] / "bookings.csv").read_text().splitlines()
    write(company.folders["nice"], "bookings", lines)
    write(company.folders["lisbon"], "bookings", lines[:-1])
    question = ask("duplicates", similarity=1.0)
    (pair,) = (
        one
        for one in merge_answers(question, answers(company, question)).pairs
        if one.likeness is Likeness.DUPLICATE
    )
    assert {pair.first[0], pair.second[0]} == {"madrid", "nice"}
