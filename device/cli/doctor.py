"""Diagnose the computer that Facet runs on.

    python -m device.doctor                            # a line for each check, with its fix
    python -m device.doctor --config /etc/facet.toml   # with the settings of the service
    python -m device.doctor --json
    python -m device.doctor --snapshot picture.jpg     # and one annotated picture of the camera

Takes a few seconds, and one or two for each camera. Stores nothing but the picture of --snapshot.
ok: as expected. warning: Facet runs, with fewer functions. FAILURE: Facet cannot run.

Exit codes: 0 no failure, 1 one or more failures, 2 wrong usage.
"""

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from ..config import merge
from ..doctor.check_result import FAILURE, Check, CheckResult, run_check
from ..doctor.checks import checks
from ..doctor.checks.software import read_settings
from ..doctor.report import as_json, line, wants_colour
from ..doctor.system import System
from ..errors import UsageError
from ..settings import Settings
from .command import Parser, exit_with, readable_by, spelled

CONFIG = Path("/etc/facet.toml")  # the service's
PICTURES = (".jpg", ".jpeg", ".png")


def picture_file(text: str) -> Path:
    """Return a flag's text as the path of a picture that can be written."""
    path = Path(text)
    if path.suffix.lower() not in PICTURES:
        raise argparse.ArgumentTypeError(f"{text!r} does not end in {', '.join(PICTURES)}")
    return path


def parser() -> Parser:
    doctor = Parser("device.doctor", __doc__ or "")
    add = doctor.add_argument
    add(
        "--config",
        type=Path,
        metavar="FILE",
        default=CONFIG if CONFIG.is_file() else None,
        help=f"settings as TOML (default {CONFIG} if it exists, else none)",
    )
    add("--camera", metavar="SRC", help="as for device.run (default: of the settings, else auto)")
    add(
        "--snapshot",
        type=picture_file,
        metavar="FILE.jpg",
        help="save one annotated picture of the camera: this keeps faces",
    )
    add("--json", action="store_true", help="a list of objects: check, status, message, fix")
    return doctor


def main(argv: list[str] | None = None) -> int:
    flags = parser().parse_args(argv)
    system, settings = System(), _settings(flags.config, flags.camera)
    coloured = wants_colour(sys.stdout, os.environ)
    results: list[tuple[Check, CheckResult]] = []
    for check in _checks(system, settings, flags):
        result = run_check(check)
        results.append((check, result))
        if not flags.json:
            with contextlib.suppress(OSError):  # reported at the end; the picture is still saved
                print(spelled(line(check, result, coloured)), flush=True)
    if flags.json:
        print(spelled(as_json(results)))
    return int(any(result.status == FAILURE for _, result in results))


def _settings(config: Path | None, source: str | None) -> Settings:
    """Return the file's settings with --camera; the defaults if the file is wrong."""
    try:
        settings = read_settings(config)
    except UsageError:  # reported by the check "settings"
        settings = Settings()
    if source is None:
        return settings
    return merge(settings, {"camera": {"source": source}}, "command line")


def _checks(system: System, settings: Settings, flags: argparse.Namespace) -> Iterator[Check]:
    yield from checks(system, flags.config, settings)
    if settings.mqtt.host:
        yield Check("MQTT broker", partial(_broker, settings))
    if flags.snapshot:
        yield Check("snapshot", partial(_snapshot, system, settings, flags.snapshot))


def _broker(settings: Settings) -> CheckResult:
    from ..mqtt.check import broker

    return broker(settings.mqtt)


def _snapshot(system: System, settings: Settings, path: Path) -> CheckResult:
    from ..doctor.snapshot import save

    with readable_by(settings.outputs.readable_by):
        return save(system, settings, path)


if __name__ == "__main__":
    exit_with(main)
