"""Measure how often a model is right for faces that are turned so far, on CelebA's own photos.

    python -m train.tools.turned --data ../shared/data/celeba                  # val, 2 min
    python -m train.tools.turned --data ../shared/data/celeba --split train --limit 9000

Prints a Markdown table: the mean accuracy over the attributes by the distance of the landmarks from
a frontal face's, which `max_turn` limits. Faces are found and cut out as on the device.
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
from tqdm import tqdm

from device.analyzer import FaceAnalyzer, largest
from device.attributes.classifier import Classifier
from device.cli.command import Parser, count, exit_with
from device.faces.align import AlignError
from device.faces.blazeface import BlazeFace
from device.faces.quality import pose_error
from device.faces.quality_gate import NO_LIMITS
from device.settings import FacesSettings
from train.data.crops import with_border
from train.data.match import match_data
from train.data.open import read_data
from train.data.select import sample_evenly
from train.data.split import SPLITS, Split
from train.data.unreadable import check_any, photo_or_none
from train.evaluation.intervals import interval_text, photo_mean_interval
from train.evaluation.robustness import share_correct

BOUNDS = (0.0, 0.08, 0.12, 0.15, 0.18, 0.22, 0.25, 0.3, 0.4, np.inf)  # eye distances


def turns_and_accuracies(
    split: Split, analyzer: FaceAnalyzer, classifier: Classifier
) -> Iterator[tuple[float, float]]:
    """Yield pose error and accuracy, 0..1, of each photo's largest face, if it has one."""
    for row, path in enumerate(tqdm(split.photos, desc=split.name, unit="photo", leave=False)):
        photo = photo_or_none(path)
        face = None if photo is None else largest(analyzer.analyze(with_border(photo)))
        if face is None or face.probabilities.array is None:
            continue
        try:
            turn = pose_error(face.landmarks, analyzer.geometry.template_array)
        except AlignError:  # eyes a few pixels apart
            continue
        yield turn, share_correct(face.probabilities.array, split.labels[row], classifier)


def table(values: np.ndarray) -> list[str]:
    """Return the rows of a table for (faces, 2) pose errors and accuracies."""
    limit = FacesSettings().max_turn
    lines = ["| distance, eye distances | faces | accuracy | classified |", "|---|---|---|---|"]
    for low, high in pairwise(BOUNDS):
        accuracies = values[(values[:, 0] >= low) & (values[:, 0] < high), 1]
        if not len(accuracies):
            continue
        shown = f"{accuracies.mean():.3f}"
        if len(accuracies) > 1:
            shown += f" ({interval_text(photo_mean_interval(accuracies), 3)})"
        name = f"{low:g} to {high:g}" if high < np.inf else f"from {low:g}"
        lines.append(f"| {name} | {len(accuracies)} | {shown} | {'yes' if low < limit else 'no'} |")
    return lines


def main(argv: list[str] | None = None) -> None:
    parser = Parser("train.tools.turned", __doc__ or "")
    add = parser.add_argument
    add("--data", required=True, type=Path, help="CelebA's folder")
    add("--split", default="val", choices=SPLITS, help="(default %(default)s)")
    add("--model", type=Path, default=Path("models/attributes.json"), metavar="CARD")
    add("--limit", type=count, default=0, metavar="N", help="only N photos, evenly over the split")
    args = parser.parse_args(argv)
    classifier = Classifier(args.model)
    data = match_data(read_data(args.data), classifier.card.names, args.data, args.model)
    split = sample_evenly(data.splits[args.split], args.limit)
    analyzer = FaceAnalyzer(BlazeFace(), NO_LIMITS, classifier)
    values = np.array(list(turns_and_accuracies(split, analyzer, classifier))).reshape(-1, 2)
    check_any(len(values), split)
    print("\n".join(table(values[~np.isnan(values[:, 1])])))


if __name__ == "__main__":
    exit_with(main)
