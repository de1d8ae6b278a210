"""Vary a training photo the way a room camera varies a face, around the crop the device makes.

One warp does rotation, shift, zoom, flip and the crop itself; then detail is lost and a sensor's
noise comes in, at the size the camera saw; brightness and contrast are one look-up table. All on
bytes 0..255, before the model's own scaling, so nothing can clip unseen.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from device.faces.align import cut


@dataclass(frozen=True)
class Augmentation:
    """How far each variation goes. Too little: brittle on cameras; too much: blunt on faces."""

    rotation_deg: float = 12.0  # uniform in +-
    shift: float = 0.05  # of the crop's side, uniform in +-
    zoom: float = 0.10  # uniform in +-, as a factor 1 +- zoom
    flip: float = 0.5  # probability
    brightness: float = 0.15  # of full scale, uniform in +-
    contrast: float = 0.25  # uniform in +-, as a factor 1 +- contrast around mid-grey
    low_resolution: float = 0.35  # probability of losing detail, as far faces do
    low_resolution_most: float = 4.0  # the largest factor of that loss
    noise: float = 0.5  # probability of a sensor's noise
    noise_most: float = 8.0  # its largest standard deviation, bytes
    mix: float = 0.0  # the largest share of another photo, uniform in 0..mix (mixup); 0 = none

    def matrix(self, rng: np.random.Generator, crop_wh: tuple[int, int]) -> np.ndarray:
        """Return a random (3, 3) move of the crop, about its centre, in crop px."""
        size = np.array(crop_wh, float)
        angle = np.radians(rng.uniform(-self.rotation_deg, self.rotation_deg))
        zoom = 1 + rng.uniform(-self.zoom, self.zoom)
        mirror = -1.0 if rng.random() < self.flip else 1.0
        cos, sin = zoom * np.cos(angle), zoom * np.sin(angle)
        move = np.eye(3)
        move[:2, :2] = [(mirror * cos, -mirror * sin), (sin, cos)]
        centre = (size - 1) / 2
        move[:2, 2] = centre + rng.uniform(-self.shift, self.shift, 2) * size
        move[:2, 2] -= move[:2, :2] @ centre
        return move

    def light(self, crop: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return the crop, uint8, with other brightness, contrast, sharpness and noise."""
        contrast = 1 + rng.uniform(-self.contrast, self.contrast)
        offset = 127.5 + 255 * rng.uniform(-self.brightness, self.brightness)
        table = (np.arange(256) - 127.5) * contrast + offset
        height, width = crop.shape[:2]
        factor = 1.0
        if rng.random() < self.low_resolution:
            factor = rng.uniform(1, self.low_resolution_most)
            small = (round(width / factor), round(height / factor))
            crop = cv2.resize(crop, small, interpolation=cv2.INTER_AREA)
        if rng.random() < self.noise:
            # Before the crop grows again: what a camera saw small has its noise grown too.
            sigma = np.float32(rng.uniform(0, self.noise_most))
            noise = sigma * rng.standard_normal(crop.shape[:2], np.float32)
            crop = cv2.add(crop, cv2.merge((noise, noise, noise)), dtype=cv2.CV_8U)
        if factor > 1:
            crop = cv2.resize(crop, (width, height), interpolation=cv2.INTER_LINEAR)
        return cv2.LUT(crop, np.clip(table, 0, 255).astype(np.uint8))


def augmented(
    picture: np.ndarray,
    matrix: np.ndarray,
    crop_wh: tuple[int, int],
    augmentation: Augmentation,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return one varied crop, uint8 (crop_h, crop_w, 3); `matrix` takes the photo to the crop."""
    move = augmentation.matrix(rng, crop_wh) @ np.vstack([matrix, (0, 0, 1)])
    return augmentation.light(cut(picture, move[:2], crop_wh), rng)


def mixed(
    crops: np.ndarray, labels: np.ndarray, most: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return crops, uint8 (N, h, w, 3), each blended with another, and labels, likewise.

    most: the other's largest share, 0..1. Source: Zhang et al. (2018), mixup: Beyond Empirical
    Risk Minimization.
    """
    others = rng.permutation(len(crops))
    shares = rng.uniform(0, most, len(crops)).astype(np.float32)
    blended = [
        cv2.addWeighted(crop, 1 - float(share), crops[other], float(share), 0)
        for crop, other, share in zip(crops, others, shares, strict=True)
    ]
    shares = shares[:, np.newaxis]
    return np.stack(blended), (1 - shares) * labels + shares * labels[others]
