import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.attributes.classifier import calibrated
from train.calibrate import report
from train.evaluation.calibration import (
    WEIGHTS,
    cost_thresholds,
    fit_platt,
    operating_point,
    shrink,
)
from train.evaluation.metrics import calibration_error, score
from train.evaluation.predictions import Predictions


def test_figures_worked_out_by_hand():
    # Four photos: right yes, missed yes, right no, false yes.
    labels = np.array([[1], [1], [0], [0]])
    probabilities = np.array([[0.9], [0.2], [0.1], [0.7]])
    (one,) = score(("Hat",), labels, probabilities, np.array([0.5])).attributes
    assert (one.accuracy, one.balanced_accuracy, one.support) == (0.5, 0.5, 2)
    assert (one.precision, one.recall, one.f1) == (0.5, 0.5, 0.5)
    assert one.auc == 0.75  # of four pairs of a yes and a no, three are in order


def test_an_attribute_nobody_has_leaves_the_other_means_alone():
    labels = np.array([[1, 0], [0, 0]])
    scores = score(("A", "B"), labels, np.array([[0.9, 0.1], [0.2, 0.1]]), np.full(2, 0.5))
    means = scores.means()
    assert means["mean_auc"] == 1 and means["balanced_accuracy"] == 1 and means["accuracy"] == 1
    assert means["macro_f1"] == 0.5 and np.isnan(scores.named("B").auc)


def test_calibration_error_by_hand():
    # In the bin of 0.9: said 0.9, true 0.5; in the bin of 0.1: said 0.1, true 0.
    label, said = np.array([1, 0, 0, 0]), np.array([0.9, 0.9, 0.1, 0.1])
    assert calibration_error(label, said) == pytest.approx((2 * 0.4 + 2 * 0.1) / 4)


def test_platt_undoes_a_known_distortion():
    rng = np.random.default_rng(0)
    true = rng.uniform(0.02, 0.98, (40_000, 1))
    labels = (rng.random(true.shape) < true).astype(int)
    logit = np.log(true / (1 - true))
    raw = 1 / (1 + np.exp(-(0.5 * logit + 1)))  # too timid, and shifted to yes
    seen = Predictions(raw, labels)
    slope, offset = fit_platt(seen, seen, labels.mean(axis=0))
    assert slope[0] == pytest.approx(2.0, abs=0.1) and offset[0] == pytest.approx(-2.0, abs=0.1)
    assert calibration_error(labels[:, 0], calibrated(raw, slope, offset)[:, 0]) < 0.01


def test_probabilities_suit_the_prevalence_asked_for():
    """Photos with too few yeses, as one of CelebA's splits has, still give the true level."""
    rng = np.random.default_rng(0)
    true = rng.beta(1, 2, (60_000, 1))
    labels = (rng.random(true.shape) < true).astype(int)
    fewer = (labels[:, 0] == 0) | (rng.random(len(labels)) < 0.4)
    val, train = Predictions(true[fewer], labels[fewer]), Predictions(true, labels)
    slope, offset = fit_platt(val, train, labels.mean(axis=0))
    assert calibration_error(labels[:, 0], calibrated(true, slope, offset)[:, 0]) < 0.01
    slope, offset = fit_platt(val, train, labels[fewer].mean(axis=0))
    assert calibration_error(labels[:, 0], calibrated(true, slope, offset)[:, 0]) > 0.05


def test_what_few_photos_tell_is_drawn_towards_what_the_training_photos_say():
    rng = np.random.default_rng(3)
    timid, level = rng.uniform(0.5, 0.9, 12), rng.normal(0, 0.4, 12)  # by attribute

    def predictions(count, timider):
        logit = rng.normal(-1, 1.5, (count, 12))
        labels = (rng.random(logit.shape) < 1 / (1 + np.exp(-logit))).astype(int)
        return Predictions(1 / (1 + np.exp(-(timider * timid * logit + level))), labels)

    val, train = predictions(300, 1.0), predictions(5_000, 0.8)
    share = val.labels.mean(axis=0)
    slope, offset = fit_platt(val, train, share)
    # One attribute by itself has nothing to be drawn towards.
    alone = [fit_platt(only(val, i), only(train, i), share[[i]]) for i in range(12)]
    alone_slope, alone_offset = np.concatenate(alone, axis=1)
    true_slope, true_offset = 1 / timid, -level / timid

    def error(found, true):
        return float(np.sqrt(np.mean((found - true) ** 2)))

    assert error(slope, true_slope) < 0.7 * error(alone_slope, true_slope)
    assert error(offset, true_offset) < 0.8 * error(alone_offset, true_offset)


