"""Install Facet on a Debian 13 computer with a camera, boot it, freeze it, cut its power.

    sudo make vm         # or, as root: .venv/bin/python -m tests.machines.vm --cuts 5

The computer is qemu-system's, in software; its kernel is Debian's own, and so is its camera's
driver, vivid, which shows a test pattern, or what is played into it: the portraits of the built-in
demo. Takes a quarter of an hour on an idle computer; needs root, 5 GB in /var/tmp/facet-vm and, the
first time, a network. Python is some 50 times slower in there, so it says nothing about speed.

Exit codes: 0 every check passed, 1 one failed, 2 not root, or a tool is missing.
"""

import shutil
import tempfile
from pathlib import Path

from device.cli.command import Parser, exit_with
from device.errors import FacetError
from device.log import log
from tests.machines import booted
from tests.machines.booted import BOOT_S, LOG, STEP_S
from tests.machines.clip import rows_here, write_clip
from tests.machines.csi import check_double
from tests.machines.debian import require
from tests.machines.guest import Guest, Hardware
from tests.machines.image import CACHE, make_disks
from tests.machines.report import Report

TOOLS = {
    "debootstrap": "debootstrap",
    "qemu-system-x86_64": "qemu-system-x86",
    "mke2fs": "e2fsprogs",
}


def try_all(report: Report, hardware: Hardware, folder: Path, here: list, cuts: int) -> None:
    with Guest(hardware, folder) as guest:
        guest.must("true", BOOT_S)
        booted.check_installation(report, guest)
        guest.shut_down(STEP_S)
    log, before = LOG.format("cut"), ""
    for number in range(cuts + 1):
        with Guest(hardware, folder) as guest:
            guest.must("true", BOOT_S)
            if number:
                booted.check_log(report, guest, log, before, number)
            else:
                booted.check_boot(report, guest)
                booted.check_confinement(report, guest)
                booted.check_doctor(report, guest)
                booted.check_faces(report, guest)
                booted.check_watchdog(report, guest)
                booted.check_stop(report, guest)
                booted.check_film(report, guest, here)
            if number < cuts:
                before = booted.cut_power(guest, log)


def main(argv: list[str] | None = None) -> int:
    parser = Parser("tests.machines.vm", __doc__)
    parser.add_argument("--cuts", type=int, default=3, metavar="N", help="power cuts (default 3)")
    cuts = parser.parse_args(argv).cuts
    require(TOOLS, "vm")
    report = Report("vm")
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as name:
        folder = Path(name)
        log.info("making the machine's disks, and telling its film here")
        hardware = make_disks(folder)
        clip = folder / "clip.avi"
        write_clip(clip)
        here = rows_here(clip, folder / "here.csv")
        check_double(report, CACHE / "wheels")
        try:
            try_all(report, hardware, folder, here, cuts)
        except FacetError as error:
            report.check("every step ends", False, str(error))
            if (console := folder / "console.log").exists():
                shutil.copy(console, CACHE)
                log.info(f"the machine's console: {CACHE}/console.log")
    report.write("Debian 13 in qemu-system")
    return 0 if report.passed else 1


if __name__ == "__main__":
    exit_with(main)
