"""Run Facet with a real broker, Home Assistant, Prometheus and browser, and print what happened.

    make integrations
    python -m tests.integrations --write docs/INTEGRATIONS.md --keep /tmp/story

Takes ten minutes. FACET_HASS names Home Assistant's program; docs/testing.md says what is needed.
Steps of a program that is missing are not run, and say how to install it; with FACET_INTEGRATIONS=1
they fail. Everything runs on this computer's 127.0.0.1 and ends with the command.

Exit codes: 0 no step failed, 1 one failed, 2 wrong usage.
"""

import contextlib
import os
import shutil
import tempfile
import time
from pathlib import Path

from device.cli.command import Parser, exit_with
from device.errors import UsageError
from device.log import log
from tests.integrations.film import film
from tests.integrations.programs import OPENSSL, PROGRAMS
from tests.integrations.stage import Stage
from tests.integrations.step import Outcome, Verdict, do
from tests.integrations.story import STORY
from tests.integrations.story_report import line, page, summary


def parser() -> Parser:
    one = Parser("tests.integrations", __doc__)
    one.add_argument("--write", type=Path, metavar="FILE.md", help="keep the table in a file")
    help = "a new folder for logs and screenshots, which is kept (default: a temporary one)"
    one.add_argument("--keep", type=Path, metavar="FOLDER", help=help)
    return one


def tell(folder: Path) -> tuple[list[Outcome], dict[str, str]]:
    """Do all steps in a folder; return what came of them, and the programs' versions."""
    outcomes = []
    versions = {one.title: told for one in PROGRAMS if (told := one.told)}
    with contextlib.ExitStack() as stack:
        stage = Stage(folder, stack.enter_context(film()), stack)
        for step in STORY:
            outcomes.append(do(step, stage))
            print(line(outcomes[-1]), flush=True)
    return outcomes, versions | stage.versions


def main(argv: list[str] | None = None) -> int:
    flags = parser().parse_args(argv)
    if OPENSSL.path is None:
        raise UsageError("OpenSSL is missing: it makes the certificate", OPENSSL.install)
    missing = [one for one in PROGRAMS if one.path is None]
    for one in missing:
        log.warning("%s is missing, and its steps are not run. Try: %s", one.title, one.install)
    if flags.keep:
        flags.keep.mkdir(parents=True)
    folder = flags.keep or Path(tempfile.mkdtemp(prefix="facet-integrations-"))
    begun_s = time.monotonic()
    try:
        outcomes, versions = tell(folder.resolve())
    finally:
        if not flags.keep:
            shutil.rmtree(folder, ignore_errors=True)
    minutes = (time.monotonic() - begun_s) / 60
    print(summary(outcomes, minutes))
    if flags.write:
        flags.write.write_text(page(outcomes, versions, minutes))
    bad = {Verdict.FAILED}
    if os.environ.get("FACET_INTEGRATIONS") == "1":
        bad.add(Verdict.NOT_RUN)
    return int(any(one.verdict in bad for one in outcomes))


if __name__ == "__main__":
    exit_with(main)
