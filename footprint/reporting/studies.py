"""From a study of methods to what its page shows."""

from __future__ import annotations

from collections.abc import Sequence

from footprint.learning.savings import Kind, Savings
from footprint.model import Contrast, Finding, MethodResult, MethodRun, MethodStudy, Metric
from footprint.model.evaluations import MORE_IS_BETTER, TO_TARGET
from footprint.reporting.metrics import (
    contrast_text,
    is_clear,
    metric_scale,
    spread_table,
    spread_text,
)
from footprint.reporting.numbers import MINUS, NOT_KNOWN, clean, number, percent, plural
from footprint.reporting.registers import declared_table, file_table, term_table
from footprint.reporting.rivalry import difference_text
from footprint.reporting.shapes import Cell, Column, EvaluationPage, Table
from footprint.reporting.study_figures import energy_kind, method_names, study_figures
from footprint.reporting.view import group_notices
from footprint.reporting.wording import capitalise

_TO_TARGET = (
    Metric.ROUNDS_TO_TARGET,
    Metric.ENERGY_TO_TARGET_KWH,
    Metric.EMISSIONS_TO_TARGET_G,
    Metric.DATA_TO_TARGET_GB,
)
_EQUAL_ROUNDS = (
    Metric.ACCURACY,
    Metric.BEST_ACCURACY,
    Metric.ENERGY_KWH,
    Metric.EMISSIONS_G,
    Metric.UP_GB,
    Metric.DOWN_GB,
)
_EVALUATED = (Metric.LAST_ACCURACY, Metric.WHOLE_ACCURACY)
_PARTS = (Metric.COMPUTE_G, Metric.NETWORK_G, Metric.EMBODIED_G, Metric.EMISSIONS_G)
_TIMES = (
    Metric.TRAINING_CPU_S,
    Metric.CPU_S,
    Metric.ELAPSED_S,
    Metric.TRAINING_KWH,
    Metric.TRAINING_MACS,
)
_BESIDE = (Metric.UPDATE_MACS, Metric.COMPARED, Metric.EVALUATION_MACS)
_AGAINST = (
    Metric.ACCURACY,
    Metric.TRAINING_KWH,
    Metric.EMISSIONS_G,
    Metric.DATA_GB,
    Metric.EMISSIONS_TO_TARGET_G,
)
_INTERVALS = (
    "Means over the seeds that every method ran; beneath, their 95 % confidence intervals "
    "(Student's t)."
)


def view_study(result: MethodStudy) -> EvaluationPage:
    """Decide everything that the page of a study says."""
    findings: dict[Finding, list[str]] = {finding: [] for finding in result.findings}
    tables = [
        _table("After the same rounds", result, _EQUAL_ROUNDS, _INTERVALS),
        saving_table(result),
    ]
    if result.target is not None:
        note = "A method that misses it with a seed has no mean: survivors are not compared."
        tables.insert(0, _table("What it took to reach the target", result, _TO_TARGET, note))
    return EvaluationPage(
        kind="study",
        title=f"Methods of training compared: {clean(result.name)}",
        verdict=study_verdict(result),
        remarks=study_remarks(result),
        results=tuple(table for table in tables if len(table.columns) > 1),
        warnings=group_notices(findings),
        figures=study_figures(result),
        details=(
            _contrast_table(result),
            _table("Emissions, by part", result, _PARTS, _PART_NOTE),
            _table("Computing", result, _TIMES, _TIME_NOTE),
            _table("Counted beside the training, in theory", result, _BESIDE, _BESIDE_NOTE),
            _table("Evaluated as trained, and with all weights", result, _EVALUATED, _WHOLE_NOTE),
            *_stop_tables(result),
        ),
        settings=(
            _setting_table(result),
            _method_table(result),
            term_table(result.terms),
            _origin_table(),
        ),
        versions=_version_table(result),
        inputs=(file_table(result.inputs), declared_table(result.declared)),
    )


_PART_NOTE = (
    "The three parts add up to the total; what is not known is in none of them. Idle power of "
    "clients and server at work is inside. Clients are measured one after the other: that the fast "
    "ones of a round wait for the slow ones, and others for being asked, is outside."
)
_TIME_NOTE = (
    "Clients read the model, train, the choice of the largest weights included, and make the "
    "answer: masks, rounding and encoding. The multiply-accumulates are theoretical, of training."
)
_BESIDE_NOTE = (
    "In no theoretical saving. The choice of filters and of frozen supports, and evaluations of "
    "all but the emulated path, are not counted; what they took is in the measured columns."
)
_WHOLE_NOTE = (
    "A model that was trained sparsely is used as sparsely. The same model with all of its weights "
    "may fail, and stands beside it; that evaluation is in no cost."
)


