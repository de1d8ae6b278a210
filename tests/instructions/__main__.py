"""Count the instructions of a frame, and compare them with the baseline.

    python -m tests.instructions                          # as make bench-check: 1 minute
    python -m tests.instructions --new-baseline --write   # and commit both files
    python -m tests.instructions --write                  # docs/benchmarks.md from the baseline

Unlike times, instructions can be compared on a busy machine. Needs valgrind and gcc. The baseline
is tests/instructions/baseline.json; it holds for one set of versions.

Exit codes: 0 no row is more than 3 % above the baseline, 1 one is, 2 a tool is missing, or the
baseline was counted with other versions.
"""

from datetime import UTC, datetime

from device.bench import report
from device.cli.command import Parser, exit_with
from device.log import log

from . import baseline, table
from .count import count, require_tools, versions


def check() -> int:
    """Count, print every row beside the baseline's, and return the exit code."""
    before = baseline.load()
    before.require(versions())
    found = baseline.changes(before.figures, count())
    print(f"{'millions of instructions':24}{'baseline':>10}{'now':>10}{'change':>11}")
    print("\n".join(map(str, found)))
    code, sentence = baseline.verdict(found)
    (log.error if code else log.info)("%s", sentence)
    return code


def main(argv: list[str] | None = None) -> int:
    parser = Parser("tests.instructions", __doc__ or "")
    add = parser.add_argument
    add("--new-baseline", action="store_true", help="count, and write the baseline")
    add("--write", action="store_true", help="fill in docs/benchmarks.md with the baseline")
    args = parser.parse_args(argv)
    if args.write:
        report.refuse_unwritable(table.MARKS)  # before minutes of work
    if args.new_baseline:
        require_tools()
        today = f"{datetime.now(UTC):%Y-%m-%d}"
        baseline.save(baseline.Baseline(today, versions(), count()))
    if args.write:
        report.fill(table.lines_of(baseline.load()), table.MARKS)
    if args.new_baseline or args.write:
        return 0
    require_tools()
    return check()


if __name__ == "__main__":
    exit_with(main)
