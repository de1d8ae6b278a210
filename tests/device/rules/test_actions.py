"""Commands, snapshots, pins and messages: what each does at a firing, and its faults."""

import json
import os
import sys
import threading
from dataclasses import replace

import cv2
import pytest

from device.errors import FacetError, UsageError
from device.rules.actions import build_action, slug
from device.rules.actions.command import Command
from device.rules.actions.gpio import GpioPin
from device.rules.actions.snapshot import Snapshot
from device.types import Line, LineCount
from tests.device.metrics.made_up import eventually
from tests.device.rules.made_up import SMILES, firing, frames, rule, watch


def act(action, made, stopping=None):
    with action:
        action.act(made, stopping or threading.Event())


# Commands


def python(script, *arguments, **values):
    return Command(rule(argv=[sys.executable, "-c", script, *arguments], **values))


def test_a_command_gets_the_event_and_no_shell(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("FACET_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("FACET_CAMERA_PASSWORD", "secret")
    script = (
        "import json, os, sys\n"
        "event = json.load(sys.stdin)\n"
        "kept = {k: v for k, v in os.environ.items() if k.startswith('FACET_')}\n"
        "json.dump([event, kept, sys.argv[1:]], open(sys.argv[1], 'w'))"
    )
    out, made = tmp_path / "out.json", firing(name="smile")
    act(python(script, str(out), "$(reboot); `reboot` *", timeout_s=60), made)
    event, environment, arguments = json.loads(out.read_text())
    assert event == made.record() and arguments[1] == "$(reboot); `reboot` *"
    assert environment == {"FACET_RULE": "smile", "FACET_TIME": made.time, "FACET_FACE": "1"}


def test_a_command_that_fails_is_named():
    with pytest.raises(FacetError, match=r"ended with 3\. Try: run it by hand: "):
        act(python("raise SystemExit(3)", timeout_s=60), firing())


def test_a_command_that_hangs_is_killed_with_its_children(tmp_path):
    script = (
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(3600)'])\n"
        "open(sys.argv[1], 'w').write(f'{os.getpid()} {child.pid} .')\n"
        "time.sleep(3600)"
    )
    pids = tmp_path / "pids"
    stopping = threading.Event()

    def stop_it():
        eventually(lambda: pids.exists() and pids.read_text().endswith("."))
        stopping.set()

    stopper = threading.Thread(target=stop_it)
    stopper.start()
    with pytest.raises(FacetError, match="was ended with the run"):
        act(python(script, str(pids), timeout_s=60), firing(), stopping)
    stopper.join()
    for pid in map(int, pids.read_text().split()[:2]):
        eventually(lambda pid=pid: not is_alive(pid))


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rpartition(")")[2].split()[0] != "Z"


def test_a_command_has_a_limit_of_time():
    with pytest.raises(FacetError, match=r"took more than 0\.2 s"):
        act(python("import time; time.sleep(3600)", timeout_s=0.2), firing())


def test_a_command_that_reads_nothing_is_no_fault():
    act(Command(rule(argv=["true"], timeout_s=60)), firing())


def test_a_program_that_is_missing_is_named_at_the_start():
    with pytest.raises(UsageError, match=r"no program no-such-program.*\. Try: argv = "):
        Command(rule(argv=["no-such-program"]))


# Snapshots


def test_a_snapshot_is_an_annotated_jpeg(tmp_path):
    folder = tmp_path / "new" / "folder"
    act(Snapshot(rule(do="snapshot", folder=folder, name="A smile!")), firing())
    (path,) = folder.iterdir()
    assert path.name == "2026-01-02T12-00-00.250Z-A-smile.jpg"
    picture = cv2.imread(str(path))
    assert picture.shape == (120, 160, 3) and picture.std() > 5  # grey but for the box


def test_a_snapshot_has_the_lines_as_the_window_has_them(tmp_path):
    made = firing()
    line = LineCount(Line("door", (0.1, 0.9), (0.4, 0.9)))
    for name, lines in (("without", ()), ("with", (line,))):
        shown = replace(made, result=replace(made.result, lines=lines))
        act(Snapshot(rule(do="snapshot", folder=tmp_path / name)), shown)
    without, drawn = (cv2.imread(str(next((tmp_path / n).iterdir()))) for n in ("without", "with"))
    assert (without[107:110, 20:60] != drawn[107:110, 20:60]).any()


def test_the_frame_itself_is_not_drawn_on(tmp_path):
    made = firing()
    act(Snapshot(rule(do="snapshot", folder=tmp_path)), made)
    assert (made.result.frame.bgr == 90).all()


def test_the_oldest_snapshots_of_the_rule_are_deleted_and_nothing_else(tmp_path):
    others = ["holiday.jpg", "2026-01-02T11-00-00.250Z-other.jpg", "2026-01-02-smile.jpg"]
    for name in others:
        (tmp_path / name).write_text("kept")
    watched = watch(name="smile", cooldown_s=0.0)
    with Snapshot(rule(do="snapshot", folder=tmp_path, name="smile", keep=2)) as action:
        for one in frames(*[{track: SMILES} for track in range(1, 5)]):
            for made in watched.update(one):
                action.act(made, threading.Event())
    kept = {path.name for path in tmp_path.iterdir()} - set(others)
    assert kept == {"2026-01-02T12-00-01.250Z-smile.jpg", "2026-01-02T12-00-01.750Z-smile.jpg"}
    assert all((tmp_path / name).exists() for name in others)


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FacetError, match=r"cannot write a snapshot into .*file"):
        act(Snapshot(rule(do="snapshot", folder=tmp_path / "file")), firing())


# Pins


@pytest.fixture
def factory():
    pins = pytest.importorskip("gpiozero.pins.mock", reason="no gpiozero")
    factory = pins.MockFactory()
    yield factory
    factory.close()


def test_a_pin_is_on_for_a_while_and_off_at_the_end(factory):
    with GpioPin(rule(do="gpio", pin=17, on_s=0.01), factory) as action:
        pin = factory.pin(17)
        assert pin.state == 0
        action.act(firing(), threading.Event())
        states = [one.state for one in pin.states]
        assert states[-2:] == [True, False]
    assert factory.pin(17).function == "input"  # released


def test_a_stop_switches_a_pin_off_at_once(factory):
    stopping = threading.Event()
    with GpioPin(rule(do="gpio", pin=17, on_s=3600), factory) as action:
        thread = threading.Thread(target=action.act, args=(firing(), stopping))
        thread.start()
        eventually(lambda: factory.pin(17).state == 1)
        stopping.set()
        thread.join(10)
        assert not thread.is_alive() and factory.pin(17).state == 0


def test_a_pin_that_another_rule_has_is_named(factory):
    second = GpioPin(rule(do="gpio", pin=17), factory)
    in_use = pytest.raises(FacetError, match=r"cannot use GPIO17: .*in use")
    with GpioPin(rule(do="gpio", pin=17), factory), in_use:
        second.__enter__()


# Messages


def test_a_message_goes_to_the_topic_of_the_rule():
    sent = []
    action = build_action(rule(do="mqtt", name="A smile"), lambda *one: sent.append(one))
    made = firing()
    act(action, made)
    act(build_action(rule(do="mqtt", topic="lamp"), lambda *one: sent.append(one)), made)
    assert [topic for topic, _ in sent] == ["rules/A-smile", "rules/lamp"]
    assert json.loads(sent[0][1]) == made.record()


def test_a_message_needs_a_broker():
    with pytest.raises(UsageError, match=r'needs a broker\. Try: host = "\.\.\." in \[mqtt\]'):
        build_action(rule(do="mqtt"))


def test_names_of_files_and_topics():
    titles = ("Smiling > 0.8", "../../etc", "☕", "a/b#+", "x" * 99)
    assert [slug(one) for one in titles] == ["Smiling-0-8", "etc", "rule", "a-b", "x" * 40]
