"""Closed days as Parquet: the same rows, none lost or doubled whenever the power fails."""

from __future__ import annotations

import gzip
import json
import logging
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from device.archive.archiver import Archived, Left, archive
from device.archive.parquet import digest_of, engine
from device.cli.archive import main
from device.counts.rows import HEADER as COUNTS
from device.errors import Stopped, UsageError
from device.query.archived import read_metadata
from device.query.engine import Answer, open_query
from device.rowlog import line, timestamp
from device.rowlog.rotation import delete_older, free_disk
from device.rowlog.tail import RowTail
from tests.conftest import ROOT

from .realistic import FIXED, NAMES, rows, write_day

pytest.importorskip("duckdb", reason="needs DuckDB: pip install -r requirements-query.txt")
TODAY, DAY = date(2026, 11, 27), date(2026, 11, 22)
HEADER = line(["time", "source", "frame", "track", "score", "state", "Smiling"])
ROW = b"2026-11-22T08:00:00.250Z,usb:0,2,1,0.859,ok,0.999\n"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def run(folder: Path, log: str = "faces.csv") -> Sequence[Archived | Left]:
    return list(archive(folder / log, TODAY, 2))


def older(folder: Path, *lines: bytes, name: str = "faces.2026-11-22.csv") -> Path:
    path = folder / name
    path.write_bytes(HEADER + b"".join(lines))
    return path


def test_a_day_becomes_an_archive_with_the_same_rows(tmp_path: Path):
    path = write_day(tmp_path, DAY, visits=100)
    text = gzip.decompress(path.read_bytes())
    (day,) = run(tmp_path)
    assert isinstance(day, Archived) and names(tmp_path) == ["faces.2026-11-22.parquet"]
    assert day.rows == text.count(b"\n") - 1 and day.csv_bytes == len(text)
    with open_query([tmp_path]) as query:
        (row,) = query.run("select count(*), min(time), count(Smiling) from faces").rows
    times = [one[:23].decode() for one in text.splitlines()[1:]]
    assert row[0] == len(times) and row[1].isoformat(timespec="milliseconds") == min(times)


VISIT_COLUMNS = ["first_seen", "last_seen", "source", "track", "dwell_s", "frames_classified"]
VISIT_CELLS = ["2026-11-22T08:00:00.250Z", "2026-11-22T08:00:09.750Z", "usb:0", "1", "9.5", "42"]
DAYS = {
    "faces": line([*FIXED, *NAMES]) + b"".join(rows(DAY, visits=20)),
    "visits": line([*VISIT_COLUMNS, "Smiling", "person", "person_score"])
    + line([*VISIT_CELLS, "0.999", "Ada", "0.700"])
    + line([*VISIT_CELLS[:-1], "0", "", "", ""]),
    "counts": COUNTS
    + line(
        [*["2026-11-22T09:00:00.000Z", "2026-11-22T08:00:00.000Z"], "=1", "visits", "", "", "12"]
    )
    + line(
        [
            *["2026-11-22T10:00:00.000Z", "2026-11-22T09:00:00.000Z"],
            *["usb:0", "attribute", "Smiling", "yes", ""],
        ]
    ),
}


@pytest.mark.parametrize("kind", DAYS)
def test_a_query_finds_the_same_rows_in_each_format_of_a_day(tmp_path: Path, kind: str):
    folders = {name: tmp_path / name for name in ("csv", "gz", "parquet")}
    for folder in folders.values():
        folder.mkdir()
    name = f"{kind}.2026-11-22.csv"
    (folders["csv"] / name).write_bytes(DAYS[kind])
    (folders["gz"] / f"{name}.gz").write_bytes(gzip.compress(DAYS[kind]))
    (folders["parquet"] / name).write_bytes(DAYS[kind])
    run(folders["parquet"], f"{kind}.csv")
    assert names(folders["parquet"]) == [f"{kind}.2026-11-22.parquet"]
    answers = []
    for folder in folders.values():
        with open_query([folder]) as query:
            answer = query.run(f"select * exclude (file) from {kind}")
            answers.append((sorted(answer.columns), _by_name(answer)))
    assert answers[0][1] and answers[0] == answers[1] == answers[2]


def _by_name(answer: Answer) -> list[str]:
    return sorted(repr(sorted(zip(answer.columns, row, strict=True))) for row in answer.rows)


