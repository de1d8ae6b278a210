"""Estimate a face's skin tone for its emoji: one of five Fitzpatrick types.

Colours are measured on cheeks, nose and forehead, at fixed places of the crop. One photo does not
separate the light from the skin, so the features include differences to the lips and to the
brightest part of eyes and mouth, which is near white in every face. Fitzpatrick's types depend on
hair too, so pale skin and hair colours are features; the face's shape is not.
`python -m train.tools.skin_tone` fits the parameters in skin_tone.json.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ..errors import ModelError, one_line
from ..files import read_json
from ..numeric import logit
from ..resources import restore_hint

BANDS = (2, 3, 4, 5, 6)  # Fitzpatrick types; emoji have one tone for 1 and 2
FITTED = Path(__file__).parent / "skin_tone.json"
COLOURS = (
    *("skin L", "skin a", "skin b", "skin chroma", "skin ITA"),
    *("skin - eye L", "skin - eye a", "skin - eye b"),
    *("skin - mouth L", "skin - mouth a", "skin - mouth b"),
    *("skin - lips L", "skin - lips a", "skin - lips b"),
    *("shadow L", "light L"),
)
ATTRIBUTES = ("Pale_Skin", "Black_Hair", "Blond_Hair", "Brown_Hair")
FEATURES = (*COLOURS, *ATTRIBUTES)

# Centres of the patches: sideways from the nose and down from the eyes, in eye distances.
SKIN_AT = ((-0.54, 0.6), (0.56, 0.6), (0.0, 0.35), (0.0, -0.6))
SKIN_HALF, EYE_HALF, MOUTH_HALF = 0.22, 0.2, 0.25  # half a patch's side, eye distances


@dataclass(frozen=True)
class SkinTone:
    """Probabilities of BANDS, in their order; they sum to 1."""

    probabilities: tuple[float, ...]

    @property
    def band(self) -> int:
        """The median type, 2 (light) to 6 (dark): it has the smallest expected error."""
        return BANDS[int(median(np.array(self.probabilities)))]

    @property
    def confidence(self) -> float:
        """The probability of `band`, 0..1."""
        return self.probabilities[BANDS.index(self.band)]


def median(probabilities: np.ndarray) -> np.ndarray:
    """Return the index of the median along the last axis; probabilities sum to 1 there."""
    return np.sum(np.cumsum(probabilities, axis=-1) < 0.5, axis=-1)


def features(
    crop_rgb: np.ndarray, template: np.ndarray, names: Sequence[str], probabilities: np.ndarray
) -> np.ndarray:
    """Return a face's FEATURES, float64 (20,).

    crop_rgb: uint8 (h, w, 3). template: (4, 2), places of the landmarks in the crop, px. names and
    probabilities: of the classified attributes. Colours are CIELAB; the log-odds of ATTRIBUTES that
    are not classified are NaN.
    """
    eyes_px = float(template[1, 0] - template[0, 0])
    origin = np.array([template[2, 0], template[:2, 1].mean()])
    skin = np.concatenate(
        [
            lab_patch(crop_rgb, origin + eyes_px * np.array(at), SKIN_HALF * eyes_px)
            for at in SKIN_AT
        ]
    )
    skin = skin[np.argsort(skin[:, 0], kind="stable")]
    # Without hair and shadow, which are darker, and highlights, which are lighter.
    colour = np.median(skin[int(0.3 * len(skin)) : int(0.8 * len(skin))], axis=0)
    eyes = np.concatenate([lab_patch(crop_rgb, eye, EYE_HALF * eyes_px) for eye in template[:2]])
    mouth = lab_patch(crop_rgb, template[3], MOUTH_HALF * eyes_px)
    shadow, light = np.percentile(skin[:, 0], (10, 90)) - np.median(skin[:, 0])
    known = dict(zip(names, probabilities, strict=True))
    values = np.array([known.get(name, np.nan) for name in ATTRIBUTES])
    return np.array(
        [
            *(*colour, np.hypot(colour[1], colour[2]), typology_angle(colour)),
            *(colour - _brightest(eyes)),
            *(colour - _brightest(mouth)),
            *(colour - np.median(mouth, axis=0)),
            *(shadow, light),
            *logit(values),
        ]
    )


def typology_angle(lab: np.ndarray) -> float:
    """Return the individual typology angle of a CIELAB colour (3,), degrees; light skin is high.

    Source: Chardon et al. (1991), dermatology's measure of skin colour.
    """
    return float(np.degrees(np.arctan2(lab[0] - 50, lab[2])))


def lab_patch(crop_rgb: np.ndarray, centre: np.ndarray, half: float) -> np.ndarray:
    """Return the CIELAB colours of a square, float32 (n, 3); at least one pixel.

    crop_rgb: uint8 (h, w, 3). centre: (2,) px. half: half of the square's side, px.
    """
    height, width = crop_rgb.shape[:2]
    left, top = np.clip((centre - half).astype(int), 0, (width - 1, height - 1))
    right, bottom = np.clip((centre + half).astype(int), (left + 1, top + 1), (width, height))
    square = crop_rgb[top:bottom, left:right].astype(np.float32) / 255
    return cv2.cvtColor(square, cv2.COLOR_RGB2LAB).reshape(-1, 3)


def _brightest(lab: np.ndarray) -> np.ndarray:
    """Return the mean colour of the lightest 5 %."""
    return lab[lab[:, 0] >= np.percentile(lab[:, 0], 95)].mean(axis=0)


def clip_outliers(standard: np.ndarray) -> np.ndarray:
    """Return standardized features clipped to -2..2: sunglasses would be extremely dark eyes."""
    return np.clip(standard, -2, 2)


class SkinModel:
    """A multinomial logistic regression on FEATURES.

    Raises ModelError if its file is missing, malformed or fitted to other features.
    """

    def __init__(self, path: Path = FITTED):
        try:
            record = read_json(path)
            self._mean, self._scale, self._weights, self._bias = (
                np.array(record[key], np.float64) for key in ("mean", "scale", "weights", "bias")
            )
            shapes = [array.shape for array in (self._mean, self._scale, self._weights, self._bias)]
            count, bands = len(FEATURES), len(BANDS)
            if tuple(record["features"]) != FEATURES or tuple(record["bands"]) != BANDS:
                raise ValueError("it was fitted to other features or types")
            if shapes != [(count,), (count,), (bands, count), (bands,)]:
                raise ValueError(f"shapes {shapes}")
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise ModelError(
                f"the skin tone model {path} cannot be used: {one_line(error)}",
                restore_hint("device/emoji/"),
            ) from error

    def predict(self, values: np.ndarray) -> SkinTone:
        """Return the skin tone of FEATURES, float64 (20,); NaN counts as the mean."""
        standard = clip_outliers(np.nan_to_num((values - self._mean) / self._scale))
        scores = self._weights @ standard + self._bias
        exponentials = np.exp(scores - scores.max())
        return SkinTone(tuple((exponentials / exponentials.sum()).tolist()))
