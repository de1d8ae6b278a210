"""Frames/s of four faces, over those of the baseline loop, in turns."""

from pathlib import Path
from typing import Any

import numpy as np

from device.bench import baseline
from device.bench.scene import Scene

from .compat import analyze, default_models

FACES, SIZE_WH = 4, (640, 480)


def main(options: dict[str, Any]) -> dict[str, Any]:
    """options: float_model, a path; frames, repeats. Returns the median ratio of the repeats."""
    settings, models = default_models()
    path, threads = Path(options["float_model"]), settings.runtime.threads
    network = baseline.load_float_network(path, models, threads)
    scene = Scene(FACES, SIZE_WH, options["frames"])
    analyze(settings, models, scene)  # not counted: it fills caches
    ratios = []
    for _ in range(options["repeats"]):
        fps = analyze(settings, models, scene).totals.fps
        frames, _, seconds = baseline.run(scene, models, network)
        ratios.append(fps * seconds / frames)
    return {"times_as_fast": float(np.median(ratios))}
