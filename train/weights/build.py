"""Build a network from a package's files: converted, checked, its BatchNorm restored."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from device.errors import UsageError
from train.data.celeba import read_celeba
from train.data.loader import Batches
from train.data.select import head
from train.keras_import import keras
from train.network.backbones import Backbone, build_backbone, find_backbone
from train.network.batchnorm import unfold_batchnorm
from train.weights.picture_check import check_pictures
from train.weights.sources import Source
from train.weights.statistics_check import check_statistics

PHOTOS = 1024  # for the statistics of the BatchNorm layers
CHECKED_PHOTOS = 128  # of which only medians are compared
BATCH = 32


def build_weights(
    source: Source, files: Mapping[str, bytes], data: Path | None
) -> tuple[keras.Model, str]:
    """Return the network without top, and lines on how it was checked.

    data: CelebA's folder, needed if the source's BatchNorm is folded. Raises ModelError if the
    files are not as expected, UsageError or DataError if the folder has no photos to train on.
    """
    converted = source.convert(files)
    backbone = find_backbone(source.backbone)
    checked = check_pictures(converted, lambda rgb: feed(backbone, rgb), source.fetch)
    if source.statistics_wh is None:
        return converted.model, f"{checked}\nno BatchNorm to compare with face photos"
    if data is None:
        line = "BatchNorm was not compared with face photos: no --data DIR"
        return converted.model, f"{checked}\n{line}"
    model = build_backbone(backbone, source.statistics_wh, "none")
    model.set_weights(converted.model.get_weights())
    photos = head(read_celeba(data).splits["train"], PHOTOS if source.folded else CHECKED_PHOTOS)
    if not len(photos):
        raise UsageError(f"{data} has no training photos", "--data DIR of CelebA")
    batches = inputs(backbone, Batches(photos, source.statistics_wh, BATCH))
    if source.folded:
        unfold_batchnorm(model, batches)
        return model, f"{checked}\nBatchNorm restored with {len(photos)} face photos"
    return model, f"{checked}\n{check_statistics(model, batches, source.fetch)}"


def inputs(backbone: Backbone, crops: Batches) -> Iterator[np.ndarray]:
    """Yield the batches of crops as a model feeds them to its backbone."""
    for index in range(len(crops)):
        yield feed(backbone, crops[index][0])


def feed(backbone: Backbone, crops: np.ndarray) -> np.ndarray:
    """Return what a model feeds to its backbone for crops, (B, h, w, 3) uint8 RGB."""
    preprocessed = backbone.preprocessing.apply(crops.astype(np.float32))
    return keras.ops.convert_to_numpy(preprocessed)
