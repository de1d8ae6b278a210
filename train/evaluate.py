"""Evaluate a model.

    python -m train.evaluate scores --data DIR --split test            # a minute for 2,250 photos
    python -m train.evaluate scores --data DIR --float RUN/model.keras # the Keras model
    python -m train.evaluate sweep tilt --data DIR     # turn, size, light, blur, faces; 2 minutes
    python -m train.evaluate rejection --data DIR      # effect of --min-face, --min-sharpness, ...
    python -m train.evaluate fairness --data DIR       # error by group; needs UTKFace beside DIR
    python -m train.evaluate photos DIR                # whole photos and a labels.csv
    python -m train.evaluate real-world DIR RUN RUN    # these, tilted, small; without a detector

`--model CARD` selects another model than models/attributes.json; sweep and photos also take a run's
folder, its model.keras or its int8.tflite. Each prints a table and writes to --out: scores writes
report.json, attributes.png (all attributes) and attributes/NAME.png (curves of each); the others
write a .json of their name, and sweep, rejection and fairness a chart too.
"""

import argparse
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from device.attributes.classifier import Classifier
from device.cli.command import Parser, SubcommandParser, count, exit_with
from device.errors import UsageError, disk_faults
from device.faces.blazeface import BlazeFace
from device.faces.quality_gate import quality_limits
from device.models import load_verifier
from device.settings import FacesSettings, Settings
from train.data.match import match_data
from train.data.open import read_data
from train.data.select import head, sample_evenly
from train.data.split import CHECK_DATA, SPLITS, DataError, Split, left_out_line
from train.data.unreadable import unreadable, unreadable_line
from train.evaluation import (
    end_to_end,
    fairness,
    fairness_text,
    real_world,
    rejection,
    robustness,
)
from train.evaluation.float_model import load_matched
from train.evaluation.labelled_people import read_people
from train.evaluation.metrics import without_nan
from train.evaluation.model_file import load_model, model_name
from train.evaluation.predictions import predict_float, predict_int8, score_predictions
from train.evaluation.scores_report import intervals_line, scores_table, write_scores
from train.evaluation.without_detector import WholePhotos
from train.tools.markers import fill_markers

SWEEP_PHOTOS, REJECTION_PHOTOS, TILTED_PHOTOS = 300, 1500, 200


def make_parser() -> Parser:
    """Return the command's parser, with a subcommand per evaluation."""
    parser = Parser("train.evaluate", __doc__)
    commands = parser.add_subparsers(
        dest="command", required=True, metavar="COMMAND", parser_class=SubcommandParser
    )

    def command(name: str, summary: str, model: bool = True) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=summary, description=summary)
        add = sub.add_argument
        if model:
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
    photos.add_argument(
        "--without-detector", action="store_true", help="the whole photo is the network's input"
    )
    _add_real_world(command("real-world", "models with and without the detector", model=False))
    return parser


def _add_real_world(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("folder", type=Path, metavar="DIR", help="photos and a labels.csv")
    add("models", type=Path, nargs="+", metavar="MODEL", help="a card, a run or a file of a run")
    add("--limit", type=count, default=0, metavar="N", help="photos (default: all)")
    summary = f"photos that are tilted and reduced (default {TILTED_PHOTOS})"
    add("--sweep-photos", type=count, default=TILTED_PHOTOS, metavar="N", help=summary)
    add("--into", type=Path, metavar="FILE.md", help="page with <!-- real-world --> markers")


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
    """Print, write and draw the errors by group."""
    from train.evaluation.fairness_chart import chart

    card, split = classifier.card, head(split, args.limit)
    utkface = args.utkface or args.data.parent / "utkface"
    found = fairness.measure(read_people(utkface, _detector(), classifier))
    readable, raw = predict_int8(classifier.network, split, card.crop_wh)
    _, probabilities = score_predictions(card, raw, readable)
    errors = {
        "UTKFace": found.errors,
        f"CelebA {split.name}": tuple(fairness.celeba_errors(card, readable, probabilities)),
    }
    for title, rows in errors.items():
        print(fairness_text.tables(title, rows), end="\n\n")
    print("\n".join(["UTKFace", *fairness_text.summary_lines(found.summary())]))
    _print_unreadable(split, utkface)
    records = {title: [asdict(row) for row in rows] for title, rows in errors.items()}
    _write_json(out / "fairness.json", records | {"summary": found.summary()})
    chart(out / "fairness.png", found.errors)
    print(f"chart: {out / 'fairness.png'}")


def run_photos(args: argparse.Namespace, out: Path, models: dict[str, Any]) -> None:
    """Print and write a model's result on a folder of whole photos."""
    (classifier,) = models.values()
    labelled = end_to_end.read_labelled(args.folder, classifier.card.names)
    if args.without_detector:
        result = end_to_end.measure(labelled, WholePhotos(classifier), classifier)
    else:
        limits, verifier = quality_limits(FacesSettings()), load_verifier(Settings())
        result = end_to_end.evaluate(labelled, _detector(), classifier, limits, verifier)
    print(end_to_end.table(result))
    _write_json(out / "photos.json", end_to_end.record(result))


def run_real_world(args: argparse.Namespace, out: Path, models: dict[str, Any]) -> None:
    """Print and write the results of several models on whole photos; fill in --into."""
    page = args.into.read_text() if args.into else ""
    if args.into:
        fill_markers(page, "real-world", [])  # a page without markers is an error before the work
    labelled = end_to_end.read_labelled(args.folder, real_world.common_attributes(models))
    labelled = end_to_end.sample(labelled, args.limit)
    limits, verifier = quality_limits(FacesSettings()), load_verifier(Settings())
    sweeps = args.sweep_photos
    rows = real_world.measure(models, labelled, _detector(), limits, verifier, sweeps)
    _write_json(out / "real-world.json", real_world.records(rows))
    lines = real_world.tables(rows)
    print("\n".join(lines))
    if args.into:
        args.into.write_text(fill_markers(page, "real-world", lines))


RUN = {
    "scores": run_scores,
    "sweep": run_sweep,
    "rejection": run_rejection,
    "fairness": run_fairness,
}
RUN_WHOLE = {"photos": run_photos, "real-world": run_real_world}


def main(argv: list[str] | None = None) -> None:
    args = make_parser().parse_args(argv)
    whole = args.command in RUN_WHOLE
    name = args.folder.resolve().name if whole else args.split
    out = args.out or Path("out") / f"evaluate-{name}"
    models = _load(args)
    with disk_faults(f"cannot write the report to {out}", "free disk space, or another --out"):
        out.mkdir(parents=True, exist_ok=True)
        if whole:
            RUN_WHOLE[args.command](args, out, models)
        else:
            (classifier,) = models.values()
            RUN[args.command](args, out, classifier, _read_split(args, classifier))


def _load(args: argparse.Namespace) -> dict[str, Any]:
    """Return {name: model} of a command's models; two of a name are a UsageError."""
    threads = os.cpu_count() or 1
    if args.command not in (*RUN_WHOLE, "sweep"):
        return {model_name(args.model): Classifier(args.model, threads)}
    paths = args.models if args.command == "real-world" else [args.model]
    if len(set(map(model_name, paths))) < len(paths):
        raise UsageError("two models have the same name", "copies with other names")
    return {model_name(path): load_model(path, threads) for path in paths}


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
