"""Classify a face's attributes: quality gate, crop, network, calibrated probabilities."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import ModelError
from ..faces.quality_gate import QualityLimits, QualityResult, assess_quality
from ..model_trial import require_loadable
from ..tflite import Network
from ..types import Detection, Image
from .model_card import ModelCard, model_hint, read_card, read_model_bytes
from .presets import select_attributes

# int8 networks give probabilities in steps of 1/256: 0 and 1 mean "beyond the last step".
HALF_STEP = 1 / 512


def calibrated(raw: np.ndarray, slope: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Return calibrated probabilities, float32, for raw ones 0..1: Platt scaling of the logit."""
    raw = np.clip(raw, HALF_STEP, 1 - HALF_STEP)
    return (1 / (1 + np.exp(-(slope * np.log(raw / (1 - raw)) + offset)))).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Classification:
    """One face, assessed and, if the quality gate accepts it, classified."""

    quality: QualityResult
    probabilities: np.ndarray | None  # float32 (attributes,) in the card's order; None if rejected


class Classifier:
    """A model as its card describes it; use it from one thread.

    wanted: names of the attributes to compute; empty means all. `card` then has only these, and
    the others never leave the network's own output, which the next face overwrites.
    Raises ModelError where card and network are missing, corrupt or do not match, UsageError for a
    name that the card lacks.
    """

    def __init__(
        self,
        card_path: Path | str,
        threads: int = 1,
        delegates: bool = True,
        wanted: tuple[str, ...] = (),
    ):
        whole: ModelCard = read_card(card_path)
        content = read_model_bytes(whole, Path(card_path).parent)
        hint = model_hint(card_path)
        require_loadable(content, whole.sha256, whole.file, hint, threads, delegates)
        self.network = Network(content, whole.file, hint, threads, delegates)
        self._check(whole, card_path)
        self.card = whole.select(select_attributes(wanted, whole.names))
        self.geometry = self.card.geometry
        self.thresholds = self.card.values("threshold")
        self._columns = [whole.names.index(name) for name in self.card.names]
        self._slope, self._offset = self.card.values("slope"), self.card.values("offset")

    def _check(self, card: ModelCard, card_path: Path | str) -> None:
        width, height = card.crop_wh
        found = (self.network.input_shape, *self.network.output_shapes)
        needed = ((1, height, width, 3), (1, len(card.attributes)))
        if found != needed or self.network.input_dtype != np.uint8:
            raise ModelError(
                f"{card.file} does not match {card_path}: it takes "
                f"{np.dtype(self.network.input_dtype).name} {found[0]} and gives {found[1:]}, the "
                f"card says uint8 {needed[0]} and {needed[1:]}",
                "python -m train.convert RUN",
            )

    def classify_face(
        self, frame_bgr: Image, face: Detection, limits: QualityLimits
    ) -> Classification:
        """Assess a face in a uint8 (H, W, 3) picture, and classify it if it passes."""
        quality = assess_quality(frame_bgr, face, self.geometry, limits)
        probabilities = None if quality.crop is None else self.classify(quality.crop)
        return Classification(quality, probabilities)

    def classify(self, crop_rgb: Image) -> np.ndarray:
        """Return the card's calibrated probabilities, float32 (attributes,), for one RGB crop."""
        return calibrated(self.raw(crop_rgb)[self._columns], self._slope, self._offset)

    def raw(self, crop_rgb: Image) -> np.ndarray:
        """Return the network's own outputs, float32 (outputs,), uncalibrated."""
        return self.network.run(crop_rgb[np.newaxis])[0][0]
