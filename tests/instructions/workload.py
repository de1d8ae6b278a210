"""What is counted: the loop over each recorded scene, then each network alone.

    valgrind --tool=callgrind --instr-atstart=no python -m tests.instructions.workload \\
        RECORDINGS.pickle MARKS.so

Without MARKS.so its marks are those for plugin.c.
Everything is made and warmed up before the count begins.
"""

import gc
import pickle
import sys
from pathlib import Path

import cv2
import numpy as np

from device.models import load_models
from device.settings import Settings

from .marks import CallgrindMarks, Marks, SystemCallMarks
from .recording import FRAMES, NETWORKS, Player, Recording, advance, warmed_up, with_interpreters


def main(recordings: str, library: str = "") -> None:
    marks: Marks = CallgrindMarks(library) if library else SystemCallMarks()
    models = load_models(Settings())
    scenes: dict[str, Recording] = pickle.loads(Path(recordings).read_bytes())
    cv2.setNumThreads(1)  # OpenCV's threads wait for each other in loops, for as long as it takes
    loops = {
        name: warmed_up(
            one.scene,
            with_interpreters(models, lambda part, own, one=one: Player(own, one.outputs[part])),
        )
        for name, one in scenes.items()
    }
    networks = {name: getattr(models, name).network for name in NETWORKS}
    for network in networks.values():
        network.run(np.zeros(network.input_shape, network.input_dtype))
    # A collection of all objects is rare in a run, and would fall into some row by chance.
    gc.collect()
    gc.freeze()
    marks.begin()
    for name, results in loops.items():
        advance(results, FRAMES)
        marks.end(name)
    for name, network in networks.items():
        network._interpreter.invoke()
        marks.end(name)


if __name__ == "__main__":
    main(*sys.argv[1:])
