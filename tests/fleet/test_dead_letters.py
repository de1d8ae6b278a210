"""Refused messages: looked at, stored by an ingest that knows them by now, deleted when old."""

from __future__ import annotations

import hashlib
import threading
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from device.fleet import dead_letters
from device.fleet.database import DatabaseAwayError, FleetDatabase

from .programs import Database, Process, wait_until
from .test_command import fleet as command
from .visits import counts, visit

OLD_REASON = "not a visit message: KeyError 'mood'"


def refuse(
    database: Database, kind: str, payload: bytes, reason: str = OLD_REASON, camera: str = "shop-1"
) -> None:
    """Make a dead letter, as an ingest of another version has left it."""
    database.ask(
        "INSERT INTO dead_letters VALUES (%s, %s, %s, %s, now(), now(), 1)",
        f"facet/{camera}/{kind}",
        hashlib.sha256(payload).hexdigest()[:32],
        reason,
        payload,
    )


def letters(database: Database) -> list[tuple]:
    return database.ask("SELECT topic, reason FROM dead_letters ORDER BY topic, reason")


def rows(database: Database, table: str = "visits") -> int:
    return database.ask(f"SELECT count(*) FROM {table}")[0][0]


@pytest.fixture
def fleet(database):
    fleet = FleetDatabase(database.dsn)
    yield fleet
    fleet.close()


def test_without_dead_letters_there_is_nothing_to_do(fleet):
    assert dead_letters.groups(fleet) == []
    done = dead_letters.store_again(fleet)
    assert (done.visits, done.counts, done.left.total()) == (0, 0, 0)
    assert dead_letters.delete_older(fleet, datetime.now(UTC)) == 0


def test_they_are_listed_by_topic_and_reason(fleet, database):
    refuse(database, "visit", b"1")
    refuse(database, "visit", b"2")
    refuse(database, "visit", b"3", "another reason")
    refuse(database, "counts", b"1", "another reason", "shop-2")
    database.ask("UPDATE dead_letters SET times = 5 WHERE payload = '2'")
    found = {
        (one.topic, one.reason): (one.messages, one.times) for one in dead_letters.groups(fleet)
    }
    assert found == {
        ("facet/shop-1/visit", OLD_REASON): (2, 6),
        ("facet/shop-1/visit", "another reason"): (1, 1),
        ("facet/shop-2/counts", "another reason"): (1, 1),
    }


def test_what_can_be_stored_now_is_stored_and_gone(fleet, database):
    refuse(database, "visit", visit(1))
    refuse(database, "counts", counts())
    refuse(database, "visit", b"rubbish")
    done = dead_letters.store_again(fleet)
    assert (done.visits, done.counts, done.left.total()) == (1, 1, 1)
    assert (rows(database), rows(database, "counts")) == (1, 1)
    assert database.ask("SELECT sum(visits) FROM hours") == [(1,)]
    [(topic, reason)] = letters(database)
    assert topic == "facet/shop-1/visit" and reason.startswith("not JSON")  # why it is left now
    again = dead_letters.store_again(fleet)
    assert (again.visits, again.counts, again.left.total()) == (0, 0, 1)
    assert rows(database) == 1


def test_a_visit_that_came_again_meanwhile_stays_one_row(fleet, database):
    payload = visit(1)
    for _ in range(2):
        refuse(database, "visit", payload)
        assert dead_letters.store_again(fleet).visits == 1
    assert rows(database) == 1 and letters(database) == []
    assert database.ask("SELECT sum(visits) FROM hours") == [(1,)]


def test_what_the_database_refuses_is_left_and_the_rest_is_stored(fleet, database):
    database.ask("ALTER TABLE visits ADD CONSTRAINT short CHECK (dwell_s < 100)")
    try:
        for number in range(9):
            refuse(database, "visit", visit(number, dwell_s=500.0 if number == 4 else 5.0))
        done = dead_letters.store_again(fleet)
        assert (done.visits, done.left.total()) == (8, 1)
        assert rows(database) == 8
        [(_, reason)] = letters(database)
        assert "the database refuses it" in reason and "short" in reason
    finally:
        database.ask("ALTER TABLE visits DROP CONSTRAINT short")
    assert dead_letters.store_again(fleet).visits == 1
    assert (rows(database), letters(database)) == (9, [])


def test_what_a_camera_was_then_is_not_what_it_is_now(fleet, database):
    run = b'{"number":1,"token":"x","version":"0.1.0","model":"0123456789ab"}'
    refuse(database, "run", run)
    refuse(database, "diagnostics", b'{"fps":7.5,"temperature_c":51.0}')
    done = dead_letters.store_again(fleet)
    assert done.left == {dead_letters.PAST: 2}
    assert rows(database, "cameras") == 0
    assert [reason for _, reason in letters(database)] == [dead_letters.PAST] * 2


