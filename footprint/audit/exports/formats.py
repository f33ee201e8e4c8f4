"""The forms that a statement can be given, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from footprint.audit.exports.esrs import tabulate_esrs
from footprint.audit.exports.ghg_protocol import tabulate_scopes
from footprint.audit.exports.impact import write_impact
from footprint.audit.exports.listings import list_statement
from footprint.audit.exports.products import write_record
from footprint.audit.exports.tables import WRITERS, write_table
from footprint.errors import UsageError
from footprint.model import Statement
from footprint.model.kinds import Vocabulary


class Form(Vocabulary):
    """What a statement can be exported as."""

    CSV = "csv"
    """A folder of lists: lines, totals, register, findings and more."""
    PACT = "pact"
    """A product carbon footprint, for the product of the manifest."""
    IMPACT = "impact-framework"
    """A manifest that the Green Software Foundation's tool computes again."""
    GHG = "ghg"
    """A table by scope and category of the GHG Protocol."""
    ESRS = "esrs"
    """A table after ESRS E1-5 and E1-6."""


SUFFIXES: Mapping[Form, tuple[str, ...]] = {
    Form.CSV: (),
    Form.PACT: (".json",),
    Form.IMPACT: (".yml", ".yaml"),
    Form.GHG: tuple(WRITERS),
    Form.ESRS: tuple(WRITERS),
}
"""What the names of files may end in; a folder for CSV."""


def export_statement(
    statement: Statement, form: Form, suffix: str = "", total: str = "location"
) -> dict[str, str]:
    """Give a statement another form.

    Equal statements give equal texts, byte by byte.

    Parameters
    ----------
    statement : Statement
    form : Form
    suffix : str
        Of the file, for what can be written in several; empty for the first of `SUFFIXES`.
    total : str
        Which total an Impact Framework manifest computes.

    Returns
    -------
    dict of str to str
        Text by name of file: one, but for CSV.

    Raises
    ------
    UsageError
        If the form has no such suffix, or the statement no such total.
    DocumentError
        If the statement lacks what the form needs.
    MissingExtra
        If the form needs a library that is not installed.
    """
    accepted = SUFFIXES[form]
    if suffix and suffix not in accepted:
        expected = f"a file in {', '.join(accepted)}" if accepted else "a folder"
        raise UsageError(f"{form.value} is not written as {suffix!r}.", f"Name {expected}.")
    if form is Form.CSV:
        return list_statement(statement)
    end = suffix or accepted[0]
    writers: dict[Form, Callable[[], str]] = {
        Form.PACT: lambda: write_record(statement),
        Form.IMPACT: lambda: write_impact(statement, total),
        Form.GHG: lambda: write_table(tabulate_scopes(statement), end),
        Form.ESRS: lambda: write_table(tabulate_esrs(statement), end),
    }
    return {f"{form.value}{end}": writers[form]()}
