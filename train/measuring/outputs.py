"""Run a model over aligned photos: the int8 one as the device does, or the float one of Keras."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from device.attributes.classifier import Classifier
from device.errors import ModelError
from train.data.crops import read_crop

BATCH = 64


def int8_raw(classifier: Classifier, photos: Sequence[Path]) -> np.ndarray:
    """Return the .tflite's own outputs before calibration, float32 (photos, attributes)."""
    crops = _crops(photos, classifier.card.crop_wh, "int8")
    rows = [classifier.raw(np.ascontiguousarray(crop)) for crop in crops]
    return np.array(rows, np.float32).reshape(len(rows), len(classifier.card.attributes))


def float_raw(model, photos: Sequence[Path]) -> np.ndarray:
    """Return a Keras model's outputs before calibration, float32 (photos, attributes)."""
    _, height, width, _ = model.input_shape
    rows = [
        np.asarray(model.predict_on_batch(batch))
        for batch in _batches(_crops(photos, (width, height), "float"))
    ]
    return np.concatenate(rows) if rows else np.zeros((0, model.output_shape[-1]), np.float32)


def load_float(path: Path, attributes: int | None = None):
    """Return the Keras model in a .keras file; ModelError if it is missing, corrupt or other."""
    from train.engine import keras

    if not path.is_file():
        raise ModelError(f"no float model {path}", "Train one: python -m train.fit --help")
    try:
        model = keras.models.load_model(path, compile=False)
    except Exception as error:  # Keras raises whatever its zip, JSON and HDF5 readers raise
        reason = " ".join(str(error).split())[:160]
        raise ModelError(f"{path} is not a Keras model: {reason}") from error
    if attributes is not None and model.output_shape[-1] != attributes:
        raise ModelError(
            f"{path} has {model.output_shape[-1]} outputs, the card {attributes} attributes"
        )
    return model


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