def test_more_than_a_batch(fleet, database):
    for number in range(30):
        refuse(database, "visit", visit(number) if number % 3 else b"rubbish %d" % number)
    done = dead_letters.store_again(fleet, batch_size=7)
    assert (done.visits, done.left.total()) == (20, 10)
    assert (rows(database), len(letters(database))) == (20, 10)


@pytest.mark.slow
def test_two_at_once_store_each_once(database):
    for number in range(200):
        refuse(database, "visit", visit(number))
    results = []

    def work() -> None:
        one = FleetDatabase(database.dsn)
        results.append(dead_letters.store_again(one))
        one.close()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(one.visits for one in results) == 200 and letters(database) == []
    assert rows(database) == 200 and database.ask("SELECT sum(visits) FROM hours") == [(200,)]


@pytest.mark.slow
def test_one_that_is_killed_in_the_middle_loses_and_doubles_nothing(database, tmp_path):
    import sys

    from .programs import ROOT

    for number in range(20):
        refuse(database, "visit", visit(number))
    words = [sys.executable, "-m", "device.fleet", "dead-letters", "retry"]
    process = Process("retry", tmp_path, [*words, "--database", database.dsn], cwd=ROOT)
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    with psycopg.connect(database.dsn) as other:
        other.execute("LOCK TABLE hours IN EXCLUSIVE MODE")  # it waits here, letters in its hands
        process.start()
        wait_until(lambda: database.ask(waiting)[0][0], "it waits for the table")
        process.kill()
    wait_until(lambda: not database.ask(waiting)[0][0], "the server has noticed")
    assert rows(database) == 0 and len(letters(database)) == 20
    done = command("dead-letters", "retry", "--database", database.dsn)
    assert done.returncode == 0 and "stored 20 visits and 0 rows of counts, 0 left" in done.stderr
    assert rows(database) == 20 and letters(database) == []


def test_those_that_came_last_long_ago_are_deleted(fleet, database):
    for number, days in enumerate((0, 6, 8, 400)):
        refuse(database, "visit", b"%d" % number, f"{days} days")
        database.ask(
            "UPDATE dead_letters SET first = first - interval '500 days', "
            "last = last - make_interval(days => %s) WHERE reason = %s",
            days,
            f"{days} days",
        )
    assert dead_letters.delete_older(fleet, datetime.now(UTC) - timedelta(days=7)) == 2
    assert {reason for _, reason in letters(database)} == {"0 days", "6 days"}


def test_a_database_that_is_away(fleet, database):
    refuse(database, "visit", visit(1))
    dead_letters.groups(fleet)
    database.kill()
    for function in (dead_letters.groups, dead_letters.store_again):
        with pytest.raises(DatabaseAwayError):
            function(fleet)
    database.start()
    assert dead_letters.store_again(fleet).visits == 1


def test_the_command_lists_stores_and_deletes(database):
    refuse(database, "visit", visit(1))
    refuse(database, "visit", b"rubbish \xff", "a reason with a \t tab")
    where = ("--database", database.dsn)
    listed = command("dead-letters", "list", *where)
    assert listed.returncode == 0, listed.stderr
    lines = [line.split("\t") for line in listed.stdout.splitlines()]
    assert lines[0] == ["topic", "reason", "messages", "times", "first", "last"]
    assert {tuple(line[:4]) for line in lines[1:]} == {
        ("facet/shop-1/visit", OLD_REASON, "1", "1"),
        ("facet/shop-1/visit", r"a reason with a \t tab", "1", "1"),
    }
    done = command("dead-letters", "retry", *where)
    assert done.returncode == 0 and "stored 1 visit and 0 rows of counts, 1 left" in done.stderr
    header, left = done.stdout.splitlines()
    assert header == "left\treason" and left.startswith("1\tnot JSON")
    gone = command("dead-letters", "delete", "--days", "0", *where)
    assert gone.returncode == 0 and "deleted 1 dead letter" in gone.stderr
    assert letters(database) == []


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["dead-letters"], 2, "arguments are required"),
        (["dead-letters", "list-all"], 2, "Try: list"),
        (["dead-letters", "delete"], 2, "--days"),
        (["dead-letters", "delete", "--days", "-1"], 2, "need a whole number, 0 or more"),
        (["dead-letters", "delete", "--days", "9" * 12], 2, "--days 30"),
        (["dead-letters", "list", "--database", "host=127.0.0.1 port=1"], 1, "Connection refused"),
        (["dead-letters", "retry", "--database", "nonsense"], 2, "no address of a PostgreSQL"),
    ],
)
def test_wrong_usage_is_one_line(words, code, message):
    done = command(*words)
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("facet: ")
