"""Turn a Keras model into a full-integer .tflite: bytes in, bytes out, int8 between."""

import warnings
from collections.abc import Iterable

import numpy as np

from device.errors import ModelError
from device.quiet import quiet
from train.engine import keras


def quantized(model: keras.Model, crops: Iterable[np.ndarray]) -> bytes:
    """Return the .tflite of `model`; crops: float32 (h, w, 3) of 0..255 that calibrate the ranges.

    Input and output are uint8: the crop's bytes as they are, probabilities in steps of 1/256.
    Raises ModelError without TensorFlow, whose converter does the work.
    """
    try:
        import tensorflow as tf
    except ImportError as error:
        raise ModelError(
            "the conversion needs TensorFlow", "Run: pip install -r requirements-train.txt"
        ) from error
    # One photo at a time: with a free batch size the runtime plans its memory anew at each call.
    crop = keras.Input(batch_shape=(1, *model.input_shape[1:]))
    with quiet(1, 2), warnings.catch_warnings():
        # "Statistics for quantized inputs were expected": they come with the representative crops.
        warnings.simplefilter("ignore")
        converter = tf.lite.TFLiteConverter.from_keras_model(keras.Model(crop, model(crop)))
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([one[np.newaxis]] for one in crops)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.uint8
        return converter.convert()
