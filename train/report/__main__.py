"""Report on a finished run: one HTML page that needs no other file, and its charts as PNGs.

    python -m train.report runs/attributes --data ../shared/data/celeba
    python -m train.report RUN --split val --limit 500     # quicker, rougher
    python -m train.report RUN --with-photos               # the worst mistakes as pictures

95 s of processor time for 2,220 validation and 2,250 test photos. Leaves RUN/report/: index.html,
PNGs, and mistakes.csv. Calibration and thresholds are chosen on validation photos. A run on a
balanced part of the photos is reported on that part. The converted model is found in RUN or models/
by its card's record of the run; sweeps that train.evaluate made of it, in RUN/evaluate or
out/evaluate-SPLIT.
"""

import os
import shlex
import sys
from pathlib import Path

import matplotlib

from device.attributes.classifier import Classifier
from device.cli.command import Parser, exit_with
from device.errors import UsageError, disk_faults
from device.log import log
from train.celeba import CelebA, left_out_line
from train.data.layouts import read_data
from train.report import conversion, exploration, learning, mistakes, quality, trust
from train.report.drawing import STYLE, words
from train.report.page import Section, html
from train.report.results import (
    Results,
    float_results,
    int8_results,
    seen_by,
    worst,
    write_mistakes,
)
from train.report.run import Run, converted, read_run, read_sweeps

MODELS = Path(__file__).parents[2] / "models"


def parser() -> Parser:
    one = Parser("train.report", __doc__)
    add = one.add_argument
    add("run", type=Path, metavar="RUN", help="folder that train.fit left")
    add("--data", type=Path, help="the folder of photos (default: the one the run was trained on)")
    add("--split", choices=("val", "test"), default="test", help="photos to report on (test)")
    add("--limit", type=int, default=0, metavar="N", help="only the first N photos of each split")
    add("--model", type=Path, metavar="CARD", help="the run's int8 model (default: looked for)")
    add("--with-photos", action="store_true", help="show the worst mistakes as pictures")
    add("--out", type=Path, metavar="DIR", help="folder of the report (default RUN/report)")
    return one


def report(run: Run, data: CelebA, root: Path, args, command: str) -> Path:
    """Measure the run, draw, and write the page; return where it lies."""
    card = args.model or converted(run, MODELS)
    if card and card.is_relative_to(Path.cwd()):
        card = card.relative_to(Path.cwd())
    classifier = Classifier(card, threads=os.cpu_count() or 1) if card else None
    names = run.attributes or data.attributes
    results = float_results(run.model, data, names, args.split, args.limit)
    int8 = None
    if classifier:
        told = int8_results(classifier, results.split, results)
        int8 = conversion.Converted(card, classifier.card, told)
    with matplotlib.rc_context(STYLE):
        parts = _sections(run, data, root, args, results, int8, command)
    split = results.split
    balance = f" of a part of which half has {words(names[0])}" if run.balanced else ""
    text = html(
        f"Report: {run.folder.resolve().name}",
        f"{len(split):,} {split.name} photos{balance}, "
        f"{len(names)} attribute{'s' * (len(names) > 1)}, "
        "float model; calibration and thresholds chosen on validation photos.",
        conversion.tiles(results, int8),
        parts,
    )
    every = [one for i in range(len(names)) for one in worst(results, i, len(split))]
    write_mistakes(args.out / "mistakes.csv", every)
    page = args.out / "index.html"
    partial = args.out / "index.partial.html"
    partial.write_text(text, encoding="utf-8")
    return partial.replace(page)


def _sections(
    run: Run,
    data: CelebA,
    root: Path,
    args,
    results: Results,
    int8: conversion.Converted | None,
    command: str,
) -> list[Section]:
    out, sweeps = args.out, {}
    own = run.folder / "evaluate"
    if int8:
        folders = [own, Path("out") / f"evaluate-{args.split}"]
        sweeps = read_sweeps(folders, int8.card.sha256, args.split)
    parts = [
        exploration.section(data, out),
        learning.section(run, out),
        quality.classification(results, out),
        quality.curves(results, out),
        trust.calibration(results, out),
        trust.thresholds(results, out),
        mistakes.attributes(results, out, args.with_photos),
        mistakes.section(results, out, args.with_photos),
        conversion.int8(results, int8, run, root, out),
        conversion.stress(sweeps, int8, root, out, own),
        learning.recipe(run, command),
    ]
    return [part for part in parts if part]


def main(argv: list[str] | None = None) -> None:
    argv = sys.argv[1:] if argv is None else argv
    args = parser().parse_args(argv)
    if args.limit < 0:
        raise UsageError(f"--limit {args.limit}: need 0 or more")
    run = read_run(args.run)
    args.out = args.out or args.run / "report"
    root = args.data or run.data
    if root is None:
        raise UsageError(f"{args.run} does not say where its photos are", "Give --data DIR")
    data = read_data(root)
    print(left_out_line(data))
    data = seen_by(data, run.attributes, run.balanced)
    if run.no_history:
        log.info(run.no_history)
    command = shlex.join(["python", "-m", "train.report", *argv])
    with disk_faults(f"cannot write the report to {args.out}", "Free the disk, or give --out"):
        args.out.mkdir(parents=True, exist_ok=True)
        page = report(run, data, root, args, command)
    print(f"report: {page} ({page.stat().st_size / 1e6:.1f} MB), charts: {args.out}/")


if __name__ == "__main__":
    exit_with(main)
