"""Whose face an embedding is: the most similar known person's, if it is similar enough.

Embeddings are compared by their Euclidean distance, which dlib's network was trained for; a score
is 1 less that distance, 0 at least.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from device.people.file import Known
from device.types import UNKNOWN


@dataclass(frozen=True)
class Match:
    """Who a face is."""

    name: str  # UNKNOWN where nobody is similar enough
    score: float  # 0..1: to the most similar one, 0 where nobody is known


def scores(one: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return how similar one embedding, (128,), is to each of (n, 128): float32 (n,), 0..1."""
    return np.maximum(0, 1 - np.linalg.norm(others - one, axis=1))


class Gallery:
    """Everybody known, ready to be compared.

    min_score: from which a face has a name; lower names strangers, higher names nobody.
    """

    def __init__(self, people: Sequence[Known], min_score: float):
        self.names = tuple(one.name for one in people)
        self._min_score = min_score
        self._templates = np.array([template(one.templates) for one in people], np.float32)

    def match(self, embedding: np.ndarray) -> Match:
        """Return whose an embedding is, float32 (128,)."""
        if not self.names:
            return Match(UNKNOWN, 0.0)
        every = scores(embedding, self._templates)
        best = int(every.argmax())
        score = float(every[best])
        return Match(self.names[best] if score >= self._min_score else UNKNOWN, score)


def template(embeddings: np.ndarray) -> np.ndarray:
    """Return what a person's (n, 128) embeddings have in common: their mean, (128,)."""
    return embeddings.mean(axis=0)
