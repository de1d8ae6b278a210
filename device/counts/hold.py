"""Join visits: a face that comes back at the same place a moment later is the same visit.

By place and time only. No face is compared with another: that would be recognition. So it cannot
know that a person came back at another place, who is counted again, and that another one took
the place, who is not counted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..numeric import logit
from ..types import Box, Probabilities, Result
from .counter import CountedVisit

NEAR = 1.0  # face widths between the places of two boxes that may be one person's
SIZES = (0.5, 2.0)  # of the second box, in widths of the first


@dataclass(frozen=True, slots=True)
class SeenVisit:
    """A visit that is over, or seems to be."""

    first_s: float
    """s on the frames' clock."""
    last_s: float
    first_box: Box
    last_box: Box
    log_odds: np.ndarray | None
    """Of the chosen attributes, from their thresholds, each where it was clearest."""

    def counted(self) -> CountedVisit:
        """Return what is counted of it."""
        found = self.log_odds
        present = None if found is None else tuple(bool(value >= 0) for value in found)
        return CountedVisit(self.last_s - self.first_s, present)


def is_near(first: Box, second: Box) -> bool:
    """Whether two boxes, the second seen later, may be of one person who stayed."""
    (x, y, w, h), (x2, y2, w2, h2) = first, second
    apart = max(abs((x2 + w2 / 2) - (x + w / 2)), abs((y2 + h2 / 2) - (y + h / 2)))
    return apart <= NEAR * w and SIZES[0] * w <= w2 <= SIZES[1] * w


def joined(first: SeenVisit, second: SeenVisit) -> SeenVisit:
    """Return two visits, the second later, as one."""
    clearest = first.log_odds if second.log_odds is None else second.log_odds
    if first.log_odds is not None and second.log_odds is not None:
        clearer = np.abs(first.log_odds) > np.abs(second.log_odds)
        clearest = np.where(clearer, first.log_odds, second.log_odds)
    return replace(second, first_s=first.first_s, first_box=first.first_box, log_odds=clearest)


class VisitHold:
    """Follows the boxes of faces, and gives out visits that nobody continued for hold_s seconds.

    thresholds: 0..1, of the chosen attributes.
    """

    def __init__(self, thresholds: Mapping[str, float], hold_s: float):
        self._names = tuple(thresholds)
        self._limits = logit(np.array(list(thresholds.values()), np.float32))
        self._hold_s = hold_s
        self._first: dict[int, tuple[float, Box]] = {}  # by track
        self._last: dict[int, tuple[float, Box]] = {}
        self._over: list[SeenVisit] = []  # that a later track may continue

    def follow(self, result: Result) -> None:
        """Note the places of the faces in a frame."""
        now_s = result.frame.at_s
        for face in result.faces:
            if face.id not in self._first:
                self._first[face.id] = now_s, face.box
            self._last[face.id] = now_s, face.box

    def end(self, track: int, clearest: Probabilities) -> None:
        """Note that a track is over."""
        if track not in self._first:
            return
        (first_s, first_box), (last_s, last_box) = self._first.pop(track), self._last.pop(track)
        log_odds = None
        if clearest:
            values = np.array([clearest[name] for name in self._names], np.float32)
            log_odds = logit(values) - self._limits
        self._over.append(SeenVisit(first_s, last_s, first_box, last_box, log_odds))

    def take(self, now_s: float) -> Sequence[CountedVisit]:
        """Return the visits that nobody can continue any more at `now_s`."""
        if not self._over:
            return []
        self._join()
        due = [
            visit
            for visit in self._over
            if visit.last_s + self._hold_s < now_s and not self._may_continue(visit)
        ]
        self._over = [visit for visit in self._over if not any(visit is one for one in due)]
        return [visit.counted() for visit in due]

    def close(self) -> Sequence[CountedVisit]:
        """Return the visits that are over."""
        self._join()
        over, self._over = self._over, []
        return [visit.counted() for visit in over]

    def _may_continue(self, visit: SeenVisit) -> bool:
        return any(self._continues(visit, first_s, box) for first_s, box in self._first.values())

    def _continues(self, visit: SeenVisit, first_s: float, box: Box) -> bool:
        in_time = 0 < first_s - visit.last_s <= self._hold_s
        return in_time and is_near(visit.last_box, box)

    def _join(self) -> None:
        """Join the visits that are over, earliest first."""
        chains = list[SeenVisit]()
        for visit in sorted(self._over, key=lambda one: one.first_s):
            for place, chain in enumerate(chains):
                if self._continues(chain, visit.first_s, visit.first_box):
                    chains[place] = joined(chain, visit)
                    break
            else:
                chains.append(visit)
        self._over = chains
