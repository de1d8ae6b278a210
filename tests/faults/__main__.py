"""Inflict faults on Facet and print a table of what it survived.

    python -m tests.faults                            # all of them, at most 15 minutes
    python -m tests.faults --quick                    # a small share of each
    python -m tests.faults --only kill --only clock   # these
    python -m tests.faults --write docs/faults.md     # and keep the table
    python -m tests.faults --mutants                  # Facet broken on purpose is noticed
    python -m tests.faults --minutes 60               # on a Pi, or a computer that is busy

Real processes of the command, some faults at a time. Small disks need root, or the right to have a
mount namespace, and cameras and clocks need gcc; what cannot be inflicted says so. Leaves nothing
behind.

Exit codes: 0 all passed or could not be run here, 1 one failed, 2 wrong usage.
"""

import argparse
import random
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from tqdm import tqdm

from device.cli.command import Parser, exit_with
from device.log import log
from tests.faults.catalogue import FAULTS
from tests.faults.lanes import LANES, Run, end_all, inflict, inside
from tests.faults.mutant import Mutant
from tests.faults.mutants import MUTANTS
from tests.faults.report import MutantRow, mutant_table, mutants_page, page, table

BOUND_MIN = 15.0


def parser() -> Parser:
    one = Parser("tests.faults", __doc__)
    add = one.add_argument
    names = [fault.name for fault in FAULTS]
    add("--only", action="append", choices=names, metavar="NAME", help=", ".join(names))
    add("--seed", type=int, metavar="N", help="of the random moments (default: another each time)")
    add("--quick", action="store_true", help="a small share of each fault's trials")
    add("--trials", type=int, metavar="N", help="of each fault, in place of its own number")
    add("--mutants", action="store_true", help="whether each check notices that Facet is broken")
    late = f"what is not done then has failed (default {BOUND_MIN:g})"
    add("--minutes", type=float, metavar="N", help=late)
    add("--lanes", type=int, metavar="N", help=f"faults at a time (default {LANES})")
    add("--write", type=Path, metavar="FILE.md", help="also keep the table in a file")
    add("--inside", type=Path, help=argparse.SUPPRESS)  # one fault, in a process of its own
    return one


def main(argv: list[str] | None = None) -> int:
    flags = parser().parse_args(argv)
    seed = random.randrange(2**31) if flags.seed is None else flags.seed
    chosen = [fault for fault in FAULTS if not flags.only or fault.name in flags.only]
    runs = [
        Run(fault, trials, seed)
        for fault in chosen
        if (trials := flags.trials or (fault.few if flags.quick else fault.trials))
    ]
    if flags.inside:
        return inside(runs[0], flags.inside)
    if flags.mutants:
        return try_mutants({fault.name for fault in chosen}, seed, flags)
    begun = time.monotonic()
    log.info(f"{len(runs)} faults, seed {seed}")
    # The longest first, so that no lane ends with one alone.
    order = sorted(runs, key=lambda run: -run.fault.limit_s)
    rows = {}
    until_s = begun + 60 * (BOUND_MIN if flags.minutes is None else flags.minutes)
    with ThreadPoolExecutor(flags.lanes or LANES) as lanes, tqdm(total=len(runs)) as bar:
        waiting = [lanes.submit(inflict, run, until_s) for run in order]
        try:
            for done in as_completed(waiting):
                row = done.result()
                rows[row.fault.name] = row
                if flags.write:  # also where the run is interrupted
                    before = flags.write.read_text() if flags.write.exists() else ""
                    flags.write.write_text(page([row], seed, before))
                bar.set_postfix_str(f"{row.fault.name}: {row.cells[4]}")
                bar.update()
        except KeyboardInterrupt:
            lanes.shutdown(wait=False, cancel_futures=True)
            end_all()
            raise
    ordered = [rows[run.fault.name] for run in runs]
    print(table(ordered))
    failed = [row.fault.name for row in ordered if row.outcome.passed is False]
    if failed:
        again = " ".join(f"--only {name}" for name in failed)
        log.info(
            f"failed: {', '.join(failed)}. Again: python -m tests.faults {again} --seed {seed}"
        )
    return int(bool(failed))


def try_mutants(faults: set[str], seed: int, flags: argparse.Namespace) -> int:
    """Inflict each mutant's fault on it; return 1 where a check notices nothing."""
    chosen = [mutant for mutant in MUTANTS if mutant.fault in faults]
    by_name = {fault.name: fault for fault in FAULTS}
    until_s = time.monotonic() + 60 * (BOUND_MIN if flags.minutes is None else flags.minutes)
    log.info(f"{len(chosen)} mutants, seed {seed}")

    def one(mutant: Mutant) -> MutantRow:
        run = Run(by_name[mutant.fault], flags.trials or mutant.trials, seed, mutant.name)
        return MutantRow(mutant, inflict(run, until_s))

    rows = []
    with ThreadPoolExecutor(flags.lanes or LANES) as lanes, tqdm(total=len(chosen)) as bar:
        try:
            for done in as_completed([lanes.submit(one, mutant) for mutant in chosen]):
                rows.append(done.result())
                if flags.write:
                    before = flags.write.read_text() if flags.write.exists() else ""
                    flags.write.write_text(mutants_page(rows, seed, before))
                bar.set_postfix_str(f"{rows[-1].mutant.name}: {rows[-1].cells[4]}")
                bar.update()
        except KeyboardInterrupt:
            lanes.shutdown(wait=False, cancel_futures=True)
            end_all()
            raise
    rows.sort(key=lambda row: MUTANTS.index(row.mutant))
    print(mutant_table(rows))
    missed = [
        row.mutant.name for row in rows if row.row.outcome.passed is not None and not row.noticed
    ]
    if missed:
        log.info(f"not noticed: {', '.join(missed)}")
    return int(bool(missed))


if __name__ == "__main__":
    exit_with(main)
