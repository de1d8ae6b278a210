"""Every check of the doctor on a good, a doubtful and a broken computer, made up as a folder."""

import dataclasses
import json
import os
import subprocess
import time
from datetime import UTC, datetime

import cv2
import numpy as np
import pytest

from device.attributes.classifier import Classifier
from device.doctor.checks import cameras, checks, computer, models, service, software
from device.doctor.finding import Check, Finding, examine
from device.doctor.machine import Machine, run, synchronised, version
from device.doctor.report import as_json, line, wants_colour
from device.doctor.snapshot import save
from device.errors import FacetError, ModelError, SourceError, UsageError
from device.settings import Settings, merge
from tests.conftest import CARD, ROOT
from tests.device.video_driver import Driver, Plugged

PI = {"sys/firmware/devicetree/base/model": "Raspberry Pi 4 Model B Rev 1.4\0"}
THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled"
HEAT = "sys/class/thermal/thermal_zone0/temp"
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
RUNNING = """LoadState=loaded
ActiveState=active
SubState=running
MainPID=812
NRestarts=0
Result=success"""


@pytest.fixture
def driver(tmp_path):
    (tmp_path / "root" / "dev").mkdir(parents=True)
    return Driver(tmp_path / "root" / "dev")


@pytest.fixture
def machine(tmp_path, driver):
    """A computer where all is well: no Pi, no camera, no systemd."""
    return Machine(
        root=tmp_path / "root",
        run=lambda command: None,
        python=(3, 13, 5),
        v4l2=driver.v4l2,
        environ={"DISPLAY": ":0"},
        has_screen=lambda: True,
        user="ada",
        groups=frozenset({"ada", "video"}),
        may_open=lambda path: True,
        free_bytes=lambda path: 8_000_000_000,
        now=lambda: NOW,
        synchronised=lambda: True,
    )


def changed(machine, files=(), **fields):
    """Return the machine with other fields, and with files {path below its root: text}."""
    for path, text in dict(files).items():
        (machine.root / path).parent.mkdir(parents=True, exist_ok=True)
        (machine.root / path).write_text(text)
    return dataclasses.replace(machine, **fields)


def having(**installed):
    """Return a `Machine.version` that has other packages: None is none, _ stands for a hyphen."""
    other = {name.replace("_", "-"): number for name, number in installed.items()}
    return lambda package: other[package] if package in other else version(package)


def answering(**answers):
    """Return a `Machine.run` that answers each program alike, whatever its arguments."""
    return lambda command: answers.get(command[0])


def with_settings(**tables):
    return merge(Settings(), tables, "test")


def raises(error):
    def look():
        raise error

    return look


# What is installed


@pytest.mark.parametrize(
    ("python", "status"),
    [((3, 11, 2), "ok"), ((3, 14, 0), "ok"), ((3, 15, 0), "warning"), ((3, 10, 9), "failure")],
)
def test_python(machine, python, status):
    finding = software.python(changed(machine, python=python))
    assert finding.status == status and ".".join(map(str, python)) in finding.found
    assert bool(finding.mend) == (status != "ok")


def test_packages_are_those_of_the_requirements(machine):
    finding = software.packages(machine)
    assert finding.status == "ok" and f"numpy {np.__version__}" in finding.found
    other = software.packages(changed(machine, version=having(numpy="1.26.4")))
    assert other.status == "warning" and "numpy 1.26.4 (need " in other.found
    early = software.packages(changed(machine, version=having(numpy="2.5.0rc1")))
    assert early.status == "ok"  # a release candidate of a tested version
    none = software.packages(changed(machine, version=having(pillow=None, numpy="1.26.4")))
    assert none == Finding("failure", "not installed: pillow", software.INSTALL)


