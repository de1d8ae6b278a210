"""A virtual screen: an X server whose picture is a file, and keys that are pressed in it."""

import os
import shutil
import subprocess
import time
from contextlib import contextmanager

import numpy as np
import pytest

from tests.conftest import ROOT

# Without a window manager Qt sometimes waits forever for its window to become visible.
NEEDED = ("Xvfb", "matchbox-window-manager", "xdotool")
needs_screen = pytest.mark.skipif(
    not all(map(shutil.which, NEEDED)), reason=f"needs {', '.join(NEEDED)}"
)


@pytest.fixture(scope="session")
def x_server(tmp_path_factory):
    """An X server of 900x700 whose picture is a file; yields (DISPLAY, picture).

    picture: returns what is on the screen, uint8 (700, 900, 3).
    """
    folder = tmp_path_factory.mktemp("screen")
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "900x700x24"]
    server = subprocess.Popen(
        [*command, "-fbdir", str(folder)], pass_fds=[write], stderr=subprocess.DEVNULL
    )
    os.close(write)
    with os.fdopen(read) as numbers:
        display = f":{numbers.readline().strip()}"

    def picture() -> np.ndarray:
        content = (folder / "Xvfb_screen0").read_bytes()
        return np.frombuffer(content[-700 * 900 * 4 :], np.uint8).reshape(700, 900, 4)[:, :, :3]

    with server, running(["matchbox-window-manager"], display):
        yield display, picture
        server.terminate()


@contextmanager
def own_x_server(*flags):
    """Yield an X server's process and DISPLAY, with a window manager, to be killed by the test."""
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), *flags]
    with subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL) as server:
        os.close(write)
        with os.fdopen(read) as numbers:
            display = f":{numbers.readline().strip()}"
        try:
            with running(["matchbox-window-manager"], display):
                yield server, display
        finally:
            server.kill()


@pytest.fixture
def screen(x_server):
    """The X server, once the window of the test before is gone."""
    display, picture = x_server
    assert until(lambda: not windows(display) and not is_shown(picture))
    return x_server


@contextmanager
def running(command, display, **options):
    """Run a program on a display, and end it if it is still there."""
    env = {**os.environ, "DISPLAY": display, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def xdotool(display, *arguments):
    env = {**os.environ, "DISPLAY": display}
    command = ["timeout", "5", "xdotool", *arguments]  # --sync may wait for a window that is gone
    return subprocess.run(command, env=env, capture_output=True, text=True)


def windows(display):
    """Return the ids of Facet's visible windows."""
    return xdotool(display, "search", "--onlyvisible", "--name", "Facet").stdout.split()


def press(display, key):
    """Press a key in Facet's window."""

    def pressed() -> bool:
        window = windows(display)
        if not window:
            return False
        focus = ("mousemove", "300", "300", "windowfocus", "--sync", window[-1], "key", key)
        return xdotool(display, *focus).returncode == 0

    # xdotool fails where a window comes or goes at that moment.
    assert until(pressed)


def press_until_ended(display, key, process):
    """Press a key until the program ends: a window may lose one that comes too early."""

    def ended() -> bool:
        if process.poll() is None and windows(display):
            focus = ("mousemove", "300", "300", "windowfocus", "--sync", windows(display)[-1])
            xdotool(display, *focus, "key", key)
        return until(lambda: process.poll() is not None, 3)

    assert until(ended)


def until(condition, seconds=90):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


def is_shown(picture):
    """Whether a picture with some detail is on the screen."""
    return picture()[:400, :400].std() > 30
