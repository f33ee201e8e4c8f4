"""From a study of methods to what its page shows."""

from __future__ import annotations

from collections.abc import Sequence

from footprint.model import Finding, MethodRun, MethodStudy, Metric
from footprint.reporting.metrics import (
    contrast_text,
    spread_table,
)
from footprint.reporting.numbers import NOT_KNOWN, clean, percent
from footprint.reporting.registers import declared_table, file_table, term_table
from footprint.reporting.shapes import Cell, Column, EvaluationPage, Table
from footprint.reporting.study_figures import method_names, study_figures
from footprint.reporting.study_savings import saving_table
from footprint.reporting.study_texts import study_remarks, study_verdict
from footprint.reporting.view import group_notices

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
