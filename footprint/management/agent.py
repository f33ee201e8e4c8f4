"""The agent of a silo: a Flower ClientApp that answers with catalogues and sketches.

.. code-block:: python

    app = ClientApp(mods=[carbon_mod()])
    answer_questions(app)

A node says where its silo is: ``flower-supernode --node-config 'silo="/data/madrid"' ...``; the
secret of the silos stands in the environment variable ``FOOTPRINT_SILO_SECRET``.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from flwr.app import ConfigRecord, Context, Message, RecordDict
from flwr.clientapp import ClientApp

from footprint.errors import DataError, UsageError
from footprint.integrations.flower.payload import ANALYSIS_QUERY, CATALOGUE_QUERY
from footprint.management.answers import Responder
from footprint.management.catalogue import write_catalogue
from footprint.management.declaration import SECRET, Silo, read_silo
from footprint.management.questions import Question, read_message, write_message
from footprint.management.scanning import scan_silo

RECORD = "footprint.management"
"""Record of a message in which questions and answers stand."""
SILO = "silo"
"""Key of a node's configuration: folder of its silo."""


def answer_questions(app: ClientApp, folder: Path | str | None = None) -> None:
    """Let a ClientApp answer a coordinator for the silo of its node.

    Parameters
    ----------
    app : ClientApp
    folder : path, optional
        Of the silo. Default: what the node was started with, as ``silo`` in its node config.
    """

    @app.query(CATALOGUE_QUERY.partition(".")[2])
    def catalogue(message: Message, context: Context) -> Message:
        found = scan_silo(_silo(context, folder), time.time())
        return _reply(message, ConfigRecord({"catalogue": write_catalogue(found)}))

    @app.query(ANALYSIS_QUERY.partition(".")[2])
    def analysis(message: Message, context: Context) -> Message:
        asked = message.content.config_records.get(RECORD)
        text = None if asked is None else asked.get("question")
        if not isinstance(text, str):
            raise DataError("A message holds no question.", "Look at the coordinator.")
        question = read_message(Question, text)
        responder = Responder(_silo(context, folder), os.environ.get(SECRET))
        answer, sketches = responder.answer(question, time.time())
        record = ConfigRecord({"answer": write_message(answer), "sketches": list(sketches)})
        return _reply(message, record)


def _silo(context: Context, folder: Path | str | None) -> Silo:
    found = context.node_config.get(SILO) if folder is None else folder
    if not isinstance(found, str | Path):
        raise UsageError(
            "This node does not say where its silo is.",
            "Start it with --node-config 'silo=\"/path/of/the/folder\"'.",
        )
    return read_silo(found)


def _reply(message: Message, record: ConfigRecord) -> Message:
    return Message(RecordDict({RECORD: record}), reply_to=message)
