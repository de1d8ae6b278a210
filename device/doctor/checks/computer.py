"""Checks of the computer itself: screen, disk, clock, temperature, power."""

import tempfile
from pathlib import Path

from ...settings import Settings
from ..check_result import CheckResult, failure, ok, warning
from ..system import System

LOW_MB, FULL_MB = 500, 50  # a face always in view is 26 MB of log a day
FIRST_YEAR = 2024  # a clock before it was never set
WARM_C, HOT_C = 80, 85  # a Pi slows down from the first on, and more from the second
MODEL = "sys/firmware/devicetree/base/model"
POWER = "Use the official power supply and a short, thick cable"
COOL = (
    "Give it air or a heat sink, or less to do: fps = 10 in [camera], refresh = 2 in [attributes]"
)
# get_throttled: what is so now, and 16 bits higher what was so since the boot.
UNDER_VOLTAGE, CAPPED, THROTTLED, TOO_WARM = 0x1, 0x2, 0x4, 0x8
BITS = (
    (UNDER_VOLTAGE, "under-voltage"),
    (CAPPED, "capped clock rate"),
    (THROTTLED, "throttled"),
    (TOO_WARM, "temperature limit"),
)


def screen(machine: System, settings: Settings) -> CheckResult:
    """Whether a window can be shown, where one is wanted."""
    if settings.outputs.headless:
        return ok("not wanted: headless")
    display = machine.environ.get("DISPLAY")
    headless = "Facet runs headless"
    if not display:
        return warning(
            f"DISPLAY is not set: {headless}",
            "At the Pi's own screen run: export DISPLAY=:0; without one: --headless",
        )
    if not machine.has_screen():
        return warning(
            f"no window can be opened on DISPLAY={display}: {headless}",
            f"As the user at the screen, not as {machine.user} by sudo or ssh, run: xhost",
        )
    return ok(f"DISPLAY={display}")


def disk(machine: System, settings: Settings) -> CheckResult:
    """Whether the log's folder, or the nearest above that there is, has room and can be written."""
    log = settings.outputs.log or settings.outputs.events
    folder = (log or Path("faces.csv")).absolute().parent
    while not folder.exists():
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder) as file:  # has no name, and is gone at once
            file.write(b"\n" * 4096)
            file.flush()
    except PermissionError:
        return _not_ours(machine, folder)
    except OSError as error:
        mend = f"Look: df -h {folder}; dmesg | tail; mount | grep ' ro'"
        return failure(f"{folder} cannot be written: {error.strerror}", mend)
    free_mb = machine.free_bytes(folder) / 1e6
    free = f"{free_mb:.0f} MB" if free_mb < 1000 else f"{free_mb / 1000:.1f} GB"
    found = f"{folder}: {free} free"
    mend = "Set keep_days or min_free_mb in [rotation], or free the disk; look: sudo du -xh / | sort -h"
    if free_mb < FULL_MB:
        return failure(found, mend)
    if free_mb < LOW_MB:
        return warning(found, mend)
    return ok(f"{found}, can be written" + ("" if log else " (no log is set)"))


def _not_ours(machine: System, folder: Path) -> CheckResult:
    try:
        owner = folder.owner()
    except (OSError, KeyError):
        owner = "another user"
    found = f"{folder} belongs to {owner}, {machine.user} may not write there"
    if owner in ("root", machine.user):
        return failure(found, f"Run: sudo chown {machine.user} {folder}; or name another --log")
    return warning(
        found, f"If {owner} runs Facet, look as that: sudo -u {owner} python -m device.doctor"
    )


def clock(machine: System) -> CheckResult:
    """Whether the time can be right: the log and its days go by it."""
    now = machine.now()
    found = f"{now:%Y-%m-%d %H:%M} UTC"
    mend = "Run: sudo timedatectl set-ntp true; then look: timedatectl"
    if now.year < FIRST_YEAR:
        return failure(f"{found}: never set", mend)
    if (machine.root / "run/systemd/timesync/synchronized").exists() or machine.synchronised():
        return ok(f"{found}, synchronised")
    return warning(f"{found}, follows no time server", mend)


def temperature(machine: System) -> CheckResult:
    """How hot the processor is; elsewhere than on a Pi only told."""
    celsius = _celsius(machine)
    found = "no sensor" if celsius is None else f"{celsius:.0f} °C"
    if not _is_pi(machine):
        return ok(f"{found}, not a Pi")
    if celsius is None or celsius < WARM_C:
        return ok(found)
    if celsius < HOT_C:
        return warning(f"{found}: the Pi slows down", COOL)
    return failure(f"{found}: too hot", COOL)


def _celsius(machine: System) -> float | None:
    """Return what the hottest of the kernel's sensors says."""
    zones = (machine.root / "sys/class/thermal").glob("thermal_zone*/temp")
    texts = (machine.read(str(zone.relative_to(machine.root))) for zone in zones)
    return max((int(text) / 1000 for text in texts if text), default=None)


def _is_pi(machine: System) -> bool:
    return "Raspberry Pi" in (machine.read(MODEL) or "")


def power(machine: System) -> CheckResult:
    """Whether a Pi has enough power and is not slowed down, now or since it was switched on."""
    if not _is_pi(machine):
        return ok("not a Pi")
    told = _throttled(machine)
    if told is None:
        return ok("the firmware does not tell")
    now, before = ([word for bit, word in BITS if told >> shift & bit] for shift in (0, 16))
    if told & UNDER_VOLTAGE:
        return failure(f"now: {', '.join(now)}", POWER)
    if now or before:
        found = f"now: {', '.join(now)}" if now else f"since the boot: {', '.join(before)}"
        low = (told >> 16) & UNDER_VOLTAGE
        return warning(found, POWER if low else COOL)
    return ok("enough, never throttled")


def _throttled(machine: System) -> int | None:
    """Return the firmware's bits, from the kernel or, where it has no such file, vcgencmd."""
    # soc: Pi 4 and before; soc@107c000000: Pi 5
    files = (machine.root / "sys/devices/platform").glob("soc*/soc*firmware/get_throttled")
    for file in files:
        text = machine.read(str(file.relative_to(machine.root)))
        if text:
            return int(text, 16)
    answer = machine.run(["vcgencmd", "get_throttled"])  # throttled=0x50000
    return int(answer.partition("=")[2], 16) if answer and "=" in answer else None
