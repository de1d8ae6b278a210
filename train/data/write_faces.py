"""Write the largest face of each photo of a data set, as CelebA aligns it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from device.analyzer import FaceAnalyzer
from device.camera.image_io import PhotoError, read_photo
from device.faces.align import CELEBA_FRAME, AlignError
from device.faces.blazeface import BlazeFace
from device.faces.quality_gate import NO_LIMITS
from device.log import log
from train.data.align_photos import aligned


@dataclass(frozen=True)
class WrittenFaces:
    """The faces that were written, and how many photos have none or cannot be read."""

    names: dict[Path, str]  # photo -> its face's file
    skipped: int

    @property
    def written(self) -> int:
        """How many faces were written."""
        return len(self.names)


def write_faces(
    photos: Sequence[Path],
    folder: Path,
    quality: int,
    prepare: Callable[[np.ndarray], np.ndarray] = lambda photo_bgr: photo_bgr,
) -> WrittenFaces:
    """Write each photo's largest face to an existing folder, as a JPEG of 178x218 px, NAME.jpg.

    quality: of the JPEGs, 0..100. prepare: applied to each photo, uint8 (h, w, 3) BGR, before its
    face is searched. The log names each photo that is left out. Raises OSError if the folder cannot
    be written.
    """
    analyzer = FaceAnalyzer(BlazeFace("back", threads=2), NO_LIMITS, geometry=CELEBA_FRAME)
    names = {}
    for photo in tqdm(photos, desc="faces", unit="photo", mininterval=1):
        try:
            face, _ = aligned(prepare(read_photo(photo)), analyzer)
        except (PhotoError, AlignError) as error:
            log.info(f"left out: {photo}: {error}")
            continue
        names[photo] = f"{photo.stem}.jpg"
        _, content = cv2.imencode(".jpg", face, (cv2.IMWRITE_JPEG_QUALITY, quality))
        (folder / names[photo]).write_bytes(content.tobytes())
    return WrittenFaces(names, len(photos) - len(names))
