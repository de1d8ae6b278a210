"""Whose face it is: the most similar known person's, if that one is similar enough.

Embeddings are compared by their Euclidean distance, which dlib's network was trained for; a score
is 1 less that distance. Several pictures of a person are compared by their mean, which is nearer to
everybody's embeddings than a single picture's is: what it is nearer by is added again, so that one
least score holds for any number of pictures.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..types import UNKNOWN
from .store import EnrolledPerson

# Mean squared distance of a person's embeddings from their middle, over validation photos. Pictures
# that lie further apart get no more for it, or whoever varies most would be known worst.
SPREAD = 0.08


@dataclass(frozen=True)
class Match:
    """Who a face is."""

    name: str  # UNKNOWN where nobody is similar enough
    score: float  # 0..1: to the most similar one, 0 where nobody is known


@dataclass(frozen=True, eq=False)
class Template:
    """What pictures of one person have in common."""

    mean: np.ndarray  # float32 (128,)
    spread: float  # what the mean is nearer by than each picture, squared distance


def template(embeddings: np.ndarray) -> Template:
    """Return the template of a person's (n, 128) embeddings."""
    mean = embeddings.mean(axis=0)
    apart = float(((embeddings - mean) ** 2).sum(axis=1).mean())
    return Template(mean, min(apart, SPREAD * (1 - 1 / len(embeddings))))


def score(one: Template, other: Template) -> float:
    """Return how similar two templates are, 0..1."""
    squared = float(((one.mean - other.mean) ** 2).sum()) + one.spread + other.spread
    return max(0.0, 1 - squared**0.5)


class Gallery:
    """Everybody known, ready to be compared.

    min_score: from which a face has a name; lower names strangers, higher names nobody.
    """

    def __init__(self, people: Sequence[EnrolledPerson], min_score: float):
        self.names = tuple(one.name for one in people)
        self._min_score = min_score
        self._templates = [template(one.templates) for one in people]

    def match(self, embeddings: np.ndarray) -> Match:
        """Return whose embeddings these are: float32 (looks, 128), all of one face."""
        face = template(embeddings)
        scores = [score(face, one) for one in self._templates]
        if not scores:
            return Match(UNKNOWN, 0.0)
        best = int(np.argmax(scores))
        named = scores[best] >= self._min_score
        return Match(self.names[best] if named else UNKNOWN, scores[best])
