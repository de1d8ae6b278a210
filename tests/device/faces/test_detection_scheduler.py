"""When each detector runs: which tracks are found, when, and where they are in every frame."""

from datetime import UTC, datetime

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.bench.scene import Scene
from device.boxes import iou
from device.camera.open import open_camera
from device.faces.blazeface import BlazeFace
from device.faces.detection_scheduler import (
    FULL_SHARE,
    ROI_PADDING_PX,
    ROI_SCALE,
    TILES_AT_ONCE,
    DetectionScheduler,
    search_region,
)
from device.faces.regions import tiles, touches_tile_edge
from device.faces.search_gate import SearchGate
from device.faces.tracker import Tracker, distance
from device.faces.verification import Verifier
from device.frame_budget import FrameBudget
from device.settings import CameraSettings
from device.types import Detection, Frame
from tests.conftest import DATA


@pytest.fixture(scope="module")
def detectors():
    return BlazeFace("back"), BlazeFace("short")


def scheduler(detectors, budget=None, detect_hz=5.0, gate=None):
    budget = budget or FrameBudget()
    return DetectionScheduler(*detectors, Tracker(), detect_hz, budget, gate=gate)


class Counted:
    """A detector that counts its calls."""

    def __init__(self, detector):
        self.detector, self.side, self.count = detector, detector.side, 0

    def detect(self, *args):
        self.count += 1
        return self.detector.detect(*args)

    def candidates(self, *args):
        self.count += 1
        return self.detector.candidates(*args)


@pytest.fixture
def counted(detectors):
    return tuple(Counted(detector) for detector in detectors)


def frame_at(bgr, seconds):
    return Frame(bgr, round(30 * seconds), datetime.now(UTC), seconds, "made")


def counts(detection, pictures):
    """Return the number of visible tracks in each picture, at 30 frames/s."""
    return [len(detection.track(frame_at(bgr, n / 30))) for n, bgr in enumerate(pictures)]


def test_every_track_is_reported_in_every_frame_with_one_id(detectors):
    detection = scheduler(detectors)
    ids = [[track.id for track in detection.track(frame)] for frame in Scene(2, (640, 480), 60)]
    assert ids[:2] == [[], []] and all(row == [1, 2] for row in ids[4:])


def test_detected_or_predicted_a_track_is_where_a_full_detection_finds_it(detectors):
    """Six faces: between full detections two are detected in a frame, the others predicted."""
    detection = scheduler(detectors)
    for frame in Scene(6, (960, 640), 50):
        tracks = detection.track(frame)
    boxes = {face.box for face in detectors[0].detect(frame.bgr)}
    assert len(tracks) == len(boxes) == 6
    for track in tracks:
        assert max(iou(track.predict(frame.at_s).box, box) for box in boxes) > 0.6


def test_a_face_that_leaves_is_gone_in_a_moment_and_back_with_its_id(detectors, astronaut):
    detection, empty = scheduler(detectors), np.full_like(astronaut, 90)
    shown = counts(detection, [*[astronaut] * 10, *[empty] * 15, *[astronaut] * 15])
    assert shown[3:10] == [1] * 7
    assert shown[13:25] == [0] * 12  # two detections near it that find nothing
    assert shown[-1] == 1 and detection.tracker.ids == {1}


def test_a_new_face_is_found_at_the_next_full_detection(detectors, astronaut):
    detection, empty = scheduler(detectors), np.full_like(astronaut, 90)
    pictures = [empty.copy() for _ in range(17)]
    for bgr in pictures[7:]:  # a small part of the picture: no new scene
        bgr[:150, :150] = cv2.resize(astronaut[:300, 80:380], (150, 150))
    shown = counts(detection, pictures)
    # The full detection at 0.4 s, confirmed by two detections near it.
    assert shown[:14] == [0] * 14 and shown[14] == 1


def test_a_scenes_faces_are_found_in_its_first_frame(detectors, astronaut, admiral):
    verifier = Verifier(detectors[1], BlazeFace("full"), 0.6)
    tracker = Tracker()
    detection = DetectionScheduler(*detectors, tracker, 5.0, FrameBudget(), verifier=verifier)
    other = cv2.resize(admiral, astronaut.shape[1::-1])
    aside = np.roll(other, 200, axis=1)
    assert counts(detection, [*[astronaut] * 7, *[aside] * 4]) == [1] * 11
    assert tracker.ids == {1, 2}


def test_a_scene_without_faces_ends_the_tracks_at_once(detectors, astronaut):
    empty = np.full_like(astronaut, 90)
    shown = counts(scheduler(detectors), [*[astronaut] * 7, *[empty] * 4])
    assert shown[2:] == [1] * 5 + [0] * 4


class Counting:
    """A detector of nothing that counts its calls."""

    side = 256

    def __init__(self):
        self.calls = 0

    def detect(self, frame_bgr, region=None):
        self.calls += 1
        return []


class SlowBudget(FrameBudget):
    """The budget of a live camera on a board where each task takes 1 s."""

    def expected_s(self, task):
        return 1.0


