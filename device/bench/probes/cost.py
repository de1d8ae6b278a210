"""Frames/s of one face and of ten, in turns, and how long each stage takes with one."""

from typing import Any

import numpy as np

from device.bench.scene import Scene

from .compat import analyze, default_models

PERCENTILES = (50, 95, 99)
SIZE_WH = (640, 480)


def main(options: dict[str, Any]) -> dict[str, Any]:
    """options: frames, repeats. Returns medians of the repeats, and the last one's stages, ms."""
    settings, models = default_models()
    one, ten = (Scene(faces, SIZE_WH, options["frames"]) for faces in (1, 10))
    analyze(settings, models, one)  # not counted: it fills caches
    pairs, stages_ms = [], {}
    for _ in range(options["repeats"]):
        pipeline = analyze(settings, models, one)
        pairs.append((pipeline.totals.fps, analyze(settings, models, ten).totals.fps))
        stages_ms = {
            stage: [float(1000 * np.percentile(durations_s, rank)) for rank in PERCENTILES]
            for stage, durations_s in pipeline.stopwatch.last.items()
            if durations_s
        }
    fps_one, fps_ten = np.median(pairs, axis=0).tolist()
    ratio = float(np.median([one / ten for one, ten in pairs]))
    return {"fps_one": fps_one, "fps_ten": fps_ten, "ten_over_one": ratio, "stages_ms": stages_ms}
