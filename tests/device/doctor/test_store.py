"""The database of visits, if the settings name one."""

import dataclasses
import sqlite3
from datetime import UTC, datetime

from device.doctor.check_result import Check, CheckResult, run_check
from device.doctor.checks import checks
from device.doctor.checks.store import database
from device.store.rows import VisitRow
from device.store.schema import VERSION
from device.store.sqlite import open_sqlite
from tests.device.doctor.made_up import with_settings

SEEN = "2026-11-22T08:53:20.024Z"
ROW = VisitRow("0123456789abcdef", "kitchen", SEEN, SEEN, True, 0.0, 0, {})


def _settings(path, **store):
    return with_settings(store={"file": str(path), **store})


def _failure(system, settings):
    result = run_check(Check("store", lambda: database(system, settings)))
    assert result.status == "failure" and result.fix
    return result.message


def _made(path, *rows):
    with open_sqlite(path) as store:
        store.add_visits(rows)


def test_a_store_is_checked_only_if_the_settings_have_one(system, tmp_path):
    for settings, expected in ((with_settings(), False), (_settings(tmp_path / "a.db"), True)):
        names = [check.name for check in checks(system, None, settings)]
        assert ("store" in names) is expected


def test_a_store_that_a_run_can_write(system, tmp_path):
    path = tmp_path / "new" / "facet.db"
    new = database(system, _settings(path))
    assert new == CheckResult("ok", f"{path} is made by the next run")
    assert not path.parent.exists()
    _made(path, ROW)
    before = path.read_bytes()
    found = database(system, _settings(path))
    assert found.status == "ok" and "facet.db: 1 visit, 0.0 MB, kept for 30 days" in found.message
    for_ever = database(system, _settings(path, keep_days=0))
    assert for_ever.status == "warning" and "keep_days" in for_ever.fix
    assert path.read_bytes() == before


def test_tables_of_another_version(system, tmp_path):
    path = tmp_path / "facet.db"
    for version, status in ((VERSION - 1, "ok"), (VERSION + 1, "failure")):
        path.unlink(missing_ok=True)
        _made(path)
        with open_sqlite(path) as store, store.engine.transaction() as cursor:
            cursor.execute(f"UPDATE facet_store SET version = {version}")
        result = database(system, _settings(path))
        assert result.status == status and str(version) in result.message


def test_a_file_that_is_no_store(system, tmp_path):
    text, other, damaged = (tmp_path / name for name in ("log.csv", "other.db", "damaged.db"))
    text.write_text("time,source\n" * 100)
    assert "no SQLite file" in _failure(system, _settings(text))
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.close()
    assert "another program's" in _failure(system, _settings(other))
    second = datetime(2026, 11, 22, tzinfo=UTC).isoformat()
    rows = [
        dataclasses.replace(ROW, id=f"{number:016}", first_seen=second) for number in range(500)
    ]
    _made(damaged, *rows)
    content = bytearray(damaged.read_bytes())
    content[8192:60_000] = bytes(60_000 - 8192)
    damaged.write_bytes(content)
    assert "cannot be read" in _failure(system, _settings(damaged))


def test_a_folder_that_cannot_be_written(system, tmp_path):
    (tmp_path / "file").write_text("")
    assert "cannot be written" in _failure(system, _settings(tmp_path / "file" / "facet.db"))
