"""The thread that stores a run's visits: full disks, retention, the last visits."""

from __future__ import annotations

import contextlib
import csv
import sqlite3
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from device.errors import FacetError, UsageError
from device.outputs.live import LiveState
from device.outputs.visit_id import visit_id
from device.run import main
from device.settings import load_settings
from device.store.sqlite import open_sqlite
from device.store.store import Store
from device.store.writer import VisitWriter, check_store
from device.worker import Worker
from tests.device.outputs.made_up import face, result

NAMES = ("Smiling",)


@pytest.fixture
def state() -> Iterator[LiveState]:
    with LiveState({"Bald": 0.5, "Smiling": 0.2}, 1.0) as live:
        yield live


def visits(state: LiveState, count: int) -> None:
    """Let so many visits end, each of one frame."""
    for track in range(1, count + 1):
        for empty in range(15):
            index = state.wait(-1, 0)[1]
            faces = () if empty else (face(track),)
            state.write(result(*faces, index=index, seconds=0.1 * index))


def stored(path: Path) -> list[dict]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute("SELECT * FROM visits ORDER BY track")]


def writer(state: LiveState, path: Path, **changes) -> VisitWriter:
    options = {"capacity": 100, "sync_s": 5.0, "keep_days": 0} | changes
    return VisitWriter(state, path, "kitchen", NAMES, **options)


class FullDisk:
    """Opens a store whose file may not grow."""

    full = True

    def __call__(self, path: Path) -> Store:
        store = open_sqlite(path)
        if self.full:
            connection = store.engine._connection
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
            connection.execute(f"PRAGMA max_page_count = {pages}")
        return store


def test_visits_that_ended_are_stored_with_the_attributes_wanted(state, tmp_path):
    path = tmp_path / "facet.db"
    one = writer(state, path)
    visits(state, 3)
    one.step(0.0)
    one.step(10.0)
    rows = stored(path)
    assert len(rows) == 3 and {row["camera"] for row in rows} == {"kitchen"}
    assert "Bald" not in rows[0]["attributes"]


def test_the_last_visits_of_a_run_are_stored(tmp_path):
    path = tmp_path / "facet.db"
    with contextlib.ExitStack() as stack:
        state = LiveState({"Bald": 0.5, "Smiling": 0.2}, 1.0)
        stack.enter_context(Worker("writer", writer(state, path).run, 15.0))
        stack.enter_context(state)
        visits(state, 3)
    assert len(stored(path)) == 3


def test_a_full_disk_is_one_line_and_nothing_is_lost(state, tmp_path, caplog):
    path, disk = tmp_path / "facet.db", FullDisk()
    open_sqlite(path).engine.close()
    one = writer(state, path, open_store=disk)
    visits(state, 60)
    for now_s in range(0, 60, 5):
        one.step(float(now_s))
    assert len([r for r in caplog.records if "cannot store visits" in r.message]) == 1
    assert "free the disk" in caplog.text and one.waiting == 60
    disk.full = False
    one.step(100.0)
    assert "again" in caplog.text and one.waiting == 0 and len(stored(path)) == 60


def test_beyond_the_memory_the_oldest_are_lost_and_counted(state, tmp_path):
    path, disk = tmp_path / "facet.db", FullDisk()
    open_sqlite(path).engine.close()
    one = writer(state, path, open_store=disk, capacity=40)
    visits(state, 61)
    one.step(0.0)
    assert (one.waiting, one.lost) == (40, 21)
    worker = Worker("writer", one.run, 15.0)
    worker.stopping.set()
    with pytest.raises(FacetError, match=r"61 visits of the store .* were lost"):
        one.run(worker)


def test_old_visits_are_deleted_once_the_clock_can_be_trusted(state, tmp_path, caplog):
    path, trusted = tmp_path / "facet.db", [None, date.today()]
    one = writer(state, path, keep_days=30, trusted_day=lambda _: trusted[0])
    visits(state, 3)  # of January 2026
    one.step(0.0)
    assert len(stored(path)) == 3
    trusted.reverse()
    caplog.set_level("INFO", "facet")
    one.step(5000.0)
    assert not stored(path) and "deleted 3 visits" in caplog.text


def test_what_a_store_cannot_be_is_refused_at_the_start(tmp_path):
    (tmp_path / "text.db").write_text("no database" * 100)
    settings = tmp_path / "facet.toml"
    for name, message in (("text.db", "no SQLite file"), (".", "cannot store visits")):
        settings.write_text(f'[store]\nfile = "{tmp_path / name}"\n')
        with pytest.raises(UsageError, match=message):
            check_store(load_settings(settings))


def test_a_run_stores_the_visits_of_its_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("facet.toml").write_text('[store]\nfile = "facet.db"\n[mqtt]\nid = "kitchen"\n')
    flags = ["--camera", "demo", "--headless", "--max-frames", "60", "--events", "visits.csv"]
    assert main([*flags, "--config", "facet.toml"]) == 0
    assert Path("facet.db").stat().st_mode & 0o777 == 0o600
    with open("visits.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows and {row["id"] for row in stored(Path("facet.db"))} == {
        visit_id(row, "kitchen") for row in rows
    }


def test_photos_have_no_visits_to_store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("facet.toml").write_text('[store]\nfile = "facet.db"\n')
    Path("photos").mkdir()
    with pytest.raises((UsageError, FacetError)):
        main(["--camera", "photos", "--headless", "--config", "facet.toml"])
