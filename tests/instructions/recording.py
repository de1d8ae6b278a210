"""A scene, and what the networks gave for it: the loop runs again without running the networks.

A network takes most of a frame's instructions, always as many, and valgrind is slowest in them. So
each is counted once, alone, and the loop is counted with its recorded outputs.
"""

import copy
import dataclasses
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from device.bench.scene import Scene
from device.models import Models
from device.pipeline import build_pipeline
from device.settings import Settings
from device.types import Result

SIZE_WH = (640, 480)
SCENES = {"one face": 1, "nobody": 0, "four faces": 4}  # a row's name -> faces
# Every sixth frame a full detection is due, of which every other one covers a tile, and each face's
# classification: twelve frames are a period. A scene's first frame searches all tiles.
WARM_UP, FRAMES = 12, 36
NETWORKS = tuple(one.name for one in dataclasses.fields(Models))

Outputs = list[dict[int, np.ndarray]]  # of each invocation: a tensor's index -> its values


@dataclass(frozen=True)
class Recording:
    """A scene of WARM_UP and FRAMES frames, and its networks' outputs in order."""

    scene: Scene
    outputs: dict[str, Outputs]
    invocations: dict[str, int]
    """Of each network, in the last FRAMES frames."""


@dataclass
class Recorder:
    """A TFLite interpreter that keeps its outputs."""

    interpreter: Any
    outputs: Outputs = field(default_factory=list)

    def invoke(self) -> None:
        self.interpreter.invoke()
        indexes = [output["index"] for output in self.interpreter.get_output_details()]
        self.outputs.append({index: self.interpreter.get_tensor(index) for index in indexes})

    def __getattr__(self, name: str) -> Any:
        return getattr(self.interpreter, name)


class Player:
    """A TFLite interpreter that takes inputs, and gives recorded outputs without computing them."""

    def __init__(self, interpreter: Any, outputs: Outputs):
        self.set_tensor, self.tensor = interpreter.set_tensor, interpreter.tensor
        self._coming, self._outputs = iter(outputs), {}

    def invoke(self) -> None:
        self._outputs = next(self._coming)

    def get_tensor(self, index: int) -> np.ndarray:
        return self._outputs[index].copy()  # as the runtime's own, it is the caller's


def with_interpreters(models: Models, replace: Callable[[str, Any], Any]) -> Models:
    """Return the models with other interpreters; replace: gets a network's name and its own."""
    parts = {}
    for name in NETWORKS:
        parts[name] = part = copy.copy(getattr(models, name))
        part.network = copy.copy(part.network)
        part.network._interpreter = replace(name, part.network._interpreter)
    return Models(**parts)


def warmed_up(scene: Scene, models: Models) -> Iterator[Result]:
    """Return the results of a scene after its first WARM_UP frames."""
    results = iter(build_pipeline(Settings(), models, scene))
    advance(results, WARM_UP)
    return results


def advance(results: Iterator[Result], frames: int) -> None:
    """Analyze so many frames more."""
    for _ in itertools.islice(results, frames):
        pass


def record(faces: int, models: Models) -> Recording:
    """Return a scene of so many faces, and what the models give for it."""
    recorders: dict[str, Recorder] = {}

    def recorder(name: str, interpreter: Any) -> Recorder:
        return recorders.setdefault(name, Recorder(interpreter))

    scene = Scene(faces, SIZE_WH, WARM_UP + FRAMES)
    results = warmed_up(scene, with_interpreters(models, recorder))
    before = {name: len(one.outputs) for name, one in recorders.items()}
    advance(results, FRAMES)
    outputs = {name: one.outputs for name, one in recorders.items()}
    counts = {name: len(one) - before[name] for name, one in outputs.items()}
    return Recording(scene, outputs, counts)
