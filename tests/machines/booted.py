"""What is checked on a computer that has booted: each function adds its checks to the report."""

import json
import random
import time

from device.errors import FacetError
from tests.machines.clip import check_rows, read_rows
from tests.machines.guest import Guest
from tests.machines.power import kept
from tests.machines.report import Report
from tests.machines.scene import classified_correctly, play

# At most, s, on a computer that has more to do than this.
BOOT_S, INSTALL_S, START_S, FILM_S, STEP_S = 1200, 3600, 600, 3600, 300
MOST_EXPOSED = 2.0  # of 10, as `systemd-analyze security` counts
SYNC_S, SLACK_S = 5.0, 3.0  # the log's default; what a sync takes in there
LOG = "/var/lib/facet/{}.csv"
SLOW = (
    "[tracks]\nmax_lost_s = 20.0\n"  # of a live camera: this processor detects no face for seconds
)
SETTINGS = """\
[camera]
source = "{source}"
[outputs]
headless = true
log = "{log}"
log_every = {log_every}
[attributes]
show = ["all"]
"""


def wait(guest: Guest, condition: str, seconds: float) -> bool:
    """Return whether a condition of the guest's shell comes true within so many of its seconds."""
    times = f"for i in $(seq {seconds:.0f}); do {condition} && exit 0; sleep 1; done; exit 1"
    return guest.run(times, 2 * seconds + STEP_S).code == 0


def is_active(guest: Guest) -> bool:
    return wait(guest, '[ "$(systemctl is-active facet)" = active ]', START_S)


def configure(guest: Guest, source: str, log: str, log_every: float) -> None:
    """Have the service read another camera or film from now on."""
    text = SETTINGS.format(source=source, log=log, log_every=log_every) + (
        SLOW if source == "0" else ""
    )
    guest.must(f"systemctl stop facet; cat >/etc/facet.toml <<'END'\n{text}END", STEP_S)
    guest.must("systemctl start --no-block facet", STEP_S)


def check_installation(report: Report, guest: Guest) -> None:
    begun = time.monotonic()
    answer = guest.run("/mnt/facet/systemd/install.sh --privacy faces", INSTALL_S)
    seen = f"exit code {answer.code}, {time.monotonic() - begun:.0f} s"
    if not report.check("install.sh installs Facet", answer.code == 0, seen):
        raise FacetError(f"install.sh: {answer.text[-400:]}")


def check_boot(report: Report, guest: Guest) -> None:
    """The service as the installation left it, after a boot."""
    active = is_active(guest)
    at_us = guest.run("systemctl show -P ActiveEnterTimestampMonotonic facet", STEP_S).text
    sessions = guest.run("loginctl list-sessions --no-legend | wc -l", STEP_S).text
    seen = f"{'active' if active else 'not active'}, {int(at_us or 0) / 1e6:.0f} s after the kernel"
    report.check(
        "after a boot, with nobody logged in, the service is active",
        active and sessions == "0",
        f"{seen}, {sessions} sessions",
    )
    journal = "journalctl -b -u facet -o cat --no-pager"
    line = guest.run(f"{journal} | grep -m1 'detector'", STEP_S).text
    report.check("it reads the V4L2 camera", "usb:0 (vivid, 640x480" in line, line)
    wait(guest, f"{journal} | grep -q 'facet: last'", 150)
    line = guest.run(f"{journal} | grep -m1 'facet: last'", STEP_S).text
    report.check("it logs a status line every minute", "frames/s" in line, line)
    log = guest.run(f"cat {LOG.format('faces')}", STEP_S).text
    header = log.startswith("time,source,frame,track,") and len(log.splitlines()) == 1
    report.check("the log has no row of a test pattern", header, f"{len(log.splitlines())} line")


def check_confinement(report: Report, guest: Guest) -> None:
    line = guest.run("systemd-analyze security facet | tail -n 1", STEP_S).text
    exposure = float((line.rpartition(": ")[2].split() or ["10"])[0])
    report.check(f"exposure at most {MOST_EXPOSED} of 10", exposure <= MOST_EXPOSED, line)
    answer = guest.run("systemd-analyze verify facet.service", STEP_S)
    clean = answer.code == 0 and not answer.text
    report.check("systemd-analyze verify is clean", clean, answer.text or "nothing to say")


