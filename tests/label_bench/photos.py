"""Photos for the bench: portraits, linked as often as needed."""

import os
from pathlib import Path

import cv2
import numpy as np

from device.camera.demo import ADMIRAL, ASTRONAUT, portrait

DISTINCT = 100
SIZE_WH, SMALL_WH = (640, 480), (256, 256)  # px; the small ones are one search each, no tiles
CORRUPT = 50  # every so many


def make_photos(
    folder: Path, number: int, corrupt: int = 0, size_wh: tuple[int, int] = SIZE_WH
) -> Path:
    """Make a folder of so many photos; every `corrupt`-th is none."""
    store = folder.parent / "distinct{}x{}".format(*size_wh)
    if not store.exists():
        store.mkdir()
        for index in range(DISTINCT):
            cv2.imwrite(str(store / f"{index}.jpg"), _picture(index, *size_wh))
        (store / "none.jpg").write_bytes(b"\xff\xd8\xff\xe0 nonsense")
    for index in range(number):
        inner = folder / f"{index // 1000:03}"
        inner.mkdir(parents=True, exist_ok=True)
        broken = corrupt and index % corrupt == 0
        os.link(
            store / ("none.jpg" if broken else f"{index % DISTINCT}.jpg"), inner / f"{index}.jpg"
        )
    return folder


def _picture(index: int, width: int, height: int) -> np.ndarray:
    """Return a portrait at a size and place of its own, on noise."""
    rng = np.random.default_rng(index)
    noise = rng.normal(128, 20, (height, width, 3))
    picture = cv2.GaussianBlur(np.clip(noise, 0, 255).astype(np.uint8), (0, 0), 3)
    face = portrait(ASTRONAUT if index % 2 else ADMIRAL)
    scale = rng.uniform(0.5, 0.78) * height / SIZE_WH[1]
    face = cv2.resize(face, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    top, left = (rng.integers(0, limit) for limit in (height - len(face), width - face.shape[1]))
    picture[top : top + len(face), left : left + face.shape[1]] = face
    return picture
