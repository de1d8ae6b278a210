"""The same crops, classified on every machine: what differs then is the networks' arithmetic.

    python crops.py CROPS.npy OUT.npy    # in a folder with Facet

Machines get a copy of this file: it imports nothing but Facet.
"""

import sys
from pathlib import Path

import cv2
import numpy as np

from device.attributes.classifier import Classifier
from device.faces.blazeface import BlazeFace

CARD = Path("models/attributes.json")
EVERY = 5  # frames of the film to one whose faces are taken


def take_crops(clip: Path, card: Path = CARD) -> np.ndarray:
    """Return the crops of a film's faces as the classifier gets them, uint8 (n, h, w, 3)."""
    detector, classifier = BlazeFace(), Classifier(card)
    film, crops, index = cv2.VideoCapture(str(clip)), [], 0
    while (read := film.read())[0]:
        if index % EVERY == 0:
            faces = detector.detect(read[1])
            crops += [classifier.geometry.crop(read[1], face.landmarks) for face in faces]
        index += 1
    film.release()
    return np.array(crops)


def classify(crops: np.ndarray, card: Path = CARD, delegates: bool = True) -> np.ndarray:
    """Return calibrated probabilities, float32 (n, attributes)."""
    classifier = Classifier(card, delegates=delegates)
    return np.array([classifier.classify(crop) for crop in crops])


if __name__ == "__main__":
    np.save(sys.argv[2], classify(np.load(sys.argv[1])))
