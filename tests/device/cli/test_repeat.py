"""--repeat, and the demo clip with a web page: runs in processes of their own."""

import os
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest

from tests.conftest import ROOT

LONG_S = 60.0  # limit for what takes seconds
HEADLESS = {key: value for key, value in os.environ.items() if key != "DISPLAY"}


def facet(folder, *flags):
    command = [sys.executable, "-m", "device.run", "--headless", *map(str, flags)]
    environment = HEADLESS | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def clip(tmp_path, astronaut):
    """Ten frames at 50 frames/s with a face."""
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 50, (512, 512))
    for shift in range(10):
        writer.write(np.roll(astronaut, shift, axis=1))
    writer.release()
    return path


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_video_repeats_until_a_signal(tmp_path, clip, number):
    log = tmp_path / "faces.csv"
    flags = ("--camera", clip, "--repeat", "--log", log, "--log-every", 0)
    with facet(tmp_path, *flags) as process:
        end_s = time.monotonic() + LONG_S
        while not log.exists() or len(log.read_text().splitlines()) < 26:
            assert process.poll() is None and time.monotonic() < end_s
            time.sleep(0.05)
        process.send_signal(number)
        said = process.stderr.read()
        assert process.wait(LONG_S) == 0, said
    assert "512x512, 50 frames/s, repeated" in said and "Traceback" not in said
    rows = [line.split(",") for line in log.read_text().splitlines()[1:]]
    times, frames = [row[0] for row in rows], [int(row[2]) for row in rows]
    assert frames == sorted(frames) and times == sorted(times) and frames[-1] >= 20
    ids = [{row[3] for row in rows if int(row[2]) // 10 == turn} for turn in (0, 1)]
    assert all(ids) and not ids[0] & ids[1]


def test_the_demo_with_a_page_says_that_it_repeats_and_writes_nothing(tmp_path):
    flags = ("--camera", "demo", "--web", "127.0.0.1:0", "--max-frames", 5)
    with facet(tmp_path, *flags) as process:
        said = process.stderr.read()
        assert process.wait(LONG_S) == 0
    assert said.count("the demo clip repeats at its own speed for the web page") == 1
    assert "repeated)" in said and "web page: http://127.0.0.1:" in said
    assert list(tmp_path.iterdir()) == []


def test_photos_are_not_repeated(tmp_path, astronaut):
    cv2.imwrite(str(tmp_path / "me.png"), astronaut)
    with facet(tmp_path, "--camera", "me.png", "--repeat") as process:
        said = process.stderr.read()
        assert process.wait(LONG_S) == 2
    assert (
        said == "facet: --repeat plays a video again, not photos. Try: --camera clip.mp4, or demo\n"
    )
