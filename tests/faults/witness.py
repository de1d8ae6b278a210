"""Facet's command with one more output after the others, which reports what they have taken.

    python -m tests.faults.witness --camera film.avi --log faces.csv --log-every 0

Takes the flags of device.run. On stdout, at once and for each face in each frame: the time, frame
and track that its row must have, and when it was reported, s of the monotonic clock.
"""

import os
import time
from pathlib import Path

from device import run
from device.cli.command import exit_with
from device.rowlog import clock, timestamp
from device.types import Result
from tests.faults.mutants import apply_chosen


class Witness:
    """An output that reports what the outputs before it have taken."""

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        pass

    def write(self, result: Result) -> None:
        moment, frame = timestamp(result.frame.time), result.frame.index
        now_s = time.monotonic()
        text = "".join(f"{moment} {frame} {face.id} {now_s}\n" for face in result.faces)
        os.write(1, text.encode())  # not print: what is reported must survive kill -9


def replace_time_server() -> None:
    """Have the folder of systemd-timesyncd where a fault wants it, and no hardware clock."""
    if folder := os.environ.get("TIMESYNC_DOUBLE"):
        clock.TIME_SERVER.__init__(Path(folder), Path(folder) / "none")  # type: ignore[misc]


def main() -> int:
    apply_chosen()
    replace_time_server()
    build = run.build_reports
    run.build_reports = lambda *arguments: [Witness(), *build(*arguments)]
    return run.main()


if __name__ == "__main__":
    exit_with(main)
