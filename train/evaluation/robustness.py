"""Robustness of the device's pipeline: accuracy over tilt, turn, size, light, blur and face count.

Run by `python -m train.evaluate sweep KIND`. Test photos are re-rendered into camera images of
increasing severity. Each image goes through detector, alignment and classifier as on the device,
and through a baseline that crops the detector's box upright.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from tqdm import tqdm

from device.analyzer import FaceAnalyzer
from device.faces.align import CELEBA_FRAME, FRAME_LANDMARKS, FRAME_WH, warp_crop
from device.faces.blazeface import BlazeFace
from device.faces.quality_gate import NO_LIMITS
from device.types import Face
from train.data.split import Split
from train.data.unreadable import check_any, photo_or_none
from train.evaluation import metrics
from train.evaluation.without_detector import AnyClassifier

SCENE_WH = (640, 480)  # px, a webcam's image
FACE_PX = 97.0  # width of the detector's box in an aligned 178x218 photo, median over val photos
FULL_PX = 160.0  # width of the face in scenes that do not vary it
CROWD_PX = 64.0  # width of each face in a scene with several
# Mean of eyes and mouth, px of the aligned frame: the centre of a scene's rotation.
CENTRE = FRAME_LANDMARKS.mean(axis=0)
# Centre of the detector's box in the aligned frame, px, median over val photos.
BOX_CENTRE = (89.6, 133.7)


@dataclass(frozen=True)
class SyntheticScene:
    """How photos are rendered into a camera image."""

    tilt_deg: float = 0.0  # in the image plane, clockwise
    turn_deg: float = 0.0  # about the vertical axis, of a flat picture: narrower
    face_px: float = FULL_PX
    gain: float = 1.0  # factor of the brightness
    blur_px: float = 0.0  # sigma of a Gaussian, in px of the scene
    faces: int = 1  # in the image, on a grid
    size_wh: tuple[int, int] = SCENE_WH  # px of the image

    def centres(self) -> list[tuple[float, float]]:
        """Return the centres of the faces, (x, y) px."""
        columns = math.ceil(math.sqrt(self.faces))
        rows = math.ceil(self.faces / columns)
        width, height = self.size_wh[0] / columns, self.size_wh[1] / rows
        cells = (divmod(number, columns) for number in range(self.faces))
        return [((column + 0.5) * width, (row + 0.5) * height) for row, column in cells]

    def matrix(
        self, photo_wh: tuple[int, int], centre: tuple[float, float] | None = None
    ) -> np.ndarray:
        """Return the (2, 3) matrix from the photo to the scene; centre: of the face, px."""
        to_frame = FRAME_WH[0] / photo_wh[0]
        matrix = cv2.getRotationMatrix2D(
            (CENTRE / to_frame).tolist(), -self.tilt_deg, to_frame * self.face_px / FACE_PX
        )
        matrix[:, 2] += np.array(centre or self.centres()[0]) - CENTRE / to_frame
        narrow = math.cos(math.radians(self.turn_deg))
        matrix[:, 2] += matrix[:, 0] * (1 - narrow) * CENTRE[0] / to_frame
        matrix[:, 0] = matrix[:, 0] * narrow
        return matrix

    def render(
        self, photos_bgr: Sequence[np.ndarray | None], rng: np.random.Generator
    ) -> np.ndarray:
        """Return the scene of up to `faces` photos, uint8 (height, width, 3) BGR, with noise.

        The place of a photo that is None stays grey.
        """
        image: np.ndarray = np.full((self.size_wh[1], self.size_wh[0], 3), 128, np.uint8)
        centres = self.centres()
        left, top = np.array(centres[0])  # half a cell
        for photo, (x, y) in zip(photos_bgr, centres, strict=False):
            if photo is None:
                continue
            warped = warp_crop(
                photo, self.matrix((photo.shape[1], photo.shape[0]), (x, y)), self.size_wh
            )
            cell = np.s_[round(y - top) : round(y + top), round(x - left) : round(x + left)]
            image[cell] = warped[cell]
        return self._degraded(image, rng)

    def render_whole(
        self, photo_bgr: np.ndarray, landmarks: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Return the scene of a whole photo whose face has these landmarks, (4, 2) px.

        As `render`, with the photo's own background. Raises AlignError as `landmark_matrix`.
        """
        to_frame = np.vstack([CELEBA_FRAME.matrix(landmarks), (0, 0, 1)])
        matrix = self.matrix(FRAME_WH) @ to_frame
        return self._degraded(warp_crop(photo_bgr, matrix, self.size_wh), rng)

    def _degraded(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        if self.blur_px:
            image = cv2.GaussianBlur(image, (0, 0), self.blur_px)
        noise = rng.normal(0, 3, (*image.shape[:2], 1))
        return np.clip(image * self.gain + noise, 0, 255).astype(np.uint8)


# Per sweep: unit, severities from none to the largest, and the scene of a severity.
SWEEPS: dict[str, tuple[str, tuple[float, ...], Callable[[float], SyntheticScene]]] = {
    "tilt": ("degrees", (0, 10, 20, 30, 45, 60), lambda v: SyntheticScene(tilt_deg=v)),
    "turn": ("degrees", (0, 15, 30, 45, 60, 75), lambda v: SyntheticScene(turn_deg=v)),
    "size": ("px wide", (160, 96, 64, 48, 32, 24), lambda v: SyntheticScene(face_px=v)),
    "light": ("times the light", (1.0, 0.6, 0.4, 0.25, 1.5, 2.0), lambda v: SyntheticScene(gain=v)),
    "blur": ("px sigma", (0, 1, 2, 4, 6, 8), lambda v: SyntheticScene(blur_px=v)),
    "faces": (
        "in an image",
        (1, 2, 4, 6, 9),
        lambda v: SyntheticScene(faces=int(v), face_px=CROWD_PX),
    ),
}


@dataclass(frozen=True)
class SweepPoint:
    """The result at one severity; accuracies are means over faces and attributes, 0..1."""

    severity: float
    detected: float  # share of the faces that the detector found
    accuracy: float  # of those, by the device's pipeline
    baseline: float  # of those, with the box cropped upright


def nearest_face(faces: list[Face], point_xy: tuple[float, float], max_px: float) -> Face | None:
    """Return the face whose box centre is nearest to a point, at most `max_px` away, or None."""

    def distance(face: Face) -> float:
        x, y, w, h = face.box
        return float(np.hypot(x + w / 2 - point_xy[0], y + h / 2 - point_xy[1]))

    near = [face for face in faces if distance(face) <= max_px]
    return min(near, key=distance, default=None)


def box_matrix(face: Face, crop_wh: tuple[int, int]) -> np.ndarray:
    """Return the baseline's (2, 3) matrix, which maps the box to that of an upright face."""
    x, y, w, h = face.box
    scale = FACE_PX * crop_wh[1] / FRAME_WH[1] / max(w, h)
    offset = np.array([BOX_CENTRE[0] - FRAME_WH[0] / 2, BOX_CENTRE[1] - FRAME_WH[1] / 2])
    target = offset * crop_wh[1] / FRAME_WH[1] + np.array(crop_wh) / 2
    shift = target - scale * np.array([x + w / 2, y + h / 2])
    return np.array([(scale, 0, shift[0]), (0, scale, shift[1])])


def sweep(
    kind: str, split: Split, detector: BlazeFace, classifier: AnyClassifier, seed: int = 0
) -> list[SweepPoint]:
    """Return a point per severity of one kind of sweep, over the photos that can be read.

    Raises DataError if none can.
    """
    _, severities, scene_of = SWEEPS[kind]
    analyzer = FaceAnalyzer(detector, NO_LIMITS, classifier)
    points = []
    with tqdm(total=len(severities) * len(split), unit="photo", desc=kind, leave=False) as bar:
        for severity in severities:
            scores, count = [], 0
            for row, image, face in _faces(scene_of(severity), split, analyzer, seed):
                bar.update()
                count += 1
                if face is not None:
                    scores.append(_accuracies(image, face, split.labels[row], classifier))
            check_any(count, split)
            points.append(_point(severity, count, [pair for pair in scores if pair]))
    return points


def _accuracies(
    image: np.ndarray, face: Face, labels: np.ndarray, classifier: AnyClassifier
) -> tuple[float, float] | None:
    """Return the accuracy of a face and of the baseline's crop; None if it is not classified."""
    if face.probabilities.array is None:
        return None
    crop_wh = classifier.card.crop_wh
    upright = cv2.cvtColor(warp_crop(image, box_matrix(face, crop_wh), crop_wh), cv2.COLOR_BGR2RGB)
    return (
        share_correct(face.probabilities.array, labels, classifier),
        share_correct(classifier.classify(upright), labels, classifier),
    )


def share_correct(
    probabilities: np.ndarray, labels: np.ndarray, classifier: AnyClassifier
) -> float:
    """Return the share of one face's known labels, (attributes,), that are predicted; or NaN."""
    return metrics.share_correct(probabilities >= classifier.thresholds, labels)


def _point(severity: float, count: int, scores: list[tuple[float, float]]) -> SweepPoint:
    both = zip(*scores, strict=True) if scores else ((), ())
    accuracy, baseline = (metrics.mean_of_known(list(shares)) for shares in both)
    return SweepPoint(
        severity=float(severity),
        detected=len(scores) / count,
        accuracy=accuracy,
        baseline=baseline,
    )


def _faces(
    scene: SyntheticScene, split: Split, analyzer: FaceAnalyzer, seed: int
) -> Iterator[tuple[int, np.ndarray, Face | None]]:
    """Yield each readable photo's row, the scene with it, and its face; None if not detected."""
    for start in range(0, len(split), scene.faces):
        rows = range(start, min(start + scene.faces, len(split)))
        photos = [photo_or_none(split.photos[row]) for row in rows]
        if all(photo is None for photo in photos):
            continue
        image = scene.render(photos, np.random.default_rng((seed, start)))
        faces = analyzer.analyze(image)
        for row, photo, centre in zip(rows, photos, scene.centres(), strict=False):
            if photo is not None:
                yield row, image, nearest_face(faces, centre, 0.6 * scene.face_px)


def table(kind: str, points: list[SweepPoint]) -> str:
    """Return the points as text."""
    unit = SWEEPS[kind][0]
    lines = [f"{kind + ', ' + unit:24}{'detected':>10}{'accuracy':>10}{'baseline':>10}"]
    for point in points:
        lines.append(
            f"{point.severity:<24g}{point.detected:10.3f}{point.accuracy:10.4f}"
            f"{point.baseline:10.4f}"
        )
    return "\n".join(lines)
