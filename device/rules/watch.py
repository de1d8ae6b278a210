"""When a rule fires: a face has fulfilled its condition for so long, and the last time is past.

A crossing of a line is an instant: a condition with one is tested on each crossing, and then only.
All times are on the frames' clock, so a film fires as a camera does, however fast it is read.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..conditions.evaluate import evaluate, facts_of
from ..conditions.tree import Condition, attributes_in, names_crossing, names_person
from ..faces.frame_rate import FrameRate
from ..outputs.live import CountedCrossing, counted_crossings
from ..rowlog import timestamp
from ..settings import RuleSettings
from ..types import Crossing, Face, Result

NOBODY = 0  # key of what holds for the picture as a whole; tracks are numbered from 1
ROUNDING_S = 1e-6  # of sums of frame intervals


@dataclass(frozen=True, slots=True, eq=False)
class Firing:
    """A rule that fired."""

    id: str
    """Of this firing, the same in every attempt to report it."""
    rule: str
    """Its name, or its condition without one."""
    face: Face | None
    """Whose probabilities fulfilled the condition, or who crossed a line; None if it depends on no
    single face."""
    values: Mapping[str, float]
    """Probabilities of the attributes in the condition, 0..1."""
    person: str
    """Name of an enrolled person, if the condition asks for one; else empty."""
    people: int
    """Faces in view."""
    time: str
    """UTC of the frame, as in the logs."""
    at_s: float
    """s on the frames' clock."""
    source: str
    """Name of the camera or of the file."""
    result: Result | None
    """The frame and its faces; None where no picture is needed."""
    crossing: Crossing | None = None
    """The crossing of a line, if the condition names one."""

    def record(self) -> dict[str, Any]:
        """Return what is reported: text and numbers, no picture."""
        return {
            "id": self.id,
            "rule": self.rule,
            "time": self.time,
            "source": self.source,
            "face": self.face.id if self.face else None,
            "people": self.people,
            "values": {name: round(value, 3) for name, value in self.values.items()},
            **({"person": self.person} if self.person else {}),
            **(
                {"line": self.crossing.line, "direction": self.crossing.direction}
                if self.crossing
                else {}
            ),
        }


@dataclass(slots=True)
class Hold:
    """How long a face has fulfilled the condition without a pause."""

    since_s: float
    true_s: float
    fired: bool = False


class RuleWatch:
    """Watches one rule.

    condition: the parsed `when` of `rule`. thresholds: 0..1, by attribute name. max_lost_s: so long
    a face may be unclear or out of view, and its time goes on; then it begins anew.
    """

    def __init__(
        self,
        rule: RuleSettings,
        condition: Condition,
        thresholds: Mapping[str, float],
        max_lost_s: float,
    ):
        self.rule, self.condition = rule, condition
        self._thresholds, self._max_lost_s = thresholds, max_lost_s
        self._attributes, self._person = attributes_in(condition), names_person(condition)
        self._at_crossings = names_crossing(condition)
        self._holds: dict[int, Hold] = {}
        self._frame_rate = FrameRate()
        self._fired_s: float | None = None

    def update(
        self, result: Result, crossings: Sequence[CountedCrossing] | None = None
    ) -> Sequence[Firing]:
        """Take one result; return the firings, more than one only without a cooldown.

        crossings: those since the last call, of the results between too; None: of this result.
        """
        if self._at_crossings:
            crossings = counted_crossings(result) if crossings is None else crossings
            return [one for counted in crossings for one in self._cross(counted, result)]
        now_s = result.frame.at_s
        self._frame_rate.add(now_s)
        lost_s = self._frame_rate.lost_s(self._max_lost_s)
        self._holds = {k: hold for k, hold in self._holds.items() if now_s - hold.true_s <= lost_s}
        firings = []
        for face in self._candidates(result):
            key = face.id if face else NOBODY
            hold = self._hold(key, face, len(result.faces), now_s)
            if hold and not hold.fired and self._is_due(hold, now_s):
                hold.fired, self._fired_s = True, now_s
                firings.append(self._firing(face, result))
        return firings

    def _candidates(self, result: Result) -> Sequence[Face | None]:
        """Return the faces that the condition is tested on; None: the picture as a whole."""
        if not (self._attributes or self._person):
            return (None,)
        return tuple(result.faces) or (None,)

    def _hold(self, key: int, face: Face | None, people: int, now_s: float) -> Hold | None:
        """Return since when a face fulfils the condition; None if it does not now."""
        truth = evaluate(self.condition, facts_of(face, people), self._thresholds)
        if truth is None:
            return None  # its time goes on for max_lost_s
        if not truth:
            self._holds.pop(key, None)
            return None
        hold = self._holds.setdefault(key, Hold(now_s, now_s))
        hold.true_s = now_s
        return hold

    def _is_due(self, hold: Hold, now_s: float) -> bool:
        return now_s - hold.since_s >= self.rule.for_s - ROUNDING_S and self._is_cool(now_s)

    def _is_cool(self, now_s: float) -> bool:
        since_s = None if self._fired_s is None else now_s - self._fired_s
        return since_s is None or since_s >= self.rule.cooldown_s - ROUNDING_S

    def _cross(self, counted: CountedCrossing, result: Result) -> Sequence[Firing]:
        """Return the firing of a crossing; result: the newest, whose picture a snapshot shows."""
        facts = facts_of(counted.face, counted.people, counted.crossing)
        fulfilled = evaluate(self.condition, facts, self._thresholds)
        if not (fulfilled and self._is_cool(counted.at_s)):
            return ()
        self._fired_s = counted.at_s
        firing = self._firing(counted.face, result)
        return (
            replace(
                firing,
                people=counted.people,
                time=timestamp(counted.crossing.time),
                at_s=counted.at_s,
                crossing=counted.crossing,
            ),
        )

    def _firing(self, face: Face | None, result: Result) -> Firing:
        known = face.probabilities if face else {}
        return Firing(
            secrets.token_hex(8),
            self.rule.title,
            face,
            {name: known[name] for name in self._attributes if name in known},
            face.person if face and self._person else "",
            len(result.faces),
            timestamp(result.frame.time),
            result.frame.at_s,
            result.frame.source,
            result,
        )
