"""Predictions for aligned photos: by the int8 network as on the device, or by the Keras model."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from device.attributes.classifier import HALF_STEP, Classification, calibrated
from device.attributes.model_card import ModelCard
from device.faces.align import CropGeometry
from device.faces.quality_gate import QualityLimits, assess_quality
from device.tflite import Network
from device.types import Detection
from train.data.crops import read_crop
from train.data.split import Split
from train.evaluation.metrics import Scores, score

BATCH = 64


@dataclass(frozen=True)
class Predictions:
    """A model's outputs for photos before calibration, and the photos' labels."""

    raw: np.ndarray  # float32 (photos, attributes), 0..1
    labels: np.ndarray  # (photos, attributes), 0 or 1

    def logits(self) -> np.ndarray:
        """Return the raw outputs' log-odds, (photos, attributes)."""
        raw = np.clip(self.raw, HALF_STEP, 1 - HALF_STEP)
        return np.log(raw / (1 - raw))


@dataclass(frozen=True)
class CalibratedNetwork:
    """An int8 network with its card in memory: what device's Classifier is for files."""

    card: ModelCard
    network: Network

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
        raw = self.network.run(quality.crop[np.newaxis])[0][0]
        return Classification(quality, calibrate(self.card, raw))


def calibrate(card: ModelCard, raw: np.ndarray) -> np.ndarray:
    """Return calibrated probabilities, float32, for raw outputs (..., attributes), 0..1."""
    return calibrated(raw, card.values("slope"), card.values("offset"))


def score_predictions(card: ModelCard, raw: np.ndarray, split: Split) -> tuple[Scores, np.ndarray]:
    """Return the metrics at the card's thresholds, and the calibrated probabilities."""
    probabilities = calibrate(card, raw)
    return score(card.names, split.labels, probabilities, card.values("threshold")), probabilities


def predict_int8(network: Network, photos: Sequence[Path], crop_wh: tuple[int, int]) -> np.ndarray:
    """Return the .tflite's outputs before calibration, float32 (photos, attributes)."""
    rows = [network.run(crop[np.newaxis])[0][0] for crop in _crops(photos, crop_wh, "int8")]
    return np.array(rows, np.float32).reshape(len(rows), network.output_shapes[0][-1])


def predict_float(model, photos: Sequence[Path]) -> np.ndarray:
    """Return a Keras model's outputs before calibration, float32 (photos, attributes)."""
    _, height, width, _ = model.input_shape
    rows = [
        np.asarray(model.predict_on_batch(batch))
        for batch in _batches(_crops(photos, (width, height), "float"))
    ]
    return np.concatenate(rows) if rows else np.zeros((0, model.output_shape[-1]), np.float32)


def _crops(photos: Sequence[Path], crop_wh: tuple[int, int], what: str) -> Iterator[np.ndarray]:
    for path in tqdm(photos, desc=what, unit="photo", mininterval=1, leave=False):
        yield read_crop(path, crop_wh)


def _batches(crops: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    batch: list[np.ndarray] = []
    for crop in crops:
        batch.append(crop)
        if len(batch) == BATCH:
            yield np.stack(batch).astype(np.float32)
            batch = []
    if batch:
        yield np.stack(batch).astype(np.float32)
