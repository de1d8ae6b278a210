"""Facet's command with one more output behind the others, which tells what they have taken.

    python -m tests.faults.witness --camera film.avi --log faces.csv --log-every 0

Takes the flags of device.run. On stdout, at once and for each face in each frame: the time, frame
and track that its row must have, and when that was told, s on a clock that nobody sets.
"""

import os
import time

from device import run
from device.cli.command import exit_with
from device.outputs import Result
from device.rowlog.csv_format import timestamp


class Witness:
    """An output that tells what the outputs before it have taken."""

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        pass

    def write(self, result: Result) -> bool:
        moment, frame = timestamp(result.frame.time), result.frame.index
        now_s = time.monotonic()
        said = "".join(f"{moment} {frame} {track.id} {now_s}\n" for track in result.tracks)
        os.write(1, said.encode())  # not print: what is told must survive kill -9
        return True


def main() -> int:
    reports = run.open_reports
    run.open_reports = lambda *arguments: [Witness(), *reports(*arguments)]
    return run.main()


if __name__ == "__main__":
    exit_with(main)
