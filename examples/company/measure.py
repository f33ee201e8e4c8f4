"""Record the journals of the example company: eight small trainings, really measured.

A softmax classifier on made-up points, trained federated by three clients and a server,
or by one machine alone, for a few seconds each. The energy is that of this machine; the
zones are declared, as a silo of the company would declare its own. Journals name the class
of the processor, and no host, user or path.

    python examples/company/measure.py
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import numpy as np

import footprint as fp

HERE = Path(__file__).parent
ZONES = {"lyon": "FR", "leipzig": "DE", "gdansk": "PL", "hub": "aws:eu-west-3"}
RUNS: dict[str, tuple[str, ...]] = {
    "defects-v1": ("lyon", "leipzig", "gdansk"),
    "defects-v2": ("lyon", "leipzig", "gdansk"),
    "defects-v2-retry": ("lyon", "leipzig", "gdansk"),
    "defects-v3": ("lyon", "leipzig"),
    "demand-v1": ("lyon", "gdansk"),
    "demand-v2": ("lyon", "gdansk"),
    "noise-study-lyon": ("lyon",),
    "noise-study-gdansk": ("gdansk",),
}
"""Silos of each run; one of a single silo has no server."""
FEATURES, CLASSES, SAMPLES, ROUNDS, STEPS = 256, 10, 2048, 6, 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=HERE / "journals")
    output = parser.parse_args().output
    for name, silos in RUNS.items():
        folder = output / name
        # Journals that lie together are added up.
        shutil.rmtree(folder, ignore_errors=True)
        record(name, silos, folder)
        print(f"recorded {name}")


def record(name: str, silos: tuple[str, ...], folder: Path) -> None:
    """Train once under a tracker."""
    rng = np.random.default_rng(len(name))
    data = {silo: points(rng) for silo in silos}
    weights = np.zeros((FEATURES, CLASSES))
    federated = len(silos) > 1
    architecture = "federated" if federated else "centralised"
    home = "hub" if federated else silos[0]
    with fp.Tracker(
        name, journal=folder, actor=home, zone=ZONES[home], architecture=architecture
    ) as tracker:
        for number in range(1, ROUNDS + 1):
            updates = []
            for silo in silos:
                with tracker.span("train", round=number, actor=silo, zone=ZONES[silo]):
                    updates.append(train(weights, *data[silo]))
                if federated:
                    where = {"round": number, "actor": silo, "zone": ZONES[silo]}
                    tracker.transfer("download", received_bytes=weights.nbytes, **where)
                    tracker.transfer("upload", sent_bytes=weights.nbytes, **where)
            with tracker.span("aggregate", round=number):
                weights = np.mean(updates, axis=0)


def points(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Points of ten classes, each around a centre of its own."""
    labels = rng.integers(0, CLASSES, SAMPLES)
    centres = rng.normal(size=(CLASSES, FEATURES))
    return centres[labels] + rng.normal(scale=3.0, size=(SAMPLES, FEATURES)), labels


def train(weights: np.ndarray, features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Some steps of gradient descent on the cross-entropy."""
    wanted = np.eye(CLASSES)[labels]
    for _ in range(STEPS):
        scores = features @ weights
        likely = np.exp(scores - scores.max(axis=1, keepdims=True))
        likely /= likely.sum(axis=1, keepdims=True)
        weights = weights - 0.05 / len(labels) * features.T @ (likely - wanted)
    return weights


if __name__ == "__main__":
    main()
