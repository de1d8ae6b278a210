"""The computer: screen, disk, clock, heat, power."""

from datetime import UTC, datetime

import pytest

from device.doctor.check_result import Check, CheckResult, examine
from device.doctor.checks import computer
from device.settings import Settings
from tests.device.doctor.made_up import HEAT, PI, THROTTLED, answering, changed, with_settings


def test_screen(machine):
    assert computer.screen(machine, Settings()) == CheckResult("ok", "DISPLAY=:0")
    unset = computer.screen(changed(machine, environ={}), Settings())
    assert unset.status == "warning" and "DISPLAY is not set" in unset.message and unset.fix
    silent = computer.screen(changed(machine, has_screen=lambda: False), Settings())
    assert silent.status == "warning" and "DISPLAY=:0" in silent.message and silent.fix
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
    assert finding.status == status and f"{tmp_path}: {said}" in finding.message
    assert bool(finding.fix) == (status != "ok")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["root"]  # nothing is left


def test_a_disk_that_cannot_be_written(machine, tmp_path, disk):
    (disk / "filled").write_bytes(b"x" * 65536)
    finding = computer.disk(machine, with_settings(outputs={"log": disk / "faces.csv"}))
    assert finding.status == "failure" and "No space left" in finding.message
    (tmp_path / "file").touch()
    finding = computer.disk(machine, with_settings(outputs={"log": tmp_path / "file" / "f.csv"}))
    assert finding.status == "failure" and "cannot be written: Not a directory" in finding.message


def test_clock(machine):
    assert computer.clock(machine) == CheckResult("ok", "2026-11-22 12:00 UTC, synchronised")
    free = changed(machine, synchronised=lambda: False)
    assert computer.clock(free).status == "warning" and computer.clock(free).fix
    told = changed(free, {"run/systemd/timesync/synchronized": ""})
    assert computer.clock(told).status == "ok"
    unset = changed(machine, now=lambda: datetime(1970, 1, 1, 0, 2, tzinfo=UTC))
    finding = computer.clock(unset)
    assert finding.status == "failure" and finding.message == "1970-01-01 00:02 UTC: never set"


@pytest.mark.parametrize(
    ("milli", "status", "said"),
    [("48312\n", "ok", "48 °C"), ("81000\n", "warning", "81 °C"), ("86000\n", "failure", "86 °C")],
)
def test_temperature_of_a_pi(machine, milli, status, said):
    finding = computer.temperature(changed(machine, PI | {HEAT: milli}))
    assert finding.status == status and finding.message.startswith(said)


def test_temperature_elsewhere(machine):
    assert computer.temperature(machine) == CheckResult("ok", "no sensor, not a Pi")
    assert computer.temperature(changed(machine, {HEAT: "99000"})).status == "ok"
    odd = changed(machine, {HEAT: "x"})
    finding = examine(Check("temperature", lambda: computer.temperature(odd)))
    assert finding.status == "failure" and "ValueError" in finding.message


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
        assert finding.status == status and finding.message.startswith(said)
        (machine.root / path).unlink()


def test_power_by_the_firmware_s_own_tool(machine):
    assert computer.power(machine) == CheckResult("ok", "not a Pi")
    assert computer.power(changed(machine, PI)).message == "the firmware does not tell"
    pi = changed(machine, PI, run=answering(vcgencmd="throttled=0x50000\n"))
    finding = computer.power(pi)
    assert (finding.status, finding.fix) == ("warning", computer.POWER)
