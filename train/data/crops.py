"""Crop aligned photos exactly as the device crops faces."""

from pathlib import Path

import numpy as np

from device.camera.photo import read_photo
from device.faces.align import cut, frame_matrix


def read_crop(path: Path, crop_wh: tuple[int, int]) -> np.ndarray:
    """Return the crop of an aligned photo of any size, uint8 (crop_h, crop_w, 3) RGB, contiguous.

    Raises PhotoError if the photo cannot be read.
    """
    photo = read_photo(path)
    matrix = frame_matrix((photo.shape[1], photo.shape[0]), crop_wh)
    return np.ascontiguousarray(cut(photo, matrix, crop_wh)[:, :, ::-1])
