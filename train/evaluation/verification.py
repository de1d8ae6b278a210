"""Face verification and identification by embeddings: same person or not, and which person.

Arrays of faces: identities, int (n,); embeddings, float32 (n, 128). Scores are those of the
device's gallery, but can be negative. Intervals are 95 %, by resampling whole groups (identities,
galleries), because their pairs are not independent.
"""

import bisect
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from device.recognition.gallery import Gallery, score, template
from device.recognition.store import EnrolledPerson
from device.types import UNKNOWN
from train.data.split import DataError
from train.evaluation.embeddings import EmbeddedFaces
from train.evaluation.metrics import percent_interval

RESAMPLES = 2000
AGREED = datetime.fromtimestamp(0, UTC)  # any: a gallery does not use it


@dataclass(frozen=True)
class Share:
    """A share of trials, with its 95 % interval."""

    value: float  # 0..1
    low: float
    high: float
    count: int  # hits
    of: int  # trials

    def __str__(self) -> str:
        return percent_interval(self.value, self.low, self.high, digits=2)


def share(hits: np.ndarray, trials: np.ndarray, seed: int = 0) -> Share:
    """Return the share of hits among trials, each counted per group, int (groups,)."""
    drawn = np.random.default_rng(seed).integers(0, len(hits), (RESAMPLES, len(hits)))
    shares = hits[drawn].sum(axis=1) / np.maximum(trials[drawn].sum(axis=1), 1)
    low, high = np.quantile(shares, (0.025, 0.975))
    total = int(trials.sum())
    value = float(hits.sum() / max(total, 1))
    return Share(value, float(low), float(high), int(hits.sum()), total)


@dataclass(frozen=True)
class Pairs:
    """Pairs of faces and their similarity."""

    first: np.ndarray  # int (pairs,): index of a face
    second: np.ndarray  # int (pairs,)
    score: np.ndarray  # float32 (pairs,): 1 - distance
    same: np.ndarray  # bool (pairs,): whether both have the same identity


def all_pairs(identities: np.ndarray, embeddings: np.ndarray) -> Pairs:
    """Return every pair of different faces once."""
    first, second = np.triu_indices(len(identities), 1)
    score = _score_table(embeddings)[first, second]
    return Pairs(first, second, score, identities[first] == identities[second])


def balanced_pairs(identities: np.ndarray, embeddings: np.ndarray, seed: int = 0) -> Pairs:
    """Return every pair of the same person, and for each, its first face with another person's."""
    rng = np.random.default_rng(seed)
    first, second = np.triu_indices(len(identities), 1)
    same = identities[first] == identities[second]
    first, second = first[same], second[same]
    impostor = rng.integers(0, len(identities), len(first))
    while (invalid := identities[impostor] == identities[first]).any():
        impostor[invalid] = rng.integers(0, len(identities), invalid.sum())
    left, right = np.concatenate([first, first]), np.concatenate([second, impostor])
    score = 1 - np.linalg.norm(embeddings[left] - embeddings[right], axis=1)
    return Pairs(left, right, score, np.repeat((True, False), len(first)))


def _score_table(embeddings: np.ndarray) -> np.ndarray:
    """Return all scores, float32 (n, n)."""
    squares = (embeddings**2).sum(axis=1)
    squared = squares[:, None] + squares - 2 * embeddings @ embeddings.T
    return 1 - np.sqrt(np.maximum(squared, 0))


def best_score(pairs: Pairs) -> float:
    """Return the threshold with the most correct decisions."""
    order = np.argsort(pairs.score)
    correct = pairs.same.sum() + np.cumsum(np.where(pairs.same[order], -1, 1))
    best = min(int(correct.argmax()), len(order) - 2)
    return float(pairs.score[order][best : best + 2].mean())


