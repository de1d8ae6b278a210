"""Measure a face's quality: how far it is turned, its light, and its detail."""

import math

import cv2
import numpy as np

from ..types import Image
from .align import landmark_matrix

# Sigmas of the Gaussians between which a face's detail lies, as shares of the crop's height:
# coarser than a sensor's noise, finer than the shapes that a blurred face keeps.
FINE, COARSE = 0.8 / 160, 2.5 / 160
LIGHTEST = 0.95  # percentile of the pixels that shows how much light there is
BURNT_OUT = 250  # grey level from which a pixel has lost its detail


def pose_error(landmarks: np.ndarray, template: np.ndarray) -> float:
    """Return how far landmarks are from a frontal face's after the best similarity, >= 0.

    landmarks, template: (4, 2) px. Root mean square, in the template's eye distances. A head that
    turns or nods is foreshortened and its nose moves, which no shift, scale or tilt in the picture
    undoes. Raises AlignError if the eyes are a few pixels apart.
    """
    return alignment_residual(landmarks, template, landmark_matrix(landmarks, template))


def alignment_residual(landmarks: np.ndarray, template: np.ndarray, matrix: np.ndarray) -> float:
    """Return the pose error of landmarks whose (2, 3) similarity to the template is known."""
    apart = landmarks @ matrix[:, :2].T + matrix[:, 2] - template
    return math.sqrt(np.square(apart).sum() / len(apart)) / math.dist(template[0], template[1])


def sharpness(crop_rgb: Image) -> float:
    """Return the share of a crop's contrast that is fine detail: 0.2 in a sharp face, 0 in fog.

    crop_rgb: uint8 (h, w, 3). A ratio, so that light and contrast do not count.
    """
    height = crop_rgb.shape[0]
    grey = _inner_grey(crop_rgb).astype(np.float32)
    fine_blur = cv2.GaussianBlur(grey, (0, 0), FINE * height)
    detail = cv2.subtract(fine_blur, cv2.GaussianBlur(grey, (0, 0), COARSE * height))
    (contrast,), (fine,) = cv2.meanStdDev(grey)[1][0], cv2.meanStdDev(detail)[1][0]
    return float(fine / contrast) if contrast > 1 else 0.0


def exposure(crop_rgb: Image) -> tuple[float, float]:
    """Return the brightness of a crop's lightest parts, 0..255, and its burnt-out share, 0..1.

    crop_rgb: uint8 (h, w, 3). The lightest parts, the 95th percentile, show a lack of light in any
    skin: the mean is as low in a dark face that is well lit.
    """
    grey = _inner_grey(crop_rgb)
    counts = cv2.calcHist([grey], [0], None, [256], [0, 256]).cumsum()  # float32, exact
    brightness = int(np.searchsorted(counts, LIGHTEST * counts[-1]))
    return float(brightness), float(1 - counts[BURNT_OUT - 1] / counts[-1])


def _inner_grey(crop_rgb: Image) -> np.ndarray:
    """Return the part of a crop that is face, uint8 grey."""
    height, width = crop_rgb.shape[:2]
    inner = crop_rgb[height // 4 : height * 15 // 16, width * 3 // 16 : width * 13 // 16]
    return cv2.cvtColor(inner, cv2.COLOR_RGB2GRAY)


def tilt_deg(landmarks: np.ndarray) -> float:
    """Return the angle of the eyes, degrees; positive is clockwise, 180 upside down."""
    x, y = (landmarks[1] - landmarks[0]).tolist()
    return math.degrees(math.atan2(y, x))
