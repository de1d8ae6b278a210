"""Run a fleet of simulated cameras with a real broker and a real database, and measure it.

    make fleet
    python -m tests.fleet --write docs/FLEET.md
    python -m tests.fleet --cameras 100 --quiet-s 10 --outage-s 600     # two minutes

Ten minutes at most. Each part is killed with kill -9 in turn, and the network is cut; then every
visit of the cameras' files is compared with the rows of the database. Close other programs: the
figures are those of the whole computer. Needs Mosquitto, PostgreSQL and OpenSSL:
sudo apt install mosquitto postgresql openssl

Exit codes: 0 nothing lost and nothing doubled, 1 something was, or a part did not come back,
2 wrong usage.
"""

import json
import shutil
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from device.cli.command import Parser, exit_with
from device.errors import FacetError, UsageError
from device.log import log
from tests.fleet.programs import missing
from tests.fleet.report import complete, summary, write_table
from tests.fleet.story import Size, Story


def parser() -> Parser:
    one, size = Parser("tests.fleet", __doc__), Size()
    one.add_argument(
        "--write", type=Path, metavar="FILE.md", help="keep table and JSON with a page"
    )
    one.add_argument("--keep", type=Path, metavar="FOLDER", help="a new folder that keeps the logs")
    for flag, default, text in (
        ("--cameras", size.cameras, "cameras"),
        ("--every-s", size.every_s, "time between two visits of a camera"),
        ("--quiet-s", size.quiet_s, "time without a fault"),
        ("--fault-s", size.fault_s, "time that a killed part stays away"),
        ("--outage-s", size.outage_s, "time for which the burst stands"),
    ):
        help = f"{text} (default {default:g})"
        one.add_argument(flag, type=type(default), default=default, metavar="N", help=help)
    return one


def size_of(flags) -> Size:
    size = Size(flags.cameras, flags.every_s, flags.quiet_s, flags.fault_s, flags.outage_s)
    if not (1 <= size.cameras <= 10_000 and 0.1 <= size.every_s <= 3600):
        raise UsageError(
            "need 1 to 10000 cameras, and 0.1 to 3600 s", "--cameras 1000 --every-s 10"
        )
    if min(size.quiet_s, size.fault_s) < 1 or size.outage_s < size.every_s:
        raise UsageError(
            "need times of 1 s or more, and an outage with a visit", "python -m tests.fleet --help"
        )
    return size


def main(argv: list[str] | None = None) -> int:
    flags = parser().parse_args(argv)
    size = size_of(flags)
    if reason := missing():
        raise UsageError(reason.partition(":")[0], reason.partition(": ")[2])
    if flags.keep:
        flags.keep.mkdir(parents=True)
    folder = (flags.keep or Path(tempfile.mkdtemp(prefix="facet-fleet-"))).resolve()
    begun_s = time.monotonic()
    story = Story(folder, size, lambda line: print(line, flush=True))
    try:
        findings = story.tell()
    except AssertionError as error:
        flags.keep = flags.keep or folder
        hint = f"--outage-s 600 on a slow computer; the logs are in {folder}"
        raise FacetError(f"{error}", hint) from error
    finally:
        story.close()
        if not flags.keep:
            shutil.rmtree(folder, ignore_errors=True)
    measured = complete(findings, asdict(size), time.monotonic() - begun_s)
    print(summary(measured))
    if flags.write:
        flags.write.with_name("fleet").joinpath("measured.json").write_text(
            json.dumps(measured, indent=2) + "\n"
        )
        write_table(flags.write, measured)
        log.info("wrote %s", flags.write)
    figures = measured["figures"]
    return int(bool(figures["lost"] or figures["doubled"] or figures["foreign"]))


if __name__ == "__main__":
    exit_with(main)
