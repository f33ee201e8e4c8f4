"""`footprint manage record`: what the ledger is to remember of silos and plans."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from footprint.cli.ledger_options import CAUSES, DEFAULT_URL, AsJson, Author, Reason, Url, note_of
from footprint.cli.ledger_text import moment
from footprint.cli.output import print_json, print_text
from footprint.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from footprint.ledger import Ledger, Note
    from footprint.management.catalogue import SiloCatalogue
    from footprint.model import AdvicePlan

_CATALOGUE, _CATALOGUES = "footprint-silo-catalogue", "footprint-silo-catalogues"


@dataclass(frozen=True, slots=True)
class Entered:
    """What came of a catalogue or a plan; `made_s` is the time that it was made for [s]."""

    what: str
    name: str
    made_s: float
    sha256: str
    change: int | None
    is_new: bool


def record(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE",
            help="Catalogues of silos that `footprint manage catalogue -o` wrote, or a plan of "
            "`footprint manage advise -o`: .json.",
        ),
    ],
    url: Url = DEFAULT_URL,
    cause: Annotated[
        str | None,
        typer.Option("--restate", help=f"Another catalogue of the same scan: {CAUSES}."),
    ] = None,
    reason: Reason = "",
    author: Author = "",
    as_json: AsJson = False,
) -> None:
    """Enter catalogues of silos, and plans, into the ledger. Twice changes nothing.

    A later scan takes no earlier one's place: savings are measured between them.

    For example:

      footprint manage record catalogues.json

      footprint manage record plan.json --url postgresql://footprint@db.example.org/ledger
    """
    from footprint.ledger import open_ledger

    note = note_of(cause, reason, author)
    # All are read before any is entered.
    found = [one for path in files for one in _read(path)]
    lacking = [one for one in found if getattr(one, "left_out", ())]
    with open_ledger(url) as ledger:
        entered = [_enter(ledger, one, note) for one in found if one not in lacking]
    if as_json:
        print_json([_plain(one) for one in entered])
    else:
        for one in entered:
            done = f"added (change {one.change})" if one.is_new else "unchanged"
            print_text(_line(one, done))
    _refuse_lacking(lacking)


def _refuse_lacking(found: Sequence[Any]) -> None:
    """Refuse catalogues from which entries were left out: later they would count as deleted."""
    if found:
        names = [f"{one.silo}/{name}" for one in found for name in one.left_out]
        raise DataError(
            f"Not entered: the catalogue of {', '.join(repr(one.silo) for one in found)}, from "
            f"which {', '.join(names)} had to be left out; it would count as deleted.",
            "Mend it, and catalogue the silo again.",
        )


def _line(one: Entered, done: str) -> str:
    from footprint.reporting.numbers import clean

    return clean(f"{one.what} of {one.name}, {moment(one.made_s)}: {done}")


def _plain(one: Entered) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(one)


def _read(path: Path) -> Iterator[SiloCatalogue | AdvicePlan]:
    from footprint.documents import from_json, read_text
    from footprint.management.catalogue import read_catalogue
    from footprint.model import AdvicePlan

    text = read_text(path)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON: {error}.", _REMEDY) from error
    kind = document.get("format") if isinstance(document, dict) else None
    if kind in (_CATALOGUE, _CATALOGUES):
        several = document.get("silos") if kind == _CATALOGUES else [document]
        if not isinstance(several, list):
            raise DataError(f"{path} holds no catalogues.", _REMEDY)
        for one in several:
            yield read_catalogue(json.dumps(one).encode(), time.time())
        return
    found: Any = from_json(text, name=str(path))
    if not isinstance(found, AdvicePlan):
        raise DataError(f"{path} is neither catalogues nor a plan.", _REMEDY)
    yield found


_REMEDY = "Make one with: footprint manage catalogue FOLDER -o catalogues.json"


def _enter(ledger: Ledger, one: SiloCatalogue | AdvicePlan, note: Note) -> Entered:
    from footprint.management.records import record_catalogue, record_plan
    from footprint.model import AdvicePlan

    if isinstance(one, AdvicePlan):
        plan = record_plan(ledger, one)
        return Entered("plan", plan.company, plan.made_s, plan.sha256, plan.change, plan.is_new)
    kept = record_catalogue(ledger, one, note)
    return Entered("catalogue", kept.silo, kept.scanned_s, kept.sha256, kept.change, kept.is_new)
