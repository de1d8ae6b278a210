"""What is in view, held so long that values do not flicker: a recorder stores every change."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Generic, TypeVar

from ..outputs.live import EndedVisit
from ..types import UNKNOWN, Result

Key = TypeVar("Key", bound=Hashable)


class Held(Generic[Key]):
    """The keys that were present within the last hold_s seconds."""

    def __init__(self, hold_s: float):
        self._hold_s = hold_s
        self._until: dict[Key, float] = {}

    def update(self, present: Iterable[Key], now_s: float) -> set[Key]:
        """Note what is present at now_s; return what is, or was a moment ago."""
        self._until.update(dict.fromkeys(present, now_s + self._hold_s))
        self._until = {key: end for key, end in self._until.items() if end >= now_s}
        return set(self._until)


class InView:
    """The number of people in view, which attributes one of them has, and enrolled people's names.

    thresholds: of the attributes to report, 0..1. Values rise at once and fall after hold_s.
    """

    def __init__(self, thresholds: Mapping[str, float], hold_s: float):
        self._thresholds = thresholds
        self._counts: Held[int] = Held(hold_s)
        self._attributes: Held[str] = Held(hold_s)
        self._names: Held[str] = Held(hold_s)
        self.people = 0
        self.attributes: dict[str, bool] = dict.fromkeys(thresholds, False)
        self.names: tuple[str, ...] = ()

    def update(self, result: Result | None, now_s: float) -> None:
        """Take the newest result; None while the camera gives none."""
        faces = result.faces if result else ()
        present = {
            name
            for name, threshold in self._thresholds.items()
            for face in faces
            if face.probabilities.get(name, -1.0) >= threshold
        }
        named = {face.person for face in faces if face.person not in ("", UNKNOWN)}
        self.people = max(self._counts.update([len(faces)] if result else [], now_s), default=0)
        held = self._attributes.update(present, now_s)
        self.attributes = {name: name in held for name in self._thresholds}
        self.names = tuple(sorted(self._names.update(named, now_s)))


class SteppedNumber:
    """A number that changes only if it moved by a step: no new value for each tenth of a degree."""

    def __init__(self, step: float, share: float = 0.0):
        """step: least change; share: least change as a share of the value. The larger counts."""
        self._step, self._share = step, share
        self._value: float | None = None

    def update(self, value: float | None) -> float | None:
        """Return the value to report."""
        if value is None or self._value is None or self._moved(self._value, value):
            self._value = value
        return self._value

    def _moved(self, old: float, new: float) -> bool:
        return abs(new - old) >= max(self._step, self._share * abs(old))


class VisitsToday:
    """The number of visits that began today, by the computer's time zone.

    earlier: first_seen of visits of earlier runs. today: returns the local date.
    """

    def __init__(self, earlier: Iterable[str] = (), today: Callable[[], date] = date.today):
        self._today, self._day = today, today()
        self._count = sum(local_date(text) == self._day for text in earlier)
        self.number = 0
        """Of the last visit that was counted."""

    def update(self, ended: Sequence[EndedVisit]) -> int:
        """Count further visits; return how many began today."""
        if self._today() != self._day:
            self._day, self._count = self._today(), 0
        for one in ended:
            self.number = one.number
            self._count += local_date(one.visit.first_seen) == self._day
        return self._count


def local_date(text: str) -> date | None:
    """Return the local date of a time in a log; None for what is no time."""
    try:
        return datetime.fromisoformat(text.rstrip("?")).astimezone().date()
    except (ValueError, OverflowError):
        return None
