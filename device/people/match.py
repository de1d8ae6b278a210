"""Whose face an embedding is: the most similar known person's, if it is similar enough."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from device.people.embedding import unit
from device.people.file import Known
from device.types import UNKNOWN


@dataclass(frozen=True)
class Match:
    """Who a face is."""

    name: str  # UNKNOWN where nobody is similar enough
    score: float  # 0..1: similarity to the most similar one, 0 where nobody is known


def similarity(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the cosine of embeddings of length 1, (..., 128) with (n, 128): (..., n), -1..1."""
    return one @ other.T


class Gallery:
    """Everybody known, ready to be compared.

    least: similarity from which a face has a name; lower names strangers, higher names nobody.
    """

    def __init__(self, people: Sequence[Known], least: float):
        self.names = tuple(one.name for one in people)
        self._least = least
        self._templates = np.array([template(one.templates) for one in people], np.float32)

    def match(self, embedding: np.ndarray) -> Match:
        """Return whose an embedding is, float32 (128,) of length 1."""
        if not self.names:
            return Match(UNKNOWN, 0.0)
        scores = similarity(embedding, self._templates)
        best = int(scores.argmax())
        score = float(np.clip(scores[best], 0, 1))
        return Match(self.names[best] if score >= self._least else UNKNOWN, score)


def template(embeddings: np.ndarray) -> np.ndarray:
    """Return what a person's (n, 128) embeddings have in common, (128,) of length 1."""
    return unit(embeddings.mean(axis=0))
