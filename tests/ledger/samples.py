"""Journals and tables to enter."""

import csv

import numpy as np

from footprint.journal import JournalWriter, Process, SpanRecord
from footprint.ledger.table_columns import RUN_COLUMNS
from footprint.model import ACTIVITY_COLUMNS, Architecture, Journal, Machine, Phase, Role, Run

MACHINE = Machine("Test CPU", 4, 1, 16.0, False, "Linux")
ENERGIES = ("energy_kwh", "energy_low_kwh", "energy_high_kwh")


def span(number, **changes):
    fields = {
        "id": number,
        "parent": None,
        "actor": "client-1",
        "role": Role.CLIENT,
        "phase": Phase.TRAIN,
        "start_s": 1.8e9 + number,
        "duration_s": 0.5,
        "begin": {"cpu.process_s": float(number)},
        "end": {"cpu.process_s": number + 0.4},
        "round": number,
        "zone": "FR",
        "device": "desktop",
        **changes,
    }
    return SpanRecord(**fields)


def write_journal(path, *spans, run="digits", token=None):
    """A journal as the tracker writes it, of a process that only used its processor."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = JournalWriter(path)
    writer.open()
    process = Process(12, 1, token or path.stem, "host")
    writer.header(Run(run, Architecture.FEDERATED, "one model"), MACHINE, process, "0")
    for record in spans:
        writer.span(record)
    writer.close()
    return path


def random_journal(number, seed=0, name="table"):
    """Activities with all kinds of things not known."""
    draw = np.random.default_rng(seed)

    def words(*choices):
        return [choices[place] for place in draw.integers(0, len(choices), number)]

    energy = draw.lognormal(-8, 2, number)
    known = draw.random(number) < 0.8
    bounded = known & (draw.random(number) < 0.9)
    columns = {
        "actor": words(*(f"client-{n}" for n in range(7))),
        "role": words("client", "server"),
        "device": words("laptop", "phone", None),
        "zone": words("FR", "DE", "NA", None),
        "phase": words("train", "upload", "wait", "evaluate"),
        "round": [None if n == 0 else int(n) for n in draw.integers(0, 5, number)],
        "start_s": draw.uniform(1.70e9, 1.79e9, number),
        "duration_s": draw.uniform(0, 100, number),
        "energy_kwh": np.where(known, energy, np.nan),
        "energy_low_kwh": np.where(bounded, energy / 2, np.nan),
        "energy_high_kwh": np.where(bounded, energy * 2, np.nan),
        "data_gb": draw.uniform(0, 1, number),
        "basis": words("measured", "modelled"),
        "tier": words("B", "E", None),
        "source": words("rapl", "cpu-table/x"),
        "instance": words("m5.large", None),
    }
    return Journal(Run(name, Architecture.FEDERATED, "one model"), columns)


def write_table(path, journal, **more):
    """A table of the activities of a journal, as `export` writes it."""
    columns = {
        name: plain(journal.columns[name]) for name in ACTIVITY_COLUMNS if name in journal.columns
    }
    columns |= {name: [more[name]] * len(journal) for name in RUN_COLUMNS if name in more}
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return path


def plain(column):
    """A column as a list, with None for what is not known."""
    values = column.tolist() if hasattr(column, "tolist") else list(column)
    return [None if value != value else value for value in values]


def write_rows(path, *rows):
    """A table of (run, silo of the run, silo of the activity, energy [kWh]), an hour each."""
    columns = (
        "run,run_silo,silo,energy_kwh,actor,role,device,zone,phase,start_s,duration_s,basis,data_gb,"
        "source"
    )
    constant = "a,client,server,FR,train,1775700000,3600,declared,0,meter"
    lines = [f"{','.join(map(str, row))},{constant}\n" for row in rows]
    path.write_text("".join([f"{columns}\n", *lines]))
    return path
