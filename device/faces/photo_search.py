"""Find the faces of a photo, the small ones of a large photo too.

A detector shrinks what it searches to its input's size. So a large photo is searched in overlapping
tiles besides, of two or three sizes: the smallest such that a face of the wanted width is wide
enough in the input, each further one three times as large. What several of them find is merged.
"""

import functools
import math
from collections.abc import Callable

from ..boxes import iou, is_same_face
from ..errors import Stopped
from ..types import Detection, Image, Region
from .regions import BORDERS, TILED, bordered, grid, without_cut
from .verification import SURE_SCORE, Detector, Verifier

INPUT_PX = 16.0  # a face of this width in the detector's input is found (docs/models.md)
CLEAR_PX = 32.0  # of this width its landmarks are exact
CHEAP_TILES, FINER = 12, 1.25  # a photo of so few tiles is searched for smaller faces, in steps
STEP = 3.0  # from one size of tiles to the next; a face up to a quarter of a tile is in one whole
# A face wider than this share of the picture's shorter side is missed, or found in parts; with a
# border around the picture it is found once.
LARGE = 0.5
SAME_SIZE = 0.6  # IoU of two detections of a face; a part of it has less
LEAST = 0.35  # of the shorter side: a narrower face is found best without the border


def search_photo(
    detector: Detector,
    image_bgr: Image,
    search_face: float,
    stopping: Callable[[], bool] = lambda: False,
    verifier: Verifier | None = None,
) -> list[Detection]:
    """Return the faces of a uint8 (H, W, 3) picture, from left to right.

    search_face: px, the width of the smallest face to search for; 0 searches the whole picture
    only. verifier: confirms doubtful detections; None takes every one of the detector's. Raises
    Stopped where `stopping`, polled between two tiles, is true.
    """

    size_wh = (image_bgr.shape[1], image_bgr.shape[0])

    def detect(region: Region | None = None) -> list[Detection]:
        if verifier:
            return verifier.detect(detector, image_bgr, region)
        return without_cut(detector.detect(image_bgr, region), region, size_wh)

    whole = detect()
    clear: list[Detection] = []
    for border in BORDERS if _may_be_close(whole, size_wh) else ():
        found = detect(bordered(size_wh, border))
        clear = [_mean(f, whole) for f in found if f.box[2] >= LEAST * min(size_wh)]
        if clear:
            break
    regions = photo_tiles(size_wh, detector.side, search_face)
    # A face that is wide enough in a coarse search is found best there, with all around it.
    clear_px = CLEAR_PX / detector.side * max(size_wh) if regions else 0.0
    clear = merged(clear, [face for face in whole if face.box[2] >= clear_px])
    unclear = [face for face in whole if face.box[2] < clear_px]
    for region in regions:
        if stopping():
            raise Stopped("stopped while a photo was searched")
        unclear += detect(region)
    return merged(clear, unclear)


def _mean(face: Detection, others: list[Detection]) -> Detection:
    """Return the mean of a detection and the other one of the same face and size, if any."""
    same = [other for other in others if iou(face.box, other.box) >= SAME_SIZE]
    if not same:
        return face
    other = max(same, key=lambda other: other.score)
    share = other.score / (face.score + other.score)
    x, y, w, h = (a + share * (b - a) for a, b in zip(face.box, other.box, strict=True))
    landmarks = face.landmarks + share * (other.landmarks - face.landmarks)
    return Detection((x, y, w, h), max(face.score, other.score), landmarks)


def _may_be_close(found: list[Detection], size_wh: tuple[int, int]) -> bool:
    """Whether the detections are those of a face that fills the picture."""
    is_sure = any(face.score >= SURE_SCORE for face in found)
    return not is_sure or max(face.box[2] for face in found) >= LARGE * min(size_wh)


@functools.lru_cache(maxsize=16)
def photo_tiles(size_wh: tuple[int, int], side: int, search_face: float) -> tuple[Region, ...]:
    """Return the tiles of every size; none if a photo is small enough. side: as of `Detector`."""
    if search_face <= 0:
        return ()
    tile = _finest_tile(size_wh, side, search_face)
    count = max(0, math.ceil(math.log(max(size_wh) / tile) / math.log(STEP)))
    sizes = [round(tile * STEP**level) for level in range(count)]
    fine = [size for size in sizes if size < max(size_wh)]
    return tuple(region for size in fine for region in grid(size_wh, size))


def _finest_tile(size_wh: tuple[int, int], side: int, search_face: float) -> float:
    """Return the side of the smallest tiles, px: of few tiles smaller ones than asked for."""
    tile = max(float(side), side * search_face / INPUT_PX)
    longer = max(size_wh)
    if longer <= TILED * side:
        return tile
    while tile > side:
        finer = max(float(side), min(tile, longer) / FINER)
        if len(grid(size_wh, round(finer))) > CHEAP_TILES:
            break
        tile = finer
    return tile


def merged(clear: list[Detection], unclear: list[Detection]) -> list[Detection]:
    """Return one detection per face, from left to right.

    clear: detections that are kept. unclear: of those of one face the highest score is kept.
    """
    kept = list(clear)
    for face in sorted(unclear, key=lambda face: -face.score):
        if not any(is_same_face(face.box, other.box) for other in kept):
            kept.append(face)
    return sorted(kept, key=lambda face: face.box[0])
