"""The recording: every frame, at the camera's rate, and never in another file's place."""

from dataclasses import replace
from datetime import timedelta

import cv2
import pytest

from device.errors import FacetError, UsageError
from device.outputs.video import VideoRecord
from tests.device.outputs.made_up import face, result


def frames_in(path):
    return cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FRAME_COUNT)


def test_a_recording_has_every_frame_at_the_first_ones_size(tmp_path):
    path = tmp_path / "out.mp4"
    with VideoRecord(path, 10, live=False) as record:
        for index in range(6):
            assert record.write(result(face(), index=index, shape=(121, 161, 3))) is None
        record.write(result(face(), shape=(300, 100, 3)))  # a camera that changes its size
    capture = cv2.VideoCapture(str(path))
    shapes = []
    while (read := capture.read())[0]:
        shapes.append(read[1].shape)
    assert shapes == [(120, 160, 3)] * 7


def test_a_recording_does_not_draw_into_the_frame(tmp_path):
    given = result(face())
    with VideoRecord(tmp_path / "out.avi", 10, live=False) as record:
        record.write(given)
    assert (given.frame.bgr == 90).all()


def test_a_recording_without_frames_leaves_no_file(tmp_path):
    with VideoRecord(tmp_path / "out.avi", 10, live=False):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_live_recording_runs_as_fast_as_the_world(tmp_path):
    path = tmp_path / "out.mp4"
    with VideoRecord(path, 10, live=True) as record:
        for index in range(6):  # the camera promised 10 frames/s, a slow model analyzed 2
            record.write(result(face(), seconds=index / 2, index=index))
    assert frames_in(path) == 26  # 2.5 s and the last one


@pytest.mark.parametrize("hours", [-5, 5])
def test_a_clock_that_is_set_changes_no_recording(tmp_path, hours):
    path = tmp_path / "out.avi"
    with VideoRecord(path, 10, live=True) as record:
        for index in range(8):
            given = result(face(), seconds=index / 10, index=index)
            if index >= 4:
                moved = replace(given.frame, time=given.frame.time + timedelta(hours=hours))
                given = replace(given, frame=moved)
            record.write(given)
    assert frames_in(path) == 8


def test_a_recording_does_not_overwrite_another(tmp_path):
    path = tmp_path / "out.avi"
    for _ in range(2):
        with VideoRecord(path, 10, live=False) as record:
            record.write(result(face()))
    assert record.moved_to == tmp_path / "out.1.avi"
    assert frames_in(path) == frames_in(record.moved_to) == 1


def test_a_recording_that_is_not_on_the_disk_is_a_fault(tmp_path):
    path = tmp_path / "out.mp4"
    with (
        pytest.raises(FacetError, match=r"out.mp4 holds 0 of 1 frames"),
        VideoRecord(path, 10, live=False) as record,
    ):
        record.write(result(face()))
        path.unlink()


@pytest.mark.parametrize("name", ["out.jpeg", "out"])
def test_an_unknown_ending_names_the_known_ones(tmp_path, name):
    with pytest.raises(UsageError, match=r"unknown (suffix|ending) .*\.mp4, \.avi"):
        VideoRecord(tmp_path / name, 10, live=False)