def _table(caption: str, result: MethodStudy, metrics: Sequence[Metric], note: str) -> Table:
    return spread_table(caption, result.methods, metrics, note, head="Method")


# --- what it says ------------------------------------------------------------


def ranked_methods(result: MethodStudy) -> list[MethodResult]:
    """List the methods that have a mean of what decides, the best first."""
    sign = -1 if result.deciding in MORE_IS_BETTER else 1
    known = [
        (one, mean) for one in result.methods if (mean := one.mean(result.deciding)) is not None
    ]
    return [one for one, _ in sorted(known, key=lambda pair: sign * pair[1])]


def study_verdict(result: MethodStudy) -> str:
    """Say which method does best, by what, and how sure that is."""
    order = ranked_methods(result)
    cut = "interrupted; " if any(f.code == "interrupted" for f in result.findings) else ""
    if not order:
        missing = "no method has a result that can be compared"
        if result.deciding in TO_TARGET:
            missing = (
                f"no method reaches an accuracy of {percent(result.target or 0.0)} with every seed"
            )
        return capitalise(f"{cut}{missing}.")
    best = order[0]
    spread = best.spread(result.deciding)
    assert spread is not None
    scale = metric_scale(result.deciding, [one.mean(result.deciding) or 0.0 for one in order])
    lead, verb = "after the same rounds", "is at an accuracy of"
    if result.deciding in TO_TARGET:
        lead, verb = f"to an accuracy of {percent(result.target or 0.0)}", "emits"
    elif result.target is not None:
        lead = f"no method reaches an accuracy of {percent(result.target)}; {lead}"
    named = f"{clean(best.name)}{', the reference,' if best.name == result.reference else ''}"
    return capitalise(
        f"{cut}{lead}, {named} {verb} {spread_text(spread, scale)}"
        f"{_beside(result, order)}, over {plural(spread.seeds, 'seed')} "
        "(factors at central values)."
    )


def _beside(result: MethodStudy, order: Sequence[MethodResult]) -> str:
    """Hold the best method against the reference; the reference against the next."""
    if order[0].name == result.reference and len(order) == 1:
        return ", the only one with a result"
    rival = order[order[0].name == result.reference]
    contrast = rival.contrast(result.deciding)
    if contrast is not None and contrast.mean == contrast.low == contrast.high == 0:
        return f", as {clean(result.reference if rival is order[0] else rival.name)} does"
    if rival is order[0]:
        if contrast is None:
            return f"; {clean(result.reference)} has no such result with every seed"
        if contrast.low is None:
            return ""
        if not is_clear(contrast):
            return f", not clearly apart from {clean(result.reference)}: {contrast_text(contrast)}"
        return f", {difference_text(contrast)} than {clean(result.reference)}"
    if contrast is None or contrast.low is None:
        return f"; {clean(rival.name)} comes next"
    if not is_clear(contrast):
        return f"; {clean(rival.name)}, the next, is not clearly apart: {contrast_text(contrast)}"
    return f"; {clean(rival.name)}, the next, has {difference_text(contrast)}"


def study_remarks(result: MethodStudy) -> tuple[str, ...]:
    """Say where emissions arise, what theory promised and what came of it, and what failed."""
    remarks = [_part_remark(result)]
    if any(finding.code == "machine-busy" for finding in result.findings):
        # Beneath the headline: hardware and idle power are charged by time.
        remarks.insert(0, "Others used the machine meanwhile: what is charged by time is too high.")
    for one in result.methods:
        savings = savings_of(result, one)
        if one.method.label and savings is not None and savings.theoretical_flops:
            kind = energy_kind(result)
            took = "" if savings.measured is None else f"; {kind}, {_took(savings.measured)}"
            remarks.append(
                f"{clean(one.name)} ({one.method.label}): in theory training takes "
                f"{percent(savings.theoretical_flops)} less work{took}."
            )
    refused = {one.name: sum(run.refused for run in one.seeds) for one in result.methods}
    remarks += [
        f"{count} answers by {clean(name)} had diverged and do not count."
        for name, count in refused.items()
        if count
    ]
    return tuple(filter(None, remarks))


def _took(saving: float) -> str:
    if saving < 0:
        return f"clients took {percent(-saving)} more energy ({_REALISED_NONE})"
    return f"clients took {percent(saving)} less energy"


_REALISED_NONE = "dense kernels multiply zeros, too"


