"""The command on cameras of a driver compiled from the kernel's header (doubles/v4l2.c)."""

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

    def stderr(self):
        return self._log.read_text()

    def wait_for(self, words):
        self._wait_until(lambda: words in self.stderr())

    def wait_for_rows(self, path, count):
        """Wait until it has logged that many rows more than there are now."""
        before = len(rows(path))
        self._wait_until(lambda: len(rows(path)) >= before + count)

    def _wait_until(self, condition):
        until = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < until and self.process.poll() is None, self.stderr()
            time.sleep(0.02)

    def end(self):
        """Wait until it ends by itself; return its stdout and exit code."""
        stdout, _ = self.process.communicate(timeout=60)
        return stdout, self.process.returncode


@pytest.fixture
def facet(driver, dev):
    """Start the command: facet(*arguments); those that a failed test leaves running are killed."""
    started = []

    def start(*arguments):
        started.append(Facet(driver, dev, *arguments))
        return started[-1]

    yield start
    for run in started:
        run.process.kill()
        run.process.communicate()


def rows(path):
    if not path.exists():
        return []
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_the_list_of_cameras(facet, dev):
    stdout, code = facet("--list-cameras").end()
    assert code == 0 and stdout.splitlines() == [
        "no  --camera  name        kind  modes, at most frames/s",
        "0   usb:2     Double Cam  USB   YUYV 640x480@30 1280x720@10 1920x1080@10",
        "                                MJPG 640x480@30 1280x720@30 1920x1080@30",
    ]


def test_no_camera_to_list(facet, dev):
    (dev / "video2").unlink()
    run = facet("--list-cameras")
    assert run.end() == ("", 3)
    assert run.stderr().startswith("facet: no camera found: none of the 1 /dev/video* is one, and")
    assert len(run.stderr().splitlines()) == 1


def test_a_camera_reconnects_and_its_frames_may_change_size(facet, dev, tmp_path):
    log, video = tmp_path / "a.csv", tmp_path / "a.avi"
    config = tmp_path / "facet.toml"
    config.write_text("[camera]\nfps = 5\n[tracks]\nmin_hits = 1\n")  # for a busy machine, too
    outputs = ("--headless", "--log", log, "--log-every", 0, "--record", video, "--config", config)
    run = facet("--camera", "0", "--attributes", "Smiling", *outputs)
    run.wait_for_rows(log, 3)
    show(dev, 2, "alive", "small.jpg")
    time.sleep(0.3)
    run.wait_for_rows(log, 3)
    (dev / "video2").unlink()
    run.wait_for("usb:2 dropped, trying to open it again")
    show(dev, 5, "alive")
    run.wait_for("usb:2 is back after")
    run.wait_for_rows(log, 3)
    run.process.send_signal(signal.SIGTERM)
    assert run.end()[1] == 0, run.stderr()
    assert "usb:2 (Double Cam, 512x480 MJPG, 5 frames/s), detector" in run.stderr()
    got = rows(log)
    assert {row["source"] for row in got} == {"usb:2"}
    # The face takes the same share of the small picture as of the large run.
    widths = [float(row["width"]) for row in got]
    assert min(widths) == pytest.approx(max(widths) * 301 / 512, rel=0.1)
    assert widths[-1] == pytest.approx(max(widths), rel=0.1)
    recorded = cv2.VideoCapture(str(video))
    assert recorded.get(cv2.CAP_PROP_FRAME_WIDTH) == 512
    assert recorded.get(cv2.CAP_PROP_FRAME_COUNT) > 9


def test_a_reconnecting_camera_does_not_delay_the_end(facet, dev):
    run = facet("--camera", "usb:2", "--headless")
    run.wait_for("detector")
    time.sleep(0.5)
    (dev / "video2").unlink()
    run.wait_for("dropped")
    run.process.send_signal(signal.SIGINT)
    started = time.monotonic()
    assert run.end()[1] == 0 and time.monotonic() - started < 15


