"""Time from the first frame that shows a newcomer to the first result with its face."""

from typing import Any

import numpy as np

from device.pipeline import build_pipeline

from .compat import default_models, live_camera
from .paced import PacedDevice
from .portraits import people
from .room import pictures_of_room, place

FACE_PX = 50.0  # of the newcomer: a person a few metres away
# Where its face is, px: alone, and beside the person who sits in the middle.
ALONE_XY, BESIDE_XY = (470.0, 190.0), (470.0, 260.0)
AWAY_S, STEP_S, THERE_S = 2.0, 0.13, 1.0  # each time it is away for a little longer


def main(options: dict[str, Any]) -> dict[str, Any]:
    """options: people, who sit and move; fps; times, that the newcomer comes.

    Returns p50 and the longest time, s, and how often it was not found before it left.
    """
    settings, models = default_models()
    pictures, shows = _story(options["people"], options["fps"], options["times"])
    showing = {id(picture) for picture, shown in zip(pictures, shows, strict=True) if shown}
    delays_s: list[float] = []
    came_s: float | None = None
    missed, was_there = 0, False
    with live_camera(PacedDevice(pictures, options["fps"]), settings) as camera:
        for result in build_pipeline(settings, models, camera):
            there, now_s = id(result.frame.bgr) in showing, result.frame.at_s
            if there and not was_there:
                came_s = now_s
            if came_s is not None and there and len(result.faces) > options["people"]:
                delays_s.append(now_s - came_s)
                came_s = None
            if was_there and not there and came_s is not None:
                missed, came_s = missed + 1, None
            was_there = there
            if len(delays_s) + missed == options["times"]:
                break
    if not delays_s:
        raise RuntimeError("no newcomer was found")
    return {
        "p50_s": float(np.median(delays_s)),
        "longest_s": max(delays_s),
        "missed": missed,
    }


def _story(number: int, fps: float, times: int) -> tuple[list[np.ndarray], list[bool]]:
    """Return the pictures in their order, and which of them show the newcomer."""
    loop, newcomer = pictures_of_room(people(number), number > 0, fps), people(2)[1]
    xy = BESIDE_XY if number else ALONE_XY
    pictures: list[np.ndarray] = []
    shows: list[bool] = []
    for turn in range(times):
        for shown, seconds in ((False, AWAY_S + turn * STEP_S), (True, THERE_S)):
            for _ in range(round(seconds * fps)):
                picture = loop[len(pictures) % len(loop)]
                if shown:
                    picture = picture.copy()
                    place(picture, newcomer, xy, FACE_PX, 0.0)
                pictures.append(picture)
                shows.append(shown)
    return pictures, shows
