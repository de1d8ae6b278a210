"""Tell who the people before the camera are: once per track, and again only while unsure."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ..errors import FacetError
from ..faces.align import AlignError
from ..log import log
from ..settings import PeopleSettings
from ..types import OK, UNKNOWN, Frame, Track
from .embedding_process import EmbeddingProcess
from .face_crop import chip
from .gallery import Gallery, Match
from .store import ENROL, read_people

MOST_LOOKS = 5  # at one track; more cost time and change little
AGAIN_S = 0.5  # between two looks, so that they show the face a little differently
SURE = 0.05  # so far from the least score one look is enough
RELOAD_S = 1.0  # who is removed meanwhile is forgotten, who is added is known
KEPT_S = 60.0  # what is believed of a track that is not seen; then it is looked at anew


@dataclass
class Belief:
    """Who one track is taken for."""

    seen_s: float
    asked_s: float = -np.inf
    embeddings: list[np.ndarray] = field(default_factory=list)  # float32 (128,), one a look
    match: Match | None = None


class Recognizer:
    """Who everybody is; a context manager, to be used from one thread.

    live: names come when they are known, while frames go on; else each frame waits for its own, so
    that what is said of a film or a photo does not depend on how fast the machine is. beside:
    computes embeddings. Errors: as of `read_people` and `EmbeddingProcess`.
    """

    def __init__(
        self, settings: PeopleSettings, live: bool, beside: EmbeddingProcess | None = None
    ):
        self._settings, self._live = settings, live
        self._beside = beside or EmbeddingProcess()
        self._asked: Belief | None = None  # whose embedding is being computed
        self._beliefs: dict[int, Belief] = {}  # by track
        self._stamp = self._file_stamp()
        self._gallery = Gallery(read_people(settings.file), settings.min_score)
        self._looked_s = time.monotonic()

    def __enter__(self):
        self._beside.__enter__()
        known = len(self._gallery.names)
        if known:
            log.info(
                f"{known} known {'person' if known == 1 else 'people'} in {self._settings.file}"
            )
        else:
            log.info(f"nobody is known yet, so everybody is {UNKNOWN}. Run: {ENROL}")
        return self

    def __exit__(self, *exc):
        self._beside.__exit__(*exc)

    def update(self, frame: Frame, tracks: Sequence[Track]) -> list[Track]:
        """Return the tracks with who they are, as far as that is known."""
        self._reload()
        self._take(wait=False)
        for track in tracks:
            self._beliefs.setdefault(track.id, Belief(frame.at_s)).seen_s = frame.at_s
        for track in sorted(tracks, key=lambda one: len(self._beliefs[one.id].embeddings)):
            if self._beside.busy:
                break
            if self._is_due(track, frame.at_s):
                self._look(frame, track)
        self._beliefs = {
            track: belief
            for track, belief in self._beliefs.items()
            if frame.at_s - belief.seen_s <= KEPT_S
        }
        return [self._named(track) for track in tracks]

    def forget(self) -> None:
        """Start anew: the next photo's tracks are other people."""
        self._beliefs = {}

    def _is_due(self, track: Track, now_s: float) -> bool:
        clear = track.state == OK and track.face.box[2] >= self._settings.min_face
        if not (clear and self._gallery.names):
            return False
        belief = self._beliefs[track.id]
        if belief.match is None:
            return True
        unsure = abs(belief.match.score - self._settings.min_score) < SURE
        waited = now_s - belief.asked_s >= AGAIN_S
        return unsure and waited and len(belief.embeddings) < MOST_LOOKS

    def _look(self, frame: Frame, track: Track) -> None:
        try:
            pixels = chip(frame.bgr, track.face.landmarks)
        except AlignError:  # landmarks moved together since it was told
            return
        self._asked = self._beliefs[track.id]
        self._asked.asked_s = frame.at_s
        self._beside.ask(pixels)
        if not self._live:
            self._take(wait=True)

    def _take(self, wait: bool) -> None:
        """Add the embedding that was asked for to what is believed, if it has come."""
        if not self._beside.busy:
            return
        embedding = self._beside.answer(wait)
        if embedding is None:
            return
        belief = self._asked
        belief.embeddings.append(embedding)
        belief.match = self._gallery.match(np.array(belief.embeddings))

    def _named(self, track: Track) -> Track:
        if not self._gallery.names:
            return replace(track, person=UNKNOWN)
        match = self._beliefs[track.id].match
        return replace(track, person=match.name, person_score=match.score) if match else track

    def _reload(self) -> None:
        """Take over what `python -m device.people` changed meanwhile."""
        now_s = time.monotonic()
        if now_s - self._looked_s < RELOAD_S:
            return
        self._looked_s = now_s
        stamp = self._file_stamp()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            people = read_people(self._settings.file)
        except FacetError as error:  # of the next start; what is known holds until then
            log.info(str(error))
            return
        self._gallery = Gallery(people, self._settings.min_score)
        for belief in self._beliefs.values():
            if belief.embeddings:
                belief.match = self._gallery.match(np.array(belief.embeddings))

    def _file_stamp(self) -> tuple[int, ...]:
        try:
            about = self._settings.file.stat()
        except OSError:
            return ()
        return about.st_ino, about.st_mtime_ns, about.st_size