def test_an_archive_has_units_and_is_sorted(tmp_path: Path):
    write_day(tmp_path, DAY, visits=50)
    (day,) = run(tmp_path)
    with engine() as duckdb:
        about = read_metadata(duckdb, day.path)
        keys = duckdb.execute(f"SELECT source, track, time FROM '{day.path}'").fetchall()
        (codec,) = duckdb.execute(
            f"SELECT DISTINCT compression FROM parquet_metadata('{day.path}')"
        ).fetchone()
    assert about["columns"]["x"] == {"type": "INTEGER", "unit": "px"}
    assert about["columns"]["time"]["unit"] == "UTC" and codec == "ZSTD"
    assert keys == sorted(keys)


def test_the_files_of_a_day_and_of_each_header_are_one_archive(tmp_path: Path):
    older(tmp_path, ROW)
    older(tmp_path, ROW.replace(b"08:", b"09:"), name="faces.2026-11-22_002.csv")
    write_day(tmp_path, date(2026, 11, 21), visits=5)
    other = tmp_path / "faces.2026-11-22_003.csv"
    other.write_bytes(line([*FIXED, *NAMES]) + b"".join(rows(DAY, visits=5)))
    assert [day.path.name for day in run(tmp_path)] == [
        "faces.2026-11-21.parquet",
        "faces.2026-11-22.parquet",
        "faces.2026-11-22_002.parquet",
    ]


def test_days_that_are_not_over_stay_csv(tmp_path: Path):
    older(tmp_path, ROW, name="faces.2026-11-25.csv")  # 2 days ago
    older(tmp_path, ROW, name="faces.1970-01-01.csv")
    older(tmp_path, ROW, name="faces.csv")  # the current file, begun on the 22nd
    older(tmp_path, ROW)
    before = names(tmp_path)
    assert run(tmp_path) == [] and names(tmp_path) == before


def test_text_that_is_odd_comes_back_as_it_was(tmp_path: Path):
    odd = [
        line(["2026-11-22T08:00:00.250Z", source, "2", "1", "1.000", "ok", ""])
        for source in ("a,b", 'a"b', "a\\b", "\x1b[31m", "=1+1", "ü", " ", "'")
    ]
    older(tmp_path, *odd)
    (day,) = run(tmp_path)
    assert isinstance(day, Archived) and day.rows == len(odd)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (ROW.replace(b"0.999", b"abc"), "abc"),
        (ROW.replace(b"0.999", b"0.9991"), "are not the"),  # a cell that would change
        (ROW.replace(b"0.999", b"1e-3"), "are not the"),
        (b"2026-11-22T08:00:00.250Z,usb:0,2\n", ""),
        (ROW[:-1], "torn"),
        (ROW.replace(b"Z,", b"Z?,"), "the clock was not set"),
    ],
)
def test_what_cannot_be_archived_as_it_is_stays_csv(tmp_path: Path, row: bytes, reason: str):
    path = older(tmp_path, ROW, row)
    before = path.read_bytes()
    (left,) = run(tmp_path)
    assert isinstance(left, Left) and reason in left.reason
    assert names(tmp_path) == [path.name] and path.read_bytes() == before


def test_visits_wait_until_they_were_sent(tmp_path: Path):
    columns = ["first_seen", "last_seen", "source", "track", "dwell_s", "frames_classified"]
    cells = ["2026-11-22T08:00:00.250Z", "2026-11-22T08:00:01.250Z", "usb:0", "1", "1.0", "0"]
    (tmp_path / "visits.2026-11-22.csv").write_bytes(line(columns) + line(cells))
    store = tmp_path / "visits.csv.mqtt"
    store.write_text(json.dumps({"acknowledged": {}, "done": []}))
    (left,) = run(tmp_path, "visits.csv")
    assert isinstance(left, Left) and "not sent" in left.reason
    tail = RowTail(tmp_path / "visits.csv", store)
    for row in tail.rows(10):
        tail.acknowledge(row)
    tail.save()
    (day,) = run(tmp_path, "visits.csv")
    assert isinstance(day, Archived)


