"""What only PostgreSQL does: partitions, several writers, faults of the server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from device.errors import FacetError, UsageError
from device.store.postgres import PostgresEngine, open_postgres, partition
from device.store.store import Store

from .test_store import ROW, another

NOVEMBER, FEBRUARY = datetime(2026, 11, 27, tzinfo=UTC), datetime(2027, 2, 1, tzinfo=UTC)


def tables(store: Store) -> Iterator[str]:
    found = store.query("SELECT tableoid::regclass::text AS name FROM visits ORDER BY id")
    return (row["name"].rpartition(".")[2] for row in found)


def opened(database: str, now: datetime) -> Store:
    return Store(PostgresEngine(database, now=lambda: now))


@pytest.mark.parametrize(
    ("month", "table"),
    [
        ("2026-11", "visits_2026_11"),
        ("2026-12", "visits_2026_12"),
        ("2027-01", "visits_other"),
        ("1970-01", "visits_other"),
        ("2020-01", "visits_2020_01"),
    ],
)
def test_each_month_that_can_be_has_a_table(month: str, table: str):
    assert partition(month, NOVEMBER) == table


def test_visits_of_a_clock_that_was_ahead_move_to_their_month(database: str):
    ahead = another(2, first_seen="2027-02-03T08:00:00.000Z")
    with opened(database, NOVEMBER) as store:
        store.add_visits([another(1), ahead])
        assert list(tables(store)) == ["visits_2026_11", "visits_other"]
    with opened(database, FEBRUARY) as store:
        store.add_visits([another(3, first_seen="2027-02-04T08:00:00.000Z"), ahead])
        assert list(tables(store)) == ["visits_2026_11", "visits_2027_02", "visits_2027_02"]


def test_a_partition_of_a_transaction_that_failed_is_made_again(database: str):
    with opened(database, NOVEMBER) as store:
        with pytest.raises(Exception, match="check"):
            store.add_visits([another(1, dwell_s=-1.0)])
        store.add_visits([ROW])
        assert list(tables(store)) == ["visits_2026_11"]


def test_several_writers_lose_no_visit_and_no_count(database: str):
    with open_postgres(database):
        pass
    faults: list[Exception] = []

    def write(first: int) -> None:
        try:
            with open_postgres(database) as store:
                for number in range(first, first + 40, 4):
                    # Some of each batch are those of another writer, too.
                    batch = [another(n, first_seen=month) for n in range(number, number + 8)]
                    store.add_visits(batch)
        except Exception as error:
            faults.append(error)

    month = ROW.first_seen
    threads = [threading.Thread(target=write, args=(20 * n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not faults
    with open_postgres(database) as store:
        (row,) = store.query("SELECT count(*) AS visits FROM visits")
        (hour,) = store.query("SELECT visits FROM hours")
    assert row["visits"] == hour["visits"] == 104


def test_another_program_s_tables_are_refused(database: str):
    engine = PostgresEngine(database)
    engine.connection.execute("CREATE TABLE visits (id integer)")
    engine.close()
    with pytest.raises(UsageError, match="not Facet's"):
        open_postgres(database)


def test_a_server_that_is_not_there_and_an_address_that_is_none(postgres: str):
    with pytest.raises(FacetError, match="PostgreSQL"):
        open_postgres("host=127.0.0.1 port=1 dbname=facet connect_timeout=2")
    with pytest.raises(UsageError, match="no address"):
        open_postgres("host=a nonsense")
