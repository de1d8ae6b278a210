"""Several models on whole photos of other people, with and without the detector in front.

Run by `python -m train.evaluate real-world DIR MODEL...`. With the detector a photo goes the
device's way: its largest face is found, assessed, aligned and classified. Without it the whole
photo is resized to the network's input. The photos' faces are then tilted and reduced, in square
pictures that keep the photo's background. Each picture is searched once for all models.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from tqdm import tqdm

from device.analyzer import FaceAnalyzer, largest
from device.errors import UsageError
from device.faces.align import AlignError
from device.faces.blazeface import BlazeFace
from device.faces.quality_gate import NO_LIMITS, QualityLimits
from device.faces.verification import Verifier
from device.text import counted
from device.types import Detection, Image
from train.data.unreadable import photo_or_none
from train.evaluation.end_to_end import (
    EndToEndResult,
    LabelledPhotos,
    Tally,
)
from train.evaluation.metrics import percent_interval, without_nan
from train.evaluation.robustness import SWEEPS, SyntheticScene
from train.evaluation.without_detector import AnyClassifier, WholePhotos

PICTURE_WH = (480, 480)  # px
FACE_PX = 240.0  # width of a face that is not reduced: half the picture, as in a portrait
PHOTOS, TILT, SIZE = "photos", "tilt", "size"
SEVERITIES = {TILT: SWEEPS[TILT][1], SIZE: (FACE_PX, *SWEEPS[SIZE][1])}
UNITS = {TILT: "tilt, degrees", SIZE: "face, px of 480"}


@dataclass(frozen=True)
class RealWorldRow:
    """The result of a model on one set of pictures; shares are 0..1."""

    model: str
    attributes: tuple[str, ...]
    pictures: str  # photos, tilt or size
    severity: float  # degrees, or px that the face is wide; 0 of photos
    detector: bool
    photos: int
    classified: int
    accuracy: float  # of the classified, mean over the attributes; NaN of none
    low: float  # of its 95 % interval
    high: float


def scene_of(kind: str, severity: float) -> SyntheticScene:
    """Return the picture of a face with this tilt in degrees, or of this width in px."""
    if kind == TILT:
        return SyntheticScene(tilt_deg=severity, face_px=FACE_PX, size_wh=PICTURE_WH)
    return SyntheticScene(face_px=severity, size_wh=PICTURE_WH)


def common_attributes(models: Mapping[str, AnyClassifier]) -> tuple[str, ...]:
    """Return the attributes that all models have, in the first one's order.

    Raises UsageError if there is none.
    """
    first, *others = (classifier.card.names for classifier in models.values())
    names = tuple(name for name in first if all(name in other for other in others))
    if not names:
        raise UsageError("the models have no attribute in common", "models of one attribute")
    return names


class Fronts:
    """What stands in front of each model, and counts its results on one set of pictures."""

    def __init__(
        self,
        models: Mapping[str, AnyClassifier],
        attributes: tuple[str, ...],
        detector: BlazeFace,
        limits: QualityLimits,
        verifier: Verifier | None,
    ):
        self._attributes = attributes
        self._analyzers = {
            name: (FaceAnalyzer(detector, limits, model, verifier=verifier), WholePhotos(model))
            for name, model in models.items()
        }
        self._tallies = {
            name: (Tally(attributes, model), Tally(attributes, model))
            for name, model in models.items()
        }

    def add(self, picture: Image, labels: np.ndarray) -> list[Detection]:
        """Classify a uint8 (H, W, 3) BGR picture by all models; return its faces."""
        first, _ = next(iter(self._analyzers.values()))
        detections = first.detect(picture)
        for name, (analyzer, whole) in self._analyzers.items():
            with_detector, without = self._tallies[name]
            with_detector.add(largest(analyzer.analyze(picture, detections)), labels)
            without.add(largest(whole.analyze(picture)), labels)
        return detections

    def leave_out(self) -> None:
        """Count a photo that cannot be read."""
        for tallies in self._tallies.values():
            for tally in tallies:
                tally.leave_out()

    def rows(self, pictures: str, severity: float) -> Iterator[RealWorldRow]:
        """Yield two rows per model; raises DataError if there was no picture."""
        for name, tallies in self._tallies.items():
            for tally, detector in zip(tallies, (True, False), strict=True):
                result = tally.result()
                yield _row(name, self._attributes, pictures, severity, detector, result)


def _row(
    model: str,
    attributes: tuple[str, ...],
    pictures: str,
    severity: float,
    detector: bool,
    result: EndToEndResult,
) -> RealWorldRow:
    return RealWorldRow(
        model=model,
        attributes=attributes,
        pictures=pictures,
        severity=severity,
        detector=detector,
        photos=result.photos,
        classified=round(result.classified * result.photos),
        accuracy=result.accuracy,
        low=result.accuracy_interval[0],
        high=result.accuracy_interval[1],
    )


def measure(
    models: Mapping[str, AnyClassifier],
    labelled: LabelledPhotos,
    detector: BlazeFace,
    limits: QualityLimits,
    verifier: Verifier | None = None,
    sweep_photos: int = 0,
) -> list[RealWorldRow]:
    """Return two rows per model on the photos, and per severity of the sweeps.

    limits: of the quality gate on the photos; the sweeps have none. sweep_photos: the number of
    photos, evenly spread, in the sweeps; 0: no sweeps. A photo without a face is in none. Raises
    DataError if no photo can be read.
    """

    def fronts(limits: QualityLimits) -> Fronts:
        return Fronts(models, labelled.attributes, detector, limits, verifier)

    cells = [(kind, severity) for kind, all in SEVERITIES.items() for severity in all]
    photos, sweeps = fronts(limits), {cell: fronts(NO_LIMITS) for cell in cells}
    count = len(labelled.photos)
    swept = set(np.linspace(0, count - 1, min(sweep_photos, count)).astype(int).tolist())
    seen = 0
    bar = tqdm(labelled.photos, unit="photo", desc="photos", mininterval=1, leave=False)
    for number, (path, labels) in enumerate(zip(bar, labelled.labels, strict=True)):
        photo = photo_or_none(path)
        if photo is None:
            photos.leave_out()
            continue
        faces = photos.add(photo, labels)
        if number in swept and faces:
            face = max(faces, key=lambda face: face.box[2])
            seen += _sweep(photo, face, labels, sweeps, number)
    rows = list(photos.rows(PHOTOS, 0.0))
    for (kind, severity), front in sweeps.items() if seen else ():
        rows += front.rows(kind, severity)
    return rows


def _sweep(
    photo: Image,
    face: Detection,
    labels: np.ndarray,
    sweeps: Mapping[tuple[str, float], Fronts],
    seed: int,
) -> bool:
    """Add a photo's pictures of all severities; return False if its face cannot be aligned."""
    for (kind, severity), front in sweeps.items():
        rng = np.random.default_rng((0, seed))
        try:
            picture = scene_of(kind, severity).render_whole(photo, face.landmarks, rng)
        except AlignError:  # eyes a few pixels apart
            return False
        front.add(picture, labels)
    return True


