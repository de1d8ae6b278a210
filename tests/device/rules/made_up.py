"""Rules, results and firings that tests make by hand."""

from dataclasses import replace
from datetime import timedelta

import numpy as np

from device.conditions.parser import parse
from device.config import merge
from device.rules.watch import RuleWatch
from device.settings import RuleSettings
from device.types import Crossing, Probabilities
from tests.device.outputs.made_up import NOON, face, result

NAMES = ("Smiling", "Eyeglasses")
THRESHOLDS = {"Smiling": 0.5, "Eyeglasses": 0.5}
SMILES, SERIOUS, UNCLEAR = (0.9, 0.0), (0.1, 0.0), None


def rule(when="Smiling > 0.8", **values) -> RuleSettings:
    given = {"when": when, "do": "command", "argv": ["true"]} | values
    return merge(RuleSettings(), given, "a test")


def watch(when="Smiling > 0.8", **values) -> RuleWatch:
    """Return the watch of a rule; tracks are lost after 1 s."""
    condition = parse(when, NAMES, lines=("door", "gate"))
    return RuleWatch(rule(when, **values), condition, THRESHOLDS, 1.0)


def person(id, values, name=""):
    """Return a face; values: the probabilities of NAMES, None where it is not classified."""
    array = None if values is None else np.array(values, np.float32)
    made = face(id, values=None, person=name)
    return type(made)(
        made.id,
        made.box,
        made.score,
        made.landmarks,
        probabilities=Probabilities(NAMES, array),
        person=name,
    )


def frames(*faces_per_frame, step_s=0.5, start_s=0.0):
    """Return results `step_s` apart; each of {track: values}."""
    return [
        result(
            *(person(id, values) for id, values in faces.items()),
            seconds=start_s + index * step_s,
            index=index,
        )
        for index, faces in enumerate(faces_per_frame)
    ]


def crossing(direction, line="door", track=1, values=SMILES, at_s=0.0):
    """Return a result in which a face crosses a line."""
    (one,) = frames({track: values}, start_s=at_s)
    time = NOON + timedelta(seconds=at_s)
    return replace(one, crossings=(Crossing(time, track, line, direction),))


def fired(watched, results):
    """Return (s, track) of each firing."""
    return [
        (firing.at_s, firing.face.id if firing.face else None)
        for one in results
        for firing in watched.update(one)
    ]


def firing(when="Smiling > 0.8", **values):
    """Return the firing of a rule whose condition face 1 fulfils at once."""
    (made,) = watch(when, **values).update(frames({1: SMILES})[0])
    return made
