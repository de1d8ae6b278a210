"""A live window: the camera's own rate, whatever the pipeline takes, and no thread left behind."""

import threading
import time
from datetime import UTC, datetime

import numpy as np
import pytest

from device import preview
from device.errors import FacetError
from device.faces.motion import travel_time_s
from device.preview import with_previews, with_repeats
from device.types import Face, Frame, Result

FACE = Face(1, (10.0, 10.0, 20.0, 20.0), 0.9, np.full((4, 2), 20.0), velocity=(100.0, 0.0))


class FakeLiveCamera:
    """A camera of 100 frames/s, each made when it is asked for."""

    name, fps, mode, dropped, reconnecting = "fake", 100.0, "64x48", 0, False

    def __init__(self):
        self._started_s, self._bgr = time.monotonic(), np.zeros((48, 64, 3), np.uint8)

    @property
    def newest(self):
        index = int((time.monotonic() - self._started_s) * self.fps)
        at_s = self._started_s + index / self.fps
        return Frame(self._bgr, index, datetime.now(UTC), at_s, self.name)


def slow_results(camera, count, takes_s=0.08, fault=None):
    """Yield results of the camera's frames, each `takes_s` late."""
    for _ in range(count):
        frame = camera.newest
        time.sleep(takes_s)
        yield Result(frame, [FACE], 12.0, time.monotonic() - frame.at_s)
    if fault:
        raise fault


def pipeline_threads():
    return [thread for thread in threading.enumerate() if thread.name == "pipeline"]


def test_no_results():
    camera = FakeLiveCamera()
    assert list(with_previews(slow_results(camera, 0), camera)) == []


def test_previews_fill_the_time_between_results():
    camera = FakeLiveCamera()
    shown = list(with_previews(slow_results(camera, 5), camera))
    analyzed = [result for result in shown if result.analyzed]
    previews = [result for result in shown if not result.analyzed]
    assert shown[0] is analyzed[0] and len(analyzed) == 5
    assert len(previews) > 2 * len(analyzed)  # 0.32 s at 100 frames/s
    indices = [result.frame.index for result in previews]
    assert indices == sorted(set(indices))
    assert not pipeline_threads()


def test_faces_of_a_preview_moved_on_since_they_were_analyzed():
    camera, last, moved_px = FakeLiveCamera(), None, []
    for result in with_previews(slow_results(camera, 3), camera):
        if result.analyzed:
            last = result
            continue
        (face,), elapsed_s = result.faces, result.frame.at_s - last.frame.at_s
        assert face.box[0] == pytest.approx(10 + 100 * travel_time_s(elapsed_s))
        assert face.id == 1 and result.fps == last.fps and result.age_s >= elapsed_s
        moved_px.append(face.box[0] - 10)
    assert max(moved_px) > 5  # at least 80 ms old


def test_a_fault_of_the_pipeline_is_raised_after_its_results():
    camera, analyzed = FakeLiveCamera(), 0
    with pytest.raises(FacetError, match="the cable"):
        for result in with_previews(slow_results(camera, 2, fault=FacetError("the cable")), camera):
            analyzed += result.analyzed
    assert analyzed == 2 and not pipeline_threads()


def test_a_frozen_camera_repeats_its_last_frame_so_that_keys_are_answered():
    camera = FakeLiveCamera()
    frozen = camera.newest
    type_ = type("Frozen", (), {"newest": frozen})
    shown = list(with_previews(slow_results(camera, 2, takes_s=0.2), type_()))
    assert 3 <= len(shown) <= 12  # 0.2 s, every 50 ms


def test_closing_stops_the_pipeline_and_closes_it():
    camera, ended = FakeLiveCamera(), threading.Event()

    def endless():
        try:
            while True:
                yield from slow_results(camera, 1, takes_s=0.01)
        finally:
            ended.set()

    shown = with_previews(endless(), camera)
    next(shown)
    assert pipeline_threads()
    shown.close()
    assert ended.is_set() and not pipeline_threads()


def test_closing_while_the_pipeline_hangs_is_a_fault_within_the_limit(monkeypatch):
    monkeypatch.setattr(preview, "JOIN_S", 0.2)
    camera, release = FakeLiveCamera(), threading.Event()

    def hangs():
        yield from slow_results(camera, 1, takes_s=0)
        release.wait(60)

    shown = with_previews(hangs(), camera)
    next(shown)
    started = time.monotonic()
    with pytest.raises(FacetError, match=r"pipeline did not stop within 0.2 s"):
        shown.close()
    assert time.monotonic() - started < 5
    release.set()


def test_without_results_the_last_one_is_repeated_so_that_keys_are_answered():
    camera = FakeLiveCamera()
    shown = list(with_repeats(slow_results(camera, 3, takes_s=0.3)))
    assert [result.analyzed for result in shown].count(True) == 3
    assert shown[0].analyzed and not shown[1].analyzed
    assert shown[1].frame is shown[0].frame and 5 <= len(shown) <= 20  # 0.6 s, every 50 ms
    assert list(with_repeats([])) == [] and not pipeline_threads()


def test_a_fault_is_raised_after_the_results_that_are_repeated():
    camera, analyzed = FakeLiveCamera(), 0
    with pytest.raises(FacetError, match="the cable"):
        for result in with_repeats(slow_results(camera, 2, 0.1, FacetError("the cable"))):
            analyzed += result.analyzed
    assert analyzed == 2 and not pipeline_threads()
