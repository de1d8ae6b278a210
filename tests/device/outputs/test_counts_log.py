"""The file of anonymous counts: what stands in it, and what a kill leaves of it."""

import csv
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta

import pytest

from device.errors import UsageError
from device.outputs.counts_log import CountsLog
from device.settings import CountsSettings, RotationSettings
from tests.conftest import ROOT
from tests.device.outputs.made_up import NOON, face, result

LIMITS = {"Bald": 0.5, "Smiling": 0.5}
PARTS = {"minutes": 15, "min_group": 3, "attributes": ("Smiling",), "hold": 0.0}


def open_log(path, **options):
    chosen = CountsSettings(**PARTS | options)
    return CountsLog(path, chosen, LIMITS, 1.0, "door", "attributes", RotationSettings())


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def let_pass(log, people, minute, values=(0.1, 0.9)):
    """Let as many people pass one after the other, from a minute on."""
    for number in range(people):
        for tenth in range(40):
            seconds = minute * 60 + number * 5 + tenth / 10
            here = [face(1000 * minute + number, values=values)] if tenth < 21 else []
            log.write(result(*here, seconds=seconds))


def at(log, minute):
    """Let time pass without anybody."""
    log.write(result(seconds=minute * 60.0))


def test_visits_by_interval_and_attribute(tmp_path):
    with open_log(tmp_path / "c.csv") as log:
        let_pass(log, 4, 0)
        let_pass(log, 3, 5, values=(0.1, 0.2))
        let_pass(log, 3, 8, values=None)
        at(log, 15)
    found = [(r["kind"], r["name"], r["value"], r["visits"]) for r in rows(tmp_path / "c.csv")]
    assert found[0][:2] == ("run", "begin")
    assert found[1:] == [
        ("visits", "", "", "7"),
        ("attribute", "Smiling", "yes", "4"),
        ("attribute", "Smiling", "no", "3"),
        ("dwell", "", "0..2", "0"),
        ("dwell", "", "2..5", "7"),
        ("dwell", "", "5..15", "0"),
        ("dwell", "", "15..60", "0"),
        ("dwell", "", "60..300", "0"),
        ("dwell", "", "300..", "0"),
        ("refused", "", "", "3"),
        ("visits", "", "", "0"),
        ("refused", "", "", "0"),
        ("run", "end", "", ""),
    ]


def test_no_row_is_about_one_person(tmp_path):
    with open_log(tmp_path / "c.csv") as log:
        let_pass(log, 1, 0)
        at(log, 16)
    text = (tmp_path / "c.csv").read_text()
    assert "track" not in text and "0.9" not in text.split("\n", 1)[1].replace("hold=0", "")
    assert [row["visits"] for row in rows(tmp_path / "c.csv") if row["kind"] == "visits"] == [
        "",
        "0",
    ]


def test_the_first_line_says_how_it_counts(tmp_path):
    with open_log(tmp_path / "c.csv") as log:
        at(log, 0)
    assert rows(tmp_path / "c.csv")[0]["value"] == (
        "minutes=15 min_group=3 hold=0 attributes=Smiling model=attributes"
    )


def test_a_log_without_frames_has_no_rows(tmp_path):
    with open_log(tmp_path / "c.csv"):
        pass
    assert rows(tmp_path / "c.csv") == []


def test_a_file_that_another_run_writes_is_refused(tmp_path):
    with open_log(tmp_path / "c.csv"), pytest.raises(UsageError, match="--counts with another"):
        open_log(tmp_path / "c.csv")


def test_days_are_rotated(tmp_path):
    rotation = RotationSettings(daily=True)
    chosen = CountsSettings(**PARTS)
    path = tmp_path / "c.csv"
    with CountsLog(path, chosen, LIMITS, 1.0, "door", "", rotation) as log:
        for minute in range(0, 36 * 60, 10):
            log.write(result(seconds=minute * 60.0, time=NOON + timedelta(minutes=minute)))
    assert len(list(tmp_path.glob("c.2026-01-0?.csv*"))) >= 1


KILLED = """
import sys, time
from pathlib import Path
from tests.device.outputs.test_counts_log import at, let_pass, open_log
log = open_log(Path(sys.argv[1]))
log.__enter__()
let_pass(log, 5, 0)
at(log, 15)
let_pass(log, 2, 16)  # these wait for a third
print("waiting", flush=True)
time.sleep(60)
"""


def test_a_kill_loses_only_what_waited_and_it_can_be_seen(tmp_path):
    path = tmp_path / "c.csv"
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, path],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert process.stdout.readline() == b"waiting\n"
    wait_for_rows(path, 4)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    with open_log(path) as log:
        let_pass(log, 3, 20)
        at(log, 31)
    found = [(row["kind"], row["name"] or row["visits"]) for row in rows(path)]
    runs = [name for kind, name in found if kind == "run"]
    assert runs == ["begin", "begin", "end"]  # the first was cut off
    counts = [visits for kind, visits in found if kind == "visits" and visits != "0"]
    assert counts == ["5", "3"]  # nothing twice; the two are lost, not written as a group of two


def wait_for_rows(path, count):
    end_s = time.monotonic() + 30
    while time.monotonic() < end_s:
        if path.exists() and len(rows(path)) >= count:
            return
        time.sleep(0.02)
    raise AssertionError(path.read_text())
