"""Load a trained Keras model. Importing this module does not import Keras."""

import io
import zipfile
from pathlib import Path

import numpy as np

from device.errors import ModelError, one_line

WEIGHTS_IN_KERAS = "model.weights.h5"  # in the zip file of a .keras model
DIVERGED = "train it again with a lower --learning-rate, or the model of another run"


def load_float(path: Path, attributes: int | None = None):
    """Return the Keras model in a .keras file.

    Raises ModelError if it is missing, corrupt, has a weight that is NaN or infinite, or does not
    have `attributes` outputs.
    """
    from train.keras_import import keras

    if not path.is_file():
        raise ModelError(f"no float model {path}", "python -m train.fit --help")
    try:
        model = keras.models.load_model(path, compile=False)
    except Exception as error:  # Keras raises whatever its zip, JSON and HDF5 readers raise
        raise ModelError(
            f"{path} is not a Keras model: {one_line(error)}", "the model.keras of a finished run"
        ) from error
    check_finite(model, path)
    if attributes is not None and model.output_shape[-1] != attributes:
        raise ModelError(
            f"{path} has {model.output_shape[-1]} outputs, need {attributes}",
            "the --data that it was trained on",
        )
    return model


def check_finite(model, path: Path | str) -> None:
    """Raise ModelError, which names the first layer, if a weight of a model is NaN or infinite."""
    name = not_finite(model)
    if name:
        raise ModelError(f"{path} has weights that are NaN or infinite, in {name}", DIVERGED)


def not_finite(model) -> str:
    """Return the path of the first weight of a model that is NaN or infinite, or ""."""
    from train.keras_import import keras

    for weight in model.weights:
        if not np.isfinite(keras.ops.convert_to_numpy(weight)).all():
            return str(weight.path)
    return ""


def has_finite_weights(path: Path) -> bool:
    """Return whether no number in a .keras or .weights.h5 file is NaN or infinite.

    Includes the state of the optimizer. True for files that cannot be read: their readers report
    that. Does not load Keras.
    """
    import h5py

    finite = True

    def check(_, item) -> None:
        nonlocal finite
        if isinstance(item, h5py.Dataset) and item.dtype.kind == "f":
            finite = finite and bool(np.isfinite(item[()]).all())

    try:
        with h5py.File(_weights_file(path)) as file:
            file.visititems(check)
    except (OSError, KeyError, zipfile.BadZipFile):
        return True
    return finite


def _weights_file(path: Path) -> Path | io.BytesIO:
    if path.suffix != ".keras":
        return path
    with zipfile.ZipFile(path) as archive:
        return io.BytesIO(archive.read(WEIGHTS_IN_KERAS))
