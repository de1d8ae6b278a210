"""How a run ends: which signals stop it, and what it survives. Each in a process of its own."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.conftest import ROOT

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]

# A program whose loop lasts until it is stopped, or for two seconds; it reports by exit code.
LOOP = """
import sys
from device.cli.command import exit_with
from device.cli.loop import stop_at_signals

def main():
    stop = stop_at_signals()
    print("ready", flush=True)
    return 10 if stop.wait(2) else 20

exit_with(main)
"""


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize(("ignored", "code"), [(False, 10), (True, 20)])
def test_a_signal_stops_a_run_unless_its_starter_ignores_it(number, ignored, code):
    handler = signal.SIG_IGN if ignored else signal.SIG_DFL
    process = subprocess.Popen(
        [sys.executable, "-c", LOOP],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(number, handler),
    )
    assert process.stdout and process.stdout.readline() == b"ready\n"
    process.send_signal(number)
    assert process.wait(10) == code
    process.stdout.close()


@pytest.mark.parametrize("place", ["full disk", "no reader", "closed"])
def test_losing_the_place_for_messages_ends_no_run(tmp_path, place):
    run = [sys.executable, "-m", "device.run", "--camera", "demo", "--headless"]
    run += ["--max-frames", "3", "--log", str(tmp_path / "faces.csv"), "--log-every", "0"]
    if place == "full disk":
        with open("/dev/full", "wb") as full:
            code = subprocess.run(run, cwd=ROOT, stderr=full).returncode
    elif place == "no reader":
        read, write = os.pipe()
        os.close(read)
        code = subprocess.run(run, cwd=ROOT, stderr=write).returncode
        os.close(write)
    else:
        code = subprocess.run(run, cwd=ROOT, preexec_fn=lambda: os.close(2)).returncode
    assert code == 0
    assert (tmp_path / "faces.csv").read_text().count("\n") >= 2


@pytest.mark.parametrize("stalled_after", [0, 100_000])
def test_a_pipe_that_stalls_is_stopped_within_two_seconds(tmp_path, stalled_after):
    pipe, clip = tmp_path / "film.avi", tmp_path / "clip.avi"
    make = (
        "import cv2, sys; from device.camera.demo import Demo\n"
        "out = cv2.VideoWriter(sys.argv[1], cv2.VideoWriter.fourcc(*'MJPG'), 25, (640, 480))\n"
        "[out.write(f.bgr) for f, _ in zip(Demo(), range(20))]"
    )
    subprocess.run([sys.executable, "-c", make, clip], cwd=ROOT, check=True)
    os.mkfifo(pipe)
    run = [sys.executable, "-m", "device.run", "--camera", str(pipe), "--headless"]
    process = subprocess.Popen(run, cwd=ROOT, stderr=subprocess.PIPE)
    with open(pipe, "wb", buffering=0) as feed:
        feed.write(clip.read_bytes()[:stalled_after])
        time.sleep(2)
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert time.monotonic() - begun < 2
    assert process.stderr
    process.stderr.close()


@pytest.mark.parametrize("reader", ["none", "one that takes nothing"])
def test_a_log_whose_reader_stalls_is_stopped_within_two_seconds(tmp_path, reader):
    pipe, messages = tmp_path / "pipe", tmp_path / "messages"
    os.mkfifo(pipe)
    stalled = None
    if reader != "none":
        stalled = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    run = [sys.executable, "-m", "device.run", "--camera", "demo", "--headless"]
    run += ["--log", str(pipe), "--log-every", "0", "--attributes", "all"]
    with messages.open("wb") as stderr:
        process = subprocess.Popen(run, cwd=ROOT, stderr=stderr)
    until = time.monotonic() + 60
    expected = "waiting for a reader" if stalled is None else "logging to"
    while expected not in messages.read_text() and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(3 if stalled is not None else 0)  # the demo fills a pipe in less than a second
    begun = time.monotonic()
    process.send_signal(signal.SIGTERM)
    code = process.wait(20)
    took_s = time.monotonic() - begun
    if stalled is not None:
        os.close(stalled)
    said = messages.read_text()
    assert took_s < 5, said  # 2 s on a computer with nothing else to do
    if stalled is None:
        assert code == 0 and "had a reader" in said
    else:
        assert code == 1 and "its reader takes no rows. Try: keep its reader running" in said
