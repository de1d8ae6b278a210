"""Count the invocations of all networks, and time as many of them alone.

At the runtime, below the checkout: commits may call it in different ways, but all do call it.
"""

import time
from typing import Any, Self

import numpy as np

KEPT_INPUTS = 32  # of each network; the bare networks are timed on these in turn


class _Counted:
    """One network's invocations."""

    def __init__(self, interpreter: Any):
        self.interpreter, self.count = interpreter, 0
        self.index = interpreter.get_input_details()[0]["index"]
        self.inputs: list[np.ndarray] = []


class Recorder:
    """Counts, while entered, the invocations of every interpreter of a class."""

    def __init__(self, interpreter_class: Any):
        self._class, self._invoke = interpreter_class, interpreter_class.invoke
        self._counted: dict[int, _Counted] = {}

    @property
    def count(self) -> int:
        """Invocations of all networks."""
        return sum(counted.count for counted in self._counted.values())

    def __enter__(self) -> Self:
        recorder, invoke = self, self._invoke

        def counting(interpreter: Any) -> None:
            recorder._note(interpreter)
            invoke(interpreter)

        self._class.invoke = counting
        return self

    def __exit__(self, *exc: object) -> None:
        self._class.invoke = self._invoke

    def _note(self, interpreter: Any) -> None:
        if id(interpreter) not in self._counted:
            self._counted[id(interpreter)] = _Counted(interpreter)
        counted = self._counted[id(interpreter)]
        counted.count += 1
        if len(counted.inputs) < KEPT_INPUTS:
            counted.inputs.append(interpreter.get_tensor(counted.index).copy())

    def repeat_s(self) -> float:
        """Return how long the counted invocations take alone, over the kept inputs, s."""
        return sum(self._repeat_s(counted) for counted in self._counted.values())

    def _repeat_s(self, counted: _Counted) -> float:
        total_s, interpreter = 0.0, counted.interpreter
        for number in range(counted.count):
            interpreter.set_tensor(counted.index, counted.inputs[number % len(counted.inputs)])
            began_s = time.perf_counter()
            interpreter.invoke()
            total_s += time.perf_counter() - began_s
        return total_s
