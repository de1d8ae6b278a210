"""Turn the faces of a picture into emoji: attributes and skin tone, resolved and drawn."""

from dataclasses import dataclass

import numpy as np

from ..analyzer import FaceAnalyzer, largest
from ..attributes.model_card import ModelCard
from ..errors import FacetError
from ..types import OK, Face, Frame, Image, Probabilities
from .compose import Drawing, SvgComposer
from .skin import SkinModel, SkinTone, features
from .text import emoji_text
from .traits import Traits, resolve_conflicts


class NoFaceError(FacetError, LookupError):
    """No face in the picture is classified."""


@dataclass(frozen=True)
class Emoji:
    """One face's emoji."""

    traits: Traits
    tone: SkinTone
    drawing: Drawing
    text: str  # the nearest Unicode sequence
    reasons: tuple[str, ...]  # a line for each part of the drawing


class EmojiGenerator:
    """Draws classified faces as emoji; use it from one thread.

    card: of the model that classified them. Raises ModelError or LayerError if the skin tone model
    or a layer is missing or malformed.
    """

    def __init__(self, card: ModelCard):
        self.composer = SvgComposer()
        self.thresholds = card.values("threshold")
        self._geometry, self._skin = card.geometry, SkinModel()

    def emoji(self, picture_bgr: Image, face: Face) -> Emoji:
        """Return the emoji of a classified face of a uint8 (H, W, 3) BGR picture."""
        tone = self.tone(picture_bgr, face)
        return self.compose(face.probabilities, self.thresholds, tone)

    def tone(self, picture_bgr: Image, face: Face) -> SkinTone:
        """Return the skin tone of a classified face of a uint8 (H, W, 3) BGR picture."""
        crop_rgb = self._geometry.crop(picture_bgr, face.landmarks)
        names, values = _classified(face.probabilities)
        return self._skin.predict(features(crop_rgb, self._geometry.template_array, names, values))

    def compose(
        self, probabilities: Probabilities, thresholds: np.ndarray, tone: SkinTone
    ) -> Emoji:
        """Return the emoji of probabilities at these thresholds, (attributes,)."""
        traits = resolve_conflicts(*_classified(probabilities), thresholds)
        drawing = self.composer.draw(traits, tone.band)
        skin = f"skin tone: Fitzpatrick {tone.band}, confidence {tone.confidence:.2f}"
        reasons = (skin, *self.composer.explain(drawing, traits))
        return Emoji(traits, tone, drawing, emoji_text(traits, tone.band), reasons)


def drawable_faces(analyzer: FaceAnalyzer, frame: Frame, every_face: bool = False) -> list[Face]:
    """Return the largest classified face of a frame, or all, from left to right.

    Raises NoFaceError if no face is found or none is classified.
    """
    faces = analyzer.analyze_frame(frame)
    if not faces:
        raise NoFaceError("no face in the picture", "a photo from nearer, with more light")
    classified = [face for face in faces if face.state == OK]
    chosen = largest(classified)
    if chosen is None:
        states = ", ".join(sorted({face.state for face in faces}))
        raise NoFaceError(
            f"no face in the picture is classified ({states})", "a sharp photo from the front"
        )
    return classified if every_face else [chosen]


def _classified(probabilities: Probabilities) -> tuple[tuple[str, ...], np.ndarray]:
    """Return names and values, float32 (attributes,); ValueError for an unclassified face."""
    if probabilities.array is None:
        raise ValueError("the face is not classified")
    return probabilities.names, probabilities.array
