"""When and where a live picture is searched. Frames are 640x480 px, cells 20 px; times in s."""

from datetime import UTC, datetime

import numpy as np
import pytest

from device.faces.regions import bordered, tiles
from device.faces.search_gate import NEAR_S, RECHECK_S, STILL_S, SearchGate
from device.faces.tracker import Tracker
from device.types import Detection, Frame

SIZE_WH = (640, 480)
TILES = tiles(SIZE_WH, 256)
WIDE = bordered(SIZE_WH)
ROOM = np.full((480, 640, 3), 100, np.uint8)


def with_person(x, y, side=60, picture=ROOM):
    picture = picture.copy()
    picture[y : y + side, x : x + side] = 180
    return picture


def frame(picture, at_s):
    return Frame(picture, round(at_s * 25), datetime.now(UTC), at_s, "room")


def searched_gate(picture=ROOM):
    gate = SearchGate()
    gate.see(frame(picture, 0.0))
    gate.searched_all()
    return gate


def face(x, y, width=60.0):
    landmarks = np.array([(0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.5, 0.8)]) * width + (x, y)
    return Detection((float(x), float(y), width, width), 0.95, landmarks)


def tracked(x, y, frames=4):
    """Return a tracker whose one face stands still, last seen at 0.0."""
    tracker = Tracker()
    for n in range(frames):
        tracker.update([face(x, y)], (n - frames + 1) * 0.04)
    (track,) = tracker.visible()
    return track


def search(gate, tracks=(), wide=WIDE):
    """Return what is due, and note it as searched, as the scheduler does."""
    due = gate.due(TILES, wide, tracks)
    for region in due:
        gate.searched(region)
    return due


def test_a_picture_is_searched_first():
    gate = SearchGate()
    gate.see(frame(ROOM, 0.0))
    assert gate.due(TILES, WIDE, ()) == [None]


def test_an_empty_room_is_searched_every_two_seconds_whole_and_in_a_tile():
    gate, found = searched_gate(), []
    for n in range(1, 61):  # 12 s, 5 turns a second
        gate.see(frame(ROOM, n / 5))
        found += search(gate)
    assert found.count(None) == 12 / RECHECK_S
    assert len(found) - found.count(None) in (5, 6)


def test_every_tile_and_the_wide_picture_have_their_turn():
    gate, found = searched_gate(), set()
    for n in range(1, 240):
        gate.see(frame(ROOM, n / 5))
        found |= set(search(gate))
    assert found == {None, WIDE, *TILES}


@pytest.mark.parametrize("side", [40, 60, 150])
@pytest.mark.parametrize("x, y", [(0, 0), (250, 200), (480, 300)])
def test_a_newcomer_is_searched_whole_and_in_its_tile_within_two_turns(x, y, side):
    gate = searched_gate()
    gate.see(frame(with_person(x, y, side), 0.2))
    first = search(gate)
    gate.see(frame(with_person(x, y, side), 0.4))
    found = [*first, *search(gate)]
    assert None in found
    (tile,) = [region for region in found if region]
    assert tile[0] < x + side and tile[2] > x and tile[1] < y + side and tile[3] > y


def test_what_was_searched_and_stays_is_not_searched_again():
    gate, picture = searched_gate(), with_person(100, 100)
    found = []
    for n in range(1, 9):
        gate.see(frame(picture, n / 5))
        found += search(gate)
    assert found.count(None) == 1 and len(found) <= 5  # the tiles that show it, once each


def test_a_slow_change_adds_up():
    gate, found = searched_gate(), []
    for n in range(1, 10):
        picture = ROOM.copy()
        picture[100:200, 100:200] += 2 * n  # 2 levels from turn to turn
        gate.see(frame(picture, n / 5))
        found += search(gate)
    assert found


def test_a_screen_that_always_moves_keeps_no_tile_from_being_searched():
    gate, found = searched_gate(), []
    for n in range(1, 40):
        picture = ROOM.copy()
        picture[:100, :100] = 30 + 40 * n % 199  # at each search another one
        picture = with_person(560, 400, 40, picture)  # stands far off all the time
        gate.see(frame(picture, n / 5))
        found += search(gate)
    assert any(tile and tile[2] == 640 and tile[3] == 480 for tile in found if tile != WIDE)


def test_a_search_with_a_border_leaves_the_tiles_to_be_searched():
    gate = searched_gate()
    gate.see(frame(with_person(300, 200), 0.2))
    gate.searched(None)
    gate.searched(WIDE)
    gate.see(frame(with_person(300, 200), 0.4))
    (tile,) = search(gate)
    assert tile in TILES


def test_movements_near_a_track_are_searched_every_other_turn():
    track = tracked(300, 100)
    gate, times = searched_gate(), []
    for n in range(1, 9):
        at_s = n / 5
        gate.see(frame(with_person(280 + 10 * n, 320), at_s))  # its arm, below its face
        times += [at_s for region in search(gate, [track], None) if region is None]
    assert times == pytest.approx([NEAR_S, 2 * NEAR_S, 3 * NEAR_S, 4 * NEAR_S])


@pytest.mark.parametrize("x, y", [(220, 90), (380, 100), (310, 200), (40, 40), (560, 380)])
def test_a_newcomer_anywhere_is_searched_within_0_4_s_beside_a_track(x, y):
    gate, track = searched_gate(), tracked(300, 100)
    whole = []
    for n in (1, 2):
        gate.see(frame(with_person(x, y), n / 5))
        whole += [region for region in search(gate, [track], None) if region is None]
    assert whole


def test_a_face_that_fills_the_picture_is_searched_with_a_border_within_0_8_s():
    gate, found = searched_gate(), []
    for n in range(1, 5):
        filled = ROOM.copy()
        filled[:, 100:540] = (30, 220, 60, 180)[n - 1]
        gate.see(frame(filled, n / 5))
        found += search(gate)
    assert WIDE in found


def test_a_track_that_does_not_move_as_predicted_is_due_where_nothing_changes():
    gate, track = searched_gate(), tracked(300, 100)
    gate.detected([track])
    gate.see(frame(ROOM, 0.2))
    assert not gate.is_track_due(track)
    track.wait_s = 0.0
    assert gate.is_track_due(track)


def test_a_still_track_is_detected_twice_a_second_and_a_moving_one_more_often():
    gate, track = searched_gate(), tracked(300, 100)
    gate.detected([track])
    for at_s in (0.08, 0.2, 0.4):
        gate.see(frame(ROOM, at_s))
        assert not gate.is_track_due(track)
    gate.see(frame(with_person(310, 110), 0.44))
    assert gate.is_track_due(track)
    gate.see(frame(ROOM, STILL_S))
    assert gate.is_track_due(track)
