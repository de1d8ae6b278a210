"""The clip that every machine analyzes, and by how much the rows of two machines may differ.

It is taken from the built-in demo: an astronaut who smiles, an admiral with eyeglasses and a hat,
then both side by side, 2 s of each shot, and every second frame: emulated processors are slow.

An int8 network answers one level in one byte of a crop with a step of its logits or two, 0.03 to
0.07 of a probability: within 0.02 means that every crop was the same.
"""

import csv
import math
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import cv2

from device.attributes.model_card import read_card
from device.camera.demo import FPS, SIZE_WH, Demo
from device.errors import FacetError
from device.outputs.csv_log import FIXED
from tests.machines.debian import ROOT
from tests.machines.report import Report

CARD = ROOT / "models" / "attributes.json"
MOST_PX, MOST_APART = 1, 0.02  # a box's side, a probability
EVERY = 2  # frames of the demo to one of the clip
SHOT, TAKEN = 100, 50  # the demo's frames in a shot, and how many of them are taken
PLACE = ("frame", "track", "state")
BOX = ("x", "y", "width", "height")


def write_clip(path: Path) -> int:
    """Write the film, 640x480, without loss; return its number of frames.

    Lossy ones are decoded otherwise on other processors: up to 2 of 255 levels apart.
    """
    four = cv2.VideoWriter.fourcc(*"FFV1")
    film = cv2.VideoWriter(str(path), four, FPS / EVERY, SIZE_WH)
    frames = [
        frame.bgr for frame in Demo() if frame.index % EVERY == 0 and frame.index % SHOT < TAKEN
    ]
    for bgr in frames:
        film.write(bgr)
    film.release()
    return len(frames)


def rows_here(clip: Path, log: Path, delegates: bool = True) -> list[dict[str, str]]:
    """Return the rows that this computer writes of the clip, a row per face and frame.

    delegates: False leaves XNNPACK out; litert then gives to the last bit what tflite-runtime does.
    """
    settings = log.with_suffix(".toml")
    settings.write_text(f"[runtime]\ndelegates = {str(delegates).lower()}\n")
    command = [sys.executable, "-m", "device.run", "--camera", clip, "--headless"]
    command += ["--attributes", "all", "--log", log, "--log-every", "0", "--config", settings]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    if done.returncode:
        raise FacetError(f"this computer cannot analyze the clip: {done.stderr[-300:]}")
    return read_rows(log.read_text())


def read_rows(text: str) -> list[dict[str, str]]:
    """Return the rows of a log."""
    return list(csv.DictReader(text.splitlines()))


@dataclass(frozen=True)
class Difference:
    """How the rows of two machines differ: same faces in the same frames and states or not, px, the
    greatest difference of a detector's score and of an attribute's probability, and the share of
    attributes, 0..1, that are on the same side of their thresholds."""

    same_faces: bool
    box_px: float = math.inf
    score: float = math.inf
    probability: float = math.inf
    attribute: str = ""  # whose probability differs most
    same_labels: float = 0.0

    def __str__(self) -> str:
        if not self.same_faces:
            return "other faces or states"
        return f"boxes within {self.box_px:.0f} px, scores within {self.score:.3f}"


def difference(ours: list[dict], theirs: list[dict]) -> Difference:
    """Return how the rows of two machines differ, rows paired by frame and track."""
    places = [[tuple(row[key] for key in PLACE) for row in rows] for rows in (ours, theirs)]
    if not ours or places[0] != places[1]:
        return Difference(same_faces=False)
    attributes = [key for key in ours[0] if key not in FIXED]
    pairs = list(zip(ours, theirs, strict=True))
    apart = {key: max(_apart(one, other, key) for one, other in pairs) for key in attributes}
    worst = max(apart, key=apart.__getitem__)
    return Difference(
        True,
        max(_apart(one, other, key) for one, other in pairs for key in BOX),
        max(_apart(one, other, "score") for one, other in pairs),
        apart[worst],
        worst,
        _same_labels(pairs),
    )


def _same_labels(pairs: list[tuple[dict, dict]]) -> float:
    """Return the share of classified attributes that both find present, or both absent."""
    at = {one.name: one.threshold for one in read_card(CARD).attributes}
    same = [
        (float(one[name]) >= threshold) == (float(other[name]) >= threshold)
        for one, other in pairs
        for name, threshold in at.items()
        if one.get(name) and other.get(name)
    ]
    return sum(same) / len(same) if same else 0.0


def check_rows(
    report: Report, name: str, ours: list[dict], theirs: list[dict], most_apart: float = MOST_APART
) -> None:
    """Add the checks of one machine's rows of the film against this computer's."""
    apart = difference(ours, theirs)
    report.check(
        f"{name}the faces of this computer, boxes within {MOST_PX} px",
        apart.same_faces and apart.box_px <= MOST_PX,
        f"{len(theirs)} rows, {apart}",
    )
    report.check(
        f"{name}probabilities within {most_apart}",
        apart.probability <= most_apart,
        f"at most {apart.probability:.3f} apart, {apart.same_labels:.1%} of labels as here",
    )


def _apart(one: dict, other: dict, key: str) -> float:
    if not one[key] or not other[key]:  # not classified: by both, or by one only
        return 0.0 if one[key] == other[key] else math.inf
    return abs(float(one[key]) - float(other[key]))
