"""Follow people from frame to frame: which of this frame's faces is whose.

Each person's landmarks are predicted by a constant velocity (an alpha-beta filter, which is the
steady state of a Kalman filter); a face goes to the person whose prediction it meets best by
overlap of the boxes and distance of the landmarks, one to one.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ..types import Box, Face

ALPHA, BETA = 0.8, 0.3  # how much of a surprise goes into the place, and into the speed
FARTHEST = 1.0  # mean landmark distance, in face widths, beyond which a face is somebody else
ENOUGH_MISSES = 2  # looks in a row that found nobody: the person has gone, if only for now
SPEED_FADES_S = 0.5  # unseen for so long, a person has most likely stopped


@dataclass
class Person:
    """One person who is being followed."""

    face: Face  # as last seen
    seen_s: float  # when that was
    velocity: np.ndarray  # float64 (4, 2): of the landmarks, px/s
    first_s: float
    hits: int = 1  # frames in which the person was seen
    misses: int = 0  # looks in a row that did not find the person
    id: int = 0  # from 1; 0 until confirmed
    motion: tuple[float, float] = (0.0, 0.0)  # of the whole face, px/s
    _moved: tuple[float, Face] | None = None  # when, and where it then should be

    def at(self, now_s: float) -> Face:
        """Return the face where it should be now: as seen, or moved as it was moving."""
        if now_s <= self.seen_s:
            return self.face
        if self._moved is None or self._moved[0] != now_s:
            ahead_s = self._ahead_s(now_s)
            dx, dy = (ahead_s * speed for speed in self.motion)
            x, y, w, h = self.face.box
            landmarks = self.face.landmarks + self.velocity * ahead_s
            self._moved = now_s, Face((x + dx, y + dy, w, h), self.face.score, landmarks)
        return self._moved[1]

    def see(self, face: Face, now_s: float) -> None:
        """Take a face for this person's."""
        passed = max(now_s - self.seen_s, 1e-3)
        surprise = face.landmarks - self.at(now_s).landmarks
        self.velocity = self.velocity + BETA * surprise / passed
        self.motion = tuple(self.velocity.mean(axis=0).tolist())
        self.face, self.seen_s, self._moved = face, now_s, None
        self.hits, self.misses = self.hits + 1, 0

    def _ahead_s(self, now_s: float) -> float:
        """Return for how long the person has moved on since, s; whoever is unseen slows down."""
        return SPEED_FADES_S * (1 - math.exp(-(now_s - self.seen_s) / SPEED_FADES_S))


@dataclass
class Tracker:
    """Everybody who is being followed; use it from one thread.

    confirm: frames in which a person must be seen to get an id; fewer lets false faces in, more
    shows people later. hold_s: how long one who is not seen keeps the id; shorter gives one person
    several ids, longer gives the next person the last one's.
    """

    confirm: int = 3
    hold_s: float = 1.0
    _people: list[Person] = field(default_factory=list)
    _ids: int = 0

    def update(
        self, faces: list[Face], now_s: float, looked_for: Sequence[Person] | None = None
    ) -> list[Person]:
        """Return everybody confirmed and seen in this frame, in the order of `faces`.

        looked_for: those whom this frame would have shown; None: everybody.
        """
        self._people = [one for one in self._people if self._stays(one, now_s)]
        pairs = _match(self._people, faces, now_s)
        seen: list[Person] = []
        for number, face in enumerate(faces):
            person = pairs.get(number)
            if person:
                person.see(face, now_s)
            else:
                person = Person(face, now_s, np.zeros_like(face.landmarks), now_s)
                self._people.append(person)
            if not person.id and person.hits >= self.confirm:
                self._ids += 1
                person.id = self._ids
            seen.append(person)
        for person in self._people if looked_for is None else looked_for:
            if all(person is not one for one in seen):
                person.misses += 1
        return [one for one in seen if one.id]

    @property
    def people(self) -> list[Person]:
        """Everybody who is being followed, confirmed or not."""
        return self._people

    def present(self) -> list[Person]:
        """Return everybody confirmed and not missed, from left to right."""
        present = [one for one in self._people if one.id and one.misses < ENOUGH_MISSES]
        return sorted(present, key=lambda one: one.face.box[0])

    def renew(self, person: Person) -> None:
        """Give a person a new number, who turned out to be somebody else in the same place."""
        self._ids += 1
        person.id, person.hits = self._ids, 1

    @property
    def ids(self) -> set[int]:
        """Who is being followed and confirmed, seen or not."""
        return {person.id for person in self._people if person.id}

    def _stays(self, person: Person, now_s: float) -> bool:
        # Before it is confirmed a face may be a false one.
        doubtful = not person.id and person.misses >= ENOUGH_MISSES
        return now_s - person.seen_s <= self.hold_s and not doubtful


def _match(people: list[Person], faces: list[Face], now_s: float) -> dict[int, Person]:
    """Return face number -> person, the surest pairs first, each face and person once."""
    costs = []
    for person in people:
        expected = person.at(now_s)
        for number, face in enumerate(faces):
            away = distance(face, expected)
            if away <= FARTHEST:
                costs.append((away - overlap(face.box, expected.box), number, person))
    pairs: dict[int, Person] = {}
    for _, number, person in sorted(costs, key=lambda one: one[0]):
        if number not in pairs and all(other is not person for other in pairs.values()):
            pairs[number] = person
    return pairs


def distance(face: Face, expected: Face) -> float:
    """Return the mean distance of two faces' landmarks, in widths of the wider one."""
    pairs = zip(face.landmarks.tolist(), expected.landmarks.tolist(), strict=True)
    apart = sum(math.dist(one, other) for one, other in pairs) / len(face.landmarks)
    return apart / max(face.box[2], expected.box[2], 1.0)


def overlap(one: Box, other: Box) -> float:
    """Return the intersection over union of two boxes."""
    (x, y, w, h), (a, b, c, d) = one, other
    wide = min(x + w, a + c) - max(x, a)
    high = min(y + h, b + d) - max(y, b)
    shared = max(0.0, wide) * max(0.0, high)
    return shared / max(w * h + c * d - shared, 1e-9)
