"""Predictions for aligned photos: by the int8 network as on the device, or by the Keras model.

Photos that cannot be read are left out: labels belong to the split that is returned with outputs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

import numpy as np
from tqdm import tqdm

from device.attributes.classifier import HALF_STEP, Classification, calibrated
from device.attributes.model_card import ModelCard
from device.faces.align import CropGeometry
from device.faces.quality_gate import QualityLimits, assess_quality
from device.tflite import Network
from device.types import Detection
from train.data.select import rows_of, take
from train.data.split import Split
from train.data.unreadable import check_any, crop_or_none
from train.evaluation.metrics import Scores, score

BATCH = 64


@dataclass(frozen=True)
class Predictions:
    """A model's outputs for photos before calibration, and the photos' labels."""

    raw: np.ndarray  # float32 (photos, attributes), 0..1
    labels: np.ndarray  # (photos, attributes), 0, 1 or UNKNOWN

    def logits(self) -> np.ndarray:
        """Return the raw outputs' log-odds, (photos, attributes)."""
        raw = np.clip(self.raw, HALF_STEP, 1 - HALF_STEP)
        return np.log(raw / (1 - raw))


class RunsCrops(Protocol):
    """A network of one input: `device.tflite.Network`, or a Keras model in its place."""

    def run(self, batch: np.ndarray) -> list[np.ndarray]:
        """Return the outputs for one crop, uint8 (1, h, w, 3) RGB."""


@dataclass(frozen=True)
class CalibratedNetwork:
    """A network with its card in memory: what device's Classifier is for files."""

    card: ModelCard
    network: RunsCrops

    @property
    def geometry(self) -> CropGeometry:
        """The card's crop."""
        return self.card.geometry

    @property
    def thresholds(self) -> np.ndarray:
        """The card's thresholds, float32 (attributes,)."""
        return self.card.values("threshold")

    def classify_face(
        self, frame_bgr: np.ndarray, face: Detection, limits: QualityLimits
    ) -> Classification:
        """Assess a face in a uint8 (H, W, 3) picture, and classify it if it passes."""
        quality = assess_quality(frame_bgr, face, self.geometry, limits)
        if quality.crop is None:
            return Classification(quality, None)
        return Classification(quality, self.classify(quality.crop))

    def classify(self, crop_rgb: np.ndarray) -> np.ndarray:
        """Return calibrated probabilities, float32 (attributes,), for one RGB crop."""
        return calibrate(self.card, self.network.run(crop_rgb[np.newaxis])[0][0])


def calibrate(card: ModelCard, raw: np.ndarray) -> np.ndarray:
    """Return calibrated probabilities, float32, for raw outputs (..., attributes), 0..1."""
    return calibrated(raw, card.values("slope"), card.values("offset"))


def score_predictions(card: ModelCard, raw: np.ndarray, split: Split) -> tuple[Scores, np.ndarray]:
    """Return the metrics at the card's thresholds, and the calibrated probabilities."""
    probabilities = calibrate(card, raw)
    return score(card.names, split.labels, probabilities, card.values("threshold")), probabilities


def predict_int8(
    network: Network, split: Split, crop_wh: tuple[int, int]
) -> tuple[Split, np.ndarray]:
    """Return the readable part of a split, and the .tflite's outputs for it before calibration.

    The outputs are float32 (photos, attributes), 0..1. Raises DataError if no photo can be read.
    """
    rows, outputs = [], []
    for row, crop in _crops(split, crop_wh, "int8"):
        rows.append(row)
        outputs.append(network.run(crop[np.newaxis])[0][0])
    raw = np.array(outputs, np.float32).reshape(len(rows), network.output_shapes[0][-1])
    return _readable(split, rows), raw


def predict_float(model, split: Split) -> tuple[Split, np.ndarray]:
    """Return the readable part of a split, and a Keras model's outputs for it.

    As `predict_int8`.
    """
    _, height, width, _ = model.input_shape
    rows: list[int] = []
    outputs = [np.zeros((0, model.output_shape[-1]), np.float32)]
    for batch_rows, batch in _batches(_crops(split, (width, height), "float")):
        rows += batch_rows
        outputs.append(np.asarray(model.predict_on_batch(batch)))
    return _readable(split, rows), np.concatenate(outputs)


def predict_both(
    model, network: Network, split: Split, crop_wh: tuple[int, int]
) -> tuple[Split, np.ndarray, np.ndarray]:
    """Return the readable part of a split, the Keras model's and the .tflite's outputs for it."""
    readable, raw_int8 = predict_int8(network, split, crop_wh)
    # A photo may be deleted in between.
    still_readable, raw_float = predict_float(model, readable)
    return still_readable, raw_float, raw_int8[rows_of(still_readable, readable)]


def _readable(split: Split, rows: list[int]) -> Split:
    check_any(len(rows), split)
    return split if len(rows) == len(split) else take(split, np.array(rows, int))


def _crops(split: Split, crop_wh: tuple[int, int], what: str) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the row and the crop of each photo that can be read."""
    photos = tqdm(split.photos, desc=what, unit="photo", mininterval=1, leave=False)
    for row, path in enumerate(photos):
        crop = crop_or_none(path, crop_wh)
        if crop is not None:
            yield row, crop


def _batches(
    crops: Iterator[tuple[int, np.ndarray]],
) -> Iterator[tuple[list[int], np.ndarray]]:
    while batch := list(islice(crops, BATCH)):
        rows, arrays = zip(*batch, strict=True)
        yield list(rows), np.stack(arrays).astype(np.float32)
