"""Smooth one track's probabilities over time, and decide with hysteresis which are present."""

import numpy as np

from ..numeric import logit, sigmoid

# Mean difference of the probabilities beyond which two crops show two persons: from one frame to
# the next it stays below 0.07 for one person; a cut from one portrait to another makes 0.28.
SWITCH_THRESHOLD = 0.2
# Fewer attributes do not separate two persons: a smile alone moves three of them from 0 to 1.
MIN_ATTRIBUTES = 20


class ProbabilitySmoother:
    """An exponential moving average of the log-odds.

    thresholds: the card's, (attributes,) 0..1. smoothing_s: time constant; lower flickers, higher
    lags. hysteresis: log-odds past its threshold at which an attribute's decision changes; lower
    flickers, higher sticks.
    """

    def __init__(self, thresholds: np.ndarray, smoothing_s: float = 0.3, hysteresis: float = 0.5):
        self._smoothing_s, self._hysteresis = smoothing_s, hysteresis
        self._base = logit(thresholds)
        self._log_odds: np.ndarray | None = None
        self._present: np.ndarray | None = None
        self._last_s = 0.0

    def add(self, probabilities: np.ndarray, now_s: float, weight: float = 1.0) -> None:
        """Add one crop's probabilities, (attributes,); weight 0..1: the crop's quality."""
        new = logit(probabilities)
        if self._log_odds is None:
            self._log_odds = new
        else:
            elapsed = max(now_s - self._last_s, 0.0) / max(self._smoothing_s, 1e-6)
            self._log_odds += (1 - np.exp(-weight * elapsed)) * (new - self._log_odds)
        self._last_s = now_s
        # The former decision stands only where the evidence is within the hysteresis.
        self._present = self._log_odds >= self._threshold()

    def is_identity_switch(self, probabilities: np.ndarray) -> bool:
        """Whether a crop differs so much that it must show another person, as after a cut."""
        if self._log_odds is None or len(probabilities) < MIN_ATTRIBUTES:
            return False
        return bool(np.abs(probabilities - self.probabilities).mean() > SWITCH_THRESHOLD)

    @property
    def probabilities(self) -> np.ndarray:
        """The smoothed probabilities, float32 (attributes,); call `add` before."""
        assert self._log_odds is not None
        return sigmoid(self._log_odds)

    @property
    def thresholds(self) -> np.ndarray:
        """The thresholds in effect, (attributes,): lower for attributes that are present."""
        return sigmoid(self._threshold())

    def _threshold(self) -> np.ndarray:
        if self._present is None:
            return self._base
        return self._base + np.where(self._present, -self._hysteresis, self._hysteresis)
