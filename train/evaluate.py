"""Score a model on a split of CelebA.

    python -m train.evaluate --model models/attributes.json --data DIR --split test
    python -m train.evaluate --model models/attributes.json --float RUN/model.keras --data DIR
    python -m train.evaluate --data DIR --sweep tilt      # or turn, size, light, blur, faces
    python -m train.evaluate --data DIR --coverage        # what the limits of --min-face etc. do
    python -m train.evaluate --data DIR --groups          # needs UTKFace beside DIR
    python -m train.evaluate --photos DIR                 # whole photos and a labels.csv

A minute for 2,250 photos, two for a sweep, the coverage or the groups. Prints the means and a row
per attribute; leaves report.json, attributes.png (all attributes in one chart) and
attributes/NAME.png (each one's curves) in --out; the others leave a .json named after them, a sweep
and the coverage a chart as well.
"""

import argparse
import json
import os
from dataclasses import asdict
from pathlib import Path

import numpy as np

from device.attributes.classifier import Classifier, calibrated
from device.attributes.model_card import ModelCard
from device.cli.command import Parser, exit_with
from device.errors import UsageError, disk_faults
from device.faces.blazeface import BlazeFace
from device.faces.quality_gate import quality_limits
from device.settings import FacesSettings
from train.celeba import SPLITS, DataError, Split, left_out_line
from train.data.layouts import read_data
from train.data.select import first, with_attributes
from train.measuring import coverage, groups, sweep, whole_photos
from train.measuring.charts import attribute_chart, coverage_chart, overview_chart, sweep_chart
from train.measuring.metrics import Scores, score, without_nan
from train.measuring.outputs import float_raw, int8_raw, load_float


def evaluate(card: ModelCard, raw: np.ndarray, split: Split) -> tuple[Scores, np.ndarray]:
    """Return the scores at the card's thresholds, and the calibrated probabilities."""
    probabilities = calibrated(raw, card.column("slope"), card.column("offset"))
    return score(card.names, split.labels, probabilities, card.column("threshold")), probabilities


def table(scores: Scores) -> str:
    """Return the means and a row per attribute as text."""
    means = scores.means()
    lines = [
        f"{scores.photos:,} photos: mean accuracy {means['accuracy']:.4f}, balanced accuracy "
        f"{means['balanced_accuracy']:.4f}, macro-F1 {means['macro_f1']:.4f}, mean AUC "
        f"{means['mean_auc']:.4f}, calibration error {means['calibration_error']:.4f}",
        f"{'attribute':20}{'accuracy':>10}{'balanced':>10}{'precision':>10}{'recall':>10}"
        f"{'F1':>10}{'AUC':>10}{'support':>10}",
    ]
    for one in scores.attributes:
        figures = (one.accuracy, one.balanced_accuracy, one.precision, one.recall, one.f1, one.auc)
        lines.append(
            f"{one.name:20}" + "".join(f"{value:10.4f}" for value in figures) + f"{one.support:10}"
        )
    return "\n".join(lines)


def write_report(
    out: Path, about: dict[str, str], scores: Scores, split: Split, probabilities: np.ndarray
) -> None:
    """Write report.json, which begins with what it is about, and the charts."""
    _write_json(out / "report.json", about | scores.to_dict())
    overview_chart(out / "attributes.png", scores)
    (out / "attributes").mkdir(exist_ok=True)
    for i, one in enumerate(scores.attributes):
        path = out / "attributes" / f"{one.name}.png"
        attribute_chart(path, one, split.labels[:, i], probabilities[:, i])


def run_sweep(args: argparse.Namespace, classifier: Classifier, split: Split) -> None:
    """Print and write how accuracy falls with one stress."""
    detector = BlazeFace("back", threads=os.cpu_count() or 1)
    points = sweep.sweep(args.sweep, sweep.spread(split, args.limit or 300), detector, classifier)
    print(sweep.table(args.sweep, points))
    stem = args.out / f"sweep-{args.sweep}"
    # train.report asks of which model and photos a sweep is.
    of = {"sha256": classifier.card.sha256, "split": split.name}
    rows = [without_nan(asdict(point)) | of for point in points]
    _write_json(stem.with_suffix(".json"), rows)
    sweep_chart(stem.with_suffix(".png"), args.sweep, sweep.SWEEPS[args.sweep][0], points)
    print(f"chart: {stem.with_suffix('.png')}")


def run_coverage(args: argparse.Namespace, classifier: Classifier, split: Split) -> None:
    """Print and write what the limits of what is told refuse, and what that gains."""
    detector = BlazeFace("back", threads=os.cpu_count() or 1)
    limits = quality_limits(FacesSettings())
    some = sweep.spread(split, args.limit or 1500)
    rules = coverage.coverage(some, detector, classifier, limits)
    print(coverage.table(rules))
    _write_json(args.out / "coverage.json", [without_nan(asdict(rule)) for rule in rules])
    coverage_chart(args.out / "coverage.png", rules)
    print(f"chart: {args.out / 'coverage.png'}")


