"""Align one's own photos: the largest face of each, as CelebA aligns it."""

import csv
import io
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
from tqdm import tqdm

from device.analyzer import FaceAnalyzer, largest
from device.camera.image_io import PhotoError, read_photo
from device.camera.photo_files import photos_in
from device.errors import UsageError
from device.faces.align import CELEBA_FRAME, FRAME_WH, AlignError, warp_crop
from device.faces.blazeface import BlazeFace
from device.faces.quality_gate import NO_LIMITS
from device.log import log
from device.text import counted
from train.data.own_labels import LABELS, LabelledPhoto, OwnLabels, shortened
from train.data.own_photos import digest, in_splits, log_faults, no_photo_error, reason_of
from train.data.split import Dataset

# Endings of formats that OpenCV writes in colour; the faces of the others become JPEGs.
WRITTEN_ENDINGS = {".jpg", ".jpeg", ".jpe", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm"}


@dataclass(frozen=True)
class AlignedPhotos:
    """What became of a folder's labelled photos."""

    data: Dataset  # of the aligned faces; `skipped` has the photos without one
    written: int
    missed: int


def aligned(photo_bgr: np.ndarray, analyzer: FaceAnalyzer) -> tuple[np.ndarray, int]:
    """Return the largest face as CelebA aligns it, uint8 (218, 178, 3) BGR, and how many there are.

    Raises AlignError without a face.
    """
    faces = analyzer.analyze(photo_bgr)
    face = largest(faces)
    if face is None:
        raise AlignError("no face", "a photo from nearer, with more light")
    return warp_crop(photo_bgr, CELEBA_FRAME.matrix(face.landmarks), FRAME_WH), len(faces)


def align_photos(labels: OwnLabels, out: Path) -> AlignedPhotos:
    """Write each labelled photo's face to `out`, and the labels of a table; see `target_names`.

    Photos are decoded once; those that cannot be read, have no face or several are logged. Raises
    UsageError if `out` already has photos or is in the photos' folder, DataError if no photo can be
    read, OSError if `out` cannot be written.
    """
    _check_out(labels.root, out)
    analyzer = FaceAnalyzer(BlazeFace("back", threads=2), NO_LIMITS, geometry=CELEBA_FRAME)
    targets = target_names(photo.file for photo in labels.photos)
    written: list[LabelledPhoto] = []
    digests: dict[str, bytes] = {}
    faults: dict[str, PhotoError] = {}
    faceless, several = [], []
    for photo in tqdm(labels.photos, desc="faces", unit="photo", mininterval=1):
        try:
            face, count = aligned(read_photo(labels.root / photo.file), analyzer)
        except PhotoError as error:
            faults[photo.file] = error
            continue
        except AlignError:
            faceless.append(photo.file)
            continue
        if count > 1:
            several.append(f"{photo.file} ({count})")
        target = targets[photo.file]
        _write(out / target, face)
        digests[target] = digest(face)
        written.append(replace(photo, file=target))
    if len(faults) == len(labels.photos):
        raise no_photo_error(labels, faults)
    _log_faces(faceless, several)
    log_faults(faults)
    _write_table(replace(labels, photos=tuple(written)), out)
    reasons = {file: reason_of(error) for file, error in faults.items()}
    skipped = labels.skipped | reasons | dict.fromkeys(faceless, "has no face")
    kept = replace(labels, root=out, photos=tuple(written), skipped=skipped)
    return AlignedPhotos(in_splits(kept, digests), len(written), len(faults) + len(faceless))


def target_names(files: Iterable[str]) -> dict[str, str]:
    """Return {photo: the name of its face}: the same, or one with .jpg that no other has."""
    files = list(files)
    taken = {file.casefold() for file in files}
    targets = {}
    for file in files:
        path = PurePosixPath(file)
        targets[file] = file
        if path.suffix.lower() not in WRITTEN_ENDINGS:
            short = str(path.with_suffix(".jpg"))
            targets[file] = f"{file}.jpg" if short.casefold() in taken else short
            taken.add(targets[file].casefold())
    return targets


def _check_out(root: Path, out: Path) -> None:
    if out.resolve().is_relative_to(root.resolve()):
        raise UsageError(f"{out} is in the folder of the photos", "another --out")
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file", "another --out")
    if out.is_dir() and photos_in(out, recursive=True):
        raise UsageError(f"{out} already has photos", "another --out")


def _write(path: Path, face: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    _, content = cv2.imencode(path.suffix, face)
    path.write_bytes(content.tobytes())


def _write_table(labels: OwnLabels, out: Path) -> None:
    """Write the table of the faces, if the photos had one."""
    if not labels.columns:
        return
    extra = [name for name in ("split", "person") if any(getattr(p, name) for p in labels.photos)]
    content = io.StringIO()
    writer = csv.writer(content, lineterminator="\n")
    writer.writerow(["file", *labels.columns, *extra])
    for photo in labels.photos:
        writer.writerow([photo.file, *photo.cells, *(getattr(photo, name) for name in extra)])
    out.mkdir(parents=True, exist_ok=True)
    (out / LABELS).write_bytes(os.fsencode(content.getvalue()))


def _log_faces(faceless: list[str], several: list[str]) -> None:
    if faceless:
        log.info(
            f"{counted(len(faceless), 'photo')} left out: no face ({shortened(faceless)}). "
            "Try: photos from nearer, with more light"
        )
    if several:
        log.info(
            f"{counted(len(several), 'photo')} with several faces, of which the largest is taken: "
            f"{shortened(several)}"
        )
