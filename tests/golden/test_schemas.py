"""The JSON schemas in docs/schemas are those of the code.

Write them again with: python -m tests.golden.test_schemas --write
"""

import json
import sys
from pathlib import Path

import pytest

from footprint.documents import schema

FOLDER = Path(__file__).parents[2] / "docs" / "schemas"
NAMES = (
    "footprint-assessment",
    "footprint-comparison",
    "footprint-ranking",
    "footprint-evaluation",
    "footprint-study",
    "footprint-statement",
    "footprint-advice",
)


def text_of(name):
    return json.dumps(schema(name), indent=1, sort_keys=True) + "\n"


@pytest.mark.parametrize("name", NAMES)
def test_schema_is_up_to_date(name):
    assert (FOLDER / f"{name}.schema.json").read_text() == text_of(name)


if __name__ == "__main__" and sys.argv[1:] == ["--write"]:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        (FOLDER / f"{name}.schema.json").write_text(text_of(name))
