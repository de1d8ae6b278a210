"""All checks together, on a good and on a broken system."""

import dataclasses
import json
import os

from device.doctor.check_result import Check, CheckResult, run_check
from device.doctor.checks import checks
from device.doctor.report import as_json, line, wants_colour
from device.doctor.system import run, synchronized
from device.errors import SourceError, UsageError
from device.settings import Settings
from tests.device.camera.video_driver import FakeCamera
from tests.device.doctor.made_up import changed, raises


def test_a_check_that_crashes_is_a_failure_of_its_own():
    result = run_check(Check("clock", raises(ZeroDivisionError("division\nby zero"))))
    assert result.status == "failure"
    assert result.message == "internal error in this check (ZeroDivisionError: division by zero)"
    assert "FACET_DEBUG=1" in result.fix
    result = run_check(Check("source", raises(SourceError("no camera", "connect it"))))
    assert result == CheckResult("failure", "no camera", "connect it")
    assert run_check(Check("x", raises(UsageError("wrong")))).fix
    missing = ImportError("libGL.so.1: cannot open shared object file")
    assert "libgl1" in run_check(Check("x", raises(missing))).fix
    missing = ModuleNotFoundError("cv2")
    assert run_check(Check("x", raises(missing))).fix == "pip install -r requirements-pi.txt"


def test_a_good_system_has_no_fault(system, driver, astronaut):
    driver.plug(0, FakeCamera(picture=astronaut))
    results = {check.name: run_check(check) for check in checks(system, None, Settings())}
    assert {name: result for name, result in results.items() if result.status != "ok"} == {}
    assert len(results) == 19 and "camera usb:0" in results


def test_all_checks_of_a_broken_system_run(system, driver):
    """Each query raises: no check ends another."""

    def broken(*_):
        raise RuntimeError("broken")

    fields = [field.name for field in dataclasses.fields(system)]
    kept = ("root", "v4l2", "python", "environ", "user", "groups")
    worst = changed(system, **{name: broken for name in fields if name not in kept})
    driver.plug(0, FakeCamera(busy=True))
    results = {check.name: run_check(check) for check in checks(worst, None, Settings())}
    failed = {name for name, result in results.items() if result.status == "failure"}
    assert failed == {
        *(
            "packages",
            "runtime",
            "encryption",
            "permission",
            "camera usb:0",
            "screen",
            "disk",
            "clock",
        ),
        *("service", "journal", "loaded model"),
    }


def test_lines_are_aligned_and_coloured_only_when_asked():
    check = Check("clock", lambda: None)
    assert line(check, CheckResult("ok", "2026"), False) == "ok       clock         2026"
    bad = CheckResult("failure", "not\nset", "date")
    assert line(check, bad, False) == "FAILURE  clock         not set. Try: date"
    assert line(check, bad, True).startswith("\033[1;31mFAILURE\033[0m  clock")
    expected = {"check": "clock", "status": "failure", "message": "not\nset", "fix": "date"}
    assert json.loads(as_json([(check, bad)])) == [expected]


def test_colour_is_for_terminals(tmp_path):
    ours, theirs = os.openpty()
    with open(ours, "rb"), open(theirs, "w") as terminal, (tmp_path / "f").open("w") as file:
        assert wants_colour(terminal, {"TERM": "xterm", "NO_COLOR": ""})
        assert not wants_colour(terminal, {"NO_COLOR": "1"})
        assert not wants_colour(terminal, {"TERM": "dumb"})
        assert not wants_colour(file, {}) and not wants_colour(None, {})


def test_commands_that_fail_give_none():
    assert run(["echo", "yes"]) == "yes\n"
    assert run(["false"]) is None and run(["/no/such/command"]) is None
    assert isinstance(synchronized(), bool)
