"""Batches of records in a real PostgreSQL: each once, and what is refused with its reason."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest

from device.errors import UsageError
from device.fleet.database import MAX_DEAD_LETTERS, DatabaseAwayError, FleetDatabase, Letter
from device.fleet.records import record_of
from device.store.rows import VisitRow

from .conftest import TABLES
from .programs import set_up
from .visits import counts, visit


def letter(kind: str, payload: bytes, camera: str = "shop-1") -> Letter:
    topic = f"facet/{camera}/{kind}"
    return Letter(topic, payload, record_of(topic, payload))


@pytest.fixture
def fleet(database):
    fleet = FleetDatabase(database.dsn)
    yield fleet
    fleet.close()


def test_a_batch_of_all_kinds(fleet, database):
    batch = [
        letter("visit", visit(1)),
        letter("counts", counts()),
        letter("status", b"online"),
        letter("run", b'{"number":1,"token":"x","version":"0.1.0","model":"0123456789ab"}'),
        letter("diagnostics", b'{"fps":7.5,"temperature_c":51.0}', "shop-2"),
        letter("visit", b"no JSON"),
    ]
    written = fleet.write(batch)
    assert (written.visits, written.counts, written.refused, written.overflowed) == (1, 1, 1, 0)
    assert database.ask("SELECT camera, visits FROM hours") == [("shop-1", 1)]
    assert database.ask("SELECT visits FROM counts") == [(17,)]
    cameras = "SELECT camera, online, version, model, fps FROM cameras ORDER BY camera"
    assert database.ask(cameras) == [
        ("shop-1", True, "0.1.0", "0123456789ab", None),
        ("shop-2", None, None, None, 7.5),
    ]
    [(topic, reason, payload)] = database.ask("SELECT topic, reason, payload FROM dead_letters")
    assert topic == "facet/shop-1/visit" and reason.startswith("not JSON")
    assert bytes(payload) == b"no JSON"


def test_twice_is_one_row(fleet, database):
    same = letter("visit", visit(1))  # made once, as it has the time
    batch, bad = [same, same, letter("counts", counts())], letter("visit", b"{}")
    for _ in range(3):
        fleet.write([*batch, bad])
    assert database.ask("SELECT count(*) FROM visits") == [(1,)]
    assert database.ask("SELECT sum(visits) FROM hours") == [(1,)]
    assert database.ask("SELECT count(*) FROM counts") == [(1,)]
    assert database.ask("SELECT times FROM dead_letters") == [(3,)]


def test_a_camera_comes_and_goes(fleet, database):
    since = "SELECT online, online_since FROM cameras"
    fleet.write([letter("status", b"online")])
    first = database.ask(since)
    fleet.write(
        [letter("status", b"online"), letter("diagnostics", b'{"fps":1,"temperature_c":2}')]
    )
    assert database.ask(since) == first
    fleet.write([letter("status", b"online"), letter("status", b"offline")])
    [(online, changed)] = database.ask(since)
    assert not online and changed > first[0][1]


def test_what_only_the_database_refuses_keeps_the_rest(fleet, database):
    rows = [letter("visit", visit(number)) for number in range(50)]
    record = rows[20].record
    assert isinstance(record, VisitRow)
    rows[20] = replace(rows[20], record=replace(record, camera="with a \0"))
    rows[33] = replace(rows[33], record=replace(rows[33].record, dwell_s=-1.0))
    written = fleet.write(rows)
    assert (written.visits, written.refused) == (48, 2)
    assert database.ask("SELECT count(*) FROM visits") == [(48,)]
    reasons = [reason for (reason,) in database.ask("SELECT reason FROM dead_letters")]
    assert len(reasons) == 2 and all("the database refuses it" in one for one in reasons)


def test_a_camera_that_floods_with_rubbish_fills_no_table(fleet, database):
    flood = [letter("visit", b"%d" % number) for number in range(MAX_DEAD_LETTERS + 200)]
    other = letter("visit", b"rubbish", "shop-2")
    written = fleet.write([*flood, other, letter("visit", visit(1))])
    assert (written.visits, written.refused) == (1, MAX_DEAD_LETTERS + 201)
    assert written.overflowed == 200
    assert database.ask("SELECT count(*) FROM dead_letters") == [(MAX_DEAD_LETTERS + 1,)]


@pytest.mark.parametrize("days", [-400, -1, 1, 400, 30_000])
def test_a_clock_that_is_wrong_by_days(fleet, database, days):
    end = datetime.now(UTC) + timedelta(days=days)
    fleet.write([letter("visit", visit(1, end)), letter("visit", visit(2), "shop-2")])
    assert database.ask("SELECT count(*) FROM visits") == [(2,)]
    [(newest,)] = database.ask("SELECT max(last_seen) FROM visits WHERE camera = 'shop-2'")
    assert abs((newest - datetime.now(UTC)).total_seconds()) < 60


def test_months_are_dropped_whole_and_hours_stay(fleet, database):
    for month in (6, 9, 11):
        fleet.write([letter("visit", visit(month, datetime(2026, month, 15, tzinfo=UTC)))])
    gone = fleet.drop_months(3, date(2026, 11, 30))
    assert gone[-1] == "visits_2026_06"
    assert fleet.drop_months(3, date(2027, 1, 1)) == ["visits_2026_09"]
    assert database.ask("SELECT count(*) FROM visits") == [(1,)]
    assert database.ask("SELECT sum(visits) FROM hours") == [(3,)]
    fleet.write([letter("visit", visit(9, datetime(2026, 9, 15, tzinfo=UTC)))])  # it may come back
    assert database.ask("SELECT count(*) FROM visits") == [(2,)]


def test_tables_of_a_newer_version_are_refused(fleet, database):
    [(version,)] = database.ask("SELECT version FROM facet_store")
    database.ask("UPDATE facet_store SET version = 99")
    try:
        with pytest.raises(UsageError, match="version 99"):
            fleet.write([letter("visit", visit(1))])
    finally:
        database.ask(f"UPDATE facet_store SET version = {version}")


def test_tables_of_an_older_version_are_migrated(server):
    with psycopg.connect(f"{server.server} dbname=postgres", autocommit=True) as connection:
        connection.execute("CREATE DATABASE older OWNER facet")
    dsn = f"{server.server} dbname=older"
    from device.store import schema
    from device.store.postgres import PostgresEngine

    engine = PostgresEngine(dsn)
    with engine.transaction() as cursor:  # as version 1 of the store made them
        for statement in schema.MIGRATIONS[0]:
            cursor.execute(engine.sql(statement))
        cursor.execute(schema.VERSION_TABLE)
        cursor.execute("INSERT INTO facet_store (version) VALUES (1)")
    engine.close()
    older = FleetDatabase(dsn)
    older.write([letter("visit", visit(1)), letter("counts", counts())])
    rows = older.open().connection.execute("SELECT count(*) FROM counts").fetchall()
    older.close()
    assert rows == [(1,)]


def test_a_database_that_is_away(fleet, database):
    fleet.write([letter("visit", visit(1))])
    database.kill()
    with pytest.raises(DatabaseAwayError):
        fleet.write([letter("visit", visit(2))])
    with pytest.raises(DatabaseAwayError):
        fleet.write([letter("visit", visit(2))])
    database.start()
    fleet.write([letter("visit", visit(2))])
    assert database.ask("SELECT count(*) FROM visits") == [(2,)]


def test_the_command_may_be_repeated_and_the_reader_only_reads(database):
    set_up(database)
    with psycopg.connect(f"{database.dsn} user=grafana", autocommit=True) as reader:
        for table in TABLES:
            reader.execute(f"SELECT count(*) FROM {table}")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute("DELETE FROM visits")