@pytest.mark.parametrize("budget, expected", [(SlowBudget(1 / 30), 3), (FrameBudget(1 / 30), 16)])
def test_full_detections_take_at_most_their_share_of_a_live_cameras_time(budget, expected):
    """3 s of a camera: 5 full detections/s are asked for, and 1 s each leaves time for two.

    The first frame is searched twice: without a face, with a border around it, too.
    """
    full, empty = Counting(), np.zeros((48, 64, 3), np.uint8)
    counts(scheduler((full, Counting()), budget), [empty] * 90)
    assert full.calls == expected and FULL_SHARE == 0.5


def test_faces_too_far_for_the_whole_picture_are_found_in_tiles(detectors, admiral):
    picture = np.full((1080, 1920, 3), 90, np.uint8)
    small = cv2.resize(admiral, None, fx=0.15, fy=0.15, interpolation=cv2.INTER_AREA)
    picture[500:590, 300:377] = small  # a face 25 px wide, of 1920
    assert detectors[0].detect(picture) == []
    assert counts(scheduler(detectors), [picture] * 130)[-1] == 1


def test_small_pictures_have_no_tiles():
    assert tiles((320, 240), 256) == []


@given(st.integers(400, 4000), st.integers(100, 4000))
def test_tiles_cover_the_picture_and_overlap(width, height):
    regions = tiles((width, height), 256)
    assert regions and all(0 <= a < c <= width and 0 <= b < d <= height for a, b, c, d in regions)
    for x in (0, width // 3, width // 2, width - 1):
        for y in (0, height // 2, height - 1):
            assert any(a <= x < c and b <= y < d for a, b, c, d in regions)


@pytest.mark.parametrize(
    "box, touches",
    [
        ((150.0, 150.0, 50.0, 50.0), False),
        ((101.0, 150.0, 50.0, 50.0), True),  # 1 px from the left edge of the tile
        ((150.0, 249.5, 50.0, 50.0), True),  # the lower one
        ((249.5, 150.0, 50.0, 50.0), False),  # the right one, which is the picture's
    ],
)
def test_a_face_at_an_inner_edge_of_a_tile_may_be_cut(box, touches):
    face = Detection(box, 0.9, np.zeros((4, 2)))
    assert touches_tile_edge(face, (100, 100, 300, 300), (300, 600)) == touches


@given(st.floats(-900, 900), st.floats(-900, 900), st.floats(1, 800))
def test_a_search_region_lies_in_the_picture(x, y, width):
    region = search_region(Detection((x, y, width, width), 0.9, np.zeros((4, 2))), (640, 480))
    if region:
        left, top, right, bottom = region
        assert 0 <= left < right <= 640 and 0 <= top < bottom <= 480
        assert right - left <= ROI_SCALE * width + ROI_PADDING_PX + 2


@pytest.mark.data
@pytest.mark.parametrize(
    ("clip", "ids", "usual"),
    [
        ("webcam-one-a.mkv", (1, 1), 1),
        ("webcam-one-b.mkv", (1, 1), 1),
        ("smile-appears.mp4", (1, 1), 1),
        ("man-and-child.mp4", (2, 3), 2),
        ("two-heads-tilting.gif", (2, 3), 2),
        ("three-walking-glasses.gif", (3, 4), 3),
        ("classroom-four-small.gif", (3, 5), 3),
        pytest.param("bottles-no-face.mp4", (0, 0), 0, marks=pytest.mark.slow),
    ],
)
def test_faces_in_clips_are_found_and_keep_their_ids(detectors, clip, ids, usual):
    detection, found, visible = scheduler(detectors), set(), []
    with open_camera(CameraSettings(source=str(DATA / "videos" / clip))) as camera:
        for frame in camera:
            tracks = detection.track(frame)
            found |= {track.id for track in tracks}
            visible.append(len(tracks))
    assert ids[0] <= len(found) <= ids[1]
    assert np.median(visible) >= usual


ROOM = np.full((480, 640, 3), 90, np.uint8)


def with_face(astronaut, left_top, room=ROOM, side=150):
    """Return the room with a face about 45 px wide, its top left in px."""
    (left, top), picture = left_top, room.copy()
    picture[top : top + side, left : left + side] = cv2.resize(
        astronaut[:300, 80:380], (side, side), interpolation=cv2.INTER_AREA
    )
    return picture


def test_a_gate_spares_an_empty_room_nine_searches_in_ten(counted):
    gated = scheduler(counted, gate=SearchGate())
    assert counts(gated, [ROOM] * 30) == [0] * 30
    before = counted[0].count  # the scene's first frame, and its tiles
    assert counts_from(gated, [ROOM] * 300, 1.0) == [0] * 300  # 10 s
    assert counted[0].count - before in (10, 11)  # 2 every 2 s, not 50


def counts_from(detection, pictures, begin_s):
    return [len(detection.track(frame_at(bgr, begin_s + n / 30))) for n, bgr in enumerate(pictures)]


@pytest.mark.parametrize("others", [[], [(200, 150)]], ids=["alone", "beside another"])
@pytest.mark.parametrize("left_top", [(0, 0), (350, 150), (350, 300), (480, 330), (50, 150)])
def test_a_newcomer_is_found_within_0_4_s_and_confirmed_by_the_next_frames(
    detectors, astronaut, others, left_top
):
    detection, room = scheduler(detectors, gate=SearchGate()), ROOM
    for place in others:
        room = with_face(astronaut, place, room)
    assert counts(detection, [room] * 45)[-1] == len(others)
    shown = counts_from(detection, [with_face(astronaut, left_top, room)] * 20, 1.5)
    # 12 frames are 0.4 s, and two detections near it confirm it.
    assert shown[14] == shown[-1] == len(others) + 1


def test_a_still_face_is_followed_with_a_quarter_of_the_searches(counted, astronaut):
    gated, picture = scheduler(counted, gate=SearchGate()), with_face(astronaut, (200, 150))
    counts(gated, [picture] * 30)
    full, near = (detector.count for detector in counted)
    assert counts_from(gated, [picture] * 300, 1.0) == [1] * 300  # 10 s
    assert counted[0].count - full <= 11  # of 50
    assert counted[1].count - near <= 60  # of 250


def test_with_a_gate_tracks_are_where_they_are_without(detectors):
    gated, always = scheduler(detectors, gate=SearchGate()), scheduler(detectors)
    for frame in Scene(2, (640, 480), 90):
        tracks, expected = gated.track(frame), always.track(frame)
        assert [track.id for track in tracks] == [track.id for track in expected]
        for track, other in zip(tracks, expected, strict=True):
            apart = distance(track.predict(frame.at_s), other.predict(frame.at_s))
            assert apart < 0.06  # face widths


def test_behind_a_gate_a_face_that_leaves_is_gone_in_a_moment(detectors, astronaut):
    detection, picture = scheduler(detectors, gate=SearchGate()), with_face(astronaut, (200, 150))
    assert counts(detection, [picture] * 60)[-1] == 1
    assert counts_from(detection, [ROOM] * 10, 2.0)[6:] == [0] * 4


def test_behind_a_gate_a_light_that_is_switched_on_ends_no_track(detectors, astronaut):
    detection, picture = scheduler(detectors, gate=SearchGate()), with_face(astronaut, (200, 150))
    assert counts(detection, [picture] * 30)[-1] == 1
    bright = cv2.add(picture, np.full_like(picture, 30))
    assert counts_from(detection, [bright] * 30, 1.0)[5:] == [1] * 25


class Scripted:
    """A detector that finds one face with the score of the moment; below 0.1 none."""

    side, min_score = 128, 0.6

    def __init__(self):
        self.score = 0.9

    def detect(self, frame_bgr, region=None, else_score=None):
        return self.candidates(frame_bgr, region, else_score or self.min_score)

    def candidates(self, frame_bgr, region=None, min_score=0.0):
        landmarks = np.array([(30.0, 35.0), (50.0, 35.0), (40.0, 45.0), (40.0, 55.0)])
        face = Detection((20.0, 20.0, 40.0, 40.0), self.score, landmarks)
        return [face] if self.score >= max(min_score, 0.1) else []


def test_a_weak_detection_continues_a_visible_track_and_brings_no_lost_one_back():
    detector, blank = Scripted(), np.zeros((120, 160, 3), np.uint8)
    verifier = Verifier(detector, detector, 0.6)
    # Full detections are rare: what is tested happens near the track.
    detection = DetectionScheduler(
        detector, detector, Tracker(min_score=0.6), 0.1, FrameBudget(), verifier=verifier
    )
    seen = []
    for n, score in enumerate([0.9] * 5 + [0.45] * 5 + [0.0] * 10 + [0.45] * 5 + [0.9] * 3):
        detector.score = score
        seen.append([track.id for track in detection.track(frame_at(blank, n / 30))])
    assert seen[9] == [1]  # weak
    assert seen[19] == []  # lost
    assert seen[20:25] == [[]] * 5  # weak
    assert seen[-1] == [1]


class Near(Scripted):
    """A detector that finds the face in squares up to 400 px wide; it counts its searches."""

    side = 256

    def __init__(self):
        super().__init__()
        self.count = 0

    def candidates(self, frame_bgr, region=None, min_score=0.0):
        self.count += 1
        left, top, right, _ = region or (0, 0, frame_bgr.shape[1], 0)
        holds = left == top == 0 and right <= 400
        return super().candidates(frame_bgr, region, min_score) if holds else []


def test_a_scenes_far_faces_are_found_in_the_frames_after_the_first():
    full, roi, blank = Near(), Scripted(), np.zeros((720, 960, 3), np.uint8)
    verifier = Verifier(roi, roi, 0.6)
    detection = DetectionScheduler(full, roi, Tracker(), 5.0, FrameBudget(), verifier=verifier)
    searches, ids = [], []
    for number in range(5):
        ids.append([track.id for track in detection.track(frame_at(blank, number / 30))])
        searches.append(full.count)
    whole = 2  # as it is, and with a border
    assert len(tiles((960, 720), full.side)) == 9 == 3 * TILES_AT_ONCE
    assert searches == [whole, whole + 3, whole + 6, whole + 9, whole + 9]
    assert ids == [[], [1], [1], [1], [1]]  # verified, so with an id at once
