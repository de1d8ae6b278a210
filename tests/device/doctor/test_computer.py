"""The computer: screen, disk, clock, temperature, power."""

from datetime import UTC, datetime

import pytest

from device.doctor.check_result import Check, CheckResult, run_check
from device.doctor.checks import computer
from device.errors import FacetError
from device.settings import Settings
from tests.device.doctor.made_up import HEAT, PI, THROTTLED, answering, changed, with_settings


def test_screen(system):
    assert computer.screen(system, Settings()) == CheckResult("ok", "DISPLAY=:0")
    fault = FacetError("no X server answers at DISPLAY=:0", "--headless")
    silent = computer.screen(changed(system, screen_fault=lambda environ: fault), Settings())
    assert (silent.status, silent.fix) == ("warning", "--headless")
    assert silent.message == "no X server answers at DISPLAY=:0: Facet runs headless"
    headless = with_settings(outputs={"headless": True})
    assert computer.screen(changed(system, environ={}), headless).status == "ok"


@pytest.mark.parametrize(
    ("free_mb", "status", "message"),
    [(8000, "ok", "8.0 GB free"), (499, "warning", "499 MB free"), (49, "failure", "49 MB free")],
)
def test_free_disk(system, tmp_path, free_mb, status, message):
    settings = with_settings(outputs={"log": tmp_path / "new" / "faces.csv"})
    disk = changed(system, free_bytes=lambda path: free_mb * 1_000_000)
    result = computer.disk(disk, settings)
    assert result.status == status and f"{tmp_path}: {message}" in result.message
    assert bool(result.fix) == (status != "ok")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["root"]  # nothing is left


def test_a_disk_that_cannot_be_written(system, tmp_path, disk):
    (disk / "filled").write_bytes(b"x" * 65536)
    result = computer.disk(system, with_settings(outputs={"log": disk / "faces.csv"}))
    assert result.status == "failure" and "No space left" in result.message
    (tmp_path / "file").touch()
    result = computer.disk(system, with_settings(outputs={"log": tmp_path / "file" / "f.csv"}))
    assert result.status == "failure" and "cannot be written: Not a directory" in result.message


def test_clock(system):
    assert computer.clock(system) == CheckResult("ok", "2026-11-22 12:00 UTC, synchronized")
    free = changed(system, synchronized=lambda: False)
    assert computer.clock(free).status == "warning" and computer.clock(free).fix
    synchronized = changed(free, {"run/systemd/timesync/synchronized": ""})
    assert computer.clock(synchronized).status == "ok"
    unset = changed(system, now=lambda: datetime(1970, 1, 1, 0, 2, tzinfo=UTC))
    result = computer.clock(unset)
    assert result.status == "failure" and result.message == "1970-01-01 00:02 UTC: never set"


@pytest.mark.parametrize(
    ("milli", "status", "message"),
    [("48312\n", "ok", "48 °C"), ("81000\n", "warning", "81 °C"), ("86000\n", "failure", "86 °C")],
)
def test_temperature_of_a_pi(system, milli, status, message):
    result = computer.temperature(changed(system, PI | {HEAT: milli}))
    assert result.status == status and result.message.startswith(message)


def test_temperature_elsewhere(system):
    assert computer.temperature(system) == CheckResult("ok", "no sensor, not a Pi")
    assert computer.temperature(changed(system, {HEAT: "99000"})).status == "ok"
    odd = changed(system, {HEAT: "x"})
    result = run_check(Check("temperature", lambda: computer.temperature(odd)))
    assert result.status == "failure" and "ValueError" in result.message


@pytest.mark.parametrize(
    ("bits", "status", "message"),
    [
        ("0\n", "ok", "sufficient, never throttled"),
        ("0x0\n", "ok", "sufficient"),
        ("50000\n", "warning", "since boot: under-voltage, throttled"),
        ("80008\n", "warning", "now: temperature limit"),
        ("50005\n", "failure", "now: under-voltage, throttled"),
    ],
)
def test_power_of_a_pi(system, bits, status, message):
    for path in (THROTTLED, THROTTLED.replace("soc", "soc@107c000000")):
        pi = changed(system, PI | {path: bits})
        result = computer.power(pi)
        assert result.status == status and result.message.startswith(message)
        (system.root / path).unlink()


def test_power_by_vcgencmd(system):
    assert computer.power(system) == CheckResult("ok", "not a Pi")
    assert computer.power(changed(system, PI)).message == "not reported by the firmware"
    pi = changed(system, PI, run=answering(vcgencmd="throttled=0x50000\n"))
    result = computer.power(pi)
    assert (result.status, result.fix) == ("warning", computer.POWER)
