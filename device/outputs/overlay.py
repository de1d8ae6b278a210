"""Draw boxes and labels into a frame so that they can be read on any background."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ..types import OK, Track

FONT = cv2.FONT_HERSHEY_SIMPLEX
WHITE, GREY, AMBER = (255, 255, 255), (190, 190, 190), (60, 190, 255)  # B, G, R
# Told apart by people who see few colours: Okabe and Ito (2008), as B, G, R.
COLOURS = ((230, 180, 86), (0, 159, 230), (115, 158, 0), (66, 228, 240), (167, 121, 204))
PANEL_SHARE = 0.30  # how much of the picture shines through a label's panel


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


def annotate(
    picture_bgr: np.ndarray, tracks: Sequence[Track], labels: Sequence[list[str]], status: str = ""
) -> None:
    """Draw into `picture_bgr`, uint8 (H, W, 3): a box and a label for each track, and a status.

    labels: the words for each track. The label stands beside its box where there is most room,
    always inside the picture; words that do not fit are counted ("+3").
    """
    height, width = picture_bgr.shape[:2]
    text = Text.fitting(height)
    boxes = [_ints(track.face.box) for track in tracks]
    for track, box in zip(tracks, boxes, strict=True):
        x, y, w, h = box
        colour = _colour(track)
        cv2.rectangle(picture_bgr, (x, y), (x + w, y + h), (0, 0, 0), text.stroke * 2 + 2)
        cv2.rectangle(picture_bgr, (x, y), (x + w, y + h), colour, text.stroke + 1)
    taken = list(boxes)
    if status:
        taken.append(_panel(picture_bgr, [status], (0, 0), text, GREY))
    for track, box, said in zip(tracks, boxes, labels, strict=True):
        told = said if track.state == OK else [track.state]
        lines = _fit([*_name(track), *told], text, width, height)
        if lines:
            where = _place(box, _size(lines, text), (width, height), taken)
            taken.append(_panel(picture_bgr, lines, where, text, _colour(track)))


def _name(track: Track) -> list[str]:
    """Return who it is, if that is known, in the letters that the font has."""
    plain = unicodedata.normalize("NFKD", track.person).encode("ascii", "ignore").decode()
    return [plain.strip() or "known, but not in these letters"] if track.person else []


def _colour(track: Track) -> tuple[int, int, int]:
    return COLOURS[track.id % len(COLOURS)] if track.state == OK else AMBER


def _ints(box: tuple[float, float, float, float]) -> Rect:
    x, y, w, h = (round(side) for side in box)
    return x, y, w, h


def _fit(words: list[str], text: Text, width: int, height: int) -> list[str]:
    """Return the words as lines that fit into the picture; the last line counts the rest."""
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


def _place(box: Rect, size: tuple[int, int], frame: tuple[int, int], taken: list[Rect]):
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
        (max(0, min(a, frame[0] - label_w)), max(0, min(b, frame[1] - label_h))) for a, b in spots
    ]
    return min(inside, key=lambda at: sum(_shared((*at, *size), other) for other in taken))


def _shared(a: Rect, b: Rect) -> int:
    """Return the area two rectangles share, px."""
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    return max(0, w) * max(0, h)


def _panel(picture, lines, where, text, colour) -> Rect:
    """Write lines on a darkened panel with a coloured edge; return the panel's rectangle."""
    (x, y), (w, h) = where, _size(lines, text)
    region = picture[y : y + h, x : x + w]
    region[:] = cv2.convertScaleAbs(region, alpha=PANEL_SHARE)
    cv2.line(picture, (x, y), (x, y + h), colour, 2)
    for row, line in enumerate(lines):
        at = (x + text.pad + 2, y + text.pad + round((row + 0.75) * text.line))
        cv2.putText(picture, line, at, FONT, text.scale, WHITE, text.stroke, cv2.LINE_AA)
    return x, y, w, h
