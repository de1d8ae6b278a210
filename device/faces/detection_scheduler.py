"""Decide where to run the detectors in each frame: on the whole picture or near known tracks.

A full detection costs six times one near a track. It runs a few times a second; every third one
covers a tile of the picture instead, where faces too far away for the whole picture's resolution
are found. In the frames between, up to two tracks are re-detected near their predicted position.
Visible tracks are reported in every frame, detected or extrapolated. Below 4 frames/s every frame
gets a full detection, with all tiles where there is time for them.
"""

import math
from typing import Protocol

from ..boxes import iou
from ..frame_budget import FrameBudget
from ..settings import CameraSettings
from ..types import Detection, Frame, Image, Region
from .orientation import UNTURNED, OrientationWatch
from .tracker import TrackedFace, Tracker, distance

MAX_ROIS = 2  # tracks re-detected in one frame; more cost a full detection and hardly follow better
# Side of the search region: face widths, and px added, as small faces need more context.
ROI_SCALE, ROI_PADDING_PX = 2.0, 48
TILE_EVERY = 3  # every n-th full detection covers a tile
TILE_SHARE = 0.4  # side of a tile, as a share of the picture's longer side
TILE_SIDES = 1.5  # and at least, in sides of the detector's input: less finds no smaller faces
TILE_OVERLAP = 0.25  # of a tile; a face between two tiles would be missed without
SAME_IOU = 0.3  # two detections that overlap more are one face
EDGE_PX = 2  # a face this near to a tile's inner edge may be cut by it
FULL_SHARE = 0.5  # at most this share of a live camera's time goes to full detections


class Detector(Protocol):
    """What finds faces."""

    @property
    def side(self) -> int:
        """Px of the longest side that it sees; larger pictures are shrunk to that."""

    def detect(self, frame_bgr: Image, region: Region | None = None) -> list[Detection]:
        """Return the faces of a uint8 (H, W, 3) picture or of a region, from left to right."""


class DetectionScheduler:
    """Detection and tracking; use it from one thread.

    full_detector: for whole pictures and tiles. roi_detector: for the regions around tracks.
    detect_hz: full detections per second of the camera's time; fewer run if they would take
    half of a live camera's time. camera: the settings by which its pictures are turned.
    """

    def __init__(
        self,
        full_detector: Detector,
        roi_detector: Detector,
        tracker: Tracker,
        detect_hz: float,
        budget: FrameBudget,
        camera: CameraSettings = UNTURNED,
    ):
        self._full_detector, self._roi_detector = full_detector, roi_detector
        self.tracker = tracker
        self._period_s, self._budget = 1 / detect_hz, budget
        self._next_full_s = -math.inf
        self._full_count = 0
        self._orientation = OrientationWatch(roi_detector, camera)

    def track(self, frame: Frame) -> list[TrackedFace]:
        """Return the visible tracks of the frame, from left to right."""
        self.tracker.frame_rate.add(frame.at_s)
        if self._is_thorough(frame):
            self._detect_thoroughly(frame)
        elif frame.at_s >= self._next_full_s - 1e-3:
            with self._budget.measure("full detection"):
                self._detect_full(frame)
            wait_s = self._period_s
            if self._budget.live:
                expected_s = self._budget.expected_s("full detection")
                wait_s = max(wait_s, expected_s / FULL_SHARE)
            self._next_full_s = frame.at_s + wait_s
        else:
            self._detect_rois(frame)
        tracks = self.tracker.visible()
        if self._budget.has_time_for("orientation"):
            self._orientation.check(frame, tracks, self._budget)
        return tracks

    def _is_thorough(self, frame: Frame) -> bool:
        """Whether frames are so far apart that each is searched as if it were the only one."""
        frame_rate = self.tracker.frame_rate
        if not frame_rate.is_slow or not self._budget.live:
            return frame_rate.is_slow
        regions = tiles((frame.bgr.shape[1], frame.bgr.shape[0]), self._full_detector.side)
        needed_s = (1 + len(regions)) * self._budget.expected_s("full detection")
        return 0 < needed_s <= FULL_SHARE * frame_rate.interval_s

    def _detect_thoroughly(self, frame: Frame) -> None:
        size_wh = (frame.bgr.shape[1], frame.bgr.shape[0])
        with self._budget.measure("full detection"):
            found = self._full_detector.detect(frame.bgr)
        for tile in tiles(size_wh, self._full_detector.side):
            for face in self._full_detector.detect(frame.bgr, tile):
                known = any(iou(face.box, other.box) >= SAME_IOU for other in found)
                if not known and not touches_tile_edge(face, tile, size_wh):
                    found.append(face)
        self._next_full_s = frame.at_s + self._period_s
        self.tracker.update(found, frame.at_s)

    def _detect_full(self, frame: Frame) -> None:
        size_wh = (frame.bgr.shape[1], frame.bgr.shape[0])
        turn, position = divmod(self._full_count, TILE_EVERY)
        regions = tiles(size_wh, self._full_detector.side)
        self._full_count += 1
        if regions and position == TILE_EVERY - 1:
            tile = regions[turn % len(regions)]
            detections = self._full_detector.detect(frame.bgr, tile)
            detections = [face for face in detections if not touches_tile_edge(face, tile, size_wh)]
        else:
            detections = self._full_detector.detect(frame.bgr)
        # A full detection marks no track as missed: distant faces are found in tiles only.
        self.tracker.update(detections, frame.at_s, expected=())

    def _detect_rois(self, frame: Frame) -> None:
        # Unconfirmed tracks first, then those not detected for longest.
        tracks = sorted(self.tracker.tracks, key=lambda track: (track.id > 0, track.seen_s))
        expected: list[TrackedFace] = []
        found: list[Detection] = []
        for track in tracks[:MAX_ROIS]:
            if not self._budget.has_time_for("roi detection"):
                break
            with self._budget.measure("roi detection"):
                detection = self._detect_near(frame, track)
            expected.append(track)
            if detection and all(iou(detection.box, face.box) < SAME_IOU for face in found):
                found.append(detection)
        self.tracker.update(found, frame.at_s, expected)

    def _detect_near(self, frame: Frame, track: TrackedFace) -> Detection | None:
        """Return the detection nearest to the track's predicted position, if one is near."""
        predicted = track.predict(frame.at_s)
        region = search_region(predicted, (frame.bgr.shape[1], frame.bgr.shape[0]))
        if region is None:  # outside the picture
            return None
        detections = self._roi_detector.detect(frame.bgr, region)
        limit = self.tracker.frame_rate.max_distance()
        found = min(detections, key=lambda d: distance(d, predicted), default=None)
        return found if found and distance(found, predicted) <= limit else None


