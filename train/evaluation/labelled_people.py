"""People of UTKFace: their labels, and what the device's whole pipeline makes of their photos."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from device.analyzer import FaceAnalyzer, FaceClassifier, largest
from device.faces.blazeface import BlazeFace
from device.faces.quality_gate import NO_LIMITS, quality_limits
from device.settings import FacesSettings
from device.types import NO_FACE, Detection, Probabilities
from train.data.crops import with_border
from train.data.split import DataError
from train.data.unreadable import COPY_AGAIN, photo_or_none
from train.data.utkface import read_utkface


class Prediction(NamedTuple):
    """A calibrated probability, 0..1, and whether it reaches the attribute's threshold."""

    probability: float
    positive: bool


@dataclass(frozen=True)
class LabelledPerson:
    """One photo's labels and predictions.

    The predictions ignore the quality gate, so that what it rejects does not flatter them. There
    are none without a detected face.
    """

    age: int
    gender: str  # male or female
    race: str
    state: str  # of the quality gate at its default limits, or NO_FACE
    predictions: Mapping[str, Prediction]  # by the model's attributes


def read_people(
    folder: Path, detector: BlazeFace, classifier: FaceClassifier
) -> list[LabelledPerson]:
    """Return UTKFace's people with predictions, without those of photos that cannot be read.

    If a photo has several faces, the largest is taken. Raises DataError if labels are missing or
    malformed, or no photo can be read.
    """
    analyzer = FaceAnalyzer(detector, NO_LIMITS, classifier)
    gate = FaceAnalyzer(detector, quality_limits(FacesSettings()), geometry=classifier.geometry)
    people = []
    for face in tqdm(read_utkface(folder), unit="photo", desc="utkface", leave=False):
        photo = photo_or_none(face.photo)
        if photo is not None:
            state, predicted = _result(with_border(photo), analyzer, gate, classifier.thresholds)
            people.append(LabelledPerson(face.age, face.gender, face.race, state, predicted))
    if not people:
        raise DataError(f"no photo in {folder} can be read", COPY_AGAIN)
    return people


def _result(
    photo: np.ndarray, analyzer: FaceAnalyzer, gate: FaceAnalyzer, thresholds: np.ndarray
) -> tuple[str, dict[str, Prediction]]:
    """Return the state of a photo's largest face, and its predictions."""
    face = largest(analyzer.analyze(photo))
    if face is None:
        return NO_FACE, {}
    (assessed,) = gate.analyze(photo, [Detection(face.box, face.score, face.landmarks)])
    return assessed.state, _predictions(face.probabilities, thresholds)


def _predictions(probabilities: Probabilities, thresholds: np.ndarray) -> dict[str, Prediction]:
    if probabilities.array is None:  # eyes a few pixels apart
        return {}
    values = zip(probabilities.array.tolist(), thresholds.tolist(), strict=True)
    predictions = (Prediction(value, value >= threshold) for value, threshold in values)
    return dict(zip(probabilities.names, predictions, strict=True))
