"""Embed CelebA's faces by the device's own path; kept in files, for it takes minutes."""

import functools
import hashlib
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from tqdm import tqdm

from device.attributes.classifier import Classifier
from device.attributes.look import limits_of, look
from device.camera.photo import read_photo
from device.faces.blazeface import BlazeFace
from device.people.chip import chip
from device.people.embedding import MODEL, NUMBERS, VERSION, Embedder
from device.settings import Settings
from device.types import OK
from train.celeba import CelebA, DataError
from train.sweep import Scene

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
    print_of = hashlib.sha256(repr((MODEL, VERSION, names)).encode()).hexdigest()[:12]
    path = cache / f"{split}-{print_of}.npz"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        found, clear, embeddings = _embed([(photo, None) for photo in data.splits[split].photos])
        part = path.with_suffix(".part.npz")
        np.savez_compressed(part, found=found, clear=clear, embeddings=embeddings)
        part.rename(path)
    kept = np.load(path)
    numbers = np.array([identities[name] for name in names])
    return Faces(names, numbers, kept["found"], kept["clear"], kept["embeddings"])


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
    print_of = hashlib.sha256(repr((MODEL, VERSION, WIDTHS_PX, photos)).encode()).hexdigest()[:12]
    path = cache / f"widths-{print_of}.npz"
    if not path.exists():
        work = [(photo, width) for width in WIDTHS_PX for photo in photos]
        found, clear, embeddings = _embed(work)
        part = path.with_suffix(".part.npz")
        np.savez_compressed(part, found=found, clear=clear, embeddings=embeddings)
        part.rename(path)
    kept = np.load(path)
    return {
        width: Faces(
            tuple(photo.name for photo in photos),
            test.identities[firsts],
            *(
                kept[name].reshape(len(WIDTHS_PX), len(photos), *kept[name].shape[1:])[n]
                for name in ("found", "clear", "embeddings")
            ),
        )
        for n, width in enumerate(WIDTHS_PX)
    }


def _embed(work: Sequence[tuple[Path, float | None]]) -> tuple[np.ndarray, ...]:
    """Return found, clear and embeddings of photos, each as it is or as wide as told, px."""
    # Processes, for dlib holds Python's lock; spawned, for a fork of TFLite's threads may hang.
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        faces = pool.map(_face, work, chunksize=8)
        rows = list(tqdm(faces, total=len(work), desc="embeddings", unit="face", mininterval=1))
    found, clear, embeddings = zip(*rows, strict=True)
    return np.array(found), np.array(clear), np.array(embeddings)


def _face(work: tuple[Path, float | None]) -> tuple[bool, bool, np.ndarray]:
    """Return whether a photo's largest face was found, whether it is clear, and its embedding."""
    detector, classifier, embedder = _models()
    photo, width_px = work
    picture = read_photo(photo)
    if width_px:
        picture = Scene(face_px=width_px).render([picture], np.random.default_rng(0))
    face = max(detector.detect(picture), key=lambda one: one.box[2], default=None)
    if not face:
        return False, False, np.zeros(NUMBERS, np.float32)
    state = look(picture, face, classifier, limits_of(Settings().faces)).state
    return True, state == OK, embedder.embed(chip(picture, face.landmarks))


@functools.cache
def _models() -> tuple[BlazeFace, Classifier, Embedder]:
    return BlazeFace(), Classifier(Settings().attributes.model), Embedder()
