"""What a manifest declares for exports alone: the product of a product carbon footprint."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

from footprint.model.products import DeclaredUnit, Product, Standard
from footprint.model.scenario import STRICT, Share, Unit


@dataclass(frozen=True, slots=True)
class Pattern:
    """What a text must look like.

    Parameters
    ----------
    pattern : str
        Regular expression of all of it.
    expected : str
        The same in words.
    """

    pattern: str
    expected: str

    def __get_pydantic_core_schema__(self, _source: Any, _handler: Any) -> Any:
        """Tell pydantic how to read one; called where a manifest is read."""
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(self.read)

    def read(self, found: Any) -> str:
        """Read what a person wrote.

        Raises
        ------
        ValueError
            If it does not look like that.
        """
        if not isinstance(found, str) or re.fullmatch(self.pattern, found) is None:
            raise ValueError(f"found {found!r}, expected {self.expected}")
        return found


_HEX = "[0-9a-fA-F]"
Urn = Annotated[
    str,
    Pattern(
        r"[uU][rR][nN]:[A-Za-z0-9][A-Za-z0-9-]{1,31}:\S+", "a URN, such as 'urn:gtin:4712345060507'"
    ),
]
Uuid = Annotated[str, Pattern(rf"{_HEX}{{8}}-(?:{_HEX}{{4}}-){{3}}{_HEX}{{12}}", "a UUID")]
Report = Annotated[str, Pattern(r"AR\d+", "an assessment report of the IPCC, such as 'AR6'")]
Text = Annotated[str, Pattern(r"(?s).*\S.*", "some text")]
PositiveAmount = Annotated[float, Unit("1", positive=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductTable:
    """The product that the runs make, for a record that others can use; see `Product`."""

    name: Text
    description: str
    ids: tuple[Urn, ...]
    company_ids: tuple[Urn, ...]
    created: date
    unit: DeclaredUnit
    amount: PositiveAmount = 1.0
    characterisation: tuple[Report, ...]
    standards: tuple[Standard, ...]
    fossil_share: Share
    classifications: tuple[Urn, ...] = ()
    preceding: tuple[Uuid, ...] = ()
    valid_from: date | None = None
    valid_to: date | None = None

    __pydantic_config__ = STRICT


def state_product(table: ProductTable | None) -> Product | None:
    """Put what was declared of a product into a statement."""
    if table is None:
        return None
    return Product(
        name=table.name,
        description=table.description,
        ids=table.ids,
        company_ids=table.company_ids,
        created=table.created.isoformat(),
        unit=table.unit,
        amount=table.amount,
        characterisation=table.characterisation,
        standards=table.standards,
        fossil_share=table.fossil_share,
        classifications=table.classifications,
        preceding=table.preceding,
        valid_from=table.valid_from.isoformat() if table.valid_from else "",
        valid_to=table.valid_to.isoformat() if table.valid_to else "",
    )
