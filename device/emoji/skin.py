"""Tell a face's skin tone: one of five Fitzpatrick bands, for the emoji alone.

Colours are read from cheeks, nose and forehead, whose places in the crop the landmarks give. One
photo does not tell the light from the skin; what helps is the difference to the lips, and to the
brightest part of eyes and mouth, which are near white in everybody. Fitzpatrick's types are defined
by hair as well as skin, so the network's opinion of pale skin and hair colour counts too; no shape
of the face does. The numbers in skin_tone.json are made by `python -m train.skin_tone`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ..errors import ModelError
from ..numeric import logit

BANDS = (2, 3, 4, 5, 6)  # Fitzpatrick types; emoji have one tone for types 1 and 2
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
    """Probabilities of the bands, in their order; they sum to 1."""

    probabilities: tuple[float, ...]

    @property
    def band(self) -> int:
        """The bands' median, 2 (light) to 6 (dark): of all answers the least far off on average."""
        return BANDS[int(median(np.array(self.probabilities)))]

    @property
    def confidence(self) -> float:
        """That band's probability, 0..1."""
        return self.probabilities[BANDS.index(self.band)]


def median(probabilities: np.ndarray) -> np.ndarray:
    """Return the place of the median along the last axis, for probabilities that sum to 1 there."""
    return np.sum(np.cumsum(probabilities, axis=-1) < 0.5, axis=-1)


def features(
    crop_rgb: np.ndarray, template: np.ndarray, names: Sequence[str], probabilities: np.ndarray
) -> np.ndarray:
    """Return a face's FEATURES, float64 (20,).

    crop_rgb: uint8 (h, w, 3). template: (4, 2), where the landmarks lie in it, px. names and
    probabilities: the card's; log-odds of the ATTRIBUTES it lacks are nan. Colours are CIELAB.
    """
    eyes_px = float(template[1, 0] - template[0, 0])
    origin = np.array([template[2, 0], template[:2, 1].mean()])
    skin = np.concatenate(
        [_patch(crop_rgb, origin + eyes_px * np.array(at), SKIN_HALF * eyes_px) for at in SKIN_AT]
    )
    skin = skin[np.argsort(skin[:, 0], kind="stable")]
    # Hair and shadow are darker than the skin, highlights lighter.
    colour = np.median(skin[int(0.3 * len(skin)) : int(0.8 * len(skin))], axis=0)
    eyes = np.concatenate([_patch(crop_rgb, eye, EYE_HALF * eyes_px) for eye in template[:2]])
    mouth = _patch(crop_rgb, template[3], MOUTH_HALF * eyes_px)
    # Individual typology angle (Chardon et al., 1991): dermatology's measure of a skin's colour.
    angle = np.degrees(np.arctan2(colour[0] - 50, colour[2]))
    shadow, light = np.percentile(skin[:, 0], (10, 90)) - np.median(skin[:, 0])
    place = {name: number for number, name in enumerate(names)}
    said = [probabilities[place[one]] if one in place else np.nan for one in ATTRIBUTES]
    return np.array(
        [
            *(*colour, np.hypot(colour[1], colour[2]), angle),
            *(colour - _brightest(eyes)),
            *(colour - _brightest(mouth)),
            *(colour - np.median(mouth, axis=0)),
            *(shadow, light),
            *logit(np.array(said)),
        ]
    )


def _patch(crop_rgb: np.ndarray, centre: np.ndarray, half: float) -> np.ndarray:
    """Return the CIELAB colours of a square, float32 (n, 3); at least one pixel."""
    height, width = crop_rgb.shape[:2]
    left, top = np.clip((centre - half).astype(int), 0, (width - 1, height - 1))
    right, bottom = np.clip((centre + half).astype(int), (left + 1, top + 1), (width, height))
    square = crop_rgb[top:bottom, left:right].astype(np.float32) / 255
    return cv2.cvtColor(square, cv2.COLOR_RGB2LAB).reshape(-1, 3)


def _brightest(lab: np.ndarray) -> np.ndarray:
    """Return the mean colour of the lightest twentieth."""
    return lab[lab[:, 0] >= np.percentile(lab[:, 0], 95)].mean(axis=0)


def tamed(standard: np.ndarray) -> np.ndarray:
    """Return standardised features without outliers: sunglasses are no dark eyes."""
    return np.clip(standard, -2, 2)


class SkinModel:
    """A multinomial logistic model of the FEATURES; ModelError where its file is no such model."""

    def __init__(self, path: Path = FITTED):
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            self._mean, self._scale, self._weights, self._bias = (
                np.array(record[key], np.float64) for key in ("mean", "scale", "weights", "bias")
            )
            shapes = [one.shape for one in (self._mean, self._scale, self._weights, self._bias)]
            count, bands = len(FEATURES), len(BANDS)
            if tuple(record["features"]) != FEATURES or tuple(record["bands"]) != BANDS:
                raise ValueError("it was fitted for other features or bands")
            if shapes != [(count,), (count,), (bands, count), (bands,)]:
                raise ValueError(f"shapes {shapes}")
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise ModelError(
                f"the skin tone model {path} cannot be used: {error}",
                "Restore it: git checkout -- device/emoji/",
            ) from error

    def tell(self, values: np.ndarray) -> SkinTone:
        """Return the skin tone for FEATURES, float64 (20,); nan counts as the mean."""
        standard = tamed(np.nan_to_num((values - self._mean) / self._scale))
        scores = self._weights @ standard + self._bias
        likely = np.exp(scores - scores.max())
        return SkinTone(tuple((likely / likely.sum()).tolist()))
