"""Addresses of databases and files as they may be shown: no secret, nobody's host."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

_PASSWORD = re.compile(r"(://[^:/@\s]*):\S*@")
_QUERY_SECRET = re.compile(
    r"(?i)([?&;][\w.%-]*(?:pass|pwd|secret|token|key)[\w.%-]*=)[^&;\s]*",
)
# User and password end where SQLAlchemy ends them (sqlalchemy.engine.url, 2.0).
_DATABASE = re.compile(r"([\w+.-]+)://(?:[^:/]*(?::[^@]*)?@)?[^/?]*(?:/([^?]*))?")


def hide_secrets(text: str) -> str:
    """Replace the passwords of URLs in a text by stars, in front of the host and in the query."""
    return _QUERY_SECRET.sub(r"\1***", _PASSWORD.sub(r"\1:***@", text))


def publish_address(url: str) -> str:
    """Write the address of a database with its kind and name alone.

    User, host and query are left out: a statement is for everybody.
    """
    found = _DATABASE.match(url)
    if found is None:
        return "***"
    kind, database = found[1], found[2] or ""
    if kind.partition("+")[0] == "sqlite":
        return f"sqlite:///{publish_path(database)}"
    # An "@" here means that a password was not quoted, and may be in the name.
    return f"{kind}://***/{'***' if '@' in database else database}"


def publish_path(name: str) -> str:
    """Write the name of a file as a manifest gives it; one elsewhere by its last part alone."""
    path = PurePosixPath(name.replace("\\", "/"))
    first = path.parts[0] if path.parts else ""
    elsewhere = path.is_absolute() or ".." in path.parts or ":" in first or first == "~"
    return path.name if elsewhere else name
