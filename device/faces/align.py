"""Crop a face as the classifier was trained on it: upright and to scale.

Points are (x, y) pixels with (0, 0) the centre of the top-left pixel, as in OpenCV. "Left" is the
viewer's left. The crop is CelebA's official 178x218 frame, scaled to the crop's height and cropped
at the sides. Training photos are already aligned and take `celeba_matrix`, camera pictures take
`landmark_matrix`; both go through the same `warp_crop`.
"""

import functools
import math
from dataclasses import dataclass

import cv2
import numpy as np

from ..errors import FacetError
from ..types import Image

FRAME_WH = (178, 218)  # px: CelebA's aligned frame

# Where the detector sees the points in official aligned photos, px of the 178x218 frame: the
# viewer's left eye, right eye, nose tip, mouth centre. Medians over photos (blueprint, section 3).
FRAME_LANDMARKS = np.array([(69.0, 113.2), (108.2, 113.2), (88.1, 137.6), (88.4, 156.5)])

BAND = 8 << 20  # bytes of a large picture that are reduced at a time, as its halves need memory
MIN_EYES_PX = 4.0  # closer than this the points say nothing about the face's tilt


class AlignError(FacetError, ValueError):
    """These landmarks give no usable crop."""


def celeba_matrix(photo_wh: tuple[int, int], crop_wh: tuple[int, int]) -> np.ndarray:
    """Return the (2, 3) float64 matrix from an aligned photo of any size to the crop.

    The photo holds the whole 178x218 frame. The frame's height becomes the crop's height; what
    is left over or missing at the sides is shared between them.
    """
    scale = crop_wh[1] / FRAME_WH[1]
    matrix = np.zeros((2, 3))
    for axis in (0, 1):
        step = scale * FRAME_WH[axis] / photo_wh[axis]
        start = (crop_wh[axis] - scale * FRAME_WH[axis]) / 2
        # Half pixels: edges, not centres, must meet when a picture is resized.
        matrix[axis, axis], matrix[axis, 2] = step, start + step / 2 - 0.5
    return matrix


def crop_template(crop_wh: tuple[int, int]) -> np.ndarray:
    """Return the (4, 2) float64 places of the landmarks in the crop, px."""
    matrix = celeba_matrix(FRAME_WH, crop_wh)
    return FRAME_LANDMARKS @ matrix[:, :2].T + matrix[:, 2]


def landmark_matrix(landmarks: np.ndarray, template: np.ndarray) -> np.ndarray:
    """Return the (2, 3) similarity that takes a face's (4, 2) landmarks onto the template.

    Raises AlignError if the landmarks are malformed or the eyes are under MIN_EYES_PX apart.
    """
    points = np.asarray(landmarks, np.float64)
    if points.shape != template.shape or not np.isfinite(points).all():
        raise AlignError(
            f"need {len(template)} finite (x, y) landmarks, got {points.tolist()}",
            "landmarks of a detection, in the order of the template",
        )
    eyes_px = math.dist(points[0], points[1])
    if eyes_px < MIN_EYES_PX:
        raise AlignError(
            f"eyes {eyes_px:.1f} px apart, need {MIN_EYES_PX:.0f}", "a larger picture of the face"
        )
    return fit_similarity(points, template)


@dataclass(frozen=True)
class CropGeometry:
    """Where the crop of a model lies: its size and the landmarks' places in it."""

    size_wh: tuple[int, int]  # px
    template: tuple[tuple[float, float], ...]  # px of the crop: the four landmarks

    @functools.cached_property
    def template_array(self) -> np.ndarray:
        """The template as float64 (4, 2)."""
        return np.array(self.template)

    def matrix(self, landmarks: np.ndarray) -> np.ndarray:
        """Return the (2, 3) matrix from the picture to the crop; AlignError if there is none."""
        return landmark_matrix(landmarks, self.template_array)

    def crop(self, picture_bgr: Image, landmarks: np.ndarray) -> Image:
        """Return a face's crop, uint8 (h, w, 3) RGB; AlignError as for `landmark_matrix`."""
        return self.warp(picture_bgr, self.matrix(landmarks))

    def warp(self, picture_bgr: Image, matrix: np.ndarray) -> Image:
        """Return the crop, uint8 (h, w, 3) RGB, by the (2, 3) matrix from picture to crop."""
        return cv2.cvtColor(warp_crop(picture_bgr, matrix, self.size_wh), cv2.COLOR_BGR2RGB)


