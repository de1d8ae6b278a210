"""Decide where to run the detectors in each frame: on the whole picture or near known tracks.

A full detection costs six times one near a track. It runs a few times a second; every other one
covers a tile of the picture instead, where faces too far away for the whole picture's resolution
are found. In the frames between, up to two tracks are re-detected near their predicted position,
those that move as predicted less often. Visible tracks are reported in every frame, detected or
extrapolated. Below 4 frames/s every frame gets a full detection, with all tiles where there is time
for them. So does the first frame of a scene, whose tiles are searched in the frames after it: a run
has its first faces after one detection. Doubtful detections are verified before they become tracks.
What of a live picture has not changed is not searched again (`search_gate`).
"""

import math
from collections.abc import Sequence

from ..boxes import SAME_IOU, iou, is_same_face
from ..frame_budget import FrameBudget
from ..settings import CameraSettings
from ..types import Detection, Frame, Region
from .orientation import UNTURNED, OrientationWatch
from .regions import bordered, square_around, tiles, without_cut
from .scene_change import SceneChange
from .search_gate import SearchGate
from .tracker import TrackedFace, Tracker, distance
from .verification import Detector, Verifier

MAX_ROIS = 2  # tracks re-detected in one frame; more cost a full detection and hardly follow better
# Side of the search region: face widths, and px added, as small faces need more context.
ROI_SCALE, ROI_PADDING_PX = 2.0, 48
TILE_EVERY = 2  # every n-th full detection covers a tile
TILES_AT_ONCE = 3  # of a new scene, searched in one frame
REJECTED_S = 1.0  # a place where a verification found no face is not verified again for so long
FULL_SHARE = 0.5  # at most this share of a live camera's time goes to full detections


