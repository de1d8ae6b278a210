"""Parts of a picture that are searched by themselves: tiles, squares around faces, and borders.

A region is left, top, right, bottom in px; the part of it that is outside the picture is black.
"""

import math

import cv2

from ..types import Detection, Image, Region

TILE_SHARE = 0.4  # side of a tile, as a share of the picture's longer side; at least the detector's
TILED = 1.5  # sides of the detector's input: a smaller picture is hardly shrunk, and has no tiles
TILE_OVERLAP = 0.25  # of a tile; a face between two tiles would be missed without
EDGE_PX = 2  # a face this near to a tile's inner edge may be cut by it
# Borders around a picture that is searched for a face that fills it, as shares of its longer side:
# the second serves the few faces that the first does not.
BORDERS = (1 / 3, 1 / 2)


def square_around(face: Detection, side: float) -> Region:
    """Return the square of so many px around a face; it may leave the picture."""
    x, y, w, h = face.box
    left, top = round(x + w / 2 - side / 2), round(y + h / 2 - side / 2)
    right, bottom = round(x + w / 2 + side / 2), round(y + h / 2 + side / 2)
    return left, top, max(right, left + 1), max(bottom, top + 1)


def cut_out(bgr: Image, region: Region) -> Image | None:
    """Return a region, black where it is outside the picture; None if hardly any is inside.

    One that is inside as a whole is a view of the picture.
    """
    height, width = bgr.shape[:2]
    left, top, right, bottom = region
    x, y = max(left, 0), max(top, 0)
    part = bgr[y : max(bottom, 0), x : max(right, 0)]
    if min(part.shape[:2]) < 8:
        return None
    beside = (y - top, bottom - min(bottom, height), x - left, right - min(right, width))
    if not any(beside):
        return part
    return cv2.copyMakeBorder(part, *beside, cv2.BORDER_CONSTANT)


def bordered(size_wh: tuple[int, int], share: float = BORDERS[0]) -> Region:
    """Return a picture with a border, a share of its longer side wide; its faces are smaller."""
    border = round(share * max(size_wh))
    return -border, -border, size_wh[0] + border, size_wh[1] + border


def tiles(size_wh: tuple[int, int], side: int) -> list[Region]:
    """Return overlapping regions that cover a picture; none if the whole is small enough.

    side: px of the detector's input; a picture that is hardly shrunk gains nothing from tiles.
    """
    if max(size_wh) <= TILED * side:
        return []
    return grid(size_wh, round(max(TILE_SHARE * max(size_wh), side)))


def grid(size_wh: tuple[int, int], tile: int) -> list[Region]:
    """Return overlapping squares of `tile` px that cover a picture, cut at its edges."""
    return [
        (left, top, min(left + tile, size_wh[0]), min(top + tile, size_wh[1]))
        for top in _tile_starts(size_wh[1], tile)
        for left in _tile_starts(size_wh[0], tile)
    ]


def _tile_starts(length: int, tile: int) -> list[int]:
    """Return where tiles begin that cover a side, evenly spread."""
    if length <= tile:
        return [0]
    count = 1 + math.ceil((length - tile) / (tile * (1 - TILE_OVERLAP)))
    return [round(n * (length - tile) / (count - 1)) for n in range(count)]


def without_cut(
    faces: list[Detection], region: Region | None, size_wh: tuple[int, int]
) -> list[Detection]:
    """Return the faces of a region that its edges do not cut; all without a region."""
    if region is None:
        return faces
    return [face for face in faces if not touches_tile_edge(face, region, size_wh)]


def touches_tile_edge(face: Detection, tile: Region, size_wh: tuple[int, int]) -> bool:
    """Whether a face lies at an edge of the tile that is not an edge of the picture."""
    x, y, w, h = face.box
    left, top, right, bottom = tile
    return (
        (left > 0 and x < left + EDGE_PX)
        or (top > 0 and y < top + EDGE_PX)
        or (right < size_wh[0] and x + w > right - EDGE_PX)
        or (bottom < size_wh[1] and y + h > bottom - EDGE_PX)
    )
