"""Draw boxes, labels and lines into a picture, readable on any background."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ..types import OK, Box, Face, Image, LineCount

FONT = cv2.FONT_HERSHEY_SIMPLEX
WHITE, GREY, AMBER = (255, 255, 255), (190, 190, 190), (60, 190, 255)  # B, G, R
# Distinct for colour-blind people: Okabe and Ito (2008), as B, G, R.
COLOURS = ((230, 180, 86), (0, 159, 230), (115, 158, 0), (66, 228, 240), (167, 121, 204))
PANEL_ALPHA = 0.30  # share of the picture that is visible through a label's panel


@dataclass(frozen=True)
class Text:
    """Sizes of lettering for one size of frame, px."""

    scale: float
    line: int
    pad: int
    stroke: int

    @classmethod
    def fitting(cls, height: int) -> "Text":
        """Return lines of a 26th of the frame's height, but 14 px at least."""
        line = max(14, round(height / 26))
        return cls(line / 32, line, max(2, line // 4), max(1, round(line / 18)))

    def width(self, text: str) -> int:
        return cv2.getTextSize(text, FONT, self.scale, self.stroke)[0][0]


Rect = tuple[int, int, int, int]  # x, y, w, h


def annotate(picture_bgr: Image, faces: Sequence[Face], status: str = "") -> None:
    """Draw into `picture_bgr`, uint8 (H, W, 3): a box and a label for each face, and a status.

    A label is placed beside its box where there is most room, always inside the picture; words that
    do not fit are counted ("+3").
    """
    height, width = picture_bgr.shape[:2]
    text = Text.fitting(height)
    boxes = [_ints(face.box) for face in faces]
    for face, (x, y, w, h) in zip(faces, boxes, strict=True):
        corners = (x, y), (x + w, y + h)
        cv2.rectangle(picture_bgr, *corners, (0, 0, 0), text.stroke * 2 + 2)
        cv2.rectangle(picture_bgr, *corners, _colour(face), text.stroke + 1)
    taken = list(boxes)
    if status:
        taken.append(_panel(picture_bgr, [status], (0, 0), text, GREY))
    for face, box in zip(faces, boxes, strict=True):
        words = face.labels if face.state == OK else (face.state,)
        lines = fit_lines([*_name(face), *words], text, (width, height))
        if lines:
            where = place_label(box, _size(lines, text), (width, height), taken)
            taken.append(_panel(picture_bgr, lines, where, text, _colour(face)))


def draw_lines(picture_bgr: Image, lines: Sequence[LineCount]) -> None:
    """Draw into `picture_bgr`, uint8 (H, W, 3): each line with its name and sums.

    An arrow at its middle points to where in leads; the sums stand at its begin, mostly a border of
    the picture, where they hide no face. To be called before `annotate`: labels stay on top.
    """
    height, width = picture_bgr.shape[:2]
    text = Text.fitting(height)
    taken: list[Rect] = [(0, 0, width // 2, text.line + 2 * text.pad)]  # the status
    for count in lines:
        start = _pixel(count.line.from_xy, width, height)
        end = _pixel(count.line.to_xy, width, height)
        arrow = _arrow(start, end, 0.8 * text.line)
        for colour, stroke in ((0, 0, 0), text.stroke + 2), (WHITE, text.stroke):
            cv2.line(picture_bgr, start, end, colour, stroke, cv2.LINE_AA)
            cv2.polylines(picture_bgr, [arrow], False, colour, stroke, cv2.LINE_AA)
        words = [_sums(count)]
        if text.width(words[0]) + 2 * text.pad > width:
            words = [word for word in words[0].split("  ") if text.width(word) < width]
        if words:
            where = place_label((*start, 1, 1), _size(words, text), (width, height), taken)
            taken.append(_panel(picture_bgr, words, where, text, WHITE))


def _sums(count: LineCount) -> str:
    """Return "door  in 3  out 1"."""
    names = (_plain(name) for name in (count.line.name, count.line.in_name, count.line.out_name))
    name, in_name, out_name = names
    return f"{name or 'line'}  {in_name or 'in'} {count.ins}  {out_name or 'out'} {count.outs}"


def _pixel(point: tuple[float, float], width: int, height: int) -> tuple[int, int]:
    """Return the pixel at a point in shares of the picture; inside the picture."""
    return min(width - 1, round(point[0] * width)), min(height - 1, round(point[1] * height))


def _arrow(start: tuple[int, int], end: tuple[int, int], length: float) -> np.ndarray:
    """Return the points of an arrow from the middle of a line to its right, int32 (5, 2), px."""
    along = np.subtract(end, start).astype(float)
    along /= max(1.0, float(np.hypot(*along)))
    right = np.array((-along[1], along[0]))
    tail = np.add(start, end) / 2
    tip = tail + length * right
    wings = [tip - length / 3 * (right + side * along) for side in (1, -1)]
    return np.rint([tail, tip, wings[0], tip, wings[1]]).astype(np.int32)


def _plain(words: str) -> str:
    """Return words in the letters that the font has."""
    return unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode().strip()


def _name(face: Face) -> list[str]:
    """Return the person's name, if there is one."""
    return [_plain(face.person) or "enrolled person"] if face.person else []


def _colour(face: Face) -> tuple[int, int, int]:
    return COLOURS[face.id % len(COLOURS)] if face.state == OK else AMBER


def _ints(box: Box) -> Rect:
    x, y, w, h = (round(side) for side in box)
    return x, y, w, h


def fit_lines(words: list[str], text: Text, size_wh: tuple[int, int]) -> list[str]:
    """Return the words as lines that fit into the picture; the last line counts the rest."""
    width, height = size_wh
    room = max(1, (height - 2 * text.pad) // text.line - 1)
    fitting = [word for word in words if text.width(word) + 2 * text.pad <= width]
    if len(fitting) == len(words) <= room:
        return fitting
    shown = fitting[: room - 1]
    rest = f"+{len(words) - len(shown)}"
    return [*shown, rest] if text.width(rest) + 2 * text.pad <= width else shown


def _size(lines: list[str], text: Text) -> tuple[int, int]:
    widest = max(text.width(line) for line in lines)
    return widest + 2 * text.pad, len(lines) * text.line + 2 * text.pad


def place_label(
    box: Rect, size: tuple[int, int], frame: tuple[int, int], taken: list[Rect]
) -> tuple[int, int]:
    """Return the (x, y) for a label: right, left, below or above its box, covering least."""
    x, y, w, h = box
    label_w, label_h = size
    gap = 4
    spots = [
        (x + w + gap, y),
        (x - label_w - gap, y),
        (x, y + h + gap),
        (x, y - label_h - gap),
        (x + w - label_w, y + h - label_h),
    ]
    inside = [
        (max(0, min(x, frame[0] - label_w)), max(0, min(y, frame[1] - label_h))) for x, y in spots
    ]
    return min(inside, key=lambda at: sum(_shared((*at, *size), rect) for rect in taken))


def _shared(a: Rect, b: Rect) -> int:
    """Return the area two rectangles share, px."""
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    return max(0, w) * max(0, h)


def _panel(
    picture: Image,
    lines: list[str],
    where: tuple[int, int],
    text: Text,
    colour: tuple[int, int, int],
) -> Rect:
    """Write lines on a darkened panel with a coloured edge; return the panel's rectangle."""
    (x, y), (w, h) = where, _size(lines, text)
    region = picture[y : y + h, x : x + w]
    region[:] = cv2.convertScaleAbs(region, alpha=PANEL_ALPHA)
    cv2.line(picture, (x, y), (x, y + h), colour, 2)
    for row, line in enumerate(lines):
        at = (x + text.pad + 2, y + text.pad + round((row + 0.75) * text.line))
        cv2.putText(picture, line, at, FONT, text.scale, WHITE, text.stroke, cv2.LINE_AA)
    return x, y, w, h
