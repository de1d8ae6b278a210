"""How a face moves on while it is not detected: at its velocity, which fades."""

import dataclasses
import math

import numpy as np

from ..types import Face

FADE_S = 0.5  # time constant: a face not detected for so long has most likely stopped


def travel_time_s(elapsed_s: float) -> float:
    """Return for how long a face moves at full velocity in `elapsed_s`, s: at most FADE_S."""
    return FADE_S * (1 - math.exp(-max(elapsed_s, 0.0) / FADE_S))


def move(face: Face, elapsed_s: float) -> Face:
    """Return the face where it should be `elapsed_s` later."""
    time_s = travel_time_s(elapsed_s)
    dx, dy = (time_s * speed for speed in face.velocity)
    x, y, w, h = face.box
    shifted = face.landmarks + np.array((dx, dy))
    return dataclasses.replace(face, box=(x + dx, y + dy, w, h), landmarks=shifted)
