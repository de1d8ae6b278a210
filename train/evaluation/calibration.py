"""Calibration of raw outputs to probabilities, and the choice of thresholds."""

from dataclasses import dataclass

import numpy as np

from device.attributes.classifier import calibrated
from train.data.split import UNKNOWN, prevalence_of
from train.evaluation.metrics import share_correct
from train.evaluation.predictions import Predictions

TRAINING_PHOTOS = 40_000  # used at most; more change nothing
# Photos needed of either class to fit a line; with fewer, outputs are not calibrated.
MIN_PHOTOS = 10
# A flatter or falling line would mean that the network is hardly better than chance: not used.
MIN_SLOPE = 0.05
# A steeper line, of an attribute that few photos separate without an error, is no estimate.
MAX_SLOPE = 10.0
# An offset beyond it would mean that the outputs are alike, and only noise was fitted: not used.
MAX_OFFSET = 20.0
# Mean accuracy on validation photos that the thresholds may cost in favour of rare attributes.
MAX_ACCURACY_LOSS = 0.003
WEIGHTS = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.7, 1.0)


@dataclass(frozen=True)
class _SlopeFit:
    """The slopes of one attribute on validation and training photos."""

    val: float
    variance: float  # of val
    train: float


def fit_platt(
    val: Predictions, train: Predictions, prevalence: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return (slope, offset), each (attributes,): Platt scaling (1999) of the raw outputs' logits.

    The lines are fitted to validation photos. Uncertain slopes are shrunk towards those of the
    training photos (empirical Bayes), which are steeper, because a network errs less on its
    training photos, but by a similar factor for all attributes. The offset is moved from the
    attribute's share of the validation photos to `prevalence`, that of all training photos:
    CelebA's splits differ in some shares by more than chance (Big Lips: 0.22 of the training, 0.12
    of the validation photos), and the larger sample is the better estimate. Source of that move:
    Saerens et al. (2002). Photos whose label is unknown do not count.
    """
    val_logits, train_logits = val.logits(), train.logits()
    slope, offset = np.ones(val_logits.shape[1]), np.zeros(val_logits.shape[1])
    fits = {
        i: fit
        for i in range(len(slope))
        if (fit := _fit_slopes(i, val, val_logits, train, train_logits))
    }
    known = np.array(list(fits), int)
    if not len(known):
        return slope, offset
    val_slope, variance, train_slope = np.array(
        [(fit.val, fit.variance, fit.train) for fit in fits.values()]
    ).T
    slope[known] = train_slope * shrink(val_slope / train_slope, variance / train_slope**2)
    slope = np.minimum(slope, MAX_SLOPE)
    val_share, train_share = prevalence_of(val.labels), prevalence_of(train.labels)

    def offsets(predictions: Predictions, logits: np.ndarray, share: np.ndarray) -> np.ndarray:
        lines = ((slope[i] * _known(predictions, logits, i)[0], share[i]) for i in known)
        return np.array([_fit_offset(*line) for line in lines]).T

    val_offset, variance = offsets(val, val_logits, val_share)
    train_offset, _ = offsets(train, train_logits, train_share)
    move = _log_odds(prevalence[known]) - _log_odds(val_share[known])
    offset[known] = train_offset + shrink(val_offset - train_offset, variance) + move
    unusable = ~(np.isfinite(slope) & np.isfinite(offset) & (np.abs(offset) <= MAX_OFFSET))
    slope[unusable], offset[unusable] = 1.0, 0.0
    return slope, offset


def shrink(values: np.ndarray, variances: np.ndarray) -> np.ndarray:
    """Return estimates shrunk towards their mean, more for larger variances.

    Empirical Bayes: the variance of the true values is that of the estimates less their own.
    Source: DerSimonian and Laird (1986).
    """
    weights = 1 / variances
    mean = np.average(values, weights=weights)
    excess = float((weights * (values - mean) ** 2).sum()) - (len(values) - 1)
    scale = weights.sum() - (weights**2).sum() / weights.sum()
    between = max(0.0, excess / scale) if scale > 0 else 0.0
    mean = np.average(values, weights=1 / (variances + between))
    return mean + (values - mean) * between / (between + variances)


def _fit_slopes(
    i: int,
    val: Predictions,
    val_logits: np.ndarray,
    train: Predictions,
    train_logits: np.ndarray,
) -> _SlopeFit | None:
    """Return the slopes of attribute `i`, or None if there are too few photos or they are flat."""
    val_known, train_known = _known(val, val_logits, i), _known(train, train_logits, i)
    if min(_minority(val_known[1]), _minority(train_known[1])) < MIN_PHOTOS:
        return None
    val_slope, variance = _fit_slope(*val_known)
    train_slope, _ = _fit_slope(*train_known)
    if min(val_slope, train_slope) <= MIN_SLOPE:
        return None
    return _SlopeFit(val_slope, variance, train_slope)


def _known(predictions: Predictions, logits: np.ndarray, i: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the logits and the labels of the photos where attribute `i` is known."""
    label = predictions.labels[:, i]
    rows = label != UNKNOWN
    return logits[rows, i], label[rows]


