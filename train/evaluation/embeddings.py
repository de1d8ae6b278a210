"""Face embeddings by the device's pipeline, cached in files because they take minutes."""

import functools
import hashlib
import io
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from shlex import quote

import numpy as np
from tqdm import tqdm

from device.analyzer import FaceAnalyzer, largest
from device.attributes.model_card import read_card
from device.camera.image_io import PhotoError, read_photo
from device.faces.align import AlignError
from device.faces.blazeface import BlazeFace
from device.faces.quality_gate import quality_limits
from device.files import write_atomic
from device.recognition.embedding import EMBEDDING_SIZE, MODEL, VERSION, Embedder
from device.recognition.face_crop import face_crop
from device.settings import Settings
from device.types import OK
from train.data.arrays import read_arrays
from train.data.crops import with_border
from train.data.split import DataError, Dataset
from train.data.unreadable import COPY_AGAIN, content_digest, leave_out
from train.data.utkface import read_utkface
from train.evaluation.robustness import SyntheticScene

TIGHT = "cut"  # a photo that ends at the face: it gets a border, which the detector needs
# A photo and its treatment: None, TIGHT, or the face's width in px in a camera image.
Task = tuple[Path, float | str | None]
CACHE_FORMAT = 3
ARRAYS = ("readable", "detected", "clear", "embeddings")  # of a file of the cache
WIDTHS_PX = (96.0, 64.0, 48.0, 40.0, 32.0, 24.0)  # of a face in a camera image


@dataclass(frozen=True, eq=False)
class EmbeddedFaces:
    """Embeddings of a split's photos that can be read, the largest face of each."""

    photos: tuple[str, ...]
    identities: np.ndarray  # int (photos,)
    detected: np.ndarray  # bool (photos,)
    clear: np.ndarray  # bool (photos,): accepted by the quality gate
    embeddings: np.ndarray  # float32 (photos, 128); zeros without a face

    def only_detected(self) -> tuple[np.ndarray, np.ndarray]:
        """Return identities and embeddings of the detected faces."""
        return self.identities[self.detected], self.embeddings[self.detected]


def read_faces(data: Dataset, split: str, identities: dict[str, int], cache: Path) -> EmbeddedFaces:
    """Return a split's embedded faces, from the cache if they are there.

    Raises DataError if a photo has no identity.
    """
    photos = data.splits[split].photos
    names = tuple(path.name for path in photos)
    missing = [path.stem for path in photos if path.stem not in identities]
    if missing or not names:
        raise DataError(
            f"{len(missing)} of {len(names)} {split} photos have no identity",
            "identity_CelebA.txt of the whole CelebA",
        )
    readable, *arrays = _cached(cache, split, [(photo, None) for photo in photos])
    numbers = np.array([identities[path.stem] for path in photos])
    known = (array[readable] for array in (numbers, *arrays))
    return EmbeddedFaces(tuple(np.array(names)[readable].tolist()), *known)


def read_widths(
    data: Dataset, split: str, test: EmbeddedFaces, people: int, cache: Path
) -> dict[float, EmbeddedFaces]:
    """Return one clear photo each of `people` people, per face width in px.

    The photos are re-rendered into camera images and go through the device's pipeline.
    """
    (clear,) = np.nonzero(test.clear)
    _, firsts = np.unique(test.identities[clear], return_index=True)
    firsts = np.sort(clear[firsts])[:people]
    names = [test.photos[n] for n in firsts]
    paths = {photo.name: photo for photo in data.splits[split].photos}
    tasks: list[Task] = [(paths[name], width) for width in WIDTHS_PX for name in names]
    arrays = [
        array.reshape(len(WIDTHS_PX), len(names), *array.shape[1:])
        for array in _cached(cache, "widths", tasks)
    ]
    faces = {}
    for width, readable, *of_width in zip(WIDTHS_PX, *arrays, strict=True):
        known = (array[readable] for array in (test.identities[firsts], *of_width))
        faces[width] = EmbeddedFaces(tuple(np.array(names)[readable].tolist()), *known)
    return faces