def errors(pairs: Pairs, thresholds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return false accepts and false rejects at these thresholds, shares 0..1."""
    impostor, genuine = np.sort(pairs.score[~pairs.same]), np.sort(pairs.score[pairs.same])
    accepts = 1 - np.searchsorted(impostor, thresholds, "left") / max(len(impostor), 1)
    return accepts, np.searchsorted(genuine, thresholds, "left") / max(len(genuine), 1)


def accuracy(pairs: Pairs, identities: np.ndarray, threshold: float) -> Share:
    """Return the share of pairs that are correctly decided to be of one person or not."""
    return _by_identity((pairs.score >= threshold) == pairs.same, identities[pairs.first])


def false_accepts(identities: np.ndarray, embeddings: np.ndarray, threshold: float) -> Share:
    """Return the share of impostor pairs (of two people) that are accepted as one person.

    The interval is by resampling people, each with all their pairs: a few people who resemble many
    others make most of the errors.
    """
    _, person = np.unique(identities, return_inverse=True)
    people = person.max() + 1
    member = np.eye(people, dtype=np.float32)[person]
    accepted = member.T @ (_score_table(embeddings) >= threshold).astype(np.float32) @ member
    pairs = np.outer(member.sum(axis=0), member.sum(axis=0))
    for table in (accepted, pairs):
        np.fill_diagonal(table, 0)
    drawn = np.random.default_rng(0).multinomial(people, np.full(people, 1 / people), RESAMPLES)
    drawn = drawn.astype(np.float32)
    compared = np.maximum(((drawn @ pairs) * drawn).sum(axis=1), 1)
    shares = ((drawn @ accepted) * drawn).sum(axis=1) / compared
    low, high = np.quantile(shares, (0.025, 0.975))
    count, of = int(accepted.sum()) // 2, int(pairs.sum()) // 2
    return Share(count / max(of, 1), float(low), float(high), count, of)


def min_score(identities: np.ndarray, embeddings: np.ndarray, max_accepts: float) -> float:
    """Return the lowest threshold, to 0.01, with at most `max_accepts` false accepts, 0..1.

    It holds for the upper end of their 95 % interval: the share itself would be exceeded by every
    second group of other people.
    """

    def is_strict(step: int) -> bool:
        return false_accepts(identities, embeddings, step / 100).high <= max_accepts

    return bisect.bisect_left(range(101), True, key=is_strict) / 100


def _by_identity(hits: np.ndarray, identities: np.ndarray) -> Share:
    _, group = np.unique(identities, return_inverse=True)
    return share(np.bincount(group, hits).astype(int), np.bincount(group))


def find_outliers(identities: np.ndarray, embeddings: np.ndarray, threshold: float) -> np.ndarray:
    """Return the faces that match no other face of their identity, while those match: bool (n,).

    Their label is probably wrong, or the face is hardly recognizable.
    """
    outliers = np.zeros(len(identities), bool)
    for identity in np.unique(identities):
        (members,) = np.nonzero(identities == identity)
        matching = _score_table(embeddings[members]) >= threshold
        np.fill_diagonal(matching, False)
        matches = matching.sum(axis=1)
        consistent = matches * 2 >= len(members) - 1
        if consistent.sum() >= 3:
            outliers[members[matches == 0]] = True
    return outliers


@dataclass(frozen=True)
class Identification:
    """Names given to faces by galleries of enrolled people."""

    correct: Share  # of the enrolled people's other faces: their own name
    confused: Share  # of those: another enrolled person's name
    missed: Share  # of those: no name
    false_names: Share  # of other people's faces: a name
    wrong_names: Share  # of all faces: a name other than their own


def identify(
    identities: np.ndarray,
    embeddings: np.ndarray,
    clear: np.ndarray,
    threshold: float,
    people: int = 5,
    photos: int = 2,
    seed: int = 0,
) -> Identification:
    """Enrol `people` people with `photos` photos each, name all other faces, and repeat.

    clear: bool (n,), the faces that can be enrolled; the others get no name. Each person with
    enough clear faces is enrolled in one gallery, so the galleries are independent. Raises
    DataError if no person has enough.
    """
    rng = np.random.default_rng(seed)
    enrollable = [
        identity
        for identity in rng.permutation(np.unique(identities))
        if clear[identities == identity].sum() > photos
    ]
    if not enrollable:
        raise DataError(
            f"no person has more than {photos} photos with a clear face", "--data with more photos"
        )
    people = min(people, len(enrollable))
    tallies = [
        _tally(identities, embeddings, clear, threshold, photos, enrollable[n : n + people], rng)
        for n in range(0, len(enrollable) - people + 1, people)
    ]
    correct, confused, missed, own, false_names, others = np.array(tallies).T
    return Identification(
        correct=share(correct, own),
        confused=share(confused, own),
        missed=share(missed, own),
        false_names=share(false_names, others),
        wrong_names=share(false_names + confused, others + own),
    )


def _tally(
    identities: np.ndarray,
    embeddings: np.ndarray,
    clear: np.ndarray,
    threshold: float,
    photos: int,
    enrolled: list,
    rng: np.random.Generator,
) -> tuple[int, ...]:
    """Return counts for one gallery, in the order that `identify` unpacks."""
    samples = [
        rng.permutation(np.nonzero((identities == person) & clear)[0])[:photos]
        for person in enrolled
    ]
    gallery = Gallery(
        [
            EnrolledPerson(str(person), AGREED, embeddings[rows])
            for person, rows in zip(enrolled, samples, strict=True)
        ],
        threshold,
    )
    rest = np.setdiff1d(np.arange(len(identities)), np.concatenate(samples))
    named = np.array(
        [gallery.match(embeddings[[n]]).name if clear[n] else UNKNOWN for n in rest], object
    )
    true_names = np.array([str(identity) for identity in identities[rest]], object)
    is_enrolled, has_name = np.isin(identities[rest], enrolled), named != UNKNOWN
    correct = is_enrolled & (named == true_names)
    return (
        correct.sum(),
        (is_enrolled & has_name & ~correct).sum(),
        (is_enrolled & ~has_name).sum(),
        is_enrolled.sum(),
        (~is_enrolled & has_name).sum(),
        (~is_enrolled).sum(),
    )


def recognized_share(reference: EmbeddedFaces, probes: EmbeddedFaces, threshold: float) -> Share:
    """Return the share of probes that match the other clear photos of the same person."""
    hits = []
    for photo, identity, detected, embedding in zip(
        probes.photos, probes.identities, probes.detected, probes.embeddings, strict=True
    ):
        same = reference.identities == identity
        rows = same & reference.clear & (np.array(reference.photos) != photo)
        if not rows.any():
            continue
        person = template(reference.embeddings[rows])
        hits.append(detected and score(template(embedding[None]), person) >= threshold)
    return share(np.array(hits, int), np.ones(len(hits), int))
