"""A CSV file that takes rows for months: durable, rotated, with one writer and bounded memory.

    header = line(["time", "celsius"])
    with open_sink(Path("room.csv"), header, RotationSettings(daily=True), "--log") as sink:
        sink.add([line([timestamp(datetime.now(UTC)), "21.5"])])

A row is one line that begins with its UTC timestamp; the package knows nothing else about it.
What it guarantees for a file:

- `add` never waits for the disk. A thread writes the row within milliseconds: `tail -F` shows it,
  and it survives `kill -9`. It is on the disk after at most `sync_s` seconds and one fsync.
- A power cut loses no older row. The next start removes a torn last line and keeps every complete
  row; it writes no row twice.
- A disk that is full, read-only or unplugged, or a folder that is gone, gives one warning. Up to
  `buffer_rows` rows wait in memory and are written when the disk works again. Rows beyond that are
  counted, and leaving the sink raises FacetError.
- A disk that does not take the last rows within 15 s at the exit gives FacetError too.
- A file has one writer: a second process gets UsageError with the first one's pid.
- A new file begins each UTC day (`daily`) or at a size (`max_mb`). Older files are compressed, and
  deleted by age (`keep_days`) or when the disk fills (`min_free_mb`), which is logged. No other
  file is touched. Age deletes nothing within a day after the clock has jumped by more than a day.

Modules: `sink` the public side and its thread; `writer` when to write, sync and retry; `buffer`
rows in memory; `rotating_file` when the next file begins; `locked_file` one open file; `rotation`
older files; `age` how old they are; `clock` whether its date can be trusted; `csv_format` lines as
bytes; `disk_errors` what a user can do about an OSError; `tail` reads the rows again, for another
part.
"""

from .buffer import RowCounts
from .csv_format import line, timestamp
from .sink import RowSink, open_sink

__all__ = ["RowCounts", "RowSink", "line", "open_sink", "timestamp"]