def search_region(face: Detection, size_wh: tuple[int, int]) -> Region | None:
    """Return the square around a face, cut at the picture's edges; None if nothing is left."""
    x, y, w, h = face.box
    half = (ROI_SCALE * max(w, h) + ROI_PADDING_PX) / 2
    left, top = max(0, round(x + w / 2 - half)), max(0, round(y + h / 2 - half))
    right = min(size_wh[0], round(x + w / 2 + half))
    bottom = min(size_wh[1], round(y + h / 2 + half))
    return (left, top, right, bottom) if right - left > 8 and bottom - top > 8 else None


def tiles(size_wh: tuple[int, int], side: int) -> list[Region]:
    """Return overlapping regions that cover a picture; none if the whole is small enough.

    side: px of the detector's input; a picture that is hardly shrunk gains nothing from tiles.
    """
    tile = round(max(TILE_SHARE * max(size_wh), TILE_SIDES * side))
    if max(size_wh) <= tile:
        return []
    return grid(size_wh, tile)


def grid(size_wh: tuple[int, int], tile: int) -> list[Region]:
    """Return overlapping squares of `tile` px that cover a picture, cut at its edges."""
    return [
        (left, top, min(left + tile, size_wh[0]), min(top + tile, size_wh[1]))
        for top in _tile_starts(size_wh[1], tile)
        for left in _tile_starts(size_wh[0], tile)
    ]


def _tile_starts(length: int, tile: int) -> list[int]:
    """Return where tiles begin that cover a side, evenly spread."""
    if length <= tile:
        return [0]
    count = 1 + math.ceil((length - tile) / (tile * (1 - TILE_OVERLAP)))
    return [round(n * (length - tile) / (count - 1)) for n in range(count)]


def touches_tile_edge(face: Detection, tile: Region, size_wh: tuple[int, int]) -> bool:
    """Whether a face lies at an edge of the tile that is not an edge of the picture."""
    x, y, w, h = face.box
    left, top, right, bottom = tile
    return (
        (left > 0 and x < left + EDGE_PX)
        or (top > 0 and y < top + EDGE_PX)
        or (right < size_wh[0] and x + w > right - EDGE_PX)
        or (bottom < size_wh[1] and y + h > bottom - EDGE_PX)
    )
