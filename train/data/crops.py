"""Crop aligned photos exactly as the device crops faces, and prepare others for the detector."""

from pathlib import Path

import cv2
import numpy as np

from device.camera.image_io import read_photo
from device.faces.align import celeba_matrix, warp_crop


def read_crop(path: Path, crop_wh: tuple[int, int]) -> np.ndarray:
    """Return the crop of an aligned photo of any size, uint8 (crop_h, crop_w, 3) RGB, contiguous.

    Raises PhotoError if the photo cannot be read.
    """
    photo = read_photo(path)
    matrix = celeba_matrix((photo.shape[1], photo.shape[0]), crop_wh)
    return np.ascontiguousarray(warp_crop(photo, matrix, crop_wh)[:, :, ::-1])


def with_border(photo: np.ndarray) -> np.ndarray:
    """Return a photo that ends at the face with the background around it that the detector needs.

    photo: uint8 (H, W, channels). Its edge pixels are repeated, a quarter of its longer side wide.
    """
    side = max(photo.shape[:2]) // 4
    return cv2.copyMakeBorder(photo, side, side, side, side, cv2.BORDER_REPLICATE)
