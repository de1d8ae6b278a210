"""The window on a virtual screen: keys are pressed, and the screen's picture is read."""

import signal
import sys
import time

import cv2
import numpy as np
import pytest

from device.outputs.window_process import ScreenError, refuse_without_display, screen_error
from tests.device.screen import (
    is_shown,
    needs_screen,
    own_x_server,
    press,
    press_until_ended,
    running,
    until,
    windows,
)

pytestmark = needs_screen


def facet(display, *arguments, cwd):
    return running([sys.executable, "-m", "device.run", *arguments], display, cwd=cwd)


def finish(process, seconds=90):
    """Wait for a program; return its exit code and stderr."""
    _, stderr = process.communicate(timeout=seconds)
    return process.returncode, stderr


def test_a_photo_is_shown_with_its_labels_saved_and_closed_by_a_key(screen, tmp_path, astronaut):
    display, picture = screen
    cv2.imwrite(str(tmp_path / "me.png"), astronaut)
    with facet(display, "--camera", "me.png", cwd=tmp_path) as process:
        assert until(lambda: picture().max() > 250 and is_shown(picture))
        press(display, "s")
        assert until(lambda: list(tmp_path.glob("facet-*.png")))
        press_until_ended(display, "q", process)
        code, stderr = finish(process)
    assert code == 0, stderr
    (snapshot,) = tmp_path.glob("facet-*.png")
    assert snapshot.name in stderr
    changed = np.abs(cv2.imread(str(snapshot)).astype(int) - astronaut).max(axis=2) > 60
    assert 0.01 < changed.mean() < 0.3  # box and labels, not more


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_closes_a_photo(screen, tmp_path, astronaut, number):
    display, picture = screen
    cv2.imwrite(str(tmp_path / "me.png"), astronaut)
    with facet(display, "--camera", "me.png", cwd=tmp_path) as process:
        assert until(lambda: is_shown(picture))
        process.send_signal(number)
        code, stderr = finish(process)
    assert code == 0, stderr


def test_a_screen_that_refuses_us_is_no_screen(tmp_path):
    (tmp_path / "cookies").write_bytes(
        b"\x01\x00\x00\x00\x00\x00\x00\x12MIT-MAGIC-COOKIE-1\x00\x10" + bytes(range(16))
    )
    with (
        own_x_server("-auth", str(tmp_path / "cookies")) as (_, display),
        facet(display, "--camera", "demo", "--max-frames", "2", cwd=tmp_path) as process,
    ):
        code, stderr = finish(process)
    assert code == 0 and stderr.count("no screen: running headless") == 1
    assert f"the X server at DISPLAY={display} refuses" in stderr


OUTPUTS = ("--log", "a.csv", "--log-every", "0", "--events", "v.csv", "--record", "r.mkv")


def until_shown(process, display, folder):
    """Wait until a video is on the screen and in the log."""

    def is_shown_and_logged():
        log = folder / "a.csv"
        return windows(display) and log.exists() and log.read_bytes().count(b"\n") > 3

    assert until(lambda: is_shown_and_logged() or process.poll() is not None)
    assert process.poll() is None


@pytest.mark.slow
def test_the_run_outlives_its_window(tmp_path):
    with (
        own_x_server() as (server, display),
        facet(display, "--camera", "demo", *OUTPUTS, cwd=tmp_path) as process,
    ):
        until_shown(process, display, tmp_path)
        server.kill()
        code, stderr = finish(process, 60)
    assert code == 0, stderr
    line = "facet: the window is gone: its X server has ended; running on without it"
    assert stderr.splitlines().count(line) == 1 and "300 frames" in stderr
    rows = (tmp_path / "a.csv").read_text().splitlines()
    assert len(rows) == 401 and len((tmp_path / "v.csv").read_text().splitlines()) == 5
    assert cv2.VideoCapture(str(tmp_path / "r.mkv")).get(cv2.CAP_PROP_FRAME_COUNT) == 300


@pytest.mark.parametrize("camera", ["demo", "me.png"])
def test_a_run_that_only_shows_ends_with_its_window(tmp_path, astronaut, camera):
    cv2.imwrite(str(tmp_path / "me.png"), astronaut)
    with (
        own_x_server() as (server, display),
        facet(display, "--camera", camera, cwd=tmp_path) as process,
    ):
        assert until(lambda: windows(display))
        server.kill()
        code, stderr = finish(process)
    assert code == 1
    assert "facet: the window is gone: its X server has ended. Try: --headless" in stderr


@pytest.mark.slow
def test_a_screen_that_hangs_holds_up_nothing(tmp_path):
    with (
        own_x_server() as (server, display),
        facet(display, "--camera", "demo", *OUTPUTS, cwd=tmp_path) as process,
    ):
        until_shown(process, display, tmp_path)
        server.send_signal(signal.SIGSTOP)
        rows = (tmp_path / "a.csv").read_bytes().count(b"\n")
        assert until(lambda: (tmp_path / "a.csv").read_bytes().count(b"\n") > rows + 20)
        process.send_signal(signal.SIGTERM)
        code, stderr = finish(process)
    assert code == 0, stderr