def _minority(label: np.ndarray) -> int:
    return int(min(label.sum(), (1 - label).sum()))


def _log_odds(share: np.ndarray) -> np.ndarray:
    share = np.clip(share, 1e-3, 1 - 1e-3)
    return np.log(share / (1 - share))


def _fit_slope(logit: np.ndarray, label: np.ndarray) -> tuple[float, float]:
    """Return the slope of a logistic regression and its variance."""
    from sklearn.linear_model import LogisticRegression  # takes a second to import

    fitted = LogisticRegression(C=100.0).fit(logit[:, None], label)
    p = fitted.predict_proba(logit[:, None])[:, 1]
    weight = p * (1 - p)
    centred = logit - np.average(logit, weights=weight)
    return float(fitted.coef_[0, 0]), float(1 / max((weight * centred**2).sum(), 1e-9))


def _fit_offset(logit: np.ndarray, share: float) -> tuple[float, float]:
    """Return the offset that makes the mean probability of logits `share`, and its variance."""
    from scipy.optimize import brentq
    from scipy.special import expit

    # Steep lines of outputs near 0 or 1 give logits of 62; shares are at least 1e-3 here.
    bound = float(np.abs(logit).max()) + 30.0
    offset = brentq(lambda b: float(expit(logit + b).mean()) - share, -bound, bound)
    p = expit(logit + offset)
    return offset, float(1 / max((p * (1 - p)).sum(), 1e-9))


def cost_thresholds(prevalence: np.ndarray, weight: float) -> np.ndarray:
    """Return the thresholds that maximise accuracy + weight * balanced accuracy, in expectation.

    For calibrated probabilities the best threshold is fp / (fp + fn), where fp and fn are the costs
    of a false positive and a false negative: 1 each in accuracy, and weight / 2 over the class's
    share in balanced accuracy. One number for all attributes does not overfit a few photos.
    """
    share = np.clip(prevalence, 1e-3, 1 - 1e-3)
    false_positive = 1 + weight / (2 * (1 - share))
    false_negative = 1 + weight / (2 * share)
    return false_positive / (false_positive + false_negative)


def operating_point(
    val: Predictions, train: Predictions, prevalence: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Return (slope, offset, thresholds, weight) of a model from its predictions.

    prevalence: share of all training photos with each attribute. weight: the largest weight of
    balanced accuracy that costs at most MAX_ACCURACY_LOSS.
    """
    slope, offset = fit_platt(val, train, prevalence)
    probabilities = calibrated(val.raw, slope, offset)

    def accuracy(weight: float) -> float:
        predicted = probabilities >= cost_thresholds(prevalence, weight)
        return float(np.nan_to_num(share_correct(predicted, val.labels)))

    least = accuracy(0.0) - MAX_ACCURACY_LOSS
    weight = max(w for w in WEIGHTS if accuracy(w) >= least)
    return slope, offset, cost_thresholds(prevalence, weight), weight
