"""Fit the emoji's skin tone model and measure its accuracy.

    python -m train.tools.skin_tone --data ../shared/data/skin_tone     # ten seconds

DIR holds aligned photos and a labels.csv with columns file and fitzpatrick_type (2 to 6). Prints
the accuracy of repeated cross-validation, and writes device/emoji/skin_tone.json, fitted to all
photos, and docs/skin_tone.png, the confusion matrix.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from threadpoolctl import threadpool_limits

from device.attributes.classifier import Classifier
from device.cli.command import Parser, exit_with
from device.emoji.skin import BANDS, FEATURES, FITTED, clip_outliers, features, median
from device.settings.analysis import MODEL
from train.data.split import DataError
from train.data.tables import Conversion, read_columns, whole
from train.data.unreadable import COPY_AGAIN, crop_or_none

FOLDS, SHUFFLES = 8, 10
INVERSE_L2 = 0.3  # a weaker penalty overfits 96 photos
CHART = Path("docs/skin_tone.png")


@dataclass(frozen=True)
class Agreement:
    """Result of repeated cross-validation; a share per shuffle of the photos, 0..1."""

    exact: np.ndarray  # (shuffles,)
    within_one: np.ndarray  # (shuffles,)
    confusion: np.ndarray  # (bands, bands): mean photos per shuffle; row label, column predicted


def make_parser() -> Parser:
    """Return the command's parser."""
    parser = Parser("train.tools.skin_tone", __doc__)
    add = parser.add_argument
    add("--data", type=Path, required=True, metavar="DIR", help="photos, labels.csv")
    add("--model", type=Path, default=MODEL, metavar="CARD", help="a model card")
    add("--out", type=Path, default=FITTED, metavar="FILE.json", help="fitted model")
    add("--chart", type=Path, default=CHART, metavar="FILE.png", help="confusion matrix")
    return parser


def read_labels(folder: Path, hint: str = "--data DIR") -> tuple[list[Path], np.ndarray]:
    """Return photos and their bands, int (photos,); DataError, with `hint`, without good labels."""
    path = folder / "labels.csv"
    columns: dict[str, Conversion] = {"file": str, "fitzpatrick_type": whole}
    rows = read_columns(path, columns, hint)
    photos, bands = [folder / file for file, _ in rows], np.array([band for _, band in rows], int)
    counts = [int(np.sum(bands == band)) for band in BANDS]
    if sum(counts) != len(bands) or min(counts) < FOLDS:
        raise DataError(f"{path}: need {FOLDS} photos of each of {BANDS}, got {counts}", hint)
    return photos, bands


def model() -> Pipeline:
    """Return the model, not yet fitted."""
    logistic = LogisticRegression(C=INVERSE_L2, max_iter=5000)
    return make_pipeline(StandardScaler(), FunctionTransformer(clip_outliers), logistic)


def cross_validate(values: np.ndarray, bands: np.ndarray, shuffles: int = SHUFFLES) -> Agreement:
    """Return the agreement on held-out photos; each is predicted once per shuffle."""
    exact, within, confusion = [], [], np.zeros((len(BANDS), len(BANDS)))
    for seed in range(shuffles):
        predicted = np.zeros_like(bands)
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
        for fit_on, rest in folds.split(values, bands):
            fitted = model().fit(values[fit_on], bands[fit_on])
            predicted[rest] = BANDS[0] + median(fitted.predict_proba(values[rest]))
        exact.append(np.mean(predicted == bands))
        within.append(np.mean(abs(predicted - bands) <= 1))
        np.add.at(confusion, (bands - BANDS[0], predicted - BANDS[0]), 1 / shuffles)
    return Agreement(np.array(exact), np.array(within), confusion)


def record(fitted: Pipeline, agreement: Agreement) -> dict:
    """Return the fitted model as the device reads it, and its accuracy."""
    scaler, logistic = fitted[0], fitted[-1]
    return {
        "features": list(FEATURES),
        "bands": list(BANDS),
        "mean": scaler.mean_.round(4).tolist(),
        "scale": scaler.scale_.round(4).tolist(),
        "weights": logistic.coef_.round(4).tolist(),
        "bias": logistic.intercept_.round(4).tolist(),
        "measured": {
            "exact": round(float(agreement.exact.mean()), 3),
            "within_one": round(float(agreement.within_one.mean()), 3),
        },
    }


def chart(path: Path, agreement: Agreement) -> None:
    """Draw the confusion matrix: mean photos per shuffle."""
    figure = Figure(figsize=(5.2, 4.6), layout="constrained")
    axes = figure.subplots()
    counts = agreement.confusion
    axes.imshow(counts / counts.sum(axis=1, keepdims=True), cmap="Blues", vmin=0, vmax=1.3)
    for (row, column), count in np.ndenumerate(counts):
        axes.text(column, row, f"{count:.1f}", ha="center", va="center")
    labels = [str(band) for band in BANDS]
    axes.set_xticks(range(len(BANDS)), labels)
    axes.set_yticks(range(len(BANDS)), labels)
    axes.set(xlabel="predicted", ylabel="labelled")
    axes.set_title(
        f"Fitzpatrick band of {counts.sum():.0f} photos, cross-validated:\n"
        f"exact {agreement.exact.mean():.2f}, within one {agreement.within_one.mean():.2f}",
        fontsize=10,
    )
    figure.savefig(path, dpi=100)


def main(argv: list[str] | None = None) -> int:
    options = make_parser().parse_args(argv)
    photos, bands = read_labels(options.data)
    classifier = Classifier(options.model)
    rows, values = _read_features(photos, classifier)
    bands = bands[rows]
    # On matrices this small, waiting threads make it 100 times slower.
    with threadpool_limits(1):
        agreement = cross_validate(values, bands)
    print(f"{len(bands)} photos, {FOLDS} folds, {SHUFFLES} shuffles: mean and spread")
    print(f"exact       {agreement.exact.mean():.3f} +- {agreement.exact.std():.3f}")
    print(f"within one  {agreement.within_one.mean():.3f} +- {agreement.within_one.std():.3f}")
    fitted = model().fit(values, bands)
    options.out.write_text(json.dumps(record(fitted, agreement), indent=1) + "\n")
    chart(options.chart, agreement)
    print(f"wrote {options.out} and {options.chart}")
    return 0


def _read_features(photos: list[Path], classifier: Classifier) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of the photos that can be read, and their features."""
    crops = [crop_or_none(photo, classifier.card.crop_wh) for photo in photos]
    readable = [(row, crop) for row, crop in enumerate(crops) if crop is not None]
    if not readable:
        raise DataError(f"none of {len(photos)} photos can be read", COPY_AGAIN)
    rows = np.array([row for row, _ in readable])
    return rows, np.array([_features(crop, classifier) for _, crop in readable])


def _features(crop: np.ndarray, classifier: Classifier) -> np.ndarray:
    probabilities = classifier.classify(crop)
    return features(crop, classifier.geometry.template_array, classifier.card.names, probabilities)


if __name__ == "__main__":
    exit_with(main)
