"""Run a .tflite network on the installed runtime: ai-edge-litert, else tflite-runtime."""

import contextlib
import sys
import time
from collections.abc import Callable

import numpy as np

from .errors import ModelError, one_line
from .resources import install_hint
from .silence import suppress_native_output

Fill = Callable[[np.ndarray], None]

# What the runtime says while something refers to a network's memory, and how often and how long to
# wait for the end of that: a profiler that samples the threads' stacks, as Dask's workers have one,
# keeps what the function that filled the input was given.
HELD = "reference to internal data"
HELD_TRIES, HELD_S = 200, 0.005


def _interpreter_class():
    """Return (Interpreter, "package version"); ModelError if no runtime is installed."""
    try:
        from ai_edge_litert import __version__
        from ai_edge_litert.interpreter import Interpreter

        return Interpreter, f"ai-edge-litert {__version__}"
    except ImportError:
        pass
    # Only with NumPy 1: under NumPy 2 tflite-runtime crashes the process at the first network.
    if int(np.__version__.split(".")[0]) < 2:
        with contextlib.suppress(ImportError):
            from tflite_runtime import __version__
            from tflite_runtime.interpreter import Interpreter

            return Interpreter, f"tflite-runtime {__version__}"
    raise ModelError("no TFLite runtime found", install_hint("pi"))


def runtime_name() -> str:
    """Return the runtime in use and its version, such as "ai-edge-litert 2.3.0"."""
    return _interpreter_class()[1]


class Network:
    """A network with one input, ready to run; it has its own memory, so use it from one thread.

    content: of the .tflite file. hint: of the ModelError raised if this runtime cannot run it.
    delegates: False leaves out the accelerated kernels (XNNPACK) that only some builds of a runtime
    have; the remaining kernels give the same results in all builds.
    """

    def __init__(
        self, content: bytes, name: str, hint: str, threads: int = 1, delegates: bool = True
    ):
        interpreter_class, runtime = _interpreter_class()
        try:
            with suppress_native_output(2):
                kernels = sys.modules[interpreter_class.__module__].OpResolverType
                self._interpreter = interpreter_class(
                    model_content=content,
                    num_threads=threads,
                    experimental_op_resolver_type=kernels.AUTO
                    if delegates
                    else kernels.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
                )
                self._interpreter.allocate_tensors()
            self._input = self._interpreter.get_input_details()[0]
            self._outputs = self._interpreter.get_output_details()
        # What a corrupt file may raise; UnicodeDecodeError (a name in it) is a ValueError.
        except (ValueError, RuntimeError, LookupError, MemoryError, OverflowError) as error:
            raise ModelError(
                f"{name} is not a model that {runtime} can run ({one_line(error)})", hint
            ) from error
        self._content = content  # the runtime reads weights from these bytes, without a copy

    @property
    def input_shape(self) -> tuple[int, ...]:
        return tuple(int(side) for side in self._input["shape"])

    @property
    def input_dtype(self) -> type:
        return self._input["dtype"]

    @property
    def output_shapes(self) -> list[tuple[int, ...]]:
        return [tuple(int(side) for side in output["shape"]) for output in self._outputs]

    def run(self, batch: np.ndarray) -> list[np.ndarray]:
        """Return the outputs for one input of `input_shape`: float32, dequantized."""
        self._interpreter.set_tensor(self._input["index"], batch)
        return self._invoked()

    def run_filled(self, fill: Fill) -> list[np.ndarray]:
        """Return the outputs as `run` does, for the input that `fill` writes.

        fill: gets the network's own memory of `input_shape` and writes all of it; it must not keep
        the array. This spares a copy of the input, 0.8 MB for a picture of 256x256 px.
        """
        fill(self._interpreter.tensor(self._input["index"])())
        return self._invoked()

    def _invoked(self) -> list[np.ndarray]:
        self._invoke()
        return [self._dequantized(output) for output in self._outputs]

    def _invoke(self) -> None:
        for _ in range(HELD_TRIES):
            try:
                self._interpreter.invoke()
                return
            except RuntimeError as error:
                if HELD not in str(error):
                    raise
            time.sleep(HELD_S)
        self._interpreter.invoke()

    def invoke_s(self, batch: np.ndarray) -> float:
        """Return how long the network alone takes for one input, s."""
        self._interpreter.set_tensor(self._input["index"], batch)
        begun = time.perf_counter()
        self._interpreter.invoke()
        return time.perf_counter() - begun

    def _dequantized(self, output: dict) -> np.ndarray:
        values = self._interpreter.get_tensor(output["index"])
        scale, zero_point = output["quantization"]
        if values.dtype == np.float32 or scale == 0:
            return values
        return (values.astype(np.float32) - zero_point) * np.float32(scale)
