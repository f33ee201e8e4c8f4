"""What a tensor looks like on its way: where values stand, and what a value is.

.. code-block:: text

    dense     every entry, in order
    csr       a 4-byte index for each entry that is not 0 (the tensor is one row)
    bitmap    a bit for every entry
    smallest  whichever of the three takes the fewest bytes, tensor by tensor

Values are ``float32`` (4 bytes), ``float16`` (2 bytes) or ``int8`` (1 byte, and 4 bytes
for the step of each tensor). Any two go together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from footprint.errors import UsageError
from footprint.model.methods import Positions as Positions
from footprint.model.methods import Values as Values

INDEX = np.dtype("<u4")
STEP = np.dtype("<f4")


TYPES: dict[Values, np.dtype[Any]] = {
    Values.FLOAT32: np.dtype("<f4"),
    Values.FLOAT16: np.dtype("<f2"),
    Values.INT8: np.dtype("i1"),
}
FORMS = (Positions.DENSE, Positions.CSR, Positions.BITMAP)
KINDS = tuple(TYPES)


@dataclass(frozen=True, slots=True)
class Encoding:
    """How tensors become bytes.

    Attributes
    ----------
    positions : Positions
    values : Values
    """

    positions: Positions = Positions.DENSE
    values: Values = Values.FLOAT32

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "positions", Positions(self.positions))
            object.__setattr__(self, "values", Values(self.values))
        except ValueError as error:
            raise UsageError(
                f"There is no such encoding: {error}.",
                f"Positions are {', '.join(Positions)}; values are {', '.join(Values)}.",
            ) from error

    @property
    def lossless(self) -> bool:
        """Whether decoding gives the same numbers."""
        return self.values is Values.FLOAT32


def count_bytes(size: int, kept: int, positions: Positions, values: Values) -> int:
    """Payload of one tensor.

    Parameters
    ----------
    size, kept : int
        Entries of the tensor, and those that are not 0.
    positions : Positions
        Not ``smallest``.
    values : Values

    Returns
    -------
    int
        8 d n for ``csr`` and n / 8 + 4 d n for ``bitmap`` with 4-byte values, 4 n for
        ``dense`` [1]; 4 more for the step of 8-bit values.

    References
    ----------
    X. Qiu et al., "ZeroFL", ICLR 2022, arXiv 2208.02507: the form in CSR.
    """
    width = TYPES[values].itemsize
    step = STEP.itemsize if values is Values.INT8 else 0
    if positions is Positions.DENSE:
        return width * size + step
    if positions is Positions.CSR:
        return (INDEX.itemsize + width) * kept + step
    return -(-size // 8) + width * kept + step
