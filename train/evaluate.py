"""Evaluate a model.

    python -m train.evaluate scores --data DIR --split test            # a minute for 2,250 photos
    python -m train.evaluate scores --data DIR --float RUN/model.keras # the Keras model
    python -m train.evaluate sweep tilt --data DIR     # turn, size, light, blur, faces; 2 minutes
    python -m train.evaluate rejection --data DIR      # effect of --min-face, --min-sharpness, ...
    python -m train.evaluate fairness --data DIR       # error by group; needs UTKFace beside DIR
    python -m train.evaluate photos DIR                # whole photos and a labels.csv

`--model CARD` selects another model than models/attributes.json. Each prints a table and writes to
--out: scores writes report.json, attributes.png (all attributes) and attributes/NAME.png (curves of
each); sweep, rejection, fairness and photos write a .json of that name, sweep and rejection a chart
too.
"""

import argparse
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from device.attributes.classifier import Classifier
from device.cli.command import Parser, SubcommandParser, count, exit_with
from device.errors import disk_faults
from device.faces.blazeface import BlazeFace
from device.faces.quality_gate import quality_limits
from device.models import load_verifier
from device.settings import FacesSettings, Settings
from device.text import counted
from train.data.file_names import unique_slug
from train.data.match import match_data
from train.data.open import read_data
from train.data.select import head, sample_evenly
from train.data.split import CHECK_DATA, SPLITS, DataError, Split, left_out_line
from train.data.unreadable import unreadable, unreadable_line
from train.evaluation import end_to_end, fairness, rejection, robustness
from train.evaluation.float_model import load_matched
from train.evaluation.intervals import (
    Interval,
    interval_text,
    mean_intervals,
    score_intervals,
    without_unknown,
)
from train.evaluation.metrics import Scores, decimals, without_nan
from train.evaluation.predictions import predict_float, predict_int8, score_predictions

SWEEP_PHOTOS, REJECTION_PHOTOS = 300, 1500


def make_parser() -> Parser:
    """Return the command's parser, with a subcommand per evaluation."""
    parser = Parser("train.evaluate", __doc__)
    commands = parser.add_subparsers(
        dest="command", required=True, metavar="COMMAND", parser_class=SubcommandParser
    )

    def command(name: str, summary: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=summary, description=summary)
        add = sub.add_argument
        add("--model", type=Path, default=Path("models/attributes.json"), metavar="CARD")
        add("--out", type=Path, metavar="DIR", help="for results (default: out/evaluate-NAME)")
        return sub

    def split_command(name: str, summary: str, photos: str = "all") -> argparse.ArgumentParser:
        sub = command(name, summary)
        add = sub.add_argument
        add("--data", type=Path, required=True, metavar="DIR", help="CelebA's folder")
        add("--split", choices=SPLITS, default="test", help="default %(default)s")
        add("--limit", type=count, default=0, metavar="N", help=f"photos (default: {photos})")
        return sub

    scores = split_command("scores", "metrics on a split, per attribute")
    scores.add_argument("--float", type=Path, dest="keras_file", metavar="FILE.keras")
    sweep = split_command("sweep", "accuracy over the severity of a distortion", str(SWEEP_PHOTOS))
    sweep.add_argument("kind", choices=tuple(robustness.SWEEPS))
    summary = "accuracy against coverage of the quality gate"
    split_command("rejection", summary, str(REJECTION_PHOTOS))
    groups = split_command("fairness", "error by gender, age and race")
    groups.add_argument("--utkface", type=Path, metavar="DIR", help="default: beside --data")
    photos = command("photos", "end to end on whole photos")
    photos.add_argument("folder", type=Path, metavar="DIR", help="photos and a labels.csv")
    return parser