def run_photos(args: argparse.Namespace, classifier: Classifier) -> None:
    """Print and write how the device's path does on a folder of whole photos."""
    labelled = whole_photos.read_labelled(args.photos, classifier.card.names)
    detector = BlazeFace("back", threads=os.cpu_count() or 1)
    told = whole_photos.tell(labelled, detector, classifier, quality_limits(FacesSettings()))
    print(whole_photos.table(told))
    _write_json(args.out / "photos.json", without_nan(asdict(told)))


def run_groups(args: argparse.Namespace, classifier: Classifier, split: Split) -> None:
    """Print and write for whom the model errs more."""
    detector = BlazeFace("back", threads=os.cpu_count() or 1)
    people = groups.read_people(args.utkface, detector, classifier)
    unseen = sum(one.male is None for one in people)
    _, probabilities = evaluate(classifier.card, int8_raw(classifier, split.photos), split)
    found = {
        "UTKFace": groups.utkface_errors(people),
        f"CelebA {split.name}": groups.celeba_errors(classifier.card, split, probabilities),
    }
    for title, errors in found.items():
        print(groups.table(title, errors))
    print(f"UTKFace: no face found in {unseen} of {len(people)} photos")
    rows = {title: [asdict(one) for one in errors] for title, errors in found.items()}
    _write_json(args.out / "groups.json", rows)


def run_scores(args: argparse.Namespace, classifier: Classifier, split: Split) -> None:
    """Print and write the means and a row and a chart per attribute."""
    names = classifier.card.names
    model = load_float(args.keras_file, len(names)) if args.keras_file else None
    raw = float_raw(model, split.photos) if model else int8_raw(classifier, split.photos)
    scores, probabilities = evaluate(classifier.card, raw, split)
    print(f"{'float' if model else 'int8'}, {split.name}\n{table(scores)}")
    about = {
        "model": str(args.keras_file or args.model),
        "sha256": "" if model else classifier.card.sha256,
        "kind": "float" if model else "int8",
        "split": split.name,
    }
    write_report(args.out, about, scores, split, probabilities)
    print(
        f"report: {args.out / 'report.json'}, charts: {args.out / 'attributes.png'}, "
        f"{args.out / 'attributes'}/"
    )


def main(argv: list[str] | None = None) -> None:
    parser = Parser("train.evaluate", __doc__)
    add = parser.add_argument
    add("--model", type=Path, default=Path("models/attributes.json"), metavar="CARD")
    add("--data", type=Path, help="CelebA's folder; needed for all but --photos")
    add("--split", choices=SPLITS, default="test")
    add("--float", type=Path, dest="keras_file", metavar="FILE.keras", help="score this instead")
    add("--sweep", choices=sweep.SWEEPS, help="stress the device's path with re-rendered photos")
    add("--coverage", action="store_true", help="what the limits of what is told refuse")
    add("--photos", type=Path, metavar="DIR", help="score whole photos, with a labels.csv")
    add("--groups", action="store_true", help="error by gender, age and race")
    add("--utkface", type=Path, help="UTKFace's folder, for --groups (default: beside --data)")
    add("--out", type=Path, help="folder for reports and charts (default out/evaluate-SPLIT)")
    add(
        "--limit",
        type=int,
        default=0,
        metavar="N",
        help="only N photos (default all; a sweep 300, the coverage 1500)",
    )
    args = parser.parse_args(argv)
    modes = [one for one in (args.sweep, args.groups, args.coverage, args.photos) if one]
    if len(modes) > 1:
        raise UsageError("--sweep, --groups, --coverage and --photos: one at a time")
    if args.keras_file and modes:
        raise UsageError("--float scores a split; the other ways run the device's int8 model")
    if not (args.data or args.photos):
        raise UsageError("no photos to score", "Give --data CELEBA, or --photos DIR")
    what = args.photos.resolve().name if args.photos else args.split
    args.out = args.out or Path("out") / f"evaluate-{what}"
    classifier = Classifier(args.model, threads=os.cpu_count() or 1)
    with disk_faults(f"cannot write the report to {args.out}", "Free the disk, or give --out"):
        args.out.mkdir(parents=True, exist_ok=True)
        if args.photos:
            run_photos(args, classifier)
        else:
            run_on_celeba(args, classifier)


def run_on_celeba(args: argparse.Namespace, classifier: Classifier) -> None:
    """Read CelebA and do what the flags ask for with the split they name."""
    args.utkface = args.utkface or args.data.parent / "utkface"
    data = read_data(args.data)
    print(left_out_line(data))
    if not set(classifier.card.names) <= set(data.attributes):
        raise UsageError(f"{args.model} has other attributes than {args.data}")
    split = with_attributes(data.splits[args.split], classifier.card.names)
    if not (args.sweep or args.coverage):  # those spread theirs over the split
        split = first(split, args.limit)
    if not len(split):
        raise DataError(f"no {args.split} photo in {args.data}")
    if args.sweep:
        run_sweep(args, classifier, split)
    elif args.coverage:
        run_coverage(args, classifier, split)
    elif args.groups:
        run_groups(args, classifier, split)
    else:
        run_scores(args, classifier, split)


def _write_json(path: Path, record) -> None:
    path.write_text(json.dumps(record, indent=2, allow_nan=False) + "\n")


if __name__ == "__main__":
    exit_with(main)
