"""Report on a finished run: one self-contained HTML page, and its charts as PNGs.

    python -m train.report runs/attributes --data ../shared/data/celeba
    python -m train.report RUN --split val --limit 500     # faster, less precise
    python -m train.report RUN --with-photos               # the worst mistakes as pictures

95 s of processor time for 2,220 validation and 2,250 test photos. Writes RUN/report/: index.html,
PNGs, and mistakes.csv. Calibration and thresholds are chosen on validation photos. A run on a
balanced part of the photos is evaluated on that part. The converted model is found in RUN,
RUN/models or models/ by its card's record of the run; its sweeps, measured by train.evaluate, in
RUN/evaluate or out/evaluate-SPLIT.
"""

import math
import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from device.attributes.classifier import Classifier
from device.cli.command import Parser, count, exit_with
from device.errors import UsageError, disk_faults
from device.files import write_atomic
from device.log import log
from device.text import counted
from train.data.open import read_data
from train.data.split import Dataset, left_out_line
from train.evaluation.chart_text import attribute_label, chart_style
from train.report import calibration, conversion, exploration, learning, mistakes, quality
from train.report.chart import STYLE
from train.report.page import Section, html
from train.report.predictions import (
    Results,
    balanced_part,
    float_results,
    int8_results,
    worst,
    write_mistakes,
)
from train.report.run import Run, find_card, read_run, read_sweeps

MODELS = Path(__file__).parents[2] / "models"


@dataclass(frozen=True)
class ReportOptions:
    """What to report on and where to write it."""

    out: Path
    split: str  # "val" or "test"
    limit: int  # photos of each split; 0 = all
    card: Path | None  # of the int8 model; None = search
    with_photos: bool
    data_folder: Path
    command: str  # that makes this report


def make_parser() -> Parser:
    """Return the command's parser."""
    parser = Parser("train.report", __doc__)
    add = parser.add_argument
    add("run", type=Path, metavar="RUN", help="folder that train.fit wrote")
    add("--data", type=Path, help="folder of photos (default: the one the run was trained on)")
    add("--split", choices=("val", "test"), default="test", help="photos to report on (test)")
    add("--limit", type=count, default=0, metavar="N", help="only the first N photos of each split")
    add("--model", type=Path, metavar="CARD", help="the run's int8 model (default: search)")
    add("--with-photos", action="store_true", help="show the worst mistakes as pictures")
    add("--out", type=Path, metavar="DIR", help="folder of the report (default RUN/report)")
    return parser


def write_report(run: Run, data: Dataset, options: ReportOptions) -> Path:
    """Evaluate the run, draw the charts and write the page; return the page's path."""
    card = options.card or find_card(run, MODELS)
    if card and card.is_relative_to(Path.cwd()):
        card = card.relative_to(Path.cwd())
    names = run.attributes or data.attributes
    results = float_results(run.model, data, names, options.split, options.limit)
    int8 = None
    if card:
        classifier = Classifier(card, threads=os.cpu_count() or 1)
        int8_predictions, results = int8_results(classifier, results)
        int8 = conversion.Converted(card, classifier.card, int8_predictions)
    with chart_style([*names, *data.attributes], STYLE):
        sections = _sections(run, data, options, results, int8)
    split = results.split
    missing = f" {results.unreadable}." if results.unreadable else ""
    balance = f", half of them with {attribute_label(names[0])}" if run.balanced else ""
    text = html(
        f"Report: {run.folder.resolve().name}",
        f"{len(split):,} {split.name} photos{balance}, {counted(len(names), 'attribute')}, float "
        "model; calibration and thresholds chosen on "
        f"{counted(results.validated, 'validation photo')}. Ranges: 95 % intervals.{missing}",
        conversion.tiles(results, int8),
        sections,
    )
    all_mistakes = [m for i in range(len(names)) for m in worst(results, i, len(split))]
    write_mistakes(options.out / "mistakes.csv", all_mistakes)
    page = options.out / "index.html"
    write_atomic(page, text.encode())
    return page


def _sections(
    run: Run,
    data: Dataset,
    options: ReportOptions,
    results: Results,
    int8: conversion.Converted | None,
) -> list[Section]:
    out, with_photos, own = options.out, options.with_photos, run.folder / "evaluate"
    sweeps = {}
    if int8:
        folders = [own, Path("out") / f"evaluate-{options.split}"]
        sweeps = read_sweeps(folders, int8.card.sha256, options.split)
    # The curves' photos: not those of a run with --limit, nor of a report with it.
    same_photos = run.record.get("photos", {}).get("val") == results.validated
    saved_accuracy = results.validation_accuracy if same_photos else math.nan
    sections = [
        exploration.section(data, out),
        learning.section(run, out, saved_accuracy),
        quality.classification(results, out),
        quality.curves(results, out),
        calibration.calibration_section(results, out),
        calibration.thresholds_section(results, out),
        mistakes.attributes(results, out, with_photos),
        mistakes.section(results, out, with_photos),
        conversion.int8(results, int8, run, options.data_folder, out),
        conversion.robustness(sweeps, int8, options.data_folder, out, own),
        learning.recipe(run, options.command),
    ]
    return [section for section in sections if section]


def main(argv: list[str] | None = None) -> None:
    argv = sys.argv[1:] if argv is None else argv
    args = make_parser().parse_args(argv)
    run = read_run(args.run)
    data_folder = args.data or run.data
    if data_folder is None:
        raise UsageError(f"{args.run} has no record of its photos", "--data DIR")
    options = ReportOptions(
        out=args.out or args.run / "report",
        split=args.split,
        limit=args.limit,
        card=args.model,
        with_photos=args.with_photos,
        data_folder=data_folder,
        command=shlex.join(["python", "-m", "train.report", *argv]),
    )
    data = read_data(data_folder)
    print(left_out_line(data))
    data = balanced_part(data, run.attributes, run.balanced)
    if run.no_history:
        log.info(run.no_history)
    out = options.out
    with disk_faults(f"cannot write the report to {out}", "free disk space, or another --out"):
        out.mkdir(parents=True, exist_ok=True)
        page = write_report(run, data, options)
    print(f"report: {page} ({page.stat().st_size / 1e6:.1f} MB), charts: {out}/")


if __name__ == "__main__":
    exit_with(main)
