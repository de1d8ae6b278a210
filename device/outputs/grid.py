"""Pictures of several cameras side by side: a grid of cells of the same size."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2

from ..types import Face, Image, Result
from .overlay import Text

CELL_WH = (640, 480)  # px, at most
GRID_WIDTH = 1280  # px, at most
EMPTY, BORDER = 40, 0  # grey levels, bytes: of a cell without a picture, and beside a picture
ELLIPSIS = ".."

Painter = Callable[[Image, Sequence[Face], str], None]


@dataclass(frozen=True)
class Grid:
    """Where the cells are: numbered from 0, in rows from left to right."""

    count: int
    columns: int
    cell_wh: tuple[int, int]
    """px."""

    @classmethod
    def of(cls, count: int) -> "Grid":
        """Return the grid of so many cells, from 1: as wide as high, or a column wider."""
        columns = math.ceil(math.sqrt(count))
        width = min(CELL_WH[0], GRID_WIDTH // columns)
        return cls(count, columns, (width, width * CELL_WH[1] // CELL_WH[0]))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of the whole picture: (H, W, 3)."""
        rows = math.ceil(self.count / self.columns)
        return rows * self.cell_wh[1], self.columns * self.cell_wh[0], 3

    def cell(self, picture: Image, number: int) -> Image:
        """Return a cell of the whole picture, uint8 (h, w, 3): a view, to draw into."""
        (row, column), (width, height) = divmod(number, self.columns), self.cell_wh
        return picture[row * height : (row + 1) * height, column * width : (column + 1) * width]


def draw_cell(cell_bgr: Image, result: Result, status: str, paint: Painter) -> None:
    """Draw a result into a cell, uint8 (h, w, 3): its picture as large as fits, and its faces.

    paint: draws faces and a status line into a picture.
    """
    frame_bgr = result.frame.bgr
    (frame_h, frame_w), (cell_h, cell_w) = frame_bgr.shape[:2], cell_bgr.shape[:2]
    scale = min(cell_w / frame_w, cell_h / frame_h)
    width, height = max(1, round(frame_w * scale)), max(1, round(frame_h * scale))
    left, top = (cell_w - width) // 2, (cell_h - height) // 2
    cell_bgr[:] = BORDER
    inner = cell_bgr[top : top + height, left : left + width]
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    inner[:] = cv2.resize(frame_bgr, (width, height), interpolation=method)
    faces = [_moved(face, scale, left, top) for face in result.faces]
    paint(cell_bgr, faces, shortened(status, cell_w, cell_h))


def draw_empty(cell_bgr: Image, status: str, paint: Painter) -> None:
    """Draw a cell of a camera that has given no picture yet."""
    cell_bgr[:] = EMPTY
    paint(cell_bgr, (), shortened(status, cell_bgr.shape[1], cell_bgr.shape[0]))


def _moved(face: Face, scale: float, left: int, top: int) -> Face:
    x, y, w, h = (side * scale for side in face.box)
    return replace(face, box=(x + left, y + top, w, h))


def shortened(status: str, width: int, height: int) -> str:
    """Return a status line that fits into a picture of that size, px: its first word is cut."""
    text = Text.fitting(height)
    room = width - 2 * text.pad
    name, space, rest = status.partition("  ")
    if text.width(status) <= room:
        return status
    while name and text.width(f"{name}{ELLIPSIS}{space}{rest}") > room:
        name = name[:-1]
    return f"{name}{ELLIPSIS}{space}{rest}" if name else rest
