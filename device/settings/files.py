"""Settings of the window and of the files that a run writes, and of their rotation."""

from pathlib import Path
from typing import Annotated

from ..config import Table, about
from ..errors import UsageError
from .limits import DAY

# fmt: off
# Tables: a setting in three lines, not ten.


class OutputsSettings(Table, frozen=True):
    """Window, files and status lines."""

    headless: Annotated[bool, about("no window", flag="--headless")] = False
    log: Annotated[Path | None, about(
        "CSV file that gets a row per face, - for stdout; text only", flag="--log FILE.csv",
        example="faces.csv",
    )] = None
    events: Annotated[Path | None, about(
        "CSV file that gets a row per visit: when, how long, which attributes; not for photos",
        flag="--events FILE.csv", example="visits.csv",
    )] = None
    crossings: Annotated[Path | None, about(
        "CSV file that gets a row for each crossing of a line of [[lines]]; not for photos",
        flag="--crossings FILE.csv", example="crossings.csv",
    )] = None
    log_every: Annotated[float, about(
        "time between two rows of one face; 0: every frame", "s", DAY, ("fills the disk", ""),
        flag="--log-every S",
    )] = 1.0
    log_no_face: Annotated[bool, about(
        "log photos without faces too, as a row with the state `no face`", flag="--log-no-face",
    )] = False
    record: Annotated[Path | None, about(
        "annotated video; stores pictures of faces, as rules with snapshots do",
        flag="--record FILE.mp4", example="film.mp4",
    )] = None
    readable_by: Annotated[str, about(
        "who may read the files and folders that a run makes; files that exist keep their "
        "permissions",
        choices=("owner", "group", "everyone"),
    )] = "owner"
    max_frames: Annotated[int, about(
        "stop after so many frames; 0: never", "frames", (0, 2**53), flag="--max-frames N",
    )] = 0
    status_every: Annotated[float, about(
        "time between status lines when stderr is not a terminal; 0: none", "s", DAY,
    )] = 60.0


class RotationSettings(Table, frozen=True):
    """How the files of `outputs.log`, `outputs.events` and `outputs.crossings` are kept.

    `faces.csv` is the current file; older ones are `faces.2026-11-22.csv.gz`.
    """

    sync_s: Annotated[float, about(
        "fsync interval: the most that a power cut can lose", "s", (0, 3600),
        ("wears the SD card", "loses more rows"),
    )] = 5.0
    buffer_rows: Annotated[int, about(
        "rows kept in memory while the disk cannot be written, 400 bytes each", "rows",
        (100, 10_000_000), ("rows are lost sooner", "more memory"),
    )] = 10_000
    daily: Annotated[bool, about("start a new file each UTC day")] = False
    max_mb: Annotated[float, about(
        "size at which a new file starts; 0: any size", "MB (10^6 bytes)", (0, 1_000_000),
        ("many files", ""),
    )] = 0.0
    keep_days: Annotated[int, about(
        "age at which older files are deleted, needs daily; 0: never", "days", (0, 36_500),
        ("shorter history", ""),
    )] = 0
    min_free_mb: Annotated[float, about(
        "free disk space, ensured by deleting the oldest files; 0: not ensured", "MB (10^6 bytes)",
        (0, 1_000_000_000), ("", "shorter history"),
    )] = 0.0
    compress: Annotated[bool, about("gzip older files, to a fifth of their size")] = True

    def check(self, origin: str) -> None:
        if self.keep_days and not self.daily:  # a file of many days has no age
            raise UsageError(f"{origin} keep_days without daily", "daily = true in [rotation]")
        if self.min_free_mb and not (self.daily or self.max_mb):
            raise UsageError(
                f"{origin} min_free_mb without older files to delete",
                "daily = true or max_mb in [rotation]",
            )
# fmt: on
