"""CPU time that a live camera takes: a room in which people sit, move or are not."""

import resource
import time
from typing import Any

from device.pipeline import build_pipeline

from .compat import default_models, live_camera
from .paced import PacedDevice
from .portraits import people
from .room import pictures_of_room


def main(options: dict[str, Any]) -> dict[str, Any]:
    """options: people, moving, fps, warm_up_s, window_s.

    Returns CPU seconds (user and system, all threads) per second, and what was analyzed.
    """
    settings, models = default_models()
    pictures = pictures_of_room(people(options["people"]), options["moving"], options["fps"])
    device = PacedDevice(pictures, options["fps"])
    with live_camera(device, settings) as camera:
        began_s = time.monotonic() + options["warm_up_s"]
        end_s, frames, faces, labelled = began_s + options["window_s"], 0, 0, 0
        first = last = (0.0, 0.0)
        for result in build_pipeline(settings, models, camera):
            last = time.monotonic(), _cpu_s()
            if last[0] < began_s:
                first = last
                continue
            frames += 1
            faces += len(result.faces)
            labelled += sum(bool(face.labels) for face in result.faces)
            if last[0] >= end_s:
                break
    seconds = last[0] - first[0]
    return {
        "cpu": (last[1] - first[1]) / seconds,
        "fps": frames / seconds,
        "faces_per_frame": faces / frames,
        "labelled_per_frame": labelled / frames,
    }


def _cpu_s() -> float:
    """Return the CPU time of this process so far, s: user and system, all threads."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
