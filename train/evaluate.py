"""Score a model on a split of CelebA.

    python -m train.evaluate --model models/attributes.json --data DIR --split test
    python -m train.evaluate --model models/attributes.json --float RUN/model.keras --data DIR

A minute for 2,250 photos. Prints the means and a row per attribute; leaves report.json,
attributes.png (all attributes in one chart) and attributes/NAME.png (each one's curves) in --out.
"""

import json
import os
from pathlib import Path

import numpy as np

from device.attributes.card import Card
from device.attributes.classifier import Classifier, calibrated
from device.command import Parser, exit_with
from device.errors import FacetError, UsageError
from train.celeba import SPLITS, DataError, Split, left_out_line, read_celeba
from train.charts import attribute_chart, overview_chart
from train.fit import first
from train.metrics import Scores, score
from train.outputs import float_raw, int8_raw, load_float


def evaluate(card: Card, raw: np.ndarray, split: Split) -> tuple[Scores, np.ndarray]:
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


def write_report(out: Path, scores: Scores, split: Split, probabilities: np.ndarray) -> None:
    """Write report.json and the charts."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.json").write_text(json.dumps(scores.to_dict(), indent=2) + "\n")
    overview_chart(out / "attributes.png", scores)
    (out / "attributes").mkdir(exist_ok=True)
    for i, one in enumerate(scores.attributes):
        path = out / "attributes" / f"{one.name}.png"
        attribute_chart(path, one, split.labels[:, i], probabilities[:, i])


def main(argv: list[str] | None = None) -> None:
    parser = Parser("train.evaluate", __doc__)
    add = parser.add_argument
    add("--model", type=Path, default=Path("models/attributes.json"), metavar="CARD")
    add("--data", type=Path, required=True, help="CelebA's folder")
    add("--split", choices=SPLITS, default="test")
    add("--float", type=Path, dest="keras_file", metavar="FILE.keras", help="score this instead")
    add("--out", type=Path, help="folder for report and charts (default out/evaluate-SPLIT)")
    add("--limit", type=int, default=0, metavar="N", help="only the first N photos")
    args = parser.parse_args(argv)
    out = args.out or Path("out") / f"evaluate-{args.split}"
    classifier = Classifier(args.model, threads=os.cpu_count() or 1)
    data = read_celeba(args.data)
    if classifier.card.names != data.attributes:
        raise UsageError(f"{args.model} has other attributes than {args.data}")
    split = first(data.splits[args.split], args.limit)
    if not len(split):
        raise DataError(f"no {args.split} photo in {args.data}")
    model = load_float(args.keras_file, len(data.attributes)) if args.keras_file else None
    raw = float_raw(model, split.photos) if model else int8_raw(classifier, split.photos)
    scores, probabilities = evaluate(classifier.card, raw, split)
    print(f"{'float' if model else 'int8'}, {args.split}; {left_out_line(data)}\n{table(scores)}")
    try:
        write_report(out, scores, split, probabilities)
    except OSError as error:
        raise FacetError(f"cannot write the report to {out}: {error}") from error
    print(f"report: {out / 'report.json'}, charts: {out / 'attributes.png'}, {out / 'attributes'}/")


if __name__ == "__main__":
    exit_with(main)
