"""The window of several cameras: a cell for each, on a screen that is made up and on a virtual one.

The picture that it draws: tests/device/outputs/test_grid.py.
"""

import sys
import threading
import time
from collections import deque

import cv2
import numpy as np
import pytest

from device.outputs import grid_window as module
from device.outputs.grid_window import GridVideoWindow, GridWindow
from tests.device.outputs.made_up import result
from tests.device.screen import is_shown, needs_screen, press, press_until_ended, running, until


class MadeUpScreen:
    """A screen that shows every picture at once, and has keys that a test presses."""

    ready, closed, lost = True, False, ""

    def __init__(self):
        self.keys, self.shown = deque(), []

    def canvas(self, shape):
        self._picture = np.zeros(shape, np.uint8)
        return self._picture

    def show(self, shape):
        self.shown.append(self._picture)

    def poll(self, wait_s=0.0):
        pass

    def close(self):
        self.closed = True


class Painter:
    def __init__(self):
        self.statuses = []

    def __call__(self, picture, faces, status):
        self.statuses.append(status)


@pytest.fixture
def clock(monkeypatch):
    now_s = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now_s[0])
    return now_s


@pytest.fixture
def stop():
    return threading.Event()


def window_of(kind, tmp_path, stop, names=("usb:0", "usb:1")):
    screen, paint = MadeUpScreen(), Painter()
    return kind(screen, tmp_path, stop, lambda: names, paint), screen, paint


def grey(level, source, index=0):
    made = result(source=source, index=index, shape=(480, 640, 3))
    made.frame.bgr[:] = level
    return made


def levels(picture):
    """Return the grey level in the middle of the left and of the right cell."""
    return [int(picture[240, x, 0]) for x in (320, 960)]


def test_each_camera_is_shown_in_its_cell(tmp_path, stop, clock):
    window, screen, paint = window_of(GridWindow, tmp_path, stop)
    assert paint.statuses == ["usb:0  no picture yet", "usb:1  no picture yet"]
    window.write(grey(200, "usb:1"))
    clock[0] += 1
    window.write(grey(100, "usb:0"))
    clock[0] += 1
    window.write(grey(150, "usb:1", index=1))
    assert [levels(picture) for picture in screen.shown] == [[40, 200], [100, 200], [100, 150]]
    assert paint.statuses[2:] == [
        "usb:1  25 frames/s  0 faces",
        "usb:0  25 frames/s  0 faces",
        "usb:1  25 frames/s  0 faces",
    ]
    assert window.shown == 3 and not stop.is_set()


def test_results_that_come_faster_than_the_screen_are_taken_and_shown_later(tmp_path, stop, clock):
    window, screen, _ = window_of(GridWindow, tmp_path, stop)
    for level in (10, 20, 30):
        window.write(grey(level, "usb:0"))
        clock[0] += 0.01
    window.write(grey(60, "usb:1"))
    assert [levels(picture) for picture in screen.shown] == [[10, 40]]
    clock[0] += 0.01
    window.write(grey(70, "usb:1"))
    assert levels(screen.shown[1]) == [30, 70]


def test_a_cell_whose_camera_is_silent_says_for_how_long(tmp_path, stop, clock):
    window, _, paint = window_of(GridWindow, tmp_path, stop)
    window.write(grey(100, "usb:0"))
    clock[0] += 5
    window.write(grey(100, "usb:1"))
    assert "usb:0  no picture for 5 s" in paint.statuses
    clock[0] += 1
    window.write(grey(100, "usb:0"))
    assert paint.statuses[-1] == "usb:0  25 frames/s  0 faces"


def test_a_camera_that_was_waited_for_is_shown_under_its_name(tmp_path, stop, clock):
    names = ["0", "demo"]
    window, screen, _ = window_of(GridWindow, tmp_path, stop, names)
    names[0] = "usb:0"
    window.write(grey(100, "usb:0"))
    window.write(grey(200, "0"))
    assert [levels(picture) for picture in screen.shown] == [[100, 40]]


