"""What SQLite and PostgreSQL do alike."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from device.errors import UsageError
from device.outputs.visit_id import visit_id
from device.outputs.visits import Visit
from device.store import schema
from device.store.rows import CountRow, VisitRow, iso, row_of_message, row_of_visit
from device.store.store import Store
from device.types import Probabilities

ROW = VisitRow(
    "0123456789abcdef",
    "kitchen",
    "2026-11-27T08:53:20.024Z",
    "2026-11-27T08:53:30.000Z",
    True,
    10.0,
    42,
    {"Smiling": 0.25},
    "usb:0",
    3,
)
Reopen = Callable[[], Store]


def another(number: int, **changes: Any) -> VisitRow:
    return dataclasses.replace(ROW, id=f"{number:016x}", **changes)


def test_a_visit_is_one_row_with_its_values(reopen: Reopen):
    with reopen() as store:
        store.add_visits([ROW])
        (row,) = store.query("SELECT * FROM visits")
    assert (row["id"], row["camera"], row["track"], row["dwell_s"]) == (ROW.id, "kitchen", 3, 10.0)
    attributes = row["attributes"]
    assert (json.loads(attributes) if isinstance(attributes, str) else attributes) == {
        "Smiling": 0.25
    }
    first = row["first_seen"]
    assert (first if isinstance(first, str) else iso(first)) == ROW.first_seen


def test_a_visit_that_comes_twice_is_one_row(reopen: Reopen):
    message = dataclasses.replace(ROW, source=None, track=None)
    with reopen() as store:
        store.add_visits([ROW, ROW])
        store.add_visits([message])
    with reopen() as store:
        store.add_visits([message])
        (row,) = store.query("SELECT source, track FROM visits")
        (hour,) = store.query("SELECT visits, dwell_s FROM hours")
    assert (row["source"], row["track"]) == ("usb:0", 3)
    assert (hour["visits"], hour["dwell_s"]) == (1, 10.0)


def test_hours_count_the_visits_that_began_in_them(reopen: Reopen):
    rows = [
        another(1, first_seen="2026-11-27T08:00:00.000Z", dwell_s=1.0),
        another(2, first_seen="2026-11-27T08:59:59.999Z", dwell_s=2.0, frames_classified=0),
        another(3, first_seen="2026-11-27T09:00:00.000Z"),
        another(4, camera="door"),
    ]
    with reopen() as store:
        store.add_visits(rows[:1])
        store.add_visits(rows[1:])
        found = store.query("SELECT * FROM hours ORDER BY camera, hour")
    values = [(row["camera"], row["visits"], row["classified"], row["dwell_s"]) for row in found]
    assert values == [("door", 1, 1, 10.0), ("kitchen", 2, 1, 3.0), ("kitchen", 1, 1, 10.0)]
    assert found[1]["longest_s"] == 2.0


def test_the_queries_for_both(reopen: Reopen):
    period = {"since": "2026-11-27T00:00:00.000Z", "until": "2026-11-28T00:00:00.000Z"}
    with reopen() as store:
        store.add_visits([another(1), another(2, camera="door", dwell_s=20.0)])
        (hour,) = store.query(schema.VISITS_BY_HOUR, period)
        cameras = store.query(schema.VISITS_BY_CAMERA, period)
    assert (hour["visits"], hour["mean_dwell_s"]) == (2, 15.0)
    assert [(row["camera"], row["longest_s"]) for row in cameras] == [
        ("door", 20.0),
        ("kitchen", 10.0),
    ]


def test_old_visits_are_deleted_and_their_hours_stay(reopen: Reopen):
    old = another(1, first_seen="2026-10-01T08:00:00.000Z")
    with reopen() as store:
        store.add_visits([old, another(2, first_seen=old.first_seen), another(3)])
        assert store.delete_visits(datetime(2026, 11, 1, tzinfo=UTC)) == 2
        store.add_visits([old])  # late: the hour had two
        hours = store.query("SELECT visits FROM hours ORDER BY hour")
    assert [row["visits"] for row in hours] == [2, 1]


def test_counts_are_replaced_and_may_be_withheld(reopen: Reopen):
    count = CountRow(
        "kitchen",
        "2026-11-27T08:00:00.000Z",
        "2026-11-27T08:15:00.000Z",
        "usb:0",
        "attribute",
        "Smiling",
        "yes",
        12,
    )
    with reopen() as store:
        store.add_counts([count])
        store.add_counts([dataclasses.replace(count, visits=None)])
        (row,) = store.query("SELECT * FROM counts")
    assert (row["name"], row["value"], row["visits"]) == ("Smiling", "yes", None)


def test_a_fault_in_the_middle_stores_nothing(reopen: Reopen):
    with reopen() as store:
        with pytest.raises(Exception, match=r"(?i)check"):
            store.add_visits([ROW, another(1, dwell_s=-1.0)])
        assert not store.query("SELECT id FROM visits")


def test_clocks_that_are_wrong_are_stored(reopen: Reopen):
    times = ("1970-01-01T00:00:12.250Z", "2099-01-01T00:00:00.000Z")
    rows = [another(n, first_seen=time, clock_set=False) for n, time in enumerate(times)]
    with reopen() as store:
        store.add_visits(rows)
        assert len(store.query("SELECT id FROM visits WHERE NOT clock_set")) == 2


def test_a_store_of_an_older_version_is_migrated(reopen: Reopen):
    with reopen() as store, store.engine.transaction() as cursor:
        cursor.execute("DROP TABLE counts")
        cursor.execute("UPDATE facet_store SET version = 1")
    with reopen() as store:
        store.add_visits([ROW])
        assert store.query("SELECT * FROM counts") == []
        assert store.query(schema.SELECT_VERSION) == [{"version": schema.VERSION}]


def test_a_store_of_a_newer_version_is_refused(reopen: Reopen):
    with reopen() as store, store.engine.transaction() as cursor:
        cursor.execute("UPDATE facet_store SET version = 99")
    with pytest.raises(UsageError, match="version 99"):
        reopen()


def test_a_visit_becomes_a_row_with_the_id_of_its_message():
    visit = Visit(
        7,
        "2026-11-27T08:53:20.024Z?",
        "2026-11-27T08:53:30.000Z",
        "a\udce9.mp4",
        9.96,
        42,
        Probabilities(("Bald", "Smiling"), np.array([0.1, 0.12345], np.float32)),
        "",
        None,
    )
    row = row_of_visit(visit, "kitchen", ("Smiling",))
    cells = dict(
        zip(
            ("first_seen", "last_seen", "source", "track", "dwell_s"),
            (visit.first_seen, visit.last_seen, visit.source, "7", "10.0"),
            strict=True,
        )
    )
    assert row.id == visit_id(cells, "kitchen")
    assert (row.first_seen, row.clock_set) == ("2026-11-27T08:53:20.024Z", False)
    assert row.source == "a\\udce9.mp4" and row.person is None
    assert row.attributes == {"Smiling": 0.123} and row.dwell_s == 10.0


def test_a_message_becomes_a_row():
    message = {
        "id": ROW.id,
        "first_seen": ROW.first_seen,
        "last_seen": ROW.last_seen,
        "clock_set": True,
        "dwell_s": 10.0,
        "frames_classified": 42,
        "attributes": {"Smiling": 0.25},
        "mood": "serious",
    }
    assert row_of_message(message, "kitchen") == dataclasses.replace(ROW, source=None, track=None)
    for wrong in (
        {"id": "short"},
        {"id": "0123456789abcde\0"},
        {"dwell_s": -1},
        {"first_seen": "2026-11-27"},
        {"attributes": {"Smiling": float("nan")}},
        {"clock_set": "false"},
    ):
        with pytest.raises(ValueError):
            row_of_message(message | wrong, "kitchen")
