"""Measure a face's quality: how far it is turned, and how much detail it shows."""

import math

import cv2
import numpy as np

from ..types import Image
from .align import landmark_matrix

# Sigmas of the Gaussians between which a face's detail lies, as shares of the crop's height:
# coarser than a sensor's noise, finer than the shapes that a blurred face keeps.
FINE, COARSE = 0.8 / 160, 2.5 / 160


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
    height, width = crop_rgb.shape[:2]
    inner = crop_rgb[height // 4 : height * 15 // 16, width * 3 // 16 : width * 13 // 16]
    grey = cv2.cvtColor(inner, cv2.COLOR_RGB2GRAY).astype(np.float32)
    fine_blur = cv2.GaussianBlur(grey, (0, 0), FINE * height)
    detail = cv2.subtract(fine_blur, cv2.GaussianBlur(grey, (0, 0), COARSE * height))
    (contrast,), (fine,) = cv2.meanStdDev(grey)[1][0], cv2.meanStdDev(detail)[1][0]
    return float(fine / contrast) if contrast > 1 else 0.0
