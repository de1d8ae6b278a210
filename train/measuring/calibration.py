"""Calibrate: find what a raw output means, and from where on an attribute is said."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from device.attributes.classifier import HALF_STEP, calibrated

TRAINING_PHOTOS = 40_000  # whose outputs are looked at, at most; more tell nothing new
# Photos needed on either side for a line through them; below that outputs are taken as they are.
FEWEST = 10
# A flatter line, or a falling one, would say that the network is hardly right: it is not trusted.
FLATTEST = 0.05
# How much mean accuracy on validation photos the thresholds may cost for the rare attributes' sake.
ACCURACY_GIVEN_UP = 0.0025
WEIGHTS = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.7, 1.0)


@dataclass(frozen=True)
class Seen:
    """What a model says of photos before calibration, and what they show."""

    raw: np.ndarray  # float32 (photos, attributes), 0..1
    labels: np.ndarray  # (photos, attributes), 0 or 1

    def logits(self) -> np.ndarray:
        """Return the raw outputs' log-odds, (photos, attributes)."""
        raw = np.clip(self.raw, HALF_STEP, 1 - HALF_STEP)
        return np.log(raw / (1 - raw))


def platt(val: Seen, train: Seen, prevalence: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (slope, offset), each (attributes,): Platt (1999) on the raw outputs' logits.

    The lines are those of the validation photos. What few of these tell is drawn towards the
    lines of the training photos (empirical Bayes), which are steeper, for a network errs less
    where it was taught, but by much the same factor for all attributes. The offset is moved from
    the validation photos' share of each attribute to `prevalence`, that of all training photos:
    CelebA's splits differ in some shares by more than chance (Big Lips: 0.22 of the training, 0.12
    of the validation photos), and a probability can suit only one; the larger sample is the better
    guess at the next one. Source of that move: Saerens et al. (2002).
    """
    logits, taught = val.logits(), train.logits()
    slope, offset = np.ones(logits.shape[1]), np.zeros(logits.shape[1])
    lines = {i: _slopes(i, logits, val, taught, train) for i in range(logits.shape[1])}
    known = np.array([i for i, line in lines.items() if line], int)
    if not len(known):
        return slope, offset
    own, variances, theirs = np.array([lines[i] for i in known]).T
    slope[known] = theirs * shrunk(own / theirs, variances / theirs**2)
    share, seen = val.labels.mean(axis=0), train.labels.mean(axis=0)
    own, variances = np.array([_offset(slope[i] * logits[:, i], share[i]) for i in known]).T
    theirs = np.array([_offset(slope[i] * taught[:, i], seen[i])[0] for i in known])
    move = _log_odds(prevalence[known]) - _log_odds(share[known])
    offset[known] = theirs + shrunk(own - theirs, variances) + move
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


def _slopes(
    i: int, logits: np.ndarray, val: Seen, taught: np.ndarray, train: Seen
) -> tuple[float, float, float] | None:
    """Return an attribute's slope, its variance, and the training photos' slope; None without."""
    if min(_rarer(val.labels[:, i]), _rarer(train.labels[:, i])) < FEWEST:
        return None
    (own, variance), (theirs, _) = (
        _slope(logits[:, i], val.labels[:, i]),
        _slope(taught[:, i], train.labels[:, i]),
    )
    return (own, variance, theirs) if min(own, theirs) > FLATTEST else None


def _rarer(label: np.ndarray) -> int:
    return int(min(label.sum(), (1 - label).sum()))


def _log_odds(share: np.ndarray) -> np.ndarray:
    share = np.clip(share, 1e-3, 1 - 1e-3)
    return np.log(share / (1 - share))


def _slope(logit: np.ndarray, label: np.ndarray) -> tuple[float, float]:
    """Return a logistic line's slope and its variance."""
    fitted = LogisticRegression(C=100.0).fit(logit[:, None], label)
    p = fitted.predict_proba(logit[:, None])[:, 1]
    weight = p * (1 - p)
    centred = logit - np.average(logit, weights=weight)
    return float(fitted.coef_[0, 0]), float(1 / max((weight * centred**2).sum(), 1e-9))


def _offset(logit: np.ndarray, share: float) -> tuple[float, float]:
    """Return what makes `share` the mean probability of logits when added, and its variance."""
    offset = brentq(lambda b: float(expit(logit + b).mean()) - share, -30.0, 30.0)
    p = expit(logit + offset)
    return offset, float(1 / max((p * (1 - p)).sum(), 1e-9))


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
    val: Seen, train: Seen, prevalence: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Return (slope, offset, thresholds, weight) for what a model says of both splits.

    prevalence: share of all training photos that have each attribute. Takes the largest weight on
    balanced accuracy that costs at most ACCURACY_GIVEN_UP.
    """
    slope, offset = platt(val, train, prevalence)
    probabilities = calibrated(val.raw, slope, offset)

    def accuracy(weight: float) -> float:
        said = probabilities >= costs_threshold(prevalence, weight)
        return float((said == val.labels).mean())

    allowed = accuracy(0.0) - ACCURACY_GIVEN_UP
    weight = max(w for w in WEIGHTS if accuracy(w) >= allowed)
    return slope, offset, costs_threshold(prevalence, weight), weight
