"""Stress the device's own path: test photos re-rendered into camera pictures, harder and harder.

Run by `python -m train.evaluate --sweep tilt|turn|size|light|blur|faces`. Every picture goes
through detector, alignment and classifier as on the device, and beside it the naive way: the box
cut out upright.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from tqdm import tqdm

from device.attributes.classifier import Classifier
from device.camera.image_io import read_photo
from device.faces.align import FRAME_LANDMARKS, FRAME_WH, AlignError, cut
from device.faces.blazeface import BlazeFace
from device.types import Face
from train.celeba import Split

SCENE_WH = (640, 480)  # px, what a webcam gives
FACE_PX = 97.0  # width of the detector's box in an aligned 178x218 photo, median over val photos
FULL_PX = 160.0  # width of the face in scenes that do not vary it
CROWD_PX = 64.0  # width of each face in a scene of several
# The eyes' and mouth's middle, px of the aligned frame: what a scene is turned about.
CENTRE = FRAME_LANDMARKS.mean(axis=0)


@dataclass(frozen=True)
class Scene:
    """How a photo is put into a camera's picture."""

    tilt_deg: float = 0.0  # in the picture's plane, clockwise
    turn_deg: float = 0.0  # about the upright axis, as a flat picture turns: narrower
    face_px: float = FULL_PX
    gain: float = 1.0  # of light
    blur_px: float = 0.0  # sigma of a Gaussian, in px of the scene
    faces: int = 1  # people in the picture, side by side and in rows

    def middles(self) -> list[tuple[float, float]]:
        """Return where the faces' middles lie, (x, y) px."""
        columns = math.ceil(math.sqrt(self.faces))
        rows = math.ceil(self.faces / columns)
        width, height = SCENE_WH[0] / columns, SCENE_WH[1] / rows
        places = (divmod(number, columns) for number in range(self.faces))
        return [((column + 0.5) * width, (row + 0.5) * height) for row, column in places]

    def matrix(
        self, photo_wh: tuple[int, int], middle: tuple[float, float] | None = None
    ) -> np.ndarray:
        """Return the (2, 3) matrix from the photo to the scene; middle: of the face, px."""
        to_frame = FRAME_WH[0] / photo_wh[0]
        turned = cv2.getRotationMatrix2D(
            (CENTRE / to_frame).tolist(), -self.tilt_deg, to_frame * self.face_px / FACE_PX
        )
        turned[:, 2] += np.array(middle or self.middles()[0]) - CENTRE / to_frame
        narrow = math.cos(math.radians(self.turn_deg))
        turned[:, 2] += turned[:, 0] * (1 - narrow) * CENTRE[0] / to_frame
        turned[:, 0] *= narrow
        return turned

    def render(self, photos_bgr: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
        """Return the scene of up to `faces` photos, uint8 (480, 640, 3) BGR, with noise."""
        picture = np.full((SCENE_WH[1], SCENE_WH[0], 3), 128, np.uint8)
        middles = self.middles()
        left, top = np.array(middles[0])  # half a cell
        for photo, (x, y) in zip(photos_bgr, middles, strict=False):
            whole = cut(photo, self.matrix((photo.shape[1], photo.shape[0]), (x, y)), SCENE_WH)
            cell = np.s_[round(y - top) : round(y + top), round(x - left) : round(x + left)]
            picture[cell] = whole[cell]
        if self.blur_px:
            picture = cv2.GaussianBlur(picture, (0, 0), self.blur_px)
        noise = rng.normal(0, 3, (*picture.shape[:2], 1))
        return np.clip(picture * self.gain + noise, 0, 255).astype(np.uint8)


# What each sweep varies: the field's unit, the stresses from none to most, and their scenes.
SWEEPS: dict[str, tuple[str, tuple[float, ...], Callable[[float], Scene]]] = {
    "tilt": ("degrees", (0, 10, 20, 30, 45, 60), lambda v: Scene(tilt_deg=v)),
    "turn": ("degrees", (0, 15, 30, 45, 60, 75), lambda v: Scene(turn_deg=v)),
    "size": ("px wide", (160, 96, 64, 48, 32, 24), lambda v: Scene(face_px=v)),
    "light": ("times the light", (1.0, 0.6, 0.4, 0.25, 1.5, 2.0), lambda v: Scene(gain=v)),
    "blur": ("px sigma", (0, 1, 2, 4, 6, 8), lambda v: Scene(blur_px=v)),
    "faces": ("in a picture", (1, 2, 4, 6, 9), lambda v: Scene(faces=v, face_px=CROWD_PX)),
}


@dataclass(frozen=True)
class Point:
    """What came out at one stress; accuracies are means over the attributes, 0..1."""

    stress: float
    found: float  # share of the faces that the detector found
    accuracy: float  # among those, as the device does it
    naive: float  # among those, with the box cut out upright


def nearest_face(faces: list[Face], where_xy: tuple[float, float], reach_px: float) -> Face | None:
    """Return the face whose box's centre is nearest to a point, within reach; None if none is."""

    def distance(face: Face) -> float:
        x, y, w, h = face.box
        return float(np.hypot(x + w / 2 - where_xy[0], y + h / 2 - where_xy[1]))

    near = [face for face in faces if distance(face) <= reach_px]
    return min(near, key=distance, default=None)


def box_matrix(face: Face, crop_wh: tuple[int, int]) -> np.ndarray:
    """Return the naive way's (2, 3) matrix: the box to where upright faces' boxes lie."""
    x, y, w, h = face.box
    scale = FACE_PX * crop_wh[1] / FRAME_WH[1] / max(w, h)
    # In the aligned frame the box's middle lies at (89.6, 133.7), median over val photos.
    middle = np.array([(89.6 - FRAME_WH[0] / 2), (133.7 - FRAME_WH[1] / 2)]) * crop_wh[1]
    target = middle / FRAME_WH[1] + np.array(crop_wh) / 2
    shift = target - scale * np.array([x + w / 2, y + h / 2])
    return np.array([(scale, 0, shift[0]), (0, scale, shift[1])])


def sweep(
    kind: str, split: Split, detector: BlazeFace, classifier: Classifier, seed: int = 0
) -> list[Point]:
    """Return a point per stress of one kind of sweep."""
    _, stresses, scene_of = SWEEPS[kind]
    points = []
    with tqdm(total=len(stresses) * len(split), unit="photo", desc=kind, leave=False) as bar:
        for stress in stresses:
            points.append(_point(stress, scene_of(stress), split, detector, classifier, seed, bar))
    return points


def _point(stress, scene, split, detector, classifier, seed, bar) -> Point:
    threshold = classifier.card.column("threshold")
    right: dict[str, list[float]] = {"device": [], "naive": []}
    for row, picture, face in _faces(scene, split, detector, seed):
        bar.update()
        if face is None:
            continue
        try:
            crop = classifier.crop(picture, face.landmarks)
        except AlignError:
            continue
        box = box_matrix(face, classifier.card.crop_wh)
        naive = cv2.cvtColor(cut(picture, box, classifier.card.crop_wh), cv2.COLOR_BGR2RGB)
        for way, one in (("device", crop), ("naive", naive)):
            said = classifier.classify(one) >= threshold
            right[way].append(float((said == split.labels[row]).mean()))
    found = len(right["device"])
    means = {
        way: float(np.mean(values)) if values else float("nan") for way, values in right.items()
    }
    return Point(float(stress), found / len(split), means["device"], means["naive"])


def _faces(
    scene: Scene, split: Split, detector: BlazeFace, seed: int
) -> Iterator[tuple[int, np.ndarray, Face | None]]:
    """Yield each photo's row, the scene that it is in, and its face if the detector finds it."""
    for start in range(0, len(split), scene.faces):
        rows = range(start, min(start + scene.faces, len(split)))
        photos = [read_photo(split.photos[row]) for row in rows]
        picture = scene.render(photos, np.random.default_rng((seed, start)))
        found = detector.detect(picture)
        for row, middle in zip(rows, scene.middles(), strict=False):
            yield row, picture, nearest_face(found, middle, 0.6 * scene.face_px)


def table(kind: str, points: list[Point]) -> str:
    """Return the points as text."""
    unit = SWEEPS[kind][0]
    lines = [f"{kind + ', ' + unit:24}{'found':>8}{'accuracy':>10}{'naive':>10}"]
    for one in points:
        lines.append(f"{one.stress:<24g}{one.found:8.3f}{one.accuracy:10.4f}{one.naive:10.4f}")
    return "\n".join(lines)


def spread(split: Split, count: int) -> Split:
    """Return `count` photos evenly spread over a split; 0 means all."""
    if not 0 < count < len(split):
        return split
    rows = np.linspace(0, len(split) - 1, count).astype(int)
    photos = tuple(split.photos[row] for row in rows)
    return Split(split.name, photos, split.labels[rows], split.attributes)
