"""Results that tests make by hand."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from device.types import OK, Face, Frame, Probabilities, Result

NOON = datetime(2026, 1, 2, 12, 0, 0, 250_000, tzinfo=UTC)
NAMES = ("Bald", "Smiling")


def face(
    id=1,
    box=(10.0, 20.0, 30.0, 40.0),
    values: Sequence[float] | None = (0.25, 0.75),
    state=OK,
    labels=("smiling",),
    person="",
    person_score=None,
) -> Face:
    """Return a face; values: the probabilities of NAMES, None where it is not classified."""
    array = None if values is None else np.array(values, np.float32)
    return Face(
        id=id,
        box=box,
        score=0.9,
        landmarks=np.zeros((4, 2)),
        state=state,
        labels=tuple(labels),
        probabilities=Probabilities(NAMES, array),
        person=person,
        person_score=person_score,
    )


def result(*faces, seconds=0.0, index=0, shape=(120, 160, 3), source="film", time=None, fps=25.0):
    """Return a result of a grey frame, `seconds` after NOON."""
    moment = time or NOON + timedelta(seconds=seconds)
    frame = Frame(np.full(shape, 90, np.uint8), index, moment, seconds, source)
    return Result(frame, list(faces), fps)
