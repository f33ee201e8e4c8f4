"""What every form says of the statement that it was made from."""

from __future__ import annotations

from collections import Counter

from footprint.model import Severity, Statement


def remark_errors(statement: Statement) -> str:
    """Say what errors the checks found in a statement; empty if there are none."""
    found = Counter(one.code for one in statement.findings if one.severity is Severity.ERROR)
    if not found:
        return ""
    codes = ", ".join(code if many == 1 else f"{code} ({many})" for code, many in found.items())
    return (
        f"The statement has {found.total()} finding(s) of severity error, and its figures cannot "
        f"be relied on until they are corrected: {codes}"
    )
