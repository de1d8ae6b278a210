"""Checks of Facet as a systemd service: its state, its last error, the model that it runs."""

import os
from pathlib import Path

from ...attributes.model_card import MEND, read_card
from ...settings import Settings
from ..check_result import CheckResult, failure, ok, warning
from ..system import System

UNIT = "facet"
HERE = Path(__file__).resolve().parents[3]
SHOWN = (
    "LoadState",
    "ActiveState",
    "SubState",
    "MainPID",
    "NRestarts",
    "Result",
    "WorkingDirectory",
)
RESTART = f"Run: sudo systemctl restart {UNIT}"
JOURNAL = f"journalctl -u {UNIT} -b -n 20"
NONE = "no systemd here"
LOADS_S = 0.1  # a process reads its model later than that after its start


def properties(machine: System) -> dict[str, str]:
    """Return what systemd says of the service; empty without systemd."""
    told = machine.run(["systemctl", "show", UNIT, f"--property={','.join(SHOWN)}"]) or ""
    pairs = (line.partition("=") for line in told.splitlines())
    return {name: value for name, equals, value in pairs if equals}


def running_pid(machine: System) -> int:
    """Return the service's process, 0 where it does not run."""
    pid = properties(machine).get("MainPID", "")
    return int(pid) if pid.isdecimal() else 0


def state(machine: System) -> CheckResult:
    """Whether the service runs, where it is installed."""
    told = properties(machine)
    if not told:
        return ok(NONE)
    if told.get("LoadState") == "not-found":
        return ok("not installed")
    active, restarts = told.get("ActiveState", ""), told.get("NRestarts", "0")
    again = f", restarted {restarts} times" if restarts != "0" else ""
    if told.get("LoadState") != "loaded":
        found = f"{UNIT}.service: {told.get('LoadState')}"
        return failure(found, f"Look: systemctl status {UNIT}")
    if active == "active":
        return ok(f"runs, pid {told.get('MainPID')}{again}")
    # What Facet itself said last; else what systemd said about it.
    said = _last(machine, f"_SYSTEMD_UNIT={UNIT}.service") or _last(machine, "-u", UNIT)
    said = said or "nothing in the journal that this user may read"
    if active == "failed" or told.get("SubState") == "auto-restart":
        found = f"{active} ({told.get('Result')}{again}): {said}"
        return failure(found, f"Look: {JOURNAL}; then run: sudo systemctl restart {UNIT}")
    if active == "inactive":
        return warning("installed, does not run", f"Run: sudo systemctl enable --now {UNIT}")
    return warning(f"{active}{again}: {said}", f"Look: {JOURNAL}")


def journal(machine: System) -> CheckResult:
    """The service's last error since the boot."""
    if not properties(machine):
        return ok(NONE)
    said = _last(machine, "-u", UNIT, "-p", "err")
    return warning(f"last error: {said}", f"Look: {JOURNAL} -p err") if said else ok("no error")


def _last(machine: System, *wanted: str) -> str:
    """Return the journal's last line of those since the boot; empty where there is none."""
    command = ["journalctl", "-b", "-n", "1", "-q", "-o", "cat", "--no-pager"]
    return " ".join((machine.run([*command, *wanted]) or "").split())[:300]


def model_in_use(machine: System, settings: Settings) -> CheckResult:
    """Whether the running service loaded the model that is on the disk now; raises ModelError."""
    pid = running_pid(machine)
    since = _started(machine, pid) if pid else None
    if since is None:
        return ok("the service does not run")
    folder = properties(machine).get("WorkingDirectory")
    if folder and Path(folder).resolve() != HERE:
        return warning(
            f"the service runs from {folder}, this is {HERE}",
            f"Look there: cd {folder} && .venv/bin/python -m device.doctor",
        )
    card = settings.attributes.model
    files = (card, card.parent / read_card(card).file)
    gone = [file.name for file in files if not file.exists()]
    if gone:
        return failure(
            f"{gone[0]} is gone: the service runs what it loaded and cannot start again", MEND
        )
    # Not the time of the last writing: a file that was moved here brings its own.
    newer = [file.name for file in files if file.stat().st_ctime > since + LOADS_S]
    if newer:
        changed = " and ".join(newer)
        return warning(f"{changed} changed since the service started: it runs the old", RESTART)
    return ok(f"{card.name}, as the service loaded it")


def _started(machine: System, pid: int) -> float | None:
    """Return when a process began, s since 1970; None where it has ended."""
    about, uptime = machine.read(f"proc/{pid}/stat"), machine.read("proc/uptime")
    if not about or not uptime:
        return None
    # The second field is the program's name, in brackets, and may have spaces.
    ticks = int(about.rpartition(")")[2].split()[19])
    # Not from btime in /proc/stat, which is in whole seconds.
    age_s = float(uptime.split()[0]) - ticks / os.sysconf("SC_CLK_TCK")
    return machine.now().timestamp() - age_s
