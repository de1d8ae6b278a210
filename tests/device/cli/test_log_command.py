"""The log files of the command, run as a user does."""

import csv
import os
import signal
import subprocess
import sys
import time

import cv2
import pytest

from tests.conftest import ROOT
from tests.device.cli.test_run import HEADLESS, rows

COMMAND = [sys.executable, "-m", "device.run", "--camera", "demo", "--headless"]
SMALL = ["--attributes", "Smiling,Eyeglasses"]


def test_visits_of_the_demo(tmp_path, facet):
    done = facet(*COMMAND[3:], *SMALL, "--max-frames", 130, "--events", tmp_path / "v.csv")
    assert done.code == 0, done.stderr
    first, second = rows(tmp_path / "v.csv")  # two portraits, the second from frame 100 on
    assert (first["track"], first["frames_classified"], first["dwell_s"]) == ("1", "100", "4.0")
    assert (second["track"], second["frames_classified"], second["dwell_s"]) == ("2", "30", "1.2")
    assert float(first["Eyeglasses"]) < 0.1 and float(second["Eyeglasses"]) > 0.9


def test_only_computed_attributes_are_logged(tmp_path, facet):
    (tmp_path / "f.toml").write_text(
        '[attributes]\ncompute = ["Smiling", "Male", "Young"]\nshow = ["all"]\n'
        'logged = ["Young", "Smiling"]\n'
    )
    outputs = ("--log", "a.csv", "--events", "v.csv", "--config", "f.toml")
    done = facet(*COMMAND[3:], *outputs, "--max-frames", 60)
    assert done.code == 0 and "attributes (3 attributes)" in done.stderr
    assert list(rows(tmp_path / "a.csv")[0])[10:] == ["Smiling", "Young"]
    (visit,) = rows(tmp_path / "v.csv")
    assert list(visit)[6:] == ["Smiling", "Young"] and float(visit["Smiling"]) > 0.8


def test_photos_have_no_visits(tmp_path, astronaut, facet):
    cv2.imwrite(str(tmp_path / "a.png"), astronaut)
    done = facet("--camera", tmp_path / "a.png", "--headless", "--events", tmp_path / "v.csv")
    assert done.code == 2 and "photos have none" in done.stderr
    assert not (tmp_path / "v.csv").exists()


def test_log_and_events_in_one_file_are_an_error(tmp_path, facet):
    done = facet(*COMMAND[3:], "--log", "a.csv", "--events", "./a.csv")
    assert done.code == 2 and "--log and --events are both a.csv" in done.stderr


def running(*arguments, **options):
    """Start the command; return the process once its log, the last argument, has a row."""
    out = arguments[-1]
    process = subprocess.Popen(
        [*COMMAND, "--log-every", "0", *map(str, arguments)],
        **{"cwd": ROOT, "env": HEADLESS, "stderr": subprocess.PIPE, "text": True, **options},
    )
    end_s = time.monotonic() + 30
    while time.monotonic() < end_s and not (out.exists() and out.read_bytes().count(b"\n") > 1):
        time.sleep(0.02)
    return process


def test_a_second_process_with_the_same_log_names_the_first(tmp_path, facet):
    out = tmp_path / "a.csv"
    process = running("--record", tmp_path / "a.mp4", "--log", out)
    os.kill(process.pid, signal.SIGSTOP)
    try:
        done = facet(*COMMAND[3:], "--log", out)
    finally:
        os.kill(process.pid, signal.SIGCONT)
        process.terminate()
        process.communicate(timeout=30)
    assert done.code == 2
    assert (
        f"cannot write the log {out}: another process is writing to it, pid {process.pid}. "
        "Try: stop that process, or --log with another file" in done.stderr
    )


def test_a_limit_of_the_file_size_loses_no_row(tmp_path):
    out = tmp_path / "a.csv"
    command = " ".join(
        [*COMMAND, *SMALL, "--max-frames", "120", "--log-every", "0", "--log", str(out)]
    )
    done = subprocess.run(
        ["bash", "-c", f"ulimit -f 4; exec {command}"],  # KiB that a file may have
        cwd=ROOT,
        env=HEADLESS,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    files = list(tmp_path.glob("a*.csv"))
    frames = sorted(int(row["frame"]) for file in files for row in rows(file))
    assert len(files) > 1 and frames == list(range(120))
    assert "is as large as a file may be; it goes on in another" in done.stderr


def test_a_pipe_shows_rows_while_facet_runs_and_its_end_is_one_line(tmp_path):
    process = subprocess.Popen(
        [*COMMAND, *SMALL, "--log-every", "0", "--log", "/dev/stdout"],
        cwd=ROOT,
        env=HEADLESS,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    header, first = (next(csv.reader([process.stdout.readline()])) for _ in range(2))
    assert header[0] == "time" and first[2] == "0" and process.poll() is None
    process.stdout.close()
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "cannot write the log /dev/stdout: Broken pipe" in stderr and "Traceback" not in stderr


@pytest.mark.parametrize(
    "table, message",
    [
        ("keep_days = 30", "keep_days without daily. Try: daily = true in [rotation]"),
        ("min_free_mb = 30", "min_free_mb without older files to delete"),
        ("sync_s = -1", "sync_s = -1, need 0 to 3600"),
        ("sync = 5", "unknown setting sync. Try: sync_s"),
    ],
)
def test_a_wrong_rotation_setting_is_one_line(tmp_path, table, message, facet):
    (tmp_path / "f.toml").write_text(f"[rotation]\n{table}\n")
    done = facet("--config", tmp_path / "f.toml")
    assert done.code == 2 and message in done.stderr
