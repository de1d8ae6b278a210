"""From a picture to emoji: each face's attributes and skin tone, settled and drawn."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..attributes.classifier import Classifier
from ..errors import FacetError
from ..faces.blazeface import BlazeFace
from ..faces.quality_gate import look, quality_limits
from ..settings import FacesSettings
from .compose import Drawing, SvgComposer
from .skin import SkinModel, SkinTone, features
from .text import emoji
from .traits import Traits, settle


class NoFaceError(FacetError, LookupError):
    """A picture without a face that can be told."""


@dataclass(frozen=True)
class Portrait:
    """One person's emoji."""

    traits: Traits
    tone: SkinTone
    drawing: Drawing
    text: str  # the nearest Unicode sequence
    reasons: tuple[str, ...]  # why each part is there, a line each


class EmojiGenerator:
    """Everything that makes a Portrait of a face; use it from one thread.

    Raises ModelError or LayerError where a model or a layer is missing, corrupt or malformed.
    """

    def __init__(self, model: Path, faces: FacesSettings):
        self.model = model
        self.classifier = Classifier(model)
        self.detector = BlazeFace(faces.detector, faces.min_score)
        self._limits = quality_limits(faces)
        self.artist = SvgComposer()
        self._skin = SkinModel()

    def portraits(self, picture_bgr: np.ndarray, everybody: bool = False) -> list[Portrait]:
        """Return the largest face's portrait, or everybody's from left to right.

        picture_bgr: uint8 (H, W, 3). Raises NoFaceError where no face can be told.
        """
        faces = self.detector.detect(picture_bgr)
        if not faces:
            raise NoFaceError("no face in the picture", "Take one from nearer, and with more light")
        looks = [look(picture_bgr, face, self.classifier, self._limits) for face in faces]
        told = [
            (face, seen.crop)
            for face, seen in zip(faces, looks, strict=True)
            if seen.crop is not None
        ]
        if not told:
            states = ", ".join(sorted({seen.state for seen in looks}))
            raise NoFaceError(
                f"no face that can be told ({states})", "Take it sharp, from the front"
            )
        if not everybody:
            told = [max(told, key=lambda one: one[0].box[2])]
        return [self._portrait(crop) for _, crop in told]

    def _portrait(self, crop_rgb: np.ndarray) -> Portrait:
        probabilities = self.classifier.classify(crop_rgb)
        tone = self.tone(crop_rgb, probabilities)
        return self.compose(probabilities, self.classifier.card.column("threshold"), tone)

    def tone(self, crop_rgb: np.ndarray, probabilities: np.ndarray) -> SkinTone:
        """Return the skin tone of a crop, uint8 (h, w, 3), with its (attributes,) probabilities."""
        classifier = self.classifier
        names = classifier.card.names
        return self._skin.tell(features(crop_rgb, classifier.template, names, probabilities))

    def compose(
        self, probabilities: np.ndarray, thresholds: np.ndarray, tone: SkinTone
    ) -> Portrait:
        """Return the portrait of (attributes,) probabilities at these thresholds."""
        traits = settle(self.classifier.card.names, probabilities, thresholds)
        drawing = self.artist.draw(traits, tone.band)
        skin = f"skin tone: Fitzpatrick {tone.band}, confidence {tone.confidence:.2f}"
        reasons = (skin, *self.artist.explain(drawing, traits))
        return Portrait(traits, tone, drawing, emoji(traits, tone.band), reasons)
