"""The window on a virtual screen: keys are pressed and the screen is looked at."""

import os
import shutil
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest

from tests.conftest import ROOT

needed = ("Xvfb", "xdotool")
pytestmark = pytest.mark.skipif(
    not all(shutil.which(one) for one in needed), reason="needs Xvfb and xdotool"
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

    yield display, look
    server.terminate()
    server.wait(10)


def start(display, *arguments, cwd):
    return subprocess.Popen(
        [sys.executable, "-m", "device.run", *arguments],
        env={**os.environ, "DISPLAY": display, "PYTHONPATH": str(ROOT)},
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def press(display, key):
    env = {**os.environ, "DISPLAY": display}
    find = ["xdotool", "search", "--sync", "--onlyvisible", "--name", "Facet"]
    found = subprocess.run(find, env=env, capture_output=True, text=True, timeout=30)
    window = found.stdout.split()
    assert window, found.stderr
    subprocess.run(["xdotool", "mousemove", "300", "300"], env=env, check=True)
    subprocess.run(["xdotool", "windowfocus", window[-1], "key", key], env=env, check=True)


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
    process = start(display, "--camera", "me.png", cwd=tmp_path)
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
    process = start(display, "--camera", "me.png", cwd=tmp_path)
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
    process = start(display, "--camera", "demo", "--max-frames", "2", cwd=tmp_path)
    _, stderr = process.communicate(timeout=60)
    server.terminate()
    server.wait(10)
    assert process.returncode == 0 and stderr.count("no screen: running headless") == 1


def test_space_pauses_a_film_and_escape_ends_it(screen, tmp_path):
    display, look = screen
    process = start(display, "--camera", "demo", cwd=tmp_path)
    assert until(lambda: look()[:400, :400].std() > 30)
    press(display, "space")
    time.sleep(0.5)
    before = look().copy()
    time.sleep(0.7)
    np.testing.assert_array_equal(look(), before)
    press(display, "Escape")
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 0 and "frames" in stderr
