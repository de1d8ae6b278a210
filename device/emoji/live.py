"""Show everybody's emoji in the window: what it paints instead of labels."""

import time
from collections.abc import Sequence

import cv2
import numpy as np

from ..attributes.smoother import ProbabilitySmoother
from ..outputs.overlay import annotate
from ..types import Track
from .compose import Drawing
from .faces import EmojiGenerator
from .render import png
from .skin import SkinTone

SIZE = 1.7  # an emoji's side, in widths of the face's box: covers hair and chin
PIXELS = 320  # side of the drawings that are kept
KEPT = 32  # drawings, and people, that are kept; faces change between a few
MEMORY = 0.05  # how much one frame's skin tone counts; higher flickers with the light
LEAD = 0.1  # by which another band's probability must be ahead before the skin changes


class EmojiState:
    """What is known of one track: its decisions, which stay until the evidence is clear."""

    def __init__(self, thresholds: np.ndarray, margin: float):
        # The pipeline has smoothed the probabilities: no settling here, only the margin.
        self._steady = ProbabilitySmoother(thresholds, 0.0, margin)
        self._tones: np.ndarray | None = None
        self._band = 0

    def see(self, probabilities: np.ndarray, tone: SkinTone, at_s: float) -> None:
        """Take one frame's attributes, float32 (attributes,), and skin tone."""
        self._steady.add(probabilities, at_s)
        fresh = np.array(tone.probabilities)
        if self._tones is None:
            self._tones, self._band = fresh, int(fresh.argmax())
        self._tones = self._tones + MEMORY * (fresh - self._tones)
        best = int(self._tones.argmax())
        if self._tones[best] > self._tones[self._band] + LEAD:
            self._band = best

    @property
    def thresholds(self) -> np.ndarray:
        """From where on an attribute is drawn now, (attributes,)."""
        return self._steady.thresholds

    @property
    def tone(self) -> SkinTone:
        """The skin tone that is drawn: certain, since it was decided."""
        return SkinTone(tuple(np.eye(len(self._tones))[self._band].tolist()))


class EmojiPainter:
    """Draws as device.outputs.overlay.annotate does, with an emoji over each face that was told."""

    def __init__(self, portraitist: EmojiGenerator, margin: float):
        self._portraitist, self._margin = portraitist, margin
        self._wearers: dict[int, EmojiState] = {}  # by track
        self._pictures: dict[Drawing, np.ndarray] = {}

    def __call__(
        self,
        picture_bgr: np.ndarray,
        tracks: Sequence[Track],
        labels: Sequence[list[str]],
        status: str = "",
    ) -> None:
        """Draw into `picture_bgr`, uint8 (H, W, 3); faces that were not told keep their box."""
        told = [track for track in tracks if track.probabilities is not None]
        # All are looked at before the first is covered.
        drawings = [self._drawing(picture_bgr, track) for track in told]
        for track, drawing in zip(told, drawings, strict=True):
            lay_over(picture_bgr, self._pixels(drawing), track.face.box)
        rest = [track for track in tracks if track.probabilities is None]
        annotate(picture_bgr, rest, [[] for _ in rest], status)

    def _drawing(self, picture_bgr: np.ndarray, track: Track) -> Drawing:
        artist, classifier = self._portraitist, self._portraitist.classifier
        if track.id not in self._wearers:
            # Who is not seen for a moment keeps the emoji; numbers are given once, so old ones go.
            _make_room(self._wearers)
            self._wearers[track.id] = EmojiState(classifier.card.column("threshold"), self._margin)
        wearer = self._wearers[track.id]
        crop = classifier.crop(picture_bgr, track.face.landmarks)
        tone = artist.tone(crop, track.probabilities)
        wearer.see(track.probabilities, tone, time.monotonic())
        return artist.compose(track.probabilities, wearer.thresholds, wearer.tone).drawing

    def _pixels(self, drawing: Drawing) -> np.ndarray:
        """Return a drawing as uint8 (PIXELS, PIXELS, 4), blue first, alpha last."""
        if drawing not in self._pictures:
            _make_room(self._pictures)
            encoded = np.frombuffer(png(self._portraitist.artist.svg(drawing), PIXELS), np.uint8)
            self._pictures[drawing] = cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED)
        return self._pictures[drawing]


def _make_room(kept: dict) -> None:
    """Drop the oldest entry of a full store."""
    if len(kept) >= KEPT:
        kept.pop(next(iter(kept)))


def lay_over(
    picture_bgr: np.ndarray, drawing_bgra: np.ndarray, box: tuple[float, float, float, float]
) -> None:
    """Draw into `picture_bgr`, uint8 (H, W, 3), a square drawing over a box x, y, w, h in px."""
    x, y, w, h = box
    side = max(1, round(SIZE * max(w, h)))
    left, top = round(x + w / 2 - side / 2), round(y + h * 0.45 - side / 2)
    small = cv2.resize(drawing_bgra, (side, side), interpolation=cv2.INTER_AREA)
    height, width = picture_bgr.shape[:2]
    x0, x1 = np.clip((left, left + side), 0, width)
    y0, y1 = np.clip((top, top + side), 0, height)
    if x0 == x1 or y0 == y1:
        return
    part = small[y0 - top : y1 - top, x0 - left : x1 - left].astype(np.uint16)
    region, alpha = picture_bgr[y0:y1, x0:x1], part[:, :, 3:]
    region[:] = (part[:, :, :3] * alpha + region * (255 - alpha)) // 255
