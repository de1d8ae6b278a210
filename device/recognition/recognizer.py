"""Name the faces in view: compare each track once, and again only while the result is unsure."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from ..errors import FacetError
from ..faces.align import AlignError
from ..log import Repeated, log
from ..settings import PeopleSettings
from ..types import OK, UNKNOWN, Face, Frame
from .face_crop import face_crop
from .gallery import Gallery, Match
from .restarts import Embeddings, RestartedProcess
from .store import ENROLL, counted_people, read_people

MAX_EMBEDDINGS = 5  # of one track; more cost time and change little
REPEAT_S = 0.5  # between two embeddings of a track, for the face to move a little
UNSURE_RANGE = 0.05  # a score at least this far from the threshold needs no second embedding
RELOAD_S = 1.0  # between two checks whether the file has changed
FORGET_S = 60.0  # after which a track that is not in view is forgotten


@dataclass
class TrackIdentity:
    """What is known about who one track is."""

    visible_s: float  # when the track was last in view
    submitted_s: float = -np.inf  # when its last crop was submitted
    embeddings: list[np.ndarray] = field(default_factory=list)  # float32 (128,) each
    match: Match | None = None


class Recognizer:
    """Names the faces in view; a context manager, to be used from one thread.

    live: False waits for the embedding of each frame, so that the names in a video or photo do not
    depend on the computer's speed; True takes it when it is ready. process: computes the
    embeddings. stopping: whether to stop a wait for them. Errors as for `read_people` and
    `RestartedProcess`.
    """

    def __init__(
        self,
        settings: PeopleSettings,
        live: bool,
        process: Embeddings | None = None,
        stopping: Callable[[], bool] = lambda: False,
        clock_s: Callable[[], float] = time.monotonic,
    ):
        self._settings, self._live, self._clock_s = settings, live, clock_s
        self._process = process or RestartedProcess(stopping)
        self._submitted: TrackIdentity | None = None  # whose embedding is being computed
        self._identities: dict[int, TrackIdentity] = {}  # by track
        self._file_state = self._read_file_state()
        self._gallery = Gallery(read_people(settings.file), settings.min_score)
        self._checked_s = clock_s()  # when the file was last checked
        self._refusals = Repeated(clock_s=clock_s)  # of a file that changed
        self._recoveries = Repeated(clock_s=clock_s)
        self._refused = False  # the latest change

    def __enter__(self) -> Self:
        self._process.__enter__()
        count, file = len(self._gallery.names), self._settings.file
        if count:
            log.info(f"{counted_people(count)} in {file}")
        else:
            log.info(f"no enrolled people in {file}, every face is {UNKNOWN}. Try: {ENROLL}")
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.__exit__(*exc)

    def identify(self, frame: Frame, faces: Sequence[Face]) -> list[Face]:
        """Return a frame's faces with the names and scores that are known by now."""
        self._reload()
        self._process.check()
        self._collect(wait=False)
        for face in faces:
            identity = self._identities.setdefault(face.id, TrackIdentity(frame.at_s))
            identity.visible_s = frame.at_s
        for face in sorted(faces, key=lambda face: len(self._identities[face.id].embeddings)):
            if self._process.busy:
                break
            if self._is_due(face, frame):
                self._submit(frame, face)
        self._forget_old(frame.at_s)
        return [self._named(face) for face in faces]

    def forget(self) -> None:
        """Start anew: the next frame's ids are other people."""
        self._identities = {}

    def _forget_old(self, now_s: float) -> None:
        self._identities = {
            id: identity
            for id, identity in self._identities.items()
            if now_s - identity.visible_s <= FORGET_S
        }

    def _is_due(self, face: Face, frame: Frame) -> bool:
        clear = face.state == OK and face.box[2] * frame.scale >= self._settings.min_face
        if not (clear and self._gallery.names):
            return False
        identity = self._identities[face.id]
        if identity.match is None:
            return True
        unsure = abs(identity.match.score - self._settings.min_score) < UNSURE_RANGE
        rested = frame.at_s - identity.submitted_s >= REPEAT_S
        return unsure and rested and len(identity.embeddings) < MAX_EMBEDDINGS

    def _submit(self, frame: Frame, face: Face) -> None:
        try:
            crop_rgb = face_crop(frame.bgr, face.landmarks)
        except AlignError:  # the predicted landmarks moved together since the quality gate
            return
        self._submitted = self._identities[face.id]
        self._submitted.submitted_s = frame.at_s
        self._process.submit(crop_rgb)
        if not self._live:
            self._collect(wait=True)

    def _collect(self, wait: bool) -> None:
        """Match the track whose embedding was submitted, if the embedding is ready."""
        identity = self._submitted
        if identity is None:
            return
        embedding = self._process.result(wait)
        if embedding is not None:
            self._submitted = None
            identity.embeddings.append(embedding)
            self._match(identity)

    def _match(self, identity: TrackIdentity) -> None:
        identity.match = self._gallery.match(np.array(identity.embeddings))

    def _named(self, face: Face) -> Face:
        if not self._gallery.names:
            return replace(face, person=UNKNOWN)
        match = self._identities[face.id].match
        return replace(face, person=match.name, person_score=match.score) if match else face

    def _reload(self) -> None:
        """Apply what `python -m device.people` has changed in the file."""
        now_s = self._clock_s()
        if now_s - self._checked_s < RELOAD_S:
            return
        self._checked_s = now_s
        file_state = self._read_file_state()
        if file_state == self._file_state:
            return
        self._file_state = file_state
        try:
            people = read_people(self._settings.file)
        except FacetError as error:  # ends the next start; until then the gallery stays as it is
            known = counted_people(len(self._gallery.names))
            self._refusals.warning(f"the file is not used, {known} as before: {error}")
            self._refused = True
            return
        if self._refused:
            self._recoveries.info(f"{counted_people(len(people))} in {self._settings.file} again")
        self._refused = False
        self._gallery = Gallery(people, self._settings.min_score)
        for identity in self._identities.values():
            if identity.embeddings:
                self._match(identity)

    def _read_file_state(self) -> tuple[int, ...]:
        """Return what changes whenever the file does; empty if it is missing."""
        try:
            status = self._settings.file.stat()
        except OSError:
            return ()
        # st_ctime_ns: also where its rights change, so that a file nobody could read is read again.
        return status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size
