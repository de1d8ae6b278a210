"""List the messages that were refused, store those that can be stored by now, delete old ones.

An ingest that is older than a camera refuses its messages; after an update `store_again` stores
them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ..store.rows import CountRow, VisitRow
from ..store.store import Store
from .database import FleetDatabase, Letter, add_rows, storable_text
from .records import CameraRow, Refusal, record_of

BATCH = 500  # of one transaction; 30 MB, if each message is as large as the broker lets it be
PAST = "says how its camera was then; the camera has said it again since"

SUMMARY = """\
SELECT topic, reason, count(*), sum(times)::bigint, min(first), max(last) FROM dead_letters
GROUP BY topic, reason ORDER BY max(last) DESC, topic, reason"""
# Locked until their rows are stored, so that two of these commands do not store one twice.
NEXT = """\
SELECT topic, digest, reason, payload FROM dead_letters WHERE (topic, digest) > (%s, %s)
ORDER BY topic, digest LIMIT %s FOR UPDATE"""
DELETE = "DELETE FROM dead_letters WHERE topic = %s AND digest = %s"
UPDATE_REASON = "UPDATE dead_letters SET reason = %s WHERE topic = %s AND digest = %s"
DELETE_OLDER = "DELETE FROM dead_letters WHERE last < %s"


@dataclass(frozen=True, slots=True)
class Group:
    """The dead letters of one topic that were refused for one reason."""

    topic: str
    reason: str
    messages: int
    times: int
    """How often they came; one that comes again is no further message."""
    first: datetime
    last: datetime


@dataclass(slots=True)
class StoredAgain:
    """What became of the dead letters."""

    visits: int = 0
    counts: int = 0
    left: Counter[str] = field(default_factory=Counter)
    """How many are left, by the reason."""


@dataclass(frozen=True, slots=True)
class _DeadLetter:
    key: tuple[str, str]
    """Topic and digest."""
    reason: str
    letter: Letter


def groups(database: FleetDatabase) -> list[Group]:
    """Return the dead letters by topic and reason, the newest first; raises as `open`."""
    with database.using() as (_, engine):
        return [Group(*row) for row in engine.connection.execute(SUMMARY).fetchall()]


def store_again(database: FleetDatabase, batch_size: int = BATCH) -> StoredAgain:
    """Store the dead letters that are visits or counts by now; each is stored and deleted at once.

    The others stay, with the reason why. Raises as `open`; what was stored before that stays
    stored, and a second call goes on.
    """
    result, after = StoredAgain(), ("", "")
    while True:
        with database.using() as (store, engine), engine.transaction() as cursor:
            cursor.execute(NEXT, (*after, batch_size))
            batch = [_dead_letter(*row) for row in cursor.fetchall()]
            reasons = dict(_store(store, batch))
            for one in batch:
                if (reason := reasons.get(one.key)) is None:
                    cursor.execute(DELETE, one.key)
                elif reason != one.reason:
                    cursor.execute(UPDATE_REASON, (reason, *one.key))
        if not batch:
            return result
        after = batch[-1].key
        result.left.update(reasons.values())
        stored = [one.letter.record for one in batch if one.key not in reasons]
        result.visits += sum(isinstance(record, VisitRow) for record in stored)
        result.counts += sum(isinstance(record, CountRow) for record in stored)


def delete_older(database: FleetDatabase, before: datetime) -> int:
    """Delete the dead letters that came last before a time; return how many. Raises as `open`."""
    with database.using() as (_, engine):
        return engine.connection.execute(DELETE_OLDER, (before,)).rowcount


def _dead_letter(topic: str, digest: str, reason: str, payload: Any) -> _DeadLetter:
    content = bytes(payload)
    return _DeadLetter((topic, digest), reason, Letter(topic, content, record_of(topic, content)))


def _store(store: Store, batch: list[_DeadLetter]) -> Iterator[tuple[tuple[str, str], str]]:
    """Store what can be stored; yield the keys of the rest, each with the reason."""
    storable: list[Letter] = []
    keys: dict[int, tuple[str, str]] = {}
    for one in batch:
        keys[id(one.letter)] = one.key
        match one.letter.record:
            case Refusal(reason):
                yield one.key, storable_text(reason)
            case CameraRow():
                yield one.key, PAST
            case _:
                storable.append(one.letter)
    for letter, reason in add_rows(store, storable):
        yield keys[id(letter)], storable_text(reason)
