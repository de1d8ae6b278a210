"""Say how well embeddings tell people apart: same or not, and who of those enrolled.

Arrays of faces: identities, int (n,); embeddings, float32 (n, 128). Scores are those of the
gallery (device/recognition), but go below 0. Intervals are of 95 %, by resampling whole groups
(identities, galleries), for their pairs depend on one another.
"""

import bisect
from dataclasses import dataclass

import numpy as np

from device.recognition.gallery import Gallery, score, template
from device.recognition.store import EnrolledPerson
from device.types import UNKNOWN
from train.celeba import DataError
from train.measuring.embeddings import Faces

RESAMPLED = 2000


@dataclass(frozen=True)
class Share:
    """A share of many trials, with its interval."""

    value: float  # 0..1
    low: float
    high: float
    count: int  # of trials
    of: int

    def __str__(self) -> str:
        return f"{100 * self.value:.2f} % ({100 * self.low:.2f} to {100 * self.high:.2f})"


def share(hits: np.ndarray, trials: np.ndarray, seed: int = 0) -> Share:
    """Return the share of hits among trials, each counted per group, int (groups,)."""
    picked = np.random.default_rng(seed).integers(0, len(hits), (RESAMPLED, len(hits)))
    shares = hits[picked].sum(axis=1) / np.maximum(trials[picked].sum(axis=1), 1)
    low, high = np.quantile(shares, (0.025, 0.975))
    total = int(trials.sum())
    value = float(hits.sum() / max(total, 1))
    return Share(value, float(low), float(high), int(hits.sum()), total)


@dataclass(frozen=True)
class Pairs:
    """Pairs of faces and how alike they are."""

    first: np.ndarray  # int (pairs,): a face's number
    second: np.ndarray  # int (pairs,)
    score: np.ndarray  # float32 (pairs,): 1 less the distance
    same: np.ndarray  # bool (pairs,): whether the labels say that it is one person


def all_pairs(identities: np.ndarray, embeddings: np.ndarray) -> Pairs:
    """Return every pair of different faces once."""
    first, second = np.triu_indices(len(identities), 1)
    score = _score_table(embeddings)[first, second]
    return Pairs(first, second, score, identities[first] == identities[second])


def balanced_pairs(identities: np.ndarray, embeddings: np.ndarray, seed: int = 0) -> Pairs:
    """Return every pair of one person, and for each its first face with a stranger's."""
    rng = np.random.default_rng(seed)
    first, second = np.triu_indices(len(identities), 1)
    same = identities[first] == identities[second]
    first, second = first[same], second[same]
    other = rng.integers(0, len(identities), len(first))
    while (again := identities[other] == identities[first]).any():
        other[again] = rng.integers(0, len(identities), again.sum())
    both = np.concatenate([first, first]), np.concatenate([second, other])
    score = 1 - np.linalg.norm(embeddings[both[0]] - embeddings[both[1]], axis=1)
    return Pairs(*both, score, np.repeat((True, False), len(first)))


def _score_table(embeddings: np.ndarray) -> np.ndarray:
    """Return all scores, float32 (n, n)."""
    squares = (embeddings**2).sum(axis=1)
    squared = squares[:, None] + squares - 2 * embeddings @ embeddings.T
    return 1 - np.sqrt(np.maximum(squared, 0))


def best_score(pairs: Pairs) -> float:
    """Return the least score at which most pairs are rightly told."""
    order = np.argsort(pairs.score)
    right = pairs.same.sum() + np.cumsum(np.where(pairs.same[order], -1, 1))
    best = min(int(right.argmax()), len(order) - 2)
    return float(pairs.score[order][best : best + 2].mean())


