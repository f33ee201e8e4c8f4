"""`footprint meters`: which energy sources can be read here, and how to get better ones."""

from __future__ import annotations

from typing import Annotated

import typer

from footprint.cli.output import print_json


def meters(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the energy sources of this machine, their tier, and what to do about the rest.

    Examples
    --------
        footprint meters

        footprint meters --json
    """
    from footprint.factors import load_catalogue
    from footprint.measurement.sources import describe_meters, describe_model

    found = [*describe_meters(), describe_model(load_catalogue())]
    if as_json:
        print_json(
            [
                {
                    "meter": meter.name,
                    "state": meter.state,
                    "tier": meter.tier,
                    "counters": list(meter.counters),
                    "message": meter.message,
                    "remedy": meter.remedy,
                }
                for meter in found
            ]
        )
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("meter", "state", "tier", "what it sees, or why not", "what to do")
    for meter in found:
        tier = f"{meter.tier}: {meter.band}" if meter.tier else ""
        seen = ", ".join(meter.counters) or meter.message
        table.add_row(*(Text(text) for text in (meter.name, meter.state, tier, seen, meter.remedy)))
    Console().print(table)
