"""Log-odds and probabilities."""

import numpy as np


def logit(probability: np.ndarray) -> np.ndarray:
    """Return log-odds, float64, of probabilities 0..1; finite for 0 and 1 too."""
    inside = np.clip(probability.astype(np.float64), 1e-6, 1 - 1e-6)
    return np.log(inside / (1 - inside))


def sigmoid(log_odds: np.ndarray) -> np.ndarray:
    """Return probabilities, float32, of log-odds."""
    return (1 / (1 + np.exp(-log_odds))).astype(np.float32)
