"""Data and applications of a company in many silos: catalogues, and analyses without the data.

.. code-block:: python

    app = ClientApp(mods=[carbon_mod()])  # at each silo
    answer_questions(app)

    coordinator = Coordinator(measured)  # inside of `with CarbonRun(...).wrap(grid) as measured`
    coordinator.collect()
    result = coordinator.ask(Question(id="q1", statistic=Statistic.ROWS, dataset="bookings"))

A silo says what it has, and answers questions with counts and sketches; the coordinator asks,
checks and merges. Raw records never leave a silo; what the answers do give away is in
docs/management.md. Names are loaded when they are first touched; Flower only for the first two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from footprint._lazy import hand_out

if TYPE_CHECKING:
    from footprint.management.agent import answer_questions as answer_questions
    from footprint.management.analytics import Analysis as Analysis
    from footprint.management.analytics import Came as Came
    from footprint.management.analytics import merge_answers as merge_answers
    from footprint.management.answers import Responder as Responder
    from footprint.management.coordinator import Coordinator as Coordinator
    from footprint.management.declaration import read_silo as read_silo
    from footprint.management.gathering import gather as gather
    from footprint.management.likeness import compare_schemas as compare_schemas
    from footprint.management.likeness import measure_drift as measure_drift
    from footprint.management.questions import Question as Question
    from footprint.management.questions import Statistic as Statistic
    from footprint.management.scanning import scan_silo as scan_silo

_HOMES = {
    "Analysis": "analytics",
    "Came": "analytics",
    "Coordinator": "coordinator",
    "Question": "questions",
    "Responder": "answers",
    "Statistic": "questions",
    "answer_questions": "agent",
    "compare_schemas": "likeness",
    "gather": "gathering",
    "measure_drift": "likeness",
    "merge_answers": "analytics",
    "read_silo": "declaration",
    "scan_silo": "scanning",
}

__all__ = list(_HOMES)
__getattr__, __dir__ = hand_out(__name__, _HOMES, extra="flower", brings="flwr")
