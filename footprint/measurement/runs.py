"""Whether journals belong to one run, and how many trainings it had."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from footprint.errors import UsageError
from footprint.journal import ProcessRecords
from footprint.model import Architecture, Finding, Role, Run, Severity


def one_run(processes: Sequence[ProcessRecords]) -> Run:
    """Give the run that all processes belong to.

    Raises
    ------
    UsageError
        If they belong to more than one.
    """
    found = [process.run for process in processes]
    names = sorted({run.name for run in found})
    # A client need not know what the server says of the run as a whole.
    architectures = {run.architecture for run in found} - {Architecture.OTHER}
    units = {run.functional_unit for run in found} - {""}
    if max(len(names), len(architectures), len(units)) > 1:
        raise UsageError(
            f"The journals do not belong to one run: {', '.join(names)}"
            + (", with different functional units or architectures." * (len(names) == 1) or "."),
            "Estimate each run on its own: name its folder, or its files.",
        )
    _refuse_namesakes(names[0], processes)
    results = {key: value for run in found for key, value in run.results.items()}
    return Run(
        names[0],
        next(iter(architectures), Architecture.OTHER),
        next(iter(units), ""),
        results,
    )


def _refuse_namesakes(name: str, processes: Sequence[ProcessRecords]) -> None:
    """Refuse two runs of one name: their rounds would be taken for the same."""
    files: dict[str, list[str]] = defaultdict(list)
    for process in processes:
        if process.process.run_id is not None:
            files[process.process.run_id].append(process.file)
    if len(files) < 2:
        # Numbers of runs may repeat, as in simulations; a run has one server.
        files.clear()
        for process in _servers(processes):
            who = process.process
            files[f"{who.host}/{who.namespace}/{who.pid}"].append(process.file)
    if len(files) < 2:
        return
    runs = [
        f"{sorted(own)[0]}" + (f" and {len(own) - 1} more" if len(own) > 1 else "")
        for own in files.values()
    ]
    raise UsageError(
        f"The journals hold {len(runs)} runs of the name {name!r}: {'; '.join(sorted(runs))}.",
        "Estimate each on its own: name its files. Give each run a name or a folder of its own.",
    )


def _servers(processes: Sequence[ProcessRecords]) -> list[ProcessRecords]:
    return [process for process in processes if process.reports]


def count_rounds(processes: Sequence[ProcessRecords]) -> int | None:
    """Count the rounds of a run that trained more than once, or broke off; None if it did not.

    A server writes a journal for each training, whose rounds begin anew.
    """
    servers = _servers(processes)
    broken = broken_rounds(processes)
    if len(servers) > 1:
        return sum(len(_rounds([server]) - broken_rounds([server])) for server in servers)
    return len(_rounds(processes) - broken) if broken else None


def _rounds(processes: Sequence[ProcessRecords]) -> set[int]:
    spans = {span.round for process in processes for span in process.spans}
    reports = {report.round for process in processes for report in process.reports}
    return {number for number in spans | reports if number is not None}


def broken_rounds(processes: Sequence[ProcessRecords]) -> set[int]:
    """Find the rounds that a server of a framework began and did not end."""
    return {
        span.round
        for process in processes
        for span in process.spans
        if process.process.run_id is not None
        and span.role is Role.SERVER
        and span.round is not None
        and span.status != "ok"
    }


def broken_finding(rounds: set[int]) -> Finding:
    """Say that rounds did not end."""
    named = ", ".join(str(number) for number in sorted(rounds))
    return Finding(
        "round-unfinished",
        f"Round(s) {named} did not end. What they used is in the total; figures per round divide "
        "it by the rounds that did.",
        Severity.INFO,
    )


def is_repeated(processes: Sequence[ProcessRecords]) -> bool:
    """Whether a run trained more than once."""
    return len(_servers(processes)) > 1


def training_finding(processes: Sequence[ProcessRecords]) -> Finding:
    """Say that a run trained more than once."""
    servers = _servers(processes)
    return Finding(
        "run-trainings",
        f"The run trained {len(servers)} times; the trainings were added up. Where rounds are "
        "kept apart, those of one number are one.",
        Severity.WARNING,
        "For figures of each training, give its server a folder of its own and read that alone.",
    )
