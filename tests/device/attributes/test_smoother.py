"""Smoothed probabilities do not flicker, and true changes show soon."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.attributes.smoother import MIN_ATTRIBUTES, ProbabilitySmoother
from device.numeric import logit, sigmoid

THRESHOLD = np.array([0.4])


def smoothed(series, rate_hz=30, **settings):
    """Return [(probability, present)] of one attribute, for a value a frame."""
    smoother, out = ProbabilitySmoother(THRESHOLD, **settings), []
    for n, value in enumerate(series):
        smoother.add(np.array([value]), n / rate_hz)
        probability = smoother.probabilities[0]
        out.append((float(probability), bool(probability >= smoother.thresholds[0])))
    return out


@given(st.floats(0, 1))
def test_the_first_crops_probabilities_are_taken_unchanged(value):
    smoother = ProbabilitySmoother(THRESHOLD)
    smoother.add(np.array([value]), 7.0)
    assert smoother.probabilities[0] == pytest.approx(value, abs=2e-6)


def test_log_odds_and_back():
    p = np.array([0.0, 0.001, 0.5, 1.0])
    np.testing.assert_allclose(sigmoid(logit(p)), p, atol=2e-6)


def test_noise_around_the_threshold_does_not_flicker():
    rng = np.random.default_rng(0)
    noise = np.clip(0.4 + rng.normal(0, 0.12, 600), 0.01, 0.99)
    raw = noise >= THRESHOLD[0]
    present = np.array([present for _, present in smoothed(noise)])
    assert np.count_nonzero(np.diff(raw)) > 20 * max(1, np.count_nonzero(np.diff(present)))


@pytest.mark.parametrize("rate_hz", [5, 30, 120])
def test_a_true_change_shows_within_half_a_second_at_any_rate(rate_hz):
    before, after = [0.05] * rate_hz, [0.95] * rate_hz
    present = [present for _, present in smoothed(before + after, rate_hz)]
    frames_late = present.index(True) - rate_hz
    assert 0 <= frames_late / rate_hz <= 0.5


def test_smoothing_does_not_depend_on_the_rate():
    rising = [smoothed([0.1] + [0.9] * rate, rate)[-1][0] for rate in (5, 30, 120)]
    np.testing.assert_allclose(rising, rising[0], atol=0.01)


def test_a_crop_of_low_weight_counts_less():
    good, poor = ProbabilitySmoother(THRESHOLD), ProbabilitySmoother(THRESHOLD)
    for smoother, weight in ((good, 1.0), (poor, 0.2)):
        smoother.add(np.array([0.1]), 0.0)
        smoother.add(np.array([0.9]), 0.2, weight)
    assert good.probabilities[0] > poor.probabilities[0] > 0.1


def test_another_person_in_the_same_place_is_an_identity_switch():
    thresholds, person = np.full(40, 0.5), np.tile([0.05, 0.95], 20)
    smoother = ProbabilitySmoother(thresholds)
    assert not smoother.is_identity_switch(person)  # nobody was there before
    smoother.add(person, 0.0)
    smiling = person.copy()
    smiling[:4] = 1 - smiling[:4]  # with its cheeks and open mouth
    assert not smoother.is_identity_switch(smiling)
    assert smoother.is_identity_switch(person[::-1])


@pytest.mark.parametrize("count, expected", [(MIN_ATTRIBUTES - 1, False), (MIN_ATTRIBUTES, True)])
def test_few_attributes_do_not_separate_two_persons(count, expected):
    smoother = ProbabilitySmoother(np.full(count, 0.5))
    smoother.add(np.full(count, 0.05), 0.0)
    assert smoother.is_identity_switch(np.full(count, 0.95)) == expected


def test_a_decision_stands_within_the_hysteresis():
    smoother = ProbabilitySmoother(THRESHOLD, smoothing_s=0.0, hysteresis=0.5)
    smoother.add(np.array([0.45]), 0.0)
    assert smoother.thresholds[0] < 0.4  # present: it takes more to become absent
    smoother.add(np.array([0.35]), 1.0)
    assert smoother.probabilities[0] >= smoother.thresholds[0]
    smoother.add(np.array([0.2]), 2.0)
    assert smoother.probabilities[0] < smoother.thresholds[0] and smoother.thresholds[0] > 0.4
