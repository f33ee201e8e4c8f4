"""The types that flow through the house: activities, factors and results.

Frozen dataclasses and enums, standard library only. Numbers are floats in the
canonical unit that the field's name carries (see `footprint.units`); ``None``
means not known, which is never the same as 0.
"""

from footprint.model.activities import (
    ACTIVITY_COLUMNS,
    Activity,
    InputFile,
    Inventory,
    InventoryLine,
    Journal,
    Machine,
    Run,
)
from footprint.model.factors import (
    EmissionFactor,
    Finding,
    Resolution,
    Source,
)
from footprint.model.kinds import (
    Architecture,
    Basis,
    IdlePolicy,
    Phase,
    ResolvedBy,
    Role,
    Severity,
    SignalBasis,
    SignalKind,
    SignalMethod,
    SignalScope,
    Stage,
    Tier,
    View,
)
from footprint.model.results import (
    Assessment,
    Boundary,
    CategoryDifference,
    Comparison,
    Contribution,
    Interval,
    Term,
    split_inverse,
)

__all__ = [
    "ACTIVITY_COLUMNS",
    "Activity",
    "Architecture",
    "Assessment",
    "Basis",
    "Boundary",
    "CategoryDifference",
    "Comparison",
    "Contribution",
    "EmissionFactor",
    "Finding",
    "IdlePolicy",
    "InputFile",
    "Interval",
    "Inventory",
    "InventoryLine",
    "Journal",
    "Machine",
    "Phase",
    "Resolution",
    "ResolvedBy",
    "Role",
    "Run",
    "Severity",
    "SignalBasis",
    "SignalKind",
    "SignalMethod",
    "SignalScope",
    "Source",
    "Stage",
    "Term",
    "Tier",
    "View",
    "split_inverse",
]
