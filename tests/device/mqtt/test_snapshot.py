"""When a picture is taken, and how large it is."""

import cv2
import numpy as np

from device.mqtt.snapshot import MAX_SIDE, Snapshots, encoded
from tests.device.outputs.made_up import result


def decoded(jpeg: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)


def test_a_picture_is_taken_when_a_person_comes_into_view():
    snapshots, one = Snapshots(10.0), result()
    taken = [
        snapshots.take(one, people, now_s) is not None
        for people, now_s in [(0, 0), (1, 1), (1, 2), (2, 3), (2, 11.5), (1, 30), (2, 31), (2, 50)]
    ]
    # The second person is seen once 10 s have passed since the first.
    assert taken == [False, True, False, False, True, False, True, False]


def test_a_small_picture_keeps_its_size():
    assert decoded(encoded(np.full((120, 160, 3), 90, np.uint8))).shape == (120, 160, 3)


def test_a_large_picture_is_made_smaller():
    assert decoded(encoded(np.zeros((3000, 4000, 3), np.uint8))).shape == (960, MAX_SIDE, 3)
    assert decoded(encoded(np.zeros((1, 9000, 3), np.uint8))).shape == (1, MAX_SIDE, 3)
