"""Check Facet as a systemd service: its state, its last error, the model it runs."""

import os
from pathlib import Path
from shlex import quote

from ...errors import one_line
from ...resources import restore_hint
from ...settings import Settings
from ..check_result import MAX_REASON, CheckResult, failure, ok, warning
from ..system import System

UNIT = "facet"
FOLDER = Path(__file__).resolve().parents[3]  # the working directory of a service that runs this
PROPERTIES = (
    "LoadState",
    "ActiveState",
    "SubState",
    "MainPID",
    "NRestarts",
    "Result",
    "WorkingDirectory",
)
RESTART = f"sudo systemctl restart {UNIT}"
JOURNAL = f"journalctl -u {UNIT} -b -n 20"
NO_SYSTEMD = "no systemd here"
LOAD_S = 0.1  # a process reads its model at least this long after its start


def properties(system: System) -> dict[str, str]:
    """Return the service's properties; empty without systemd."""
    text = system.run(["systemctl", "show", UNIT, f"--property={','.join(PROPERTIES)}"]) or ""
    pairs = (line.partition("=") for line in text.splitlines())
    return {name: value for name, equals, value in pairs if equals}


def running_pid(system: System) -> int:
    """Return the process id of the service, 0 if it does not run."""
    pid = properties(system).get("MainPID", "")
    return int(pid) if pid.isdecimal() else 0


def state(system: System) -> CheckResult:
    """Whether the service runs, if it is installed."""
    shown = properties(system)
    if not shown:
        return ok(NO_SYSTEMD)
    load, active, restarts = (
        shown.get(name, "") for name in ("LoadState", "ActiveState", "NRestarts")
    )
    if load == "not-found":
        return ok("not installed")
    if load != "loaded":
        return failure(f"{UNIT}.service: {load}", f"systemctl status {UNIT}")
    restarted = f", restarted {restarts} times" if restarts not in ("", "0") else ""
    if active == "active":
        return ok(f"runs, pid {shown.get('MainPID')}{restarted}")
    if active == "inactive":
        return warning("installed, does not run", f"sudo systemctl enable --now {UNIT}")
    # Facet's own last line; if there is none, systemd's.
    last = _last_line(system, f"_SYSTEMD_UNIT={UNIT}.service") or _last_line(system, "-u", UNIT)
    last = last or "no line in the journal that this user may read"
    if active == "failed" or shown.get("SubState") == "auto-restart":
        message = f"{active} ({shown.get('Result')}{restarted}): {last}"
        return failure(message, f"{JOURNAL}; then {RESTART}")
    return warning(f"{active}{restarted}: {last}", JOURNAL)


def journal(system: System) -> CheckResult:
    """The service's last error since boot."""
    if not properties(system):
        return ok(NO_SYSTEMD)
    last = _last_line(system, "-u", UNIT, "-p", "err")
    return warning(f"last error: {last}", f"{JOURNAL} -p err") if last else ok("no error")


def _last_line(system: System, *query: str) -> str:
    """Return the journal's last line since boot; empty if there is none."""
    command = ["journalctl", "-b", "-n", "1", "-q", "-o", "cat", "--no-pager", *query]
    return one_line(system.run(command) or "", MAX_REASON)


def model_in_use(system: System, settings: Settings) -> CheckResult:
    """Whether the running service loaded the model that is on disk now; raises ModelError."""
    # Needs OpenCV, which the other checks of the service do not.
    from ...attributes.model_card import read_card

    pid = running_pid(system)
    started_s = _start_time(system, pid) if pid else None
    if started_s is None:
        return ok("the service does not run")
    folder = properties(system).get("WorkingDirectory")
    if folder and Path(folder).resolve() != FOLDER:
        return warning(
            f"the service runs from {folder}, this is {FOLDER}",
            f"cd {quote(folder)} && .venv/bin/python -m device.doctor",
        )
    card = settings.attributes.model
    files = (card, card.parent / read_card(card).file)
    missing = [file.name for file in files if not file.exists()]
    if missing:
        return failure(
            f"{missing[0]} is gone: the service runs the model in memory and cannot start again",
            restore_hint("models/"),
        )
    # The time of the last change, not of the last write: a moved file keeps its time of writing.
    newer = [file.name for file in files if file.stat().st_ctime > started_s + LOAD_S]
    if newer:
        changed = " and ".join(newer)
        return warning(
            f"{changed} changed since the service started: it runs the old model", RESTART
        )
    return ok(f"{card.name}, as the service loaded it")


def _start_time(system: System, pid: int) -> float | None:
    """Return when a process started, s since 1970; None if it has ended."""
    stat, uptime = system.read(f"proc/{pid}/stat"), system.read("proc/uptime")
    if not stat or not uptime:
        return None
    # The second field is the program's name in brackets, which may contain spaces.
    ticks = int(stat.rpartition(")")[2].split()[19])
    # Not from btime in /proc/stat, which is in whole seconds.
    age_s = float(uptime.split()[0]) - ticks / os.sysconf("SC_CLK_TCK")
    return system.now().timestamp() - age_s
