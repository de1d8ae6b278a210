"""Explain what is wrong with this computer, as far as Facet needs it.

    python -m device.doctor                            # a line for each thing, and what mends it
    python -m device.doctor --config /etc/facet.toml   # with the settings of the service
    python -m device.doctor --json
    python -m device.doctor --snapshot picture.jpg     # and one annotated picture of the camera

Seconds; a camera adds a second or two. Stores nothing but the picture that --snapshot asks for.
ok: as it should be. warning: Facet runs, with less than it could. FAILURE: it cannot.

Exit codes: 0 no failure, 1 a failure or more, 2 wrong usage.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from ..config import merge
from ..doctor.check_result import FAILURE, Check, CheckResult, examine
from ..doctor.checks import checks
from ..doctor.checks.software import read_settings
from ..doctor.report import as_json, line, wants_colour
from ..doctor.system import System
from ..errors import UsageError
from ..settings import Settings
from .command import Parser, exit_with

CONFIG = Path("/etc/facet.toml")  # the service's
PICTURES = (".jpg", ".jpeg", ".png")


def picture_file(text: str) -> Path:
    """Return a flag's text as the path of a picture that can be written."""
    path = Path(text)
    if path.suffix.lower() not in PICTURES:
        raise argparse.ArgumentTypeError(f"{text!r} does not end in {', '.join(PICTURES)}")
    return path


def parser() -> Parser:
    one = Parser("device.doctor", __doc__)
    add = one.add_argument
    add(
        "--config",
        type=Path,
        metavar="FILE",
        default=CONFIG if CONFIG.is_file() else None,
        help=f"settings as TOML (default {CONFIG} where there is one, else none)",
    )
    add("--camera", metavar="SRC", help="as for device.run (default: what the settings say, auto)")
    add(
        "--snapshot",
        type=picture_file,
        metavar="FILE.jpg",
        help="save one annotated picture: a face, kept",
    )
    add("--json", action="store_true", help="a list of objects: check, status, found, mend")
    return one


def main(argv: list[str] | None = None) -> int:
    flags = parser().parse_args(argv)
    machine, settings = System(), _settings(flags)
    coloured = wants_colour(sys.stdout, os.environ)
    told: list[tuple[Check, CheckResult]] = []
    for check in _checks(machine, settings, flags):
        told.append((check, examine(check)))
        if not flags.json:
            print(line(*told[-1], coloured), flush=True)
    if flags.json:
        print(as_json(told))
    return int(any(finding.status == FAILURE for _, finding in told))


def _settings(flags: argparse.Namespace) -> Settings:
    """Return the file's settings with --camera; the defaults where a check will find fault."""
    try:
        settings = read_settings(flags.config)
    except UsageError:
        settings = Settings()
    if flags.camera is None:
        return settings
    return merge(settings, {"camera": {"source": flags.camera}}, "command line")


def _checks(machine: System, settings: Settings, flags: argparse.Namespace) -> Iterator[Check]:
    yield from checks(machine, flags.config, settings)
    if flags.snapshot:
        yield Check("snapshot", partial(_snapshot, machine, settings, flags.snapshot))


def _snapshot(machine: System, settings: Settings, path: Path) -> CheckResult:
    from ..doctor.snapshot import save

    return save(machine, settings, path)


if __name__ == "__main__":
    exit_with(main)
