"""Smooth one person's probabilities in time, and the yes or no that is read from them."""

import numpy as np

# Mean difference of the probabilities beyond which two crops show two people: from one frame to the
# next it stays below 0.07 for one person, and a cut from one portrait to another makes 0.28.
ANOTHER = 0.2
# Fewer attributes do not tell two people apart: a smile alone moves three of them from 0 to 1.
ENOUGH = 20


def logit(probability: np.ndarray) -> np.ndarray:
    """Return log-odds, finite for 0 and 1 too."""
    inside = np.clip(probability.astype(np.float64), 1e-6, 1 - 1e-6)
    return np.log(inside / (1 - inside))


def sigmoid(log_odds: np.ndarray) -> np.ndarray:
    """Return probabilities, float32."""
    return (1 / (1 + np.exp(-log_odds))).astype(np.float32)


class ProbabilitySmoother:
    """What is believed of one person's attributes: a running mean of the evidence's log-odds.

    thresholds: the card's, (attributes,) 0..1. settle_s: how long evidence takes to count for two
    thirds; shorter flickers, longer shows a smile late. margin: log-odds past its threshold that an
    attribute must be before what is said of it changes; lower flickers, higher sticks.
    """

    def __init__(self, thresholds: np.ndarray, settle_s: float = 0.3, margin: float = 0.5):
        self._settle_s, self._margin = settle_s, margin
        self._at = logit(thresholds)
        self._log_odds: np.ndarray | None = None
        self._present: np.ndarray | None = None
        self._last_s = 0.0

    def add(self, probabilities: np.ndarray, now_s: float, weight: float = 1.0) -> None:
        """Take what the network said of a crop; weight 0..1 is how much the crop is worth."""
        fresh = logit(probabilities)
        if self._log_odds is None:
            self._log_odds = fresh
        else:
            passed = max(now_s - self._last_s, 0.0) / max(self._settle_s, 1e-6)
            self._log_odds += (1 - np.exp(-weight * passed)) * (fresh - self._log_odds)
        self._last_s = now_s
        # The decision of long ago decides only where the evidence is within the margin.
        self._present = self._log_odds >= self._threshold()

    def contradicts(self, probabilities: np.ndarray) -> bool:
        """Whether a crop says so much else that it must be of another person, as after a cut."""
        if self._log_odds is None or len(probabilities) < ENOUGH:
            return False
        return bool(np.abs(probabilities - self.probabilities).mean() > ANOTHER)

    @property
    def probabilities(self) -> np.ndarray:
        """What is believed now, float32 (attributes,); call `add` before."""
        return sigmoid(self._log_odds)

    @property
    def thresholds(self) -> np.ndarray:
        """From where on an attribute is said now, (attributes,): lower for what is being said."""
        return sigmoid(self._threshold())

    def _threshold(self) -> np.ndarray:
        if self._present is None:
            return self._at
        return self._at + np.where(self._present, -self._margin, self._margin)