def test_a_power_cut_before_the_files_were_deleted_doubles_no_row(tmp_path: Path):
    files = [older(tmp_path, ROW), older(tmp_path, ROW, name="faces.2026-11-22_002.csv")]
    texts = [path.read_bytes() for path in files]
    run(tmp_path)
    files[1].write_bytes(texts[1])  # as after a cut before it was deleted,
    packed = tmp_path / f"{files[0].name}.gz"
    packed.write_bytes(gzip.compress(texts[0]))  # and compressed since
    (tmp_path / "faces.2026-11-22.parquet.part").write_bytes(b"PAR1")
    with open_query([tmp_path]) as query:
        assert list(query.run("select count(*) from faces").rows) == [(2,)]
    assert run(tmp_path) == []
    assert names(tmp_path) == ["faces.2026-11-22.parquet"]


def test_files_are_kept_if_their_archive_is_damaged(tmp_path: Path):
    path = older(tmp_path, ROW)
    text = path.read_bytes()
    (day,) = run(tmp_path)
    content = bytearray(day.path.read_bytes())
    content[20] ^= 255
    day.path.write_bytes(content)
    path.write_bytes(text)
    run(tmp_path)
    whole = tmp_path / "faces.2026-11-22_002.parquet"
    with engine() as duckdb:
        assert path.exists() or digest_of(duckdb, whole).rows == 1


@pytest.mark.slow
def test_kill_9_at_any_time_loses_and_doubles_nothing(tmp_path: Path):
    template = tmp_path / "template"
    template.mkdir()
    expected = 0
    for number in range(3):
        path = write_day(template, date(2026, 11, 20 + number), visits=60)
        expected += gzip.decompress(path.read_bytes()).count(b"\n") - 1
    folder = tmp_path / "logs"
    shutil.copytree(template, folder)
    command = [sys.executable, "-m", "device.archive", str(folder / "faces.csv")]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    rng = random.Random(0)
    for _ in range(6):
        with subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout
            if rng.random() < 0.5:
                process.stdout.readline()  # a day is done
            time.sleep(rng.uniform(0, 0.5))
            process.send_signal(signal.SIGKILL)
        with open_query([folder]) as query:
            assert list(query.run("select count(*) from faces").rows) == [(expected,)]
    run(folder)
    assert [name.partition(".2")[2][-7:] for name in names(folder)] == ["parquet"] * 3
    with open_query([folder]) as query:
        assert list(query.run("select count(*) from faces").rows) == [(expected,)]


def test_a_stop_while_the_archive_is_checked_leaves_the_day_csv(tmp_path: Path):
    path = older(tmp_path, ROW)
    part = tmp_path / "faces.2026-11-22.parquet.part"
    with pytest.raises(Stopped):
        list(archive(tmp_path / "faces.csv", TODAY, 2, part.exists))
    assert names(tmp_path) == [path.name]


FULL = """
import resource, sys
from device.cli.archive import main
from device.counts.rows import HEADER as COUNTS
from device.cli.command import exit_with
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
exit_with(main)
"""


def test_a_disk_that_is_full_is_one_line_and_the_day_stays_csv(tmp_path: Path):
    path = write_day(tmp_path, DAY, visits=300)
    before = path.read_bytes()
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "faces.csv")],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "the disk is full" in done.stderr
    assert names(tmp_path) == [path.name] and path.read_bytes() == before


def test_retention_deletes_archives_too(tmp_path: Path):
    for number in (20, 22):
        write_day(tmp_path, date(2026, 11, number), visits=5)
    run(tmp_path)
    older(tmp_path, ROW, name="faces.2026-11-26.csv")
    delete_older(tmp_path / "faces.csv", 6, TODAY)
    assert names(tmp_path) == ["faces.2026-11-22.parquet", "faces.2026-11-26.csv"]
    free_disk(tmp_path / "faces.csv", 2**62, TODAY)
    assert names(tmp_path) == []


def test_an_archive_is_readable_by_who_could_read_the_log(tmp_path: Path):
    older(tmp_path, ROW).chmod(0o640)
    (day,) = run(tmp_path)
    assert day.path.stat().st_mode & 0o777 == 0o640


def test_one_process_at_a_time(tmp_path: Path):
    older(tmp_path, ROW)
    older(tmp_path, ROW, name="faces.2026-11-21.csv")
    first = archive(tmp_path / "faces.csv", TODAY, 2)
    next(iter(first))
    with pytest.raises(UsageError, match="another process"):
        run(tmp_path)
    assert len(list(first)) == 1