def only(seen: Predictions, attribute: int) -> Predictions:
    return Predictions(seen.raw[:, [attribute]], seen.labels[:, [attribute]])


def test_too_few_positives_are_not_fitted():
    seen = Predictions(np.full((50, 1), 0.3), np.eye(50)[:, :1])
    slope, offset = fit_platt(seen, seen, np.array([0.3]))
    assert (slope[0], offset[0]) == (1, 0)


def test_the_report_marks_the_chosen_weight():
    rng = np.random.default_rng(2)
    raw = rng.beta(0.4, 3, (2000, 2))
    labels = (rng.random(raw.shape) < raw).astype(int)
    seen = Predictions(raw, labels)
    lines = report(("a", "b"), seen, seen, labels.mean(axis=0))
    assert lines[1].startswith("none") and sum("<- chosen" in line for line in lines) == 1
    assert len(lines) == 1 + 3 + 1 + len(WEIGHTS)


@given(st.floats(0.001, 0.999), st.floats(0, 2))
def test_thresholds_lie_between_the_prevalence_and_a_half(prevalence, weight):
    (threshold,) = cost_thresholds(np.array([prevalence]), weight)
    low, high = sorted((prevalence, 0.5))
    assert low - 1e-6 <= threshold <= high + 1e-6


def test_no_weight_on_balance_is_one_half():
    np.testing.assert_allclose(cost_thresholds(np.array([0.02, 0.5, 0.9]), 0), 0.5)


def test_the_threshold_maximises_what_it_says():
    rng = np.random.default_rng(1)
    probability = rng.beta(0.5, 4, 200_000)
    label = rng.random(200_000) < probability
    weight, share = 0.5, label.mean()

    def worth(threshold):
        said = probability >= threshold
        balanced = (said[label].mean() + (~said[~label]).mean()) / 2
        return (said == label).mean() + weight * balanced

    (best,) = cost_thresholds(np.array([share]), weight)
    assert worth(best) > max(worth(best - 0.08), worth(best + 0.08))


def test_the_operating_point_gives_up_little_accuracy_for_much_balance():
    rng = np.random.default_rng(2)
    raw = rng.beta(0.4, 3, (4000, 5))
    labels = (rng.random(raw.shape) < raw).astype(int)
    seen = Predictions(raw, labels)
    slope, offset, threshold, weight = operating_point(seen, seen, labels.mean(axis=0))
    assert weight > 0
    names = tuple("abcde")
    probabilities = calibrated(raw, slope, offset)
    plain = score(names, labels, probabilities, np.full(5, 0.5)).means()
    tuned = score(names, labels, probabilities, threshold).means()
    assert tuned["accuracy"] >= plain["accuracy"] - 0.003
    assert tuned["balanced_accuracy"] > plain["balanced_accuracy"]
    assert tuned["macro_f1"] > plain["macro_f1"]


@given(st.lists(st.tuples(st.floats(0.3, 3), st.floats(1e-4, 1)), min_size=2, max_size=40))
def test_estimates_are_drawn_towards_each_other_and_never_past(pairs):
    values, variances = np.array(pairs).T
    steady = shrink(values, variances)
    assert values.min() - 1e-9 <= steady.min() and steady.max() <= values.max() + 1e-9


def test_little_known_slopes_give_way_to_well_known_ones():
    values = np.array([0.8, 1.0, 1.2, 2.5])
    steady = shrink(values, np.array([0.001, 0.001, 0.001, 1.0]))
    np.testing.assert_allclose(steady[:3], values[:3], atol=0.02)
    assert 1.0 < steady[3] < 1.3
    # Nothing but chance between them: one slope for all.
    rng = np.random.default_rng(0)
    alike = shrink(1 + 0.1 * rng.standard_normal(40), np.full(40, 0.02))
    assert np.ptp(alike) < 0.01
