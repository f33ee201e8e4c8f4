"""Keyed hashes of values and rows: what stands in sketches in the place of values.

The key of an analysis comes from a secret that the silos share and the coordinator lacks, and
from the whole question. So the coordinator cannot try values out, hashes of two analyses
cannot be joined, and a silo with another secret is noticed. A silo can try values out on what
another one sent, if it sees that: it has the key.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence

from footprint.errors import UsageError
from footprint.management.files import Table, Value

HASH_BITS = 63
"""A hash is a signed 64-bit whole number that is not negative, as sketches take them."""
_LEAST_SECRET = 16
_MASK = (1 << HASH_BITS) - 1


def analysis_key(secret: str, question: str) -> bytes:
    """Derive the key of one analysis from the text of its question.

    Raises
    ------
    UsageError
        If the secret is too short to be one.
    """
    if len(secret) < _LEAST_SECRET:
        raise UsageError(
            f"The secret of the silos has {len(secret)} characters; it needs {_LEAST_SECRET}.",
            "Make one for all silos: python -c 'import secrets; print(secrets.token_hex(32))'",
        )
    root = hashlib.blake2b(secret.encode(), digest_size=32, person=b"footprint root").digest()
    return hashlib.blake2b(
        question.encode(), key=root, digest_size=32, person=b"footprint key"
    ).digest()


def key_id(key: bytes) -> str:
    """Name a key without telling it: silos with one key give one name."""
    return hashlib.blake2b(key, digest_size=8, person=b"footprint id").hexdigest()


def hash_values(key: bytes, values: Iterable[Value]) -> Iterator[int]:
    """Hash each value that is there."""
    for value in values:
        if value is not None:
            yield _hash(key, _canonical(value).encode("utf-8", "surrogatepass"))


def hash_rows(key: bytes, table: Table) -> Iterator[int]:
    """Hash each row: all names and values of its columns, in the order of their names.

    Rows of two datasets are equal if they have the same columns with equal values, in whatever
    order the columns stand and whatever the files are called.
    """
    names = sorted(table)
    heads = [_framed(name) for name in names]
    columns: list[Sequence[Value]] = [table[name] for name in names]
    for row in zip(*columns, strict=True):
        text = "".join(
            head + ("-" if value is None else _framed(_canonical(value)))
            for head, value in zip(heads, row, strict=True)
        )
        yield _hash(key, text.encode("utf-8", "surrogatepass"))


def _hash(key: bytes, data: bytes) -> int:
    digest = hashlib.blake2b(data, key=key, digest_size=8).digest()
    return int.from_bytes(digest, "little") & _MASK


def _framed(text: str) -> str:
    return f"{len(text)}:{text}"  # no value can look like two


def _canonical(value: Value) -> str:
    """Write a value so that equal ones of two files are equal: 3 and 3.0, but not "3"."""
    if isinstance(value, bool):
        return f"b{value:d}"
    if isinstance(value, float) and math.isfinite(value) and value == int(value):
        value = int(value)
    return f"t{value}" if isinstance(value, str) else f"n{value!r}"
