"""Choose, on validation photos, what a raw output means and from where on an attribute is said.

    python -m train.calibrate --model models/attributes.json --data ../shared/data/celeba

A minute. Prints, for a converted model, what each way to calibrate and each weight of balanced
accuracy gives on validation photos; train.convert is what writes a card.
"""

from pathlib import Path

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from device.attributes.classifier import HALF_STEP, Classifier, calibrated
from device.command import Parser, exit_with
from train.celeba import DataError, read_celeba
from train.measuring.metrics import score
from train.measuring.outputs import int8_raw

# Photos needed on either side for a line through them; below that outputs are taken as they are.
FEWEST = 10
# How much mean accuracy on validation photos the thresholds may cost for the rare attributes' sake.
ACCURACY_GIVEN_UP = 0.0025
WEIGHTS = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.7, 1.0)


def platt(
    raw: np.ndarray, labels: np.ndarray, prevalence: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return (slope, offset), each (attributes,): Platt (1999) on the raw outputs' logits.

    Slopes that few photos tell are drawn towards the attributes' common one. The offset is moved
    from these photos' share of each attribute to `prevalence`, that of the many more training
    photos. CelebA's splits differ in some shares by more than chance (Big Lips: 0.22 of the
    training, 0.12 of the validation photos), and a probability can suit only one; the larger sample
    is the better guess at the next one. Source: Saerens et al. (2002).
    """
    raw = np.clip(raw, HALF_STEP, 1 - HALF_STEP)
    logits = np.log(raw / (1 - raw))
    slope, offset = np.ones(labels.shape[1]), np.zeros(labels.shape[1])
    known = np.flatnonzero(np.minimum(labels.sum(axis=0), (1 - labels).sum(axis=0)) >= FEWEST)
    fits = [_slope(logits[:, i], labels[:, i]) for i in known]
    # A falling line would say that the network is wrong more often than right: do not trust it.
    usable = [(i, fit) for i, fit in zip(known, fits, strict=True) if fit[0] > 0.05]
    if not usable:
        return slope, offset
    slopes, variances = np.array([fit for _, fit in usable]).T
    for (i, _), steady in zip(usable, shrunk(slopes, variances), strict=True):
        slope[i] = steady
        share, other = labels[:, i].mean(), min(max(prevalence[i], 1e-3), 1 - 1e-3)
        move = np.log(other / (1 - other)) - np.log(share / (1 - share))
        offset[i] = _offset(steady * logits[:, i], share) + move
    return slope, offset


def shrunk(values: np.ndarray, variances: np.ndarray) -> np.ndarray:
    """Return estimates drawn towards their mean, the more the less is known of each.

    Empirical Bayes: how far the true values differ is what is left of the estimates' spread when
    their own variances are taken off. Source: DerSimonian and Laird (1986).
    """
    weights = 1 / variances
    mean = np.average(values, weights=weights)
    spread = float((weights * (values - mean) ** 2).sum()) - (len(values) - 1)
    scale = weights.sum() - (weights**2).sum() / weights.sum()
    between = max(0.0, spread / scale) if scale > 0 else 0.0
    mean = np.average(values, weights=1 / (variances + between))
    return mean + (values - mean) * between / (between + variances)


def _slope(logit: np.ndarray, label: np.ndarray) -> tuple[float, float]:
    """Return a logistic line's slope and its variance."""
    fitted = LogisticRegression(C=100.0).fit(logit[:, None], label)
    p = fitted.predict_proba(logit[:, None])[:, 1]
    weight = p * (1 - p)
    centred = logit - np.average(logit, weights=weight)
    return float(fitted.coef_[0, 0]), float(1 / max((weight * centred**2).sum(), 1e-9))


def _offset(logit: np.ndarray, share: float) -> float:
    """Return what must be added to logits for their mean probability to be `share`."""
    return brentq(lambda b: float(expit(logit + b).mean()) - share, -30.0, 30.0)


def costs_threshold(prevalence: np.ndarray, weight: float) -> np.ndarray:
    """Return the thresholds that maximise accuracy + weight * balanced accuracy, in expectation.

    For calibrated probabilities the best threshold is fp / (fp + fn), where fp and fn are what a
    false yes and a false no cost: 1 each in accuracy, and weight / 2 over the class's share in
    balanced accuracy. One number for all attributes cannot be tuned to the luck of a few photos.
    """
    share = np.clip(prevalence, 1e-3, 1 - 1e-3)
    false_yes = 1 + weight / (2 * (1 - share))
    false_no = 1 + weight / (2 * share)
    return false_yes / (false_yes + false_no)


def operating_point(
    raw: np.ndarray, labels: np.ndarray, prevalence: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Return (slope, offset, thresholds, weight) for raw validation outputs and their labels.

    Takes the largest weight on balanced accuracy that costs at most ACCURACY_GIVEN_UP.
    """
    slope, offset = platt(raw, labels, prevalence)
    probabilities = calibrated(raw, slope, offset)

    def accuracy(weight: float) -> float:
        said = probabilities >= costs_threshold(prevalence, weight)
        return float((said == labels).mean())

    allowed = accuracy(0.0) - ACCURACY_GIVEN_UP
    weight = max(w for w in WEIGHTS if accuracy(w) >= allowed)
    return slope, offset, costs_threshold(prevalence, weight), weight


def report(
    names: tuple[str, ...], raw: np.ndarray, labels: np.ndarray, prevalence: np.ndarray
) -> list[str]:
    """Return the lines that `main` prints."""
    half = np.full(len(names), 0.5)
    ways = {
        "as they are": raw,
        "Platt": calibrated(raw, *platt(raw, labels, labels.mean(axis=0))),
        "Platt, training prevalence": calibrated(raw, *platt(raw, labels, prevalence)),
    }
    lines = ["calibration error on validation photos"]
    for way, probabilities in ways.items():
        error = score(names, labels, probabilities, half).means()["calibration_error"]
        lines.append(f"{way:28}{error:8.4f}")
    *_, kept = operating_point(raw, labels, prevalence)
    lines.append(f"{'weight':8}{'accuracy':>10}{'balanced':>10}{'macro-F1':>10}")
    for weight in WEIGHTS:
        means = score(names, labels, probabilities, costs_threshold(prevalence, weight)).means()
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
    raw = int8_raw(classifier, val.photos)
    print("\n".join(report(classifier.card.names, raw, val.labels, train.labels.mean(axis=0))))


if __name__ == "__main__":
    exit_with(main)
