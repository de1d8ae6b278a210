"""Make a person's templates of photos or of a camera's frames, and refuse what makes poor ones."""

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..attributes.classifier import Classifier
from ..errors import FacetError
from ..faces.blazeface import BlazeFace
from ..faces.quality_gate import Limits, look
from ..settings import Settings
from ..types import BLURRED, OK, TOO_SMALL, TURNED_AWAY, Frame
from .embedding import Embedder
from .face_crop import chip
from .gallery import score, template
from .store import EnrolledPerson

MIN_FACE = 64.0  # px; a template stays for years, so it is made of more than a guess is
SHOTS = 5  # of a camera: enough to show a face in several ways
APART_S = 0.7  # between two shots, for the face to move
PATIENCE_S = 40.0  # for the shots
NOBODY, SEVERAL = "no face", "several faces"
HINTS = {
    NOBODY: "nobody is in the picture, or in too little light",
    SEVERAL: "only who is enrolled may be in the picture",
    TOO_SMALL: f"come closer, a face must be {MIN_FACE:.0f} px wide",
    BLURRED: "hold still, wipe the lens, more light",
    TURNED_AWAY: "look into the camera",
}


class RefusedError(FacetError, ValueError):
    """A picture, or all of them, of which no template is made; `state` says why."""

    def __init__(self, state: str, wrong: str):
        self.state = state
        super().__init__(wrong, f"Hint: {HINTS[state]}")


class Enroller:
    """What makes templates; use it from one thread.

    Raises UsageError where dlib is missing, ModelError where a network is missing or broken.
    """

    def __init__(self, settings: Settings):
        faces = settings.faces
        self._detector = BlazeFace("back", faces.min_score)
        self._classifier = Classifier(settings.attributes.model)
        self._limits = Limits(MIN_FACE, faces.max_turn, faces.min_sharpness)
        self._embedder = Embedder()

    def embed(self, picture_bgr: np.ndarray) -> np.ndarray:
        """Return the embedding of the only face in a uint8 (H, W, 3) picture, float32 (128,).

        Raises RefusedError where there is none, several, or a small, turned or blurred one.
        """
        faces = self._detector.detect(picture_bgr)
        if len(faces) != 1:
            state = SEVERAL if faces else NOBODY
            raise RefusedError(state, f"{len(faces)} faces" if faces else NOBODY)
        state = look(picture_bgr, faces[0], self._classifier, self._limits).state
        if state != OK:
            raise RefusedError(state, f"the face is {state}")
        return self._embedder.embed(chip(picture_bgr, faces[0].landmarks))


@dataclass(frozen=True)
class Enrolled:
    """What pictures gave."""

    names: tuple[str, ...]  # of the pictures that were taken
    templates: np.ndarray  # float32 (pictures, 128)


def from_photos(
    frames: Iterable[Frame], enroller: Enroller, say: Callable[[str], None]
) -> Enrolled:
    """Return what photos give; those refused are said. Raises RefusedError where all are."""
    names, templates, refused = [], [], None
    for frame in frames:
        try:
            templates.append(enroller.embed(frame.bgr))
            names.append(frame.source)
        except RefusedError as error:
            say(f"refused: {frame.source}: {error}")
            refused = error
    if not templates:
        raise RefusedError(refused.state if refused else NOBODY, "no photo shows the face clearly")
    return Enrolled(tuple(names), np.array(templates))


def from_camera(
    frames: Iterable[Frame], enroller: Enroller, say: Callable[[str], None]
) -> Enrolled:
    """Return what a camera or a film gives: SHOTS good frames, APART_S apart.

    Says what it waits for. Raises RefusedError where no frame was good for PATIENCE_S.
    """
    templates: list[np.ndarray] = []
    states: Counter[str] = Counter()
    said = ""
    for frame in _apart(frames):
        try:
            templates.append(enroller.embed(frame.bgr))
            said = ""
            say(f"{len(templates)} of {SHOTS} taken, turn your head a little")
        except RefusedError as error:
            states[error.state] += 1
            if error.state != said:
                say(str(error))
                said = error.state
        if len(templates) == SHOTS:
            break
    if not templates:
        (state, count), *_ = states.most_common(1) or [(NOBODY, 0)]
        raise RefusedError(state, f"no good picture in {PATIENCE_S:.0f} s ({state}: {count})")
    names = tuple(f"shot {number}" for number in range(1, len(templates) + 1))
    return Enrolled(names, np.array(templates))


def _apart(frames: Iterable[Frame]) -> Iterator[Frame]:
    """Yield frames that are APART_S apart, for PATIENCE_S."""
    begun_s = due_s = None
    for frame in frames:
        if begun_s is None:
            begun_s, due_s = frame.at_s, frame.at_s
        if frame.at_s - begun_s > PATIENCE_S:
            return
        if frame.at_s >= due_s:
            due_s = frame.at_s + APART_S
            yield frame


def strangers(enrolled: Enrolled, min_score: float) -> list[str]:
    """Return a line for each two pictures that are not similar enough to be of one person."""
    pairs = itertools.combinations(zip(enrolled.names, enrolled.templates, strict=True), 2)
    return [
        f"{a} and {b} do not look like one person to the model (score {similar:.2f}, need "
        f"{min_score:.2f})"
        for (a, one), (b, other) in pairs
        if (similar := score(template(one[None]), template(other[None]))) < min_score
    ]


def lookalikes(
    new: EnrolledPerson, people: Sequence[EnrolledPerson], min_score: float
) -> list[str]:
    """Return a line for each known person whom the model may take the new one for."""
    mine = template(new.templates)
    similar = [(score(mine, template(one.templates)), one) for one in people]
    return [
        f"looks like {one.name} to the model (score {value:.2f}, one person from {min_score:.2f} "
        "on): each may be given the other's name"
        for value, one in sorted(similar, key=lambda pair: -pair[0])
        if value >= min_score
    ]
