"""Find near-duplicate photos by a perceptual hash: one photo saved, scaled, cropped or mirrored.

The hash has the signs of the lowest 16x16 frequencies of the grey photo (Zauner, 2010), without
the mean. The usual 8x8 do not separate aligned faces, which all share their lowest frequencies.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

SIDE, FREQUENCIES = 32, 16
BITS = FREQUENCIES**2 - 1
# Chosen by eye on UTKFace's aligned faces: nearly all pairs up to 44 bits and about half of those
# from 45 to 52 are one photo; beyond, nearly none. A leaked photo costs more than a lost one.
MAX_DISTANCE = 52
FLAT = 1e-3  # frequencies below it are rounding errors, as of a photo of one colour
BLOCK = 1024  # photos that are compared at a time
# A mirrored photo has the same frequencies, those of odd columns with the other sign.
MIRROR = np.tile((1, -1), FREQUENCIES**2 // 2)[1:].astype(np.float32)


@dataclass(frozen=True)
class Pair:
    """Two photos that resemble each other, by their places in their lists."""

    first: int
    second: int
    distance: int  # bits that differ, 0..BITS
    mirrored: bool = False  # one left to right


def perceptual_hash(photo_bgr: np.ndarray) -> np.ndarray:
    """Return the hash of a uint8 (H, W, 3) BGR photo of any size, bool (BITS,)."""
    grey = cv2.cvtColor(photo_bgr, cv2.COLOR_BGR2GRAY)
    small = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    return cv2.dct(small)[:FREQUENCIES, :FREQUENCIES].ravel()[1:] > FLAT


def pairs_between(
    first: np.ndarray, second: np.ndarray, distance: int = MAX_DISTANCE
) -> list[Pair]:
    """Return the pairs of photos whose hashes differ in at most `distance` bits, nearest first.

    first, second: bool (photos, BITS).
    """
    return sorted(_close(first, second, distance), key=lambda pair: pair.distance)


def pairs_within(hashes: np.ndarray, distance: int = MAX_DISTANCE) -> list[Pair]:
    """Return the pairs of different photos of one list, each once; as `pairs_between`."""
    pairs = _close(hashes, hashes, distance)
    kept = (pair for pair in pairs if pair.first < pair.second)
    return sorted(kept, key=lambda pair: pair.distance)


def _close(first: np.ndarray, second: np.ndarray, distance: int) -> Iterator[Pair]:
    # Bits as -1 and 1: the product of two hashes is the equal bits less the different ones.
    signs = [np.where(hashes, 1, -1).astype(np.float32) for hashes in (first, second)]
    for start in range(0, len(first), BLOCK):
        block = signs[0][start : start + BLOCK]
        same, mirrored = ((BITS - block @ other.T) / 2 for other in (signs[1], signs[1] * MIRROR))
        nearest = np.minimum(same, mirrored)
        for row, column in np.argwhere(nearest <= distance):
            bits, is_mirrored = nearest[row, column], mirrored[row, column] < same[row, column]
            yield Pair(int(row) + start, int(column), int(bits), bool(is_mirrored))
