"""A statement in the forms that others ask for: pure functions from a statement to text.

No form adds location- to market-based emissions, or hardware in its year of purchase to the
same hardware amortised. What the statement does not know is left out, or said.
"""

from footprint.audit.exports.formats import SUFFIXES, Form, export_statement
from footprint.audit.exports.remarks import remark_errors

__all__ = ["SUFFIXES", "Form", "export_statement", "remark_errors"]
