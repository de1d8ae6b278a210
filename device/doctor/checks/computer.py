"""Check the computer: screen, disk, clock, temperature, power."""

import tempfile
from pathlib import Path
from shlex import quote

from ...settings import Settings
from ..check_result import CheckResult, failure, ok, warning
from ..system import System

LOW_MB, FULL_MB = 500, 50  # free; a face that is always in view takes 26 MB of log a day
FIRST_YEAR = 2024  # an earlier clock was never set
WARM_C, HOT_C = 80, 85  # a Pi reduces its clock rate from the first, further from the second
MODEL = "sys/firmware/devicetree/base/model"
POWER = "the official power supply and a short, thick cable"
COOL = "a heat sink or fan; or fps = 10 in [camera], classify_hz = 2 in [attributes]"
# get_throttled: the present state, and 16 bits higher the state since boot.
UNDER_VOLTAGE, CAPPED, THROTTLED, TOO_WARM = 0x1, 0x2, 0x4, 0x8
BITS = (
    (UNDER_VOLTAGE, "under-voltage"),
    (CAPPED, "capped clock rate"),
    (THROTTLED, "throttled"),
    (TOO_WARM, "temperature limit"),
)


def screen(system: System, settings: Settings) -> CheckResult:
    """Whether a window can be shown, if one is wanted."""
    if settings.outputs.headless:
        return ok("not needed: headless")
    fault = system.screen_fault(system.environ)
    if fault:
        return warning(f"{fault.message}: Facet runs headless", fault.hint)
    return ok(f"DISPLAY={system.environ.get('DISPLAY')}")


def disk(system: System, settings: Settings) -> CheckResult:
    """Whether the log's folder, or its nearest existing parent, has room and can be written."""
    wanted = settings.outputs
    log = wanted.log or wanted.events or wanted.crossings
    folder = nearest_folder(log or Path("faces.csv"))
    if fault := folder_fault(system, folder):
        return fault
    free_mb = system.free_bytes(folder) / 1e6
    free = f"{free_mb:.0f} MB" if free_mb < 1000 else f"{free_mb / 1000:.1f} GB"
    message = f"{folder}: {free} free"
    fix = "set keep_days or min_free_mb in [rotation], or free the disk"
    if free_mb < FULL_MB:
        return failure(message, fix)
    if free_mb < LOW_MB:
        return warning(message, fix)
    return ok(f"{message}, writable" + ("" if log else " (no log is set)"))


def nearest_folder(path: Path) -> Path:
    """Return a file's folder, or the nearest parent that exists."""
    folder = path.absolute().parent
    while not folder.exists():
        folder = folder.parent
    return folder


def folder_fault(system: System, folder: Path) -> CheckResult | None:
    """Return why no file can be made in a folder, None if it can."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:  # has no name
            file.write(b"\n" * 4096)
            file.flush()
    except PermissionError:
        return _not_writable(system, folder)
    except OSError as error:
        return failure(
            f"{folder} cannot be written: {error.strerror}", f"df -h {folder}; dmesg | tail"
        )
    return None


def _not_writable(system: System, folder: Path) -> CheckResult:
    try:
        owner = folder.owner()
    except (OSError, KeyError):
        owner = "another user"
    message = f"{folder} belongs to {owner}, {system.user} may not write there"
    if owner in ("root", system.user):
        return failure(message, f"sudo chown {system.user} {quote(str(folder))}, or another --log")
    return warning(message, f"sudo -u {owner} python -m device.doctor, if {owner} runs Facet")


def clock(system: System) -> CheckResult:
    """Whether the clock is set: the log's times and days depend on it."""
    now = system.now()
    message = f"{now:%Y-%m-%d %H:%M} UTC"
    fix = "sudo timedatectl set-ntp true"
    if now.year < FIRST_YEAR:
        return failure(f"{message}: never set", fix)
    if (system.root / "run/systemd/timesync/synchronized").exists() or system.synchronized():
        return ok(f"{message}, synchronized")
    return warning(f"{message}, follows no time server", fix)


def temperature(system: System) -> CheckResult:
    """The processor's temperature; only a Pi's is judged."""
    celsius = _celsius(system)
    message = "no sensor" if celsius is None else f"{celsius:.0f} °C"
    if not _is_pi(system):
        return ok(f"{message}, not a Pi")
    if celsius is None or celsius < WARM_C:
        return ok(message)
    if celsius < HOT_C:
        return warning(f"{message}: the Pi reduces its clock rate", COOL)
    return failure(f"{message}: too hot", COOL)


def _celsius(system: System) -> float | None:
    """Return the temperature of the kernel's hottest sensor; None without one."""
    zones = (system.root / "sys/class/thermal").glob("thermal_zone*/temp")
    texts = (system.read(str(zone.relative_to(system.root))) for zone in zones)
    return max((int(text) / 1000 for text in texts if text), default=None)


def _is_pi(system: System) -> bool:
    return "Raspberry Pi" in (system.read(MODEL) or "")


def power(system: System) -> CheckResult:
    """Whether a Pi has enough power and full clock rate, now and since boot."""
    if not _is_pi(system):
        return ok("not a Pi")
    bits = _throttled(system)
    if bits is None:
        return ok("not reported by the firmware")
    now, before = ([word for bit, word in BITS if bits >> shift & bit] for shift in (0, 16))
    if bits & UNDER_VOLTAGE:
        return failure(f"now: {', '.join(now)}", POWER)
    if now or before:
        message = f"now: {', '.join(now)}" if now else f"since boot: {', '.join(before)}"
        low = (bits >> 16) & UNDER_VOLTAGE
        return warning(message, POWER if low else COOL)
    return ok("sufficient, never throttled")


def _throttled(system: System) -> int | None:
    """Return the firmware's bits, from the kernel or, if it has no such file, from vcgencmd."""
    # soc: Pi 4 and before; soc@107c000000: Pi 5
    files = (system.root / "sys/devices/platform").glob("soc*/soc*firmware/get_throttled")
    for file in files:
        text = system.read(str(file.relative_to(system.root)))
        if text:
            return int(text, 16)
    answer = system.run(["vcgencmd", "get_throttled"])  # throttled=0x50000
    return int(answer.partition("=")[2], 16) if answer and "=" in answer else None