def test_runtime(machine):
    assert software.runtime(machine).status == "ok"
    assert software.runtime(machine).found.startswith("ai-edge-litert 2.")
    unloadable = changed(
        machine, version=having(ai_edge_litert="2.3.0"), runtime=lambda: "tflite-runtime 2.14.0"
    )
    finding = software.runtime(unloadable)
    assert finding.status == "warning" and "ai-edge-litert 2.3.0 does not load" in finding.found
    old = having(ai_edge_litert=None, tflite_runtime="2.14.0", numpy="2.4.6")
    finding = software.runtime(changed(machine, version=old))
    assert finding.status == "failure"
    assert finding.found == "tflite-runtime 2.14.0 crashes under NumPy 2.4.6"
    paired = having(ai_edge_litert=None, tflite_runtime="2.14.0", numpy="1.26.4")
    pi = changed(machine, version=paired, runtime=lambda: "tflite-runtime 2.14.0")
    assert software.runtime(pi) == Finding("ok", "tflite-runtime 2.14.0, NumPy 1.26.4")
    none = changed(machine, runtime=raises(ModelError("no TFLite runtime found", "Run: pip")))
    finding = examine(Check("runtime", lambda: software.runtime(none)))
    assert finding == Finding("failure", "no TFLite runtime found", "Run: pip")


def test_a_misspelt_setting_is_named(tmp_path):
    file = tmp_path / "facet.toml"
    assert software.settings_file(None).status == "ok"
    file.write_text("[camera]\nwidth = 320\n")
    assert software.settings_file(file) == Finding("ok", str(file))
    for text, said in [
        ("[camera]\nwdith = 320\n", "unknown setting wdith"),
        ("[camera", "cannot read the settings file"),
    ]:
        file.write_text(text)
        finding = examine(Check("settings", lambda: software.settings_file(file)))
        assert finding.status == "failure" and said in finding.found and finding.mend
    assert (
        "no settings file"
        in examine(Check("settings", lambda: software.settings_file(tmp_path / "none.toml"))).found
    )


# The networks


def test_the_committed_model_tells_the_portrait():
    finding = models.model(Settings())
    assert finding.status == "ok" and "Smiling 1.00" in finding.found


def test_a_model_that_errs_and_one_that_is_broken():
    card = Classifier(CARD).card
    right = np.where([name == "Smiling" for name in card.names], 0.9, 0.01).astype(np.float32)
    assert models.judged("m", card, right).status == "ok"
    finding = models.judged("m", card, 1 - right)
    assert finding.status == "warning"
    assert "Smiling, Eyeglasses, Wearing_Hat" in finding.found
    for nonsense in (np.full(40, 0.5, np.float32), right * np.nan):
        assert models.judged("m", card, nonsense).status == "failure"


def test_a_model_of_other_bytes_than_its_card_says(tmp_path):
    card = tmp_path / "attributes.json"
    card.write_text(CARD.read_text())
    (tmp_path / "attributes.tflite").write_bytes(CARD.with_suffix(".tflite").read_bytes() + b"\0")
    settings = with_settings(attributes={"model": card})
    finding = examine(Check("model", lambda: models.model(settings)))
    assert finding.status == "failure" and "has other bytes" in finding.found
    assert finding.mend == "Restore the model: git checkout -- models/"
    settings = with_settings(attributes={"show": ["Smilling"]})
    finding = examine(Check("model", lambda: models.model(settings)))
    assert finding.status == "failure" and finding.mend == "Did you mean Smiling?"


def test_detector():
    assert models.detector(Settings()).found.startswith("back and short, ")
    assert models.detector(with_settings(faces={"detector": "full"})).status == "ok"
    yunet = with_settings(faces={"detector": "yunet", "yunet": "no.onnx"})
    finding = examine(Check("detector", lambda: models.detector(yunet)))
    assert finding.status == "failure" and finding.found == "no YuNet network no.onnx"
    strict = models.detector(with_settings(faces={"min_score": 0.99}))
    assert strict.status == "warning" and "finds 0 faces" in strict.found


# Cameras


def test_no_camera_is_a_warning(machine):
    finding = cameras.listed(machine)
    assert finding.status == "warning" and "no camera found" in finding.found and finding.mend
    assert cameras.sources(machine, Settings()) == {}


def test_cameras_and_what_else_the_settings_name(machine, driver):
    driver.plug(0, Plugged())
    driver.plug(2, Plugged("Other Cam"))
    assert cameras.listed(machine) == Finding("ok", "usb:0 (HD Webcam), usb:2 (Other Cam)")
    plugged = {"camera usb:0": "usb:0", "camera usb:2": "usb:2"}
    for source in ("auto", "demo", "0", "1", "usb:2"):
        assert cameras.sources(machine, with_settings(camera={"source": source})) == plugged
    stream = "rtsp://user:secret@cam.local/live"
    for source in ("2", stream):
        wanted = with_settings(camera={"source": source})
        assert cameras.sources(machine, wanted) == plugged | {"source": source}