class DetectionScheduler:
    """Detection and tracking; use it from one thread.

    full_detector: for whole pictures and tiles. roi_detector: for the regions around tracks.
    detect_hz: full detections per second of the camera's time; fewer run if they would take
    half of the time that the budget gives to a live camera. camera: the settings by which its
    pictures are turned. verifier: confirms doubtful detections; None takes every one of the
    detectors'. gate: of a live picture, what is to be searched; None searches all that is due.
    """

    def __init__(
        self,
        full_detector: Detector,
        roi_detector: Detector,
        tracker: Tracker,
        detect_hz: float,
        budget: FrameBudget,
        camera: CameraSettings = UNTURNED,
        verifier: Verifier | None = None,
        gate: SearchGate | None = None,
    ):
        self._full_detector, self._roi_detector = full_detector, roi_detector
        self.tracker = tracker
        self._period_s, self._budget = 1 / detect_hz, budget
        self._next_full_s = -math.inf
        self._full_count = 0
        self._tiles_due: list[Region] = []  # of a new scene, that are still to be searched
        self._scene, self._verifier = SceneChange(), verifier
        self._rejected: list[tuple[float, Detection]] = []  # when, and what
        self._orientation = OrientationWatch(roi_detector, camera)
        self._gate = gate

    def track(self, frame: Frame) -> list[TrackedFace]:
        """Return the visible tracks of the frame, from left to right."""
        self.tracker.frame_rate.add(frame.at_s)
        new_scene = self._scene.is_new(frame.bgr) or frame.cut
        if self._gate:
            self._gate.see(frame)
        if frame.cut:
            self.tracker.forget()
        if self._is_thorough(frame):
            self._detect_thoroughly(frame)
        elif new_scene:
            self._begin_scene(frame)
        elif frame.at_s >= self._next_full_s - 1e-3 and self._detect_full(frame):
            pass
        else:
            self._detect_rois(frame)
            if self._tiles_due:
                self._detect_in_due_tiles(frame)
        if self._gate:
            self._gate.detected(self.tracker.tracks)
        tracks = self.tracker.visible()
        if self._budget.has_time_for("orientation"):
            self._orientation.check(frame, tracks, self._budget)
        return tracks

    def _plan_next_full(self, frame: Frame) -> None:
        wait_s = self._period_s
        if self._budget.live:
            expected_s = self._budget.expected_s("full detection")
            wait_s = max(wait_s, expected_s / (FULL_SHARE * self._budget.share))
        self._next_full_s = frame.at_s + wait_s

    def _is_thorough(self, frame: Frame) -> bool:
        """Whether frames are so far apart that each is searched as if it were the only one."""
        frame_rate = self.tracker.frame_rate
        if not frame_rate.is_slow or not self._budget.live:
            return frame_rate.is_slow
        regions = tiles((frame.bgr.shape[1], frame.bgr.shape[0]), self._full_detector.side)
        needed_s = (1 + len(regions)) * self._budget.expected_s("full detection")
        return 0 < needed_s <= FULL_SHARE * self._budget.share * frame_rate.interval_s

    def _detect_thoroughly(self, frame: Frame) -> None:
        found = self._detect_whole(frame)
        for tile in tiles((frame.bgr.shape[1], frame.bgr.shape[0]), self._full_detector.side):
            found += self._detect(frame, tile, found)
        self._next_full_s = frame.at_s + self._period_s
        self.tracker.update(found, frame.at_s)

    def _begin_scene(self, frame: Frame) -> None:
        """Search a scene's first frame as a whole; the tracks that it does not show end."""
        self._rejected.clear()
        if self._gate:
            self._gate.searched_all()
        found = self._detect_whole(frame)
        self._tiles_due = tiles((frame.bgr.shape[1], frame.bgr.shape[0]), self._full_detector.side)
        self._plan_next_full(frame)
        self.tracker.begin_scene(found, frame.at_s, confirm=self._verifies)

    def _detect_whole(self, frame: Frame) -> list[Detection]:
        """Return the faces of the whole picture, or one that fills it."""
        found = self._detect(frame)
        return found or self._detect(frame, bordered((frame.bgr.shape[1], frame.bgr.shape[0])))

    def _detect_in_due_tiles(self, frame: Frame) -> None:
        """Find the new faces of some tiles of a new scene, as many as there is time for."""
        known = [track.predict(frame.at_s) for track in self.tracker.tracks]
        new: list[Detection] = []
        for _ in range(min(TILES_AT_ONCE, len(self._tiles_due))):
            if not self._budget.has_time_for("full detection"):
                break
            new += self._detect(frame, self._tiles_due.pop(0), [*known, *new])
        if new:
            self.tracker.update(new, frame.at_s, expected=(), confirm=self._verifies)

    @property
    def _verifies(self) -> bool:
        """Whether detections are verified: such faces get their ids at once."""
        return self._verifier is not None

    def _detect_full(self, frame: Frame) -> bool:
        """Search the region whose turn it is; return whether there is one."""
        due = self._regions_due((frame.bgr.shape[1], frame.bgr.shape[0]))
        for region in due:
            if self._gate:
                self._gate.searched(region)
            found = self._detect(frame, region, tracks=self.tracker.tracks)
            # A full detection marks no track as missed: distant faces are found in tiles only.
            self.tracker.update(found, frame.at_s, expected=())
        self._plan_next_full(frame)
        return bool(due)

    def _regions_due(self, size_wh: tuple[int, int]) -> list[Region | None]:
        """Return what the next full detection searches, one region at most; None: the picture."""
        regions, visible = tiles(size_wh, self._full_detector.side), self.tracker.visible()
        wide = None if visible else bordered(size_wh)
        if self._gate:
            return self._gate.due(regions, wide, visible)
        turn, position = divmod(self._full_count, TILE_EVERY)
        self._full_count += 1
        if position < TILE_EVERY - 1:
            return [None]
        in_turn = [*regions, wide] if wide else regions
        return [in_turn[turn % len(in_turn)] if in_turn else None]

    def _detect(
        self,
        frame: Frame,
        region: Region | None = None,
        known: Sequence[Detection] = (),
        tracks: Sequence[TrackedFace] = (),
    ) -> list[Detection]:
        """Return the faces of the whole picture or a region, without those that are known.

        tracks: whose detections need no verification.
        """
        with self._budget.measure("full detection"):
            found = self._candidates(frame, region)
            new = [d for d in found if not any(is_same_face(d.box, k.box) for k in known)]
            return [face for face in new if self._is_face(frame, face, tracks)]

    def _candidates(self, frame: Frame, region: Region | None) -> list[Detection]:
        if self._verifier:
            return self._verifier.candidates(self._full_detector, frame.bgr, region)
        size_wh = (frame.bgr.shape[1], frame.bgr.shape[0])
        return without_cut(self._full_detector.detect(frame.bgr, region), region, size_wh)

    def _is_face(self, frame: Frame, face: Detection, tracks: Sequence[TrackedFace]) -> bool:
        """Whether a detection is a track's or a sure face, or a verification confirms it."""
        verifier, now_s = self._verifier, frame.at_s
        if verifier is None or face.score >= verifier.sure_score:
            return True
        if any(is_same_face(face.box, t.predict(now_s).box) for t in tracks):
            # The region around a track is searched for weak detections more often.
            return face.score >= verifier.min_score
        self._rejected = [r for r in self._rejected if r[0] > now_s - REJECTED_S]
        if any(is_same_face(face.box, other.box) for _, other in self._rejected):
            return False
        confirmed = verifier.is_face(frame.bgr, face)
        if not confirmed:
            self._rejected.append((now_s, face))
        return confirmed

    def _detect_rois(self, frame: Frame) -> None:
        due = [track for track in self.tracker.tracks if track.is_due(frame.at_s)]
        # Unconfirmed tracks first, then those not detected for longest.
        tracks = sorted(due, key=lambda track: (track.id > 0, track.seen_s))
        if self._gate:
            tracks = [track for track in tracks if self._gate.is_track_due(track)]
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
        limit = self.tracker.frame_rate.max_distance()
        detections = self._detect_roi(frame, region)
        found = min(detections, key=lambda d: distance(d, predicted), default=None)
        if found is None or distance(found, predicted) > limit:
            return None
        if self._verifier is None or found.score >= self._verifier.min_score:
            return found
        return found if track.id and self._holds(frame, track, found) else None

    def _detect_roi(self, frame: Frame, region: Region) -> list[Detection]:
        if self._verifier is None:
            return self._roi_detector.detect(frame.bgr, region)
        return self._roi_detector.detect(frame.bgr, region, self._verifier.weak_score)

    def _holds(self, frame: Frame, track: TrackedFace, weak: Detection) -> bool:
        """Whether a weak detection may continue a track: for a second, then if it is verified.

        One that is no longer visible needs a clear detection: what is weak where it was lost, or in
        the next scene, is another thing more often.
        """
        assert self._verifier is not None
        if self.tracker.frame_rate.is_gone(track.misses, track.unseen_s):
            return False
        if frame.at_s - track.clear_s <= self.tracker.max_lost_s:
            return True
        if not self._verifier.is_face(frame.bgr, weak):
            return False
        track.clear_s = frame.at_s
        return True


def search_region(face: Detection, size_wh: tuple[int, int]) -> Region | None:
    """Return the square around a face, cut at the picture's edges; None if nothing is left."""
    side = ROI_SCALE * max(face.box[2:]) + ROI_PADDING_PX
    left, top, right, bottom = square_around(face, side)
    left, top = max(0, left), max(0, top)
    right, bottom = min(size_wh[0], right), min(size_wh[1], bottom)
    return (left, top, right, bottom) if right - left > 8 and bottom - top > 8 else None
