"""Load a trained Keras model. Importing this module does not import Keras."""

from pathlib import Path

from device.errors import ModelError, one_line


def load_float(path: Path, attributes: int | None = None):
    """Return the Keras model in a .keras file.

    Raises ModelError if it is missing, corrupt, or does not have `attributes` outputs.
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
    if attributes is not None and model.output_shape[-1] != attributes:
        raise ModelError(
            f"{path} has {model.output_shape[-1]} outputs, need {attributes}",
            "the --data that it was trained on",
        )
    return model