def test_the_command_tells_what_became_of_each_day(tmp_path: Path, capsys, caplog):
    older(tmp_path, ROW)
    older(tmp_path, ROW[:-1], name="faces.2026-11-21.csv")
    assert main([str(tmp_path / "faces.csv")]) == 1
    assert "faces.2026-11-22.parquet: 1 row" in capsys.readouterr().out
    assert "2026-11-21 of faces.csv stays CSV" in caplog.text
    with pytest.raises(UsageError, match="no logs"):
        main([])


def test_a_misspelt_log_is_refused(tmp_path: Path):
    older(tmp_path, ROW)
    with pytest.raises(UsageError, match=r"no log .*face\.csv"):
        main([str(tmp_path / "face.csv")])


@pytest.mark.parametrize(
    ("name", "text", "message", "hint"),
    [
        ("faces.csv", b"", "is empty and has no older files", "log of a run"),
        ("notes.csv", b"name,price\nbread,2\n", "its first row has no time", "log of a run"),
        ("faces.2026-11-22.csv", HEADER + ROW, "is the name of an older file", "/faces.csv"),
        ("faces.2026-11-22_002.csv.gz", b"", "is the name of an older file", "/faces.csv"),
        ("visits.2026-11-22.parquet", b"", "is the name of an older file", "/visits.csv"),
    ],
)
def test_what_is_no_log_is_refused(tmp_path: Path, name: str, text: bytes, message: str, hint: str):
    path = tmp_path / name
    path.write_bytes(text)
    with pytest.raises(UsageError, match=message) as caught:
        main([str(path)])
    assert hint in caught.value.hint and path.read_bytes() == text


def test_a_folder_is_no_log(tmp_path: Path):
    with pytest.raises(UsageError, match="is a folder, not a log"):
        main([str(tmp_path)])


def test_a_log_without_older_files_is_told_why_nothing_was_archived(tmp_path: Path, caplog):
    caplog.set_level(logging.INFO)
    (tmp_path / "faces.csv").write_bytes(HEADER)
    assert main([str(tmp_path / "faces.csv")]) == 0
    assert "0 days archived: no older file is of a day before 20" in caplog.text


def test_an_empty_log_with_older_files_is_archived(tmp_path: Path):
    (tmp_path / "faces.csv").write_bytes(b"")
    older(tmp_path, ROW)
    assert main([str(tmp_path / "faces.csv")]) == 0
    assert "faces.2026-11-22.parquet" in names(tmp_path)


PERMILLE = st.integers(0, 1000).map(lambda value: f"{value / 1000:.3f}")
FACE = st.tuples(
    st.integers(0, 86_399_999),  # ms of the day
    st.integers(0, 2**40),  # frame
    st.integers(1, 2**40),
    *[st.integers(-(2**31), 2**31 - 1)] * 4,
    PERMILLE,
    st.sampled_from(["ok", "turned away", "no face"]),
    st.lists(PERMILLE, min_size=3, max_size=3) | st.just(["", "", ""]),
)


@settings(
    max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(st.lists(FACE, min_size=1, max_size=40))
def test_an_archive_has_each_cell_digit_for_digit(tmp_path_factory, faces):
    folder = tmp_path_factory.mktemp("digits")
    midnight = datetime(2026, 11, 22, tzinfo=UTC)
    cells = [
        [timestamp(midnight + timedelta(milliseconds=ms)), "usb:0", *map(str, fixed), *shown]
        for ms, *fixed, shown in faces
    ]
    header = [*FIXED, *NAMES[:3]]
    path = folder / "faces.2026-11-22.csv"
    path.write_bytes(line(header) + b"".join(map(line, cells)))
    (day,) = run(folder)
    assert isinstance(day, Archived)
    columns = ", ".join(f'CAST("{name}" AS VARCHAR)' for name in header[1:])
    query = f"SELECT strftime(time, '%Y-%m-%dT%H:%M:%S.%gZ'), {columns} FROM '{day.path}'"
    with engine() as duckdb:  # not by way of the archiver's own reader
        found = duckdb.execute(query).fetchall()
    assert sorted([cell or "" for cell in row] for row in found) == sorted(cells)
