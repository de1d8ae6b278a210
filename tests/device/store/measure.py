"""Measure both engines: rows a second, bytes a visit, and the time of a query by hour.

    python -m tests.device.store.measure --visits 100000
    python -m tests.device.store.measure --visits 1000000 --cameras 1000 --batch 5000

PostgreSQL is a server of this command's own, without fsync; without `postgresql` only SQLite is
measured. Close other programs: the figures are those of the whole computer.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from device.attributes.presets import OBSERVABLE
from device.store import schema
from device.store.postgres import open_postgres
from device.store.rows import VisitRow, iso
from device.store.sqlite import open_sqlite
from device.store.store import Store

from . import postgres_server

MIDNIGHT = datetime(2026, 11, 27, tzinfo=UTC)
DAY = {"since": iso(MIDNIGHT), "until": iso(MIDNIGHT + timedelta(days=1))}


def batches(visits: int, cameras: int, size: int) -> Iterator[list[VisitRow]]:
    """Yield a day's visits of so many cameras, in the order in which they end."""
    rng, names = random.Random(0), sorted(OBSERVABLE)
    rows: list[VisitRow] = []
    for number in range(visits):
        begin = MIDNIGHT + timedelta(seconds=86_000 * number / visits)
        attributes = {name: round(rng.random(), 3) for name in names}
        rows.append(
            VisitRow(
                f"{number:016x}",
                f"camera{number % cameras}",
                iso(begin),
                iso(begin + timedelta(seconds=20)),
                True,
                20.0,
                200,
                attributes,
            )
        )
        if len(rows) == size:
            yield rows
            rows = []
    if rows:
        yield rows


def measure(name: str, store: Store, options: argparse.Namespace) -> None:
    """Fill a store, all of it twice, and print what that took."""
    prepared = list(batches(options.visits, options.cameras, options.batch))
    for time_of in ("first", "again"):
        begin_s = time.monotonic()
        for rows in prepared:
            store.add_visits(rows)
        rate = options.visits / (time.monotonic() - begin_s)
        print(f"{name}: {rate:,.0f} visits/s, {time_of}", flush=True)
    begin_s = time.monotonic()
    hours = store.query(schema.VISITS_BY_HOUR, DAY)
    took_ms = 1000 * (time.monotonic() - begin_s)
    total = sum(int(hour["visits"]) for hour in hours)
    print(f"{name}: {total:,} visits by hour in {took_ms:.1f} ms, of {options.visits:,}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visits", type=int, default=100_000)
    parser.add_argument("--cameras", type=int, default=1)
    parser.add_argument("--batch", type=int, default=500)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "facet.db"
        with open_sqlite(path) as store:
            measure("SQLite", store, options)
        print(f"SQLite: {path.stat().st_size / options.visits:.0f} bytes a visit")
    if postgres_server.binaries() is None:
        print("PostgreSQL: not measured. Try: sudo apt install postgresql")
        return
    with postgres_server.server() as address, open_postgres(f"{address} dbname=postgres") as store:
        measure("PostgreSQL", store, options)
        size = store.query("SELECT pg_database_size(current_database()) AS bytes")[0]["bytes"]
        print(f"PostgreSQL: {size / options.visits:.0f} bytes a visit, indexes and catalogue too")


if __name__ == "__main__":
    main()
