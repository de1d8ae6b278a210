"""The service, as systemd and its journal describe it."""

import os
import subprocess
import time
from datetime import UTC, datetime

import pytest

from device.doctor.check_result import Check, CheckResult, run_check
from device.doctor.checks import service
from device.doctor.system import System
from tests.conftest import CARD, ROOT
from tests.device.doctor.made_up import RUNNING, answering, changed, with_settings


@pytest.mark.parametrize(
    ("shown", "status", "message"),
    [
        (None, "ok", "no systemd here"),
        ("LoadState=not-found\nActiveState=inactive\nMainPID=0", "ok", "not installed"),
        (RUNNING, "ok", "runs, pid 812"),
        (RUNNING.replace("NRestarts=0", "NRestarts=3"), "ok", "restarted 3 times"),
        ("LoadState=loaded\nActiveState=inactive\nMainPID=0", "warning", "does not run"),
        ("LoadState=loaded\nActiveState=activating\nSubState=start", "warning", "activating"),
        (
            "LoadState=loaded\nActiveState=activating\nSubState=auto-restart\nResult=exit-code",
            "failure",
            "exit-code): facet: no camera usb:0",
        ),
        (
            "LoadState=loaded\nActiveState=failed\nSubState=failed\nResult=watchdog\nNRestarts=5",
            "failure",
            "failed (watchdog, restarted 5 times): facet: no camera usb:0",
        ),
        ("LoadState=bad-setting\nActiveState=inactive", "failure", "bad-setting"),
    ],
)
def test_state_of_the_service(system, shown, status, message):
    asked = changed(system, run=answering(systemctl=shown, journalctl="facet: no camera usb:0\n"))
    result = service.state(asked)
    assert result.status == status and message in result.message
    assert bool(result.fix) == (status != "ok")


def test_the_last_line_of_facet_precedes_that_of_systemd(system):
    def journal(command):
        if command[0] == "systemctl":
            return "LoadState=loaded\nActiveState=failed\nResult=exit-code"
        return lines[0] if "_SYSTEMD_UNIT=facet.service" in command else lines[1]

    lines = ["facet: no camera\n", "facet.service: Failed\n"]
    assert service.state(changed(system, run=journal)).message.endswith("facet: no camera")
    lines[0] = ""
    assert service.state(changed(system, run=journal)).message.endswith("facet.service: Failed")
    lines[1] = None
    assert "that this user may read" in service.state(changed(system, run=journal)).message


def test_journal(system):
    assert service.journal(system).message == "no systemd here"
    quiet = changed(system, run=answering(systemctl=RUNNING, journalctl=""))
    assert service.journal(quiet) == CheckResult("ok", "no error")
    loud = changed(system, run=answering(systemctl=RUNNING, journalctl="Watchdog timeout\n"))
    result = service.journal(loud)
    assert (result.status, result.message) == ("warning", "last error: Watchdog timeout")


def serving(system, started_s: float) -> System:
    """Return the system with a service that started then, s since 1970."""
    boot = 1_600_000_000
    ticks = round((started_s - boot) * os.sysconf("SC_CLK_TCK"))
    fields = " ".join(["S", *["0"] * 18, str(ticks), "0"])
    files = {"proc/812/stat": f"812 (python -m (x) y) {fields}\n"}
    files["proc/uptime"] = f"{time.time() - boot:.2f} 7.00\n"
    now = datetime.now(UTC)
    return changed(system, files, run=answering(systemctl=RUNNING), now=lambda: now)


def test_a_model_that_was_replaced_while_the_service_runs(system, tmp_path):
    for file in (CARD, CARD.with_suffix(".tflite")):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    settings = with_settings(attributes={"model": tmp_path / CARD.name})
    assert service.model_in_use(system, settings).message == "the service does not run"
    later = serving(system, time.time() + 60)
    assert service.model_in_use(later, settings).status == "ok"
    result = service.model_in_use(serving(system, time.time() - 60), settings)
    assert result.status == "warning" and result.fix == service.RESTART
    assert "attributes.json and attributes.tflite changed" in result.message
    # A moved file keeps its older time of writing.
    started = time.time() - 0.3
    other = tmp_path / "other.tflite"
    other.write_bytes(b"x")
    os.utime(other, (1_700_000_000, 1_700_000_000))
    other.replace(tmp_path / "attributes.tflite")
    result = service.model_in_use(serving(system, started), settings)
    assert "attributes.tflite changed" in result.message
    (tmp_path / "attributes.tflite").unlink()
    elsewhere = changed(later, run=answering(systemctl=f"{RUNNING}\nWorkingDirectory=/opt/facet"))
    assert "runs from /opt/facet" in service.model_in_use(elsewhere, settings).message
    here = changed(later, run=answering(systemctl=f"{RUNNING}\nWorkingDirectory={ROOT}"))
    gone = run_check(Check("m", lambda: service.model_in_use(here, settings)))
    assert gone.status == "failure" and gone.message.startswith("attributes.tflite is gone")


def test_the_start_time_of_a_process():
    """Read from the real /proc, in hundredths of a second."""
    before = time.time()
    with subprocess.Popen(["sleep", "9"]) as process:
        after = time.time()
        assert before - 0.05 < service._start_time(System(), process.pid) < after + 0.05
        process.kill()
    assert service._start_time(System(), 2**22 + 1) is None