def errors(pairs: Pairs, least: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the false accepts and the false rejects at these least scores, shares 0..1."""
    strangers, own = np.sort(pairs.score[~pairs.same]), np.sort(pairs.score[pairs.same])
    accepted = 1 - np.searchsorted(strangers, least, "left") / max(len(strangers), 1)
    return accepted, np.searchsorted(own, least, "left") / max(len(own), 1)


def accuracy(pairs: Pairs, identities: np.ndarray, least: float) -> Share:
    """Return the share of pairs that are rightly told to be of one person or not."""
    return _by_identity((pairs.score >= least) == pairs.same, identities[pairs.first])


def false_accepts(identities: np.ndarray, embeddings: np.ndarray, least: float) -> Share:
    """Return the share of strangers' pairs that are taken for one person.

    The interval is by resampling people, each with all their pairs: a few whom the network confuses
    with many others make most of the errors.
    """
    _, person = np.unique(identities, return_inverse=True)
    people = person.max() + 1
    member = np.eye(people, dtype=np.float32)[person]
    taken = member.T @ (_score_table(embeddings) >= least).astype(np.float32) @ member
    pairs = np.outer(member.sum(axis=0), member.sum(axis=0))
    for table in (taken, pairs):
        np.fill_diagonal(table, 0)
    drawn = np.random.default_rng(0).multinomial(people, np.full(people, 1 / people), RESAMPLED)
    drawn = drawn.astype(np.float32)
    compared = np.maximum(((drawn @ pairs) * drawn).sum(axis=1), 1)
    shares = ((drawn @ taken) * drawn).sum(axis=1) / compared
    low, high = np.quantile(shares, (0.025, 0.975))
    count, of = int(taken.sum()) // 2, int(pairs.sum()) // 2
    return Share(count / max(of, 1), float(low), float(high), count, of)


def min_score(identities: np.ndarray, embeddings: np.ndarray, most: float) -> float:
    """Return the lowest score, to 0.01, whose false accepts are below `most` for nearly any people.

    That is, the upper end of their 95 % interval is at most `most`, 0..1. The share itself would
    do for these people, and be too high for every second group of others.
    """

    def strict(step: int) -> bool:
        return false_accepts(identities, embeddings, step / 100).high <= most

    return bisect.bisect_left(range(101), True, key=strict) / 100


def _by_identity(hits: np.ndarray, identities: np.ndarray) -> Share:
    _, group = np.unique(identities, return_inverse=True)
    return share(np.bincount(group, hits).astype(int), np.bincount(group))


def odd_ones(identities: np.ndarray, embeddings: np.ndarray, least: float) -> np.ndarray:
    """Return which faces are unlike all others of their label, which agree: bool (n,).

    Their label is most likely wrong, or the face can hardly be known.
    """
    odd = np.zeros(len(identities), bool)
    for identity in np.unique(identities):
        (own,) = np.nonzero(identities == identity)
        alike = _score_table(embeddings[own]) >= least
        np.fill_diagonal(alike, False)
        friends = alike.sum(axis=1)
        agreeing = friends * 2 >= len(own) - 1
        if agreeing.sum() >= 3:
            odd[own[friends == 0]] = True
    return odd


@dataclass(frozen=True)
class Named:
    """What galleries of known people make of everybody's faces."""

    right: Share  # of the known people's other faces: their own name
    mistaken: Share  # of those: another known person's name
    missed: Share  # of those: no name
    wrong: Share  # of strangers' faces: a name
    wrong_at_all: Share  # of all faces: another name than their own


def identify(
    identities: np.ndarray,
    embeddings: np.ndarray,
    clear: np.ndarray,
    least: float,
    known: int = 5,
    photos: int = 2,
    seed: int = 0,
) -> Named:
    """Enrol `known` people with `photos` photos each, and name all other faces; again with others.

    clear: bool (n,), the faces that can be enrolled; the others have no name. Everybody with
    enough clear faces is enrolled in one gallery, so that these do not depend on one another.
    Raises DataError where nobody has.
    """
    rng = np.random.default_rng(seed)
    enrollable = [
        identity
        for identity in rng.permutation(np.unique(identities))
        if clear[identities == identity].sum() > photos
    ]
    if not enrollable:
        raise DataError(f"nobody has more than {photos} photos with a clear face")
    known = min(known, len(enrollable))
    tallies = []
    for start in range(0, len(enrollable) - known + 1, known):
        chosen = enrollable[start : start + known]
        shown = [
            rng.permutation(np.nonzero((identities == one) & clear)[0])[:photos] for one in chosen
        ]
        people = [
            EnrolledPerson(str(one), None, embeddings[own])
            for one, own in zip(chosen, shown, strict=True)
        ]
        gallery = Gallery(people, least)
        rest = np.setdiff1d(np.arange(len(identities)), np.concatenate(shown))
        said = np.array(
            [gallery.match(embeddings[[n]]).name if clear[n] else UNKNOWN for n in rest], object
        )
        true = np.array([str(one) for one in identities[rest]], object)
        is_known, named = np.isin(identities[rest], chosen), said != UNKNOWN
        right = is_known & (said == true)
        tallies.append(
            (
                right.sum(),
                (is_known & named & ~right).sum(),
                (is_known & ~named).sum(),
                is_known.sum(),
                (~is_known & named).sum(),
                (~is_known).sum(),
            )
        )
    right, mistaken, missed, own, wrong, strangers = np.array(tallies).T
    return Named(
        share(right, own),
        share(mistaken, own),
        share(missed, own),
        share(wrong, strangers),
        share(wrong + mistaken, strangers + own),
    )


def known_at(own: Faces, seen: Faces, least: float) -> Share:
    """Return the share of seen faces that are known by their people's other clear photos."""
    hits = []
    for photo, identity, found, face in zip(
        seen.photos, seen.identities, seen.found, seen.embeddings, strict=True
    ):
        others = (own.identities == identity) & own.clear & (np.array(own.photos) != photo)
        if not others.any():
            continue
        person = template(own.embeddings[others])
        hits.append(found and score(template(face[None]), person) >= least)
    return share(np.array(hits, int), np.ones(len(hits), int))
