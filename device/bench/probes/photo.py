"""Time of a photo besides decoding, over the time of the bare networks for its invocations."""

import time
from pathlib import Path
from typing import Any

import numpy as np

from device.camera.photos import Photos

from .compat import analyze, default_models, interpreter_class
from .recorder import Recorder


def main(options: dict[str, Any]) -> dict[str, Any]:
    """options: photo, a path; repeats. Returns the median ratio of the repeats."""
    settings, models = default_models()
    path = Path(options["photo"])
    with Recorder(interpreter_class()) as recorder:
        faces = analyze(settings, models, Photos(path)).totals.faces  # also fills caches
    rounds = []
    for _ in range(options["repeats"]):
        decoding_s = _decoding_s(path)
        began_s = time.perf_counter()
        analyze(settings, models, Photos(path))
        total_s = time.perf_counter() - began_s
        rounds.append(((total_s - decoding_s) / recorder.repeat_s(), decoding_s, total_s))
    overhead, decoding_s, total_s = np.median(rounds, axis=0).tolist()
    return {
        "overhead": overhead,
        "decoding_s": decoding_s,
        "photo_s": total_s,
        "faces": faces,
        "invocations": recorder.count,
    }


def _decoding_s(path: Path) -> float:
    began_s = time.perf_counter()
    for _ in Photos(path):
        pass
    return time.perf_counter() - began_s