def test_a_video_that_repeats_is_ended_by_a_key(screen, tmp_path, astronaut):
    display, _ = screen
    writer = cv2.VideoWriter(
        str(tmp_path / "clip.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 25, (512, 512)
    )
    for _ in range(10):
        writer.write(astronaut)
    writer.release()
    flags = ("--camera", "clip.avi", "--repeat", "--log", "a.csv", "--log-every", "0")
    with facet(display, *flags, cwd=tmp_path) as process:
        until_shown(process, display, tmp_path)
        assert until(lambda: (tmp_path / "a.csv").read_bytes().count(b"\n") > 20)
        press_until_ended(display, "q", process)
        code, stderr = finish(process)
    assert code == 0 and "repeated" in stderr, stderr


REFUSED = "Authorization required, but no authorization protocol specified\nqt.qpa.xcb: could not"
WAYLAND = {"WAYLAND_DISPLAY": "wayland-0"}


@pytest.mark.parametrize(
    "printed, environ, message, hint",
    [
        ("", {}, "DISPLAY is not set", "export DISPLAY=:0"),
        ("", {"DISPLAY": ""}, "DISPLAY is not set", "export DISPLAY=:0"),
        ("", WAYLAND, "Wayland without Xwayland", "install xwayland"),
        ("cv2.error: The function is not implemented. Rebuild", {"DISPLAY": ":0"},
         "opencv-python-headless", "pip uninstall"),
        (f"{REFUSED} connect to display :0", {"DISPLAY": ":0"}, "DISPLAY=:0 refuses", "xhost"),
        ("qt.qpa.xcb: could not connect to display :9\nAborted", {"DISPLAY": ":9"},
         "no X server answers at DISPLAY=:9", "export DISPLAY=:0"),
        ("Qt\nplug-ins are: xcb.\n", {"DISPLAY": ":0", "QT_QPA_PLATFORM": "x"},
         "plug-ins are: xcb", "unset QT_QPA_PLATFORM"),
        ("", {"DISPLAY": ":0"}, "no answer within 20 s", "--headless"),
    ],
)  # fmt: skip
def test_why_there_is_no_screen(printed, environ, message, hint):
    with pytest.raises(ScreenError) as caught:
        refuse_without_display(environ)
        raise screen_error(printed, environ)
    assert message in caught.value.message and hint in caught.value.hint


def test_space_pauses_a_video_and_escape_ends_it(screen, tmp_path):
    display, picture = screen

    def is_still() -> bool:
        before = picture().copy()
        time.sleep(0.4)  # 10 frames
        return is_shown(picture) and np.array_equal(picture(), before)

    with facet(display, "--camera", "demo", cwd=tmp_path) as process:
        assert until(lambda: is_shown(picture))
        press(display, "space")
        assert until(is_still)
        press_until_ended(display, "Escape", process)
        code, stderr = finish(process)
    assert code == 0 and "frames" in stderr


LIVE = """
import threading
from pathlib import Path
from device import preview
from device.cli.command import exit_with
from device.cli.loop import until_stopped
from device.outputs.window import Window
from device.outputs.window_process import WindowProcess
from device.preview import with_previews
from tests.device.test_preview import FakeLiveCamera, slow_results

camera, stop = FakeLiveCamera(), threading.Event()

def main(results):
    with (
        Window(WindowProcess(), Path.cwd(), stop) as window,
        until_stopped(with_previews(results, camera), stop) as shown,
    ):
        for result in shown:
            window.write(result)
    print(window.shown)

def hangs():
    yield from slow_results(camera, 1, takes_s=0)
    threading.Event().wait()

preview.JOIN_S = 0.5
"""


def test_a_live_picture_moves_at_the_cameras_rate_while_models_are_slow(screen, tmp_path):
    display, _ = screen
    code = f"{LIVE}\nexit_with(lambda: main(slow_results(camera, 6, takes_s=0.25)))"
    with running([sys.executable, "-c", code], display, cwd=tmp_path) as process:
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    # 1.25 s of a camera of 100 frames/s, of which the models analyzed 6.
    assert int(stdout) > 20


@pytest.mark.slow
def test_a_pipeline_that_hangs_when_the_window_is_closed_is_a_fault(screen, tmp_path):
    display, _ = screen
    command = [sys.executable, "-c", f"{LIVE}\nexit_with(lambda: main(hangs()))"]
    with running(command, display, cwd=tmp_path) as process:
        press_until_ended(display, "q", process)
        code, stderr = finish(process)
    assert code == 1 and "facet: pipeline did not stop within 0.5 s" in stderr