def _part_remark(result: MethodStudy) -> str:
    reference = result.method(result.reference)
    total = reference.mean(Metric.EMISSIONS_G)
    if not total:
        return ""
    shares = [
        f"{what} {'unknown' if part is None else percent(part / total)}"
        for what, part in (
            ("computing", reference.mean(Metric.COMPUTE_G)),
            ("network", reference.mean(Metric.NETWORK_G)),
            ("hardware", reference.mean(Metric.EMBODIED_G)),
        )
    ]
    return (
        f"Of what {clean(result.reference)} emits: {', '.join(shares)}. Energy is "
        f"{energy_kind(result)}{_tier_text(result)}."
    )


def _tier_text(result: MethodStudy) -> str:
    tiers = sorted({tier for one in result.methods for run in one.seeds for tier in run.tiers})
    return f" (tier {', '.join(tiers)})" if tiers else ""


# --- three kinds of saving ---------------------------------------------------


def savings_of(result: MethodStudy, one: MethodResult) -> Savings | None:
    """Tell what a method saves of what clients compute, against the reference; None of itself."""
    if one.name == result.reference:
        return None
    measured, theory = one.contrast(Metric.TRAINING_KWH), one.contrast(Metric.TRAINING_MACS)
    theoretical = None if theory is None else _saved(theory)
    projection = result.projection
    projected = None
    # The assumption is of hardware for sparse matrices; a narrow network has none.
    if projection is not None and theoretical is not None and one.method.label:
        projected = projection.realised * theoretical
    return Savings(
        measured=None if measured is None else _saved(measured),
        theoretical_flops=theoretical,
        projected=projected,
        measured_as=Kind.MEASURED if result.measured else Kind.MODELLED_FROM_TIME,
        assumption="" if projected is None or projection is None else projection.assumption,
    )


def _saved(contrast: Contrast) -> float:
    return -contrast.mean + 0.0  # no saving is 0, not -0


def saving_table(result: MethodStudy) -> Table:
    """Show what was measured, what theory says, and what somebody assumes, side by side."""
    columns = (
        Column("Method"),
        Column(f"Saved, {energy_kind(result)}", "%", numeric=True),
        Column("Saved, theoretical flops", "%", numeric=True),
        *((Column("Saved, projected", "%", numeric=True),) if result.projection else ()),
        Column("Realised of theory", numeric=True),
    )
    rows = []
    for one in result.methods:
        savings = savings_of(result, one)
        name = Cell(clean(one.name), (one.method.label,) if one.method.label else ())
        if savings is None:
            rows.append((Cell(name.text, ("reference",)), *(Cell(NOT_KNOWN) for _ in columns[1:])))
            continue
        contrast = one.contrast(Metric.TRAINING_KWH)
        cells = [_share_cell(savings.measured, contrast), _share_cell(savings.theoretical_flops)]
        if result.projection:
            cells.append(_share_cell(savings.projected))
        realised = savings.realisation
        cells.append(Cell(NOT_KNOWN if realised is None else _two(realised)))
        rows.append((name, *cells))
    note = (
        "Of what clients compute, seed by seed: reading the model, training, making the answer; "
        "theory knows the training alone. These are three kinds of number and are never added; "
        "only the first is in emissions. Below 0: it cost more."
    )
    if result.projection is not None:
        note += (
            f" Projected: {clean(result.projection.assumption)}, "
            f"{percent(result.projection.realised)} of the theoretical saving."
        )
    return Table("Three kinds of saving at the clients", columns, tuple(rows), note=note)


def _two(value: float) -> str:
    return f"{value:.2f}".replace("-", MINUS)


def _share_cell(share: float | None, contrast: Contrast | None = None) -> Cell:
    if share is None:
        return Cell(NOT_KNOWN)
    if contrast is None or contrast.low is None or contrast.high is None:
        return Cell(number(100 * share, 1))
    width = 100 * (contrast.high - contrast.low)
    low, high = (number(-100 * end, width) for end in (contrast.high, contrast.low))
    return Cell(number(100 * share, width), (f"{low} to {high}",))


def _contrast_table(result: MethodStudy) -> Table:
    shown = [m for m in _AGAINST if any(one.contrast(m) for one in result.methods)]
    heads = {
        Metric.ACCURACY: "Accuracy in the end",
        Metric.TRAINING_KWH: "Energy of clients computing",
        Metric.EMISSIONS_G: "Emissions",
        Metric.DATA_GB: "Data",
        Metric.EMISSIONS_TO_TARGET_G: "Emissions to the target",
    }
    rows = [
        (
            Cell(clean(one.name)),
            *(
                Cell(NOT_KNOWN if contrast is None else contrast_text(contrast))
                for contrast in (one.contrast(metric) for metric in shown)
            ),
        )
        for one in result.methods
        if one.name != result.reference
    ]
    return Table(
        f"Against {clean(result.reference)}, seed by seed",
        (Column("Method"), *(Column(heads[metric]) for metric in shown)),
        tuple(rows),
    )


