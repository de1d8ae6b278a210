"""Train several recipes on the same photos, and compare them.

    python -m train.compare smile-simple-cnn smile-mobilenetv2 --data ../shared/data/celeba \\
        --out runs/compare-smiling
    python -m train.compare small.toml other.toml --data ... --out ... --limit 4000 --weights none
    python -m train.compare --study smiling --data ../shared/data/celeba --out runs/compare/smiling

A recipe is a name or a file that extends one; a study, one of train/comparisons/ or a file, names
recipes in order and figures to compare them with (train/training/study.py has the format). Flags
override the settings of all recipes. Prints first what it will train and about how long that takes.
Takes as long as the recipes do; the same command continues after an interruption, and a recipe that
fails does not end the others. Writes a run per recipe and seed to --out, with comparison.json in
each, and comparison.html, comparison.md, comparison.json and comparison.png of all. --into FILE.md
also writes the tables there, between <!-- NAME --> and <!-- /NAME -->, where NAME is that of --out,
and the charts beside it: NAME.png, NAME-curves.png of the learning curves, and NAME-roc.png.
"""

import argparse
import contextlib
import fcntl
import json
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from device.cli.command import Parser, exit_with
from device.errors import FacetError, Stopped, UsageError, disk_faults, nearest, one_line
from device.files import write_atomic
from device.log import log
from train.data.open import read_data
from train.data.select import counts_line, select_for_run
from train.data.split import CHECK_DATA, DataError, Split
from train.data.unreadable import unreadable_line
from train.evaluation.comparison import measure_run, read_measured, read_predictions
from train.evaluation.comparison_rows import ComparisonRow, comparison_record
from train.evaluation.comparison_table import markdown
from train.tools.markers import fill_markers
from train.training.config import FROM_SCRATCH, FitSettings
from train.training.flags import add_flags, overridden
from train.training.recipe import as_toml
from train.training.run_dir import read_settings
from train.training.study import Study, read_study, study_names, study_of_recipes

# What --into copies beside its page: a file in --out, and the ending of its copy.
CHARTS_FOR_PAGE = {
    "comparison.png": "",
    "charts/learning-val_accuracy.png": "-curves",
    "charts/roc.png": "-roc",
}


@dataclass(frozen=True)
class Comparison:
    """A study, and where its photos and runs are."""

    study: Study
    data: Path
    out: Path
    into: Path | None
    only: tuple[str, ...]  # rows to train; () = all
    command: str


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Return the parsed flags; UsageError for wrong ones."""
    parser = Parser("train.compare", __doc__)
    add = parser.add_argument
    add("recipes", nargs="*", metavar="RECIPE", help="python -m train.recipe lists them")
    add("--study", metavar="NAME", help=f"one of {', '.join(study_names())}, or a file NAME.toml")
    add("--only", nargs="+", default=(), metavar="ROW", help="rows of the study to train now")
    add("--data", required=True, type=Path, help="CelebA's folder, or one of your own photos")
    add("--out", required=True, type=Path, metavar="DIR", help="folder of the runs")
    add("--into", type=Path, metavar="FILE.md", help="page to write the tables into")
    add_flags(parser)
    args = parser.parse_args(argv)
    if bool(args.recipes) == bool(args.study):
        raise UsageError("need either recipes or a study", "--study smiling, or a RECIPE ...")
    return args


def plan(args: argparse.Namespace) -> Study:
    """Return the study with the flags applied; UsageError for rows that do not go together."""
    study = read_study(args.study) if args.study else study_of_recipes(args.recipes)
    rows = [replace(row, settings=overridden(row.settings, args)) for row in study.rows]
    if "seed" in vars(args):
        rows = [replace(row, seeds=()) for row in rows]
    study = replace(study, rows=tuple(rows))
    study.check()
    names = [row.name for row in rows]
    if unknown := next((name for name in args.only if name not in names), None):
        raise UsageError(f"--only: the study has no row {unknown!r}", nearest(unknown, names))
    return study


def check_run(run: Path, settings: FitSettings) -> None:
    """Raise UsageError for a run of other settings, or a new one whose weights are missing."""
    if (run / "settings.json").exists():
        own = read_settings(run)
        if own != msgspec.structs.replace(settings, recipe=run.name, about=own.about):
            raise UsageError(f"{run} has other settings", "another --out, or delete it")
        return
    weights = settings.weights
    if weights not in (FROM_SCRATCH, "imagenet") and not Path(weights).is_file():
        raise UsageError(
            f"{run.name} has no starting weights {weights}",
            "the commands at the top of the study's file, --only other rows, or --weights FILE",
        )


def train_run(run: Path, settings: FitSettings, data: Path, lock: int) -> None:
    """Train a run in its own process, or the rest of it.

    lock: a descriptor that the process inherits. Raises FacetError if training fails, which has
    printed the reason.
    """
    if (run / "model.keras").exists():
        return
    command = [sys.executable, "-m", "train.fit", "--data", str(data), "--out", str(run)]
    if (run / "settings.json").exists():
        command.append("--resume")
    else:
        recipe = run.parent / "recipes" / f"{run.name}.toml"
        write_atomic(recipe, as_toml(settings).encode())
        command += ["--recipe", str(recipe)]
    if code := subprocess.run(command, pass_fds=(lock,)).returncode:
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        raise FacetError(f"training failed with {how}", "fix it and rerun")


def compare(comparison: Comparison) -> tuple[list[ComparisonRow], dict[str, str]]:
    """Train and measure what is missing; return the rows that are finished, and what failed.

    What failed is the reason by run. Raises UsageError before any training for runs of other
    settings and for missing weights, and if another comparison has the folder.
    """
    from train.evaluation.comparison_schedule import Schedule, planned_runs  # imports Keras
    from train.training.workload import PhotoCounts

    study, out = comparison.study, comparison.out
    failed: dict[str, str] = {}
    chosen = [row for row in study.rows if row.name in (comparison.only or row.name)]
    runs = planned_runs(chosen, out)
    for run in runs:
        check_run(run.folder, run.settings)
    settings = study.rows[0].settings
    splits = select_for_run(read_data(comparison.data).splits, settings)
    photos = counts_line(splits, settings)
    print(photos)
    if not splits["test"].known.any():
        raise DataError("no test photo for the comparison", CHECK_DATA)
    counts = PhotoCounts(*(len(split) for split in splits.values()))
    with _locked(out) as lock:
        schedule = Schedule(runs, len(splits["test"].attributes), counts)
        print("\n".join(schedule.overview()), flush=True)
        with _interruptible(schedule):
            rows = [] if schedule.pending else write(comparison, photos, failed)
            for run in list(schedule.pending):
                print(schedule.line(run), flush=True)
                if reason := _finish(run.folder, run.settings, comparison.data, splits, lock):
                    failed[run.name] = reason
                schedule.end(run)
                rows = write(comparison, photos, failed)
    return rows, failed


def _finish(
    run: Path, settings: FitSettings, data: Path, splits: dict[str, Split], lock: int
) -> str:
    """Train and measure a run; return why that failed, "" if it did not."""
    try:
        train_run(run, settings, data, lock)
        measure_run(run, settings, splits)
    except Stopped:
        raise
    except FacetError as error:
        reason = error.message
    except Exception as error:  # of a library: the other recipes still count
        reason = f"{type(error).__name__}: {error}"
    else:
        if line := unreadable_line(*splits.values()):
            print(line)
        return ""
    reason = one_line(reason, 300)
    log.error(f"{run.name} failed: {reason}")
    return reason


@contextlib.contextmanager
def _locked(out: Path) -> Iterator[int]:
    """Keep other comparisons from the folder; a training that outlives this one holds it too."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(
                f"{out} is in use by another comparison, or by a training that one has left",
                "wait for it, or another --out",
            ) from None
        except OSError:  # some network disks have no locks
            pass
        yield file.fileno()