def test_a_good_picture_at_once_and_in_its_true_mode(machine, driver, astronaut):
    driver.plug(0, Plugged(picture=astronaut))
    finding = cameras.picture(machine, Settings(), "usb:0")
    assert finding == Finding(
        "ok", "HD Webcam, 640x480 MJPG, 30 frames/s: a face of plausible colour"
    )
    driver.plug(1, Plugged(picture=astronaut[300:, :200]))
    assert "no face to judge" in cameras.picture(machine, Settings(), "usb:1").found


def test_a_camera_that_wakes_up_is_waited_for(machine, driver, astronaut):
    """Its first frames are black, as long as it seeks its exposure."""
    waking = Plugged(picture=np.zeros_like(astronaut))
    driver.plug(0, waking)

    def wake(path, backend):
        waking.picture = np.zeros_like(astronaut)
        capture = driver.capture(path, backend)
        reads = iter(range(1000))
        retrieve = capture.retrieve

        def later():
            if next(reads) == 5:
                waking.picture = astronaut
            return retrieve()

        capture.retrieve = later
        return capture

    slow = changed(machine, v4l2=dataclasses.replace(driver.v4l2, capture=wake))
    assert cameras.picture(slow, Settings(), "usb:0").status == "ok"


@pytest.mark.parametrize(
    ("make", "status", "said"),
    [
        (lambda portrait: portrait * 0, "warning", "all black"),
        (lambda portrait: portrait * 0 + 130, "failure", "(red 130, green 130, blue 130)"),
        (lambda portrait: portrait[..., ::-1], "warning", "a face bluer than skin"),
    ],
)
def test_a_doubtful_picture(machine, driver, astronaut, make, status, said):
    driver.plug(0, Plugged(picture=np.ascontiguousarray(make(astronaut))))
    finding = cameras.picture(machine, Settings(), "usb:0")
    assert (finding.status, said in finding.found) == (status, True), finding
    assert finding.found.startswith("HD Webcam, 640x480 MJPG, 30 frames/s: ") and finding.mend


def test_a_silent_camera_is_a_failure_of_its_own(machine, driver):
    driver.plug(0, Plugged(silent=True, silence_s=0.01))
    finding = examine(Check("c", lambda: cameras.picture(machine, Settings(), "usb:0")))
    assert finding.status == "failure" and finding.found == "usb:0 gives no picture"


def test_a_camera_that_the_service_has_is_well_used(machine, driver):
    """One that another program has is not."""
    driver.plug(0, Plugged(busy=True))
    finding = cameras.picture(machine, Settings(), "usb:0")
    assert finding.status == "warning" and "in use" in finding.found and finding.mend
    serving = changed(machine, run=answering(systemctl=RUNNING))
    finding = cameras.picture(serving, Settings(), "usb:0")
    assert finding.status == "ok" and finding.found.endswith("the service runs, pid 812")


def test_permission(machine, driver):
    node = driver.plug(0, Plugged())
    assert cameras.permission(machine).found == "ada, in group video, may open 1 devices"
    shut = changed(machine, may_open=lambda path: False, groups=frozenset({"ada"}))
    finding = cameras.permission(shut)
    assert finding.status == "failure" and f"ada may not open {node}" in finding.found
    assert finding.mend == "Run: sudo usermod -aG video ada, then log in again"
    added = changed(shut, {"etc/group": "audio:x:29:\nvideo:x:44:bob,ada\n"})
    assert cameras.permission(added).mend == "Log in again"
    odd = cameras.permission(changed(machine, may_open=lambda path: False))
    assert odd.status == "failure" and odd.mend == f"Look: ls -l {node}"


def test_permission_before_a_camera_is_plugged_in(machine):
    outside = changed(machine, groups=frozenset({"ada"}))
    assert cameras.permission(outside).status == "warning"
    assert cameras.permission(machine).status == "ok"
    assert cameras.permission(changed(outside, user="root")).status == "ok"


# The computer


