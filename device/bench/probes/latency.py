"""Time from the capture of a live camera's frame to its picture with labels drawn."""

import time
from collections.abc import Iterable
from typing import Any

import numpy as np

from device.camera.prefetch import closing
from device.outputs.overlay import annotate
from device.pipeline import build_pipeline
from device.preview import with_previews

from .compat import default_models, live_camera
from .paced import PacedDevice
from .portraits import people
from .room import pictures_of_room


def main(options: dict[str, Any]) -> dict[str, Any]:
    """options: people, fps, warm_up_s, window_s.

    Returns frames/s and p50 and p95, ms: of analyzed frames as a run without a window draws them;
    and of what a window shows with previews, of its pictures and of the labels in them. A label is
    as old as the frame that was analyzed for it.
    """
    settings, models = default_models()
    pictures = pictures_of_room(people(options["people"]), True, options["fps"])
    figures: dict[str, float] = {}
    for shown in (False, True):
        device = PacedDevice(pictures, options["fps"])
        with live_camera(device, settings) as camera:
            analyzed = build_pipeline(settings, models, camera)
            with closing(with_previews(analyzed, camera) if shown else analyzed) as results:
                picture_s, label_s = _latencies(results, options["warm_up_s"], options["window_s"])
        if shown:
            figures |= _percentiles("picture", picture_s) | _percentiles("label", label_s)
        else:
            figures |= _percentiles("analyzed", picture_s)
            figures["fps"] = len(picture_s) / options["window_s"]
    return figures


def _latencies(
    results: Iterable[Any], warm_up_s: float, window_s: float
) -> tuple[list[float], list[float]]:
    """Draw the results; return how old pictures and labels were when they were complete, s."""
    picture_s, label_s = [], []
    began_s = time.monotonic() + warm_up_s
    shown_index, analyzed_at_s = -1, 0.0
    for result in results:
        if result.analyzed:
            analyzed_at_s = result.frame.at_s
        if result.frame.index <= shown_index:  # a window leaves it out, too
            continue
        shown_index = result.frame.index
        picture = result.frame.bgr.copy()
        annotate(picture, result.faces, "30 frames/s  1 face  30 ms old")
        now_s = time.monotonic()
        if now_s >= began_s:
            picture_s.append(now_s - result.frame.at_s)
            label_s.append(now_s - analyzed_at_s)
        if now_s >= began_s + window_s:
            break
    return picture_s, label_s


def _percentiles(name: str, durations_s: list[float]) -> dict[str, float]:
    return {f"{name}_p{rank}": float(1000 * np.percentile(durations_s, rank)) for rank in (50, 95)}