@contextlib.contextmanager
def _interruptible(schedule) -> Iterator[None]:
    """Say what is finished if Ctrl-C or SIGTERM ends the comparison."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        names = ", ".join(run.name for run in schedule.finished) or "none"
        log.info(f"interrupted; finished: {names}. The same command continues")
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


def finished_rows(study: Study, out: Path) -> list[ComparisonRow]:
    """Return the rows of a study with the runs that are finished, of those that have any."""
    rows = []
    for plan in study.rows:
        runs = {name: read_measured(out / name) for name in plan.runs()}
        found = {name: run for name, run in runs.items() if run is not None}
        if found:
            predictions = tuple(read_predictions(out / name) for name in found)
            rows.append(ComparisonRow(plan, tuple(found.values()), predictions, tuple(found)))
    return rows


def write(comparison: Comparison, photos: str, failed: dict[str, str]) -> list[ComparisonRow]:
    """Write the tables, the chart and the page of the runs that are finished; return the rows."""
    study, out = comparison.study, comparison.out
    rows = finished_rows(study, out)
    lines = markdown(rows, photos, failed)
    write_atomic(out / "comparison.md", ("\n".join(lines) + "\n").encode())
    record = {"study": study.name, "photos": photos} | comparison_record(rows, failed)
    write_atomic(out / "comparison.json", (json.dumps(record, indent=2) + "\n").encode())
    if rows:
        _draw(comparison, rows, photos, failed)
    if comparison.into:
        page = comparison.into
        page.write_text(fill_markers(page.read_text(), out.name, lines))
    return rows


def _draw(
    comparison: Comparison, rows: list[ComparisonRow], photos: str, failed: dict[str, str]
) -> None:
    from train.evaluation.comparison_chart import chart  # imports Matplotlib
    from train.report.comparison import ComparisonPage, write_page

    study, out = comparison.study, comparison.out
    chart(out / "comparison.png", rows)
    page = ComparisonPage(
        out.name, study.about, photos, study.equal, rows, failed, comparison.command
    )
    write_page(page, out)
    if comparison.into:
        for source, ending in CHARTS_FOR_PAGE.items():
            if (out / source).exists():
                target = comparison.into.with_name(f"{out.name}{ending}.png")
                write_atomic(target, (out / source).read_bytes())


def main(argv: list[str] | None = None) -> None:
    words = sys.argv[1:] if argv is None else argv
    args = parse(words)
    command = shlex.join(["python", "-m", "train.compare", *words])
    comparison = Comparison(plan(args), args.data, args.out, args.into, tuple(args.only), command)
    with disk_faults(f"cannot read or write {args.out}", "fix it and rerun"):
        rows, failed = compare(comparison)
    print((args.out / "comparison.md").read_text(), end="")
    if rows:
        log.info(f"page: {args.out / 'comparison.html'}, tables: {args.out / 'comparison.md'}")
    if failed:
        names = ", ".join(failed)
        runs = sum(len(row.runs()) for row in comparison.study.rows)
        raise FacetError(f"{len(failed)} of {runs} runs failed: {names}", "fix it and rerun")


if __name__ == "__main__":
    exit_with(main)
