"""Runs of several methods side by side, seed by seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from footprint._version import __version__
from footprint.documents import input_file
from footprint.model import (
    Contrast,
    FailedSeed,
    Finding,
    InputFile,
    MethodResult,
    MethodStudy,
    Metric,
    Severity,
    Spread,
    Term,
)
from footprint.model.evaluations import TO_TARGET, common_seeds
from footprint.scheduling.spreads import contrast_of, spread_of
from footprint.studies.measures import Measured
from footprint.studies.plan import DIGITS, StudyPlan

Runs = Mapping[str, Mapping[int, Measured]]
"""Runs by method and seed."""
Figures = Mapping[int, Mapping[Metric, float | None]]
"""Figures by seed."""
# On a quiet machine the two are about the same; the clock of processes may tick in 10 ms.
_BUSY = 1.3
INTERRUPTED = "interrupted"
"""What is said of a run that did not come to its end."""


def compare_methods(
    plan: StudyPlan, runs: Runs, failed: Mapping[str, Sequence[FailedSeed]]
) -> MethodStudy:
    """Sum each method up over the seeds that all ran, and hold it against the reference.

    Parameters
    ----------
    plan : StudyPlan
    runs : mapping of str to mapping of int to Measured
        By method and seed.
    failed : mapping of str to sequence of FailedSeed
    """
    every: Runs = {method.name: runs.get(method.name, {}) for method in plan.method}
    common = common_seeds(list(by_seed) for by_seed in every.values())
    figures: dict[str, Figures] = {
        name: {seed: by_seed[seed].run.figures for seed in common if seed in by_seed}
        for name, by_seed in every.items()
    }
    known = _known_metrics(every)
    reference = plan.method[0].name
    methods = tuple(
        MethodResult(
            method=method,
            seeds=tuple(every[method.name][seed].run for seed in sorted(every[method.name])),
            failed=tuple(sorted(failed.get(method.name, ()), key=lambda one: one.seed)),
            spreads=_spreads(known, figures[method.name]),
            contrasts=()
            if method.name == reference
            else _contrasts(known, figures[method.name], figures[reference]),
        )
        for method in plan.method
    )
    any_run = next(one for by_seed in every.values() for one in by_seed.values())
    return MethodStudy(
        name=plan.name,
        facts=_facts(plan),
        methods=methods,
        reference=reference,
        target=plan.target,
        deciding=_deciding(plan, every),
        projection=plan.projection,
        seeds=tuple(range(plan.seeds)),
        terms=_terms(every),
        catalogue_version=any_run.catalogue[0],
        catalogue_digest=any_run.catalogue[1],
        findings=(*_summed(every), *_remarks(plan, methods, failed), *_at_chance(every)),
        inputs=_inputs(plan),
        declared=plan.declared,
        tool_version=__version__,
    )


def _spreads(known: Sequence[Metric], figures: Figures) -> tuple[Spread, ...]:
    if not figures:
        return ()
    return tuple(
        spread_of(metric, list(_column(figures, metric).values()), reached_last=metric in TO_TARGET)
        for metric in known
    )


def _contrasts(
    known: Sequence[Metric], figures: Figures, reference: Figures
) -> tuple[Contrast, ...]:
    found = (
        contrast_of(metric, _column(figures, metric), _column(reference, metric))
        for metric in known
    )
    return tuple(contrast for contrast in found if contrast is not None)


def _terms(every: Runs) -> tuple[Term, ...]:
    """List the factors that any run used, each once."""
    runs = (one for by_seed in every.values() for one in by_seed.values())
    return tuple({term.id: term for one in runs for term in one.terms}.values())


def _column(figures: Figures, metric: Metric) -> dict[int, float | None]:
    return {seed: values.get(metric) for seed, values in figures.items()}


def _known_metrics(every: Runs) -> list[Metric]:
    """List the metrics that any run has, in the order of `Metric`."""
    known = {
        metric
        for by_seed in every.values()
        for one in by_seed.values()
        for metric, value in one.run.figures.items()
        if value is not None
    }
    return [metric for metric in Metric if metric in known]


def _deciding(plan: StudyPlan, every: Runs) -> Metric:
    """Find what methods are judged by: emissions to the target, or accuracy if nobody got there."""
    reached = any(
        one.run.figures.get(Metric.EMISSIONS_TO_TARGET_G) is not None
        for by_seed in every.values()
        for one in by_seed.values()
    )
    return Metric.EMISSIONS_TO_TARGET_G if plan.target and reached else Metric.ACCURACY


def _summed(every: Runs) -> tuple[Finding, ...]:
    """Keep one finding of each code and remedy; others like it hang on the run."""
    kept: dict[tuple[str, str], Finding] = {}
    for by_seed in every.values():
        for one in by_seed.values():
            for finding in one.findings:
                kept.setdefault((finding.code, finding.remedy), finding)
    return tuple(kept.values())


def _remarks(
    plan: StudyPlan,
    methods: Sequence[MethodResult],
    failed: Mapping[str, Sequence[FailedSeed]],
) -> Iterator[Finding]:
    """Say what a reader must know before believing it."""
    for name, seeds in failed.items():
        for lost in seeds:
            code = "interrupted" if lost.message == INTERRUPTED else "run-failed"
            message = f"Method {name!r}, seed {lost.seed}: {lost.message}"
            yield Finding(code, message, Severity.ERROR)
    common = common_seeds([run.seed for run in one.seeds] for one in methods)
    if len(common) == 1:
        yield Finding(
            "one-seed",
            "Methods are compared over one seed: nothing says how much of a difference is chance.",
            remedy="Run three seeds or more: --seeds 3.",
        )
    for one in methods:
        spread = one.spread(Metric.ROUNDS_TO_TARGET)
        known = 0 if spread is None else spread.known
        if plan.target is not None and one.seeds and known < len(common):
            yield Finding(
                "target-not-reached",
                f"{one.name!r} reached an accuracy of {plan.target:g} with {known} of "
                f"{len(common)} seeds; so it has no mean of what it took.",
                remedy="Give it more rounds, or take a lower target.",
            )
    yield from _busy(methods)
    emulated = [repr(one.name) for one in methods if one.method.label]
    if emulated:
        yield Finding(
            "emulated",
            f"{', '.join(emulated)}: sparse training multiplies zeros with dense kernels here. Its "
            "theoretical saving is for research; what it took is in the measured columns.",
            Severity.INFO,
        )


def _at_chance(every: Runs) -> Iterator[Finding]:
    """Say which methods learnt nothing: what they saved, they saved for nothing."""
    counts = {
        name: sum(not one.learnt for one in by_seed.values()) for name, by_seed in every.items()
    }
    told = [
        f"{name!r} ({count} of {len(every[name])} runs)" for name, count in counts.items() if count
    ]
    if told:
        yield Finding(
            "nothing-learnt",
            f"{', '.join(told)}: the accuracy in the end is no more than always answering the most "
            "frequent class would give.",
            remedy="Change its learning rate, or give it more rounds, before costs are compared.",
        )


def _busy(methods: Sequence[MethodResult]) -> Iterator[Finding]:
    """Say that others used the machine: a run computes on one thread, and waits for nobody."""
    ratios = [
        elapsed_s / cpu_s
        for one in methods
        for run in one.seeds
        if (elapsed_s := run.figures.get(Metric.ELAPSED_S))
        and (cpu_s := run.figures.get(Metric.CPU_S))
    ]
    if ratios and max(ratios) > _BUSY:
        yield Finding(
            "machine-busy",
            f"Runs took {min(ratios):.1f} to {max(ratios):.1f} times their processor time: others "
            "used this machine. Idle power and hardware are charged by time, so energy and "
            "emissions are too high, and not alike for all methods.",
            remedy="Run the study on a quiet machine; compare what clients compute until then.",
        )


def _facts(plan: StudyPlan) -> tuple[tuple[str, str], ...]:
    data, training, server = plan.data, plan.training, plan.server
    source = "digits of scikit-learn" if data.source == DIGITS else Path(data.folder or "").name
    return (
        ("Data", source),
        ("Clients", f"{plan.clients} of {data.samples} samples, classes by alpha {data.alpha:g}"),
        ("Rounds", f"{plan.rounds} of {plan.clients_per_round} clients"),
        ("Evaluated", f"every {plan.evaluate_every} round(s), on all test data"),
        ("Network", plan.network.kind.value),
        ("Never sparse", ", ".join(plan.network.dense) or "nothing"),
        ("A threshold serves", f"{plan.network.period} step(s) of the emulated path"),
        ("Batches", f"{training.batch} samples"),
        ("Learning rate", f"{training.rate:g} falling to {training.last_rate:g}"),
        ("Momentum, weight decay", f"{training.momentum:g}, {training.weight_decay:g}"),
        ("Server", f"{server.optimiser.value} in {server.zone}, {server.device or 'no device'}"),
        ("Zones of clients", ", ".join(plan.place.zones)),
        ("Devices of clients", plan.place.device or "none named"),
        ("Seeds", ", ".join(map(str, range(plan.seeds)))),
    )


def _inputs(plan: StudyPlan) -> tuple[InputFile, ...]:
    if not plan.origin:
        return ()
    manifest = Path(plan.origin)
    folder = manifest.parent / (plan.data.folder or "")
    files = [] if plan.data.folder is None else [*folder.glob("train*.npz"), folder / "test.npz"]
    return tuple(input_file(path) for path in (manifest, *sorted(files)))
