"""What the protocol of Flower adds to the payload, as a model.

A message travels as a tree of objects (itself, its content, each record, each array and
each part of an array), and each object is a request of its own, with headers both ways.
Between messages a node asks for work every few seconds. So, over the link of a node,

    wire = payload + objects x bytes per object + messages x bytes per message
           + time connected and idle x bytes per second

While its app works on a message, a node asks for no other one.

The model holds no TCP/IP headers and no TLS, and not the app itself, which each node
fetches once per run (`bundle_bytes`, if you know its size).
"""

from __future__ import annotations

from dataclasses import dataclass

from footprint.errors import UsageError


@dataclass(frozen=True, slots=True)
class WireModel:
    """Bytes of the protocol, over the link of a node; up is what the node sends.

    Parameters
    ----------
    name : str
        Under which journals and reports show it.
    up_per_object_bytes, down_per_object_bytes : float
        For each object, in whichever direction it goes [bytes].
    up_per_message_bytes, down_per_message_bytes : float
        For each request with its reply, once [bytes].
    up_polling_bytes_per_s, down_polling_bytes_per_s : float
        While the node is connected and idle [bytes/s].
    bundle_bytes : float
        Of the app, fetched once per node and run [bytes].

    Raises
    ------
    UsageError
        If a figure is negative.

    Notes
    -----
    Measured with Flower 1.41.0 and a counting TCP relay between SuperNodes and a
    SuperLink on one machine, without TLS (`tests/integration/flower_fleet.py`): trainings
    of 1 and 4 rounds with 4 arrays (25 objects per exchange) and of 4 rounds with 40
    arrays (169 objects), less polling; polling over 180 s at two idle nodes. Once per
    run a node also sent some 750 bytes, and fetched 2.9 kB for an app of one module.
    """

    name: str = "flower-1.41"
    up_per_object_bytes: float = 1043.0
    down_per_object_bytes: float = 276.0
    up_per_message_bytes: float = 2070.0
    down_per_message_bytes: float = 270.0
    up_polling_bytes_per_s: float = 322.0
    down_polling_bytes_per_s: float = 48.5
    bundle_bytes: float = 0.0

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if name != "name" and not value >= 0:
                raise UsageError(f"{name} of a wire model is {value}.", "Give 0 or more.")

    def up_bytes(self, objects: int, messages: int = 1) -> int:
        """Give what a node sends around so many objects of so many requests [bytes]."""
        return round(self.up_per_object_bytes * objects + self.up_per_message_bytes * messages)

    def down_bytes(self, objects: int, messages: int = 1, *, first: bool = False) -> int:
        """Give what it receives; `first` for the first request to a node in a run [bytes]."""
        moved = self.down_per_object_bytes * objects + self.down_per_message_bytes * messages
        return round(moved + self.bundle_bytes * first)

    def polling_bytes(self, idle_s: float) -> int:
        """Give what it moves in both directions to ask for work, while it has none [bytes]."""
        rate = self.up_polling_bytes_per_s + self.down_polling_bytes_per_s
        return round(rate * idle_s)


NO_WIRE = WireModel("none", 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
"""Adds nothing: the payload is all that counts."""
