"""The loop that Facet replaces, to be measured against: everything, every frame, in one thread.

Each frame is read, searched as a whole, and every face in it goes through the float model.
"""

import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ..errors import ModelError
from ..faces.align import AlignError
from ..pipeline import Models
from ..tflite import Network
from ..types import Frame

MEND = "Make one: python -m train.quantize models/attributes.keras --float out/float.tflite"


def float_network(path: Path, models: Models, threads: int) -> Network:
    """Return the float model in a .tflite file; ModelError where it is none or does not fit."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror}", MEND) from error
    network = Network(content, str(path), MEND, threads)
    width, height = models.classifier.card.crop_wh
    if network.input_shape != (1, height, width, 3) or network.input_dtype != np.float32:
        raise ModelError(f"{path} takes other crops than the model it is compared with", MEND)
    return network


def run(frames: Iterable[Frame], models: Models, network: Network) -> tuple[int, int, float]:
    """Return (frames, faces told, seconds)."""
    count = faces = 0
    begun = time.perf_counter()
    for frame in frames:
        count += 1
        for face in models.searcher.detect(frame.bgr):
            try:
                crop = models.classifier.crop(frame.bgr, face.landmarks)
            except AlignError:
                continue
            network.run(crop[np.newaxis].astype(np.float32))
            faces += 1
    return count, faces, time.perf_counter() - begun
