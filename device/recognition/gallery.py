"""Match a face against the enrolled people: the most similar one, if similar enough.

A score is 1 minus the Euclidean distance of two embeddings, the distance that dlib's network was
trained for. Several pictures of a person are compared by their mean, which is closer to any
embedding, another person's too, than a single picture's is. The score subtracts this gain, so that
one threshold holds for any number of pictures.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..types import UNKNOWN
from .store import EnrolledPerson

# Mean squared distance of a person's embeddings from their mean, over validation photos. It caps
# the correction, or the people whose pictures vary most would match worst.
MAX_SPREAD = 0.08


@dataclass(frozen=True)
class Match:
    """The result of a comparison with all enrolled people."""

    name: str  # UNKNOWN if no score reaches the threshold
    score: float  # 0..1, of the most similar person; 0 if the gallery is empty


@dataclass(frozen=True, eq=False)
class Template:
    """The embeddings of one person, or of one track, summarized."""

    mean: np.ndarray  # float32 (128,)
    spread: float  # squared distance by which the mean is closer to any embedding than one is


def template(embeddings: np.ndarray) -> Template:
    """Return the template of one person's (n, 128) embeddings."""
    mean = embeddings.mean(axis=0)
    variance = float(((embeddings - mean) ** 2).sum(axis=1).mean())
    return Template(mean, min(variance, MAX_SPREAD * (1 - 1 / len(embeddings))))


def score(first: Template, second: Template) -> float:
    """Return the similarity of two templates, 0..1."""
    squared = float(((first.mean - second.mean) ** 2).sum()) + first.spread + second.spread
    return max(0.0, 1 - float(squared**0.5))


class Gallery:
    """The templates of the enrolled people.

    min_score: lowest score, 0..1, at which a face gets a name; lower: more false accepts, higher:
    more false rejects.
    """

    def __init__(self, people: Sequence[EnrolledPerson], min_score: float):
        self.names = tuple(person.name for person in people)
        self._min_score = min_score
        self._templates = [template(person.templates) for person in people]

    def match(self, embeddings: np.ndarray) -> Match:
        """Return the match of a face by its embeddings, float32 (n, 128)."""
        probe = template(embeddings)
        scores = [score(probe, enrolled) for enrolled in self._templates]
        if not scores:
            return Match(UNKNOWN, 0.0)
        best = int(np.argmax(scores))
        accepted = scores[best] >= self._min_score
        return Match(self.names[best] if accepted else UNKNOWN, scores[best])
