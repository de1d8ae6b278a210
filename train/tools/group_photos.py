"""Measure how many faces of a large group photo are found, and what is found without people.

    D=../shared/data
    python -m train.tools.group_photos --data $D/wild                             # 1 min
    python -m train.tools.group_photos --data $D/wild --backgrounds $D/no_face    # 5 min

Makes up group photos of 4000x3000 px from the faces of the folder's photos that have exactly one
clear face, each scaled to the wanted width. Prints a Markdown table: the share of the faces that
are found, searched in tiles (`search_face` of the settings) and as a whole, the detections that
are no face, and the time of a photo.

--backgrounds: photos without people. The faces then stand on these, enlarged, not on grey; and a
second table shows the detections in the photos alone, as they are and enlarged to 4000x3000 px.
"""

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from device.boxes import iou
from device.camera.image_io import PHOTO_ENDINGS
from device.camera.photo_files import photos_in
from device.cli.command import Parser, exit_with
from device.errors import SourceError
from device.faces.blazeface import BlazeFace
from device.faces.photo_search import search_photo
from device.faces.verification import Verifier
from device.models import load_verifier
from device.settings import Settings
from device.types import Box, Image
from train.data.unreadable import photo_or_none

SIZE_WH = (4000, 3000)  # px: 12 megapixels, a phone's photo
WIDTHS = (24, 32, 48, 64, 96, 120, 200, 300)  # px, of the faces
COUNTS = (10, 50)  # of the faces in a photo, fewer of the wide ones
ENLARGED = 50  # photos without people that are measured enlarged
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


def enlarged(photo: Image) -> Image:
    """Return a photo at SIZE_WH, cut to its shape."""
    height = min(photo.shape[0], photo.shape[1] * SIZE_WH[1] // SIZE_WH[0])
    part = photo[:height, : height * SIZE_WH[0] // SIZE_WH[1]]
    return cv2.resize(part, SIZE_WH, interpolation=cv2.INTER_CUBIC)


def group_photo(
    people: list[tuple[Image, Box]],
    width: int,
    rng: np.random.Generator,
    faces: int = max(COUNTS),
    background: Image | None = None,
) -> tuple[Image, list[Box]]:
    """Return a picture of up to so many faces of a width, in random places, and their boxes.

    background: a photo without people; None: grey.
    """
    cell = int(CELL * width)
    columns, rows = SIZE_WH[0] // cell, SIZE_WH[1] // cell
    picture = np.full((SIZE_WH[1], SIZE_WH[0], 3), BACKGROUND, np.uint8)
    if background is not None:
        picture = enlarged(background)
    boxes: list[Box] = []
    for place in rng.permutation(columns * rows)[:faces]:
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


def measure(
    detector: BlazeFace,
    picture: Image,
    boxes: list[Box],
    search_face: float,
    verifier: Verifier | None = None,
) -> Found:
    """Return how many of the faces a search finds."""
    started_s = time.perf_counter()
    found = [face.box for face in search_photo(detector, picture, search_face, verifier=verifier)]
    seconds = time.perf_counter() - started_s
    hits = [any(iou(box, one) >= SAME_IOU for one in found) for box in boxes]
    share = np.mean(hits) if hits else 0.0
    others = sum(all(iou(box, one) < SAME_IOU for box in boxes) for one in found)
    return Found(float(share), others, seconds)


def table(
    people: list[tuple[Image, Box]],
    detector: BlazeFace,
    search_face: float,
    backgrounds: Sequence[Image] = (),
    verifier: Verifier | None = None,
) -> list[str]:
    """Return the table's lines; the same made-up photos each time."""
    lines = ["| face, px | faces | found in tiles | found in the whole | no face | s |"]
    lines.append("|---|---|---|---|---|---|")
    rng = np.random.default_rng(0)
    for number, (width, faces) in enumerate(itertools.product(WIDTHS, COUNTS)):
        background = backgrounds[number % len(backgrounds)] if backgrounds else None
        picture, boxes = group_photo(people, width, rng, faces, background)
        tiled = measure(detector, picture, boxes, search_face, verifier)
        whole = measure(detector, picture, boxes, 0.0, verifier)
        lines.append(
            f"| {width} | {len(boxes)} | {tiled.share:.0%} | {whole.share:.0%} "
            f"| {tiled.others} | {tiled.seconds:.1f} |"
        )
    return lines


def false_alarms(
    photos: list[Image], detector: BlazeFace, search_face: float, verifier: Verifier | None = None
) -> list[str]:
    """Return the lines of a table of what is found in photos without people."""
    lines = ["| photos without people | photos | detections in tiles | in the whole |"]
    lines.append("|---|---|---|---|")
    kinds = {"as they are": photos, "enlarged": [enlarged(photo) for photo in photos[:ENLARGED]]}
    for kind, pictures in kinds.items():
        tiled = sum(measure(detector, p, [], search_face, verifier).others for p in pictures)
        whole = sum(measure(detector, p, [], 0.0, verifier).others for p in pictures)
        lines.append(f"| {kind} | {len(pictures)} | {tiled} | {whole} |")
    return lines


def main(argv: list[str] | None = None) -> None:
    parser = Parser("train.tools.group_photos", __doc__)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="photos of people")
    parser.add_argument(
        "--backgrounds", type=Path, metavar="DIR", help="photos without people (default: grey)"
    )
    options = parser.parse_args(argv)
    for folder in filter(None, (options.data, options.backgrounds)):
        if not folder.is_dir():
            raise SourceError(f"no folder {folder}", "a folder of photos")
    settings = Settings()
    detector, verifier = BlazeFace(), load_verifier(settings)
    search_face = settings.faces.search_face
    people = sources(options.data, detector)
    backgrounds = []
    if options.backgrounds:
        pictures = map(photo_or_none, photos_in(options.backgrounds, False))
        backgrounds = [picture for picture in pictures if picture is not None]
    print("\n".join(table(people, detector, search_face, backgrounds, verifier)))
    if backgrounds:
        print("\n" + "\n".join(false_alarms(backgrounds, detector, search_face, verifier)))


if __name__ == "__main__":
    exit_with(main)
