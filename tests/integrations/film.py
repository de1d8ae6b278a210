"""A network camera that repeats the demo clip in real time, with an empty room in between."""

import contextlib
import itertools
import time
from collections.abc import Iterator

import cv2
import numpy as np

from device.camera.demo import SIZE_WH, Demo
from tests.device.camera.wire import MULTIPART, Page, part, web

FPS = 12.5  # every other picture of the demo
EMPTY_S = 3.0  # longer than a track lives: a visit ends
ROUND_S = 12.0 + EMPTY_S


def pictures() -> list[bytes]:
    """Return one round of the film, as JPEG files."""
    # Noise, as of a real camera in a room that stands still: Facet reports one that is frozen.
    noise = np.random.default_rng(1)
    size = SIZE_WH[1], SIZE_WH[0], 3
    empty = [noise.integers(100, 110, size, np.uint8) for _ in range(round(EMPTY_S * FPS))]
    scenes = [frame.bgr for frame in Demo() if frame.index % 2 == 0]
    quality = [cv2.IMWRITE_JPEG_QUALITY, 90]
    return [cv2.imencode(".jpg", bgr, quality)[1].tobytes() for bgr in scenes + empty]


@contextlib.contextmanager
def film() -> Iterator[str]:
    """Serve the film as motion JPEG on this computer; yields its address."""
    parts = [part(picture) for picture in pictures()]
    begun_s = time.monotonic()

    def play() -> Iterator[bytes]:
        first = int((time.monotonic() - begun_s) * FPS)
        for number in itertools.count(first):
            time.sleep(max(0.0, begun_s + number / FPS - time.monotonic()))
            yield parts[number % len(parts)]

    with web({"/video.mjpg": lambda _: Page(play(), MULTIPART)}) as server:
        server.daemon_threads = True  # a reader that stalls must not hold up the end
        yield f"http://127.0.0.1:{server.server_port}/video.mjpg"
