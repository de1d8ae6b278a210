"""Load any trained model for an evaluation: a card, a run, or one of a run's files."""

from pathlib import Path

import numpy as np

from device.attributes.classifier import Classifier
from device.attributes.model_card import MAX_MODEL, Attribute, ModelCard
from device.errors import ModelError, UsageError, os_reason
from device.faces.align import crop_template
from device.files import read_file
from device.tflite import Network
from train.evaluation.predictions import CalibratedNetwork
from train.network.load import load_float
from train.training.run_dir import read_record, run_attributes

FLOAT, INT8 = "model.keras", "int8.tflite"  # of a run; train.compare writes the second
HINT = "a card, a run's folder, its model.keras or its int8.tflite"


class FloatNetwork:
    """A Keras model in the place of a `device.tflite.Network`."""

    def __init__(self, model):
        self._model = model

    def run(self, batch: np.ndarray) -> list[np.ndarray]:
        """Return the outputs, float32 (n, attributes), for crops, uint8 (n, h, w, 3) RGB."""
        return [np.asarray(self._model.predict_on_batch(batch.astype(np.float32)))]


def model_name(path: Path) -> str:
    """Return what tables call a model: its card's or its run's name, and its kind if int8."""
    if path.suffix == ".json":
        return path.stem
    run = path.resolve() if path.is_dir() else path.resolve().parent
    return f"{run.name}, int8" if path.suffix == ".tflite" else run.name


def load_model(path: Path, threads: int = 1) -> Classifier | CalibratedNetwork:
    """Return the model of a card (.json), a run's folder, or its model.keras or int8.tflite.

    A run's model is not calibrated: its thresholds are 1/2. Raises ModelError if the file cannot be
    used, UsageError if it is no run's.
    """
    if path.suffix == ".json":
        return Classifier(path, threads)
    file = path / FLOAT if path.is_dir() else path
    if file.suffix not in (".keras", ".tflite"):
        raise UsageError(f"{path} is no model", HINT)
    names = run_attributes(read_record(file.parent))
    if not names:
        raise UsageError(f"{file.parent} does not name its attributes", "a run of this version")
    if file.suffix == ".keras":
        model = load_float(file, len(names))
        _, height, width, _ = model.input_shape
        return CalibratedNetwork(_card(file, names, (width, height)), FloatNetwork(model))
    network = Network(_content(file), file.name, HINT, threads)
    _, height, width, _ = network.input_shape
    if network.output_shapes[0][-1] != len(names):
        raise ModelError(f"{file} has other outputs than the run has attributes", HINT)
    return CalibratedNetwork(_card(file, names, (width, height)), network)


def _content(file: Path) -> bytes:
    try:
        return read_file(file, MAX_MODEL)
    except OSError as error:
        raise ModelError(f"cannot read {file}: {os_reason(error)}", HINT) from error


def _card(file: Path, names: tuple[str, ...], crop_wh: tuple[int, int]) -> ModelCard:
    """Return the card of a model that is not calibrated."""
    template = tuple((float(x), float(y)) for x, y in crop_template(crop_wh))
    attributes = tuple(Attribute(name, 0.5, 1.0, 0.0, 0.5) for name in names)
    return ModelCard(file.name, "", crop_wh, template, attributes, training={}, measured={})