# CelebA's aligned photo itself, as a crop.
CELEBA_FRAME = CropGeometry(FRAME_WH, tuple((float(x), float(y)) for x, y in FRAME_LANDMARKS))


def fit_similarity(src: np.ndarray, dst: np.ndarray) -> np.ndarray:
    """Return the (2, 3) rotate-scale-shift matrix taking (N, 2) src to dst, least squares.

    Source: Umeyama (1991), without reflection; with each point as one complex number it is the
    straight-line fit dst = a * src + b. Not cv2.estimateAffinePartial2D, whose default (RANSAC)
    may discard one of only four points.
    """
    p, q = src @ (1, 1j), dst @ (1, 1j)
    dp = p - p.mean()
    a = np.vdot(dp, q - q.mean()) / np.vdot(dp, dp).real
    b = q.mean() - a * p.mean()
    return np.array([(a.real, -a.imag, b.real), (a.imag, a.real, b.imag)])


def warp_crop(picture: np.ndarray, matrix: np.ndarray, crop_wh: tuple[int, int]) -> np.ndarray:
    """Return the crop, uint8 (crop_h, crop_w, channels), in the picture's own channel order.

    picture: uint8 (H, W, channels), not modified. matrix: (2, 3), picture px to crop px.
    Outside the picture its edge pixels are repeated.
    """
    scale = math.sqrt(abs(matrix[0, 0] * matrix[1, 1] - matrix[0, 1] * matrix[1, 0]))
    if scale < 0.5:
        picture, matrix = _shrink(picture, matrix, crop_wh, scale)
    return cv2.warpAffine(
        picture, matrix, crop_wh, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


def downsample(picture: np.ndarray, scale: float) -> np.ndarray:
    """Return a picture reduced by 2x2 means until it is at most twice as large as `scale` asks.

    Bilinear sampling of the rest skips no pixel, and both together are six times as fast as
    averaging by any other factor.
    """
    halvings, side = 0, min(picture.shape[:2])
    while scale <= 0.5 and side >> halvings >= 2:
        halvings, scale = halvings + 1, 2 * scale
    height, width = (length >> halvings for length in picture.shape[:2])
    if halvings < 2 or picture.nbytes <= BAND:
        return _halved(picture, halvings)
    small = np.empty((height, width, *picture.shape[2:]), picture.dtype)
    rows = max(1, BAND // (picture[: 1 << halvings].nbytes))
    for top in range(0, height, rows):
        band = picture[top << halvings : min(top + rows, height) << halvings]
        small[top : top + rows] = _halved(band, halvings)
    return small


def _halved(picture: np.ndarray, times: int) -> np.ndarray:
    for _ in range(times):
        height, width = (side // 2 for side in picture.shape[:2])
        even = picture[: 2 * height, : 2 * width]
        picture = cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA)
    return picture


def _shrink(
    picture: Image, matrix: np.ndarray, crop_wh: tuple[int, int], scale: float
) -> tuple[Image, np.ndarray]:
    """Downsample the face's surroundings; return them and the matrix from there to the crop."""
    inverse = cv2.invertAffineTransform(matrix)
    w, h = crop_wh
    corners = np.array([(0, 0), (w, 0), (w, h), (0, h)]) @ inverse[:, :2].T + inverse[:, 2]
    height, width = picture.shape[:2]
    limit, border = (width - 1, height - 1), math.ceil(2 / scale)
    left, top = np.clip(np.floor(corners.min(0)).astype(int) - border, 0, limit)
    right, bottom = np.clip(np.ceil(corners.max(0)).astype(int) + border, (left, top), limit) + 1
    region = picture[top:bottom, left:right]
    small = downsample(region, scale)
    # Odd sides lose at most a pixel of border; the factor is the same on both axes unless a side
    # of one pixel was left.
    factor = 2 ** round(math.log2(max(region.shape[:2]) / max(small.shape[:2])))
    # picture = factor * small + (factor - 1) / 2 + offset, pixel centres.
    to_picture = np.array(
        [(factor, 0, (factor - 1) / 2 + left), (0, factor, (factor - 1) / 2 + top)]
    )
    combined = matrix[:, :2] @ to_picture
    combined[:, 2] += matrix[:, 2]
    return small, combined
