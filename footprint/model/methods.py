"""How a client trains and what it sends back: the knobs of federated training."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from footprint.errors import UsageError
from footprint.model.factors import STRICT

RESEARCH = "research, theoretical only"
"""Label of what multiplies zeros: it takes longer than dense training."""


class TrainingPath(StrEnum):
    """By which computation a model becomes cheaper to train.

    ``dense``: by none. ``emulated``: sparse weights and activations multiplied with dense kernels,
    for research. ``filters``: some filters left out, smaller dense kernels. ``frozen``: large
    linear layers in CSR, their support fixed for a round.
    """

    DENSE = "dense"
    EMULATED = "emulated"
    FILTERS = "filters"
    FROZEN = "frozen"


class Scheme(StrEnum):
    """What is sent.

    In the publication of ZeroFL: full, Top-K-Weights, Diff on Top-K-Weights, Top-K-Weights Diff.
    """

    FULL = "full"
    TOP_WEIGHTS = "top-weights"
    DIFF_ON_WEIGHTS = "diff-on-weights"
    TOP_DIFF = "top-diff"

    @property
    def sends_differences(self) -> bool:
        """Whether the server adds to the model that it has."""
        return self in (Scheme.DIFF_ON_WEIGHTS, Scheme.TOP_DIFF)


class Positions(StrEnum):
    """Where values stand in a message."""

    DENSE = "dense"
    CSR = "csr"
    BITMAP = "bitmap"
    SMALLEST = "smallest"


class Values(StrEnum):
    """What a value is in a message."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    INT8 = "int8"

    @property
    def bits(self) -> int:
        """Size of a value [bit]."""
        return {Values.FLOAT32: 32, Values.FLOAT16: 16, Values.INT8: 8}[self]


@dataclass(frozen=True, slots=True)
class TrainingMethod:
    """How a client trains, and what it sends back.

    The default is plain federated averaging: dense, everything sent in 32 bits.

    Attributes
    ----------
    name : str
        Among others that it is compared with.
    path : TrainingPath
    sparsity : float
        Share of weights, or of filters, that count as 0; from 0 to below 1.
    activation_sparsity : float or None
        Of the emulated path; None for that of the weights.
    width : float
        Share of the channels that are trained, above 0 and up to 1.
    scheme : Scheme
    mask_ratio : float or None
        r of ZeroFL: the share d = min(1, 1 - sparsity + r) of each sparse layer is sent;
        None to mask nothing.
    values : Values
    positions : Positions
        Of masked tensors; of all others ``dense``.
    feedback : bool
        What was not sent is added to the client's next difference.
    local_epochs : int
        Passes over a client's data in a round.
    """

    name: str = "dense"
    path: TrainingPath = TrainingPath.DENSE
    sparsity: float = 0.0
    activation_sparsity: float | None = None
    width: float = 1.0
    scheme: Scheme = Scheme.FULL
    mask_ratio: float | None = None
    values: Values = Values.FLOAT32
    positions: Positions = Positions.SMALLEST
    feedback: bool = False
    local_epochs: int = 1

    __pydantic_config__ = STRICT

    def __post_init__(self) -> None:
        for name, kind in _ENUMS.items():
            try:
                object.__setattr__(self, name, kind(getattr(self, name)))
            except ValueError as error:
                raise UsageError(f"{error}.", f"Choose of {', '.join(kind)}.") from error
        self._check_numbers()
        if self.mask_ratio is not None and self.scheme is Scheme.FULL:
            raise UsageError(
                f"The method {self.name!r} masks what the scheme full sends whole.",
                "Name a scheme that masks, or leave the ratio of the mask out.",
            )
        if self.feedback and not self.scheme.sends_differences:
            raise UsageError(
                f"The scheme {self.scheme} sends weights, which leave no error to feed back.",
                "Use diff-on-weights or top-diff.",
            )

    @property
    def label(self) -> str:
        """What must stand beside its theoretical savings; empty for paths that save time."""
        return RESEARCH if self.path is TrainingPath.EMULATED else ""

    def _check_numbers(self) -> None:
        shares = {
            "sparsity": self.sparsity,
            "activation_sparsity": self.activation_sparsity or 0.0,
        }
        for name, share in shares.items():
            if not 0 <= share < 1:
                raise UsageError(f"A {name} of {share!r} leaves nothing, or is no share.")
        if not 0 < self.width <= 1:
            raise UsageError(f"A width of {self.width!r} is no share of the channels.")
        if self.mask_ratio is not None and not 0 <= self.mask_ratio <= 1:
            raise UsageError(f"A mask ratio of {self.mask_ratio!r} is no share.")
        if self.local_epochs < 1:
            raise UsageError(f"{self.local_epochs!r} local epochs are no training.")
        if self.path in (TrainingPath.FILTERS, TrainingPath.FROZEN) and self.sparsity == 0:
            raise UsageError(f"The path {self.path} needs a sparsity above 0.")


_ENUMS: dict[str, type[StrEnum]] = {
    "path": TrainingPath,
    "scheme": Scheme,
    "values": Values,
    "positions": Positions,
}