def test_screen(machine):
    assert computer.screen(machine, Settings()) == Finding("ok", "DISPLAY=:0")
    unset = computer.screen(changed(machine, environ={}), Settings())
    assert unset.status == "warning" and "DISPLAY is not set" in unset.found and unset.mend
    silent = computer.screen(changed(machine, has_screen=lambda: False), Settings())
    assert silent.status == "warning" and "DISPLAY=:0" in silent.found and silent.mend
    headless = with_settings(outputs={"headless": True})
    assert computer.screen(changed(machine, environ={}), headless).status == "ok"


@pytest.mark.parametrize(
    ("free_mb", "status", "said"),
    [(8000, "ok", "8.0 GB free"), (499, "warning", "499 MB free"), (49, "failure", "49 MB free")],
)
def test_free_disk(machine, tmp_path, free_mb, status, said):
    settings = with_settings(outputs={"log": tmp_path / "new" / "faces.csv"})
    disk = changed(machine, free_bytes=lambda path: free_mb * 1_000_000)
    finding = computer.disk(disk, settings)
    assert finding.status == status and f"{tmp_path}: {said}" in finding.found
    assert bool(finding.mend) == (status != "ok")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["root"]  # nothing is left


def test_a_disk_that_cannot_be_written(machine, tmp_path, disk):
    (disk / "filled").write_bytes(b"x" * 65536)
    finding = computer.disk(machine, with_settings(outputs={"log": disk / "faces.csv"}))
    assert finding.status == "failure" and "No space left" in finding.found
    (tmp_path / "file").touch()
    finding = computer.disk(machine, with_settings(outputs={"log": tmp_path / "file" / "f.csv"}))
    assert finding.status == "failure" and "cannot be written: Not a directory" in finding.found


def test_clock(machine):
    assert computer.clock(machine) == Finding("ok", "2026-11-22 12:00 UTC, synchronised")
    free = changed(machine, synchronised=lambda: False)
    assert computer.clock(free).status == "warning" and computer.clock(free).mend
    told = changed(free, {"run/systemd/timesync/synchronized": ""})
    assert computer.clock(told).status == "ok"
    unset = changed(machine, now=lambda: datetime(1970, 1, 1, 0, 2, tzinfo=UTC))
    finding = computer.clock(unset)
    assert finding.status == "failure" and finding.found == "1970-01-01 00:02 UTC: never set"


@pytest.mark.parametrize(
    ("milli", "status", "said"),
    [("48312\n", "ok", "48 °C"), ("81000\n", "warning", "81 °C"), ("86000\n", "failure", "86 °C")],
)
def test_temperature_of_a_pi(machine, milli, status, said):
    finding = computer.temperature(changed(machine, PI | {HEAT: milli}))
    assert finding.status == status and finding.found.startswith(said)


def test_temperature_elsewhere(machine):
    assert computer.temperature(machine) == Finding("ok", "no sensor, not a Pi")
    assert computer.temperature(changed(machine, {HEAT: "99000"})).status == "ok"
    odd = changed(machine, {HEAT: "x"})
    finding = examine(Check("temperature", lambda: computer.temperature(odd)))
    assert finding.status == "failure" and "ValueError" in finding.found


@pytest.mark.parametrize(
    ("bits", "status", "said"),
    [
        ("0\n", "ok", "enough, never throttled"),
        ("0x0\n", "ok", "enough"),
        ("50000\n", "warning", "since the boot: under-voltage, throttled"),
        ("80008\n", "warning", "now: temperature limit"),
        ("50005\n", "failure", "now: under-voltage, throttled"),
    ],
)
def test_power_of_a_pi(machine, bits, status, said):
    for path in (THROTTLED, THROTTLED.replace("soc", "soc@107c000000")):
        pi = changed(machine, PI | {path: bits})
        finding = computer.power(pi)
        assert finding.status == status and finding.found.startswith(said)
        (machine.root / path).unlink()


def test_power_by_the_firmware_s_own_tool(machine):
    assert computer.power(machine) == Finding("ok", "not a Pi")
    assert computer.power(changed(machine, PI)).found == "the firmware does not tell"
    pi = changed(machine, PI, run=answering(vcgencmd="throttled=0x50000\n"))
    finding = computer.power(pi)
    assert (finding.status, finding.mend) == ("warning", computer.POWER)


# The service


