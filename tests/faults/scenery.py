"""Sources for the processes under test: videos of a portrait, a webcam to unplug and freeze."""

from pathlib import Path

import cv2
import numpy as np

from device.camera.demo import ASTRONAUT, portrait
from tests.device.camera.webcam import can_build, driver, show
from tests.faults.fault import Missing

FRAMES = 1500  # of the video: more than a process lives to read


def film(folder: Path, frames: int = FRAMES) -> Path:
    """Return a video of one face, 240x240 px."""
    path = folder / "film.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (240, 240))
    picture = cv2.resize(portrait(ASTRONAUT), (240, 240), interpolation=cv2.INTER_AREA)
    for _ in range(frames):
        writer.write(picture)
    writer.release()
    return path


def visits(path: Path, frames: int) -> Path:
    """Return a video of 128x96 px and 240 frames/s: of 1000 frames a face is in 60."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 240, (128, 96))
    empty = np.full((96, 128, 3), 90, np.uint8)
    face = empty.copy()
    face[:, 16:112] = cv2.resize(portrait(ASTRONAUT), (96, 96), interpolation=cv2.INTER_AREA)
    for number in range(frames):
        writer.write(face if number % 1000 >= 940 else empty)
    writer.release()
    return path


class Webcam:
    """A /dev with one webcam, whose driver is compiled from the kernel's header."""

    def __init__(self, folder: Path):
        if not can_build():
            raise Missing("needs gcc and the kernel's headers")
        self._dev, self._number = folder / "dev", 0
        self._dev.mkdir()
        cv2.imwrite(str(folder / "face.jpg"), portrait(ASTRONAUT)[:480])
        self.environment = {
            "LD_PRELOAD": str(driver(folder)),
            "V4L2_DOUBLE": str(self._dev),
        }
        self.set("alive")

    def set(self, state: str) -> None:
        """alive; silent: it gives no frame; hung: its driver does not even answer."""
        show(self._dev, self._number, state)

    def unplug(self) -> None:
        (self._dev / f"video{self._number}").unlink()

    def plug(self, number: int) -> None:
        """Plug it in again, as /dev/videoNUMBER."""
        self._number = number
        self.set("alive")
