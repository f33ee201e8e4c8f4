"""Silos with planted rows, for the tests of the management system."""

from dataclasses import dataclass

import numpy as np

from footprint.management.analytics import Reply
from footprint.management.answers import Responder
from footprint.management.declaration import read_silo
from footprint.management.questions import write_message

SECRET = "a secret that all silos of these tests share"
COUNTRIES = np.array(["Spain", "Portugal", "Andorra", "Gibraltar"])
ROWS = 4000


@dataclass(frozen=True)
class Company:
    """Folders of silos, and all their rows in one place, to compare with."""

    folders: dict
    fares: np.ndarray
    customers: np.ndarray
    countries: np.ndarray


def make_company(folder, names=("lisbon", "madrid", "nice")):
    """Write silos of 4,000 bookings each; customers of two silos overlap."""
    rng = np.random.default_rng(7)
    folders, columns = {}, []
    for number, name in enumerate(names):
        folders[name] = folder / name
        folders[name].mkdir(parents=True)
        customers = rng.integers(number * 2000, number * 2000 + 4000, ROWS)
        fares = np.round(rng.lognormal(5 + 0.2 * number, 0.5, ROWS), 9)
        countries = COUNTRIES[rng.choice(4, ROWS, p=[0.7, 0.25, 0.048, 0.002])]
        columns.append((customers, fares, countries))
        rows = [
            f"customer-{c:07d}@example.org,{f!r},{n}"
            for c, f, n in zip(customers, fares.tolist(), countries, strict=True)
        ]
        write(folders[name], "bookings", ["customer,fare,country", *rows])
        declare(folders[name], name, ["bookings"])
    merged = [np.concatenate(parts) for parts in zip(*columns, strict=True)]
    return Company(folders, merged[1], merged[0], merged[2])


def write(folder, dataset, lines):
    (folder / f"{dataset}.csv").write_text("\n".join(lines) + "\n")


def declare(folder, name, datasets, top="", labels='labels = ["country"]'):
    text = f'name = "{name}"\nzone = "FR"\n{top}\n'
    for dataset in datasets:
        text += f'[[datasets]]\nid = "{dataset}"\npath = "{dataset}.csv"\n{labels}\n'
    (folder / "silo.toml").write_text(text)


def answers(company, question, secret=SECRET, now_s=4e9):
    """What every silo answers, as it would travel."""
    replies = {}
    for name, folder in company.folders.items():
        answer, sketches = Responder(read_silo(folder), secret).answer(question, now_s)
        replies[name] = Reply(write_message(answer), sketches)
    return replies
