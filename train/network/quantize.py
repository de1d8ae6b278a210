"""Convert a Keras model to .tflite: full-integer (uint8 in and out), or float32."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from device.errors import ModelError
from device.silence import suppress_native_output

# It takes seconds to import: functions import what needs it.
if TYPE_CHECKING:
    from train.keras_import import keras


def quantize(model: keras.Model, crops: Iterable[np.ndarray]) -> bytes:
    """Return the full-integer .tflite of a model.

    crops: float32 (h, w, 3), 0..255, which calibrate the ranges of the activations. Input and
    output are uint8: the crop's bytes, and probabilities in steps of 1/256. Raises ModelError
    without TensorFlow, whose converter is used.
    """
    converter = _converter(model)
    converter.optimizations = [_tensorflow().lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([crop[np.newaxis]] for crop in crops)
    converter.target_spec.supported_ops = [_tensorflow().lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = _tensorflow().uint8
    return _run(converter)


def to_float_tflite(model: keras.Model) -> bytes:
    """Return the float32 .tflite of a model. Raises ModelError without TensorFlow."""
    return _run(_converter(model))


def _tensorflow():
    try:
        import tensorflow
    except ImportError as error:
        raise ModelError(
            "the conversion needs TensorFlow", "pip install -r requirements-train.txt"
        ) from error
    return tensorflow


def _converter(model: keras.Model):
    from train.keras_import import keras

    # Batch size 1: with a free batch size the runtime plans its memory again at each call.
    crop = keras.Input(batch_shape=(1, *model.input_shape[1:]))
    lite = _tensorflow().lite
    with suppress_native_output(1, 2):
        return lite.TFLiteConverter.from_keras_model(keras.Model(crop, model(crop)))


def _run(converter) -> bytes:
    with suppress_native_output(1, 2), warnings.catch_warnings():
        # "Statistics for quantized inputs were expected": the representative crops supply them.
        warnings.simplefilter("ignore")
        return converter.convert()
