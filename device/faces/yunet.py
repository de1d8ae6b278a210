"""Find faces with YuNet through OpenCV: slower than BlazeFace, and better on crowds.

Source: Wu et al. (2023), YuNet: A Tiny Millisecond-level Face Detector. The network is a file that
the user brings (OpenCV Zoo, MIT): it is part of no wheel.
"""

import time
from pathlib import Path

import cv2
import numpy as np

from ..errors import ModelError
from ..types import Face, Region
from .align import halved

MEND = (
    "Get face_detection_yunet_2023mar.onnx of github.com/opencv/opencv_zoo, and name it in the "
    'settings: [faces] yunet = "FILE.onnx"'
)
SIDE = 640  # px of the longer side that it sees: faces of 10 px of that are found


class YuNetNetwork:
    """The network on pictures, uint8 (h, w, 3) B, G, R, of any size."""

    def __init__(self, path: Path, min_score: float):
        if not path.is_file():
            raise ModelError(f"no YuNet network {path}", MEND)
        try:
            self._detector = cv2.FaceDetectorYN.create(str(path), "", (SIDE, SIDE), min_score)
        except cv2.error as error:
            reason = " ".join(str(error).split())[:160]
            raise ModelError(f"{path} is not a YuNet network: {reason}", MEND) from error

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


class YuNet:
    """A face detector; use it from one thread.

    path: the .onnx file. min_score: 0..1; lower finds more faces and more that are none. Raises
    ModelError where the file is missing or no such network.
    """

    side = SIDE

    def __init__(self, path: Path, min_score: float = 0.6):
        self.network = YuNetNetwork(path, min_score)

    def detect(self, frame_bgr: np.ndarray, region: Region | None = None) -> list[Face]:
        """Return the faces of a uint8 (H, W, 3) picture, or of a region, from left to right."""
        height, width = frame_bgr.shape[:2]
        left, top, right, bottom = region or (0, 0, width, height)
        scale = min(1.0, SIDE / max(right - left, bottom - top))
        picture = frame_bgr[top:bottom, left:right]
        if scale < 1:
            size = (round((right - left) * scale), round((bottom - top) * scale))
            picture = cv2.resize(halved(picture, scale), (max(1, size[0]), max(1, size[1])))
        faces = []
        for row in self.network.run(picture).astype(np.float64):
            points = row[:14].reshape(7, 2) / scale
            points[[0, 2, 3, 4, 5, 6]] += (left, top)  # all but the box's size
            faces.append(_face(points, float(row[14]), (width, height)))
        return sorted(filter(None, faces), key=lambda face: face.box[0])


def _face(points: np.ndarray, score: float, size_wh: tuple[int, int]) -> Face | None:
    """Return the face with its box cut at the picture's edges; None if nothing is left of it."""
    (x, y), (w, h), left_eye, right_eye, nose, *mouth = points
    left, top = max(x, 0.0), max(y, 0.0)
    right, bottom = min(x + w, float(size_wh[0])), min(y + h, float(size_wh[1]))
    if not (right - left >= 1 and bottom - top >= 1):
        return None
    landmarks = np.array([left_eye, right_eye, nose, np.mean(mouth, axis=0)])
    return Face(
        (float(left), float(top), float(right - left), float(bottom - top)), score, landmarks
    )
