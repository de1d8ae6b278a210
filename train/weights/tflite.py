"""Read the weights of a .tflite network in the order in which it runs them, and run it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from device.errors import ModelError, one_line
from device.silence import suppress_native_output

WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


class TfliteLayer(NamedTuple):
    """A convolution or dense layer, float32, its axes in TFLite's order."""

    kind: str  # one of WEIGHTED
    kernel: np.ndarray  # (out, h, w, in); depthwise (1, h, w, channels); dense (out, in)
    bias: np.ndarray  # (out,)


@contextmanager
def layers_expected(hint: str) -> Iterator[None]:
    """Raise ModelError where the layers within are not those of the network to be built."""
    try:
        yield
    except (ValueError, IndexError, TypeError) as error:
        raise ModelError(f"the .tflite file is another network: {one_line(error)}", hint) from error


class Tflite:
    """An int8 network with one input and one output.

    content: of the file. hint: of the ModelError raised if the runtime cannot run it.
    """

    def __init__(self, content: bytes, hint: str):
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError as error:
            raise ModelError(
                "no ai-edge-litert, which reads .tflite files", "pip install ai-edge-litert"
            ) from error
        try:
            with suppress_native_output(2):
                self._interpreter = Interpreter(model_content=content, num_threads=1)
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise ModelError(f"the .tflite file does not run: {one_line(error)}", hint) from error

    def layers(self) -> list[TfliteLayer]:
        """Return the layers with weights; int8 kernels and int32 biases times their scales."""
        tensors = {tensor["index"]: tensor for tensor in self._interpreter.get_tensor_details()}
        return [
            TfliteLayer(
                operation["op_name"],
                *(self._dequantized(tensors[index]) for index in operation["inputs"][1:3]),
            )
            for operation in self._interpreter._get_ops_details()
            if operation["op_name"] in WEIGHTED
        ]

    def run(self, values: np.ndarray) -> np.ndarray:
        """Return the output for an input without its batch axis, both float32."""
        entry = self._interpreter.get_input_details()[0]
        scale, zero = entry["quantization"]
        limits = np.iinfo(entry["dtype"])
        quantized = np.clip(np.round(values / scale) + zero, limits.min, limits.max)
        self._interpreter.set_tensor(entry["index"], quantized.astype(entry["dtype"])[None])
        self._interpreter.invoke()
        return self._dequantized(self._interpreter.get_output_details()[0])[0]

    def _dequantized(self, tensor: dict) -> np.ndarray:
        values = self._interpreter.get_tensor(tensor["index"]).astype(np.float32)
        quantization = tensor["quantization_parameters"]
        scales = np.asarray(quantization["scales"], np.float32)
        if not scales.size:
            return values
        # A kernel has a scale per channel, and one zero for all.
        zeros = np.broadcast_to(quantization["zero_points"], scales.shape)
        shape = [1] * values.ndim
        shape[quantization["quantized_dimension"]] = scales.size
        return (values - zeros.reshape(shape)) * scales.reshape(shape)
