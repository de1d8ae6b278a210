"""Find faces with YuNet through OpenCV: slower than BlazeFace, and better on crowds.

Source: Wu et al. (2023), YuNet: A Tiny Millisecond-level Face Detector. The user provides the
network's file (OpenCV Zoo, MIT): no wheel has it.
"""

import time
from pathlib import Path

import cv2
import numpy as np

from ..boxes import clip
from ..errors import ModelError, one_line, os_reason
from ..files import read_file
from ..model_trial import require_yunet
from ..types import Detection, Region
from .align import downsample

MAX_BYTES = 100_000_000  # of the network; the published one has 233,000
HINT = (
    "get face_detection_yunet_2023mar.onnx from github.com/opencv/opencv_zoo and set "
    '[faces] yunet = "FILE.onnx"'
)
SIDE = 640  # px of the longer side; faces of 10 px of that are found


class YuNetNetwork:
    """The network on pictures, uint8 (h, w, 3) B, G, R, of any size."""

    def __init__(self, path: Path, min_score: float):
        if not path.is_file():
            raise ModelError(f"no YuNet network {path}", HINT)
        require_yunet(_content(path), str(path), HINT)
        try:
            self._detector = cv2.FaceDetectorYN.create(str(path), "", (SIDE, SIDE), min_score)
        except cv2.error as error:
            raise ModelError(f"{path} is not a YuNet network: {one_line(error)}", HINT) from error

    def run(self, picture_bgr: np.ndarray) -> np.ndarray:
        """Return float32 (faces, 15): box, five points from the viewer's left eye on, score."""
        self._detector.setInputSize((picture_bgr.shape[1], picture_bgr.shape[0]))
        _, found = self._detector.detect(picture_bgr)
        return np.zeros((0, 15), np.float32) if found is None else found

    def invoke_s(self, picture_bgr: np.ndarray) -> float:
        """Return how long the network alone takes for one picture, s."""
        begun = time.perf_counter()
        self.run(picture_bgr)
        return time.perf_counter() - begun


def _content(path: Path) -> bytes:
    try:
        return read_file(path, MAX_BYTES)
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {os_reason(error)}", HINT) from error


class YuNet:
    """A face detector; use it from one thread.

    path: the .onnx file. min_score: 0..1; lower gives more detections and false positives. Raises
    ModelError if the file is missing or is not a YuNet network.
    """

    side = SIDE

    def __init__(self, path: Path, min_score: float = 0.6):
        self.network = YuNetNetwork(path, min_score)

    def detect(
        self,
        frame_bgr: np.ndarray,
        region: Region | None = None,
        else_score: float | None = None,
    ) -> list[Detection]:
        """Return the faces of a uint8 (H, W, 3) picture, or of a region, from left to right."""
        height, width = frame_bgr.shape[:2]
        left, top, right, bottom = region or (0, 0, width, height)
        left, top, right, bottom = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
        scale = min(1.0, SIDE / max(right - left, bottom - top))
        picture = frame_bgr[top:bottom, left:right]
        if scale < 1:
            size = (round((right - left) * scale), round((bottom - top) * scale))
            picture = cv2.resize(downsample(picture, scale), (max(1, size[0]), max(1, size[1])))
        found = []
        for row in self.network.run(picture).astype(np.float64):
            points = row[:14].reshape(7, 2) / scale
            points[[0, 2, 3, 4, 5, 6]] += (left, top)  # all but the box's size
            found.append(_detection(points, float(row[14]), (width, height)))
        return sorted(filter(None, found), key=lambda face: face.box[0])

    def candidates(
        self, frame_bgr: np.ndarray, region: Region | None = None, min_score: float = 0.0
    ) -> list[Detection]:
        """Return the faces as `detect` does: YuNet's low scores are no faces."""
        return self.detect(frame_bgr, region)


def _detection(points: np.ndarray, score: float, size_wh: tuple[int, int]) -> Detection | None:
    """Return the detection with its box clipped to the picture; None if nothing is left of it."""
    (x, y), (w, h), left_eye, right_eye, nose, *mouth = points
    box = clip((float(x), float(y), float(w), float(h)), size_wh)
    if box is None:
        return None
    return Detection(box, score, np.array([left_eye, right_eye, nose, np.mean(mouth, axis=0)]))
