"""The mod of a ClientApp: what a client uses for each message, told in its reply.

.. code-block:: python

    app = ClientApp(mods=[carbon_mod()])

Put it first in the list: then it sees messages as they travel, and times everything.
What goes wrong in here is logged and told, and never breaks the training.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from flwr.app import Context, Message, RecordDict
from flwr.clientapp import ClientApp

from footprint.errors import UsageError
from footprint.factors import find_zone
from footprint.integrations.flower.contact import Contact
from footprint.integrations.flower.profiles import SIMULATED
from footprint.integrations.flower.record import DEFAULT_FIELDS, FIELDS
from footprint.measurement.tracker import Tracker

QUERY = "footprint"
"""Name of the query that asks a client who and where it is."""

Handler = Callable[[Message, Context], Message]


def carbon_mod(
    run: str | None = None,
    journal: Path | str | None = None,
    *,
    zone: str | None = None,
    device: str | None = None,
    fields: Iterable[str] = DEFAULT_FIELDS,
) -> CarbonMod:
    """Make the mod of a ClientApp.

    Parameters
    ----------
    run : str, optional
        Name of the run, the same as on the server. Default: ``flower-<run id>``.
    journal : path, optional
        Folder on the client for its journals and its ledger. Default:
        ``footprint-journal/<run>``.
    zone, device : str, optional
        Grid zone and device class. Default: what the node was started with, as
        ``zone`` or ``region``, and ``hardware`` or ``device`` in its node config.
    fields : iterable of str
        What the server is told; names of `FIELDS`. Filters of results and secure
        aggregation do not hide it.

    Raises
    ------
    UsageError
        If a name is not one of `FIELDS`, ``ledger`` is told without ``energy`` and
        ``startup``, or `run` cannot name a run.
    FactorNotFound
        If the factor catalogue knows no such zone: the server would drop it.
    """
    chosen = tuple(fields)
    unknown = [name for name in chosen if name not in FIELDS]
    if unknown:
        raise UsageError(
            f"{unknown[0]!r} is nothing that a client can tell.",
            f"Use some of: {', '.join(FIELDS)}.",
        )
    lacking = [name for name in ("energy", "startup") if name not in chosen]
    if "ledger" in chosen and lacking:
        # The server takes what a total has more than it was told for messages it missed.
        raise UsageError(
            f"The field 'ledger' is of no use without {lacking[0]!r}: a server cannot tell "
            "totals from what it was told already.",
            "Tell 'energy', 'startup' and 'ledger' together, or leave 'ledger' out.",
        )
    if zone is not None:
        find_zone(zone)
    # Here, not where a message is handled: workers may run in another folder.
    folder = None if journal is None else Path(journal).absolute()
    if run is not None:
        Tracker(run)  # refuses what cannot name a run
    return CarbonMod(run, folder, Path.cwd(), zone, device, chosen)


@dataclass(frozen=True)
class CarbonMod:
    """Made by `carbon_mod`. Holds settings only, so that it can be sent to workers."""

    run: str | None
    journal: Path | None
    folder: Path
    zone: str | None
    device: str | None
    fields: tuple[str, ...]

    def __call__(self, message: Message, context: Context, call_next: Handler) -> Message:
        """Handle a message, and tell what that took."""
        if context.node_config.get(SIMULATED):
            return call_next(message, context)
        contact = Contact.begin(self, message, context)
        try:
            reply = call_next(message, context)
        except BaseException:
            contact.end(failed=True)
            raise
        # A handler may be wrong, and that is for Flower to say.
        failed = not isinstance(reply, Message) or reply.has_error()
        contact.end(failed=failed)
        if not failed:
            contact.attach(reply)
        return reply


def answer_facts(app: ClientApp) -> None:
    """Let a ClientApp tell who and where it is before the first round.

    Registers a handler for the query ``footprint``; the mod of the app does the rest.
    """

    @app.query(QUERY)
    def facts(message: Message, context: Context) -> Message:  # noqa: ARG001
        return Message(RecordDict(), reply_to=message)
