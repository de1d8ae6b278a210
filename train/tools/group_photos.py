"""Measure how many faces of a large group photo are found, against the size of the faces.

    python -m train.tools.group_photos --data ../shared/data/wild     # 5 s

Makes up group photos of 4000x3000 px from the faces of the folder's photos that have exactly one
clear face, each scaled to the wanted width. Prints a Markdown table: the share of the faces that
are found, searched in tiles (`search_face` of the settings) and as a whole, the detections that
are no face, and the time of a photo.
"""

import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from device.boxes import iou
from device.camera.image_io import PHOTO_ENDINGS
from device.cli.command import Parser, exit_with
from device.errors import SourceError
from device.faces.blazeface import BlazeFace
from device.faces.photo_search import search_photo
from device.settings import Settings
from device.types import Box, Image
from train.data.unreadable import photo_or_none

SIZE_WH = (4000, 3000)  # px: 12 megapixels, a phone's photo
WIDTHS = (24, 32, 48, 64, 96, 120, 200, 300)  # px, of the faces
FACES = 50  # in a photo, fewer of the wide ones
CELL = 3.2  # face widths, of the place of one face
MIN_SOURCE_PX, MIN_SCORE = 80, 0.8  # of a face that is used
SAME_IOU = 0.4
BACKGROUND = 110  # grey level


@dataclass(frozen=True)
class Found:
    """What a search found in one made-up photo."""

    share: float  # of the faces, 0..1
    others: int  # detections that are no face
    seconds: float


def sources(folder: Path, detector: BlazeFace) -> list[tuple[Image, Box]]:
    """Return the photos with one clear face, and its box; SourceError if there is none."""
    found = []
    for path in sorted(p for p in folder.iterdir() if p.suffix.lower() in PHOTO_ENDINGS):
        photo = photo_or_none(path)
        if photo is None:
            continue
        faces = detector.detect(photo)
        if len(faces) == 1 and faces[0].box[2] >= MIN_SOURCE_PX and faces[0].score >= MIN_SCORE:
            found.append((photo, faces[0].box))
    if not found:
        raise SourceError(f"no photo in {folder} has one clear face", "--data DIR of photos")
    return found


def group_photo(
    people: list[tuple[Image, Box]], width: int, rng: np.random.Generator
) -> tuple[Image, list[Box]]:
    """Return a picture of up to FACES faces of that width, in random places, and their boxes."""
    cell = int(CELL * width)
    columns, rows = SIZE_WH[0] // cell, SIZE_WH[1] // cell
    picture = np.full((SIZE_WH[1], SIZE_WH[0], 3), BACKGROUND, np.uint8)
    boxes: list[Box] = []
    for place in rng.permutation(columns * rows)[:FACES]:
        left, top = int(place) % columns * cell, int(place) // columns * cell
        photo, (x, y, w, h) = people[rng.integers(len(people))]
        scale = width / w
        x0, y0 = int(max(0, x - w)), int(max(0, y - h))
        part = photo[y0 : int(y + 2 * h), x0 : int(x + 2 * w)]
        small = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        small = small[:cell, :cell]
        picture[top : top + small.shape[0], left : left + small.shape[1]] = small
        boxes.append((left + (x - x0) * scale, top + (y - y0) * scale, w * scale, h * scale))
    return picture, boxes


def measure(detector: BlazeFace, picture: Image, boxes: list[Box], search_face: float) -> Found:
    """Return how many of the faces a search finds."""
    started_s = time.perf_counter()
    found = [face.box for face in search_photo(detector, picture, search_face)]
    seconds = time.perf_counter() - started_s
    share = np.mean([any(iou(box, one) >= SAME_IOU for one in found) for box in boxes])
    others = sum(all(iou(box, one) < SAME_IOU for box in boxes) for one in found)
    return Found(float(share), others, seconds)


def table(people: list[tuple[Image, Box]], detector: BlazeFace, search_face: float) -> list[str]:
    """Return the table's lines; the same made-up photos each time."""
    lines = ["| face, px | faces | found in tiles | found in the whole | no face | s |"]
    lines.append("|---|---|---|---|---|---|")
    rng = np.random.default_rng(0)
    for width in WIDTHS:
        picture, boxes = group_photo(people, width, rng)
        tiled = measure(detector, picture, boxes, search_face)
        whole = measure(detector, picture, boxes, 0.0)
        lines.append(
            f"| {width} | {len(boxes)} | {tiled.share:.0%} | {whole.share:.0%} "
            f"| {tiled.others} | {tiled.seconds:.1f} |"
        )
    return lines


def main(argv: list[str] | None = None) -> None:
    parser = Parser("train.tools.group_photos", __doc__)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="photos of people")
    options = parser.parse_args(argv)
    if not options.data.is_dir():
        raise SourceError(f"no folder {options.data}", "--data DIR of photos")
    detector = BlazeFace()
    people = sources(options.data, detector)
    print("\n".join(table(people, detector, Settings().faces.search_face)))


if __name__ == "__main__":
    exit_with(main)
