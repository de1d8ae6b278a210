"""Count the instructions of a frame, and compare them with the baseline.

    python -m tests.instructions                          # as make bench-check: 1 minute
    python -m tests.instructions --new-baseline --write   # and commit both files
    python -m tests.instructions --write                  # docs/benchmarks.md from the baseline
    python -m tests.instructions --arm                    # also with these: on a Pi 4's processor

Unlike times, instructions can be compared on a busy machine. Needs valgrind and gcc; with --arm
qemu-user, gcc and the Debian tree that `make arm` makes. A baseline (baseline.json and
baseline_aarch64.json in tests/instructions) holds for one set of versions.

Exit codes: 0 no row is more than 3 % above the baseline, 1 one is, 2 a tool is missing, or the
baseline was counted with other versions.
"""

from datetime import UTC, datetime

from device.bench import report
from device.cli.command import Parser, exit_with
from device.log import log

from . import baseline, callgrind, qemu, table
from .count import Machine, count


def check(machine: Machine) -> int:
    """Count, print every row beside the baseline's, and return the exit code."""
    before = baseline.load(machine.BASELINE)
    before.require(machine.versions())
    found = baseline.changes(before.figures, count(machine))
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
    add("--arm", action="store_true", help="on the Pi 4's processor, emulated")
    args = parser.parse_args(argv)
    machine: Machine = qemu if args.arm else callgrind
    if args.write:
        report.refuse_unwritable(machine.MARKS)  # before minutes of work
    if args.new_baseline or not args.write:
        machine.require()
    if args.new_baseline:
        today = f"{datetime.now(UTC):%Y-%m-%d}"
        counted = baseline.Baseline(today, machine.versions(), count(machine))
        baseline.save(counted, machine.BASELINE)
    if args.write:
        report.fill(table.lines_of(baseline.load(machine.BASELINE)), machine.MARKS)
    return 0 if args.new_baseline or args.write else check(machine)


if __name__ == "__main__":
    exit_with(main)
