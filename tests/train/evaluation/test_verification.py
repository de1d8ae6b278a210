"""Verification and identification on embeddings with known answers."""

import numpy as np
import pytest

from train.evaluation import verification as v

RNG = np.random.default_rng(0)


def faces(people=20, photos=5, apart=0.2):
    """Return identities and embeddings of people 1.4 or more apart, photos about `apart`."""
    middles = RNG.normal(0, 0.13, (people, 128))
    off = RNG.normal(0, apart / np.sqrt(2 * 128), (people, photos, 128))
    embeddings = (middles[:, None] + off).reshape(-1, 128).astype(np.float32)
    return np.repeat(np.arange(people) + 100, photos), embeddings


def test_all_pairs_once_and_their_scores():
    embeddings = np.zeros((3, 128), np.float32)
    embeddings[1, 0], embeddings[2, 1] = 0.3, 0.4
    pairs = v.all_pairs(np.array([7, 7, 8]), embeddings)
    found = list(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
    assert found == [(0, 1), (0, 2), (1, 2)] and pairs.same.tolist() == [True, False, False]
    np.testing.assert_allclose(pairs.score, [0.7, 0.6, 0.5], atol=1e-6)


def test_balanced_pairs_are_half_of_one_person_and_never_mislabelled():
    identities, embeddings = faces()
    pairs = v.balanced_pairs(identities, embeddings)
    assert pairs.same.sum() == 20 * 10 == (~pairs.same).sum()
    assert ((identities[pairs.first] == identities[pairs.second]) == pairs.same).all()
    assert v.accuracy(pairs, identities, 0.4).value == 1
    assert v.accuracy(pairs, identities, 2.0).value == 0.5


def test_the_least_score_is_safe_for_nearly_any_people():
    rng = np.random.default_rng(4)
    identities = np.repeat(np.arange(60), 3)
    embeddings = rng.normal(0, 0.09, (180, 30)).astype(np.float32)
    for most in (0.2, 0.02):
        least = v.min_score(identities, embeddings, most)
        assert v.false_accepts(identities, embeddings, least).high <= most
        assert v.false_accepts(identities, embeddings, least - 0.01).high > most


def test_the_best_score_parts_what_can_be_parted():
    score = np.array([0.1, 0.2, 0.3, 0.6, 0.7], np.float32)
    same = np.array([False, False, True, True, True])
    assert v.best_score(v.Pairs(score, score, score, same)) == pytest.approx(0.25)
    score = np.array([0.1, 0.2, 0.3, 0.4, 0.6, 0.7], np.float32)
    same = np.array([False, True, False, False, True, True])
    assert v.best_score(v.Pairs(score, score, score, same)) == pytest.approx(0.5)


def test_errors_on_both_sides():
    score = np.array([0.2, 0.5, 0.4, 0.8], np.float32)
    pairs = v.Pairs(score, score, score, np.array([False, False, True, True]))
    accepted, rejected = v.errors(pairs, np.array([0.0, 0.45, 0.9]))
    assert accepted.tolist() == [1, 0.5, 0] and rejected.tolist() == [0, 0.5, 1]


def test_false_accepts_count_strangers_once_and_a_confusing_person_widens_them():
    identities, embeddings = faces(10, 2)
    none = v.false_accepts(identities, embeddings, 0.6)
    assert (none.count, none.of, none.high) == (0, 10 * 9 // 2 * 4, 0)
    embeddings[2:4] = embeddings[0:2]  # the second person's twin
    twins = v.false_accepts(identities, embeddings, 0.6)
    assert (twins.count, twins.of) == (4, 180) and twins.low == 0 and twins.high > 2 * twins.value


def test_an_interval_is_as_wide_as_whole_groups_differ():
    alike = v.share(np.full(100, 5), np.full(100, 10))
    assert (alike.value, alike.low, alike.high) == (0.5, 0.5, 0.5)
    apart = v.share(np.tile((0, 10), 50), np.full(100, 10))
    assert apart.value == 0.5 and apart.low == pytest.approx(0.4, abs=0.03)
    assert str(v.share(np.array([1]), np.array([4]))) == "25.00 % (25.00 to 25.00)"


def test_a_wrong_label_is_the_odd_one_and_a_hard_person_is_not():
    identities, embeddings = faces(4)
    embeddings[2] = embeddings[17] + 0.001  # of another person
    embeddings[10:15] = RNG.normal(0, 0.13, (5, 128))  # nobody agrees with anybody
    assert np.nonzero(v.find_outliers(identities, embeddings, 0.5))[0].tolist() == [2]


def test_people_are_named_and_strangers_are_not():
    identities, embeddings = faces(23)
    clear = np.ones(len(identities), bool)
    named = v.identify(identities, embeddings, clear, 0.5)
    assert (named.correct.value, named.correct.of) == (1, 4 * 5 * 3)  # 20 of 23 in galleries of 5
    assert named.false_names.value == 0 and named.false_names.of == 4 * 18 * 5
    lenient = v.identify(identities, embeddings, clear, -9.0)
    assert (
        lenient.correct.value == 1
        and lenient.false_names.value == 1
        and lenient.confused.value == 0
    )
    strict = v.identify(identities, embeddings, clear, 1.1)
    assert strict.missed.value == 1 and strict.wrong_names.value == 0


def test_a_face_that_is_not_clear_is_neither_enrolled_nor_named():
    identities, embeddings = faces(10)
    clear = np.tile((True, True, True, False, False), 10)
    named = v.identify(identities, embeddings, clear, 0.5)
    assert named.correct.count == 10 and named.correct.of == 30 and named.missed.count == 20
