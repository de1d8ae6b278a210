"""Augment training crops as a room camera varies faces.

One warp does rotation, shift, zoom, flip and the crop itself. Loss of resolution and sensor noise
follow, the noise at the reduced size; brightness and contrast are one look-up table. All of it
works on bytes 0..255, before the model's own scaling.
"""

from typing import Annotated

import cv2
import numpy as np

from device.config import Table, about
from device.errors import UsageError
from device.faces.align import warp_crop

SHARE = (0, 1)
LARGEST_ZOOM = 0.9


# fmt: off
# Tables: a setting in a few lines, not ten.
class Augmentation(Table, frozen=True):
    """Strength of each augmentation, drawn evenly up to the largest value for each photo.

    Too weak: poor on camera images; too strong: underfits.
    """

    rotation_deg: Annotated[float, about(
        "largest rotation, either way", "degrees", (0, 180),
    )] = 12.0
    shift: Annotated[float, about("largest shift, share of the crop's side", "", SHARE)] = 0.05
    zoom: Annotated[float, about(
        "largest change of size: 0.1 is a factor from 0.9 to 1.1", "", (0, LARGEST_ZOOM),
    )] = 0.10
    flip: Annotated[float, about("probability of a flip, left to right", "", SHARE)] = 0.5
    brightness: Annotated[float, about(
        "largest change of brightness, share of full scale", "", SHARE,
    )] = 0.15
    contrast: Annotated[float, about(
        "largest change of contrast: 0.25 is a factor from 0.75 to 1.25", "", SHARE,
    )] = 0.25
    low_resolution: Annotated[float, about(
        "probability of a loss of resolution, as of distant faces", "", SHARE,
    )] = 0.35
    low_resolution_most: Annotated[float, about(
        "largest factor of the loss of resolution", "", (0, 32),
    )] = 4.0
    noise: Annotated[float, about("probability of sensor noise", "", SHARE)] = 0.5
    noise_most: Annotated[float, about(
        "largest standard deviation of the noise", "of 255", (0, 255),
    )] = 8.0
    mixup: Annotated[float, about(
        "largest share of another photo that is blended in", "", (0, 0.5), flag="--mixup SHARE",
    )] = 0.0
    misaligned: Annotated[float, about(
        "probability of a crop as by wrong landmarks: rotation, shift and zoom up to "
        "misaligned_most times as large", "", SHARE,
    )] = 0.0
    misaligned_most: Annotated[float, about(
        "largest factor of rotation, shift and zoom of such a crop", "", (1, 8),
    )] = 2.0
    # fmt: on

    def check(self, origin: str) -> None:
        if self.low_resolution and self.low_resolution_most < 1:
            raise UsageError(
                f"{origin} low_resolution_most = {self.low_resolution_most}, need at least 1 with "
                "low_resolution",
                "low_resolution_most = 4.0",
            )
        if self.misaligned and self.zoom * self.misaligned_most > LARGEST_ZOOM:
            raise UsageError(
                f"{origin} zoom = {self.zoom} times misaligned_most = {self.misaligned_most}, need "
                f"at most {LARGEST_ZOOM}",
                "zoom = 0.1",
            )

    def matrix(self, rng: np.random.Generator, crop_wh: tuple[int, int]) -> np.ndarray:
        """Return a random (3, 3) transform of the crop about its centre, in crop px."""
        size = np.array(crop_wh, float)
        factor = 1.0
        if self.misaligned and rng.random() < self.misaligned:
            factor = rng.uniform(1, self.misaligned_most)
        angle = np.radians(factor * rng.uniform(-self.rotation_deg, self.rotation_deg))
        zoom = 1 + factor * rng.uniform(-self.zoom, self.zoom)
        mirror = -1.0 if rng.random() < self.flip else 1.0
        cos, sin = zoom * np.cos(angle), zoom * np.sin(angle)
        transform = np.eye(3)
        transform[:2, :2] = [(mirror * cos, -mirror * sin), (sin, cos)]
        centre = (size - 1) / 2
        shift = factor * rng.uniform(-self.shift, self.shift, 2)
        transform[:2, 2] = centre + shift * size
        transform[:2, 2] -= transform[:2, :2] @ centre
        return transform

    def degrade(self, crop: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return the crop, uint8, with random brightness, contrast, resolution and noise."""
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
            # Before the crop is enlarged: the noise of a small face is enlarged with it.
            sigma = np.float32(rng.uniform(0, self.noise_most))
            noise = sigma * rng.standard_normal(crop.shape[:2], np.float32)
            crop = cv2.add(crop, cv2.merge((noise, noise, noise)), dtype=cv2.CV_8U)
        if factor > 1:
            crop = cv2.resize(crop, (width, height), interpolation=cv2.INTER_LINEAR)
        return cv2.LUT(crop, np.clip(table, 0, 255).astype(np.uint8))


def augment(
    photo_bgr: np.ndarray,
    matrix: np.ndarray,
    crop_wh: tuple[int, int],
    augmentation: Augmentation,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return one augmented crop, uint8 (crop_h, crop_w, 3) BGR.

    matrix: (2, 3), from the photo to the crop without augmentation.
    """
    transform = augmentation.matrix(rng, crop_wh) @ np.vstack([matrix, (0, 0, 1)])
    return augmentation.degrade(warp_crop(photo_bgr, transform[:2], crop_wh), rng)


def mixup(
    crops: np.ndarray, labels: np.ndarray, max_share: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return crops, uint8 (N, h, w, 3), blended with other crops of the batch, and their labels.

    labels: float32 (N, attributes), 0..1, or -1 for an unknown one; the mix of an unknown label is
    unknown. max_share: largest share of the other crop, 0..1. Source: Zhang et al. (2018), mixup:
    Beyond Empirical Risk Minimization.
    """
    partners = rng.permutation(len(crops))
    shares = rng.uniform(0, max_share, len(crops)).astype(np.float32)
    blended = [
        cv2.addWeighted(crop, 1 - float(share), crops[partner], float(share), 0)
        for crop, partner, share in zip(crops, partners, shares, strict=True)
    ]
    shares, others = shares[:, np.newaxis], labels[partners]
    mixed = (1 - shares) * labels + shares * others
    unknown = (labels < 0) | (others < 0)
    return np.stack(blended), np.where(unknown, np.float32(-1), mixed)
