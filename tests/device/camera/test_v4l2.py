"""The command on cameras whose driver is compiled from the kernel's header (doubles/v4l2.c)."""

import csv
import os
import signal
import subprocess
import sys
import time

import cv2
import pytest

from tests.conftest import ROOT
from tests.device.camera.webcam import show


class Facet:
    """The command in a computer with that /dev."""

    def __init__(self, driver, dev, *arguments):
        env = {key: value for key, value in os.environ.items() if key != "DISPLAY"}
        env |= {"LD_PRELOAD": str(driver), "V4L2_DOUBLE": str(dev), "PYTHONPATH": str(ROOT)}
        self._log = dev.parent / "stderr"
        with self._log.open("w") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "device.run", *map(str, arguments)],
                env=env,
                cwd=dev.parent,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )

    def said(self):
        return self._log.read_text()

    def wait_for(self, words):
        until = time.monotonic() + 60
        while words not in self.said():
            assert time.monotonic() < until and self.process.poll() is None, self.said()
            time.sleep(0.02)

    def end(self):
        """Return what it printed and its exit code, once it has ended by itself."""
        stdout, _ = self.process.communicate(timeout=60)
        return stdout, self.process.returncode


@pytest.fixture
def facet(driver, dev):
    """Start the command: facet(*arguments); what a failed test leaves running is ended."""
    started = []

    def start(*arguments):
        started.append(Facet(driver, dev, *arguments))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.communicate()


def rows(path):
    if not path.exists():
        return []
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def rows_reach(path, count):
    until = time.monotonic() + 60
    while len(rows(path)) < count:
        assert time.monotonic() < until
        time.sleep(0.02)


def test_the_list(facet, dev):
    stdout, code = facet("--list-cameras").end()
    assert code == 0 and stdout.splitlines() == [
        "no  --camera  name        kind  modes, at most frames/s",
        "0   usb:2     Double Cam  USB   YUYV 640x480@30 1280x720@10 1920x1080@10",
        "                                MJPG 640x480@30 1280x720@30 1920x1080@30",
    ]


def test_no_camera_to_list(facet, dev):
    (dev / "video2").unlink()
    one = facet("--list-cameras")
    assert one.end() == ("", 3)
    assert one.said().startswith("facet: no camera found: none of the 1 /dev/video* is one, and")
    assert len(one.said().splitlines()) == 1


def test_unplugged_in_mid_stream_and_back_with_other_pictures(facet, dev, tmp_path):
    log, film = tmp_path / "a.csv", tmp_path / "a.avi"
    config = tmp_path / "facet.toml"
    config.write_text("[camera]\nfps = 5\n[tracks]\nconfirm = 1\n")  # for a busy machine, too
    outputs = ("--headless", "--log", log, "--log-every", 0, "--record", film, "--config", config)
    one = facet("--camera", "0", "--attributes", "Smiling", *outputs)
    rows_reach(log, 3)
    show(dev, 2, "alive", "small.jpg")
    time.sleep(0.3)
    before = len(rows(log))
    rows_reach(log, before + 3)
    (dev / "video2").unlink()
    one.wait_for("usb:2 dropped, trying to open it again")
    show(dev, 5, "alive")
    one.wait_for("usb:2 is back after")
    before = len(rows(log))
    rows_reach(log, before + 3)
    one.process.send_signal(signal.SIGTERM)
    assert one.end()[1] == 0, one.said()
    assert "usb:2 (Double Cam, 512x480 MJPG, 5 frames/s), detector" in one.said()
    got = rows(log)
    assert {row["source"] for row in got} == {"usb:2"}
    # As large a part of the small picture as of the large one.
    widths = [float(row["width"]) for row in got]
    assert min(widths) == pytest.approx(max(widths) * 301 / 512, rel=0.1)
    assert widths[-1] == pytest.approx(max(widths), rel=0.1)
    recorded = cv2.VideoCapture(str(film))
    assert recorded.get(cv2.CAP_PROP_FRAME_WIDTH) == 512
    assert recorded.get(cv2.CAP_PROP_FRAME_COUNT) > 9


def test_a_camera_that_is_away_does_not_keep_facet_from_ending(facet, dev):
    one = facet("--camera", "usb:2", "--headless")
    one.wait_for("detector")
    time.sleep(0.5)
    (dev / "video2").unlink()
    one.wait_for("dropped")
    one.process.send_signal(signal.SIGINT)
    started = time.monotonic()
    assert one.end()[1] == 0 and time.monotonic() - started < 5


@pytest.mark.parametrize(
    "state, arguments, message",
    [
        ("busy", ["usb:2"], "usb:2 is in use by"),
        ("silent", ["/dev/video2"], "usb:2 gives no picture"),
        ("alive", ["usb:3"], "/dev/video3 is no camera but a part of one (Double Cam, uvcvideo)"),
        ("alive", ["1"], "no camera 1: 1 found, counted from 0"),
    ],
)
def test_what_is_wrong_is_one_line(facet, dev, state, arguments, message):
    show(dev, 2, state)
    one = facet("--camera", *arguments)
    assert one.end()[1] == 3
    assert message in one.said() and len(one.said().splitlines()) == 1


def test_size_and_rate_are_asked_for_and_what_comes_is_told(facet, dev):
    limits = ("--size", "1200x700", "--fps", 12, "--max-frames", 2)
    one = facet("--camera", "auto", "--headless", *limits)
    assert one.end()[1] == 0
    # The picture's own size counts, and this camera's lies.
    assert "usb:2 (Double Cam, 512x480 MJPG, 12 frames/s)" in one.said()