def read_groups(folder: Path, cache: Path) -> dict[str, np.ndarray]:
    """Return the embeddings of UTKFace's people, float32 (people, 128), all and by labelled race.

    Raises DataError if labels are missing or malformed.
    """
    faces = read_utkface(folder)
    tasks: list[Task] = [(face.photo, TIGHT) for face in faces]
    _, detected, _, embeddings = _cached(cache, "groups", tasks)
    races = np.array([face.race for face in faces])
    groups = {"all": embeddings[detected]}
    for race in sorted(set(races)):
        groups[race] = embeddings[detected & (races == race)]
    return {group: members for group, members in groups.items() if len(members) > 1}


def _cached(cache: Path, name: str, tasks: Sequence[Task]) -> tuple[np.ndarray, ...]:
    """Return the result of `_embed`, from the cache if it is there.

    Raises DataError if no photo can be read.
    """
    photos = dict.fromkeys(photo for photo, _ in tasks)
    contents = {photo: content_digest(photo) for photo in photos}
    keys = [(contents[photo], treatment) for photo, treatment in tasks]
    digest = hashlib.sha256(repr((CACHE_FORMAT, MODEL, VERSION, keys)).encode()).hexdigest()[:12]
    path = cache / f"{name}-{digest}.npz"
    if not path.exists():
        content = io.BytesIO()
        readable, detected, clear, embeddings = _embed(tasks)
        np.savez_compressed(
            content, readable=readable, detected=detected, clear=clear, embeddings=embeddings
        )
        write_atomic(path, content.getvalue())
    arrays = read_arrays(path, ARRAYS, f"rm {quote(str(path))}")
    if [array.shape for array in arrays] != [(len(tasks),)] * 3 + [(len(tasks), EMBEDDING_SIZE)]:
        raise DataError(f"{path} holds other faces than expected", f"rm {quote(str(path))}")
    readable = arrays[0]
    for (photo, _), was_read in zip(tasks, readable, strict=True):
        if not was_read:
            leave_out(photo, f"cannot read the photo {photo}")
    if not readable.any():
        raise DataError(f"none of the {len(tasks)} {name} photos can be read", COPY_AGAIN)
    return arrays


def _embed(tasks: Sequence[Task]) -> tuple[np.ndarray, ...]:
    """Return readable, detected, clear and embeddings of photos."""
    # Processes, because dlib holds the GIL; spawned, because a fork of TFLite's threads may hang.
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        faces = pool.map(_embed_one, tasks, chunksize=8)
        rows = list(tqdm(faces, total=len(tasks), desc="embeddings", unit="face", mininterval=1))
    return tuple(np.array(array) for array in zip(*rows, strict=True))


def _embed_one(task: Task) -> tuple[bool, bool, bool, np.ndarray]:
    """Return whether a photo can be read, its largest face is detected, clear; its embedding."""
    analyzer, embedder = _models()
    path, treatment = task
    none = np.zeros(EMBEDDING_SIZE, np.float32)
    try:
        image = read_photo(path)
    except PhotoError:
        return False, False, False, none
    if treatment == TIGHT:
        image = with_border(image)
    elif isinstance(treatment, float):
        image = SyntheticScene(face_px=treatment).render([image], np.random.default_rng(0))
    face = largest(analyzer.analyze(image))
    try:
        if face:
            return True, True, face.state == OK, embedder.embed(face_crop(image, face.landmarks))
    except AlignError:  # eyes a few pixels apart: too narrow for an embedding
        pass
    return True, False, False, none


@functools.cache
def _models() -> tuple[FaceAnalyzer, Embedder]:
    settings = Settings()
    geometry = read_card(settings.attributes.model).geometry
    analyzer = FaceAnalyzer(BlazeFace(), quality_limits(settings.faces), geometry=geometry)
    return analyzer, Embedder()
