"""Tell a face's attributes: crop, network, calibrated probabilities."""

from pathlib import Path

import cv2
import numpy as np

from ..errors import ModelError
from ..faces.align import cut, landmark_matrix
from ..settings import chosen_attributes
from ..tflite import Network
from .model_card import MEND, ModelCard, read_card, read_model_bytes

# int8 networks give probabilities in steps of 1/256: 0 and 1 mean "beyond the last step".
HALF_STEP = 1 / 512


def calibrated(raw: np.ndarray, slope: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Return calibrated probabilities, float32, for raw ones 0..1: Platt scaling of the logit."""
    raw = np.clip(raw, HALF_STEP, 1 - HALF_STEP)
    return (1 / (1 + np.exp(-(slope * np.log(raw / (1 - raw)) + offset)))).astype(np.float32)


class Classifier:
    """A model as its card describes it; use it from one thread.

    wanted: names of the attributes to tell; none named means all. `card` then has these alone, and
    of the others nothing leaves the network's own output, which the next face overwrites.
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
        self.network = Network(content, whole.file, MEND, threads, delegates)
        self._check(whole, card_path)
        self.card = whole.of(chosen_attributes(wanted, whole.names))
        self.template = np.array(whole.template)  # float64 (4, 2): landmarks in the crop, px
        self._columns = [whole.names.index(name) for name in self.card.names]
        self._slope, self._offset = self.card.column("slope"), self.card.column("offset")

    def _check(self, card: ModelCard, card_path: Path | str) -> None:
        width, height = card.crop_wh
        found = (self.network.input_shape, *self.network.output_shapes)
        needed = ((1, height, width, 3), (1, len(card.attributes)))
        if found != needed or self.network.input_dtype != np.uint8:
            raise ModelError(
                f"{card.file} does not match {card_path}: it takes "
                f"{np.dtype(self.network.input_dtype).name} {found[0]} and gives {found[1:]}, the "
                f"card says uint8 {needed[0]} and {needed[1:]}",
                "Convert the model again: python -m train.convert RUN --out models/",
            )

    def crop(self, frame_bgr: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        """Return the face's crop, uint8 (h, w, 3) in R, G, B; AlignError if there is none."""
        return self.cut(frame_bgr, landmark_matrix(landmarks, self.template))

    def cut(self, frame_bgr: np.ndarray, matrix: np.ndarray) -> np.ndarray:
        """Return the same by the (2, 3) matrix from the frame to the crop."""
        return cv2.cvtColor(cut(frame_bgr, matrix, self.card.crop_wh), cv2.COLOR_BGR2RGB)

    def classify(self, crop_rgb: np.ndarray) -> np.ndarray:
        """Return the card's calibrated probabilities, float32 (attributes,), for one RGB crop."""
        return calibrated(self.raw(crop_rgb)[self._columns], self._slope, self._offset)

    def raw(self, crop_rgb: np.ndarray) -> np.ndarray:
        """Return the network's own outputs, float32 (outputs,), wanted or not, uncalibrated."""
        return self.network.run(crop_rgb[np.newaxis])[0][0]
