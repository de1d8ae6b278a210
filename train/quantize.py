"""Turn a Keras model into a full-integer .tflite: bytes in, bytes out, int8 between.

    python -m train.quantize models/attributes.keras --float out/float.tflite

`train.convert` does that for a run; the command is for the other half of a comparison, the float
model as a .tflite of float32 bytes 0..255, which `device.bench --naive` runs.
"""

import warnings
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from device.cli.command import Parser, exit_with
from device.errors import ModelError, UsageError
from device.silence import suppress_native_output
from train.engine import keras
from train.measuring.outputs import load_float


def quantized(model: keras.Model, crops: Iterable[np.ndarray]) -> bytes:
    """Return the .tflite of `model`; crops: float32 (h, w, 3) of 0..255 that calibrate the ranges.

    Input and output are uint8: the crop's bytes as they are, probabilities in steps of 1/256.
    Raises ModelError without TensorFlow, whose converter does the work.
    """
    converter = _converter(model)
    converter.optimizations = [_tensorflow().lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([one[np.newaxis]] for one in crops)
    converter.target_spec.supported_ops = [_tensorflow().lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = _tensorflow().uint8
    return _converted(converter)


def unquantized(model: keras.Model) -> bytes:
    """Return the .tflite of `model` in float32. Raises ModelError without TensorFlow."""
    return _converted(_converter(model))


def _tensorflow():
    try:
        import tensorflow
    except ImportError as error:
        raise ModelError(
            "the conversion needs TensorFlow", "Run: pip install -r requirements-train.txt"
        ) from error
    return tensorflow


def _converter(model: keras.Model):
    # One photo at a time: with a free batch size the runtime plans its memory anew at each call.
    crop = keras.Input(batch_shape=(1, *model.input_shape[1:]))
    lite = _tensorflow().lite
    with suppress_native_output(1, 2):
        return lite.TFLiteConverter.from_keras_model(keras.Model(crop, model(crop)))


def _converted(converter) -> bytes:
    with suppress_native_output(1, 2), warnings.catch_warnings():
        # "Statistics for quantized inputs were expected": they come with the representative crops.
        warnings.simplefilter("ignore")
        return converter.convert()


def main(argv: list[str] | None = None) -> None:
    parser = Parser("train.quantize", __doc__)
    parser.add_argument("model", type=Path, metavar="FILE.keras")
    parser.add_argument("--float", required=True, type=Path, metavar="OUT.tflite")
    args = parser.parse_args(argv)
    content = unquantized(load_float(args.model))
    try:
        args.float.parent.mkdir(parents=True, exist_ok=True)
        args.float.write_bytes(content)
    except OSError as error:
        raise UsageError(f"cannot write {args.float}: {error.strerror}") from error
    print(f"saved {args.float}; next: python -m device.bench --naive {args.float}")


if __name__ == "__main__":
    exit_with(main)
