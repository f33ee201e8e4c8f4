"""JSON inside a page, and back out of it.

A result stands in a ``<script type="application/json">`` block. Characters that
could end the block or mean something to a browser are written as JSON escapes,
which any JSON reader turns back.
"""

from __future__ import annotations

import hashlib
import re

from footprint.errors import DocumentError

DOCUMENT_ID = "footprint-document"

_ESCAPES = {
    "<": "\\u003c",
    ">": "\\u003e",
    "&": "\\u0026",
    "\u2028": "\\u2028",
    "\u2029": "\\u2029",
}
_TABLE = str.maketrans(_ESCAPES)
_CHARACTERS = {escape: character for character, escape in _ESCAPES.items()}
# Escapes are read in pairs from the left, so that an escaped backslash before
# "u003c" stays what it is.
_PAIR = re.compile(r"\\(?:u003c|u003e|u0026|u2028|u2029|.)")
_BLOCK = re.compile(
    rf'<script type="application/json" id="{DOCUMENT_ID}" data-sha256="(?P<digest>[0-9a-f]{{64}})">'
    r"(?P<text>[^<]*)</script>"
)


def escape_json(text: str) -> str:
    """Write JSON text so that it can stand inside a script block."""
    return text.translate(_TABLE)


def digest(text: str) -> str:
    """SHA-256 of a text, in hexadecimal."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _unescape(text: str, keep: str) -> str:
    def character(match: re.Match[str]) -> str:
        found = _CHARACTERS.get(match[0], match[0])
        return match[0] if found in keep else found

    return _PAIR.sub(character, text)


def extract_document(page: str) -> str:
    """Take the canonical JSON text of the result out of a page, byte for byte.

    Parameters
    ----------
    page : str
        HTML that `footprint.reporting.html.render_report` wrote.

    Returns
    -------
    str
        The text that was embedded.

    Raises
    ------
    DocumentError
        If the page holds no result, or the text is not the one that was embedded.
    """
    block = _BLOCK.search(page)
    if block is None:
        raise DocumentError(
            "The page holds no embedded result.",
            "Pass an HTML report that footprint wrote, unchanged.",
        )
    # Text in ASCII had its line separators escaped before it came here.
    for keep in ("", "\u2028\u2029"):
        text = _unescape(block["text"], keep)
        if digest(text) == block["digest"]:
            return text
    raise DocumentError(
        "The result embedded in the page does not match its digest.",
        "The page was changed after it was written; write it again from its result file.",
    )
