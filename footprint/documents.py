"""Results as JSON files: assessments, comparisons, rankings, evaluations, studies, statements.

A document is the result itself with a format name and a format version in front.
Reading one back gives an equal result, to the last digit.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import pydantic

from footprint.errors import DocumentError, UsageError
from footprint.model import (
    Assessment,
    Comparison,
    Evaluation,
    InputFile,
    MethodRun,
    MethodStudy,
    Ranking,
    SeedResult,
    Spread,
    Statement,
    StatementLine,
    split_inverse,
)
from footprint.model.results import LEAST_G

Estimate: TypeAlias = Assessment | Comparison | Ranking
"""A result that rests on factors, whose parts add up to its total."""
Result: TypeAlias = Estimate | Evaluation | MethodStudy | Statement

FORMAT_VERSION = 1
_CHANGED = "The file was changed by hand or damaged; make it again."
_FORMATS: dict[str, type[Any]] = {
    "footprint-assessment": Assessment,
    "footprint-comparison": Comparison,
    "footprint-ranking": Ranking,
    "footprint-evaluation": Evaluation,
    "footprint-study": MethodStudy,
    "footprint-statement": Statement,
}


@functools.cache
def _adapter(name: str) -> pydantic.TypeAdapter[Any]:
    return pydantic.TypeAdapter(_FORMATS[name])


def to_json(result: Result, *, compact: bool = False) -> str:
    """Write a result as JSON text, the same for equal results.

    Parameters
    ----------
    result : Assessment, Comparison, Ranking, Evaluation, MethodStudy or Statement
    compact : bool
        Without spaces, for machines alone.
    """
    name = next(name for name, kind in _FORMATS.items() if isinstance(result, kind))
    body = _adapter(name).dump_python(result, mode="json")
    document = {"format": name, "format_version": FORMAT_VERSION, **body}
    layout: dict[str, Any] = {"separators": (",", ":")} if compact else {"indent": 1}
    return json.dumps(document, ensure_ascii=False, allow_nan=False, **layout) + "\n"


def from_json(text: str, *, name: str = "the document") -> Result:
    """Read a result back.

    Parameters
    ----------
    text : str
    name : str
        How to call the document in an error.

    Raises
    ------
    DocumentError
        If the text is not JSON, is no document of ours, has another version, or
        its numbers do not add up.
    """
    try:
        document = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise DocumentError(
            f"{name} is not JSON: {error}.", "Name a result, as .json or .html."
        ) from error
    found = document.get("format") if isinstance(document, dict) else None
    if not isinstance(found, str) or found not in _FORMATS:
        raise DocumentError(
            f"{name} has the format {found!r}; expected one of {', '.join(_FORMATS)}.",
            "Make one with `footprint estimate`, `compare`, `simulate`, `methods` or `audit`.",
        )
    version = document.pop("format_version", None)
    if version != FORMAT_VERSION:
        raise DocumentError(
            f"{name} has the format version {version!r}; this release reads {FORMAT_VERSION}.",
            "Estimate again from the journal, or use the release that wrote it.",
        )
    document.pop("format")
    try:
        result: Result = _adapter(found).validate_python(document)
    except UsageError as error:
        raise DocumentError(f"{name}: {error.message}") from error
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise DocumentError(f"{name}, {place}: {first['msg']}.") from error
    if isinstance(result, Evaluation):
        _require_means(
            name, [(one.name, one.spreads, result.compared(one)) for one in result.policies]
        )
    elif isinstance(result, MethodStudy):
        _require_means(
            name, [(one.name, one.spreads, result.compared(one)) for one in result.methods]
        )
    elif isinstance(result, Statement):
        _require_lines(result, name)
    else:
        _require_sums(result, name)
    return result


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON number")


def _require_sums(result: Estimate, name: str) -> None:
    """Refuse a document whose numbers contradict each other."""
    if isinstance(result, Ranking):
        if not len(result.scenarios) == len(result.differences) + 1 == len(result.lowest):
            raise DocumentError(f"{name} lacks a scenario or a difference.", _CHANGED)
        for assessment in result.scenarios:
            _require_sums(assessment, name)
        parts = [d.difference_g.value for d in result.differences]
        first_g = result.scenarios[0].total_g.value
        total = sum(a.total_g.value - first_g for a in result.scenarios[1:])
        scale = sum(a.total_g.value for a in result.scenarios)
    elif isinstance(result, Comparison):
        for assessment in (result.baseline, result.candidate):
            _require_sums(assessment, name)
        _require_ends(result, name)
        parts = [c.difference_g.value for c in result.categories]
        total, scale = result.difference_g.value, result.baseline.total_g.value
    else:
        _require_terms(result, name)
        parts = [c.emissions_g.value for c in result.contributions]
        total = scale = result.total_g.value
    if not math.isclose(math.fsum(parts), total, rel_tol=1e-9, abs_tol=1e-9 * abs(scale)):
        raise DocumentError(
            f"{name} does not add up: the parts give {math.fsum(parts)!r} g, "
            f"the total says {total!r} g.",
            _CHANGED,
        )


Rival: TypeAlias = tuple[str, Sequence[Spread], Sequence[SeedResult | MethodRun]]
"""Name, spreads and compared runs of a policy or a method."""


def _require_means(name: str, rivals: Sequence[Rival]) -> None:
    """Refuse a document whose means are not those of its seeds."""
    for rival, spreads, runs in rivals:
        for spread in spreads:
            found = [run.figures.get(spread.metric) for run in runs]
            known = [value for value in found if value is not None]
            mean = math.fsum(known) / len(known) if known else 0.0
            if (len(known), len(found)) != (spread.known, spread.seeds) or (
                spread.mean is not None
                and not math.isclose(mean, spread.mean, rel_tol=1e-9, abs_tol=1e-12)
            ):
                raise DocumentError(
                    f"{name}: {spread.metric} of {rival!r} is not the mean of its seeds.",
                    _CHANGED,
                )


def _require_lines(statement: Statement, name: str) -> None:
    """Refuse lines that are not their activity times factors, and totals that are not their sum."""
    _require_single(statement, name)
    values = {entry.id: entry.value for entry in statement.register}
    for line in statement.lines:
        whole = [one for one in (line.location_g, line.purchase_g, line.amortised_g) if one]
        if len(whole) != 1:
            raise DocumentError(f"{name}, line {line.id!r} has {len(whole)} values.", _CHANGED)
        for found, factors in ((whole[0], line.factors), (line.market_g, line.market_factors)):
            if found is not None and not math.isclose(
                _product(line, factors, values, name), found.value, rel_tol=1e-9, abs_tol=LEAST_G
            ):
                raise DocumentError(
                    f"{name}, line {line.id!r}: its activity times its factors is not "
                    f"{found.value!r} g.",
                    _CHANGED,
                )
    for total in statement.totals:
        parts = [one.value for line in statement.lines for _, one in line.figures(total.name)]
        if not math.isclose(math.fsum(parts), total.emissions_g.value, rel_tol=1e-9):
            raise DocumentError(
                f"{name}: the lines of {total.name!r} give {math.fsum(parts)!r} g, the total says "
                f"{total.emissions_g.value!r} g.",
                _CHANGED,
            )


def _require_single(statement: Statement, name: str) -> None:
    """Refuse two entries of one name: a reader would take the first one."""
    for kind, names in (
        ("lines", [one.id for one in statement.lines]),
        ("totals", [one.name for one in statement.totals]),
        ("register", [one.id for one in statement.register]),
        ("places", [one.name for one in statement.places]),
        ("drivers", [one.factor for one in statement.drivers]),
        ("instruments", [one.name for one in statement.instruments]),
    ):
        twice = [one for one, times in Counter(names).items() if times > 1]
        if twice:
            raise DocumentError(f"{name}, {kind}: {twice[0]!r} is there more than once.", _CHANGED)


def _product(
    line: StatementLine, factors: tuple[str, ...], values: dict[str, float], name: str
) -> float:
    product = line.activity * line.reported_share
    for factor_id, inverse in map(split_inverse, factors):
        value = values.get(factor_id)
        if value is None or (inverse and value == 0):
            raise DocumentError(
                f"{name}, line {line.id!r}: there is no factor {factor_id!r}.", _CHANGED
            )
        product = product / value if inverse else product * value
    return product


def _require_ends(result: Comparison, name: str) -> None:
    """Refuse a course over time that does not end at both totals."""
    for course in result.trajectories:
        if course.quantity != "time":
            continue
        for side, whole in (
            (course.baseline, result.baseline),
            (course.candidate, result.candidate),
        ):
            if not math.isclose(side[-1].value, whole.total_g.value, rel_tol=1e-9):
                raise DocumentError(
                    f"{name}: the course over time ends at {side[-1].value!r} g, "
                    f"the total of {whole.run.name!r} is {whole.total_g.value!r} g.",
                    _CHANGED,
                )


def _require_terms(assessment: Assessment, name: str) -> None:
    """Refuse bounds beside their value, and parts that are not their amount times terms."""
    values = {}
    for term in assessment.terms:
        if not 0 <= term.low <= term.value <= term.high:
            raise DocumentError(
                f"{name}, term {term.id!r}: the value {term.value!r} does not lie within its "
                f"bounds, {term.low!r} to {term.high!r}.",
                _CHANGED,
            )
        values[term.id] = term.value
    for number, part in enumerate(assessment.contributions):
        product = part.amount
        for term_id, inverse in map(split_inverse, part.terms):
            value = values.get(term_id)
            if value is None or (inverse and value == 0):
                raise DocumentError(
                    f"{name}, contribution {number}: there is no term {term_id!r}.", _CHANGED
                )
            product = product / value if inverse else product * value
        if not math.isclose(product, part.emissions_g.value, rel_tol=1e-9, abs_tol=LEAST_G):
            raise DocumentError(
                f"{name}, contribution {number}: its amount times its terms gives {product!r} g, "
                f"not {part.emissions_g.value!r} g.",
                _CHANGED,
            )


def schema(format_name: str) -> dict[str, Any]:
    """JSON schema of a document.

    Parameters
    ----------
    format_name : str
        ``'footprint-assessment'``, ``'footprint-comparison'``, ``'footprint-ranking'``,
        ``'footprint-evaluation'``, ``'footprint-study'`` or ``'footprint-statement'``.
    """
    body = _adapter(format_name).json_schema()
    body["properties"] = {
        "format": {"const": format_name},
        "format_version": {"const": FORMAT_VERSION},
        **body["properties"],
    }
    body["required"] = ["format", "format_version", *body["required"]]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **body}


def input_file(path: Path) -> InputFile:
    """Pin a file down by its name and content.

    Raises
    ------
    DocumentError
        If it cannot be read.
    """
    try:
        return InputFile(path.name, hashlib.sha256(path.read_bytes()).hexdigest())
    except OSError as error:
        raise DocumentError(f"{path} cannot be read: {error.strerror}.", "Check it.") from error


def write_document(result: Result, path: Path | str) -> Path:
    """Write a result to a file, whole or not at all.

    Raises
    ------
    DocumentError
        If the file cannot be written.
    """
    return write_text(Path(path), to_json(result))


def write_text(path: Path, text: str) -> Path:
    """Write a file whole or not at all; links are followed.

    Raises
    ------
    DocumentError
        If the file cannot be written.
    """
    target = path.resolve()
    part = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists() and not target.is_file():
            # A pipe or a device cannot be replaced, a folder says why itself.
            target.write_text(text, encoding="utf-8", newline="\n")
            return path
        part.write_text(text, encoding="utf-8", newline="\n")
        part.replace(target)
    except OSError as error:
        if part.is_file():
            part.unlink()
        raise DocumentError(
            f"{path} cannot be written: {error.strerror}.", "Name a file that you may write."
        ) from error
    return path


def read_document(path: Path | str) -> Result:
    """Read a result from a file.

    Raises
    ------
    DocumentError
        If the file cannot be read, or `from_json` refuses it.
    """
    return from_json(read_text(Path(path)), name=str(path))


def read_text(path: Path) -> str:
    """Read a file of UTF-8 text.

    Raises
    ------
    DocumentError
        If it cannot be read, or is something else.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        # A pipe gives its text once, or keeps its reader waiting for ever.
        raise DocumentError(f"{path} is no plain file.", "Write the result into a file.")
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise DocumentError(
            f"{path} cannot be read: {error.strerror}.",
            "Name a result that `footprint estimate -o` or `footprint compare -o` wrote.",
        ) from error
    except UnicodeDecodeError as error:
        raise DocumentError(
            f"{path} is not UTF-8 text.", "Name a result, as .json or .html."
        ) from error