def tables(rows: Sequence[RealWorldRow]) -> list[str]:
    """Return the rows as Markdown: a table of the photos, and one of each sweep."""
    models = list(dict.fromkeys(row.model for row in rows))
    whole = [row for row in rows if row.pictures == PHOTOS]
    named = ", ".join(f"`{name}`" for name in rows[0].attributes[:5])
    lines = [
        f"Accuracy of {named} on {counted(whole[0].photos, 'photo')}; in brackets: 95 % intervals.",
        "",
        "| model | photos classified | with the detector | without |",
        "|---" * 4 + "|",
    ]
    for model in models:
        with_detector, without = (row for row in whole if row.model == model)
        cells = [f"{with_detector.classified:,}", _accuracy(with_detector), _accuracy(without)]
        lines.append(f"| {model} | " + " | ".join(cells) + " |")
    for kind in (TILT, SIZE):
        swept = [row for row in rows if row.pictures == kind]
        lines += _sweep_table(kind, swept, models) if swept else []
    return lines


def _sweep_table(kind: str, rows: Sequence[RealWorldRow], models: list[str]) -> list[str]:
    """Return a sweep as a table, with two rows per model and a column per severity."""
    severities = [f"{severity:g}" for severity in SEVERITIES[kind]]
    changed = "tilted" if kind == TILT else "reduced"
    lines = [
        "",
        f"The same in % with {counted(rows[0].photos, 'face')} {changed}:",
        "",
        f"| {UNITS[kind]} | detector | " + " | ".join(severities) + " |",
        "|---" * (len(severities) + 2) + "|",
    ]
    for model in models:
        for detector in (True, False):
            own = [row for row in rows if (row.model, row.detector) == (model, detector)]
            cells = [_accuracy(row).replace(" %", "") for row in own]
            lines.append(f"| {model} | {'yes' if detector else 'no'} | " + " | ".join(cells) + " |")
    found = [row for row in rows if row.model == models[0] and row.detector]
    counts = " | ".join(f"{row.classified:,}" for row in found)
    return [*lines, f"| faces classified | yes | {counts} |"]


def _accuracy(row: RealWorldRow) -> str:
    if row.accuracy != row.accuracy:
        return "-"
    digits = 1 if row.pictures == PHOTOS else 0
    return percent_interval(row.accuracy, row.low, row.high, 1, digits)


def records(rows: Sequence[RealWorldRow]) -> list[dict[str, Any]]:
    """Return the rows for JSON, with None for NaN."""
    return [without_nan(asdict(row)) for row in rows]
