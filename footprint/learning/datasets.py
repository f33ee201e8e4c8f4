"""Data to train and to test on: the digits of scikit-learn, or arrays from a folder."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from footprint.errors import DataError, MissingExtra

Array = np.ndarray[Any, np.dtype[Any]]

_LARGEST = 255  # of a byte, as grey levels and colours are stored
_BYTES, _DIGITS_LARGEST = np.uint8, 16


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Images with a class each.

    Attributes
    ----------
    name : str
    inputs, test_inputs : ndarray of shape (samples, channels, height, width)
        Levels within 0 and 1.
    labels, test_labels : ndarray of shape (samples,)
        Class numbers, from 0 on.
    """

    name: str
    inputs: Array
    labels: Array
    test_inputs: Array
    test_labels: Array

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""
        channels, height, width = self.inputs.shape[1:]
        return channels, height, width

    @property
    def classes(self) -> int:
        """Number of classes."""
        return int(max(self.labels.max(), self.test_labels.max())) + 1


def load_digits(rng: np.random.Generator, *, test_share: float = 0.2) -> Dataset:
    """Split the 1,797 digits of 8 x 8 levels that come with scikit-learn.

    Raises
    ------
    MissingExtra
        Without scikit-learn.
    """
    try:
        from sklearn.datasets import load_digits as load
    except ImportError as error:
        raise MissingExtra.of("demo", "Training on the digits of scikit-learn") from error
    flat, labels = load(return_X_y=True)
    inputs = (flat / _DIGITS_LARGEST).astype(np.float32).reshape(-1, 1, 8, 8)
    order = rng.permutation(len(labels))
    test, train = np.split(order, [round(test_share * len(labels))])
    return Dataset("digits", inputs[train], labels[train], inputs[test], labels[test])


def read_images(folder: Path) -> Dataset:
    """Read ``train*.npz`` and ``test.npz`` of a folder, such as copies of MNIST.

    Each file holds ``images``, bytes of shape (samples, height, width) or (samples, height, width,
    channels), and ``labels``. Several training files, as of CIFAR-10, are joined in the
    order of their names.

    Raises
    ------
    DataError
        If a file is missing or holds something else.
    """
    parts = [_read(path) for path in sorted(folder.glob("train*.npz"))]
    if not parts:
        raise DataError(f"There is no file train*.npz in {folder}.", "Name another folder.")
    if len({images.shape[1:] for images, _ in parts}) > 1:
        raise DataError(f"The training files in {folder} hold images of several shapes.")
    test_images, test_labels = _read(folder / "test.npz")
    inputs = np.concatenate([images for images, _ in parts])
    labels = np.concatenate([labels for _, labels in parts])
    return Dataset(folder.name, inputs, labels, test_images, test_labels)


def standardise(data: Dataset) -> Dataset:
    """Shift and scale levels so that those to train on have mean 0 and deviation 1."""
    mean, deviation = float(data.inputs.mean()), float(data.inputs.std()) or 1.0
    return replace(
        data,
        inputs=((data.inputs - mean) / deviation).astype(np.float32),
        test_inputs=((data.test_inputs - mean) / deviation).astype(np.float32),
    )


def _read(path: Path) -> tuple[Array, Array]:
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            missing = {"images", "labels"} - set(file.files)
            if missing:
                raise DataError(
                    f"{path}: there is no array {min(missing)!r}.",
                    "Images are expected as an array of bytes; decode compressed ones first.",
                )
            images, labels = file["images"], file["labels"]
    except FileNotFoundError:
        raise DataError(f"There is no file {path}.", "Name another folder.") from None
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: this is no archive of arrays: {error}.") from error
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.dtype != _BYTES or labels.shape != images.shape[:1]:
        raise DataError(
            f"{path}: found images of shape {images.shape} and type {images.dtype} with labels of "
            f"shape {labels.shape}.",
            "Expected bytes of shape (samples, height, width[, channels]) and a label each.",
        )
    levels = np.moveaxis(images, -1, 1).astype(np.float32) / _LARGEST
    return np.ascontiguousarray(levels), labels.astype(np.int64)
