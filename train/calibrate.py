"""Show what calibration and thresholds give on validation photos.

    python -m train.calibrate --model models/attributes.json --data ../shared/data/celeba

Two minutes. Prints, for a converted model, what each way to calibrate and each weight of balanced
accuracy gives on validation photos; train.convert is what writes a card.
"""

from pathlib import Path

import numpy as np

from device.attributes.classifier import Classifier, calibrated
from device.cli.command import Parser, exit_with
from train.celeba import DataError, read_celeba
from train.data.select import spread
from train.measuring.calibration import (
    TRAINING_PHOTOS,
    WEIGHTS,
    Seen,
    costs_threshold,
    operating_point,
    platt,
)
from train.measuring.metrics import score
from train.measuring.outputs import int8_raw


def report(names: tuple[str, ...], val: Seen, train: Seen, prevalence: np.ndarray) -> list[str]:
    """Return the lines that `main` prints."""
    half = np.full(len(names), 0.5)
    share = val.labels.mean(axis=0)
    ways = {
        "as they are": val.raw,
        "Platt": calibrated(val.raw, *platt(val, train, share)),
        "Platt, training prevalence": calibrated(val.raw, *platt(val, train, prevalence)),
    }
    lines = ["calibration error on validation photos"]
    for way, probabilities in ways.items():
        error = score(names, val.labels, probabilities, half).means()["calibration_error"]
        lines.append(f"{way:28}{error:8.4f}")
    *_, kept = operating_point(val, train, prevalence)
    lines.append(f"{'weight':8}{'accuracy':>10}{'balanced':>10}{'macro-F1':>10}")
    for weight in WEIGHTS:
        means = score(names, val.labels, probabilities, costs_threshold(prevalence, weight)).means()
        figures = (means["accuracy"], means["balanced_accuracy"], means["macro_f1"])
        chosen = "  <- kept" if weight == kept else ""
        lines.append(f"{weight:<8g}" + "".join(f"{one:10.4f}" for one in figures) + chosen)
    return lines


def main(argv: list[str] | None = None) -> None:
    parser = Parser("train.calibrate", __doc__)
    parser.add_argument("--model", type=Path, default="models/attributes.json", metavar="CARD")
    parser.add_argument("--data", type=Path, required=True, help="CelebA's folder")
    args = parser.parse_args(argv)
    classifier, data = Classifier(args.model, threads=2), read_celeba(args.data)
    val, train = data.splits["val"], data.splits["train"]
    if not (len(val) and len(train)):
        raise DataError(f"no validation or no training photo in {args.data}")
    some = spread(train, TRAINING_PHOTOS)
    seen = [Seen(int8_raw(classifier, one.photos), one.labels) for one in (val, some)]
    print("\n".join(report(classifier.card.names, *seen, train.labels.mean(axis=0))))


if __name__ == "__main__":
    exit_with(main)
