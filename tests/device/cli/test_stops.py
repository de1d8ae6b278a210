"""How a run ends: which signals stop it, and what it survives. Each in a process of its own."""

import contextlib
import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]

# A program whose loop lasts until it is stopped, or so many seconds; it reports by exit code.
LOOP = """
import sys
from device.cli.command import exit_with
from device.cli.loop import stop_at_signals

def main():
    stop = stop_at_signals()
    print("ready", flush=True)
    return 10 if stop.wait(float(sys.argv[1])) else 20

exit_with(main)
"""


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize(("ignored", "code"), [(False, 10), (True, 20)])
def test_a_signal_stops_a_run_unless_its_starter_ignores_it(number, ignored, code):
    handler = signal.SIG_IGN if ignored else signal.SIG_DFL
    process = subprocess.Popen(
        [sys.executable, "-c", LOOP, "2" if ignored else "60"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(number, handler),
    )
    assert process.stdout and process.stdout.readline() == b"ready\n"
    process.send_signal(number)
    assert process.wait(30) == code
    process.stdout.close()


def test_a_second_signal_does_not_end_what_is_ending():
    """It would change the exit code of a run whose files are complete."""
    ending = "import atexit, signal\natexit.register(lambda: print(signal.getsignal(15).name))"
    process = subprocess.Popen(
        [sys.executable, "-c", ending + LOOP, "60"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout and process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    printed, _ = process.communicate(timeout=30)
    assert (process.returncode, printed) == (10, "SIG_IGN\n")


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


@pytest.mark.parametrize("stalled_after", [pytest.param(0, marks=pytest.mark.slow), 100_000])
def test_a_run_whose_pipe_stalls_can_be_stopped(tmp_path, stalled_after):
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
        wait_until_empty(feed.fileno())
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert process.stderr
    process.stderr.close()


def bytes_in(pipe: int) -> int:
    return struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0]


def wait_until_empty(pipe: int) -> None:
    """Wait until a pipe's reader has taken everything and waits for more."""
    end_s = time.monotonic() + 60
    while bytes_in(pipe):
        assert time.monotonic() < end_s
        time.sleep(0.01)


def wait_until_full(pipe: int) -> None:
    """Wait until nothing more goes into a pipe of 64 kB."""
    end_s, before, since_s = time.monotonic() + 60, -1, time.monotonic()
    while before < 40_000 or time.monotonic() - since_s < 2:
        assert time.monotonic() < end_s, f"{before} bytes"
        size = bytes_in(pipe)
        if size != before:
            before, since_s = size, time.monotonic()
        time.sleep(0.05)


@pytest.mark.parametrize("reader", ["none", "one that takes nothing"])
def test_a_run_whose_logs_reader_stalls_can_be_stopped(tmp_path, reader):
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
    if stalled is not None:
        wait_until_full(stalled)
    process.send_signal(signal.SIGTERM)
    code = process.wait(30)
    if stalled is not None:
        os.close(stalled)
    said = messages.read_text()
    if stalled is None:
        assert code == 0 and "had a reader" in said
    else:
        assert code == 1 and "its reader takes no rows. Try: keep its reader running" in said


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("begun", [b"", pytest.param(b"\xff\xd8\xff\xe0", marks=pytest.mark.slow)])
def test_a_stop_while_stdin_is_read_is_no_fault(number, begun):
    run = [sys.executable, "-m", "device.run", "--camera", "-", "--headless"]
    pipes = {"stdin": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen([*run, "--log", "-"], cwd=ROOT, stdout=subprocess.DEVNULL, **pipes)
    assert process.stdin and process.stderr
    process.stdin.write(begun)
    process.stdin.flush()
    wait_until_read(process.pid)
    process.send_signal(number)
    printed = process.stderr.read().decode()
    assert (process.wait(30), "facet: stopped while stdin was read\n") == (0, printed)
    process.stdin.close()
    process.stderr.close()


def wait_until_read(pid: int) -> None:
    """Wait until a process has its temporary file for stdin open: it reads from then on."""
    end_s = time.monotonic() + 60
    while time.monotonic() < end_s:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                if "facet-" in str(link.readlink()):
                    return
        time.sleep(0.05)
    raise AssertionError("stdin is not read")


@contextlib.contextmanager
def silent_host(answer):
    """Accept every connection, say `answer`, and then nothing; yields the port."""
    with contextlib.ExitStack() as peers, socket.create_server(("127.0.0.1", 0)) as listener:

        def accept():
            with contextlib.suppress(OSError):
                while True:
                    peers.enter_context(listener.accept()[0]).sendall(answer)

        thread = threading.Thread(target=accept)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


SILENT = {
    "http": b"",
    "http, head cut": b"HTTP/1.1 200 OK\r\n",
    "http, stream cut": b"HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\n\r\nG",
    "https": b"",
    "rtsp": b"",
    "rtsp, head cut": b"RTSP/1.0 200 OK\r\n",
    "rtsps": b"",
}


@pytest.mark.parametrize(
    "number", [pytest.param(signal.SIGINT, marks=pytest.mark.slow), signal.SIGTERM]
)
@pytest.mark.parametrize("kind", SILENT)
def test_a_host_that_says_nothing_does_not_delay_a_stop(kind, number):
    scheme = kind.partition(",")[0]
    with silent_host(SILENT[kind]) as port:
        run = [sys.executable, "-c", READY, "--camera", f"{scheme}://127.0.0.1:{port}/live"]
        process = subprocess.Popen([*run, "--headless"], cwd=ROOT, stderr=subprocess.PIPE)
        assert process.stderr and b"opening" in process.stderr.readline()
        process.send_signal(number)
        printed = process.communicate(timeout=30)[1].decode()
    # A connection that is given up ends with another code and message.
    assert process.returncode == 0 and f"stopped while opening {scheme}://127" in printed


# The command, which says when it begins to open the camera.
READY = """
import sys
from device.camera import open as module
from device.cli.command import exit_with
from device.run import main

def open_source(*arguments, before=module._open_source):
    print("opening", file=sys.stderr, flush=True)
    return before(*arguments)

module._open_source = open_source
exit_with(main)
"""


# The command, whose models take a minute, as an unknown one does that hangs in its trial.
SLOW = """
import sys, time
from device import models
from device.cli.command import exit_with
from device.run import main

def load(settings):
    print("loading", file=sys.stderr, flush=True)
    time.sleep(60)

models.load_models = load
exit_with(main)
"""


@pytest.mark.parametrize("number", SIGNALS)
def test_a_stop_does_not_wait_for_the_models(number):
    run = [sys.executable, "-c", SLOW, "--camera", "demo", "--headless"]
    process = subprocess.Popen(run, cwd=ROOT, stderr=subprocess.PIPE)
    assert process.stderr and b"loading" in process.stderr.readline()
    process.send_signal(number)
    printed = process.communicate(timeout=30)[1].decode()
    assert (process.returncode, printed) == (0, "facet: stopped while loading the models\n")
