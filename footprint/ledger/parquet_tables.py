"""Tables of activities as Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from footprint.errors import LedgerError, MissingExtra
from footprint.ledger.table_columns import LONGEST_WORD, NUMERIC, Table, check_names, check_rows

_BATCH = 65_536


def read_parquet(path: Path, name: str) -> Table:
    """Read a file in batches.

    Raises
    ------
    LedgerError
        If it is no such table, or too large.
    MissingExtra
        Without pyarrow.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtra.of("parquet", "Reading Parquet files") from error
    try:
        schema = pq.read_schema(path)
        check_names(schema.names, name)
        # Words come as numbers into a list of words: repeated, they take no more memory.
        texts = [field.name for field in schema if field.name not in NUMERIC]
        with pq.ParquetFile(path, read_dictionary=texts) as found:
            check_rows(found.metadata.num_rows, name)
            parts: dict[str, list[Any]] = {column: [] for column in schema.names}
            for batch in found.iter_batches(_BATCH):
                for column in schema.names:
                    parts[column] += [_batch_values(batch.column(column), column, name)]
    except (pa.ArrowException, OSError) as error:
        raise LedgerError(f"{name} is no Parquet file: {error}.", "Check the file.") from error
    return {
        column: np.concatenate([*part, np.empty(0)])
        if column in NUMERIC
        else [word for words in part for word in words]
        for column, part in parts.items()
    }


def _batch_values(values: Any, column: str, name: str) -> Any:
    """Give numbers as an array, and words as a list."""
    if column in NUMERIC:
        try:
            return np.array(values.to_pylist(), dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise LedgerError(
                f"{name}: the column {column} holds something that is no number.",
                "Write it as numbers.",
            ) from error
    if not hasattr(values, "dictionary"):  # an empty column, or no text at all
        return values.to_pylist()
    words = values.dictionary.to_pylist()
    if any(isinstance(word, str) and len(word) > LONGEST_WORD for word in words):
        raise LedgerError(
            f"{name}: a cell of the column {column} has more than {LONGEST_WORD:,} characters.",
            "Check that it is what it should be.",
        )
    return [None if place is None else words[place] for place in values.indices.to_pylist()]
