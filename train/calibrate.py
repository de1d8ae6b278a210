"""Compare calibrations and thresholds of a converted model on validation photos.

    python -m train.calibrate --model models/attributes.json --data ../shared/data/celeba

Two minutes. Prints the calibration error of each method, and the metrics for each weight of
balanced accuracy. It writes nothing: train.convert writes cards.
"""

from pathlib import Path

import numpy as np

from device.attributes.classifier import Classifier, calibrated
from device.cli.command import Parser, exit_with
from train.data.match import match_data
from train.data.open import read_data
from train.data.select import sample_evenly
from train.data.split import CHECK_DATA, DataError, prevalence_of
from train.data.unreadable import unreadable_line
from train.evaluation.calibration import (
    TRAINING_PHOTOS,
    WEIGHTS,
    cost_thresholds,
    fit_platt,
    operating_point,
)
from train.evaluation.metrics import score
from train.evaluation.predictions import Predictions, predict_int8


def report(
    names: tuple[str, ...], val: Predictions, train: Predictions, prevalence: np.ndarray
) -> list[str]:
    """Return the lines that the command prints."""
    half = np.full(len(names), 0.5)
    share = prevalence_of(val.labels)
    methods = {
        "none": val.raw,
        "Platt": calibrated(val.raw, *fit_platt(val, train, share)),
        "Platt, training prevalence": calibrated(val.raw, *fit_platt(val, train, prevalence)),
    }
    lines = ["calibration error on validation photos"]
    for method, probabilities in methods.items():
        error = score(names, val.labels, probabilities, half).means()["calibration_error"]
        lines.append(f"{method:28}{error:8.4f}")
    *_, chosen = operating_point(val, train, prevalence)
    lines.append(f"{'weight':8}{'accuracy':>10}{'balanced':>10}{'macro-F1':>10}")
    for weight in WEIGHTS:
        means = score(names, val.labels, probabilities, cost_thresholds(prevalence, weight)).means()
        metrics = (means["accuracy"], means["balanced_accuracy"], means["macro_f1"])
        mark = "  <- chosen" if weight == chosen else ""
        lines.append(f"{weight:<8g}" + "".join(f"{value:10.4f}" for value in metrics) + mark)
    return lines


def main(argv: list[str] | None = None) -> None:
    parser = Parser("train.calibrate", __doc__)
    parser.add_argument("--model", type=Path, default="models/attributes.json", metavar="CARD")
    parser.add_argument("--data", type=Path, required=True, help="CelebA's folder, or own photos")
    args = parser.parse_args(argv)
    classifier = Classifier(args.model, threads=2)
    data = match_data(read_data(args.data), classifier.card.names, args.data, args.model)
    val, train = data.splits["val"], data.splits["train"]
    if not (len(val) and len(train)):
        raise DataError(f"no validation or no training photo in {args.data}", CHECK_DATA)
    network, crop_wh = classifier.network, classifier.card.crop_wh
    predicted = (
        predict_int8(network, split, crop_wh)
        for split in (val, sample_evenly(train, TRAINING_PHOTOS))
    )
    val_predictions, train_predictions = (
        Predictions(raw, readable.labels) for readable, raw in predicted
    )
    prevalence = train.prevalence()
    lines = report(classifier.card.names, val_predictions, train_predictions, prevalence)
    if line := unreadable_line(train, val):
        lines.append(line)
    print("\n".join(lines))


if __name__ == "__main__":
    exit_with(main)
