"""The thread that writes, and how its faults end a run."""

import os
import shutil
import threading
import time

import pytest

from device.errors import FacetError, UsageError
from device.rowlog.sink import FileSink, StreamSink, open_sink
from device.rowlog.writer import RowWriter
from device.settings import RotationSettings
from tests.device.rowlog.logs import HEADER, PLAIN, numbers, row


def until(condition):
    end_s = time.monotonic() + 10
    while not condition() and time.monotonic() < end_s:
        time.sleep(0.01)
    assert condition()


def test_rows_are_written_soon_and_all_of_them_at_the_end(tmp_path):
    path = tmp_path / "a.csv"
    with FileSink(RowWriter(path, HEADER, PLAIN)) as sink:
        sink.add([row(1)])
        until(lambda: numbers(path) == [1])
        sink.add([row(2)])
    assert numbers(path) == [1, 2]


def failing_writer(path, failed=None):
    """Return a writer whose first flush raises LookupError, after `failed` is set."""

    def today():
        if failed:
            failed.set()
        raise LookupError("no calendar")

    path.write_bytes(HEADER + row(1))
    return RowWriter(path, HEADER, RotationSettings(daily=True), today=today)


def test_a_fault_in_the_thread_is_raised_by_the_next_add(tmp_path):
    path, accepted = tmp_path / "a.csv", []
    with (
        pytest.raises(LookupError, match="no calendar"),
        FileSink(failing_writer(path)) as sink,
    ):
        for number in range(2, 1000):
            sink.add([row(number)])
            accepted.append(number)
            time.sleep(0.01)
    assert numbers(path) == [1, *accepted]


def test_a_fault_in_the_thread_is_raised_at_the_exit_if_no_row_follows(tmp_path):
    failed = threading.Event()
    writer = failing_writer(tmp_path / "a.csv", failed)
    with pytest.raises(LookupError, match="no calendar"), FileSink(writer):
        assert failed.wait(10)


def test_a_fault_in_the_retention_thread_ends_the_run(tmp_path, monkeypatch):
    def broken(*_):
        raise LookupError("retention")

    monkeypatch.setattr("device.rowlog.rotation.apply_retention", broken)
    path = tmp_path / "a.csv"
    writer = RowWriter(path, HEADER, RotationSettings(daily=True))
    with pytest.raises(LookupError, match="retention"), FileSink(writer) as sink:
        sink.add([row(1)])
    assert numbers(path) == [1]


def test_lost_rows_are_logged_beside_what_ended_the_run(tmp_path, capsys):
    folder = tmp_path / "logs"
    folder.mkdir()
    with pytest.raises(KeyError), FileSink(RowWriter(folder / "a.csv", HEADER, PLAIN)) as sink:
        shutil.rmtree(folder)
        sink.add([row(1)])
        raise KeyError
    assert f"1 row of the log {folder}/a.csv was lost: No such file" in capsys.readouterr().err


def test_a_disk_that_does_not_answer_is_an_error_at_the_exit(tmp_path, monkeypatch):
    answer = threading.Event()

    def hang():
        answer.wait(30)

    writer = RowWriter(tmp_path / "a.csv", HEADER, PLAIN)
    monkeypatch.setattr(writer.file.current, "sync", hang)
    late = pytest.raises(FacetError, match=r"writer of .*a\.csv did not stop within 0\.1 s")
    with late, FileSink(writer, close_s=0.1) as sink:
        sink.add([row(1)])
    answer.set()
    until(lambda: not any("a.csv" in thread.name for thread in threading.enumerate()))
    writer.close()
    assert numbers(tmp_path / "a.csv") == [1]


def test_a_pipe_takes_header_and_rows_until_its_reader_is_gone(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with open_sink(pipe, HEADER, PLAIN, "--log") as sink:
        assert isinstance(sink, StreamSink) and sink.moved_to is None
        sink.add([row(1), row(2)])
        assert os.read(reader, 1000) == HEADER + row(1) + row(2)
        os.close(reader)
        with pytest.raises(FacetError, match=r"Broken pipe\. Try: keep its reader running"):
            sink.add([row(3)])


def test_a_folder_is_made_and_one_that_cannot_be_is_an_error(tmp_path):
    with open_sink(tmp_path / "new" / "a.csv", HEADER, PLAIN, "--log") as sink:
        sink.add([row(1)])
    assert numbers(tmp_path / "new" / "a.csv") == [1]
    with pytest.raises(UsageError, match=r"Try: --events FILE.csv in a folder that you may"):
        open_sink(tmp_path / "new" / "a.csv" / "b.csv", HEADER, PLAIN, "--events")


def test_a_second_sink_on_a_file_is_an_error(tmp_path):
    path = tmp_path / "a.csv"
    with open_sink(path, HEADER, PLAIN, "--log"), pytest.raises(UsageError) as error:
        open_sink(path, HEADER, PLAIN, "--log")
    assert error.value.message == (
        f"cannot write the log {path}: another process is writing to it, pid {os.getpid()}"
    )
    assert error.value.hint == "stop that process, or --log with another file"
