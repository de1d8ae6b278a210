"""Standard streams that are closed or full, and results that cannot be written."""

import os
import subprocess
import sys

import cv2
import pytest

from device.cli.result_file import refuse_unwritable, write_result
from device.errors import UsageError
from tests.conftest import ROOT
from tests.device.cli.test_run import HEADLESS

STDOUT_FAULTS = {">/dev/full": "No space left on device", ">&-": "Bad file descriptor"}
QUICK = ["device --help", "device --version", "device.run --help", "device.settings_file"]
PRINTING = [
    *[(command, redirection) for command in QUICK for redirection in STDOUT_FAULTS],
    ("device.doctor --camera demo --json", ">/dev/full"),
    ("device.doctor --camera demo", ">&-"),
    ("device.emoji docs/window.png", ">/dev/full"),
    ("device.run --camera demo --max-frames 3 --log -", ">/dev/full"),
    ("device.run --camera demo --max-frames 3 --log -", ">&-"),
]


def shell(command, redirection, **env):
    line = f"exec {sys.executable} -m {command} {redirection}"
    env = {**HEADLESS, "PYTHONPATH": str(ROOT), **env}
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, cwd=ROOT, env=env)


@pytest.mark.parametrize("command, redirection", PRINTING)
def test_a_result_that_cannot_be_printed_is_one_line(command, redirection):
    done = shell(command, redirection)
    lines = [line for line in done.stderr.splitlines() if "stdout" in line]
    assert done.returncode == 1 and len(lines) == 1, done.stderr
    assert f"stdout: {STDOUT_FAULTS[redirection]}. Try: " in lines[0]
    assert "Traceback" not in done.stderr and "internal" not in done.stderr


def test_a_snapshot_is_saved_though_nothing_can_be_printed(tmp_path):
    out = tmp_path / "a.jpg"
    done = shell(f"device.doctor --camera demo --snapshot {out}", ">/dev/full")
    assert done.returncode == 1 and done.stderr.count("cannot write to stdout") == 1
    assert out.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full", "<&-"])
@pytest.mark.parametrize("command", ["device --version", "device.settings_file"])
def test_without_stderr_or_stdin_the_result_is_printed(command, redirection):
    done = shell(command, redirection)
    assert done.returncode == 0 and done.stdout and not done.stderr


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_goes_away_ends_the_command_without_a_line(unbuffered):
    done = shell(
        "device.settings_file", "| true; exit ${PIPESTATUS[0]}", PYTHONUNBUFFERED=unbuffered
    )
    assert done.returncode in (0, 1) and not done.stderr


def test_a_file_does_not_take_the_place_of_a_closed_stream(tmp_path):
    out = tmp_path / "a.csv"
    code = (
        "import os, sys; from device.cli.command import exit_with\n"
        "def main():\n"
        "    file = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)\n"
        "    assert file > 2, file\n"
        "exit_with(main)"
    )
    line = f"exec {sys.executable} -c '{code}' {out} <&- >&- 2>&-"
    env = {**HEADLESS, "PYTHONPATH": str(ROOT)}
    assert subprocess.run(["bash", "-c", line], env=env).returncode == 0
    assert out.read_bytes() == b""


@pytest.mark.parametrize(
    "command",
    [
        "device.bench --faces 0 --rounds 1 --json",
        "device.emoji --camera demo --out",
        "device.emoji --gallery",
    ],
)
def test_an_unwritable_result_fails_before_the_work(tmp_path, command):
    (tmp_path / "file").touch()
    done = shell(command, str(tmp_path / "file" / "a.svg"))
    assert done.returncode == 2 and not done.stdout
    (line,) = done.stderr.splitlines()
    assert f"cannot write {tmp_path}/file/a.svg: {tmp_path}/file is not a folder. Try: " in line


@pytest.mark.parametrize(
    "name, reason",
    [
        ("folder", "it is a folder"),
        ("file/a.json", "is not a folder"),
        ("x" * 300, "File name too long"),
        ("/proc/a.json", "No such file"),
        ("/proc/none/a.json", "No such file"),
    ],
)
def test_results_that_cannot_be_written(tmp_path, name, reason):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    for call in (refuse_unwritable, lambda path, hint: write_result(path, b"x", hint)):
        with pytest.raises(UsageError, match=r"cannot write .*\. Try: another") as caught:
            call(tmp_path / name, "another")
        if call is refuse_unwritable:
            assert reason in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_a_trial_leaves_nothing(tmp_path):
    refuse_unwritable(tmp_path / "new" / "deep" / "a.json")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("target", ["else", "nowhere"])
def test_a_link_is_replaced_not_followed(tmp_path, target):
    (tmp_path / "else").write_bytes(b"kept")
    (tmp_path / "a.json").symlink_to(target)
    write_result(tmp_path / "a.json", b"new")
    assert (tmp_path / "a.json").read_bytes() == b"new" and not (tmp_path / "a.json").is_symlink()
    assert (tmp_path / "else").read_bytes() == b"kept" and not (tmp_path / "nowhere").exists()


def test_pipes_devices_and_open_files_are_written_in_place(tmp_path):
    read, write = os.pipe()
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    with (tmp_path / "open").open("wb") as file:
        places = [fifo, f"/dev/fd/{write}", f"/proc/self/fd/{file.fileno()}", "/dev/null"]
        for place in map(type(fifo), places):
            refuse_unwritable(place)
            write_result(place, b"new")
    assert os.read(read, 9) == os.read(reader, 9) == (tmp_path / "open").read_bytes() == b"new"
    assert fifo.is_fifo() and os.path.lexists("/dev/null") and not os.path.isfile("/dev/null")
    for descriptor in (read, write, reader):
        os.close(descriptor)


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_a_files_name_is_the_same_in_any_locale(tmp_path, astronaut, locale):
    (tmp_path / "Zoë.png").write_bytes(cv2.imencode(".png", astronaut)[1])
    done = subprocess.run(
        [sys.executable, "-m", "device.run", "--camera", "Zoë.png", "--headless", "--log", "-"],
        cwd=tmp_path,
        env=os.environ
        | {
            "LC_ALL": locale,
            "PYTHONUTF8": "0",
            "PYTHONCOERCECLOCALE": "0",
            "PYTHONPATH": str(ROOT),
        },
        capture_output=True,
    )
    assert ",Zoë.png,0,1," in done.stdout.decode(), done.stderr
