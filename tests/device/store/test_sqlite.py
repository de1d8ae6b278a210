"""What only SQLite does: a file that is no store, kill -9, fsync."""

from __future__ import annotations

import contextlib
import signal
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from device.errors import UsageError
from device.store.sqlite import open_sqlite
from tests.conftest import ROOT

from .test_store import another

WRITE = """
import dataclasses, sys
from pathlib import Path
from device.store.sqlite import open_sqlite
from tests.device.store.test_store import another
with open_sqlite(Path(sys.argv[1])) as store:
    for number in range(1_000_000):
        store.add_visits([another(number)])
        print(number, flush=True)
"""


def test_a_file_that_is_no_database_is_refused(tmp_path: Path):
    path = tmp_path / "facet.db"
    path.write_bytes(b"time,source\n" * 1000)
    with pytest.raises(UsageError, match="no SQLite file"):
        open_sqlite(path)
    assert path.read_bytes() == b"time,source\n" * 1000


def test_another_program_s_database_is_refused(tmp_path: Path):
    path = tmp_path / "other.db"
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE visits (id)")
    with pytest.raises(UsageError, match="another program's"):
        open_sqlite(path)


def test_what_was_stored_survives_kill_9(tmp_path: Path):
    path = tmp_path / "facet.db"
    command = [sys.executable, "-c", WRITE, str(path)]
    last = -1
    for _ in range(2):  # the second goes on in the file that the first left
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            for line in process.stdout:
                last = int(line)
                if last >= 50:
                    break
            process.send_signal(signal.SIGKILL)
            last = max([last, *map(int, process.stdout.read().split("\n")[:-1])])
        with open_sqlite(path) as store:
            (row,) = store.query("SELECT count(*) AS visits FROM visits")
            (hours,) = store.query("SELECT visits FROM hours")
            assert row["visits"] >= last + 1 and hours["visits"] == row["visits"]
            assert store.query("PRAGMA integrity_check") == [{"integrity_check": "ok"}]


def test_deleted_visits_give_their_room_back(tmp_path: Path):
    path = tmp_path / "facet.db"
    with open_sqlite(path) as store:
        store.add_visits([another(number) for number in range(3000)])
    before = path.stat().st_size
    with open_sqlite(path) as store:
        assert store.delete_visits(datetime(2027, 1, 1, tzinfo=UTC)) == 3000
        store.engine.shrink()
        store.engine.sync()
    assert path.stat().st_size < before / 4


def test_two_processes_may_write_one_store(tmp_path: Path):
    path = tmp_path / "facet.db"
    with open_sqlite(path) as first, open_sqlite(path) as second:
        first.add_visits([another(1)])
        second.add_visits([another(2, camera="door")])
        assert len(first.query("SELECT * FROM hours")) == 2
