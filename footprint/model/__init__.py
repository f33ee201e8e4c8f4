"""The types that flow through the house: activities, factors and results.

Frozen dataclasses and enums, standard library only. Numbers are floats in the
canonical unit that the field's name carries (see `footprint.units`); ``None``
means not known, which is never the same as 0.

Results and scenarios are imported when they are first named: making their classes takes
some 20 ms, and a tracker, which starts inside of a training, needs none of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from footprint.model.activities import (
    ACTIVITY_COLUMNS,
    DEFAULTS,
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
    Access,
    Architecture,
    Basis,
    BoundaryRule,
    CostKind,
    Currency,
    EmbodiedRule,
    IdlePolicy,
    LifeCycle,
    Phase,
    ReplyStatus,
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

if TYPE_CHECKING:
    from footprint.model.comparisons import (
        Alternative,
        BreakEven,
        CategoryDifference,
        Comparison,
        Difference,
        LearningCurve,
        Ranking,
        Trajectory,
    )
    from footprint.model.evaluations import (
        BudgetLimit,
        Contrast,
        Course,
        DomainSummary,
        EvaluatedWorld,
        Evaluation,
        FailedSeed,
        KnobsResult,
        MethodTrainings,
        Metric,
        PolicyResult,
        SeedResult,
        Spread,
    )
    from footprint.model.results import (
        Assessment,
        Bill,
        Boundary,
        Contribution,
        Cost,
        Interval,
        Term,
        split_inverse,
    )
    from footprint.model.scenario import (
        Centre,
        ClientGroup,
        Coordinator,
        Prices,
        Retention,
        Serving,
        Site,
        Study,
        Training,
        Work,
        manifest_key,
    )

_LATER = {
    "Alternative": "comparisons",
    "Assessment": "results",
    "Bill": "results",
    "Boundary": "results",
    "BreakEven": "comparisons",
    "CategoryDifference": "comparisons",
    "Comparison": "comparisons",
    "Difference": "comparisons",
    "LearningCurve": "comparisons",
    "Ranking": "comparisons",
    "Trajectory": "comparisons",
    "BudgetLimit": "evaluations",
    "Contrast": "evaluations",
    "Course": "evaluations",
    "DomainSummary": "evaluations",
    "EvaluatedWorld": "evaluations",
    "Evaluation": "evaluations",
    "FailedSeed": "evaluations",
    "KnobsResult": "evaluations",
    "MethodTrainings": "evaluations",
    "Metric": "evaluations",
    "PolicyResult": "evaluations",
    "SeedResult": "evaluations",
    "Spread": "evaluations",
    "Contribution": "results",
    "Cost": "results",
    "Interval": "results",
    "Term": "results",
    "split_inverse": "results",
    "Centre": "scenario",
    "ClientGroup": "scenario",
    "Coordinator": "scenario",
    "Prices": "scenario",
    "Retention": "scenario",
    "Serving": "scenario",
    "Site": "scenario",
    "Study": "scenario",
    "Training": "scenario",
    "Work": "scenario",
    "manifest_key": "scenario",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"footprint.model.{_LATER[name]}"), name)
    globals()[name] = value
    return value


__all__ = [
    "ACTIVITY_COLUMNS",
    "DEFAULTS",
    "Access",
    "Activity",
    "Alternative",
    "Architecture",
    "Assessment",
    "Basis",
    "Bill",
    "Boundary",
    "BoundaryRule",
    "BreakEven",
    "BudgetLimit",
    "CategoryDifference",
    "Centre",
    "ClientGroup",
    "Comparison",
    "Contrast",
    "Contribution",
    "Coordinator",
    "Cost",
    "CostKind",
    "Course",
    "Currency",
    "Difference",
    "DomainSummary",
    "EmbodiedRule",
    "EmissionFactor",
    "EvaluatedWorld",
    "Evaluation",
    "FailedSeed",
    "Finding",
    "IdlePolicy",
    "InputFile",
    "Interval",
    "Inventory",
    "InventoryLine",
    "Journal",
    "KnobsResult",
    "LearningCurve",
    "LifeCycle",
    "Machine",
    "MethodTrainings",
    "Metric",
    "Phase",
    "PolicyResult",
    "Prices",
    "Ranking",
    "ReplyStatus",
    "Resolution",
    "ResolvedBy",
    "Retention",
    "Role",
    "Run",
    "SeedResult",
    "Serving",
    "Severity",
    "SignalBasis",
    "SignalKind",
    "SignalMethod",
    "SignalScope",
    "Site",
    "Source",
    "Spread",
    "Stage",
    "Study",
    "Term",
    "Tier",
    "Training",
    "Trajectory",
    "View",
    "Work",
    "manifest_key",
    "split_inverse",
]
