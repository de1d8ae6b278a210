"""The window on a virtual screen: keys are pressed and the screen is looked at."""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import cv2
import numpy as np
import pytest

from tests.conftest import ROOT

# Without a window manager Qt sometimes waits for ever to be told that its window can be seen.
needed = ("Xvfb", "matchbox-window-manager", "xdotool")
pytestmark = pytest.mark.skipif(
    not all(shutil.which(one) for one in needed), reason=f"needs {', '.join(needed)}"
)


@pytest.fixture
def screen(tmp_path):
    """An X server of 900x700 whose picture is a file, (700, 900, 4); yields (DISPLAY, look)."""
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "900x700x24"]
    server = subprocess.Popen(
        [*command, "-fbdir", str(tmp_path)], pass_fds=[write], stderr=subprocess.DEVNULL
    )
    os.close(write)
    with os.fdopen(read) as numbers:
        display = f":{numbers.readline().strip()}"

    def look() -> np.ndarray:
        content = (tmp_path / "Xvfb_screen0").read_bytes()
        return np.frombuffer(content[-700 * 900 * 4 :], np.uint8).reshape(700, 900, 4)[:, :, :3]

    with server, running(["matchbox-window-manager"], display):
        yield display, look
        server.terminate()


@contextmanager
def running(command, display, **options):
    """Run a program on a display, and end it if it is still there."""
    env = {**os.environ, "DISPLAY": display, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True, **options) as it:
        try:
            yield it
        finally:
            it.kill()


def facet(display, *arguments, cwd):
    return running([sys.executable, "-m", "device.run", *arguments], display, cwd=cwd)


def press(display, key):
    env = {**os.environ, "DISPLAY": display}

    def pressed() -> bool:
        find = ["xdotool", "search", "--onlyvisible", "--name", "Facet"]
        window = subprocess.run(find, env=env, capture_output=True, text=True).stdout.split()
        if not window:
            return False
        press = ["xdotool", "mousemove", "300", "300", "windowfocus", window[-1], "key", key]
        return subprocess.run(press, env=env, capture_output=True).returncode == 0

    # A window may come and go while xdotool looks: it gives up then.
    assert until(pressed)


def until(condition, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_a_photo_is_shown_with_its_label_saved_and_left_by_a_key(screen, tmp_path, astronaut):
    display, look = screen
    cv2.imwrite(str(tmp_path / "me.png"), astronaut)
    with facet(display, "--camera", "me.png", cwd=tmp_path) as process:
        assert until(lambda: look().max() > 250 and look()[:400, :400].std() > 30)
        press(display, "s")
        assert until(lambda: list(tmp_path.glob("facet-*.png")))
        press(display, "q")
        _, stderr = process.communicate(timeout=30)
    assert process.returncode == 0, stderr
    (snapshot,) = tmp_path.glob("facet-*.png")
    assert snapshot.name in stderr
    saved = cv2.imread(str(snapshot))
    changed = np.abs(saved.astype(int) - astronaut).max(axis=2) > 60
    assert 0.01 < changed.mean() < 0.3  # box and label, not more


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_closes_a_picture_that_stands_still(screen, tmp_path, astronaut, number):
    display, look = screen
    cv2.imwrite(str(tmp_path / "me.png"), astronaut)
    with facet(display, "--camera", "me.png", cwd=tmp_path) as process:
        assert until(lambda: look()[:400, :400].std() > 30)
        process.send_signal(number)
        _, stderr = process.communicate(timeout=5)
    assert process.returncode == 0, stderr


def test_a_screen_that_refuses_us_is_no_screen(tmp_path):
    read, write = os.pipe()
    (tmp_path / "cookies").write_bytes(
        b"\x01\x00\x00\x00\x00\x00\x00\x12MIT-MAGIC-COOKIE-1\x00\x10" + bytes(range(16))
    )
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-auth", str(tmp_path / "cookies")],
        pass_fds=[write],
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    with os.fdopen(read) as numbers:
        display = f":{numbers.readline().strip()}"
    with facet(display, "--camera", "demo", "--max-frames", "2", cwd=tmp_path) as process:
        _, stderr = process.communicate(timeout=60)
    server.terminate()
    server.wait(10)
    assert process.returncode == 0 and stderr.count("no screen: running headless") == 1


def test_space_pauses_a_film_and_escape_ends_it(screen, tmp_path):
    display, look = screen
    with facet(display, "--camera", "demo", cwd=tmp_path) as process:
        assert until(lambda: look()[:400, :400].std() > 30)
        press(display, "space")
        time.sleep(0.5)
        before = look().copy()
        time.sleep(0.7)
        np.testing.assert_array_equal(look(), before)
        press(display, "Escape")
        _, stderr = process.communicate(timeout=30)
    assert process.returncode == 0 and "frames" in stderr


LIVE = """
import sys, threading, time
from datetime import UTC, datetime
import numpy as np
from device.camera.newest_frame import NewestFrameReader
from device.outputs import Result
from device.outputs.window import Window
from device.types import OK, Face, Frame, Track

class Camera:
    name, fps, mode, reconnecting = "made", 30.0, "", False
    def __enter__(self): return self
    def __exit__(self, *exc): pass
    def stop(self): self.stopped = True
    def __iter__(self):
        n, begun = 0, time.monotonic()
        while not getattr(self, "stopped", False):
            bgr = np.full((480, 640, 3), 100 + n % 100, np.uint8)
            yield Frame(bgr, n, datetime.now(UTC), time.monotonic(), "made")
            n += 1
            time.sleep(max(0, begun + n / 30 - time.monotonic()))

def slow_models():
    end = time.monotonic() + 3
    for frame in camera:
        time.sleep(0.3)
        face = Face((100, 100, 80, 80), 0.9, np.zeros((4, 2)))
        track = Track(1, face, 3, OK, np.zeros(40), (100.0, 0.0))
        if not window.write(Result(frame, [track], [["hat"]], 3.0, 0.3)) or time.monotonic() > end:
            return

with NewestFrameReader(Camera()) as camera:
    with Window(None, False, None, threading.Event(), lambda: camera.newest) as window:
        window.show(slow_models)
    print(window.shown)
"""


def test_a_live_picture_moves_at_the_cameras_rate_while_slow_models_work(screen, tmp_path):
    display, _ = screen
    env = {**os.environ, "DISPLAY": display, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", LIVE]
    done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    # 2.7 s of 30 frames each, of which the models took 10.
    assert int(done.stdout) > 50
