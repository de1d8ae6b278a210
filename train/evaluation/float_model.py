"""Load a Keras model whose outputs are those of a model card."""

from pathlib import Path

from train.data.match import matched_columns
from train.network.load import load_float
from train.training.run_dir import model_attributes


def load_matched(path: Path, names: tuple[str, ...], card: Path):
    """Return the Keras model in a .keras file with the outputs `names`, those of a card, in order.

    They are matched by name if the settings of the model's run are beside it, otherwise by place.
    Raises UsageError if the model lacks one, ModelError as `load_float`.
    """
    theirs = model_attributes(path)
    model = load_float(path, len(theirs or names))
    if not theirs or theirs == names:
        return model
    columns = matched_columns(theirs, names, path, card, "the --float model of the same run")
    from train.keras_import import keras

    outputs = keras.ops.take(model.output, columns, axis=-1)
    return keras.Model(model.input, outputs, name=model.name)
