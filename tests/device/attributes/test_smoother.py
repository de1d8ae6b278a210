"""Probabilities that do not flicker, and true changes that show."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.attributes.smoother import ProbabilitySmoother
from device.numeric import logit, sigmoid

THRESHOLD = np.array([0.4])


def told(series, rate_hz=30, **settings):
    """Return [(probability, said)] for evidence of one attribute, in frames."""
    steady, out = ProbabilitySmoother(THRESHOLD, **settings), []
    for n, value in enumerate(series):
        steady.add(np.array([value]), n / rate_hz)
        probability = steady.probabilities[0]
        out.append((float(probability), bool(probability >= steady.thresholds[0])))
    return out


@given(st.floats(0, 1))
def test_the_first_crop_is_taken_as_it_is(value):
    steady = ProbabilitySmoother(THRESHOLD)
    steady.add(np.array([value]), 7.0)
    assert steady.probabilities[0] == pytest.approx(value, abs=2e-6)


def test_log_odds_and_back():
    p = np.array([0.0, 0.001, 0.5, 1.0])
    np.testing.assert_allclose(sigmoid(logit(p)), p, atol=2e-6)


def test_a_flicker_around_the_threshold_does_not_show():
    rng = np.random.default_rng(0)
    noise = np.clip(0.4 + rng.normal(0, 0.12, 600), 0.01, 0.99)
    plain = noise >= THRESHOLD[0]
    said = np.array([present for _, present in told(noise)])
    assert np.count_nonzero(np.diff(plain)) > 20 * max(1, np.count_nonzero(np.diff(said)))


@pytest.mark.parametrize("rate_hz", [5, 30, 120])
def test_a_true_change_shows_within_half_a_second_at_any_rate(rate_hz):
    before, after = [0.05] * rate_hz, [0.95] * rate_hz
    said = [present for _, present in told(before + after, rate_hz)]
    shown = said.index(True) - rate_hz
    assert 0 <= shown / rate_hz <= 0.5


def test_what_is_steady_does_not_depend_on_the_rate():
    rising = [told([0.1] + [0.9] * rate, rate)[-1][0] for rate in (5, 30, 120)]
    np.testing.assert_allclose(rising, rising[0], atol=0.01)


def test_a_poor_crop_counts_less():
    good, poor = ProbabilitySmoother(THRESHOLD), ProbabilitySmoother(THRESHOLD)
    for one, weight in ((good, 1.0), (poor, 0.2)):
        one.add(np.array([0.1]), 0.0)
        one.add(np.array([0.9]), 0.2, weight)
    assert good.probabilities[0] > poor.probabilities[0] > 0.1


def test_another_person_in_the_same_place_is_noticed():
    thresholds, person = np.full(40, 0.5), np.tile([0.05, 0.95], 20)
    steady = ProbabilitySmoother(thresholds)
    assert not steady.contradicts(person)
    steady.add(person, 0.0)
    smiles = person.copy()
    smiles[:4] = 1 - smiles[:4]  # with its cheeks and open mouth
    assert not steady.contradicts(smiles)
    assert steady.contradicts(person[::-1])


def test_what_is_said_stays_said_within_the_margin():
    steady = ProbabilitySmoother(THRESHOLD, settle_s=0.0, margin=0.5)
    steady.add(np.array([0.45]), 0.0)
    assert steady.thresholds[0] < 0.4  # present, so it takes more to take it back
    steady.add(np.array([0.35]), 1.0)
    assert steady.probabilities[0] >= steady.thresholds[0]
    steady.add(np.array([0.2]), 2.0)
    assert steady.probabilities[0] < steady.thresholds[0] and steady.thresholds[0] > 0.4
