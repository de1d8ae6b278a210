"""SQL over logs, visits, counts and stores, which can neither write nor open anything else."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import shlex
import socket
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from device.cli import query as cli
from device.cli.query import main
from device.counts import rows as counts
from device.errors import FacetError, SourceError, UsageError
from device.query.engine import Answer, open_query
from device.query.output import TABLE_ROWS, write_csv, write_json, write_table
from device.store.rows import CountRow
from device.store.sqlite import open_sqlite
from tests.device.store.test_store import ROW, another

pytest.importorskip("duckdb", reason="needs DuckDB: pip install -r requirements-query.txt")

FACES = """\
time,source,frame,track,x,y,width,height,score,state,Eyeglasses,Smiling
2026-11-27T08:53:20.024Z,demo,2,1,278,172,90,90,0.859,ok,0.000,0.999
1970-01-01T00:00:12.250Z?,demo,3,2,1,2,9,9,0.700,too small,,
"""
END, HOUR = datetime(2026, 11, 27, 9, tzinfo=UTC), timedelta(hours=1)
VISITS = """\
first_seen,last_seen,source,track,dwell_s,frames_classified,Smiling
2026-11-27T08:53:20.024Z,2026-11-27T08:53:30.024Z,usb:0,1,10.0,42,0.999
"""
COUNTS = """\
end,start,source,kind,name,value,visits
2026-11-27T08:15:00.000Z,2026-11-27T08:00:00.000Z,usb:0,attribute,Smiling,yes,12
2026-11-27T08:15:00.000Z,2026-11-27T08:00:00.000Z,usb:0,attribute,Smiling,no,
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with each kind of file, and others."""
    (tmp_path / "faces.csv").write_text(FACES)
    (tmp_path / "faces.2026-11-26.csv.gz").write_bytes(
        gzip.compress(FACES.replace("Smiling", "Bald").encode())
    )
    (tmp_path / "visits.csv").write_text(VISITS)
    (tmp_path / "counts.csv").write_text(COUNTS)
    (tmp_path / "notes.txt").write_text("nothing\n")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    return tmp_path


def ask(sql: str, *paths: Path) -> list[tuple]:
    with open_query(paths) as query:
        return list(query.run(sql).rows)


def fault(sql: str, *paths: Path) -> FacetError:
    with pytest.raises(FacetError) as caught:
        ask(sql, *paths)
    assert "\n" not in str(caught.value)
    return caught.value


def test_the_views_have_all_files_of_their_kind(folder: Path):
    assert ask("select count(*), count(Smiling), count(Bald) from faces", folder) == [(4, 1, 1)]
    assert ask("select dwell_s, clock_set, file from visits", folder) == [
        (10.0, True, "visits.csv")
    ]
    assert ask("select value, visits from counts order by value desc", folder) == [
        ("yes", 12),
        ("no", None),
    ]
    assert ask("select minute(until) from counts limit 1", folder) == [(15,)]


def test_a_clock_that_was_not_set_is_marked(folder: Path):
    path = folder / "faces.csv"
    assert ask("select year(time), clock_set from faces order by time", path) == [
        (1970, False),
        (2026, True),
    ]


def test_a_store_is_asked_without_its_extension(tmp_path: Path):
    path = tmp_path / "facet.db"
    count = CountRow("kitchen", ROW.first_seen, ROW.last_seen, "usb:0", "visits", "", "", 12)
    with open_sqlite(path) as store:
        store.add_visits([ROW, another(2, source="=1+1", attributes={"Bald": 0.5})])
        store.add_counts([count])
        # While a run has it open, with rows in the write-ahead log only.
        assert ask("select id, Smiling, Bald, source from visits order by id", path) == [
            (f"{2:016x}", None, 0.5, "\\x3d1+1"),
            (ROW.id, 0.25, None, "usb:0"),
        ]
        assert ask("select visits, camera from counts", path) == [(12, "kitchen")]


def test_a_store_s_file_is_not_changed(tmp_path: Path):
    path = tmp_path / "facet.db"
    with open_sqlite(path) as store:
        store.add_visits([ROW])
    before = path.read_bytes()
    ask("select * from visits", path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "sql",
    [
        "copy faces to 'FOLDER/stolen.csv'",
        "copy (select 1) to 'FOLDER/faces.csv'",
        "attach 'FOLDER/other.duckdb'",
        "attach 'FOLDER/facet.db' (type sqlite)",
        "create table t as select 1",
        "insert into faces select * from faces",
        "delete from faces",
        "update faces set state = 'ok'",
        "drop view faces",
        "export database 'FOLDER/all'",
        "install httpfs",
        "load httpfs",
        "set lock_configuration = false",
        "set allowed_paths = ['/etc/passwd']",
        "pragma enable_external_access = true",
        "call enable_logging(storage = 'file', storage_path = 'FOLDER/log')",
        "select 1; copy faces to 'FOLDER/stolen.csv'",
        "explain analyze copy faces to 'FOLDER/stolen.csv'",
        "with stolen as (copy faces to 'FOLDER/stolen.csv') select 1",
        "pivot faces on state using count(*)",
        "checkpoint",
        "use memory",
        "",
        "-- nothing",
    ],
)
def test_nothing_but_one_select_is_run(folder: Path, sql: str):
    before = {path: path.read_bytes() for path in folder.iterdir()}
    error = fault(sql.replace("FOLDER", str(folder)), folder)
    assert isinstance(error, UsageError)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize(
    "sql",
    [
        "select * from read_csv('OTHER')",
        "select * from 'OTHER'",
        "select * from read_text('OTHER')",
        "select * from read_blob('OTHER')",
        "select * from read_json('OTHER')",
        "select * from read_parquet('OTHER')",
        "select * from sniff_csv('OTHER')",
        "select * from parquet_metadata('OTHER')",
        "select * from glob('/etc/*')",
        "select * from query_table('OTHER')",
        "select * from query('select * from read_csv(''OTHER'')')",
        "select * from (select 1) where exists (from read_csv('/proc/self/environ'))",
        "select * from read_csv('FOLDER/../FOLDER/other.csv')",
    ],
)
def test_no_file_is_read_that_was_not_named(folder: Path, sql: str):
    secret = folder / "secret.csv"
    secret.write_text("a,b\nsecret,2\n")
    sql = sql.replace("OTHER", str(secret)).replace("FOLDER", str(folder))
    assert "secret,2" not in str(fault(sql, folder / "faces.csv"))


def test_a_link_leads_no_further_than_its_name(folder: Path):
    link = folder / "link.csv"
    link.symlink_to("/etc/passwd")
    with pytest.raises(UsageError):
        ask("select 1 from faces", link)


def test_no_network_is_used(folder: Path, monkeypatch: pytest.MonkeyPatch):
    # An address of this computer, so that a connection would be seen.
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        server.settimeout(0.2)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/faces.parquet"
        fault(f"select * from '{address}'", folder)
        fault(f"select * from read_csv('{address}')", folder)
        fault("select * from sqlite_scan('x', 'y')", folder)  # of an extension
        with pytest.raises(TimeoutError):
            server.accept()


def test_variables_of_the_program_are_no_tables(folder: Path):
    secret = [1]
    assert "no table secret" in str(fault("select * from secret", folder)) and secret


@pytest.mark.parametrize(
    ("sql", "message", "hint"),
    [
        ("select Smilng from faces", "no column Smilng at column 8", "Smiling"),
        ("selec 1", 'syntax error at or near "selec" at column 1', "select"),
        ("select 1,\n  x y z from faces", "line 2, column 7", "select"),
        ("select * from face", "no table face at column 15", "faces"),
        ("select 'a' + 1", "at column 12", "select"),
        (f"select {'1, ' * 100} Smilng from faces", "no column Smilng at column 309", "Smiling"),
    ],
)
def test_errors_are_one_line_with_the_column(folder: Path, sql: str, message: str, hint: str):
    error = fault(sql, folder)
    assert message in error.message and hint in error.hint


def test_a_view_without_files_names_what_there_is(folder: Path):
    error = fault("select * from visits", folder / "faces.csv")
    assert "none of the files has visits; they have faces" in error.message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (FACES.replace("0.999", "abc"), "faces.csv: column Smiling has 'abc'"),
        (FACES.replace("2026-11-27", "2026-99-27"), "which is no time"),
        (FACES + "2026-11-27T08:53:20.024Z,demo,2\n", "faces.csv line 4"),
    ],
)
def test_a_wrong_row_is_named(folder: Path, text: str, message: str):
    path = folder / "faces.csv"
    path.write_text(text)
    error = fault("select avg(Smiling), max(time), max(frame) from faces", path)
    assert message in error.message and error.exit_code == 1


def test_files_that_have_nothing_of_facet_s_are_refused(folder: Path):
    for name in ("notes.txt", "other.csv"):
        with pytest.raises(UsageError, match="has no faces, visits, counts or labels"):
            ask("select 1", folder / name)
    with pytest.raises(SourceError, match="cannot read"):
        ask("select 1", folder / "missing.csv")
    os.mkfifo(folder / "pipe")
    with pytest.raises(UsageError, match="is no file"):
        ask("select 1", folder / "pipe")
    with closing(sqlite3.connect(folder / "other.db")) as other:
        other.execute("create table visits (id)")
    with pytest.raises(UsageError, match="has no faces"):
        ask("select 1", folder / "other.db")
    (folder / "torn.parquet").write_bytes(b"PAR1" + bytes(100))
    with pytest.raises(SourceError, match="no whole Parquet"):
        ask("select 1", folder / "torn.parquet")
    for odd in ("a*b.csv", "a[b].csv"):
        (folder / odd).write_text(FACES)
        with pytest.raises(UsageError, match="rename"):
            ask("select 1", folder / odd)
    (folder / "it's.csv").write_text(FACES)
    assert ask("select count(*) from faces", folder / "it's.csv") == [(2,)]


def test_a_damaged_file_of_a_folder_is_left_out_and_named(folder: Path, caplog):
    (folder / "torn.parquet").write_bytes(b"PAR1" + bytes(100))
    assert ask("select count(*) from faces", folder) == [(4,)]
    assert "left out" in caplog.text and "torn.parquet" in caplog.text


def test_damaged_files_are_one_line(folder: Path):
    packed = folder / "faces.2026-11-26.csv.gz"
    text = "".join(f"{FACES.splitlines()[1]}\n" for _ in range(5000))
    content = gzip.compress((FACES.splitlines()[0] + "\n" + text).encode(), mtime=0)
    packed.write_bytes(content[: len(content) // 2])
    fault("select count(*), max(time) from faces", packed)
    store = folder / "facet.db"
    with open_sqlite(store) as opened:
        opened.add_visits([another(number) for number in range(500)])
    store.write_bytes(store.read_bytes()[:30000])
    fault("select count(*) from visits", store)


def test_folders_may_be_named_from_elsewhere(folder: Path, monkeypatch: pytest.MonkeyPatch):
    (folder / "inside").mkdir()
    monkeypatch.chdir(folder / "inside")
    assert ask("select count(*) from faces", Path("..")) == [(4,)]
    assert ask("select file from faces limit 1", Path("../inside/../faces.csv")) == [("faces.csv",)]
    (folder / "link.csv").symlink_to("faces.csv")
    assert ask("select file from faces limit 1", Path("../link.csv")) == [("link.csv",)]


def test_an_empty_folder_is_an_error(tmp_path: Path):
    with pytest.raises(UsageError, match="no faces, visits, counts or labels in"):
        ask("select 1", tmp_path)


def test_this_folder_is_named_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"counts or labels in this folder\. Try"):
        main(["select 1"])


def written(write, columns, *rows) -> str:
    out = io.StringIO()
    write(Answer(tuple(columns), iter(rows)), out)
    return out.getvalue()


def test_a_table_has_numbers_to_the_right():
    assert written(write_table, ("state", "n"), ("ok", 12), ("blurred", None)) == (
        "state     n\n-------  --\nok       12\nblurred\n"
    )
    assert written(write_table, ("n",)) == "n\n-\n"
    long = written(write_table, ("n",), *((n,) for n in range(TABLE_ROWS + 5)))
    assert long.count("\n") == TABLE_ROWS + 3 and "--format csv" in long


def test_no_terminal_obeys_a_cell():
    for write in (write_table, write_csv, write_json):
        assert "\x1b" not in written(write, ("\x1b[31m",), ("\x1b[2J\x07",))


def test_json_is_json_whatever_is_in_it(folder: Path, capsys):
    sql = "select time, source, Smiling, 'nan'::double as n, [1, 2] as l from faces order by time"
    assert main([sql, str(folder / "faces.csv"), "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows[1]["time"] == "2026-11-27T08:53:20.024Z" and rows[0]["Smiling"] is None
    assert rows[0]["n"] is None and rows[0]["l"] == [1, 2]
    assert json.loads(written(write_json, ("a",))) == []


def test_the_command_writes_csv(folder: Path, capsys, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(folder)
    assert main(["select state, count(*) as n from faces group by all order by n, state desc",
                 "--format", "csv"]) == 0  # fmt: skip
    assert capsys.readouterr().out == "state,n\ntoo small,2\nok,2\n"


def write_labels(folder: Path) -> None:
    """Write a file as device.label does; skips without pyarrow."""
    pytest.importorskip("pyarrow", reason="no pyarrow (requirements-label.txt)")
    from device.label.table import ShardTable, Where

    table = ShardTable(("Smiling",), "abc")
    table.add_failure(Where("/none.jpg"), "it is empty")
    folder.mkdir()
    (folder / "shard-0000000.parquet").write_bytes(table.to_parquet({}))


def test_the_help_s_examples_work_as_written(folder: Path, capsys, monkeypatch):
    write_labels(folder / "labels")
    (folder / "logs").mkdir()
    for name in ("faces.csv", "faces.2026-11-26.csv.gz"):
        (folder / "logs" / name).write_bytes((folder / name).read_bytes())
    (folder / "visits.csv").write_text(VISITS.replace("Smiling", "Eyeglasses"))
    (folder / "counts.csv").write_bytes(
        counts.HEADER
        + counts.CountRow(END, END - HOUR, "usb:0", counts.RUN, counts.BEGIN, "min_group=10").line()
        + counts.CountRow(END, END - HOUR, "usb:0", counts.VISITS, visits=12).line()
        + counts.CountRow(END + HOUR, END, "usb:0", counts.VISITS).line()  # withheld
    )
    with open_sqlite(folder / "facet.db") as store:
        store.add_visits([ROW])
    monkeypatch.chdir(folder)
    examples = re.findall(r"python -m device.query ((?:[^\n\"]|\"[^\"]*\")*)", cli.__doc__ or "")
    assert len(examples) == 8
    answers = []
    for example in examples:
        assert main(shlex.split(example, comments=True)) == 0
        answers.append(capsys.readouterr().out.split("\n"))
    assert answers[0][2].split() == ["2"] and any("Smiling" in line for line in answers[1])
    assert answers[5][2].split() == ["2026-11-27T08:00:00.000Z", "12"]
    assert "first_seen" in answers[6][0]
    assert "it is empty" in answers[7][2]