@pytest.mark.parametrize(
    ("told", "status", "said"),
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
def test_state_of_the_service(machine, told, status, said):
    asked = changed(machine, run=answering(systemctl=told, journalctl="facet: no camera usb:0\n"))
    finding = service.state(asked)
    assert finding.status == status and said in finding.found
    assert bool(finding.mend) == (status != "ok")


def test_what_facet_said_last_goes_before_what_systemd_said(machine):
    def journal(command):
        if command[0] == "systemctl":
            return "LoadState=loaded\nActiveState=failed\nResult=exit-code"
        return said[0] if "_SYSTEMD_UNIT=facet.service" in command else said[1]

    said = ["facet: no camera\n", "facet.service: Failed\n"]
    assert service.state(changed(machine, run=journal)).found.endswith("facet: no camera")
    said[0] = ""
    assert service.state(changed(machine, run=journal)).found.endswith("facet.service: Failed")
    said[1] = None
    assert "that this user may read" in service.state(changed(machine, run=journal)).found


def test_journal(machine):
    assert service.journal(machine).found == "no systemd here"
    quiet = changed(machine, run=answering(systemctl=RUNNING, journalctl=""))
    assert service.journal(quiet) == Finding("ok", "no error")
    loud = changed(machine, run=answering(systemctl=RUNNING, journalctl="Watchdog timeout\n"))
    finding = service.journal(loud)
    assert (finding.status, finding.found) == ("warning", "last error: Watchdog timeout")


def serving(machine, began_s: float) -> Machine:
    """Return the machine with a service that began then, s since 1970."""
    boot = 1_600_000_000
    ticks = round((began_s - boot) * os.sysconf("SC_CLK_TCK"))
    fields = " ".join(["S", *["0"] * 18, str(ticks), "0"])
    files = {"proc/812/stat": f"812 (python -m (x) y) {fields}\n"}
    files["proc/uptime"] = f"{time.time() - boot:.2f} 7.00\n"
    now = datetime.now(UTC)
    return changed(machine, files, run=answering(systemctl=RUNNING), now=lambda: now)


def test_a_model_that_was_replaced_while_the_service_runs(machine, tmp_path):
    for file in (CARD, CARD.with_suffix(".tflite")):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    settings = with_settings(attributes={"model": tmp_path / CARD.name})
    assert service.model_in_use(machine, settings).found == "the service does not run"
    later = serving(machine, time.time() + 60)
    assert service.model_in_use(later, settings).status == "ok"
    finding = service.model_in_use(serving(machine, time.time() - 60), settings)
    assert finding.status == "warning" and finding.mend == service.RESTART
    assert "attributes.json and attributes.tflite changed" in finding.found
    # One that is moved there brings its own, older time of writing.
    began = time.time() - 0.3
    other = tmp_path / "other.tflite"
    other.write_bytes(b"x")
    os.utime(other, (1_700_000_000, 1_700_000_000))
    other.replace(tmp_path / "attributes.tflite")
    finding = service.model_in_use(serving(machine, began), settings)
    assert "attributes.tflite changed" in finding.found
    (tmp_path / "attributes.tflite").unlink()
    elsewhere = changed(later, run=answering(systemctl=f"{RUNNING}\nWorkingDirectory=/opt/facet"))
    assert "runs from /opt/facet" in service.model_in_use(elsewhere, settings).found
    here = changed(later, run=answering(systemctl=f"{RUNNING}\nWorkingDirectory={ROOT}"))
    gone = examine(Check("m", lambda: service.model_in_use(here, settings)))
    assert gone.status == "failure" and gone.found.startswith("attributes.tflite is gone")


def test_the_start_of_a_process_as_the_kernel_tells_it():
    """A new one's: read from the real /proc, to the hundredth of a second."""
    before = time.time()
    with subprocess.Popen(["sleep", "9"]) as process:
        after = time.time()
        assert before - 0.05 < service._started(Machine(), process.pid) < after + 0.05
        process.kill()
    assert service._started(Machine(), 2**22 + 1) is None


# Together


def test_a_check_that_crashes_is_a_failure_of_its_own():
    finding = examine(Check("clock", raises(ZeroDivisionError("division\nby zero"))))
    assert finding.status == "failure"
    assert finding.found == "the check itself failed (ZeroDivisionError: division by zero)"
    assert "FACET_DEBUG=1" in finding.mend
    finding = examine(Check("source", raises(SourceError("no camera", "Plug it in"))))
    assert finding == Finding("failure", "no camera", "Plug it in")
    assert examine(Check("x", raises(UsageError("wrong")))).mend
    missing = ImportError("libGL.so.1: cannot open shared object file")
    assert "libgl1" in examine(Check("x", raises(missing))).mend
    assert "pip install -r" in examine(Check("x", raises(ModuleNotFoundError("cv2")))).mend


def test_a_good_computer_has_no_fault(machine, driver, astronaut):
    driver.plug(0, Plugged(picture=astronaut))
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
    driver.plug(0, Plugged(busy=True))
    told = {check.name: examine(check) for check in checks(worst, None, Settings())}
    failed = {name for name, one in told.items() if one.status == "failure"}
    assert failed == {
        *("packages", "runtime", "permission", "camera usb:0", "screen", "disk", "clock"),
        *("service", "journal", "loaded model"),
    }


def test_lines_are_aligned_and_coloured_only_when_asked():
    check = Check("clock", lambda: None)
    assert line(check, Finding("ok", "2026"), False) == "ok       clock         2026"
    bad = Finding("failure", "not\nset", "Run: date")
    assert line(check, bad, False) == "FAILURE  clock         not set. Run: date"
    assert line(check, bad, True).startswith("\033[1;31mFAILURE\033[0m  clock")
    expected = {"check": "clock", "status": "failure", "found": "not\nset", "mend": "Run: date"}
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


# The picture


def test_a_snapshot_of_the_camera(machine, driver, astronaut, tmp_path):
    driver.plug(0, Plugged(picture=astronaut))
    path = tmp_path / "new" / "picture.jpg"
    first = save(machine, Settings(), path)
    assert first == Finding("ok", f"{path}: usb:0, 1 face")
    saved = cv2.imread(str(path))
    assert saved.shape == (480, 640, 3)
    plain = cv2.resize(astronaut, (640, 480))
    assert np.abs(saved.astype(int) - plain).max(axis=2).mean() > 5  # a box and words are in it
    second = save(machine, Settings(), path)
    assert "is now" in second.found
    names = sorted(one.name for one in path.parent.iterdir())
    assert names == ["picture.1.jpg", "picture.jpg"]


def test_a_snapshot_without_a_camera_says_that_it_is_the_demo(machine, tmp_path):
    finding = save(machine, Settings(), tmp_path / "demo.png")
    assert finding.status == "warning" and "this is the demo" in finding.found
    wanted = with_settings(camera={"source": "demo"})
    assert save(machine, wanted, tmp_path / "demo.png").status == "ok"


def test_a_snapshot_that_cannot_be_saved(machine, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(FacetError, match="cannot save"):
        save(machine, with_settings(camera={"source": "demo"}), tmp_path / "file" / "a.jpg")
    with pytest.raises(SourceError, match="no camera usb:7"):
        save(machine, with_settings(camera={"source": "usb:7"}), tmp_path / "a.jpg")
    assert not (tmp_path / "a.jpg").exists()


# Known people


def test_known_people_are_looked_at_only_where_they_are_asked_for(machine, tmp_path):
    names = [
        [one.name for one in checks(machine, None, settings)] for settings in _asking(tmp_path)
    ]
    assert "people" not in names[0] and "people" in names[1]


def test_known_people(tmp_path):
    pytest.importorskip("dlib", reason="no dlib: pip install -r requirements-people.txt")
    from device.doctor.checks.people import known
    from device.people.file import Known, write_people

    _, settings = _asking(tmp_path)
    file = settings.people.file
    none = known(settings)
    assert none.status == "warning" and none.mend.endswith(f"--camera 0 --file {file}")
    write_people(file, [Known("Ada", NOW, np.zeros((1, 128), np.float32))])
    assert known(settings) == Finding("ok", f"1 known in {file}")
    file.chmod(0o644)
    assert known(settings) == Finding(
        "warning", f"others may read {file}", f"Run: chmod 600 {file}"
    )
    file.write_text("torn")
    torn = examine(Check("people", lambda: known(settings)))
    assert torn.status == "failure" and "is damaged" in torn.found and "remove --all" in torn.mend


def _asking(folder):
    people = {"file": str(folder / "people.json"), "recognise": True}
    return with_settings(), with_settings(people=people)
