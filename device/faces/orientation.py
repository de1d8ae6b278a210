"""Find out whether faces stand upright in the picture, lie on a side or stand on their heads.

The detector finds a face that stands on its head and places its points as if it were upright; the
crop then shows nonsense that the quality gate does not see. Turned by 180 degrees the same face has
a higher score. Faces on a side have the right points, and their crops are upright.
"""

from __future__ import annotations

import math
from typing import Protocol

from ..frame_budget import FrameBudget
from ..log import log
from ..quarter_turns import quarter_turned
from ..settings import CameraSettings
from ..types import Detection, Frame, Image, Region
from .align import downsample
from .quality import tilt_deg
from .regions import cut_out, square_around
from .tracker import TrackedFace

SURE_SCORE = 0.95  # a face with a higher score is upright
MARGIN = 0.05  # by which the turned face's score must be higher
CONTEXT = 3.0  # side of the checked square, in face widths
OTHER_TURNS = (180, 90, 270)  # degrees clockwise
SIDEWAYS_DEG = 60.0  # tilt of the eyes beyond which a face lies on its side
PERIOD_S = 2.0  # between two examinations
UPRIGHT_CHECKS = 2  # examinations in a row after which a track counts as upright
SURE_FOUND = 0.8  # score of a face by which a picture is judged
AGREEING = 3  # examinations in a row, all with the same result, before a line is logged


UNTURNED = CameraSettings()


class Detector(Protocol):
    """What finds faces."""

    @property
    def side(self) -> int:
        """Px of the longest side that it sees; larger pictures are shrunk to that."""

    def detect(self, frame_bgr: Image, region: Region | None = None) -> list[Detection]: ...


def is_upside_down(detector: Detector, frame_bgr: Image, face: Detection) -> bool:
    """Whether a face's score is higher when the picture around it is turned by 180 degrees."""
    if face.score > SURE_SCORE or abs(tilt_deg(face.landmarks)) > SIDEWAYS_DEG:
        return False
    square = cut_out(frame_bgr, square_around(face, CONTEXT * max(face.box[2:])))
    if square is None:
        return False
    square = downsample(square, 2 * detector.side / max(square.shape[:2]))  # before it is copied
    upright = _best_score(detector, square)
    return _best_score(detector, turned(square, 180)) > upright + MARGIN


def turned(bgr: Image, degrees: int) -> Image:
    """Return a picture turned clockwise by 0, 90, 180 or 270 degrees; by 0 it is the same."""
    return quarter_turned(bgr, -degrees // 90)


def _best_score(detector: Detector, bgr: Image) -> float:
    return max((face.score for face in detector.detect(bgr)), default=0.0)


def turn_upright(face: Detection, upside_down: bool) -> int | None:
    """Return the turn that sets a face upright, degrees clockwise: 0, 90, 180 or 270.

    None for an upright face with a low score, which pictures upside down have besides.
    """
    tilt = tilt_deg(face.landmarks)
    if upside_down or abs(tilt) > 180 - SIDEWAYS_DEG / 2:
        return 180
    if abs(tilt) <= SIDEWAYS_DEG:
        return 0 if face.score >= SURE_FOUND else None
    return 270 if tilt > 0 else 90


def has_faces_turned(detector: Detector, bgr: Image, turn: int) -> bool:
    """Whether a picture without faces has some when it is turned."""
    return _best_score(detector, turned(bgr, turn)) >= SURE_FOUND


def picture_turn(detector: Detector, bgr: Image) -> int:
    """Return the turn that sets a picture's faces upright, degrees clockwise.

    0 if one of them stands upright, and without faces.
    """
    faces = detector.detect(bgr)
    found = [turn_upright(face, is_upside_down(detector, bgr, face)) for face in faces]
    turns = [turn for turn in found if turn is not None]
    if not faces:
        turns = [turn for turn in OTHER_TURNS if has_faces_turned(detector, bgr, turn)]
    return 0 if 0 in turns or not turns else turns[0]


def advice(turn: int, camera: CameraSettings) -> tuple[str, str]:
    """Return how faces that need a turn are found, and the setting that turns them upright.

    camera: the settings by which the picture is turned already.
    """
    rotate = camera.rotate + (-turn if camera.flip else turn)  # mirrored after the turn
    found = "upside down" if turn == 180 else "sideways"
    return f"faces are found only {found}", f"rotate = {rotate % 360} in [camera]"


class OrientationWatch:
    """Checks one track, or a picture without faces, every two seconds, until it is settled.

    Marks tracks that stand on their heads, and logs once how to turn the camera's picture if its
    faces never stand upright. camera: the settings by which it is turned already.
    """

    def __init__(self, detector: Detector, camera: CameraSettings = UNTURNED):
        self._detector, self._camera = detector, camera
        self._next_s = -math.inf
        self._turns: list[int] = []  # that would set the faces upright, degrees clockwise
        self._settled = False  # some face was upright, or the advice was logged
        self._tried = 0  # turns of pictures without faces

    def check(self, frame: Frame, tracks: list[TrackedFace], budget: FrameBudget) -> None:
        """Check new tracks at once, else what is due."""
        due = frame.at_s >= self._next_s
        checked = [track for track in tracks if track.checked_s is None]
        if not checked and due:
            doubtful = [track for track in tracks if track.upright_checks < UPRIGHT_CHECKS]
            checked = sorted(doubtful, key=lambda track: track.checked_s or 0.0)[:1]
        empty = due and not tracks and not self._settled
        if checked or empty:
            self._next_s = frame.at_s + PERIOD_S
            with budget.measure("orientation"):
                if empty:
                    self._note(self._check_empty(frame))
                for track in checked:
                    self._note(self._check_track(frame, track))

    def _check_track(self, frame: Frame, track: TrackedFace) -> int | None:
        """Return the turn that sets a track's face upright."""
        face = track.predict(frame.at_s)
        track.checked_s = frame.at_s
        track.upside_down = is_upside_down(self._detector, frame.bgr, face)
        turn = turn_upright(face, track.upside_down)
        track.upright_checks = 0 if turn else track.upright_checks + 1
        return turn

    def _check_empty(self, frame: Frame) -> int | None:
        """Return the turn at which a picture without faces has some; None: not the one tried."""
        turn = OTHER_TURNS[self._tried % len(OTHER_TURNS)]
        if has_faces_turned(self._detector, frame.bgr, turn):
            return turn
        self._tried += 1
        return None

    def _note(self, turn: int | None) -> None:
        if turn is None or self._settled:
            return
        if turn == 0:
            self._settled = True
            return
        self._turns = [t for t in self._turns if t == turn] + [turn]
        if len(self._turns) >= AGREEING:
            self._settled = True
            log.warning("%s. Try: %s", *advice(turn, self._camera))
