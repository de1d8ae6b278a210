"""Cut out a face as the recognition network was trained to see it.

dlib places faces by its own five landmarks; the detector's four do a little better, and need no
second network: train/ABLATION.md.
"""

import cv2
import numpy as np

from ..faces.align import cut, landmark_matrix
from .embedding import SIDE

# Where the detector's landmarks lie in dlib's own chips (padding 0.25, five-point landmarks), px:
# medians over CelebA's validation photos, made symmetric.
PLACES = np.array([(46.4, 46.4), (101.6, 46.4), (74.0, 80.1), (74.0, 107.5)])


def chip(picture_bgr: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Return a face as the network wants it, uint8 (150, 150, 3) in R, G, B.

    picture_bgr: uint8 (H, W, 3). landmarks: (4, 2) px. Raises AlignError where they are malformed
    or the eyes a few pixels apart.
    """
    matrix = landmark_matrix(landmarks, PLACES)
    return cv2.cvtColor(cut(picture_bgr, matrix, (SIDE, SIDE)), cv2.COLOR_BGR2RGB)
