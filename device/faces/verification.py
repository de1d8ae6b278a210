"""Verify doubtful detections: detect again around each, closer, with two other networks.

A detector gives a face with a low score and a piece of furniture with a high one. What both have in
common at one scale they seldom have at another: the mean log-odds of three detections, the first
one and two around it at other scales, separates faces from other things where each alone does not.
"""

import math
from typing import Protocol

from ..boxes import SAME_IOU, iou
from ..types import Detection, Image, Region
from .regions import square_around, without_cut
from .tracker import distance

# A detection from this score on is a face: of 7,700 views of photos without people none had 0.8.
SURE_SCORE = 0.85
WEAK_SHARE = 2 / 3  # of min_score: the score from which a detection is verified
CLOSE, WIDE = 3.0, 4.0  # sides of the two squares, in face widths
SAME_PLACE = 0.5  # mean landmark distance, in face widths, up to which a detection is the same face
FAINT_SCORE = 0.1  # of the least detection that counts; fainter ones are many and say nothing
LEAST_SCORE, MOST_SCORE = 0.02, 0.98  # of a detection: none decides by itself


class Detector(Protocol):
    """A detector that also returns weak detections."""

    @property
    def side(self) -> int:
        """Px of the longest side that it sees; larger pictures are shrunk to that."""

    def detect(
        self, frame_bgr: Image, region: Region | None = None, else_score: float | None = None
    ) -> list[Detection]:
        """Return the faces of a uint8 (H, W, 3) picture or of a region, from left to right.

        A region may reach beyond the picture's edges. else_score: where no score reaches the
        detector's, faces from this one on.
        """

    def candidates(
        self, frame_bgr: Image, region: Region | None = None, min_score: float = 0.0
    ) -> list[Detection]:
        """Return these and, from a lower score on, what may be a face."""


class Verifier:
    """Confirms or rejects detections; use it from one thread.

    close, wide: detectors for the squares of CLOSE and WIDE face widths. min_score: 0..1, that the
    mean log-odds of the three detections must reach.
    """

    def __init__(self, close: Detector, wide: Detector, min_score: float):
        self._close, self._wide = close, wide
        self.min_score, self.weak_score = min_score, WEAK_SHARE * min_score
        self._least = log_odds(min_score)
        self.sure_score = max(SURE_SCORE, min_score)

    def candidates(
        self, detector: Detector, frame_bgr: Image, region: Region | None = None
    ) -> list[Detection]:
        """Return what may be a face in a uint8 (H, W, 3) picture or whole in a region."""
        found = detector.candidates(frame_bgr, region, self.weak_score)
        return without_cut(found, region, (frame_bgr.shape[1], frame_bgr.shape[0]))

    def detect(
        self, detector: Detector, frame_bgr: Image, region: Region | None = None
    ) -> list[Detection]:
        """Return the faces in a uint8 (H, W, 3) picture or whole in a region, in their order."""
        found = self.candidates(detector, frame_bgr, region)
        return [face for face in found if self.is_face(frame_bgr, face)]

    def is_face(self, frame_bgr: Image, face: Detection) -> bool:
        """Whether a detection in a uint8 (H, W, 3) picture is a face."""
        if face.score >= self.sure_score:
            return True
        # The close one costs least and rejects most.
        needed = 3 * self._least - log_odds(face.score)
        needed -= self._log_odds_near(self._close, CLOSE, frame_bgr, face)
        if needed > log_odds(MOST_SCORE):
            return False
        return self._log_odds_near(self._wide, WIDE, frame_bgr, face) >= needed

    def _log_odds_near(
        self, detector: Detector, widths: float, frame_bgr: Image, face: Detection
    ) -> float:
        # Black beyond the picture's edges, so that a face that fills it is seen smaller, too.
        region = square_around(face, widths * max(face.box[2:]))
        found = detector.candidates(frame_bgr, region, FAINT_SCORE)
        scores = [
            near.score
            for near in found
            if distance(near, face) <= SAME_PLACE and iou(near.box, face.box) >= SAME_IOU
        ]
        return log_odds(max(scores, default=LEAST_SCORE))


def log_odds(score: float) -> float:
    """Return the logit of a score, limited so that no detection decides by itself."""
    score = min(max(score, LEAST_SCORE), MOST_SCORE)
    return math.log(score / (1 - score))
