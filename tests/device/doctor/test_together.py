"""All checks together, on a good and on a broken computer."""

import dataclasses
import json
import os

from device.doctor.check_result import Check, CheckResult, examine
from device.doctor.checks import checks
from device.doctor.report import as_json, line, wants_colour
from device.doctor.system import run, synchronised
from device.errors import SourceError, UsageError
from device.settings import Settings
from tests.device.camera.video_driver import FakeCamera
from tests.device.doctor.made_up import changed, raises


def test_a_check_that_crashes_is_a_failure_of_its_own():
    finding = examine(Check("clock", raises(ZeroDivisionError("division\nby zero"))))
    assert finding.status == "failure"
    assert finding.message == "the check itself failed (ZeroDivisionError: division by zero)"
    assert "FACET_DEBUG=1" in finding.fix
    finding = examine(Check("source", raises(SourceError("no camera", "Plug it in"))))
    assert finding == CheckResult("failure", "no camera", "Plug it in")
    assert examine(Check("x", raises(UsageError("wrong")))).fix
    missing = ImportError("libGL.so.1: cannot open shared object file")
    assert "libgl1" in examine(Check("x", raises(missing))).fix
    assert "pip install -r" in examine(Check("x", raises(ModuleNotFoundError("cv2")))).fix


def test_a_good_computer_has_no_fault(machine, driver, astronaut):
    driver.plug(0, FakeCamera(picture=astronaut))
    told = {check.name: examine(check) for check in checks(machine, None, Settings())}
    assert {name: one for name, one in told.items() if one.status != "ok"} == {}
    assert len(told) == 17 and "camera usb:0" in told


def test_a_broken_computer_is_told_to_the_end(machine, driver):
    """Every question is answered with an error: no check takes another with it."""

    def broken(*_):
        raise RuntimeError("broken")

    fields = [one.name for one in dataclasses.fields(machine)]
    kept = ("root", "v4l2", "python", "environ", "user", "groups")
    worst = changed(machine, **{name: broken for name in fields if name not in kept})
    driver.plug(0, FakeCamera(busy=True))
    told = {check.name: examine(check) for check in checks(worst, None, Settings())}
    failed = {name for name, one in told.items() if one.status == "failure"}
    assert failed == {
        *("packages", "runtime", "permission", "camera usb:0", "screen", "disk", "clock"),
        *("service", "journal", "loaded model"),
    }


def test_lines_are_aligned_and_coloured_only_when_asked():
    check = Check("clock", lambda: None)
    assert line(check, CheckResult("ok", "2026"), False) == "ok       clock         2026"
    bad = CheckResult("failure", "not\nset", "Run: date")
    assert line(check, bad, False) == "FAILURE  clock         not set. Run: date"
    assert line(check, bad, True).startswith("\033[1;31mFAILURE\033[0m  clock")
    expected = {"check": "clock", "status": "failure", "message": "not\nset", "fix": "Run: date"}
    assert json.loads(as_json([(check, bad)])) == [expected]


def test_colour_is_for_terminals(tmp_path):
    ours, theirs = os.openpty()
    with open(ours, "rb"), open(theirs, "w") as terminal, (tmp_path / "f").open("w") as file:
        assert wants_colour(terminal, {"TERM": "xterm", "NO_COLOR": ""})
        assert not wants_colour(terminal, {"NO_COLOR": "1"})
        assert not wants_colour(terminal, {"TERM": "dumb"})
        assert not wants_colour(file, {}) and not wants_colour(None, {})


def test_commands_that_fail_say_nothing():
    assert run(["echo", "yes"]) == "yes\n"
    assert run(["false"]) is None and run(["/no/such/command"]) is None
    assert isinstance(synchronised(), bool)
