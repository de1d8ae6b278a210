"""Make a person's templates from photos or a camera, and reject pictures that make poor ones."""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from ..analyzer import FaceAnalyzer
from ..attributes.model_card import read_card
from ..errors import FacetError
from ..faces.quality_gate import quality_limits
from ..log import log
from ..models import load_full_detector
from ..settings import Settings
from ..types import (
    BLURRED,
    OK,
    TOO_BRIGHT,
    TOO_DARK,
    TOO_SMALL,
    TURNED_AWAY,
    UPSIDE_DOWN,
    Face,
    Frame,
    Image,
)
from .embedding import Embedder
from .face_crop import face_crop
from .gallery import score, template
from .store import EnrolledPerson

MIN_FACE_PX = 64.0  # wider than for a label: a template is kept for years
SHOTS = 5  # of a camera: enough to show a face in several poses
SHOT_INTERVAL_S = 0.7  # for the face to move
TIMEOUT_S = 40.0  # for all shots
NO_FACE, SEVERAL_FACES = "no face", "several faces"
HINTS = {
    NO_FACE: "face the camera, in more light",
    SEVERAL_FACES: "only the person to enroll in the picture",
    TOO_SMALL: "come closer",
    BLURRED: "hold still, wipe the lens, add light",
    TURNED_AWAY: "look into the camera",
    TOO_DARK: "add light",
    TOO_BRIGHT: "less light, or none behind the camera",
    UPSIDE_DOWN: "turn the picture: --rotate 180",
}


class RejectedError(FacetError, ValueError):
    """A picture, or every picture, makes no template; `state` is the reason, a key of HINTS."""

    def __init__(self, state: str, message: str):
        self.state = state
        super().__init__(message, HINTS[state])


class FaceEmbedder(Protocol):
    """What computes an embedding; `Embedder`."""

    def embed(self, crop_rgb: Image) -> np.ndarray:
        """Return the embedding of a uint8 (150, 150, 3) crop, float32 (128,)."""


class Enroller:
    """Makes templates with the settings' detector, model and thresholds; use it from one thread.

    embedder: None loads dlib's. Raises UsageError if dlib is not installed, ModelError if a network
    or the model card is missing or broken.
    """

    def __init__(self, settings: Settings, embedder: FaceEmbedder | None = None):
        faces = settings.faces
        self._limits = replace(quality_limits(faces), min_face=max(MIN_FACE_PX, faces.min_face))
        # The quality gate needs the model's crop geometry, which its card has, and no classifier.
        geometry = read_card(settings.attributes.model).geometry
        detector = load_full_detector(settings)
        self._analyzer = FaceAnalyzer(detector, self._limits, geometry=geometry)
        self._embedder = embedder or Embedder()

    def embed(self, frame: Frame) -> np.ndarray:
        """Return the embedding of the only face in a frame, float32 (128,).

        Raises RejectedError for no face, several, or one that is small, turned away or blurred.
        """
        views: list[tuple[Frame, Face]] = []  # the last one shows the only face

        def keep(view: Frame, face: Face) -> Face:
            views[:] = [(view, face)]
            return face

        faces = self._analyzer.analyze_frame(frame, named=keep)
        if not faces:
            raise RejectedError(NO_FACE, NO_FACE)
        if len(faces) > 1:
            raise RejectedError(SEVERAL_FACES, f"{len(faces)} faces")
        (face,) = faces
        if face.state == TOO_SMALL:
            width = f"{face.box[2] * frame.scale:.0f} px wide, need {self._limits.min_face:.0f}"
            raise RejectedError(TOO_SMALL, f"the face is {width}")
        if face.state != OK:
            raise RejectedError(face.state, f"the face is {face.state}")
        ((view, face),) = views
        return self._embedder.embed(face_crop(view.bgr, face.landmarks))


@dataclass(frozen=True)
class EnrollmentPictures:
    """The accepted pictures of one person."""

    names: tuple[str, ...]
    templates: np.ndarray  # float32 (pictures, 128)


def enroll_from_photos(frames: Iterable[Frame], enroller: Enroller) -> EnrollmentPictures:
    """Return the accepted photos and log the rejected ones; raises RejectedError if all are."""
    names, templates, state = [], [], NO_FACE
    for frame in frames:
        try:
            templates.append(enroller.embed(frame))
            names.append(frame.source)
        except RejectedError as error:
            log.info(f"rejected: {frame.source}: {error}")
            state = error.state
    if not templates:
        raise RejectedError(state, "no photo shows the face clearly")
    return EnrollmentPictures(tuple(names), np.array(templates))


def enroll_from_camera(frames: Iterable[Frame], enroller: Enroller) -> EnrollmentPictures:
    """Return SHOTS accepted frames of a camera or video, SHOT_INTERVAL_S apart.

    Logs progress and why frames are rejected. Fewer are accepted after TIMEOUT_S; raises
    RejectedError if there are none.
    """
    templates: list[np.ndarray] = []
    rejected: Counter[str] = Counter()
    logged = ""  # the state that was logged last: each is logged once, not for every frame
    for frame in _spaced(frames):
        try:
            templates.append(enroller.embed(frame))
            logged = ""
            log.info(f"shot {len(templates)} of {SHOTS}, turn your head a little")
        except RejectedError as error:
            rejected[error.state] += 1
            if error.state != logged:
                log.info(str(error))
                logged = error.state
        if len(templates) == SHOTS:
            break
    if not templates:
        (state, count), *_ = rejected.most_common(1) or [(NO_FACE, 0)]
        raise RejectedError(state, f"no clear picture in {TIMEOUT_S:.0f} s ({state}: {count})")
    names = tuple(f"shot {number}" for number in range(1, len(templates) + 1))
    return EnrollmentPictures(names, np.array(templates))


def _spaced(frames: Iterable[Frame]) -> Iterator[Frame]:
    """Yield frames SHOT_INTERVAL_S apart, for TIMEOUT_S."""
    started_s = due_s = None
    for frame in frames:
        if started_s is None or due_s is None:
            started_s = due_s = frame.at_s
        if frame.at_s - started_s > TIMEOUT_S:
            return
        if frame.at_s >= due_s:
            due_s = frame.at_s + SHOT_INTERVAL_S
            yield frame


def inconsistent_pairs(pictures: EnrollmentPictures, min_score: float) -> list[str]:
    """Return a line for each two pictures that are too different to show one person."""
    singles = [template(embedding[None]) for embedding in pictures.templates]
    pairs = itertools.combinations(zip(pictures.names, singles, strict=True), 2)
    return [
        f"{first_name} and {second_name} do not look like one person to the network "
        f"(score {value:.2f}, need {min_score:.2f})"
        for (first_name, first), (second_name, second) in pairs
        if (value := score(first, second)) < min_score
    ]


def lookalikes(
    new: EnrolledPerson, people: Sequence[EnrolledPerson], min_score: float
) -> list[str]:
    """Return a line for each enrolled person whom the new one may be confused with."""
    new_template = template(new.templates)
    scores = [(score(new_template, template(person.templates)), person) for person in people]
    return [
        f"looks like {person.name} to the network (score {value:.2f}, threshold {min_score:.2f}): "
        "Facet may confuse the two"
        for value, person in sorted(scores, key=lambda pair: -pair[0])
        if value >= min_score
    ]