@pytest.mark.slow
def test_a_driver_that_hangs_does_not_delay_the_end(facet, dev):
    run = facet("--camera", "usb:2", "--headless")
    run.wait_for("detector")
    time.sleep(0.5)
    show(dev, 2, "hung")
    time.sleep(2)
    run.process.send_signal(signal.SIGINT)
    started = time.monotonic()
    assert run.end()[1] == 0 and time.monotonic() - started < 15
    assert "usb:2 does not answer and stays open until Facet exits" in run.stderr()


@pytest.mark.parametrize(
    "state, arguments, message",
    [
        ("busy", ["usb:2"], "usb:2 is in use by"),
        pytest.param("silent", ["/dev/video2"], "usb:2 gives no picture", marks=pytest.mark.slow),
        ("alive", ["usb:3"], "/dev/video3 is not a capture device (Double Cam, uvcvideo)"),
        ("alive", ["1"], "no camera 1: 1 found, counted from 0"),
    ],
)
def test_an_error_is_one_line(facet, dev, state, arguments, message):
    show(dev, 2, state)
    run = facet("--camera", *arguments)
    assert run.end()[1] == 3
    assert message in run.stderr() and len(run.stderr().splitlines()) == 1


def test_the_mode_that_the_camera_delivers_is_printed(facet, dev):
    limits = ("--size", "1200x700", "--fps", 12, "--max-frames", 2)
    run = facet("--camera", "auto", "--headless", *limits)
    assert run.end()[1] == 0
    # This camera reports a wrong size; the picture's own counts.
    assert "usb:2 (Double Cam, 512x480 MJPG, 12 frames/s)" in run.stderr()


def test_a_jpeg_of_no_bytes_does_not_end_the_run(facet, dev):
    (dev.parent / "empty.jpg").touch()
    running = facet("--camera", "usb:2", "--headless", "--log", "log.csv", "--log-every", "0")
    running.wait_for_rows(dev.parent / "log.csv", 1)
    show(dev, 2, "alive", "empty.jpg")
    running.wait_for("usb:2: a broken frame was dropped")
    show(dev, 2, "alive", "face.jpg")
    running.wait_for_rows(dev.parent / "log.csv", 5)
    running.process.send_signal(signal.SIGTERM)
    assert running.end()[1] == 0


@pytest.mark.parametrize("limit", [40, 100])
def test_a_huge_jpeg_of_a_webcam_is_dropped_before_it_is_decoded(facet, dev, limit):
    """A JPEG of 16000x16000 takes 770 MB; its header alone stands here."""
    picture = bytearray((dev.parent / "face.jpg").read_bytes())
    header = picture.index(b"\xff\xc0")
    picture[header + 5 : header + 9] = (16000).to_bytes(2) * 2
    (dev.parent / "huge.jpg").write_bytes(picture)
    (dev.parent / "facet.toml").write_text(f"[camera]\nmax_megapixels = {limit}\n")
    flags = ("--config", "facet.toml", "--headless", "--log", "log.csv", "--log-every", "0")
    running = facet("--camera", "usb:2", *flags)
    running.wait_for_rows(dev.parent / "log.csv", 1)
    show(dev, 2, "alive", "huge.jpg")
    running.wait_for("usb:2: a broken frame was dropped")
    show(dev, 2, "alive", "face.jpg")
    running.wait_for_rows(dev.parent / "log.csv", 5)
    with open(f"/proc/{running.process.pid}/status") as status:
        peak = next(line for line in status if line.startswith("VmHWM"))
    running.process.send_signal(signal.SIGTERM)
    assert running.end()[1] == 0 and int(peak.split()[1]) < 300_000


def test_a_camera_that_is_absent_at_boot_is_waited_for(facet, dev):
    (dev / "video2").unlink()
    (dev.parent / "facet.toml").write_text('[camera]\nsource = "usb:2"\nwait = true\n')
    running = facet("--config", "facet.toml", "--headless", "--log", "log.csv")
    running.wait_for("waiting for it")
    show(dev, 2, "alive")
    running.wait_for_rows(dev.parent / "log.csv", 1)
    running.process.send_signal(signal.SIGTERM)
    assert running.end()[1] == 0
