"""Ask logs, visits, counts and stores in SQL; nothing is written.

    python -m device.query "select count(*) from faces" faces.csv
    python -m device.query "describe faces" faces.csv                  # columns and types
    python -m device.query "select hour(first_seen) as hour, count(*) as visits, avg(dwell_s)
                            from visits group by hour order by hour" facet.db
    python -m device.query "select date_trunc('day', time) as day, avg(Smiling) from faces
                            where state = 'ok' group by day order by day" logs/ --format csv
    python -m device.query "select state, count(*) as faces from faces group by state" logs/
    python -m device.query "select start, sum(visits) as visits from counts
                            where kind = 'visits' group by start order by start" counts.csv
    python -m device.query "select first_seen, dwell_s from visits where Eyeglasses > 0.9
                            order by dwell_s desc limit 10" visits.csv
    python -m device.query "select reason, count(*) from labels group by reason" labels/

The files are logs, visits and counts as CSV, .csv.gz or Parquet (python -m device.archive), stores
([store] in the settings), and what device.label writes; of a folder, all of them that are in it;
without any, those of this folder. They are the views faces, visits, counts and labels. Name a store
or the CSV file of the same visits: with both they count twice. Times are UTC; the end of a count is
the column until. An attribute is a column with its probability, 0 to 1; "5_o_Clock_Shadow" needs
its quotes. The column file names the file.
DuckDB answers: pip install -r requirements-query.txt

Exit codes: 0 done, 1 a file has a wrong row, 2 wrong usage or SQL, 3 a file cannot be read.
"""

import sys
from pathlib import Path

from ..errors import UsageError
from .command import Parser, exit_with


def parser() -> Parser:
    query = Parser("device.query", __doc__ or "")
    query.add_argument("sql", metavar="SQL", help="one SELECT")
    query.add_argument(
        "files", nargs="*", type=Path, metavar="FILE", help="files and folders (default .)"
    )
    query.add_argument(
        "--format",
        choices=("table", "csv", "json"),
        default="table",
        help="how rows are written (default table)",
    )
    return query


def main(argv: list[str] | None = None) -> int:
    options = parser().parse_args(argv)
    from ..query.engine import open_query
    from ..query.output import FORMATS

    if not options.sql.strip():
        raise UsageError("the query is empty", '"select count(*) from faces"')
    with open_query(options.files or [Path()]) as query:
        FORMATS[options.format](query.run(options.sql), sys.stdout)
    return 0


if __name__ == "__main__":
    exit_with(main)