def scores_table(scores: Scores) -> str:
    """Return the means and a row per attribute as text."""
    means = scores.means()
    lines = [
        f"{counted(scores.photos, 'photo')}: mean accuracy {decimals(means['accuracy'], 4)}, "
        f"balanced accuracy {decimals(means['balanced_accuracy'], 4)}, macro-F1 "
        f"{decimals(means['macro_f1'], 4)}, mean AUC {decimals(means['mean_auc'], 4)}, "
        f"calibration error {decimals(means['calibration_error'], 4)}",
        f"{'attribute':20}{'accuracy':>10}{'95 %':>16}{'balanced':>10}{'precision':>10}"
        f"{'recall':>10}{'F1':>10}{'95 %':>16}{'AUC':>10}{'95 %':>16}{'support':>10}",
    ]
    for score in scores.attributes:
        metrics = (
            *(score.accuracy, score.balanced_accuracy, score.precision),
            *(score.recall, score.f1, score.auc),
        )
        values = [f"{decimals(value, 4):>10}" for value in metrics]
        ends = score_intervals(score, scores.photos)
        for place, field in ((0, "accuracy"), (4, "f1"), (5, "auc")):
            values[place] += f"{interval_text(ends[field]):>16}"
        lines.append(f"{score.name:20}{''.join(values)}{score.support:10}")
    return "\n".join(lines)


def intervals_line(intervals: dict[str, Interval]) -> str:
    """Return the 95 % intervals of the means as text."""
    titles = {"accuracy": "accuracy", "balanced_accuracy": "balanced accuracy"}
    titles |= {"macro_f1": "macro-F1", "mean_auc": "mean AUC"}
    known = [
        f"{titles[key]} {text}"
        for key, interval in intervals.items()
        if (text := interval_text(interval, 4))
    ]
    return f"95 % intervals of the means: {', '.join(known)}"


def write_scores(
    out: Path, about: dict[str, Any], scores: Scores, split: Split, probabilities: np.ndarray
) -> dict[str, Interval]:
    """Write report.json, which starts with `about`, and the charts; return the means' intervals."""
    from train.evaluation.chart_text import chart_style  # Matplotlib is slow to import
    from train.evaluation.plots import attribute_chart, overview_chart

    intervals = mean_intervals(scores, split.labels, probabilities)
    _write_json(out / "report.json", about | _record(scores, intervals))
    (out / "attributes").mkdir(exist_ok=True)
    with chart_style(split.attributes):
        overview_chart(out / "attributes.png", scores)
        for i, score in enumerate(scores.attributes):
            path = out / "attributes" / f"{unique_slug(score.name)}.png"
            attribute_chart(path, score, split.labels[:, i], probabilities[:, i])
    return intervals


def _record(scores: Scores, intervals: dict[str, Interval]) -> dict[str, Any]:
    """Return the metrics with their 95 % intervals, for JSON."""
    record = scores.to_dict() | {"intervals": without_unknown(intervals)}
    for row, score in zip(record["attributes"], scores.attributes, strict=True):
        row["intervals"] = without_unknown(score_intervals(score, scores.photos))
    return record


def run_scores(args: argparse.Namespace, out: Path, classifier: Classifier, split: Split) -> None:
    """Print and write the means, and a row and a chart per attribute."""
    card, split = classifier.card, head(split, args.limit)
    if args.keras_file:
        kind, sha256, model_path = "float", "", args.keras_file
        model = load_matched(args.keras_file, card.names, args.model)
        readable, raw = predict_float(model, split)
    else:
        kind, sha256, model_path = "int8", card.sha256, args.model
        readable, raw = predict_int8(classifier.network, split, card.crop_wh)
    scores, probabilities = score_predictions(card, raw, readable)
    print(f"{kind}, {split.name}\n{scores_table(scores)}")
    about = {
        "model": str(model_path),
        "sha256": sha256,
        "kind": kind,
        "split": split.name,
        "unreadable": len(split) - len(readable),
    }
    print(intervals_line(write_scores(out, about, scores, readable, probabilities)))
    _print_unreadable(split)
    print(f"report: {out / 'report.json'}, charts: {out / 'attributes.png'}, {out / 'attributes'}/")


def run_sweep(args: argparse.Namespace, out: Path, classifier: Classifier, split: Split) -> None:
    """Print and write the accuracy at each severity of one distortion."""
    from train.evaluation.plots import sweep_chart

    photos = sample_evenly(split, args.limit or SWEEP_PHOTOS)
    points = robustness.sweep(args.kind, photos, _detector(), classifier)
    print(robustness.table(args.kind, points))
    # train.report uses the sweeps of its own model and split only.
    measured_on = {
        "sha256": classifier.card.sha256,
        "split": split.name,
        "unreadable": len(unreadable(photos.photos)),
    }
    rows = [without_nan(asdict(point)) | measured_on for point in points]
    _write_json(out / f"sweep-{args.kind}.json", rows)
    _print_unreadable(photos)
    chart = out / f"sweep-{args.kind}.png"
    sweep_chart(chart, args.kind, robustness.SWEEPS[args.kind][0], points)
    print(f"chart: {chart}")


