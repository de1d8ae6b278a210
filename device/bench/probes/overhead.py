"""Time of a scene, over the time of the bare networks for the same invocations and inputs."""

from typing import Any

import numpy as np

from device.bench.scene import Scene

from .compat import analyze, default_models, interpreter_class
from .recorder import Recorder


def main(options: dict[str, Any]) -> dict[str, Any]:
    """options: faces, size_wh, frames, repeats. Returns the median ratio of the repeats."""
    settings, models = default_models()
    scene = Scene(options["faces"], tuple(options["size_wh"]), options["frames"])
    with Recorder(interpreter_class()) as recorder:
        analyze(settings, models, scene)  # also fills caches
    ratios = [
        analyze(settings, models, scene).totals.seconds / recorder.repeat_s()
        for _ in range(options["repeats"])
    ]
    return {"overhead": float(np.median(ratios)), "invocations": recorder.count}
