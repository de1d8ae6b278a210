"""Turn the closed days of rotated logs into Parquet, a seventh of the size.

    python -m device.archive faces.csv visits.csv
    python -m device.archive --config facet.toml      # the logs of these settings
    python -m device.archive faces.csv --plain-days 7 # the newest 7 days stay CSV

faces.2026-11-22.csv.gz becomes faces.2026-11-22.parquet: zstd, sorted by track and time, with types
and units. The CSV file is deleted once the archive was read again and has the same rows, by their
SHA-256. A run may write the log meanwhile, and deletes archives by keep_days and min_free_mb of
[rotation] as it does other files. A command that was stopped goes on where it was.
DuckDB writes Parquet: pip install -r requirements-query.txt

Exit codes: 0 done, 1 a day could not be archived and stays CSV, 2 wrong usage or settings.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from ..errors import UsageError
from ..log import log
from ..settings import Settings, load_settings
from ..text import counted
from .command import Parser, count, exit_with
from .flags import add_config
from .loop import stop_at_signals

PLAIN_DAYS = 2


def parser() -> Parser:
    archive = Parser("device.archive", __doc__ or "")
    archive.add_argument("logs", nargs="*", type=Path, metavar="LOG.csv", help="rotated logs")
    add_config(archive)
    archive.add_argument(
        "--plain-days",
        type=count,
        default=PLAIN_DAYS,
        metavar="N",
        help=f"days before today that stay CSV (default {PLAIN_DAYS})",
    )
    return archive


def main(argv: list[str] | None = None) -> int:
    options = parser().parse_args(argv)
    logs = options.logs or _logs_of(vars(options).get("config"))
    from ..archive.archiver import Left, archive
    from ..archive.named_log import require_log
    from ..rowlog.clock import utc_now

    for path in options.logs:  # those of settings may not have begun
        require_log(path)

    stop = stop_at_signals()
    faulty, archived, left = False, 0, 0
    for path in logs:
        for day in archive(path, utc_now().date(), options.plain_days, stop.is_set):
            if isinstance(day, Left):
                faulty |= day.faulty
                left += 1
                report = log.error if day.faulty else log.info
                report("%s of %s stays CSV: %s", day.day, day.log.name, day.reason)
                continue
            archived += 1
            ratio = 100 * day.parquet_bytes / max(day.csv_bytes, 1)
            print(
                f"{day.path.name}: {counted(day.rows, 'row')}, "
                f"{day.csv_bytes / 1e6:.2f} MB of CSV -> {day.parquet_bytes / 1e6:.2f} MB "
                f"({ratio:.0f} %)",
                flush=True,
            )
    limit = utc_now().date() - timedelta(days=options.plain_days)
    why = "" if archived or left else f": no older file is of a day before {limit}"
    log.info("%s archived%s", counted(archived, "day"), why)
    return 1 if faulty else 0


def _logs_of(config: Path | None) -> list[Path]:
    """Return the logs of a settings file."""
    settings = load_settings(config) if config else Settings()
    outputs = settings.outputs
    files = outputs.log, outputs.events, outputs.crossings, settings.counts.file
    logs = [path for path in files if path]
    if not logs:
        raise UsageError("no logs to archive", "python -m device.archive faces.csv")
    return logs


if __name__ == "__main__":
    exit_with(main)