def run_rejection(
    args: argparse.Namespace, out: Path, classifier: Classifier, split: Split
) -> None:
    """Print and write what each limit of the quality gate accepts and rejects."""
    from train.evaluation.plots import rejection_chart

    photos = sample_evenly(split, args.limit or REJECTION_PHOTOS)
    limits = quality_limits(FacesSettings())
    curves = rejection.rejection_curves(photos, _detector(), classifier, limits)
    print(rejection.table(curves))
    _print_unreadable(photos)
    _write_json(out / "rejection.json", [without_nan(asdict(curve)) for curve in curves])
    rejection_chart(out / "rejection.png", curves)
    print(f"chart: {out / 'rejection.png'}")


def run_fairness(args: argparse.Namespace, out: Path, classifier: Classifier, split: Split) -> None:
    """Print and write the errors by group."""
    card, split = classifier.card, head(split, args.limit)
    utkface = args.utkface or args.data.parent / "utkface"
    people = fairness.read_people(utkface, _detector(), classifier)
    missed = sum(person.male is None for person in people)
    readable, raw = predict_int8(classifier.network, split, card.crop_wh)
    _, probabilities = score_predictions(card, raw, readable)
    errors = {
        "UTKFace": fairness.utkface_errors(people),
        f"CelebA {split.name}": fairness.celeba_errors(card, readable, probabilities),
    }
    for title, rows in errors.items():
        print(fairness.table(title, rows))
    print(f"UTKFace: no face detected in {missed} of {len(people)} photos")
    _print_unreadable(split, utkface)
    records = {title: [asdict(row) for row in rows] for title, rows in errors.items()}
    _write_json(out / "fairness.json", records)


def run_photos(folder: Path, out: Path, classifier: Classifier) -> None:
    """Print and write the device's result on a folder of whole photos."""
    labelled = end_to_end.read_labelled(folder, classifier.card.names)
    limits = quality_limits(FacesSettings())
    verifier = load_verifier(Settings())
    result = end_to_end.evaluate(labelled, _detector(), classifier, limits, verifier)
    print(end_to_end.table(result))
    _write_json(out / "photos.json", end_to_end.record(result))


RUN = {
    "scores": run_scores,
    "sweep": run_sweep,
    "rejection": run_rejection,
    "fairness": run_fairness,
}


def main(argv: list[str] | None = None) -> None:
    args = make_parser().parse_args(argv)
    name = args.folder.resolve().name if args.command == "photos" else args.split
    out = args.out or Path("out") / f"evaluate-{name}"
    classifier = Classifier(args.model, threads=os.cpu_count() or 1)
    with disk_faults(f"cannot write the report to {out}", "free disk space, or another --out"):
        out.mkdir(parents=True, exist_ok=True)
        if args.command == "photos":
            run_photos(args.folder, out, classifier)
        else:
            RUN[args.command](args, out, classifier, _read_split(args, classifier))


def _read_split(args: argparse.Namespace, classifier: Classifier) -> Split:
    """Return the split with the model's attributes; UsageError if the data lacks one."""
    data = read_data(args.data)
    print(left_out_line(data))
    matched = match_data(data, classifier.card.names, args.data, args.model)
    split = matched.splits[args.split]
    if not len(split):
        raise DataError(f"no {args.split} photo in {args.data}", CHECK_DATA)
    return split


def _detector() -> BlazeFace:
    return BlazeFace("back", threads=os.cpu_count() or 1)


def _print_unreadable(split: Split, utkface: Path | None = None) -> None:
    if line := unreadable_line(split, utkface=utkface):
        print(line)


def _write_json(path: Path, record: Any) -> None:
    path.write_text(json.dumps(record, indent=2, allow_nan=False) + "\n")


if __name__ == "__main__":
    exit_with(main)
