"""Embed CelebA's faces by the device's own path; kept in files, for it takes minutes."""

import csv
import functools
import hashlib
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from device.attributes.classifier import Classifier
from device.camera.image_io import read_photo
from device.faces.align import AlignError
from device.faces.blazeface import BlazeFace
from device.faces.quality_gate import look, quality_limits
from device.recognition.embedding import EMBEDDING_SIZE, MODEL, VERSION, Embedder
from device.recognition.face_crop import face_crop
from device.settings import Settings
from device.types import OK
from train.celeba import CelebA, DataError
from train.measuring.sweep import Scene

CUT = "cut"  # at the face: the detector wants something around it
# A photo, and how it is looked at: as it is, CUT, or so many px wide in a camera's picture.
Work = tuple[Path, float | str | None]
WIDTHS_PX = (96.0, 64.0, 48.0, 40.0, 32.0, 24.0)  # of a face in a camera's picture


@dataclass(frozen=True, eq=False)
class Faces:
    """A split's faces, for each photo the largest."""

    photos: tuple[str, ...]
    identities: np.ndarray  # int (photos,)
    found: np.ndarray  # bool (photos,)
    clear: np.ndarray  # bool (photos,): large, frontal and sharp enough to be told
    embeddings: np.ndarray  # float32 (photos, 128); zeros where no face was found

    def only_found(self) -> tuple[np.ndarray, np.ndarray]:
        """Return identities and embeddings of the faces that were found."""
        return self.identities[self.found], self.embeddings[self.found]


def read_identities(root: Path) -> dict[str, int]:
    """Return each photo's identity; DataError where identity_CelebA.txt is missing or malformed."""
    path = root / "identity_CelebA.txt"
    try:
        rows = [line.split() for line in path.read_text().splitlines() if line.strip()]
        return {photo: int(identity) for photo, identity in rows}
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}", "Give --data DIR") from error
    except ValueError as error:
        raise DataError(f"{path}: expected a photo and a number on each line") from error


def read_faces(data: CelebA, split: str, identities: dict[str, int], cache: Path) -> Faces:
    """Return a split's faces, embedded by the device's own path; from the cache where it has them.

    Raises DataError where a photo has no identity.
    """
    photos = data.splits[split].photos
    names = tuple(path.name for path in photos)
    lacking = [name for name in names if name not in identities]
    if lacking or not names:
        raise DataError(f"{len(lacking)} of {len(names)} {split} photos have no identity")
    kept = _kept(cache, split, [(photo, None) for photo in photos])
    numbers = np.array([identities[name] for name in names])
    return Faces(names, numbers, *kept)


def read_widths(
    data: CelebA, split: str, test: Faces, people: int, cache: Path
) -> dict[float, Faces]:
    """Return one clear photo of so many people, seen from further and further away, px wide.

    The photos are re-rendered into a camera's pictures, and go through the device's own path.
    """
    (clear,) = np.nonzero(test.clear)
    _, firsts = np.unique(test.identities[clear], return_index=True)
    firsts = np.sort(clear[firsts])[:people]
    photos = [data.splits[split].photos[n] for n in firsts]
    kept = _kept(cache, "widths", [(photo, width) for width in WIDTHS_PX for photo in photos])
    names, count = tuple(photo.name for photo in photos), len(photos)
    return {
        width: Faces(
            names, test.identities[firsts], *(part[n * count : (n + 1) * count] for part in kept)
        )
        for n, width in enumerate(WIDTHS_PX)
    }


def read_groups(folder: Path, cache: Path) -> dict[str, np.ndarray]:
    """Return the embeddings of UTKFace's people, float32 (people, 128), all and by labelled race.

    Raises DataError where labels are missing or malformed.
    """
    path = folder / "labels.csv"
    try:
        with path.open(newline="") as file:
            rows = [(folder / row["file"], row["race"]) for row in csv.DictReader(file)]
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}", "Give --utkface DIR") from error
    except (KeyError, TypeError) as error:
        raise DataError(f"{path}: expected columns file and race") from error
    found, _, embeddings = _kept(cache, "groups", [(photo, CUT) for photo, _ in rows])
    races = np.array([race for _, race in rows])
    groups = {"all": embeddings[found]}
    for race in sorted(set(races)):
        groups[race] = embeddings[found & (races == race)]
    return {group: faces for group, faces in groups.items() if len(faces) > 1}


def _kept(cache: Path, name: str, work: Sequence[Work]) -> tuple[np.ndarray, ...]:
    """Return what `_embed` does, from the cache where it has been done before."""
    names = [(photo.name, how) for photo, how in work]
    print_of = hashlib.sha256(repr((MODEL, VERSION, names)).encode()).hexdigest()[:12]
    path = cache / f"{name}-{print_of}.npz"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        found, clear, embeddings = _embed(work)
        part = path.with_suffix(".part.npz")
        np.savez_compressed(part, found=found, clear=clear, embeddings=embeddings)
        part.rename(path)
    kept = np.load(path)
    return kept["found"], kept["clear"], kept["embeddings"]


def _embed(work: Sequence[Work]) -> tuple[np.ndarray, ...]:
    """Return found, clear and embeddings of photos."""
    # Processes, for dlib holds Python's lock; spawned, for a fork of TFLite's threads may hang.
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        faces = pool.map(_face, work, chunksize=8)
        rows = list(tqdm(faces, total=len(work), desc="embeddings", unit="face", mininterval=1))
    found, clear, embeddings = zip(*rows, strict=True)
    return np.array(found), np.array(clear), np.array(embeddings)


def _face(work: Work) -> tuple[bool, bool, np.ndarray]:
    """Return whether a photo's largest face was found, whether it is clear, and its embedding."""
    detector, classifier, embedder = _models()
    photo, how = work
    picture = read_photo(photo)
    if how == CUT:
        side = max(picture.shape[:2]) // 4
        picture = cv2.copyMakeBorder(picture, side, side, side, side, cv2.BORDER_REPLICATE)
    elif how:
        picture = Scene(face_px=how).render([picture], np.random.default_rng(0))
    face = max(detector.detect(picture), key=lambda one: one.box[2], default=None)
    try:
        if face:
            state = look(picture, face, classifier, quality_limits(Settings().faces)).state
            return True, state == OK, embedder.embed(face_crop(picture, face.landmarks))
    except AlignError:  # its eyes a few pixels apart: too narrow to be embedded at all
        pass
    return False, False, np.zeros(EMBEDDING_SIZE, np.float32)


@functools.cache
def _models() -> tuple[BlazeFace, Classifier, Embedder]:
    return BlazeFace(), Classifier(Settings().attributes.model), Embedder()