def test_keys_are_answered_by_a_repeated_result_which_is_not_drawn(tmp_path, stop, clock):
    window, screen, _ = window_of(GridWindow, tmp_path, stop)
    window.write(grey(100, "usb:0"))
    again = grey(200, "usb:0")
    object.__setattr__(again, "analyzed", False)
    screen.keys.extend(b"sq")
    window.write(again)
    (snapshot,) = tmp_path.glob("facet-*.png")
    assert levels(cv2.imread(str(snapshot))) == [100, 40]
    assert not stop.is_set()
    window.write(again)
    assert stop.is_set()


def test_a_pause_keeps_the_picture_while_live_cameras_go_on(tmp_path, stop, clock):
    window, screen, _ = window_of(GridWindow, tmp_path, stop)
    screen.keys.append(ord(" "))
    window.write(grey(100, "usb:0"))
    clock[0] += 1
    window.write(grey(200, "usb:0"))
    assert len(screen.shown) == 1
    screen.keys.append(ord(" "))
    clock[0] += 1
    window.write(grey(220, "usb:0"))
    clock[0] += 1
    window.write(grey(230, "usb:1"))
    assert levels(screen.shown[-1]) == [220, 230]


def test_a_pause_holds_videos_until_a_key(tmp_path, stop):
    window, screen, _ = window_of(GridVideoWindow, tmp_path, stop)
    screen.keys.extend(b" ")
    threading.Timer(0.2, screen.keys.append, (ord(" "),)).start()
    began_s = time.monotonic()
    window.write(grey(100, "usb:0"))
    assert time.monotonic() - began_s >= 0.15 and not stop.is_set()
    screen.keys.extend(b" q")
    window.write(grey(100, "usb:0"))
    assert stop.is_set()


def facet(display, *arguments, cwd):
    return running([sys.executable, "-m", "device.run", *arguments], display, cwd=cwd)


def write_film(path, portrait):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (480, 480))
    for _ in range(50):
        writer.write(cv2.resize(portrait, (480, 480)))
    writer.release()


@needs_screen
def test_two_videos_are_shown_saved_paused_and_closed_by_keys(screen, tmp_path, admiral):
    display, picture = screen
    write_film(tmp_path / "film.avi", admiral)

    def is_still() -> bool:
        before = picture().copy()
        time.sleep(0.4)  # 10 frames
        return is_shown(picture) and np.array_equal(picture(), before)

    flags = ("--camera", "demo", "--camera", "film.avi", "--repeat")
    with facet(display, *flags, cwd=tmp_path) as process:
        assert until(lambda: is_shown(picture))
        time.sleep(1)  # both have a picture, on a busy computer too
        press(display, "s")
        assert until(lambda: list(tmp_path.glob("facet-*.png")))
        press(display, "space")
        assert until(is_still)
        press_until_ended(display, "q", process)
        _, stderr = process.communicate(timeout=90)
    assert process.returncode == 0, stderr
    (snapshot,) = tmp_path.glob("facet-*.png")
    saved = cv2.imread(str(snapshot))
    assert saved.shape == (480, 1280, 3)
    assert saved[:, :640].std() > 30 and saved[:, 720:1200].std() > 30
    assert "pictures shown" in stderr


@pytest.mark.slow
@needs_screen
def test_videos_play_at_their_own_speed_to_the_end(screen, tmp_path, admiral):
    display, _ = screen
    write_film(tmp_path / "a.avi", admiral)
    write_film(tmp_path / "b.avi", admiral)
    began_s = time.monotonic()
    flags = ("--camera", "a.avi", "--camera", "b.avi", "--log", "x.csv", "--log-every", "0")
    with facet(display, *flags, cwd=tmp_path) as process:
        _, stderr = process.communicate(timeout=120)
    assert process.returncode == 0, stderr
    assert time.monotonic() - began_s > 1.9  # 50 frames at 25 frames/s
    assert "all: 100 frames" in stderr