def _stop_tables(result: MethodStudy) -> tuple[Table, ...]:
    """Tell where the carbon rate would have stopped each run; nothing without such a rule."""
    if not any(key.startswith("stop.") for key, _ in result.declared):
        return ()
    rows = []
    for one in result.methods:
        ends = [f"seed {run.seed}: {_stop_text(run)}" for run in one.seeds]
        rows.append((Cell(clean(one.name)), Cell("; ".join(ends))))
    note = (
        "Runs went on; the rule saw at each round what it would have seen then. It saw accuracy on "
        "test data here: in a training, give it data for validation."
    )
    columns = (Column("Method"), Column("Would have stopped after"))
    return (Table("Stop by carbon rate", columns, tuple(rows), note=note),)


def _stop_text(run: MethodRun) -> str:
    if not run.course.emissions_g:
        return "emissions not known"
    return "all rounds" if run.stopped is None else f"round {run.stopped[0]}, {run.stopped[1]}"


def study_tables(result: MethodStudy) -> tuple[Table, Table]:
    """Put the figures of a study into two narrow tables, for a terminal."""
    metrics: tuple[Metric, ...] = (Metric.ACCURACY, Metric.EMISSIONS_G, Metric.DATA_GB)
    caption = "After the same rounds"
    if result.target is not None:
        metrics = (*metrics, Metric.ROUNDS_TO_TARGET, Metric.EMISSIONS_TO_TARGET_G)
        caption += ", and to the target"
    return _table(caption, result, metrics, ""), saving_table(result)


# --- settings ----------------------------------------------------------------


def _setting_table(result: MethodStudy) -> Table:
    facts = (
        *result.facts,
        ("Target", "none" if result.target is None else f"accuracy {percent(result.target)}"),
        ("Reference", result.reference),
    )
    rows = tuple((Cell(name), Cell(clean(value))) for name, value in facts)
    return Table("What all methods share", (Column("Item"), Column("Value")), rows)


def _method_table(result: MethodStudy) -> Table:
    columns = tuple(
        map(Column, ("Method", "Computes", "Sends", "As", "Local epochs", "Runs that ended"))
    )
    rows = []
    for name, one in zip(method_names(result), result.methods, strict=True):
        how = one.method
        computes = [how.path.value]
        if how.sparsity:
            computes.append(f"sparsity {how.sparsity:g}")
        if how.width < 1:
            computes.append(f"width {how.width:g}")
        sends = [how.scheme.value]
        if how.mask_ratio is not None:
            sends.append(f"r = {how.mask_ratio:g}")
        if how.feedback:
            sends.append("errors fed back")
        ended = f"{len(one.seeds)} of {len(result.seeds)}"
        failed = [f"seed {lost.seed}: {clean(lost.message)}" for lost in one.failed]
        rows.append(
            (
                Cell(name),
                Cell(", ".join(computes)),
                Cell(", ".join(sends)),
                Cell(f"{how.values.value}, {how.positions.value if sends[1:] else 'dense'}"),
                Cell(str(how.local_epochs)),
                Cell("; ".join((ended, *failed))),
            )
        )
    return Table("Methods", columns, tuple(rows))


def _origin_table() -> Table:
    rows = tuple(tuple(map(Cell, row)) for row in _ORIGINS)
    columns = (Column("Part"), Column("Of the authors"), Column("Our reading, or ours"))
    return Table("Whose it is", columns, rows)


_ORIGINS = (
    (
        "Sparse training",
        "SWAT's rule of a step, as ZeroFL uses it",
        "emulated with dense kernels; evaluated with exact thresholds",
    ),
    (
        "What is sent",
        "ZeroFL: d = 1 − sp + r of each sparse layer, three schemes, zeros count in averages",
        "an exact count; of equal magnitudes the first; bitmap, 8 and 16 bits",
    ),
    ("Bytes", "CSR, the way up alone", "the encoder's output, both ways"),
    (
        "Widths",
        "HeteroFL: leading channels, averages where they overlap",
        "slices of one first model, without its scaling and its batch statistics",
    ),
    ("Filters, frozen supports", "", "ours: variants, not SWAT"),
    ("Energy and time", "neither was measured", "measured here, on the run as it was"),
)


def _version_table(result: MethodStudy) -> Table:
    rows = (
        (Cell("Study"), Cell(clean(result.name))),
        (Cell("footprint version"), Cell(clean(result.tool_version))),
        (
            Cell("Emission factors"),
            Cell(f"{clean(result.catalogue_version)} ({clean(result.catalogue_digest[:12])})"),
        ),
        (Cell("Seeds"), Cell(", ".join(map(str, result.seeds)))),
    )
    return Table("Versions", (Column("Item"), Column("Value")), rows)
