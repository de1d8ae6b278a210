"""Build a network from a package's files: converted, checked, its BatchNorm restored."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from device.errors import UsageError
from train.data.celeba import read_celeba
from train.data.loader import Batches
from train.data.select import head
from train.keras_import import keras
from train.network.backbones import build_backbone, find_backbone
from train.network.batchnorm import unfold_batchnorm
from train.weights.head_check import check_head
from train.weights.scale import SCALE, ZERO
from train.weights.sources import Source

PHOTOS = 1024  # for the statistics of the BatchNorm layers
BATCH = 32


def build_weights(
    source: Source, files: Mapping[str, bytes], data: Path | None
) -> tuple[keras.Model, str]:
    """Return the network without top, and a line on how it was checked.

    data: CelebA's folder, needed if the source's BatchNorm is folded. Raises ModelError if the
    files are not as expected, UsageError or DataError if the folder has no photos to train on.
    """
    converted = source.convert(files)
    checked = check_head(converted, source.fetch)
    if source.statistics_wh is None or data is None:
        return converted.model, checked
    model = build_backbone(find_backbone(source.backbone), source.statistics_wh, "none")
    model.set_weights(converted.model.get_weights())
    photos = head(read_celeba(data).splits["train"], PHOTOS)
    if not len(photos):
        raise UsageError(f"{data} has no training photos", "--data DIR of CelebA")
    unfold_batchnorm(model, inputs(Batches(photos, source.statistics_wh, BATCH)))
    return model, checked


def inputs(crops: Batches) -> Iterator[np.ndarray]:
    """Yield the batches of crops as a model feeds them to its backbone."""
    for index in range(len(crops)):
        yield (crops[index][0].astype(np.float32) - ZERO) / SCALE
