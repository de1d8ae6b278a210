"""When rows reach the file and the disk. Seconds are passed in, not waited for."""

import shutil
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.rowlog.writer import RETRY_S, RowWriter
from device.settings import RotationSettings
from tests.device.rowlog.logs import HEADER, PLAIN, TODAY, numbers, rotated, row


def test_a_row_is_readable_at_once_and_synced_after_the_interval(tmp_path, messages):
    path = tmp_path / "a.csv"
    writer = RowWriter(path, HEADER, PLAIN, messages.append)
    writer.add([row(1)])
    assert writer.flush_due(100.0) == 3700.0  # synced at once after a pause: nothing is due
    writer.add([row(2)])
    assert writer.flush_due(101.0) == 105.0 and numbers(path) == [1, 2]
    writer.add([row(3)])
    assert writer.flush_due(104.0) == 105.0 and numbers(path) == [1, 2, 3]
    assert writer.flush_due(105.0) == 3705.0
    writer.close()
    assert messages == []


def test_rows_that_would_fill_the_memory_are_synced_sooner(tmp_path, messages):
    path = tmp_path / "a.csv"
    writer = RowWriter(path, HEADER, RotationSettings(buffer_rows=100), messages.append)
    for second in range(20):
        writer.add([row(60 * second + n) for n in range(60)])
        assert writer.flush_due(float(second)) == second + 3600.0
    writer.close()
    assert numbers(path) == list(range(1200)) and messages == []


def test_flush_writes_and_syncs_before_the_interval_is_over(tmp_path, messages):
    path = tmp_path / "a.csv"
    writer = RowWriter(path, HEADER, PLAIN, messages.append)
    writer.flush_due(100.0)
    writer.add([row(1)])
    writer.flush()
    assert numbers(path) == [1]
    writer.close()
    assert numbers(path) == [1] and messages == []


DAYS = st.integers(0, 5).map(lambda days: (TODAY + timedelta(days)).isoformat())
STEPS = st.lists(st.tuples(st.lists(DAYS, max_size=4), st.floats(0, 100_000)), max_size=25)


@settings(deadline=None, max_examples=60)
@given(STEPS, st.sampled_from([0.0, 0.0001, 0.0003]), st.booleans())
def test_no_row_is_lost_or_written_twice_with_any_clock(tmp_path_factory, steps, max_mb, daily):
    path = tmp_path_factory.mktemp("log") / "a.csv"
    chosen = RotationSettings(compress=False, daily=daily, max_mb=max_mb)
    writer = RowWriter(path, HEADER, chosen, pytest.fail, TODAY.isoformat)
    count, now_s = 0, 0.0
    for days, passed_s in steps:
        writer.add([row(count + n, day) for n, day in enumerate(days)])
        count, now_s = count + len(days), now_s + passed_s
        writer.flush_due(now_s)
    writer.close()
    assert sorted(numbers(*rotated(path), path)) == list(range(count))


ACTIONS = st.sampled_from(["row", "row", "row", "flush", "remove", "make", "rename", "delete"])


@settings(deadline=None, max_examples=150)
@given(st.lists(ACTIONS, max_size=40))
def test_rows_survive_any_change_to_the_file_except_in_deleted_files(tmp_path_factory, actions):
    root = tmp_path_factory.mktemp("log")
    folder = root / "logs"
    folder.mkdir()
    path = folder / "a.csv"
    writer = RowWriter(path, HEADER, RotationSettings(sync_s=2.5 * RETRY_S), lambda text: None)
    count, now_s, deleted = 0, 0.0, set()
    for number, action in enumerate(actions):
        if action == "row":
            writer.add([row(count)])
            count += 1
        elif action == "flush":
            now_s += RETRY_S
            writer.flush_due(now_s)
        elif action == "rename" and path.exists():
            path.rename(root / f"{number}.csv")
        elif action == "delete" and path.exists():
            deleted.update(numbers(path))
            path.unlink()
        elif action == "remove" and folder.exists():
            deleted.update(numbers(path) if path.exists() else [])
            shutil.rmtree(folder)
        elif action == "make":
            folder.mkdir(exist_ok=True)
    folder.mkdir(exist_ok=True)
    writer.close()
    present = numbers(*root.glob("**/*.csv"))
    assert len(present) == len(set(present))
    assert set(present) | deleted >= set(range(count))
