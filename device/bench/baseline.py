"""The baseline that Facet is measured against: detect and classify each face in each frame.

Full detection, then crop and float model for each face, all in one thread. It does not use
FaceAnalyzer, which also measures each face's quality: time that the baseline does not spend.
"""

import hashlib
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ..attributes.model_card import MAX_MODEL
from ..errors import ModelError, os_reason
from ..faces.align import AlignError
from ..files import read_file
from ..model_trial import require_loadable
from ..models import Models
from ..tflite import Network
from ..types import Frame

HINT = "python -m train.quantize models/attributes.keras --float out/float.tflite"


def load_float_network(path: Path, models: Models, threads: int) -> Network:
    """Return the float model in a .tflite file.

    Raises ModelError if the file is missing, is no model, or takes other crops than the classifier.
    """
    try:
        content = read_file(path, MAX_MODEL)
    except (OSError, ValueError) as error:
        raise ModelError(f"cannot read {path}: {os_reason(error)}", HINT) from error
    digest = hashlib.sha256(content).hexdigest()
    require_loadable(content, digest, str(path), HINT, threads, True)
    network = Network(content, str(path), HINT, threads)
    width, height = models.classifier.geometry.size_wh
    if network.input_shape != (1, height, width, 3) or network.input_dtype != np.float32:
        raise ModelError(f"{path} does not take float crops of {width}x{height} px", HINT)
    return network


def run(frames: Iterable[Frame], models: Models, network: Network) -> tuple[int, int, float]:
    """Return (frames, classified faces, seconds)."""
    geometry = models.classifier.geometry
    frame_count = face_count = 0
    started_s = time.perf_counter()
    for frame in frames:
        frame_count += 1
        for face in models.full_detector.detect(frame.bgr):
            try:
                crop = geometry.crop(frame.bgr, face.landmarks)
            except AlignError:
                continue
            network.run(crop[np.newaxis].astype(np.float32))
            face_count += 1
    return frame_count, face_count, time.perf_counter() - started_s
