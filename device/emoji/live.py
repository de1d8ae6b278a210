"""Paint an emoji over each face in the window, instead of its box and labels."""

import time
from collections.abc import Sequence

import cv2
import numpy as np

from ..attributes.smoother import ProbabilitySmoother
from ..faces.align import AlignError
from ..outputs.overlay import annotate
from ..types import Box, Face, Image
from .compose import Drawing
from .faces import EmojiGenerator
from .render import png
from .skin import SkinTone

SIZE = 1.7  # an emoji's side, in widths of the face's box: covers hair and chin
DRAWING_PX = 320  # side of the rendered drawings
CACHED = 32  # rendered drawings, and tracks, that are kept; a face alternates between a few
TONE_ALPHA = 0.05  # weight of one frame's skin tone; higher flickers with the light
TONE_LEAD = 0.1  # probability by which another type must lead before the skin changes


class EmojiState:
    """One track's decisions, which change only when the evidence is clear.

    thresholds: the model card's, (attributes,) 0..1. hysteresis: log-odds past its threshold at
    which an attribute's decision changes.
    """

    def __init__(self, thresholds: np.ndarray, hysteresis: float):
        # The pipeline has smoothed the probabilities: no smoothing here, only the hysteresis.
        self._smoother = ProbabilitySmoother(thresholds, 0.0, hysteresis)
        self._tones: np.ndarray | None = None
        self._band = 0  # index

    def update(self, probabilities: np.ndarray, tone: SkinTone, at_s: float) -> None:
        """Add one frame's attributes, float32 (attributes,), and skin tone."""
        self._smoother.add(probabilities, at_s)
        new = np.array(tone.probabilities)
        if self._tones is None:
            self._tones, self._band = new, int(new.argmax())
        self._tones = self._tones + TONE_ALPHA * (new - self._tones)
        best = int(self._tones.argmax())
        if self._tones[best] > self._tones[self._band] + TONE_LEAD:
            self._band = best

    @property
    def thresholds(self) -> np.ndarray:
        """The thresholds in effect, (attributes,): lower for attributes that are drawn."""
        return self._smoother.thresholds

    @property
    def tone(self) -> SkinTone:
        """The skin tone to draw, with probability 1; call `update` before."""
        assert self._tones is not None
        return SkinTone(tuple(np.eye(len(self._tones))[self._band].tolist()))


class EmojiPainter:
    """A painter of `outputs.window`: an emoji over each classified face, the others as `annotate`.

    hysteresis: as of EmojiState.
    """

    def __init__(self, generator: EmojiGenerator, hysteresis: float):
        self._generator, self._hysteresis = generator, hysteresis
        self._states: dict[int, EmojiState] = {}  # by track
        self._pictures: dict[Drawing, np.ndarray] = {}

    def __call__(self, picture_bgr: Image, faces: Sequence[Face], status: str = "") -> None:
        """Draw into `picture_bgr`, uint8 (H, W, 3); faces without an emoji get their box."""
        # The skin tones of all faces are measured before the first emoji covers a neighbour.
        drawings = [self._drawing(picture_bgr, face) for face in faces]
        for face, drawing in zip(faces, drawings, strict=True):
            if drawing is not None:
                overlay(picture_bgr, self._pixels(drawing), face.box)
        pairs = zip(faces, drawings, strict=True)
        annotate(picture_bgr, [face for face, drawing in pairs if drawing is None], status)

    def _drawing(self, picture_bgr: Image, face: Face) -> Drawing | None:
        probabilities = face.probabilities
        if probabilities.array is None:
            return None
        try:
            tone = self._generator.tone(picture_bgr, face)
        except AlignError:  # classified a moment ago, too small now
            return None
        if face.id not in self._states:
            # A track that is lost for a moment keeps its emoji; ids are unique, so old ones expire.
            _make_room(self._states)
            self._states[face.id] = EmojiState(self._generator.thresholds, self._hysteresis)
        state = self._states[face.id]
        state.update(probabilities.array, tone, time.monotonic())
        return self._generator.compose(probabilities, state.thresholds, state.tone).drawing

    def _pixels(self, drawing: Drawing) -> np.ndarray:
        """Return a drawing as uint8 (DRAWING_PX, DRAWING_PX, 4): B, G, R, alpha."""
        if drawing not in self._pictures:
            _make_room(self._pictures)
            svg = self._generator.composer.svg(drawing)
            encoded = np.frombuffer(png(svg, DRAWING_PX), np.uint8)
            self._pictures[drawing] = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED))
        return self._pictures[drawing]


def _make_room(cache: dict) -> None:
    """Remove the oldest entry of a full cache."""
    if len(cache) >= CACHED:
        cache.pop(next(iter(cache)))


def overlay(picture_bgr: Image, drawing_bgra: np.ndarray, box: Box) -> None:
    """Draw a square uint8 (n, n, 4) drawing into `picture_bgr`, uint8 (H, W, 3), over a box."""
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
