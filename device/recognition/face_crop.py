"""Crop a face as the recognition network was trained on it.

dlib aligns faces by five landmarks of its own. The detector's four do slightly better and need no
second network: docs/experiments/ablation.md.
"""

import cv2
import numpy as np

from ..faces.align import landmark_matrix, warp_crop
from ..types import Image
from .embedding import CROP_PX

# Where the detector's landmarks lie in dlib's own crops (padding 0.25, five-point landmarks), px:
# medians over CelebA's validation photos, made symmetric.
ALIGNMENT_TEMPLATE = np.array([(46.4, 46.4), (101.6, 46.4), (74.0, 80.1), (74.0, 107.5)])


def face_crop(picture_bgr: Image, landmarks: np.ndarray) -> Image:
    """Return the network's crop of a face, uint8 (150, 150, 3) RGB.

    picture_bgr: uint8 (H, W, 3). landmarks: (4, 2) px. Raises AlignError if they are malformed or
    the eyes are under 4 px apart.
    """
    matrix = landmark_matrix(landmarks, ALIGNMENT_TEMPLATE)
    crop_bgr = warp_crop(picture_bgr, matrix, (CROP_PX, CROP_PX))
    return cv2.cvtColor(crop_bgr, cv2.COLOR_BGR2RGB)