def check_doctor(report: Report, guest: Guest) -> None:
    command = "cd /opt/facet && .venv/bin/python -m device.doctor --json 2>/dev/null"
    answer = guest.run(command, START_S)
    found = json.loads(answer.text) if answer.text.startswith("[") else []
    count = {status: sum(one["status"] == status for one in found) for status in ("ok", "warning")}
    unwell = "; ".join(
        f"{one['check']}: {one['message']}" for one in found if one["status"] != "ok"
    )
    seen = f"{count['ok']} ok, {count['warning']} warnings: {unwell}"
    report.check("the doctor finds no failure", answer.code == 0 and bool(found), seen)


def check_faces(report: Report, guest: Guest) -> None:
    """People before the camera, through the kernel's driver."""
    log = LOG.format("live")
    play_to(guest, log)
    correct, seen = False, "no rows"
    ends_s = time.monotonic() + START_S
    while not correct and time.monotonic() < ends_s:  # the second is classified when there is time
        wait(guest, f"[ $(wc -l <{log}) -gt 20 ]", 60)
        correct, seen = classified_correctly(guest.run(f"cat {log}", STEP_S).text)
    report.check("two people before the camera: rows with the correct attributes", correct, seen)


def play_to(guest: Guest, log: str) -> None:
    """Show two people to the camera, and have the service log every result."""
    guest.must("systemctl stop facet", STEP_S)
    play(guest, "/mnt/scene.bgr", STEP_S)
    configure(guest, "0", log, 0.1)


def check_watchdog(report: Report, guest: Guest) -> None:
    guest.must("systemctl kill -s STOP facet", STEP_S)
    begun = time.monotonic()
    restarted = wait(guest, "[ $(systemctl show -P NRestarts facet) = 1 ]", 120)
    took = time.monotonic() - begun
    active = is_active(guest)
    why = guest.run("journalctl -b -u facet -o cat | grep -m1 'Watchdog timeout'", STEP_S).text
    seen = f"{why or 'no timeout'}, started again {took:.0f} s after it froze"
    report.check(
        "frozen by SIGSTOP, the watchdog starts it again",
        restarted and active and bool(why),
        f"{seen}, {'active' if active else 'not active'}",
    )


def check_stop(report: Report, guest: Guest) -> None:
    guest.must("systemctl stop facet scene", STEP_S)
    result = guest.must("systemctl show -P Result facet", STEP_S)
    last = guest.run("journalctl -b -u facet -o cat | grep 'facet: ' | tail -n 1", STEP_S).text
    report.check("it ends when it is stopped", result == "success", f"{result}; {last}")


def check_film(report: Report, guest: Guest, here: list[dict[str, str]]) -> None:
    """The same film as on this computer, read by the service."""
    log = LOG.format("film")
    configure(guest, "/mnt/clip.avi", log, 0.0)
    begun = time.monotonic()
    ended = wait(guest, '[ "$(systemctl is-active facet)" = inactive ]', FILM_S)
    rows = read_rows(guest.run(f"cat {log}", STEP_S).text)
    seen = f"{len(rows)} rows, {time.monotonic() - begun:.0f} s"
    report.check("a film of portraits is processed to its end", ended and bool(rows), seen)
    check_rows(report, "its rows: ", here, rows)


def cut_power(guest: Guest, log: str) -> str:
    """Return what could be read of the log at a random moment, when the power went."""
    play_to(guest, log)
    rows = int(guest.must(f"cat {log} 2>/dev/null | wc -l", STEP_S))
    if not wait(guest, f"[ $(cat {log} | wc -l) -gt {rows + 20} ]", START_S):
        raise FacetError("no rows before the power cut")
    time.sleep(random.uniform(0, 10))
    text = guest.must(f"cat {log}", STEP_S)
    guest.cut_power()
    return text


def check_log(report: Report, guest: Guest, log: str, before: str, number: int) -> None:
    """What the power cut left, after the service has started again."""
    active = is_active(guest)
    left = kept(before + "\n", guest.must(f"cat {log}", STEP_S) + "\n")
    report.check(
        f"power cut {number}: the next boot continues, no broken row, at most {SYNC_S:.0f} s lost",
        active and left.rows > 0 and not left.broken and left.lost_s <= SYNC_S + SLACK_S,
        f"{'active' if active else 'not active'}, {left.rows} rows, {left.broken} broken, "
        f"{left.lost} of the last {left.lost_s:.1f} s lost",
    )
