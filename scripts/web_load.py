"""Measure what the web page costs a run: memory, and CPU time with 0, 1 and 10 viewers.

    python -m scripts.web_load               # takes 25 s

A loop writes noise, the hardest picture to encode, at 640x480 and 20 frames/s; the viewers are in
a process of their own. CPU time does not count what other programs take.
"""

import argparse
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from device.config import merge
from device.outputs.live import LiveRun, LiveState
from device.settings import Settings
from device.stopwatch import Stopwatch
from device.types import Frame, Result
from device.web import open_web

SECONDS, RATE = 5.0, 20.0
VIEWERS = """
import select, socket, sys
port, number = map(int, sys.argv[1:])
viewers = [socket.create_connection(("127.0.0.1", port)) for _ in range(number)]
for viewer in viewers:
    viewer.sendall(b"GET /stream.mjpg HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n")
while True:
    for viewer in select.select(viewers, [], [])[0]:
        viewer.recv(1_000_000)
"""


def memory_mb() -> float:
    """Return the memory of this process, MB (10^6 bytes)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


def loop(state: LiveState, pictures: list[np.ndarray], seconds: float) -> float:
    """Write frames for some seconds; return the share of a core that this process took."""
    began_s, cpu_s = time.perf_counter(), time.process_time()
    for index in range(int(seconds * RATE)):
        frame = Frame(
            pictures[index % len(pictures)], index, datetime.now(UTC), index / RATE, "test"
        )
        state.write(Result(frame, [], RATE))
        time.sleep(1 / RATE)
    return (time.process_time() - cpu_s) / (time.perf_counter() - began_s)


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    settings = merge(Settings(), {"web": {"address": "127.0.0.1:0"}}, "test")
    state = LiveState({}, 1.0)
    live = LiveRun(
        settings, state, None, (), "test", None, None, Stopwatch(), lambda: 0, lambda: False
    )  # the page does not read the card
    random = np.random.default_rng(0)
    pictures = [random.integers(0, 256, (480, 640, 3), np.uint8) for _ in range(7)]
    import cv2  # noqa: F401, a run has it already

    loop(state, pictures, 1.0)
    without = loop(state, pictures, SECONDS)
    before_mb = memory_mb()
    with open_web(live) as page:
        print("viewers  % of a core  pictures encoded  memory MB")
        for number in (0, 1, 10):
            command = [sys.executable, "-c", VIEWERS, str(page.listen.port), str(number)]
            viewers = subprocess.Popen(command) if number else None
            loop(state, pictures, 1.0)
            encoded = page.site.pictures.encoded
            share = loop(state, pictures, SECONDS) - without
            encoded = page.site.pictures.encoded - encoded
            print(f"{number:7} {share * 100:13.1f} {encoded:17} {memory_mb() - before_mb:10.1f}")
            if viewers:
                viewers.kill()
                viewers.wait()


if __name__ == "__main__":
    main()
